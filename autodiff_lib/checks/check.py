"""The `check` of a notebook: probe and judge in the student's own process, on public cases."""

from __future__ import annotations

from collections.abc import Sequence
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


def asked_by(unit: str, name: str) -> tuple[str, ...]:
    """The questions of a unit that a name stands for: one, or those of a group; none where it stands for nothing."""
    return (name,) if name in questions(unit) or name in further(unit) else UNITS[unit].groups.get(name, ())


def unknown(unit: str, name: str) -> str:
    """What to say of a name that stands for nothing: the names there are."""
    groups = f"; and in groups {', '.join(UNITS[unit].groups)}" if UNITS[unit].groups else ""
    return f"unit {unit} has no exercise '{name}'; it has {', '.join((*questions(unit), *further(unit)))}{groups}"


class Check:
    """The `check` of a unit's notebook."""

    def __init__(self, unit: str) -> None:
        self.unit, self.known, self.beyond = unit, questions(unit), further(unit)
        self.told: set[str] = set()  # mistakes that a hint was given for

    def __call__(self, name: str | None = None) -> Score | Report | Overview:
        """The report on a question, or a line for each, of all or of a group; KeyError, with the names there are, for any other name."""
        if name in self.beyond:
            return Report(verdict(self.beyond[name]), self.beyond[name], session.note(name, self.unit))
        names = tuple(self.known) if name is None else asked_by(self.unit, name)
        if not names:
            raise KeyError(unknown(self.unit, str(name)))
        seen = session.seen(self.unit)
        if name not in self.known:
            return self.overview(names, seen)
        answer = told_again(found(self.known[name], seen), self.told)
        self.told.update(mistakes_in(answer))
        return Score(answer, self.known[name], session.note(name, self.unit))

    def overview(self, names: Sequence[str], seen: Look) -> Overview:
        """A line for each of some questions."""
        notes = {question: note for question in names if (note := session.note(question, self.unit))}
        verdicts = [found(self.known[one], seen) if one in self.known else verdict(self.beyond[one]) for one in names]
        return Overview(verdicts, seen.flags, UNITS[self.unit].extra, notes)

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
