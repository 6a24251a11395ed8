"""Who shares an array with whom: arrays are overwritten once their numbers were read, and nobody else's may change.

The numbers of a tensor are an array that others may hold as well. As long as nobody writes into one, sharing costs nothing,
and much of it is right:

- `detach()`, and so `.data`, holds the very array of its tensor; this is asked for, a copy is wrong. Assigning `.data` takes
  the array of the other tensor, and `make_const` the one that it is given.
- A value may be its input's array, or a view of it, as reshaping, swapping axes and stretching make one.
- The gradients of one call may share with `out_grad` and with one another, since a rule hands on what it was given: that of a
  sum hands one array to both of its inputs.

Nobody else's is
- the array that somebody hands to `Tensor(...)`, and the one that `numpy()` gives: both are copies;
- a value, beside the gradients, and beside the values of what it was not made from;
- the gradients of one call, beside those of another: each call assigns its own, and begins with ones of its own;
- what a rule hands over: a sum of several of these is a new array;
- what an operator has computed, beside what it computes later, unless both are views of its input;
- what the caller of an epoch has, beside the weights that come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor as Values

from ...eager import Tensor
from ...graph import Node, Op


def overwrite(values: Values) -> None:
    """Put nan into every entry, or a number far from all that is asked where there is no nan. Entries may lie on one another."""
    array = values.detach().numpy()
    array[...] = np.nan if array.dtype.kind == "f" else 99


@contextmanager
def overwritten(arrays: Iterable[Values]) -> Iterator[None]:
    """While open, these arrays are overwritten. Then they hold their numbers again: somebody may have kept one, who is asked once more."""
    kept = [(values, numbers_of(values)) for values in arrays]
    for values, _ in kept:
        overwrite(values)
    try:
        yield
    finally:
        for values, numbers in kept:
            put(values, numbers)


def put(values: Values, numbers: np.ndarray) -> None:
    values.detach().numpy()[...] = numbers


def numbers_of(values: Values) -> np.ndarray:
    return values.detach().numpy().copy()


def holds(values: Values, numbers: np.ndarray) -> bool:
    array = values.detach().numpy()
    if array.shape == numbers.shape and array.dtype == numbers.dtype and array.tobytes() == numbers.tobytes():
        return True  # as it mostly is, and this takes a tenth of the time
    return np.array_equal(array, numbers, equal_nan=numbers.dtype.kind == "f")


def changed(arrays: Iterable[Values], before: Sequence[np.ndarray]) -> list[int]:
    """Which of these arrays do not hold these numbers any more, by their number."""
    return [place for place, (values, numbers) in enumerate(zip(arrays, before, strict=True)) if not holds(values, numbers)]


def tied(arrays: Sequence[Values]) -> list[int]:
    """Which of these arrays change when those before them are overwritten, one after the other."""
    before, found = [*map(numbers_of, arrays)], []
    with ExitStack() as stack:
        for place, (values, numbers) in enumerate(zip(arrays, before, strict=True)):
            if not holds(values, numbers):
                found.append(place)
            stack.enter_context(overwritten([values]))
    return found


def is_overwritten(values: Values) -> bool:
    """Whether there is nothing but nan in it."""
    return values.numel() > 0 and bool(values.isnan().all())


@dataclass(frozen=True)
class HandedOver:
    """The gradients that a rule has returned, and their numbers at that moment."""

    rule: str
    grad: Values
    numbers: np.ndarray


def written_into(handed: Sequence[HandedOver]) -> list[str]:
    """The rules whose gradients do not hold their numbers any more, each once."""
    return list(dict.fromkeys(one.rule for one in handed if not holds(one.grad, one.numbers)))


@contextmanager
def handed_over(nodes: Iterable[Node]) -> Iterator[list[HandedOver]]:
    """While open, what the rules of the operators of `nodes` return is written down."""
    handed: list[HandedOver] = []
    operators = {id(node.op): node.op for node in nodes if node.inputs}.values()

    def followed(op: Op, gradient: Any) -> Any:
        def following(node: Node, output_grad: Node) -> list[Node]:
            grads: list[Node] = gradient(node, output_grad)
            for grad in grads:
                if isinstance(grad, Tensor) and grad.cached_data is not None:
                    handed.append(HandedOver(op.name, grad.cached_data, numbers_of(grad.cached_data)))
            return grads

        return following

    for op in operators:
        vars(op)["gradient"] = followed(op, op.gradient)
    try:
        yield handed
    finally:
        for op in operators:
            del vars(op)["gradient"]
