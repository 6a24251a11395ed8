"""Grading again goes to a staging area first: it shows what would move, and only publishing writes it."""

import json
import os

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from grader import batch, engine, jail, records, regrade
from grader.__main__ import app
from grader.mistakes import CATALOGUE
from grader.nbgrader_course import database, filled_in, release, solutions, submit
from tests import corpora

UNIT = "01_operators"
pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")


@pytest.fixture
def course(tmp_path):
    folder = corpora.make_course(tmp_path / "course", [UNIT])
    wrong = CATALOGUE["sqrt-half-forgotten"].cell(solutions(UNIT)["sqrt"])
    submit(folder, "somebody", UNIT, filled_in(release(folder, UNIT), {**solutions(UNIT), "sqrt": wrong}))
    corpora.autograde(folder, UNIT)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def change_of_a_question(monkeypatch):
    """From now on the question `sqrt` has another hash: somebody has changed a check."""
    before = engine.question_hash
    monkeypatch.setattr(engine, "question_hash", lambda unit, name, secret="": "new" if name == "sqrt" else before(unit, name, secret))
    monkeypatch.setattr(records, "question_hash", engine.question_hash)


def test_what_would_move_is_shown_with_its_reason_and_nothing_is_written_until_it_is_published(course, monkeypatch):
    """Somebody's record says that they had full marks for sqrt, by an older check; the new one disagrees."""
    record = records.load(course, UNIT, "somebody")
    lenient = records.QuestionRecord(2, 2, "passed", hash="old")
    records.save(course, records.Record(**{**vars(record), "questions": {**record.questions, "sqrt": lenient}}))
    before = corpora.in_gradebook(course, UNIT)
    change_of_a_question(monkeypatch)
    shown = run("regrade", UNIT, "--course", course, "--jobs", "1", "--json")
    assert shown.exit_code == 0
    (move,) = json.loads(shown.stdout)
    assert (move["student"], move["question"], move["before"], move["after"]) == ("somebody", "sqrt", 2, 1)
    assert move["why"].startswith("the question, or what judges it, has changed; wrong: The gradient")
    assert corpora.in_gradebook(course, UNIT) == before
    assert records.load(course, UNIT, "somebody").questions["sqrt"].points == 2

    with Gradebook(database(course)) as gradebook:
        grade = gradebook.find_grade("check_div", "operators", UNIT, "somebody")
        grade.manual_score, grade.needs_manual_grade = 2.5, False
        gradebook.db.commit()
    assert run("regrade", UNIT, "--course", course, "--publish").exit_code == 0
    assert records.load(course, UNIT, "somebody").questions["sqrt"].points == 1
    assert records.load_all(course, UNIT, staging=True) == []
    assert corpora.in_gradebook(course, UNIT)["somebody"]["sqrt"] == 1
    assert corpora.in_gradebook(course, UNIT)["somebody"]["div"] == 2.5, "a person's score stays"


def test_where_nothing_changed_nothing_would_move(course):
    result = run("regrade", UNIT, "--course", course, "--jobs", "1")
    assert "Nothing would move." in result.stdout
    assert list(regrade.moves(course, UNIT)) == []


def test_publishing_needs_something_staged_that_is_still_current(course):
    nothing = run("regrade", UNIT, "--course", course, "--publish")
    assert nothing.exit_code == 2
    assert "run `grader regrade 01_operators` first" in nothing.stderr
    run("regrade", UNIT, "--course", course, "--jobs", "1")
    path = course / "submitted" / "somebody" / UNIT / "operators.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("1 + 1"))
    nbformat.write(notebook, path)
    stale = run("regrade", UNIT, "--course", course, "--publish")
    assert stale.exit_code == 2
    assert "somebody: changed since it was staged" in stale.stderr.replace("\n", " ")


def test_staging_goes_on_where_it_was(course):
    students = batch.students_of(course, UNIT)
    regrade.stage(course, UNIT, students[:1], batch.Options(), lambda record, fresh: None)
    fresh = []
    regrade.stage(course, UNIT, students, batch.Options(), lambda record, new: fresh.append(record.student) if new else None)
    assert fresh == students[1:]
