"""Checks: `check = checks.of_unit("01_operators")`, then `check("matmul")` under the exercise.

A lecture has its own, `checks.of_lecture("02_broadcasting")`, which are not graded.

The same probe and judge run here, in the student's own process on public cases, and in the
grader, where the probe runs in a jail and the judge outside of it. So what judges is loaded when
somebody asks for it: in the jail there is none.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from ..units import part_of
from .question import Question

LATER = {  # name -> the module that has it
    "of_unit": "autodiff_lib.checks.check",
    "of_lecture": "autodiff_lib.checks.ungraded",
    "verdict": "autodiff_lib.checks.check",
    "live_values": "autodiff_lib.kinds.evaluator.watch",
}


@cache
def questions(unit: str) -> dict[str, Question]:
    """The questions of a unit by name, always the same ones. KeyError, with the units there are, for any other."""
    return {question.name: question for question in part_of(unit, "questions").questions()}


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
