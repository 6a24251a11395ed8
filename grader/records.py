"""Results as plain records on disk: what `report` counts, and by which a batch that was stopped goes on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .engine import Result, version


@dataclass(frozen=True)
class QuestionRecord:
    points: float
    max_points: float
    reason: str
    case: str = ""  # the smallest failing case
    message: str = ""
    hint: str = ""


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
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def points(self) -> float:
        return sum(question.points for question in self.questions.values())

    @property
    def max_points(self) -> float:
        return sum(question.max_points for question in self.questions.values())

    @property
    def ungraded(self) -> list[str]:
        return [name for name, question in self.questions.items() if question.reason == "unanswered"]


def record_of(student: str, result: Result) -> Record:
    questions = {}
    for name, verdict in result.verdicts.items():
        failure = next((part.failure for part in verdict.parts if part.failure is not None and part.failure.reason == verdict.reason), None)
        told = (failure.case, failure.message, failure.hint) if failure is not None else ()
        questions[name] = QuestionRecord(verdict.points, verdict.max_points, verdict.reason, *told)
    seconds = {stage: round(value, 4) for stage, value in result.seconds.items()}
    return Record(
        student, result.unit, questions, result.repairs, result.problem, result.jailed, result.digest, version(result.unit), seconds
    )


def path_of(course: Path, unit: str, student: str) -> Path:
    return course / ".grader" / unit / f"{student}.json"


def save(course: Path, record: Record) -> None:
    """Write a record at once or not at all."""
    path = path_of(course, record.unit, record.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record), indent=1))
    os.replace(draft, path)


def load(course: Path, unit: str, student: str) -> Record | None:
    """A student's record; None where there is none, or a damaged one."""
    path = path_of(course, unit, student)
    try:
        fields = json.loads(path.read_text())
        fields["questions"] = {name: QuestionRecord(**question) for name, question in fields["questions"].items()}
        return Record(**fields)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def load_all(course: Path, unit: str) -> list[Record]:
    paths = sorted((course / ".grader" / unit).glob("*.json"))
    return [record for path in paths if (record := load(course, unit, path.stem)) is not None]
