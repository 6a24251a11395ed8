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
from ...checks.values import Shape, described, draw, generator
from ..steps import Steps, ends_at_a_step, followed


def beside_call(case: ArrayCase, answer: Answer) -> Beside | None:
    """The step at which a wrong value ends, where it has the value of one."""
    if case.steps is None or len(answer.arrays) != 1:
        return None
    given = [widened(array).astype("float64") for array in case.arrays]
    steps = followed(case.steps(*map(torch.tensor, given), **case.keywords))
    return ends_at_a_step(widened(answer.arrays[0]), steps, given, case.dtype)


CALL = Form(
    "kinds.function.probe:call",
    arrays=lambda case: len(case.wanted),
    facts={"changed": lambda value, case: is_list_of(int, value)},
    bfloat16=True,
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

    @cached_property
    def name(self) -> str:
        return f"{described(self.shapes, self.keywords, self.kinds)}, {self.dtype}"

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.function, self.name)
        kinds = self.kinds or ("normal",) * len(self.shapes)
        return tuple(rounded(draw(kind, shape, rng), self.dtype) for kind, shape in zip(kinds, self.shapes, strict=True))

    @cached_property
    def wanted(self) -> tuple[np.ndarray, ...]:
        """What must be returned, in float64."""
        returned = self.truth(*(widened(array).astype("float64") for array in self.arrays), **self.keywords)
        return returned if isinstance(returned, tuple) else (returned,)

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": self.function, "keywords": self.keywords, "tensors": self.tensors}, self.arrays)

    def features(self) -> dict[str, Any]:
        return {**self.keywords, "rank": " and ".join(str(len(shape)) for shape in self.shapes), "dtype": self.dtype}


def judge_call(case: ArrayCase, answer: Answer) -> Failure | None:
    inputs = {f"argument {place + 1}": widened(array) for place, array in enumerate(case.arrays)}
    for place, (array, want) in enumerate(zip(answer.arrays, case.wanted, strict=True)):
        got, dtype = widened(array), name_of(array.dtype)
        which = f"Value {place + 1} of {len(case.wanted)}" if len(case.wanted) > 1 else "The value"
        if not agree(got, want, case.dtype):
            return Failure(case.name, "wrong", f"{which} is wrong.", diagnose(got, want, case.dtype), got, want, inputs)
        if dtype != case.dtype:
            message = f"{which} has dtype {dtype} for {case.dtype} inputs."
            return Failure(case.name, "wrong", message, "The result keeps the dtype of its input.", got, want, inputs)
    if answer.facts["changed"]:
        message = f"Argument {answer.facts['changed'][0] + 1} was changed."
        return Failure(case.name, "wrong", message, "It belongs to the caller: make a new array.", inputs=inputs)
    return None
