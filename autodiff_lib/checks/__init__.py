"""Checks: `check = checks.of_unit("01_operators")`, then `check("matmul")` under the exercise.

The same probe and judge run here, in the student's own process on public cases, and in the
grader, where the probe runs in a jail and the judge outside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..kinds.evaluator.watch import live_values
from ..units import part_of
from . import probe, session
from .judge import judge
from .known import known_of, mistakes_in, told_again
from .question import Question, Verdict
from .ready_made import refused
from .report import Overview, Score

__all__ = ["live_values", "of_unit", "questions", "verdict"]


@cache
def questions(unit: str) -> dict[str, Question]:
    """The questions of a unit by name, always the same ones. KeyError, with the units there are, for any other."""
    return {question.name: question for question in part_of(unit, "questions").questions()}


def verdict(question: Question) -> Verdict:
    """Probe and judge a question in this process."""
    return judge(question, probe.answers, known_of(question.unit, question.name))


def of_unit(unit: str) -> Callable[..., Score | Overview]:
    """The `check` of a unit's notebook.

    `check("matmul")` asks one question: it shows a report and is worth the points.
    `check()` asks all questions of the unit and shows a line for each. Whoever makes a known mistake
    gets a hint, and a more direct one the next time. What grading refuses is refused here, in the same words.
    """
    known, told = questions(unit), set()

    def check(name: str | None = None) -> Score | Overview:
        if name is not None and name not in known:
            raise KeyError(f"unit {unit} has no exercise '{name}'; it has {', '.join(known)}")
        seen = session.seen(unit)

        def found(question: Question) -> Verdict:
            finding = seen.findings.get(question.name)
            return verdict(question) if finding is None else refused(question, finding)

        if name is None:
            return Overview([found(question) for question in known.values()], seen.flags)
        answer = told_again(found(known[name]), told)
        told.update(mistakes_in(answer))
        return Score(answer, known[name], session.note(name, unit))

    return check
