"""Functions of which the time is taken, by whoever asks: nothing is done here beside the call, because a clock runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...checks.question import Answer, Ask
from ...registry import table
from ..function.probe import as_arrays


def call(ask: Ask) -> Answer:
    """What the student's function makes of the arrays."""
    return called(table[ask.settings["function"]], ask)


def called(function: Callable[..., Any], ask: Ask) -> Answer:
    """What a function makes of the arrays, or of torch tensors with their memory where the settings say `tensors`."""
    given = map(torch.from_numpy, ask.arrays) if ask.settings["tensors"] else ask.arrays
    returned = function(*given, **ask.settings["keywords"])
    results = returned if isinstance(returned, tuple | list) else [returned]
    return Answer(arrays=as_arrays(map(as_array, results), f"{ask.settings['function'].split('.')[-1]} must return arrays"))


def as_array(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value
