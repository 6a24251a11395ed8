"""The cases of backward functions: beside torch, and, for shapes and dtypes, beside what the same function makes of plain arrays.

So a wrong gradient that is stretched, rounded and handed over as it should be costs nothing where only that is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...checks.compare import agree, vanishes
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Failure
from ...checks.values import Shape
from ...kinds.function.judge import ArrayCase, miscounted
from .truth import OPERATIONS, gradients
from .unit import UNIT

OTHERS = "See the other parts."

TWICE = Form(
    "units.tape.probe:twice",
    arrays=lambda case: 2 * len(case.results),
    facts={"changed": lambda value, case: is_list_of(int, value)},
    miscounted=lambda case, answer: miscounted(case, answer, len(answer.arrays) // 2),
)


@dataclass(frozen=True)
class TwiceCase(ArrayCase):
    """A backward function, on these arrays, and on plain ones: in float64, and stretched to one shape where it is entry by entry."""

    form: ClassVar[Form] = TWICE

    stretched: bool = False

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": self.function, "stretched": self.stretched}, self.arrays)


def judge_consistent(case: TwiceCase, answer: Answer) -> Failure | None:
    """Shapes, dtypes, and that nothing has changed. What the plain answers must be is asked elsewhere."""
    count = len(case.results)
    if says_nothing(case, answer.arrays[count:]):
        message = "On arrays of one shape and in float64, nothing of what your function returns is right."
        return Failure(case.name, "wrong", message, OTHERS, answer.arrays[count], None, case.inputs)
    for place, (got, plain) in enumerate(zip(answer.arrays[:count], answer.arrays[count:], strict=True)):
        shape = case.shapes[place + 1]
        full = case.shapes[0] if case.stretched else shape
        if plain.shape != full or not np.isfinite(plain).all() or (plain.size and vanishes(plain, "float64")):
            message = f"{case.result(place)} is nothing that could be compared, on arrays of one shape and in float64."
            return Failure(case.name, "wrong", message, OTHERS, plain, None, case.inputs)
        want = summed(np.asarray(plain, float), shape)
        if not agree(got, want, case.dtype):
            plainly = "stretched, and then summed" if case.stretched and shape != full else "in float64"
            message = f"{case.result(place)} is not what your function makes of the same numbers {plainly}."
            return Failure(case.name, "wrong", message, diagnose(got, want, case.dtype), got, want, case.inputs)
        if got.dtype != case.dtype:
            message, keep = (
                f"{case.result(place)} has dtype {got.dtype} for {case.dtype} inputs.",
                "The result keeps the dtype of its input.",
            )
            return Failure(case.name, "wrong", message, keep, got, want, case.inputs)
    if answer.facts["changed"]:
        place = answer.facts["changed"][0]
        name = case.arguments[place : place + 1] or ("An argument",)
        return Failure(case.name, "wrong", f"{name[0]} was changed.", "It belongs to the caller: make a new array.", inputs=case.inputs)
    return None


def says_nothing(case: TwiceCase, found: Sequence[np.ndarray]) -> bool:
    """Whether none of two gradients is right; or the only one is what came in. Then its rounding says nothing."""
    shape = case.shapes[0]
    given = [np.asarray(array, float) for array in case.arrays]
    given = [np.broadcast_to(array, shape).copy() for array in given] if case.stretched else given
    if len(found) == 1:
        return any(agree(found[0], array, "float64") for array in given)
    return not any(agree(got, want, "float64") for got, want in zip(found, case.truth(*given), strict=True))


def summed(array: np.ndarray, shape: Shape) -> np.ndarray:
    """The sum over all axes along which an array of this shape was stretched to the array's."""
    extra = array.ndim - len(shape)
    axes = (*range(extra), *(extra + axis for axis, size in enumerate(shape) if size != array.shape[extra + axis]))
    return np.asarray(array.sum(axis=axes)).reshape(shape)


Row = tuple[tuple[Shape, ...], tuple[str, ...]]
"""Shapes and kinds of values, of grad_output first."""


def call_case(name: str, row: Row, dtype: str = "float64") -> ArrayCase:
    """Beside torch."""
    shapes, kinds = row
    inputs = ("a", "b")[: len(shapes) - 1]
    names = ("grad_output", *inputs)
    results = tuple(f"gradient of {one}" for one in inputs)
    return ArrayCase(UNIT.entry(name), gradients(OPERATIONS[name]), shapes, kinds=kinds, dtype=dtype, arguments=names, results=results)


def twice_case(name: str, row: Row, dtype: str = "float64", stretched: bool = False) -> TwiceCase:
    """Beside what the function makes of plain arrays."""
    beside = call_case(name, row, dtype)
    return TwiceCase(
        beside.function,
        beside.truth,
        beside.shapes,
        kinds=beside.kinds,
        dtype=dtype,
        arguments=beside.arguments,
        results=beside.results,
        stretched=stretched,
    )
