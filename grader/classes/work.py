"""What travels: a submission as bytes to whoever grades it, and everything that came of it back, as plain data.

Nothing here needs the course folder or the gradebook, so the work is the same in this process, in another
one, and on another machine. No file is written on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat

from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.question import Reason

from ..book.nbgrader_adapter import time_of
from ..book.nbgrader_course import source
from ..book.pages import graded_notebook
from ..submission import engine
from ..submission.jail import Jail
from ..submission.limits import Limits
from ..submission.reading import Reader
from ..submission.submitted import TIMESTAMP, Submitted, look
from .boundary import alone
from .records import Record, record_of, told_before

UNREADABLE = f"its {TIMESTAMP} cannot be read, so it counts as submitted in time"


@dataclass(frozen=True)
class Job:
    """A submission to grade."""

    student: str
    unit: str
    submitted: Submitted
    digest: str
    told: tuple[str, ...] = ()  # mistakes that earlier feedback has named
    measured: engine.Measured = field(default_factory=dict)  # of it, when it was graded before
    limits: str = ""  # hash of those that it is graded under


@dataclass(frozen=True)
class Graded:
    """What came of it: a record, and the graded notebook as text."""

    record: Record
    page: str = field(repr=False)
    timestamp: str = ""  # of the submission


def pack(folder: Path, student: str, unit: str, before: Record | None = None, limits: Limits | None = None) -> Job:
    """The submission in a folder, which is read here and never again. `before` is the student's record so far, of this submission or of
    an earlier one.

    One that cannot be packed has no digest: the next run tries again.
    """

    def read() -> tuple[Submitted, str]:
        submitted = look(folder)
        return submitted, submitted.digest

    submitted, digest = alone("packing", student, read, lambda reason: (Submitted({}, problem=reason), ""))
    told = tuple(sorted(told_before(before, digest)))
    measured = before.measured if before is not None and before.digest == digest else {}
    return Job(student, unit, submitted, digest, told, measured, "" if limits is None else limits.hash)


def grade(job: Job, jail: Jail, reader: Reader) -> Graded:
    """Grade a submission. Never raises for what is in it; JailError where the jail itself cannot work."""
    return alone(
        "grading",
        job.student,
        lambda: graded(job, judged(job, jail, reader)),
        lambda reason: without_verdicts(job, "unanswered", reason, jail.jailed),
    )


def judged(job: Job, jail: Jail, reader: Reader) -> engine.Result:
    """What the judge says of it."""
    clock = engine.Clock()
    with jail.pace.working():
        clock.lap("waiting")
        submission = reader.read(job.submitted)
        clock.lap("intake")
        return engine.grade(submission, jail, job.told, clock, job.measured)


def graded(job: Job, result: engine.Result) -> Graded:
    """The record and the page of a result: what is found out about a submission is in both, or in none."""
    timestamp = job.submitted.timestamp
    if timestamp and time_of(timestamp) is None:
        result.repairs.append(UNREADABLE)
    page = graded_notebook(result)
    for number, cell in enumerate(page.cells):
        if cell.id not in ids_of(job.unit):  # nbformat drew it: the same result would make another page each time
            cell.id = f"added-{number}"
    return Graded(record_of(job.student, result, job.digest, job.told, job.limits), nbformat.writes(page), timestamp)


@cache
def ids_of(unit: str) -> frozenset[str]:
    """Of the cells of a unit's source."""
    return frozenset(cell.id for cell in source(unit).cells)


def quarantined(job: Job, tries: int, jailed: bool) -> Graded:
    """The end of a submission that took every worker with it that tried to grade it."""
    return without_verdicts(job, "killed", f"grading it ended {tries} workers", jailed)


def without_verdicts(job: Job, reason: Reason, problem: str, jailed: bool) -> Graded:
    """What is written of a submission that no judge has seen to the end."""
    verdicts = {
        name: engine.without_points(name, question.number, question, reason, f"There is no answer: {problem}.")
        for name, question in public_questions(job.unit).items()
    }
    return graded(job, engine.Result(job.unit, verdicts, [], [], jailed, problem))
