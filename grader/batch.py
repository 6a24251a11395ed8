"""A class: the submissions of a unit, graded by workers, written by one. No submission stops another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbgrader.utils import parse_utc

from . import engine, intake, records, work, workers
from .gradebook import ensure_assignment
from .jail import open_jail
from .limits import limits_of
from .nbgrader_course import database
from .pages import page_of
from .records import Record
from .writer import Writer

MAX_TIMESTAMP = 100  # characters


@dataclass(frozen=True)
class Options:
    """How a batch is graded."""

    jailed: bool = True
    cold: bool = False  # a fresh jail for each submission
    force: bool = False  # grade again what has not changed
    jobs: int = 1  # worker processes; with 1, this process does the work
    scheduler: str | None = None  # a Dask cluster instead: its address, or `local`
    staging: bool = False  # write records and pages to the staging area, and nothing to the gradebook


def students_of(course: Path, unit: str) -> list[str]:
    """Everybody with a folder for the unit."""
    return sorted(folder.parent.name for folder in (course / "submitted").glob(f"*/{unit}") if folder.is_dir() and not folder.is_symlink())


def autograde(
    course: Path,
    unit: str,
    students: list[str],
    options: Options,
    on_student: Callable[[Record, bool], None] = lambda record, fresh: None,
    db_url: str | None = None,
) -> list[Record]:
    """Grade the students' submissions; what was graded before and has not changed stays as it is.

    `on_student` gets each record as it is ready, and whether it is fresh. The records in the students' order.
    JailError where there can be no jail.
    """
    found: dict[str, Record] = {}
    todo: list[str] = []
    for student in students:
        record = None if options.force else unchanged(course, unit, student, options)
        if record is None:
            todo.append(student)
        else:
            found[student] = record
            on_student(record, False)
    if todo:
        db_url = db_url or database(course)
        if not options.staging:
            ensure_assignment(course, db_url, unit)
        jobs = (work.pack(submission(course, unit, student), student, unit, told(course, unit, student)) for student in todo)
        with Writer(course, db_url, unit, options.staging) as writer:
            for graded in results(course, unit, jobs, options, len(todo)):
                writer.write(graded, timestamp_in(submission(course, unit, graded.record.student)))
                found[graded.record.student] = graded.record
                on_student(graded.record, True)
    return [found[student] for student in students]


def results(course: Path, unit: str, jobs: Iterable[work.Job], options: Options, count: int) -> Iterator[work.Graded]:
    """What the workers make of the jobs, in the order in which they are done."""
    limits = limits_of(unit, course)
    if options.scheduler is not None:
        from . import cluster  # takes a second to import

        yield from cluster.run(jobs, options.scheduler, options.jobs, unit, limits, options.jailed, options.cold)
    elif min(options.jobs, count) > 1:
        yield from workers.run(jobs, min(options.jobs, count), unit, limits, options.jailed, options.cold)
    else:
        with open_jail(unit, limits, options.jailed) as jail:
            for job in jobs:
                if options.cold:
                    jail.stop()
                    jail.start()
                yield work.grade(job, jail)


def submission(course: Path, unit: str, student: str) -> Path:
    return course / "submitted" / student / unit


def told(course: Path, unit: str, student: str) -> set[str]:
    """Mistakes that the student has been told of before this submission."""
    folder = submission(course, unit, student)
    return records.told_before(records.load(course, unit, student), intake.digest(intake.plain_files(folder), folder))


def unchanged(course: Path, unit: str, student: str, options: Options) -> Record | None:
    """The record of an earlier run, if the submission, the grader and the questions are still the same."""
    record = records.load(course, unit, student, options.staging)
    if record is None or record.version != engine.version(unit) or record.jailed != options.jailed:
        return None
    folder = submission(course, unit, student)
    there = page_of(course, unit, student, options.staging).is_file()
    return record if there and intake.digest(intake.plain_files(folder), folder) == record.digest else None


def timestamp_in(folder: Path) -> datetime | None:
    """When it was submitted, from the file that nbgrader's exchange puts beside it."""
    path = folder / "timestamp.txt"
    if not path.is_file() or path.is_symlink():
        return None
    with path.open(errors="replace") as file:
        text = file.read(MAX_TIMESTAMP).strip()
    try:
        return parse_utc(text)
    except (ValueError, OverflowError):
        return None
