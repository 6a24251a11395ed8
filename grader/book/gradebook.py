"""Records into nbgrader's gradebook, one transaction for each submission."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook, InvalidEntry, MissingEntry

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS

from ..classes.records import QuestionRecord, Record
from ..submission.intake import questions_in_words
from .nbgrader_adapter import opened, session, submitted
from .nbgrader_course import ROOT, course_id, nbgrader

LatePenalty = Callable[[str, float, float], float | None]
"""Student, score, seconds late -> points to take off, as nbgrader's plugins say it."""


def is_there(db_url: str) -> bool:
    """Whether there is something to open, which a file that is missing is not: opening it would make an empty gradebook."""
    file = db_url.removeprefix("sqlite:///")
    return file == db_url or Path(file).is_file()


def damage(db_url: str) -> str:
    """Why a file cannot be read as a gradebook, and what to do; empty where it can, or where there is none."""
    file = Path(db_url.removeprefix("sqlite:///"))
    if not db_url.startswith("sqlite:///") or not file.is_file():
        return ""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        return f"the gradebook {file} cannot be opened ({error}): see who uses it, and whether you may read it."
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found == "ok":
        return ""
    return (
        f"the gradebook {file} is damaged ({found}): put a copy of it back. Without one, move it away and run `grader autograde` "
        "for each unit, which fills a new one with all that was graded; only what a person typed is lost."
    )


def readable(db_url: str) -> None:
    """ValueError, with what to do, where there is no gradebook that can be read."""
    if not is_there(db_url):
        file = db_url.removeprefix("sqlite:///")
        raise ValueError(f"there is no gradebook {file}: run `grader autograde` for a unit first, or name another with --db.")
    if said := damage(db_url):
        raise ValueError(said)


def ensure_assignment(course: Path, db_url: str, unit: str) -> None:
    """Make sure that the gradebook knows the unit, with its points; where it does not, nbgrader's `generate_assignment` tells it.

    Several graders may come at once: one of them tells it, the others wait.
    """
    if said := damage(db_url):
        raise ValueError(said)
    with taking_turns(course):
        with suppress(MissingEntry), opened(db_url) as gradebook:
            check_points(gradebook, unit)
            return
        if not (course / "source" / unit).is_dir():
            raise FileNotFoundError(
                f"{course / 'source' / unit} does not exist: a course folder has the units' sources, see {ROOT / 'source'}"
            )
        # the command writes down the course, and fails where a grader elsewhere does so at the same moment; this does not
        opened(db_url, course_id()).close()
        nbgrader(course, "generate_assignment", unit, "--create", "--force", f"--db={db_url}")
        with opened(db_url) as gradebook:
            check_points(gradebook, unit)


@contextmanager
def taking_turns(course: Path) -> Iterator[None]:
    """One process at a time in this folder. flock(2): it ends with its process, and leaves no file."""
    folder = os.open(course, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def check_points(gradebook: Gradebook, unit: str) -> None:
    """MissingEntry where the gradebook does not know the unit, ValueError where it has other points for a question than its check gives."""
    notebook = gradebook.find_notebook(UNITS[unit].stem, unit)
    worth = {cell.name: cell.max_score for cell in notebook.grade_cells}
    for name, question in questions(unit).items():
        there = worth.get(f"check_{name}")
        wanted = 0 if name in UNITS[unit].extra else question.points
        if there != wanted:
            has = "no points" if there is None else f"{there:g} points"
            raise ValueError(
                f"the gradebook has {has} for {name}, its check gives {wanted:g}: "
                f"say so in the check cell of the source notebook, then run `nbgrader generate_assignment {unit} --force`"
            )


def save(gradebook: Gradebook, record: Record, timestamp: datetime | None, late_penalty: LatePenalty) -> None:
    """Write a record. Manual scores stay; no verdict is *no score*, and waits for a person."""
    unit, student, notebook = record.unit, record.student, UNITS[record.unit].stem
    ensure_student(gradebook, student)
    submission = submitted(gradebook, unit, student, timestamp)
    there = gradebook.find_submission_notebook(notebook, unit, student)
    grades = {grade.name: grade for grade in there.grades}
    comments = {comment.name: comment for comment in there.comments}
    for name, question in record.questions.items():
        grade = grades[f"check_{name}"]
        answered = question.reason != "unanswered"
        grade.auto_score = question.points if answered else None
        grade.needs_manual_grade = not answered or grade.manual_score is not None
        comments[name].auto_comment = remark(question, record.jailed)
    for name in questions_in_words(unit):
        grade, waits = grades[name], name in record.in_words
        # a bonus is worth no points of its own: 0, so that extra credit is added to something, and counts
        grade.auto_score = None if waits and grade.max_score else 0
        grade.needs_manual_grade = waits and grade.manual_score is None and grade.extra_credit is None
    session(gradebook).flush()
    penalty = late_penalty(student, there.score, submission.total_seconds_late) if submission.total_seconds_late > 0 else None
    there.late_submission_penalty = None if penalty is None else min(max(penalty, 0), there.score)
    session(gradebook).commit()


def ensure_student(gradebook: Gradebook, student: str) -> None:
    """Make sure that the gradebook knows the student, whom a grader of another unit may be writing down as well."""
    try:
        gradebook.update_or_create_student(student)
    except InvalidEntry:
        gradebook.find_student(student)


def remark(question: QuestionRecord, jailed: bool) -> str | None:
    """What stands beside the student's cell in the gradebook."""
    sentences = {
        "missing": f"Its cell does not run: {question.broken}" if question.broken else "Not done yet.",
        "unanswered": f"Ungraded. {question.message}",
        "timeout": "Stopped: it took too long.",
        "memory": "Stopped: it took too much memory.",
        "killed": "Its process ended before it answered.",
        "tampered": "Its answer did not have the form that a probe gives it.",
    }
    text = sentences.get(question.reason)
    if not jailed:
        text = f"{text or ''} Graded without a jail.".strip()
    return text
