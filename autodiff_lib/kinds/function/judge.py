"""How functions on arrays, or on torch tensors, are judged: beside a function of ours on the same arrays, in values, shapes and dtypes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from ...bfloat16 import name_of, rounded, widened
from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Beside, Failure
from ...checks.values import SAID, Shape, described, draw, generator
from ..steps import Steps, ends_at_a_step, followed


def beside_call(case: ArrayCase, answer: Answer) -> Beside | None:
    """The step at which a wrong value ends, where it has the value of one."""
    if case.steps is None or len(answer.arrays) != 1:
        return None
    given = [widened(array).astype("float64") for array in case.arrays]
    steps = followed(case.steps(*map(torch.tensor, given), **case.keywords))
    return ends_at_a_step(widened(answer.arrays[0]), steps, given, case.dtype)


def miscounted(case: ArrayCase, answer: Answer, count: int | None = None) -> Failure:
    """What to say of another number of results than there should be: `count`, or as many as there are arrays."""
    wanted, got = len(case.wanted), len(answer.arrays) if count is None else count
    what = f": {' and '.join(case.results)}" if case.results else ""
    message = f"{case.function.split('.')[-1]} must return {wanted} array{'s' * (wanted > 1)}{what}; got {got}."
    return Failure.wrong(case, message, "What stands behind its return?")


CALL = Form(
    "kinds.function.probe:call",
    arrays=lambda case: len(case.wanted),
    facts={"changed": lambda value, case: is_list_of(int, value)},
    bfloat16=True,
    miscounted=miscounted,
    beside=beside_call,
)


@dataclass(frozen=True)
class ArrayCase:
    """A function on arrays of given shapes and kinds of values, and the function to whose results its own must come."""

    form: ClassVar[Form] = CALL

    function: str  # its name in the table
    truth: Callable[..., np.ndarray | tuple[np.ndarray, ...]]
    shapes: tuple[Shape, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    dtype: str = "float64"  # or bfloat16, where it gets tensors
    tensors: bool = False  # whether it gets torch tensors, and must return some
    seed: str = "public"
    hidden: bool = False
    steps: Callable[..., Steps] | None = None  # of the same arguments, as tensors: the values on the way to the only result
    arguments: tuple[str, ...] = ()  # what the arrays are called, where they have names
    results: tuple[str, ...] = ()  # and what is returned

    @cached_property
    def name(self) -> str:
        if not self.arguments:
            return f"{described(self.shapes, self.keywords, self.kinds)}, {self.dtype}"
        kinds = self.kinds or ("normal",) * len(self.shapes)
        named = zip(self.arguments, self.shapes, kinds, strict=True)
        told = [f"{name} {list(shape)}" + (f" ({SAID[kind]})" if kind in SAID else "") for name, shape, kind in named]
        return f"{', '.join(told)}, {self.dtype}"

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.function, self.name)
        kinds = self.kinds or ("normal",) * len(self.shapes)
        return tuple(np.asarray(rounded(draw(kind, shape, rng), self.dtype)) for kind, shape in zip(kinds, self.shapes, strict=True))

    @cached_property
    def wanted(self) -> tuple[np.ndarray, ...]:
        """What must be returned, in float64."""
        returned = self.truth(*(widened(array).astype("float64") for array in self.arrays), **self.keywords)
        return returned if isinstance(returned, tuple) else (returned,)

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": self.function, "keywords": self.keywords, "tensors": self.tensors}, self.arrays)

    def features(self) -> dict[str, Any]:
        return {**self.keywords, "rank": " and ".join(str(len(shape)) for shape in self.shapes), "dtype": self.dtype}

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The arrays to look at, by what they are called."""
        names = self.arguments or [f"argument {place + 1}" for place in range(len(self.arrays))]
        return {name: widened(array) for name, array in zip(names, self.arrays, strict=True)}

    def result(self, place: int) -> str:
        """What to call a result at the beginning of a sentence."""
        if self.results:
            return f"The {self.results[place]}"
        return f"Value {place + 1} of {len(self.wanted)}" if len(self.wanted) > 1 else "The value"


def judge_call(case: ArrayCase, answer: Answer) -> Failure | None:
    for place, array in enumerate(answer.arrays):
        if (wrong := judge_result(place)(case, answer)) is not None:
            return wrong
        if (dtype := name_of(array.dtype)) != case.dtype:
            message, keep = f"{case.result(place)} has dtype {dtype} for {case.dtype} inputs.", "The result keeps the dtype of its input."
            return Failure(case.name, "wrong", message, keep, widened(array), case.wanted[place], case.inputs)
    if answer.facts["changed"]:
        place = answer.facts["changed"][0]
        name = case.arguments[place : place + 1] or (f"Argument {place + 1}",)
        return Failure(case.name, "wrong", f"{name[0]} was changed.", "It belongs to the caller: make a new array.", inputs=case.inputs)
    return None


def judge_result(place: int) -> Callable[[ArrayCase, Answer], Failure | None]:
    """A judge of the shape and the numbers of one result alone."""

    def judge(case: ArrayCase, answer: Answer) -> Failure | None:
        got, want = widened(answer.arrays[place]), case.wanted[place]
        if agree(got, want, case.dtype):
            return None
        return Failure(case.name, "wrong", f"{case.result(place)} is wrong.", diagnose(got, want, case.dtype), got, want, case.inputs)

    return judge
