"""What judges of graphs by independent properties share: how much two values differ, and a part for what no property sees.

Such a judge changes the values of a case until only its own property can make a difference, so that a mistake costs the
part that it is about. Where a value must stay as it was, another must move: an answer that does nothing has no property.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from ...checks.compare import agree, in_words, size_of
from ...checks.diagnosis import diagnose
from ...checks.question import Answer, Failure, Part, plain
from ...checks.values import generator
from ...graph_data import GraphError
from .judge import EXACT, FunctionCase, evaluated, of_a_graph, twin, wrong_value

HARDLY = 1e-9  # a smaller change of the output, relative to its largest number, counts as none
MOVED = 1e-6  # and a larger one as a change that was asked for

Leaves = dict[str, Tensor]


class SizedCase(FunctionCase, Protocol):
    """A function on values whose axes have letters."""

    @property
    def sizes(self) -> dict[str, int]:
        """Axis -> its length."""


class WholeCase(FunctionCase, Protocol):
    """A function on values under which all of it shows."""

    def asked_as(self, other: Any) -> FunctionCase:
        """Another case, about a graph that was built for this one's number."""


def value(case: SizedCase, answer: Answer, leaves: Leaves) -> Tensor:
    """The value of the student's graph, (B, T, ...) with a row of finite numbers for each token. GraphError for another one."""
    found = evaluated(case, answer, leaves)
    batch, tokens = case.sizes["B"], case.sizes["T"]
    if found.ndim != 3 or found.shape[:2] != (batch, tokens) or not found.numel():
        raise GraphError(f"its value has shape {list(found.shape)}, expected [{batch}, {tokens}, ...]: one row for each token.")
    if not found.isfinite().all():
        raise GraphError("its value has entries that are no numbers: is there a logarithm, a root or a division in it?")
    return found


def moved(first: Tensor, second: Tensor) -> float:
    """By how much two values differ, relative to the largest number in them, or to 1; infinite for two shapes."""
    return float((first - second).abs().max()) / size_of(plain(first), plain(second)) if first.shape == second.shape else math.inf


def alike(got: Tensor, want: Tensor, tolerance: float = HARDLY) -> bool:
    return agree(plain(got), plain(want), "float64", tolerance)


def drawn(case: FunctionCase, what: str, *shape: int) -> Tensor:
    return torch.tensor(generator(case.seed, case.name, what).standard_normal(shape))


def unit(size: int, height: float = 1.0) -> Tensor:
    return height * torch.eye(size, dtype=torch.float64)


def with_whole(numbers: Part, others: Sequence[Part], wholes: Sequence[WholeCase]) -> Part:
    """The part about numbers, for which everything is asked at once as well.

    What is wrong there and seen by another part is that part's business. What no other part sees costs this one: so no wrong
    answer keeps all points. Where the part has no cases of its own, an answer that fails all others fails this one, too.
    """
    whole_kind = type(wholes[0])

    @of_a_graph
    def judged(case: Any, answer: Answer) -> Failure | None:
        if not isinstance(case, whole_kind):
            return numbers.judge(case, answer)
        leaves = case.values()
        got, want = evaluated(case, answer, leaves), twin(case, leaves)
        if alike(got, want, EXACT):
            return None
        seen = (any(part.judge(case.asked_as(other), answer) for other in part.cases) for part in others)
        elsewhere = any(seen) if numbers.cases else 0 < sum(seen) < len(others)
        return None if elsewhere else wrong_value(case, answer, leaves, got, want)

    return replace(numbers, cases=(*numbers.cases, *wholes), judge=judged)


# --- attention: of X (B, T, D) with W_Q, W_K, W_V, and where a function has them W_O and a mask


def passing_on(leaves: Leaves, size: int, *names: str) -> Leaves:
    """Of these weights those that there are, as matrices that pass on what they are given; and no mask."""
    none = {"mask": torch.zeros_like(leaves["mask"])} if "mask" in leaves else {}
    return {name: unit(size) for name in names if name in leaves} | none


@of_a_graph
def judge_scale(case: SizedCase, answer: Answer) -> Failure | None:
    """Between unit vectors all scores are zero, but those of each word with itself: its size shows in what it leaves to the others."""
    leaves, size = case.values(), case.sizes["D"]
    height = 1.2 + 0.4 * float(generator(case.seed, case.name, "height").random())
    leaves |= {"X": unit(size, height).expand(case.sizes["B"], -1, -1)} | passing_on(leaves, size, "W_Q", "W_K", "W_V", "W_O")
    others = 1 - unit(size)  # what it says of itself may have a residual connection in it
    got, want = evaluated(case, answer, leaves), twin(case, leaves) * others
    if got.shape == want.shape and alike(got * others, want):
        return None
    if got.shape != want.shape:
        return wrong_value(case, answer, leaves, got, want)
    share, right = (float(shares[0, 0, 1]) / height for shares in (got, want))
    message = (
        f"Each word has the score {in_words(height**2)} with itself, before it is divided, and 0 with all others: "
        f"with model_dim={case.number:g} each of the others gets the share {in_words(right)}, got {in_words(share)}."
    )
    return Failure.wrong(case, message, "By what are the scores divided, and when?", got * others, want)


@of_a_graph
def judge_mixing(case: SizedCase, answer: Answer) -> Failure | None:
    """Who listens to whom: what queries and keys of all kinds change, beside queries that find everybody alike.

    Words are said as they are, and what is added to all of it is the same twice.
    """
    leaves = case.values()
    leaves |= passing_on(leaves, case.sizes["D"], "W_V", "W_O")
    none = leaves | {"W_Q": torch.zeros_like(leaves["W_Q"])}
    got, want = (value(case, answer, leaves) - value(case, answer, none)), twin(case, leaves) - twin(case, none)
    if alike(got, want):
        return None
    message = "Queries were given in the place of zeros, and what this changed in the output is not what it should be."
    hint = diagnose(plain(got), plain(want), "float64") or "Who asks in a row of the scores, and along which axis is the softmax?"
    return Failure.wrong(case, message, hint, got, want, X=leaves["X"])
