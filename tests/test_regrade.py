"""Grading again: more direct hints, late penalties, and a staging area in which to see what a changed check would move."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from typer.testing import CliRunner

from autodiff_lib.checks.known import direct
from grader.__main__ import app
from grader.authors.catalogue import MISTAKES
from grader.book import gradebook
from grader.book.nbgrader_course import CONFIG, database, filled_in, release, settings, submit
from grader.classes import batch, records, regrade
from grader.classes.work import Graded
from grader.classes.writer import Writer
from grader.submission import engine, jail
from tests import corpora
from tests.test_workers import UNIT, answers, pages, plain, rows

pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")
UNBIASED = "layernorm-unbiased"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return corpora.empty_course(tmp_path_factory.mktemp("regrade") / "course", UNIT)


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
    sentence = direct(MISTAKES[UNBIASED].what)
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
    assert direct(MISTAKES["sqrt-sign"].what) not in page  # made for the first time
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
    published = records.load(course, UNIT, "lucky")
    assert batch.unchanged(course, UNIT, "lucky", batch.Options(), published.digest) == published
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


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path, Path], None]:
    """Changes the staged record of `lucky` as somebody would who knows its form."""

    def tamper(record: Path, page: Path) -> None:
        fields = json.loads(record.read_text())
        change(fields)
        record.write_text(json.dumps(fields))

    return tamper


def give(points: float) -> Callable[[dict[str, Any]], Any]:
    return lambda fields: fields["questions"]["layernorm"].update(points=points, reason="passed")


TAMPERED: dict[str, Callable[[Path, Path], Any]] = {
    "points raised": edited(give(6)),
    "points above what there is": edited(give(100)),
    "another verdict": edited(lambda fields: fields["questions"]["layernorm"].update(reason="passed")),
    "another student": edited(lambda fields: fields.update(student="right")),
    "somebody elsewhere": edited(lambda fields: fields.update(student="../../../right")),
    "another unit": edited(lambda fields: fields.update(unit="02_evaluator")),
    "the digest of nothing": edited(lambda fields: fields.update(digest="")),
    "without a seal": edited(lambda fields: fields.update(seal="")),
    "sealed by somebody else": edited(lambda fields: fields.update(seal="0" * 64)),
    "another's record": lambda record, page: shutil.copy(record.with_name("right.json"), record),
    "nothing": lambda record, page: record.write_text(""),
    "another's page": lambda record, page: shutil.copy(page.parents[2] / "right" / UNIT / page.name, page),
    "a word more on the page": lambda record, page: page.write_text(page.read_text().replace("layernorm", "Layernorm", 1)),
    "no page": lambda record, page: page.unlink(),
    "a page that is no text": lambda record, page: page.write_bytes(b"\xff"),
}


def test_what_was_changed_while_it_was_staged_is_not_published_and_is_graded_again(course):
    stage(course, "lucky", "right")
    record = records.path_of(course, UNIT, "lucky", staging=True)
    page = batch.page_of(course, UNIT, "lucky", staging=True)
    staged = record.read_bytes(), page.read_bytes()
    before = rows(database(course)), pages(course), records.load(course, UNIT, "lucky")
    for name, tamper in TAMPERED.items():
        tamper(record, page)
        with pytest.raises(ValueError, match="^lucky: changed since it was staged; run `grader regrade 01_operators` again$"):
            regrade.publish(course, UNIT)
        assert (rows(database(course)), pages(course), records.load(course, UNIT, "lucky")) == before, name
        record.write_bytes(staged[0])
        page.write_bytes(staged[1])
    for name in ("points raised", "another student"):
        TAMPERED[name](record, page)
        assert stage(course, "lucky", "right") == {"lucky"}
        assert records.load(course, UNIT, "lucky", staging=True).questions["layernorm"].points == 4
    assert regrade.publish(course, UNIT)


def test_a_result_that_cannot_be_published_stays_staged(course, monkeypatch):
    stage(course, "lucky")
    with monkeypatch.context() as patch:
        patch.setattr(gradebook, "save", lambda *arguments: 1 / 0)
        code, output = run(course, "regrade", UNIT, "--publish")
    assert (code, "lucky could not be published, and stays staged: writing it failed (ZeroDivisionError)" in output) == (2, True)
    assert json.loads(run(course, "regrade", UNIT, "--publish", "--json")[1]) == ["lucky"]
    assert rows(database(course))["lucky"]["grades"]["check_layernorm"] == (4, 5.5, True)


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
    worse = replace(record, questions={**record.questions, "matmul": replace(record.questions["matmul"], points=1.0)})
    with Writer(empty, database(empty), UNIT) as writer:
        for one, expected in ((record, 32), (worse, 28), (record, 32)):
            writer.write(Graded(one, "", NEXT_DAY))
            assert rows(database(empty))["quick"]["penalties"] == [expected]


@pytest.mark.parametrize("timestamp", ["0001-01-01 00:00:00 UTC", "1969-12-31 23:59:59 UTC", "9999-12-31 23:59:59 UTC"])
def test_a_clock_far_off_makes_a_submission_late_or_not_and_nothing_else(empty, late_rule, timestamp):
    late_rule(ZERO)
    submits(empty, "late")
    (empty / "submitted" / "late" / UNIT / "timestamp.txt").write_text(timestamp)
    record = grade(empty, "late")
    assert (record.points, record.repairs) == (32, [])
    assert rows(database(empty))["late"]["penalties"] == [32 if timestamp.startswith("9") else None]


def test_a_clock_that_goes_backwards_changes_no_grade(empty, monkeypatch):
    submits(empty, "timed")
    before = grade(empty, "timed", force=True)
    seconds = iter(range(10**9, 0, -3600))
    monkeypatch.setattr("time.time", lambda: next(seconds))
    assert plain(grade(empty, "timed", force=True)) == plain(before)
    assert json.loads(run(empty, "autograde", UNIT, "--student", "timed", "--force", "--jobs", "1", "--json")[1])[0]["problem"] == ""
