"""The way back from a stretched shape: `unbroadcast`, over what can happen to an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks.question import Part, Question
from ..checks.values import Shape
from ..kinds.function.judge import ArrayCase, judge_call

LECTURE = "02_broadcasting"
STRETCHES: tuple[tuple[Shape, Shape], ...] = (  # (shape of the gradient, shape that was stretched)
    ((3,), (3,)),
    ((3,), ()),
    ((3,), (1,)),
    ((2, 3), (2, 3)),
    ((2, 3), (1, 3)),
    ((2, 3), (2, 1)),
    ((2, 3), (3,)),
    ((2, 3), (1, 1)),
    ((2, 3), ()),
    ((3, 3), (3, 1)),
    ((3, 3), (3,)),
    ((2, 1, 3), (1, 3)),
    ((2, 1, 3), (1, 1, 3)),
    ((4, 2, 3), (2, 1)),
    ((2, 4, 3, 5), (4, 1, 5)),
)


def unbroadcast(grad: np.ndarray, shape: Shape) -> np.ndarray:
    """Each entry of the gradient is added to the one entry of `shape` that was stretched to it."""
    total = np.zeros(shape)
    places = np.broadcast_to(np.arange(total.size).reshape(shape), grad.shape)
    np.add.at(total.reshape(-1), places.reshape(-1), grad.reshape(-1))
    return total


@dataclass(frozen=True)
class StretchCase(ArrayCase):
    """An array case that tells from others what has happened to its axes."""

    def features(self) -> dict[str, Any]:
        (large,), small = self.shapes, self.keywords["shape"]
        missing = len(large) - len(small)
        repeated = sum(now == 1 != then for now, then in zip(small, large[missing:], strict=True))
        return {"axes missing in front": missing, "repeated axes of size 1": repeated}


def questions() -> tuple[Question, ...]:
    cases = tuple(
        StretchCase(f"{LECTURE}.unbroadcast", unbroadcast, (large,), {"shape": small}, tensors=True) for large, small in STRETCHES
    )
    look_at = "section 2: which axes was the little one repeated along, and how many numbers are added there"
    return (Question(LECTURE, 1, "unbroadcast", (Part("shapes and sums", 0, cases, judge_call, look_at),)),)
