"""Checks of what is tried and not graded: what a lecture asks at its end, and a unit beyond its exercises.

They are asked and judged as those that are graded, and worth no points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from .. import lectures
from ..messages import describe_value
from ..registry import restored
from ..units import UNITS, part_of
from .judge import judge
from .question import Question, Verdict
from .report import html, text, warning_html
from .time_limit import answers_within


@dataclass(frozen=True)
class Report:
    """A verdict to look at: HTML in a notebook, text elsewhere."""

    verdict: Verdict
    question: Question
    note: str = ""  # why the verdict is about an old version

    def __repr__(self) -> str:
        warning = f"⚠ {self.note}\n" if self.note else ""
        return warning + text(self.verdict, self.question, bool(self.note))

    def _repr_html_(self) -> str:
        return warning_html([self.note] if self.note else []) + html(self.verdict, self.question, bool(self.note))


def of_lecture(lecture: str) -> Callable[[Callable[..., Any]], Report]:
    """The `check` of a lecture, `check = checks.of_lecture("02_broadcasting")`: it is handed the function itself, `check(unbroadcast)`.

    The function is known by its name. KeyError, with the names there are, for one that the lecture does not ask for; TypeError for
    what is no function, as its name. ValueError, with the lectures that ask, for one that does not.
    """
    if lecture not in asking():
        raise ValueError(f"the lecture '{lecture}' asks for nothing; these ask: {', '.join(asking())}")
    known = {question.name: question for question in asking()[lecture].questions()}

    def check(written: Callable[..., Any]) -> Report:
        if not callable(written):
            raise TypeError(
                f"check got {describe_value(written)}, which is no function: give the function itself, check({next(iter(known))})"
            )
        name = getattr(written, "__name__", repr(written))
        if name not in known:
            raise KeyError(f"the lecture {lecture} asks for no '{name}'; it asks for {', '.join(known)}, by that name")
        with restored({f"{lecture}.{name}": written}):
            return Report(judge(known[name], answers_within()), known[name])

    return check


@cache
def asking() -> dict[str, ModuleType]:
    """The lectures that ask for something, in their order, each with the module of its questions."""
    modules = [import_module(f"{lectures.__name__}.{found.name}") for found in iter_modules(lectures.__path__)]
    return {module.LECTURE: module for module in sorted(modules, key=lambda module: module.LECTURE)}


def further(unit: str) -> dict[str, Question]:
    """The questions that a unit asks beyond its exercises, by name."""
    if not UNITS[unit].further:
        return {}
    return {question.name: question for question in part_of(unit, "further").questions()}
