"""A class: the submissions of a unit, graded by workers, written by one. No submission stops another."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from ..book.gradebook import ensure_assignment
from ..book.nbgrader_adapter import students_with
from ..book.nbgrader_course import database
from ..book.pages import page_of
from ..collecting import late
from ..submission import engine
from ..submission.jail import open_jail
from ..submission.limits import Limits, limits_of
from ..submission.reading import open_reader
from . import records, work, workers
from .boundary import alone
from .records import Record
from .sealing import is_whole
from .writer import Writer


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
    """Everybody with a folder for the unit, but for `misnamed`."""
    return [name for name in folders_of(course, unit) if is_text(name)]


def misnamed(course: Path, unit: str) -> list[str]:
    """A sentence for each folder whose name is no text, as old archives leave them: no gradebook takes such a student."""
    return [f"{name!a} is not graded: its folder's name is not UTF-8; rename it" for name in folders_of(course, unit) if not is_text(name)]


def folders_of(course: Path, unit: str) -> list[str]:
    """Also of those whose folder cannot be entered: their submission is ungraded then, and they are not forgotten."""
    top = course / "submitted"
    return sorted(name for name in os.listdir(top) if may_hold(top / name, unit)) if top.is_dir() else []


def may_hold(folder: Path, unit: str) -> bool:
    """Whether a student's folder has one for the unit, or keeps that to itself."""
    try:
        return stat.S_ISDIR((folder / unit).lstat().st_mode)
    except PermissionError:
        return stat.S_ISDIR(folder.stat().st_mode)
    except OSError:
        return False


def is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)  # bytes that are no UTF-8, as Python has them


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
    db_url, limits = db_url or database(course), limits_of(unit, course)
    if not options.staging:
        ensure_assignment(course, db_url, unit)
        late.tell_gradebook(course, db_url, unit)
    with Writer(course, db_url, unit, options.staging) as writer:
        there = set(students) if options.staging else students_with(writer.gradebook, unit)

        def kept(job: work.Job) -> Record | None:
            record = None if options.force else unchanged(course, unit, job.student, options, job.digest)
            if record is not None and job.student not in there:  # the gradebook is another one than when this was graded
                page = page_of(course, unit, job.student).read_text(encoding="utf-8")
                writer.write(work.Graded(record, page, job.submitted.timestamp))
            return record

        def tell(record: Record, fresh: bool) -> None:
            found[record.student] = record
            on_student(record, fresh)

        def todo() -> Iterator[work.Job]:
            """What is to be graded, each submission read when its turn comes; what has not changed is told of on the way."""
            for student in students:
                job = packed(course, unit, student, options, limits)
                record = alone("looking at its record", student, lambda: kept(job), lambda reason: None)  # noqa: B023 - called at once
                if record is None:
                    yield job
                else:
                    tell(record, False)

        for graded in results(unit, todo(), options, limits):
            tell(writer.write(graded), True)
    return [found[student] for student in students]


def results(unit: str, jobs: Iterator[work.Job], options: Options, limits: Limits) -> Iterator[work.Graded]:
    """What the workers make of the jobs, in the order in which they are done. For nothing, nothing is started."""
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # no judge needs a GPU; who has differentiated beside one cannot fork another judge
    first = list(islice(jobs, max(1, options.jobs)))
    jobs = chain(first, jobs)
    if not first:
        return
    if options.scheduler is not None:
        from . import cluster  # takes a second to import

        yield from cluster.run(jobs, options.scheduler, options.jobs, unit, limits, options.jailed, options.cold)
    elif len(first) > 1:
        yield from workers.run(jobs, len(first), unit, limits, options.jailed, options.cold)
    else:
        with open_reader(unit, limits) as reader, open_jail(unit, limits, options.jailed) as jail:
            for job in jobs:
                if options.cold:
                    jail.stop()
                    jail.start()
                yield work.grade(job, jail, reader)


def submission(course: Path, unit: str, student: str) -> Path:
    return course / "submitted" / student / unit


def packed(course: Path, unit: str, student: str, options: Options, limits: Limits) -> work.Job:
    """The submission, with what is known of the student from before it. Whoever grades with `force` wants times measured again."""
    before = records.load(course, unit, student)
    if before is not None and options.force:
        before = replace(before, measured={})
    return work.pack(submission(course, unit, student), student, unit, before, limits)


def unchanged(course: Path, unit: str, student: str, options: Options, digest: str) -> Record | None:
    """The record of an earlier run, if the submission of this digest, the grader, the questions and the limits are still the same."""
    record = records.load(course, unit, student, options.staging)
    if record is None or not digest or record.digest != digest or record.version != engine.version(unit) or record.jailed != options.jailed:
        return None
    if record.limits != limits_of(unit, course).hash:
        return None
    page = page_of(course, unit, student, options.staging)
    there = is_whole(record, page) if options.staging else page.is_file()
    return record if there else None
