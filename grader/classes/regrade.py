"""Grading again after a check changed: first into a staging area, to see what would move; then, if wanted, for good."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..book.gradebook import ensure_assignment, is_there
from ..book.nbgrader_adapter import opened, scores
from ..book.nbgrader_course import database
from ..book.pages import page_of
from ..exports import lines
from ..submission.submitted import look
from . import batch, records
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


def stage(course: Path, unit: str, students: list[str], options: batch.Options, on_student: Callable[[Record, bool], None]) -> list[Record]:
    """Grade into the staging area. What is staged and still current is left as it is; who has no submission any more goes."""
    there = set(batch.students_of(course, unit))
    for path in records.damaged(course, unit, staging=True):
        path.unlink()
    for record in records.load_all(course, unit, staging=True):
        if record.student not in there:
            forget(course, unit, record.student)
    return batch.autograde(course, unit, students, replace(options, staging=True), on_student)


def forget(course: Path, unit: str, student: str) -> None:
    """Take a student out of the staging area."""
    records.path_of(course, unit, student, staging=True).unlink(missing_ok=True)
    shutil.rmtree(page_of(course, unit, student, staging=True).parent, ignore_errors=True)


def chosen(course: Path, unit: str, students: Collection[str]) -> list[Record]:
    """The staged records, of these students alone if any are named."""
    return [record for record in records.load_all(course, unit, staging=True) if not students or record.student in students]


def moves(course: Path, unit: str, students: Collection[str] = ()) -> Iterator[Move]:
    """How the staged records differ from those that count, student by student."""
    by_hand = scores_by_hand(course, unit)
    for staged in chosen(course, unit, students):
        current = records.load(course, unit, staged.student)
        for name, new in staged.questions.items():
            old = None if current is None else current.questions.get(name)
            before, after = points(old), points(new)
            if before != after or (old is not None and old.reason != new.reason):
                stands = " (a score by hand stands)" if (staged.student, name) in by_hand else ""
                yield Move(staged.student, name, before, after, why(current, staged, old, new) + stands)


def scores_by_hand(course: Path, unit: str) -> set[tuple[str, str]]:
    """Student and question of every score that a person has entered; none where there is no gradebook."""
    db_url = database(course)
    if not is_there(db_url):
        return set()
    with opened(db_url) as gradebook:
        found: set[tuple[str, str]] = set()
        for assignment in (one for one in gradebook.assignments if one.name == unit):
            titles = lines.question_titles(assignment)
            grades = scores(gradebook, assignment)
            found |= {(student, titles[cell]) for student, cell, _, by_hand, _ in grades if cell in titles and by_hand is not None}
        return found


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
    elif current.limits != staged.limits:
        cause = "the limits have changed"
    else:
        cause = "nothing has changed: it answers differently from run to run"
    said = "passed" if new.reason == "passed" else f"{new.reason}: {new.message} {new.hint}".strip()
    return f"{cause}; {said}"


def is_stale(course: Path, record: Record, digest: str) -> bool:
    """Whether a staged record is no longer as it was sealed, or not that of the submission of this digest, this grader, or these limits."""
    options = batch.Options(staging=True, jailed=record.jailed)
    return batch.unchanged(course, record.unit, record.student, options, digest) is None


def publish(course: Path, unit: str, students: Collection[str] = ()) -> list[Record]:
    """Make what is staged count, for these students alone if any are named: gradebook, graded notebooks, records.

    ValueError where something has changed since.
    """
    listed = chosen(course, unit, students)
    if absent := sorted(set(students) - {record.student for record in listed}):
        raise ValueError(f"nothing is staged of {', '.join(absent)}: run `grader regrade {unit}` first")
    if not listed:
        raise ValueError(f"nothing is staged for {unit}: run `grader regrade {unit}` first")
    changed: list[str] = []
    timestamps: dict[str, str] = {}
    for record in listed:
        submitted = look(batch.submission(course, unit, record.student))
        timestamps[record.student] = submitted.timestamp
        if is_stale(course, record, submitted.digest):
            changed.append(record.student)
    if not students:
        changed += [path.stem for path in records.damaged(course, unit, staging=True)]
    if changed:
        raise ValueError(f"{', '.join(changed[:8])}: changed since it was staged; run `grader regrade {unit}` again")
    db_url = database(course)
    ensure_assignment(course, db_url, unit)
    with Writer(course, db_url, unit) as writer:
        for record in listed:
            page = page_of(course, unit, record.student, staging=True).read_text(encoding="utf-8")
            written = writer.write(Graded(replace(record, seal=""), page, timestamps[record.student]))
            if written.digest != record.digest:
                raise ValueError(f"{record.student} could not be published, and stays staged: {written.problem}")
    for record in listed:
        forget(course, unit, record.student)
    return listed
