"""Functions on arrays, or on torch tensors, asked for what they return."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np
from torch import Tensor

from ...bfloat16 import as_array, as_tensor, widened
from ...checks.probe import WrongKindError, missing_return
from ...checks.question import Answer, Ask
from ...registry import table


def call(ask: Ask) -> Answer:
    """What the student's function makes of copies of the arrays, as tensors if it is to; `facts` say which of these it has changed."""
    function, tensors = ask.settings["function"], ask.settings["tensors"]
    given: list[Any] = [as_tensor(array) if tensors else array.copy("K") for array in ask.arrays]
    returned = table[function](*given, **ask.settings["keywords"])
    results = returned if isinstance(returned, tuple | list) else [returned]
    changed = [
        place
        for place, (now, then) in enumerate(zip(given, ask.arrays, strict=True))
        if not np.array_equal(widened(as_array(now) if tensors else now), widened(then), equal_nan=True)
    ]
    demand = f"{function.split('.')[-1]} must return {'tensors' if tensors else 'arrays'}"
    return Answer(arrays=of_tensors(results, demand) if tensors else as_arrays(results, demand), facts={"changed": changed})


def of_tensors(values: Iterable[Any], demand: str) -> tuple[np.ndarray, ...]:
    """Plain arrays of the tensors that somebody returned. WrongKindError, with the demand, for what is none."""
    arrays = []
    for value in values:
        if not isinstance(value, Tensor):
            raise WrongKindError(f"{demand}, got {missing_return(value)}")
        arrays.append(as_array(value))
    return tuple(arrays)


def as_arrays(values: Iterable[Any], demand: str) -> tuple[np.ndarray, ...]:
    """Plain arrays of what somebody returned. WrongKindError, with the demand, for what is no array and no number."""
    arrays = []
    for value in values:
        if not isinstance(value, np.ndarray | Number):
            raise WrongKindError(f"{demand}, got {missing_return(value)}")
        arrays.append(np.array(value))
    return tuple(arrays)
