"""Results as plain records on disk: what `report` counts, and by which a batch that was stopped goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.question import Reason
from autodiff_lib.units import UNITS

from ..submission import plain
from ..submission.engine import Measured, Result, question_hash, told_of, version, why_ungraded
from ..submission.hidden import secret
from ..submission.limits import MiB
from ..submission.submitted import content_of
from . import whole

MAX_RECORD = 8 * MiB  # bytes: what is longer, no grader has written
MAX_NAME = 200  # bytes of a student's name that are a file's name as they stand; a file system takes 255 with what comes behind

REASONS = get_args(Reason)


@dataclass(frozen=True)
class QuestionRecord:
    points: float
    max_points: float
    reason: str
    case: str = ""  # the smallest failing case
    message: str = ""
    hint: str = ""
    mistake: str = ""  # id of the known mistake that it is
    hash: str = ""  # of the question's cases
    broken: str = ""  # the error with which its cell ends, where the exercise is missing for that


@dataclass(frozen=True)
class Record:
    """One graded submission."""

    student: str
    unit: str
    questions: dict[str, QuestionRecord]
    repairs: list[str]
    problem: str
    jailed: bool
    digest: str  # of the submission's content
    version: str  # of the grader and its questions
    told: list[str] = field(default_factory=list)  # mistakes that earlier feedback had named
    in_words: list[str] = field(default_factory=list)  # answers that wait for a person
    seconds: dict[str, float] = field(default_factory=dict)
    limits: str = ""  # hash of the limits under which it ran
    flags: list[str] = field(default_factory=list)  # what a person should look at; no points depend on it
    measured: Measured = field(default_factory=dict)  # times, which are not measured again for the same submission
    seal: str = ""  # while it is staged: of it and its page

    @property
    def points(self) -> float:
        return sum(question.points for question in self.questions.values())

    @property
    def max_points(self) -> float:
        """Without extra credit."""
        return sum(question.max_points for name, question in self.questions.items() if name not in UNITS[self.unit].extra)

    @property
    def ungraded(self) -> list[str]:
        return [name for name, question in self.questions.items() if question.reason == "unanswered"]

    @property
    def waiting(self) -> str:
        """Why some of it is ungraded: the whole for one reason, or each question for its own."""
        return why_ungraded(self.problem, {name: self.questions[name].message for name in self.ungraded})


def record_of(student: str, result: Result, digest: str, told: Collection[str] = (), limits: str = "") -> Record:
    """All that is kept of a result; nothing is added to it later but how long writing it took, and its seal."""
    questions = {}
    for name, verdict in result.verdicts.items():
        failure = told_of(verdict)
        said = ("", "", "", "") if failure is None else (failure.case, failure.message, failure.hint, failure.mistake)
        hashed = question_hash(result.unit, name, secret())
        broken = result.broken.get(name, "")
        questions[name] = QuestionRecord(verdict.points, verdict.max_points, verdict.reason, *said, hashed, broken)
    seconds = {stage: round(value, 4) for stage, value in result.seconds.items()}
    kept = (result.repairs, result.problem, result.jailed, digest, version(result.unit))
    record = Record(student, result.unit, questions, *kept, sorted(told), sorted(result.in_words), seconds, limits, result.flags)
    return replace(record, measured=result.measured)


def without_verdicts(record: Record, problem: str) -> Record:
    """The record of a submission whose grading was lost: ungraded, of no digest, so that it is graded again."""
    said = f"Nothing could be graded: {problem}."
    questions = {name: QuestionRecord(0, question.max_points, "unanswered", message=said) for name, question in record.questions.items()}
    return replace(record, questions=questions, problem=problem, digest="", in_words=[])


def told_before(record: Record | None, digest: str) -> set[str]:
    """The mistakes that a student has been told of before the submission of that digest was graded."""
    if record is None:
        return set()
    if record.digest == digest:
        return set(record.told)
    return {*record.told, *(question.mistake for question in record.questions.values() if question.mistake)}


def folder_of(course: Path, unit: str, staging: bool = False) -> Path:
    """Where the records of a unit lie; `staging` is where a new grading waits to be published."""
    return course / ".grader" / unit / "staging" if staging else course / ".grader" / unit


def path_of(course: Path, unit: str, student: str, staging: bool = False) -> Path:
    return folder_of(course, unit, staging) / file_of(student, ".json")


def file_of(student: str, suffix: str) -> str:
    """The name of a student's file. A name that is too long to be a file's ends in its digest."""
    name = student.encode()
    if len(name) <= MAX_NAME:
        return f"{student}{suffix}"
    return f"{name[:MAX_NAME].decode(errors='ignore')}~{hashlib.sha256(name).hexdigest()[:16]}{suffix}"


def save(course: Path, record: Record, staging: bool = False) -> None:
    """Write a record at once or not at all."""
    whole.write(path_of(course, record.unit, record.student, staging), plain.dumps(record, indent=1))


def load(course: Path, unit: str, student: str, staging: bool = False) -> Record | None:
    """A student's record; None where there is none, or a damaged one."""
    return written(path_of(course, unit, student, staging), unit)


def load_all(course: Path, unit: str, staging: bool = False) -> list[Record]:
    """All records of a unit that are whole, by student."""
    found = (written(path, unit) for path in files(course, unit, staging))
    return sorted((record for record in found if record is not None), key=lambda record: record.student)


def damaged(course: Path, unit: str, staging: bool = False) -> list[Path]:
    """Files of records that are none."""
    return [path for path in files(course, unit, staging) if written(path, unit) is None]


def files(course: Path, unit: str, staging: bool) -> list[Path]:
    return sorted(folder_of(course, unit, staging).glob("*.json"))


def written(path: Path, unit: str) -> Record | None:
    """The record in a file; None where it is damaged, another unit's or student's, or one that this grader would never write."""
    try:
        content = content_of(path, MAX_RECORD)
        if not isinstance(content, bytes):
            return None
        record: Record = plain.loads(Record, content)
        there = file_of(record.student, path.suffix) == path.name and plain.is_text(content)
    except (OSError, ValueError):
        return None
    return record if there and is_possible(record, unit) else None


def is_possible(record: Record, unit: str) -> bool:
    """Whether a record is of the unit, with a known verdict on each question, and with points that the question can give."""
    if record.unit != unit or unit not in UNITS or record.questions.keys() != public_questions(unit).keys():
        return False
    return all(
        question.reason in REASONS and 0 <= question.points <= question.max_points and question.max_points > 0
        for question in record.questions.values()
    )
