"""The `check` of a notebook: probe and judge in the student's own process, on public cases."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..units import UNITS
from . import questions, run_all, session
from .judge import judge
from .known import known_of, mistakes_in, told_again
from .question import Question, Verdict
from .ready_made import Look, refused
from .report import Overview, Score
from .time_limit import answers_within
from .ungraded import Report, further


def verdict(question: Question) -> Verdict:
    """Probe and judge a question in this process, within the time that a check may take."""
    return judge(question, answers_within(), known_of(question.unit, question.name))


class Check:
    """The `check` of a unit's notebook."""

    def __init__(self, unit: str) -> None:
        self.unit, self.known, self.beyond = unit, questions(unit), further(unit)
        self.told: set[str] = set()  # mistakes that a hint was given for

    def __call__(self, name: str | None = None) -> Score | Report | Overview:
        """The report on a question, or a line for each; KeyError, with the names there are, for a question that the unit has not."""
        if name in self.beyond:
            return Report(verdict(self.beyond[name]), self.beyond[name], session.note(name, self.unit))
        if name is not None and name not in self.known:
            raise KeyError(f"unit {self.unit} has no exercise '{name}'; it has {', '.join((*self.known, *self.beyond))}")
        seen = session.seen(self.unit)
        if name is None:
            notes = {question: note for question in self.known if (note := session.note(question, self.unit))}
            return Overview(self.verdicts(seen), seen.flags, UNITS[self.unit].extra, notes)
        answer = told_again(found(self.known[name], seen), self.told)
        self.told.update(mistakes_in(answer))
        return Score(answer, self.known[name], session.note(name, self.unit))

    def verdicts(self, seen: Look) -> list[Verdict]:
        """Of all questions of the unit."""
        return [found(question, seen) for question in self.known.values()]

    def progress(self) -> Any:
        """A picture of what passes in all units, and what to do next; while grading, nothing."""
        return import_module("autodiff_lib.student.picture").progress(self.unit, self.verdicts(session.seen(self.unit)))  # no jail has it


def found(question: Question, seen: Look) -> Verdict:
    """The verdict on a question; what grading refuses is refused."""
    finding = seen.findings.get(question.name)
    return verdict(question) if finding is None else refused(question, finding)


def of_unit(unit: str) -> Check:
    """The `check` of a unit's notebook.

    `check("matmul")` asks one question: it shows a report and is worth the points.
    `check()` asks all questions of the unit and shows a line for each. Whoever makes a known mistake
    gets a hint, and a more direct one the next time. What grading refuses is refused here, in the same words.
    What the unit asks beyond its exercises has a report and no points. `check.progress()` draws how far all units are.
    """
    run_all.install(unit)
    return Check(unit)
