"""Results as plain records on disk: what `report` counts, and by which a batch that was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .engine import Result, question_hash, told_of, version, why_ungraded
from .hidden import secret


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

    @property
    def points(self) -> float:
        return sum(question.points for question in self.questions.values())

    @property
    def max_points(self) -> float:
        return sum(question.max_points for question in self.questions.values())

    @property
    def ungraded(self) -> list[str]:
        return [name for name, question in self.questions.items() if question.reason == "unanswered"]

    @property
    def waiting(self) -> str:
        """Why some of it is ungraded: the whole for one reason, or each question for its own."""
        return why_ungraded(self.problem, {name: self.questions[name].message for name in self.ungraded})


def record_of(student: str, result: Result, told: Collection[str] = ()) -> Record:
    questions = {}
    for name, verdict in result.verdicts.items():
        failure = told_of(verdict)
        said = ("", "", "", "") if failure is None else (failure.case, failure.message, failure.hint, failure.mistake)
        hashed = question_hash(result.unit, name, secret())
        questions[name] = QuestionRecord(verdict.points, verdict.max_points, verdict.reason, *said, hashed)
    seconds = {stage: round(value, 4) for stage, value in result.seconds.items()}
    kept = (result.repairs, result.problem, result.jailed, result.digest, version(result.unit))
    return Record(student, result.unit, questions, *kept, sorted(told), sorted(result.in_words), seconds)


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
    return folder_of(course, unit, staging) / f"{student}.json"


def save(course: Path, record: Record, staging: bool = False) -> None:
    """Write a record at once or not at all."""
    path = path_of(course, record.unit, record.student, staging)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record), indent=1))
    os.replace(draft, path)


def load(course: Path, unit: str, student: str, staging: bool = False) -> Record | None:
    """A student's record; None where there is none, or a damaged one."""
    path = path_of(course, unit, student, staging)
    try:
        fields = json.loads(path.read_text())
        fields["questions"] = {name: QuestionRecord(**question) for name, question in fields["questions"].items()}
        return Record(**fields)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def load_all(course: Path, unit: str, staging: bool = False) -> list[Record]:
    paths = sorted(folder_of(course, unit, staging).glob("*.json"))
    return [record for path in paths if (record := load(course, unit, path.stem, staging)) is not None]
