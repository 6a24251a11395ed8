"""Grading again: more direct hints, late penalties, and a staging area in which to see what a changed check would move."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from typer.testing import CliRunner

from autodiff_lib.checks.known import direct
from grader import batch, engine, jail, records, regrade
from grader.__main__ import app
from grader.limits import Limits
from grader.mistakes import CATALOGUE
from grader.nbgrader_course import CONFIG, database, filled_in, release, settings, submit
from grader.work import Graded
from grader.writer import Writer
from tests.test_workers import UNIT, answers, empty_course, pages, plain, rows

pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")
UNBIASED = "layernorm-unbiased"


@pytest.fixture(scope="module")
def warm():
    with jail.open_jail(UNIT, Limits()) as warm:
        yield warm


@pytest.fixture(autouse=True)
def one_jail(warm, monkeypatch):
    """The same warm jail for everything here: it takes seconds to start one."""
    monkeypatch.setattr(batch, "open_jail", lambda *arguments: contextlib.nullcontext(warm))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return empty_course(tmp_path_factory.mktemp("regrade") / "course")


def submits(course: Path, student: str, *mistakes: str) -> None:
    submit(course, student, UNIT, filled_in(release(course, UNIT), answers(*mistakes)))


def grade(course: Path, student: str, **options: bool) -> records.Record:
    (record,) = batch.autograde(course, UNIT, [student], batch.Options(**options))
    return record


def stage(course: Path, *students: str) -> set[str]:
    """Who was graded into the staging area, and not left as they were there."""
    fresh: set[str] = set()
    regrade.stage(course, UNIT, list(students), batch.Options(), lambda record, new: fresh.add(record.student) if new else None)
    return fresh


def run(course: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments, "--course", str(course)], env={"COLUMNS": "200"})
    return result.exit_code, result.stdout + result.stderr


# --- a mistake that is made again


def test_a_mistake_made_again_gets_a_direct_hint_and_grading_it_again_says_the_same(empty):
    sentence = direct(CATALOGUE[UNBIASED].what)
    submits(empty, "stubborn", UNBIASED)
    first = grade(empty, "stubborn")
    assert first.questions["layernorm"].mistake == UNBIASED
    assert sentence not in pages(empty)["stubborn"]
    assert plain(grade(empty, "stubborn", force=True)) == plain(first)
    submits(empty, "stubborn", UNBIASED, "sqrt-sign")
    second = grade(empty, "stubborn")
    page = pages(empty)["stubborn"]
    assert second.questions["layernorm"].hint == f"{first.questions['layernorm'].hint} {sentence}"
    assert sentence in page
    assert direct(CATALOGUE["sqrt-sign"].what) not in page  # made for the first time
    assert plain(grade(empty, "stubborn", force=True)) == plain(second)
    assert pages(empty)["stubborn"] == page


# --- staging


@pytest.fixture
def course(empty):
    """`lucky` was graded by an older grader, which did not see the mistake in layernorm; a person has looked at two questions."""
    shutil.rmtree(records.folder_of(empty, UNIT, staging=True), ignore_errors=True)
    submits(empty, "lucky", UNBIASED)
    submits(empty, "right")
    with pytest.MonkeyPatch.context() as patch:
        graded = engine.grade
        patch.setattr(engine, "grade", lambda *arguments: blind(graded(*arguments)))
        patch.setattr(records, "question_hash", lambda unit, name, secret: "older")
        for module in (engine, records):
            patch.setattr(module, "version", lambda unit: "older")
        batch.autograde(empty, UNIT, ["lucky", "right"], batch.Options(force=True))
    with Gradebook(database(empty)) as book:
        for name, points in (("check_layernorm", 5.5), ("check_sqrt", 1)):
            book.find_grade(name, "operators", UNIT, "lucky").manual_score = points
        book.db.commit()
    return empty


def blind(result: engine.Result) -> engine.Result:
    """What a judge says that finds nothing wrong with layernorm."""
    verdict = result.verdicts["layernorm"]
    parts = tuple(replace(part, points=part.max_points, failure=None) for part in verdict.parts)
    result.verdicts["layernorm"] = replace(verdict, parts=parts)
    return result


def test_what_a_changed_check_would_move_is_shown_and_nothing_counts_until_it_is_published(course):
    before = rows(database(course)), pages(course), records.load(course, UNIT, "lucky")
    assert before[0]["lucky"]["grades"]["check_layernorm"][0] == 6
    code, output = run(course, "regrade", UNIT, "--student", "lucky", "--student", "right", "--jobs", "1")
    assert code == 0
    assert f"1 question would move. To make it count: grader regrade 01_operators --course {course} --student lucky" in output
    (move,) = regrade.moves(course, UNIT)
    assert (move.student, move.question, move.before, move.after) == ("lucky", "layernorm", 6, 4)
    assert move.why.startswith("the question, or what judges it, has changed; wrong: ")
    assert move.why.endswith(" (a score by hand stands)")
    assert (rows(database(course)), pages(course), records.load(course, UNIT, "lucky")) == before

    assert run(course, "regrade", UNIT, "--publish") == (0, "01_operators: 2 submissions published\n")
    after = rows(database(course))["lucky"]["grades"]
    assert after["check_layernorm"] == (4, 5.5, True)  # a person's points stay
    assert after["check_sqrt"][1] == 1
    assert records.load(course, UNIT, "lucky").version == engine.version(UNIT)
    assert pages(course)["lucky"] != before[1]["lucky"]
    assert batch.unchanged(course, UNIT, "lucky", batch.Options()) is not None
    assert records.load_all(course, UNIT, staging=True) == []
    assert "Nothing would move." in run(course, "regrade", UNIT, "--student", "lucky", "--jobs", "1")[1]


def test_staging_goes_on_where_it_was(course):
    assert stage(course, "lucky") == {"lucky"}
    assert stage(course, "lucky", "right") == {"right"}


def test_what_moves_is_told_with_its_reason(course):
    stage(course, "lucky")
    staged = records.load(course, UNIT, "lucky", staging=True)
    changes: dict[str, Callable[[records.Record], records.Record]] = {
        "another submission; wrong: ": lambda record: replace(record, digest="another"),
        "graded in a jail now; wrong: ": lambda record: with_hashes_of(staged, replace(record, jailed=False)),
        "the limits have changed; wrong: ": lambda record: with_hashes_of(staged, replace(record, limits="others")),
        "nothing has changed: it answers differently from run to run; wrong: ": lambda record: with_hashes_of(staged, record),
    }
    original = records.load(course, UNIT, "lucky")
    for why, change in changes.items():
        records.save(course, change(original))
        assert [move.why[: len(why)] for move in regrade.moves(course, UNIT)] == [why]
    records.path_of(course, UNIT, "lucky").unlink()
    assert {move.why.split(";")[0] for move in regrade.moves(course, UNIT)} == {"not graded before"}
    found = json.loads(run(course, "regrade", UNIT, "--student", "lucky", "--json", "--jobs", "1")[1])
    assert {(move["before"], move["after"]) for move in found if move["question"] == "layernorm"} == {(None, 4)}


def with_hashes_of(other: records.Record, record: records.Record) -> records.Record:
    questions = {name: replace(question, hash=other.questions[name].hash) for name, question in record.questions.items()}
    return replace(record, questions=questions)


def test_only_those_named_are_published_and_the_others_stay_staged(course):
    stage(course, "lucky", "right")
    before = rows(database(course))
    assert run(course, "regrade", UNIT, "--student", "right", "--publish") == (0, "01_operators: 1 submissions published\n")
    assert rows(database(course)) == before
    assert [record.student for record in records.load_all(course, UNIT, staging=True)] == ["lucky"]
    code, output = run(course, "regrade", UNIT, "--student", "right", "--publish")
    assert (code, "nothing is staged of right" in output) == (2, True)
    assert json.loads(run(course, "regrade", UNIT, "--publish", "--json")[1]) == ["lucky"]


def test_whoever_takes_a_submission_back_does_not_hold_up_the_others(course):
    stage(course, "lucky", "right")
    away = (course / "submitted" / "lucky").rename(course / "away")
    try:
        assert run(course, "regrade", UNIT, "--publish")[0] == 2
        assert stage(course, "right") == set()
        assert run(course, "regrade", UNIT, "--publish")[0] == 0
    finally:
        away.rename(course / "submitted" / "lucky")


def test_publishing_nothing_or_what_is_no_longer_so_is_refused(course):
    code, output = run(course, "regrade", UNIT, "--publish")
    assert code == 2
    assert "nothing is staged for 01_operators: run `grader regrade 01_operators` first" in output
    stage(course, "lucky", "right")
    submits(course, "lucky", "sqrt-sign")
    before = rows(database(course))
    code, output = run(course, "regrade", UNIT, "--publish")
    assert code == 2
    assert "lucky: changed since it was staged; run `grader regrade 01_operators` again" in output
    assert rows(database(course)) == before


def test_what_moves_is_told_where_the_gradebook_does_not_know_the_unit(tmp_path):
    submit(tmp_path, "somebody", UNIT, new_notebook()).write_text("nothing")
    stage(tmp_path, "somebody")
    Gradebook(database(tmp_path)).close()
    assert list(regrade.moves(tmp_path, UNIT)) == []


def test_staging_makes_no_gradebook(tmp_path):
    """Nor does it need one: whoever only looks changes nothing."""
    submit(tmp_path, "somebody", UNIT, new_notebook()).write_text("nothing")
    assert stage(tmp_path, "somebody") == {"somebody"}
    assert records.load(tmp_path, UNIT, "somebody", staging=True).problem
    assert sorted(path.name for path in tmp_path.iterdir()) == [".grader", "submitted"]


# --- late submissions

HOURLY = """
from nbgrader.plugins import LateSubmissionPlugin

class Hourly(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {rule}

c = get_config()
c.AssignLatePenalties.plugin_class = Hourly
"""
ZERO = "c = get_config()\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
DUE = "2026-03-01 12:00:00 UTC"
NEXT_DAY = "2026-03-02 12:00:00 UTC"


@pytest.fixture
def late_rule(empty):
    """Writes a configuration into the course folder, for as long as the test lasts; the unit has a due date."""
    with Gradebook(database(empty)) as book:
        book.update_or_create_assignment(UNIT, duedate=DUE)
    yield (empty / CONFIG).write_text
    (empty / CONFIG).unlink()


@pytest.mark.parametrize(
    ("config", "timestamp", "penalties"),
    [
        pytest.param(HOURLY.format(rule="total_seconds_late // 3600"), "2026-03-01 15:30:00.25 UTC", (3, 3), id="a point an hour"),
        pytest.param(HOURLY.format(rule="total_seconds_late // 3600"), "2026-03-01 11:59:00 UTC", (None, None), id="in time"),
        pytest.param(HOURLY.format(rule="0.5 * score"), NEXT_DAY, (16, 14), id="half of the points"),
        pytest.param(HOURLY.format(rule="-5"), NEXT_DAY, (0, 0), id="less than nothing"),
        pytest.param(HOURLY.format(rule="1000"), NEXT_DAY, (32, 28), id="more than there is"),
        pytest.param(HOURLY.format(rule="None"), NEXT_DAY, (None, None), id="let off"),
        pytest.param(ZERO, NEXT_DAY, (32, 28), id="nbgrader's own rule"),
        pytest.param("c = get_config()\n", NEXT_DAY, (None, None), id="no rule"),
    ],
)
def test_being_late_costs_what_nbgraders_plugin_says(empty, late_rule, config, timestamp, penalties):
    """For a right submission, and for one that takes its place and has a mistake; `stock` is nbgrader's own step."""
    found, stock = [], []
    late_rule(config)
    for mistakes in ((), ("matmul-unreduced",)):
        submits(empty, "late", *mistakes)
        (empty / "submitted" / "late" / UNIT / "timestamp.txt").write_text(timestamp)
        assert run(empty, "autograde", UNIT, "--student", "late", "--jobs", "1")[0] == 0
        found += rows(database(empty))["late"]["penalties"]
        stocks_penalty(empty, "late")
        stock += rows(database(empty))["late"]["penalties"]
    assert tuple(found) == tuple(stock) == penalties


def stocks_penalty(course: Path, student: str) -> None:
    """Nbgrader's own step writes its penalty in place of ours."""
    names = {"notebook": "operators", "assignment": UNIT, "student": student, "db_url": database(course)}
    AssignLatePenalties(config=settings(course)).preprocess(new_notebook(), ResourcesDict(nbgrader=names))


def test_one_writer_takes_penalties_off_the_points_of_now(empty, late_rule):
    """Several results for the same student over one connection: what it remembers of the first must not count."""
    late_rule(ZERO)
    submits(empty, "quick")
    record = grade(empty, "quick")
    submitted = batch.submission(empty, UNIT, "quick")
    (submitted / "timestamp.txt").write_text(NEXT_DAY)
    worse = replace(record, questions={**record.questions, "matmul": replace(record.questions["matmul"], points=1.0)})
    with Writer(empty, database(empty), UNIT) as writer:
        for one, expected in ((record, 32), (worse, 28), (record, 32)):
            writer.write(Graded(one, ""), submitted)
            assert rows(database(empty))["quick"]["penalties"] == [expected]
