"""The `grader` command as an instructor meets it: exit codes, tables, going on after a stop, reports, refusals."""

import json
import os
import re
import shlex
import shutil
import subprocess
import zipfile

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from grader.__main__ import app
from grader.authors.catalogue import MISTAKES
from grader.book.nbgrader_course import ROOT, NbgraderError, database, filled_in, nbgrader, release, solutions, submit
from grader.classes import batch, records
from grader.submission import jail
from tests import corpora, forks

UNIT = "01_operators"
pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = corpora.make_course(tmp_path_factory.mktemp("command") / "course", [UNIT])
    wrong = MISTAKES["layernorm-unbiased"]
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
        assert re.search(r"unreadable\s+ungraded\s+10 unanswered", result.stdout)
        assert "unreadable is ungraded: " in result.stderr
        page = batch.page_of(course, UNIT, "unreadable").read_text()
        assert "Nothing could be graded" in page
        assert "layernorm: no verdict, and no zero" in page
        assert "0 of" not in page
        assert run("report", UNIT, "--course", course).exit_code == 0
        report = (course / f"report_{UNIT}.html").read_text()
        for fact in ("submissions</dt><dd>4", "ungraded</dt><dd>1", "lowest</dt><dd>30 (94 %)", "highest</dt><dd>32 (100 %)"):
            assert fact in report
        assert re.search(r"<td data-value=.unreadable.>unreadable</td>(<td.*?</td>)+<td[^>]*>10 ungraded</td>", report)
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
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *more: None if name == "bwrap" else which(name, *more))
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


def test_the_report_is_one_page_with_links_to_the_feedback_that_there_is(course, tmp_path):
    page = tmp_path / "report.html"
    assert run("report", UNIT, "--course", course, "--output", page).exit_code == 0
    text = page.read_text()
    assert "<a href" not in text
    for heading in ("Distribution", "Exercises", "Most common mistakes", "Ungraded", "Repairs", "Students"):
        assert f"<h2>{heading}</h2>" in text
    there = copied(course, tmp_path)
    feedback = there / "feedback" / "middle" / UNIT / "operators.html"
    feedback.parent.mkdir(parents=True)
    feedback.touch()
    assert run("report", UNIT, "--course", there).exit_code == 0
    assert f'<a href="feedback/middle/{UNIT}/operators.html">middle</a>' in (there / f"report_{UNIT}.html").read_text()
    nothing = run("report", UNIT, "--course", tmp_path, "--output", page)
    assert nothing.exit_code == 2
    assert "nothing of 01_operators is graded" in nothing.stderr.replace("\n", " ")


def copied(course, tmp_path):
    """The graded course, to spoil."""
    if not (course / ".grader").exists():
        run("autograde", UNIT, "--course", course)
    return shutil.copytree(course, tmp_path / "course", symlinks=True)


def test_a_gradebook_that_is_gone_or_new_gets_what_was_graded_before(course, tmp_path):
    there = copied(course, tmp_path)
    before = corpora.in_gradebook(there, UNIT)
    (there / "gradebook.db").unlink()
    fresh: list[str] = []
    students = batch.students_of(there, UNIT)
    batch.autograde(there, UNIT, students, batch.Options(), lambda record, new: fresh.append(record.student) if new else None)
    assert fresh == []
    assert corpora.in_gradebook(there, UNIT) == {student: before[student] for student in students}


def test_a_folder_whose_name_is_no_text_stops_nobody(course, tmp_path):
    there = copied(course, tmp_path)
    odd = there / "submitted" / os.fsdecode(b"J\xfcrgen") / UNIT
    shutil.copytree(there / "submitted" / "middle" / UNIT, odd)
    result = run("autograde", UNIT, "--course", there)
    assert result.exit_code == 1
    assert r"'J\udcfcrgen' is not graded" in result.stderr
    assert re.search(r"middle\s+\d+ / 32", result.stdout)


def test_a_time_of_submission_that_cannot_be_read_is_told(course, tmp_path):
    there = copied(course, tmp_path)
    (there / "submitted" / "middle" / UNIT / "timestamp.txt").write_text("yesterday")
    result = run("autograde", UNIT, "--course", there, "--json", "--student", "middle")
    (record,) = json.loads(result.stdout)
    assert record["repairs"] == ["its timestamp.txt cannot be read, so it counts as submitted in time"]
    assert not (there / "autograded" / "middle" / UNIT / "timestamp.txt").exists()


def test_points_that_the_gradebook_does_not_have_are_refused(course, tmp_path):
    there = copied(course, tmp_path)
    with Gradebook(database(there)) as gradebook:
        gradebook.find_grade_cell("check_div", "operators", UNIT).max_score = 2
        gradebook.db.commit()
    result = run("autograde", UNIT, "--course", there)
    assert result.exit_code == 2
    assert "the gradebook has 2 points for div, its check gives 3" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("spoil", "command"),
    [
        (lambda course: (course / "nbgrader_config.py").write_text("c = ("), "autograde"),
        (lambda course: (course / "gradebook.db").write_text("nothing of the kind"), "autograde"),
        (lambda course: (course / "limits.toml").write_text("[default"), "autograde"),
        (lambda course: (course / "gradebook.db").write_text("nothing of the kind"), "export"),
        (lambda course: (course / f"report_{UNIT}.html").mkdir(), "report"),
    ],
)
def test_a_course_folder_in_disorder_exits_2_with_a_sentence(course, tmp_path, spoil, command):
    there = copied(course, tmp_path)
    (there / f"report_{UNIT}.html").unlink(missing_ok=True)
    spoil(there)
    result = run(command, UNIT, "--course", there, *(["--to", "csv"] if command == "export" else []))
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.output


def test_nbgraders_command_sees_a_resubmission_and_loses_no_page(course, tmp_path):
    there = copied(course, tmp_path)
    path = submit(there, "middle", UNIT, filled_in(release(there, UNIT), {}))
    path.with_name("timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    nbgrader(there, "autograde", UNIT)
    assert sum(corpora.in_gradebook(there, UNIT)["middle"].values()) == 0
    assert (there / "autograded" / "middle" / UNIT / "timestamp.txt").read_text() == "2026-03-01 12:00:00 UTC"
    pages = sorted((there / "autograded").rglob("*.ipynb"))
    (there / "limits.toml").write_text("[default")
    with pytest.raises(NbgraderError, match="is not TOML"):
        nbgrader(there, "autograde", UNIT, "--force")
    assert sorted((there / "autograded").rglob("*.ipynb")) == pages


def test_the_demo_empties_no_folder_of_somebody_elses(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    result = run("demo", "--folder", tmp_path)
    assert result.exit_code == 2
    assert (tmp_path / "thesis.txt").exists()


def test_the_readmes_commands_for_instructors_work_as_they_stand(tmp_path):
    """In a copy of what is committed, with one submission."""
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "class.csv").write_text('Student,ID,SIS Login ID\n"Lovelace, Ada",4711,somebody\n')
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as canvas:
        canvas.writestr("lovelaceada_4711_99_operators.ipynb", nbformat.writes(filled_in(release(tmp_path, UNIT), solutions(UNIT))))
    blocks = re.findall(r"^```\w*\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    commands = [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if re.match(r"(nbgrader|grader) ", line)]
    commands.sort(key=lambda command: command == "grader doctor")
    assert len(commands) >= 12
    with forks.commands(tmp_path) as run_there:
        for command in commands:
            done = run_there(*shlex.split(command))
            assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert run_there("grader", "report", "99_nothing").returncode == 2
    assert corpora.in_gradebook(tmp_path, UNIT)["somebody"]["matmul"] == 5
    assert "Score: 32.0" in (tmp_path / "feedback" / "somebody" / UNIT / "operators.html").read_text()
    assert (tmp_path / "release" / UNIT / "operators.ipynb").read_text() == (ROOT / "release" / UNIT / "operators.ipynb").read_text()
