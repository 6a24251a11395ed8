"""Functions on tensors, asked for what they return, and for the memory that they take on the way."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...checks.probe import AUTOGRAD, Refused, WrongKindError, missing_return
from ...checks.question import Answer, Ask
from ...memory import Peak
from ...registry import table
from .unit import UNIT

OUT_OF_SIGHT = {"numpy", "__array__", "tolist", "data_ptr"}
"""Ways to numbers whose memory nobody counts."""


def call(ask: Ask) -> Answer:
    """What the student's function makes of the tensors. `facts` say which of these it changed, and, where the settings say
    "counted", the most bytes that lived."""
    name = ask.settings["function"]
    ready_made = UNIT.ready_made.get(name, frozenset())
    given = [torch.tensor(array) for array in ask.arrays]
    with Refused(AUTOGRAD | OUT_OF_SIGHT | ready_made), Peak() if ask.settings["counted"] else nullcontext() as peak:
        returned = table[name](*given, **ask.settings["keywords"])
    results = returned if isinstance(returned, tuple | list) else [returned]
    for value in results:
        if not isinstance(value, Tensor):
            raise WrongKindError(f"{name} must return tensors, got {missing_return(value)}")
    changed = [
        place
        for place, (now, then) in enumerate(zip(given, ask.arrays, strict=True))
        if not np.array_equal(now.detach().numpy(), then, equal_nan=True)
    ]
    arrays: tuple[Any, ...] = tuple(value.detach().numpy().copy() for value in results)
    return Answer(arrays=arrays, facts={"changed": changed, "peak": peak.bytes if peak else 0})
