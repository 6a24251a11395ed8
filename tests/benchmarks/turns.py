"""What benchmarks share: a solved unit, and ways that take turns in one process."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from autodiff_lib import course
from autodiff_lib.units import needed

ROOT = Path(__file__).parents[2]


def solved(unit: str) -> ModuleType:
    """The unit's notebook in `source/`, with what it needs."""
    os.chdir(ROOT / "notebooks")
    with contextlib.redirect_stdout(io.StringIO()):
        for earlier in needed(unit):
            course.load(earlier)
        return course.load(unit)


def medians(actions: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1, progress: str = "") -> dict[str, float]:
    """Milliseconds of each action, in turns; the first `warm_up` rounds do not count. `progress` is what its bar is called."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for number in tqdm(range(warm_up + rounds), desc=progress, disable=not progress):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if number >= warm_up:
                taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in taken.items()}


def keeping(action: Callable[[], float], results: list[float]) -> Callable[[], None]:
    """The action, with what it returns kept."""
    return lambda: results.append(action())
