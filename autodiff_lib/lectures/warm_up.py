"""The first check of the course: a derivative by hand."""

from __future__ import annotations

import numpy as np

from ..checks.question import Part, Question
from ..kinds.function.judge import ArrayCase, judge_call

LECTURE = "00_warm_up"
SHAPES = ((), (3,), (2, 3))


def slope(x: np.ndarray) -> np.ndarray:
    """The derivative of x^3 - 2x."""
    return 3 * x * x - 2


def questions() -> tuple[Question, ...]:
    cases = tuple(ArrayCase(f"{LECTURE}.slope", slope, (shape,)) for shape in SHAPES)
    return (Question(LECTURE, 1, "slope", (Part("value", 0, cases, judge_call, "the power rule, and the second summand"),)),)
