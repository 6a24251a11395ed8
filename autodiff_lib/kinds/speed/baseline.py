"""What a function's time is compared with: a function of ours on the same arrays, and a call in which nothing is computed."""

from __future__ import annotations

import numpy as np

from ...checks.probe import probe_named
from ...checks.question import Answer, Ask
from .probe import called


def call(ask: Ask) -> Answer:
    """What our function makes of the arrays."""
    return called(probe_named(ask.settings["function"]), ask)


def nothing(ask: Ask) -> Answer:
    """Arrays of the forms of the results: their way here and back takes as long, and that is all."""
    return Answer(arrays=tuple(np.zeros(shape, dtype) for shape, dtype in ask.settings["results"]))
