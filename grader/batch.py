"""A class: every submission of a unit, one after the other, in one warm jail. No submission stops another."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat

from autodiff_lib.course import UNITS

from . import engine, gradebook, intake, records
from .jail import Jail, open_jail
from .limits import limits_of
from .nbgrader_course import database
from .pages import graded_notebook
from .records import Record


@dataclass(frozen=True)
class Options:
    """How a batch is graded."""

    jailed: bool = True
    cold: bool = False  # a fresh jail for each submission
    force: bool = False  # grade again what has not changed


def students_of(course: Path, unit: str) -> list[str]:
    """Everybody with a folder for the unit."""
    return sorted(folder.parent.name for folder in (course / "submitted").glob(f"*/{unit}") if folder.is_dir() and not folder.is_symlink())


def autograde(
    course: Path, unit: str, students: list[str], options: Options, on_student: Callable[[Record, bool], None] = lambda record, fresh: None
) -> list[Record]:
    """Grade the students' submissions; what was graded before and has not changed stays as it is.

    `on_student` gets each record, and whether it is fresh. JailError where there can be no jail.
    """
    db_url = database(course)
    gradebook.ensure_assignment(course, db_url, unit)
    found = []
    with jails(course, unit, options) as jail_for:
        for student in students:
            record = None if options.force else unchanged(course, unit, student, options)
            fresh = record is None
            if record is None:
                record = grade_one(course, db_url, unit, student, jail_for)
            found.append(record)
            on_student(record, fresh)
    return found


@contextmanager
def jails(course: Path, unit: str, options: Options) -> Iterator[Callable[[], Jail]]:
    """The jail to use for the next submission: always the same warm one, or a fresh one each time."""
    with open_jail(unit, limits_of(unit, course), options.jailed) as jail:

        def fresh() -> Jail:
            if options.cold:
                jail.stop()
                jail.start()
            return jail

        yield fresh


def unchanged(course: Path, unit: str, student: str, options: Options) -> Record | None:
    """The record of an earlier run, if the submission, the grader and the questions are still the same."""
    record = records.load(course, unit, student)
    if record is None or record.version != engine.version(unit) or record.jailed != options.jailed:
        return None
    folder = course / "submitted" / student / unit
    return record if intake.read(folder, unit).digest == record.digest and page_of(course, unit, student).is_file() else None


def grade_one(course: Path, db_url: str, unit: str, student: str, jail_for: Callable[[], Jail]) -> Record:
    """Grade a submission and write all that comes of it; the record last, so that a stop in the middle is noticed."""
    folder = course / "submitted" / student / unit
    result = engine.grade(folder, unit, jail_for())
    write_page(page_of(course, unit, student), result)
    gradebook.save(db_url, student, result, timestamp_in(folder))
    record = records.record_of(student, result)
    records.save(course, record)
    return record


def page_of(course: Path, unit: str, student: str) -> Path:
    return course / "autograded" / student / unit / UNITS[unit]


def write_page(path: Path, result: engine.Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    nbformat.write(graded_notebook(result), path)


def timestamp_in(folder: Path) -> datetime | None:
    """When it was submitted, from the file that nbgrader's exchange puts beside it."""
    path = folder / "timestamp.txt"
    if not path.is_file() or path.is_symlink():
        return None
    text = path.read_text(errors="replace").strip().removesuffix(" UTC")
    for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
