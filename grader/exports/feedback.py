"""What there is to say about a graded submission, question by question, for systems that show it to the student.

It comes from the judge's own result, in full as the student's notebook shows it, or from the record that a batch
keeps, in the words of the smallest failing case. Of a hidden case both have the name and the hint, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.report import text
from autodiff_lib.units import UNITS

from ..classes.records import QuestionRecord, Record
from ..submission.engine import Result, told_of
from ..submission.outputs import plain

MAX_TEXT = 20_000  # characters of what is said of a question
UNGRADED = "UNGRADED: this question has no verdict. That is no zero; a person has to look at it."


@dataclass(frozen=True)
class Item:
    """One question. `points` is None where it is ungraded."""

    name: str
    number: int
    points: float | None
    max_points: float
    passed: bool
    text: str


@dataclass(frozen=True)
class Feedback:
    """One submission: its questions in the notebook's order, and what is to be said of it as a whole."""

    items: tuple[Item, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def points(self) -> float:
        """The sum over the graded questions."""
        return sum(item.points for item in self.items if item.points is not None)

    @property
    def ungraded(self) -> list[str]:
        return [item.name for item in self.items if item.points is None]


def most(question: str, unit: str, points: float) -> float:
    """Of how many points a question is told to be: none, where they come on top."""
    return 0 if question in UNITS[unit].extra else points


def of_result(result: Result) -> Feedback:
    """From the judge's result."""
    questions = public_questions(result.unit)
    items = []
    for name, verdict in result.verdicts.items():
        answered = verdict.reason != "unanswered"
        said = text(verdict, questions[name]) if answered else f"{UNGRADED}\n{told_of(verdict).message}"
        points = verdict.points if answered else None
        passed, of = verdict.reason == "passed", most(name, result.unit, verdict.max_points)
        items.append(Item(name, verdict.number, points, of, passed, bounded(said)))
    return Feedback(tuple(items), notes(result), sum(result.seconds.values()))


def of_record(record: Record) -> Feedback:
    """From a saved record."""
    items = []
    for number, (name, question) in enumerate(record.questions.items(), start=1):
        points = None if question.reason == "unanswered" else question.points
        said = told(name, question) if points is not None else f"{UNGRADED}\n{question.message}"
        passed, of = question.reason == "passed", most(name, record.unit, question.max_points)
        items.append(Item(name, number, points, of, passed, bounded(said)))
    return Feedback(tuple(items), notes(record), sum(record.seconds.values()))


def told(name: str, question: QuestionRecord) -> str:
    mark = {"passed": "✓", "missing": "○"}.get(question.reason, "✗")
    lines = [f"{mark} {name}: {question.points:g} of {question.max_points:g} points"]
    if question.reason == "missing":
        return f"{lines[0]}\n  Not done yet."
    if question.case:
        lines.append(f"  Smallest failing case: {question.case}.")
    return "\n".join([*lines, *(f"  {line}" for line in (question.message, question.hint) if line)])


def notes(graded: Result | Record) -> tuple[str, ...]:
    """What a student has to know beside the questions: what is ungraded and why, repairs, a missing jail."""
    said = []
    if graded.ungraded:
        names = ", ".join(graded.ungraded)
        said.append(
            f"UNGRADED: {names} ({graded.waiting}). No points are counted for these, and none are lost: a person has to look at them."
        )
    if graded.repairs:
        said.append("\n".join(["The notebook was repaired before it was graded:", *(f"- {repair}" for repair in graded.repairs)]))
    if not graded.jailed:
        said.append("This submission was graded without a jail.")
    return tuple(map(plain, said))


def bounded(said: str) -> str:
    said = plain(said)
    return said if len(said) <= MAX_TEXT else f"{said[:MAX_TEXT]}\n[cut off]"
