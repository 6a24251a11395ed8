"""Cases of the functions on tensors: what they must return, and how much memory they may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Beside, Failure
from ...checks.values import Shape, described, draw, generator
from ...kinds.steps import Steps, ends_at_a_step, followed


def beside_call(case: TensorCase, answer: Answer) -> Beside | None:
    """The step at which a wrong value ends, where it has the value of one."""
    if case.steps is None or len(answer.arrays) != 1:
        return None
    steps = followed(case.steps(*(torch.tensor(array, dtype=torch.float64) for array in case.inputs), **case.keywords))
    return ends_at_a_step(answer.arrays[0], steps, case.inputs, case.dtype)


CALL = Form(
    "units.fused_kernels.probe:call",
    arrays=lambda case: len(case.wanted),
    facts={
        "changed": lambda value, case: is_list_of(int, value),
        "peak": lambda value, case: type(value) is int and value >= 0,
    },
    beside=beside_call,
)


@dataclass(frozen=True)
class TensorCase:
    """A function on tensors of given shapes and kinds of values, and the function to whose results its own must come."""

    form: ClassVar[Form] = CALL
    counted: ClassVar[bool] = False  # whether its memory is

    function: str
    truth: Callable[..., Tensor | tuple[Tensor, ...]]
    shapes: tuple[Shape, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    dtype: str = "float64"
    empty: int | None = None  # how many columns of the first tensor are -inf; with them, the row in its middle
    offset: float = 0  # what is added to all values
    seed: str = "public"
    hidden: bool = False
    steps: Callable[..., Steps] | None = None  # of the same arguments: the values on the way to the only result

    @cached_property
    def name(self) -> str:
        empty = "" if self.empty is None else f", a row and {self.empty} columns of -inf"
        offset = f", around {self.offset:g}" if self.offset else ""
        return f"{described(self.shapes, self.keywords, self.kinds)}{offset}{empty}, {self.dtype}"

    @cached_property
    def inputs(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.function, self.name)
        kinds = self.kinds or ("normal",) * len(self.shapes)
        arrays = [(draw(kind, shape, rng) + self.offset).astype(self.dtype) for kind, shape in zip(kinds, self.shapes, strict=True)]
        if self.empty is not None:
            arrays[0][..., : self.empty] = -np.inf
            arrays[0][..., arrays[0].shape[-2] // 2, :] = -np.inf
        return tuple(arrays)

    @cached_property
    def wanted(self) -> tuple[np.ndarray, ...]:
        """What must be returned, in float64."""
        returned = self.truth(*(torch.tensor(array, dtype=torch.float64) for array in self.inputs), **self.keywords)
        return tuple(value.numpy() for value in (returned if isinstance(returned, tuple) else (returned,)))

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": self.function, "keywords": self.keywords, "counted": self.counted}, self.inputs)

    def features(self) -> dict[str, Any]:
        rank = " and ".join(str(len(shape)) for shape in self.shapes)
        return {**self.keywords, "rank": rank, "dtype": self.dtype, "-inf": "no" if self.empty is None else "yes"}


def shown(case: TensorCase) -> dict[str, np.ndarray]:
    return {f"argument {place + 1}": array for place, array in enumerate(case.inputs)}


def judge_value(place: int = 0, what: str = "The value") -> Callable[[TensorCase, Answer], Failure | None]:
    """A judge of one of the results: its numbers, its dtype, and that the inputs are what they were."""

    def judge(case: TensorCase, answer: Answer) -> Failure | None:
        got, want = answer.arrays[place], case.wanted[place]

        def failure(message: str, hint: str) -> Failure:
            return Failure(case.name, "wrong", message, hint, got, want, shown(case))

        if not agree(got, want, case.dtype):
            return failure(f"{what} is wrong.", diagnose(got, want, case.dtype))
        if got.dtype != case.dtype:
            return failure(f"{what} has dtype {got.dtype} for {case.dtype} inputs.", "The result keeps the dtype of its input.")
        if answer.facts["changed"]:
            message = f"Argument {answer.facts['changed'][0] + 1} was changed."
            return Failure(case.name, "wrong", message, "It belongs to the caller: make a new tensor.", inputs=shown(case))
        return None

    return judge


@dataclass(frozen=True)
class MemoryCase(TensorCase):
    """A function on tensors that may take so much memory beside what it is given and what it returns."""

    counted: ClassVar[bool] = True

    numbers: int = 0  # that may live at once beside inputs and result
    told: str = ""  # what they are
    instead: str = ""  # what to do
    mean_of: int | None = None  # the input of which each result is a weighted mean; where there is none, it is a share of a whole


def judge_memory(case: MemoryCase, answer: Answer) -> Failure | None:
    """Whether the peak is in bounds. What is returned may be wrong, which is asked elsewhere, but not just anything."""
    got, want = answer.arrays[0], case.wanted[0]
    if got.shape != want.shape:
        return Failure.wrong(case, f"The result has shape {list(got.shape)}, expected {list(want.shape)}.", case.instead)
    low, high = (0.0, 1.0) if case.mean_of is None else (case.inputs[case.mean_of].min(), case.inputs[case.mean_of].max())
    if not ((got >= low - SLACK) & (got <= high + SLACK)).all() or any((got.max(axis) - got.min(axis)).max() < SLACK for axis in (-1, -2)):
        return Failure.wrong(case, "The result is none of which the memory could be judged: see what is said of its values.")
    itemsize = np.dtype(case.dtype).itemsize
    taken = answer.facts["peak"] - want.size * itemsize
    if taken <= case.numbers * itemsize:
        return None
    held = f"At its peak it held {taken // itemsize} numbers beside its inputs and its result"
    message = f"{held}, where {case.numbers} are allowed: {case.told}."
    return Failure.wrong(case, message, case.instead, np.array([taken / itemsize]))


SLACK = 1e-3
COUNTED = Form("kinds.function.probe:call", arrays=lambda case: 3, facts={"changed": lambda value, case: value == []})


@dataclass(frozen=True)
class CountCase:
    """A kind of loops and its sizes: how often it loads, stores and computes is to be foretold."""

    form: ClassVar[Form] = COUNTED

    truth: Callable[..., tuple[int, int, int]]
    operation: str
    order: str
    sizes: tuple[int, int, int, int]  # B, M, K, N
    seed: str = "public"
    hidden: bool = False

    @property
    def keywords(self) -> dict[str, Any]:
        named = zip("BMKN", self.actual, strict=True)
        return {"operation": self.operation, "order": self.order, **dict(named)}

    @property
    def actual(self) -> tuple[int, ...]:
        """The sizes; in secret they are other ones."""
        if not self.hidden:
            return self.sizes
        more = generator(self.seed, self.operation, self.order, self.sizes).integers(0, 9, 4)
        return tuple(size + int(number) for size, number in zip(self.sizes, more, strict=True))

    @property
    def name(self) -> str:
        return f"{self.operation}, {self.order}, " + ", ".join(f"{axis}={size}" for axis, size in zip("BMKN", self.sizes, strict=True))

    @cached_property
    def wanted(self) -> tuple[int, int, int]:
        return self.truth(**self.keywords)

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": "loop_counts", "keywords": self.keywords, "tensors": False})

    def features(self) -> dict[str, Any]:
        return {"operation": self.operation, "order": self.order}


def judge_count(place: int, what: str) -> Callable[[CountCase, Answer], Failure | None]:
    """A judge of the loads, of the stores, or of the flops."""

    def judge(case: CountCase, answer: Answer) -> Failure | None:
        got, want = answer.arrays[place], case.wanted[place]
        if agree(got, np.asarray(float(want)), "float64"):  # a quotient that is whole may come out with a rounding error
            return None
        said = f"{float(got):g}" if got.shape == () else f"an array of shape {list(got.shape)}"
        sizes = ", ".join(f"{axis}={size}" for axis, size in zip("BMKN", case.actual, strict=True))
        message = f"{case.operation}, {case.order}: {said} {what} foretold for {sizes}, the loops make {want}."
        off = np.atleast_1d(np.asarray(got, float)) / want
        return Failure.wrong(case, message, "Run the loops on the smallest sizes, and count by hand.", off)

    return judge
