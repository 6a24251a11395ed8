"""The `grader` command as an instructor meets it: exit codes, tables, going on after a stop, reports, refusals."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from grader import batch, jail, records
from grader.__main__ import app
from grader.mistakes import CATALOGUE
from grader.nbgrader_course import ROOT, filled_in, release, solutions, submit
from tests import corpora

UNIT = "01_operators"
pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = corpora.make_course(tmp_path_factory.mktemp("command") / "course", [UNIT])
    wrong = CATALOGUE["layernorm-unbiased"]
    answers = {**solutions(UNIT), "layernorm": wrong.cell(solutions(UNIT)["layernorm"]).replace("### ", "# ")}
    submit(folder, "middle", UNIT, filled_in(release(folder, UNIT), answers))
    return folder


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_graded_class_is_shown_with_points_and_reasons_and_exits_0(course):
    result = run("autograde", UNIT, "--course", course)
    assert result.exit_code == 0
    assert re.search(r"middle\s+30 / 32\s+1 wrong", result.stdout)


def test_json_is_all_that_is_printed_when_asked_for(course):
    result = run("autograde", UNIT, "--course", course, "--json", "--student", "middle")
    (record,) = json.loads(result.stdout)
    assert (record["student"], record["questions"]["layernorm"]["points"], record["jailed"]) == ("middle", 4, True)


def test_ungraded_submissions_exit_1_and_wait_for_a_person(course):
    path = submit(course, "unreadable", UNIT, nbformat.v4.new_notebook())
    path.write_bytes(b"\x00\xff not a notebook")
    try:
        result = run("autograde", UNIT, "--course", course)
        assert result.exit_code == 1
        assert "10 unanswered" in result.stdout
        page = batch.page_of(course, UNIT, "unreadable").read_text()
        assert "Nothing could be graded" in page
    finally:
        shutil.rmtree(course / "submitted" / "unreadable")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("99_nothing",), "there is no unit '99_nothing'; the units are 01_operators"),
        ((UNIT, "--student", "nobody"), "no submission of nobody"),
        (("02_evaluator",), "no submission of anybody"),
    ],
)
def test_what_cannot_run_exits_2_and_says_why(course, arguments, message):
    result = run("autograde", *arguments, "--course", course)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")


def test_without_bubblewrap_it_refuses_unless_told_in_so_many_words(course, monkeypatch):
    monkeypatch.setattr(jail, "bubblewrap", lambda: None)
    refused = run("autograde", UNIT, "--course", course, "--force")
    assert refused.exit_code == 2
    assert "apt install bubblewrap" in refused.stderr
    unjailed = run("autograde", UNIT, "--course", course, "--no-jail", "--student", "middle")
    assert unjailed.exit_code == 0
    assert "(no jail)" in unjailed.stdout
    assert records.load(course, UNIT, "middle").jailed is False
    assert "graded without a jail" in batch.page_of(course, UNIT, "middle").read_text()


def test_a_run_that_was_stopped_goes_on_where_it_was(course, tmp_path):
    interrupted = tmp_path / "course"
    shutil.copytree(course, interrupted, ignore=shutil.ignore_patterns(".grader", "autograded"))
    students = batch.students_of(interrupted, UNIT)
    seen: list[str] = []

    def stop_after_the_first(record, fresh):
        seen.append(record.student)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.autograde(interrupted, UNIT, students, batch.Options(), stop_after_the_first)
    fresh: list[str] = []
    graded = batch.autograde(
        interrupted, UNIT, students, batch.Options(), lambda record, new: fresh.append(record.student) if new else None
    )
    assert fresh == students[1:]
    run("autograde", UNIT, "--course", course)
    assert corpora.in_gradebook(interrupted, UNIT) == corpora.in_gradebook(course, UNIT)
    assert [record.points for record in graded] == [32, 30, 32]


def test_a_changed_submission_is_graded_again_and_the_others_are_not(course):
    run("autograde", UNIT, "--course", course)
    students = batch.students_of(course, UNIT)
    submit(course, "middle", UNIT, filled_in(release(course, UNIT), solutions(UNIT)))
    fresh: list[str] = []
    batch.autograde(course, UNIT, students, batch.Options(), lambda record, new: fresh.append(record.student) if new else None)
    assert fresh == ["middle"]
    assert corpora.in_gradebook(course, UNIT)["middle"]["layernorm"] == 6


def test_the_report_is_a_page_with_figures(course, tmp_path):
    page = tmp_path / "report.html"
    assert run("report", UNIT, "--course", course, "--output", page).exit_code == 0
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 2
    for heading in ("Most common mistakes", "Ungraded", "Repairs", "Students"):
        assert f"<h2>{heading}</h2>" in text
    assert run("report", UNIT, "--course", tmp_path, "--output", page).exit_code == 0
    assert "Nothing has been graded yet" in page.read_text()


def test_the_readmes_commands_for_instructors_work_as_they_stand(tmp_path):
    """In a copy of what is committed, with one submission."""
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    submit(tmp_path, "somebody", UNIT, filled_in(release(tmp_path, UNIT), solutions(UNIT)))
    blocks = re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if re.match(r"(nbgrader|grader) ", line)]
    assert len(commands) >= 6
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands:
        words = [sys.executable, "-m", *command.split()]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert corpora.in_gradebook(tmp_path, UNIT)["somebody"]["matmul"] == 5
    assert "Score: 32.0" in (tmp_path / "feedback" / "somebody" / UNIT / "operators.html").read_text()
    assert (tmp_path / "release" / UNIT / "operators.ipynb").read_text() == (ROOT / "release" / UNIT / "operators.ipynb").read_text()
