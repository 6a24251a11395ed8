"""Functions on arrays, asked for what they return."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np

from ...checks.probe import WrongKindError, missing_return
from ...checks.question import Answer, Ask
from ...registry import table


def call(ask: Ask) -> Answer:
    """What the student's function makes of copies of the arrays; `facts` say which of these it has changed."""
    function = ask.settings["function"]
    given = [array.copy("K") for array in ask.arrays]
    returned = table[function](*given, **ask.settings["keywords"])
    results = returned if isinstance(returned, tuple | list) else [returned]
    changed = [
        place for place, (now, then) in enumerate(zip(given, ask.arrays, strict=True)) if not np.array_equal(now, then, equal_nan=True)
    ]
    return Answer(arrays=as_arrays(results, f"{function.split('.')[-1]} must return arrays"), facts={"changed": changed})


def as_arrays(values: Iterable[Any], demand: str) -> tuple[np.ndarray, ...]:
    """Plain arrays of what somebody returned. WrongKindError, with the demand, for what is no array and no number."""
    arrays = []
    for value in values:
        if not isinstance(value, np.ndarray | Number):
            raise WrongKindError(f"{demand}, got {missing_return(value)}")
        arrays.append(np.array(value))
    return tuple(arrays)
