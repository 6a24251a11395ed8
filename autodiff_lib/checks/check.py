"""The `check` of a notebook: probe and judge in the student's own process, on public cases."""

from __future__ import annotations

from collections.abc import Callable

from ..units import UNITS
from . import questions, run_all, session
from .judge import judge
from .known import known_of, mistakes_in, told_again
from .question import Question, Verdict
from .ready_made import refused
from .report import Overview, Score
from .time_limit import answers_within
from .ungraded import Report, further


def verdict(question: Question) -> Verdict:
    """Probe and judge a question in this process, within the time that a check may take."""
    return judge(question, answers_within(), known_of(question.unit, question.name))


def of_unit(unit: str) -> Callable[..., Score | Report | Overview]:
    """The `check` of a unit's notebook.

    `check("matmul")` asks one question: it shows a report and is worth the points.
    `check()` asks all questions of the unit and shows a line for each. Whoever makes a known mistake
    gets a hint, and a more direct one the next time. What grading refuses is refused here, in the same words.
    What the unit asks beyond its exercises has a report and no points.
    """
    known, beyond = questions(unit), further(unit)
    run_all.install(unit)
    told: set[str] = set()

    def check(name: str | None = None) -> Score | Report | Overview:
        if name in beyond:
            return Report(verdict(beyond[name]), beyond[name])
        if name is not None and name not in known:
            raise KeyError(f"unit {unit} has no exercise '{name}'; it has {', '.join((*known, *beyond))}")
        seen = session.seen(unit)

        def found(question: Question) -> Verdict:
            finding = seen.findings.get(question.name)
            return verdict(question) if finding is None else refused(question, finding)

        if name is None:
            notes = {question: note for question in known if (note := session.note(question, unit))}
            return Overview([found(question) for question in known.values()], seen.flags, UNITS[unit].extra, notes)
        answer = told_again(found(known[name]), told)
        told.update(mistakes_in(answer))
        return Score(answer, known[name], session.note(name, unit))

    return check
