"""Where a gradebook, a jail or a unit is missing, a sentence names it and says what to do, and nothing that was there is lost."""

import re
import shutil
import sqlite3

import nbformat
import pytest
from typer.testing import CliRunner

from grader.__main__ import app
from grader.book import nbgrader_stages
from grader.book.nbgrader_course import NbgraderError, nbgrader
from grader.classes.records import QuestionRecord, Record
from tests import corpora

UNIT, NOTEBOOK, STUDENT = "01_operators", "operators", "ada"
OLD = {"grades.csv": "grades of last week", f"feedback/{STUDENT}/{UNIT}/{NOTEBOOK}.html": "feedback of last week"}
UNITS = "there is no unit '99_nothing'; the units are 01_operators, 02_evaluator"


@pytest.fixture
def course(tmp_path):
    """With a graded notebook, its feedback and a table of grades; its gradebook knows the unit, and no submission."""
    folder = corpora.empty_course(tmp_path / "course", UNIT)
    for name, content in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    page = folder / "autograded" / STUDENT / UNIT / f"{NOTEBOOK}.ipynb"
    page.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), page)
    shutil.copytree(page.parent, folder / "submitted" / STUDENT / UNIT)
    return folder


def refused(course, *arguments):
    """What an nbgrader command says that fails."""
    with pytest.raises(NbgraderError) as error:
        nbgrader(course, *arguments)
    said = " ".join(str(error.value).split())
    assert "Traceback" not in said
    return said


def assert_nothing_lost(course):
    assert {name: (course / name).read_text() for name in OLD} == OLD


EXPORT = ("export", "--to")
FEEDBACK = ("generate_feedback", UNIT, "--force")
AUTOGRADE = ("autograde", UNIT)


def of_nbgrader(course, arguments):
    return (*arguments, str(course / "grades.csv")) if arguments == EXPORT else arguments


@pytest.mark.parametrize("arguments", [EXPORT, FEEDBACK])
def test_without_a_gradebook_nbgrader_writes_nothing_and_makes_none(course, arguments):
    (course / "gradebook.db").unlink()
    said = refused(course, *of_nbgrader(course, arguments))
    assert f"there is no gradebook {course / 'gradebook.db'}: run `grader autograde`" in said
    assert "Nothing was changed." in said
    assert not (course / "gradebook.db").exists()
    assert_nothing_lost(course)


def of_nothing(path):
    path.write_text("nothing of the kind")


def with_torn_pages(path):
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [of_nothing, with_torn_pages])
@pytest.mark.parametrize("arguments", [EXPORT, FEEDBACK, AUTOGRADE])
def test_a_damaged_gradebook_is_named_with_what_to_do_and_stays(course, arguments, damage):
    damage(course / "gradebook.db")
    before = (course / "gradebook.db").read_bytes()
    said = refused(course, *of_nbgrader(course, arguments))
    assert f"the gradebook {course / 'gradebook.db'} is damaged" in said
    assert "put a copy of it back" in said
    assert "sqlalche" not in said
    assert (course / "gradebook.db").read_bytes() == before
    assert_nothing_lost(course)


@pytest.mark.parametrize("arguments", [("autograde", UNIT), ("export", UNIT, "--to", "csv")])
def test_our_own_command_says_the_same_of_a_damaged_gradebook(course, arguments):
    of_nothing(course / "gradebook.db")
    result = CliRunner().invoke(app, [*arguments, "--course", str(course)])
    assert result.exit_code == 2
    assert f"the gradebook {course / 'gradebook.db'} is damaged" in result.stderr
    assert "put a copy of it back" in result.stderr


def test_a_gradebook_without_the_submission_keeps_the_page_that_there_is(course):
    said = refused(course, *FEEDBACK)
    assert f"The gradebook has no submission of {STUDENT}: run `grader autograde`" in said
    assert_nothing_lost(course)


def test_a_graded_notebook_that_cannot_be_read_keeps_the_page_that_there_is(course):
    with sqlite3.connect(course / "gradebook.db") as gradebook:
        (assignment,) = gradebook.execute("SELECT id FROM assignment").fetchone()
        gradebook.execute("INSERT INTO student (id) VALUES (?)", (STUDENT,))
        gradebook.execute("INSERT INTO submitted_assignment (id, assignment_id, student_id) VALUES ('s', ?, ?)", (assignment, STUDENT))
    page = course / "autograded" / STUDENT / UNIT / f"{NOTEBOOK}.ipynb"
    page.write_text('{"cells": [')
    said = refused(course, *FEEDBACK)
    assert f"autograded/{STUDENT}/{UNIT}/{NOTEBOOK}.ipynb cannot be read" in said
    assert "with --force" in said
    assert_nothing_lost(course)


def test_without_a_jail_nbgrader_names_the_option_that_it_has(course, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    said = refused(course, *AUTOGRADE)
    assert "bubblewrap is not installed" in said
    assert "`--JailedAutograde.jailed=False` grades without" in said
    assert "--no-jail" not in said


def test_who_has_no_verdict_has_no_zero_in_the_log(course):
    (course / "submitted" / STUDENT / UNIT / f"{NOTEBOOK}.ipynb").write_bytes(b"\xff\xfe nothing of the kind")
    said = []
    nbgrader(course, *AUTOGRADE, on_line=said.append)
    log = "".join(said)
    assert f"{UNIT} of {STUDENT}: not graded yet" in log
    assert f"{STUDENT} is ungraded: {NOTEBOOK}.ipynb holds no cell that can be read" in log
    assert not re.search(r"\b0(\.0)?( of 32 points|\b.*score)", log)


@pytest.mark.parametrize("points", [0, 3])
def test_what_is_graded_in_part_has_its_points_so_far(points):
    questions = {"div": QuestionRecord(points, 3, "passed" if points else "wrong"), "relu": QuestionRecord(0, 2, "unanswered")}
    said = nbgrader_stages.worth(Record(STUDENT, UNIT, questions, [], "", True, "", ""))
    assert said == f"{points} of 5 points so far"


@pytest.mark.parametrize("command", ["autograde", "generate_feedback"])
def test_a_wrong_units_name_is_answered_by_the_list_in_nbgraders_commands(course, command):
    assert UNITS in refused(course, command, "99_nothing")


@pytest.mark.parametrize("arguments", [("autograde",), ("report",), ("regrade",), ("export", "--to", "csv")])
def test_a_wrong_units_name_is_answered_by_the_list_in_ours(course, arguments):
    command, *more = arguments
    result = CliRunner().invoke(app, [command, "99_nothing", *more, "--course", str(course)])
    assert result.exit_code == 2
    assert UNITS in result.stderr
