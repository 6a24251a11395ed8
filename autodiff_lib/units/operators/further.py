"""What the unit asks beyond its exercises, and does not grade: softmax's twin, `logsumexp`."""

from __future__ import annotations

from typing import Any

from ...checks.question import Part, Question
from ...checks.values import Shape
from ...kinds.operator.judge import ComputeCase, GradientCase, judge_compute, judge_gradient
from .unit import UNIT

NAME = "logsumexp"
ROWS: tuple[tuple[Shape, int, str], ...] = (  # shape, dim, kind of values
    ((3,), 0, "normal"),
    ((2, 3), 1, "normal"),
    ((2, 3), 0, "normal"),
    ((2, 3), -1, "ties"),
    ((3, 3), -2, "normal"),
    ((2, 3), 1, "huge"),
    ((3, 3), 0, "huge"),
    ((3, 4), -1, "peak"),
    ((2, 3, 4), 1, "normal"),
    ((2, 3, 4), -3, "huge"),
)


def questions() -> tuple[Question, ...]:
    def settings(shape: Shape, dim: int, kind: str) -> tuple[str, tuple[Shape, ...], dict[str, Any], tuple[str, ...]]:
        return NAME, (shape,), {"dim": dim}, (kind,)

    compute = tuple(ComputeCase(*settings(*row)) for row in ROWS)
    gradient = tuple(GradientCase(*settings(*row), closely=row[2] == "normal") for row in ROWS)
    parts = (
        Part("compute", 0, compute, judge_compute, "how softmax survives large numbers, and what must be put back here"),
        Part("gradient", 0, gradient, judge_gradient, "which exercise's value is the slope, and which shape output_grad has"),
    )
    return (Question(UNIT.name, len(UNIT.exercises) + 1, NAME, parts),)
