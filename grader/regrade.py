"""Grading again after a check changed: first into a staging area, to see what would move; then, if wanted, for good."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from . import batch, records
from .gradebook import ensure_assignment
from .nbgrader_course import database
from .pages import page_of
from .records import QuestionRecord, Record
from .work import Graded
from .writer import Writer


@dataclass(frozen=True)
class Move:
    """What would change for a student in one question, and why."""

    student: str
    question: str
    before: float | None  # None: no verdict, or never graded
    after: float | None
    why: str

    @property
    def points(self) -> float:
        return (self.after or 0) - (self.before or 0)


def stage(course: Path, unit: str, students: list[str], options: batch.Options, on_student: Callable[[Record, bool], None]) -> list[Record]:
    """Grade into the staging area. What is staged and still current is left as it is."""
    return batch.autograde(course, unit, students, replace(options, staging=True), on_student)


def moves(course: Path, unit: str) -> Iterator[Move]:
    """How the staged records differ from those that count, student by student."""
    for staged in records.load_all(course, unit, staging=True):
        current = records.load(course, unit, staged.student)
        for name, new in staged.questions.items():
            old = None if current is None else current.questions.get(name)
            before, after = points(old), points(new)
            if before != after or (old is not None and old.reason != new.reason):
                yield Move(staged.student, name, before, after, why(current, staged, old, new))


def points(question: QuestionRecord | None) -> float | None:
    return None if question is None or question.reason == "unanswered" else question.points


def why(current: Record | None, staged: Record, old: QuestionRecord | None, new: QuestionRecord) -> str:
    """What changed since: the submission, the question, or neither; and what the new verdict says."""
    if current is None or old is None:
        cause = "not graded before"
    elif current.digest != staged.digest:
        cause = "another submission"
    elif old.hash != new.hash:
        cause = "the question, or what judges it, has changed"
    elif current.jailed != staged.jailed:
        cause = "graded without a jail" if current.jailed else "graded in a jail now"
    else:
        cause = "nothing has changed: it answers differently from run to run"
    said = "passed" if new.reason == "passed" else f"{new.reason}: {new.message} {new.hint}".strip()
    return f"{cause}; {said}"


def stale(course: Path, unit: str) -> list[str]:
    """Students whose staged record is no longer that of their submission, or of this grader."""
    options = batch.Options(staging=True)
    listed = records.load_all(course, unit, staging=True)
    return [
        record.student for record in listed if batch.unchanged(course, unit, record.student, replace(options, jailed=record.jailed)) is None
    ]


def publish(course: Path, unit: str) -> list[Record]:
    """Make what is staged count: gradebook, graded notebooks, records. ValueError where something has changed since."""
    listed = records.load_all(course, unit, staging=True)
    if not listed:
        raise ValueError(f"nothing is staged for {unit}: run `grader regrade {unit}` first")
    if changed := stale(course, unit):
        raise ValueError(f"{', '.join(changed[:8])}: changed since it was staged; run `grader regrade {unit}` again")
    db_url = database(course)
    ensure_assignment(course, db_url, unit)
    with Writer(course, db_url, unit) as writer:
        for record in listed:
            page = page_of(course, unit, record.student, staging=True).read_text(encoding="utf-8")
            writer.write(Graded(record, page), batch.timestamp_in(batch.submission(course, unit, record.student)))
    shutil.rmtree(records.folder_of(course, unit, staging=True))
    return listed
