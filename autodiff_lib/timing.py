"""How long something takes: in turns, so that whatever else the machine does meets all candidates, and the median of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import TypeVar

Name = TypeVar("Name")


def median_times(actions: Mapping[Name, Callable[[], object]], rounds: int = 7) -> dict[Name, float]:
    """Milliseconds of each action by its name, the median of `rounds` turns after one that does not count."""
    times: dict[Name, list[float]] = {name: [] for name in actions}
    for _ in range(rounds + 1):
        for name, action in actions.items():
            start = perf_counter()
            action()
            times[name].append(1e3 * (perf_counter() - start))
    return {name: median(found[1:]) for name, found in times.items()}
