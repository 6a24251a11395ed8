"""How two times are compared: turn by turn on fresh inputs, until the interval of their ratio says enough.

A round is one call of ours, one of the student's, and one in which nothing is computed. What the last one takes, the way
of the arrays from process to process, is taken from the other two. Of the rounds' ratios the median counts, and its
interval is that of order statistics, which holds for noise of any kind: among n ratios, the k-th smallest and the k-th
largest enclose the median unless fewer than k of them fell on one side of it, and that has the binomial probability.
"""

from __future__ import annotations

import itertools
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...checks.compare import agree
from ...checks.question import Ask, Problem, Timed

Right = Callable[[Sequence[np.ndarray]], str]
"""What is wrong with the results of a round; empty where they are right."""

Round = tuple[Ask, Ask, Right | None]
"""The same arrays, asked of the student's function and of ours, and who knows what must come of them, where ours gives something else."""

CONFIDENCE = 0.999  # high, because the interval is looked at again and again
NARROW = 1.1  # upper end over lower end of an interval that says enough
WARM_UP = 1  # rounds that do not count
ENOUGH = 3  # ratios that settle it where they leave no doubt
MOST_ROUNDS = 200
MOST_OTHERS = 0.25  # processors that others may keep busy: who shares caches and memory with them is slowed down, and not for all alike
NOTHING = "kinds.speed.baseline:nothing"
LEAST_SHARE = 0.01  # of a call, that is not the arrays' way


@dataclass(frozen=True)
class Interval:
    """Of the ratio of two times: how many times as fast the student's function is as ours."""

    low: float
    middle: float
    high: float

    @property
    def narrow(self) -> bool:
        return self.low > 0 and self.high <= NARROW * self.low

    def settles(self, least: float) -> bool:
        """Whether it says that the ratio is `least` or more, or is narrow. A wide one below says that the machine is busy, and no more."""
        return self.narrow or self.low >= least


UNKNOWN = Interval(0.0, math.nan, math.inf)
"""Of which nothing is known."""


def interval(ratios: Sequence[float]) -> Interval:
    """The median of some ratios, and the ends between which it lies with `CONFIDENCE`; from none to any where they are too few."""
    inside = sorted(ratios)
    rank = outermost(len(inside))
    middle = statistics.median(inside) if inside else math.nan
    return Interval(inside[rank - 1], middle, inside[-rank]) if rank else Interval(0.0, middle, math.inf)


def outermost(count: int) -> int:
    """The largest k so that the k-th smallest and the k-th largest of so many numbers enclose the median; 0 where none do."""
    rank, below = 0, 0.0
    while rank < count // 2:
        below += math.comb(count, rank) / 2**count
        if 2 * below > 1 - CONFIDENCE:
            break
        rank += 1
    return rank


def held(rounds: Iterable[Round], least: float, seconds: float, theirs: Timed, ours: Timed) -> Interval | Problem:
    """Hold rounds until the interval settles, or the time is up; the problem where the student's function has one.

    Where others keep the machine busy, too low a ratio says nothing about the function.
    """
    start, busy = time.perf_counter(), busy_seconds()
    end = start + seconds
    times: list[tuple[float, float, float]] = []
    found = interval([])
    for number, (asked, compared, right) in enumerate(itertools.islice(rounds, MOST_ROUNDS)):
        if number % 2:  # whoever comes first finds the caches cold
            wanted, our_time = ours(compared)
            answer, their_time = theirs(asked)
        else:
            answer, their_time = theirs(asked)
            wanted, our_time = ours(compared)
        if wanted.problem is not None:
            raise RuntimeError(f"the function to compare with failed: {wanted.problem.kind}: {wanted.problem.message}")
        if answer.problem is not None:
            return answer.problem
        if differs := difference(answer.arrays, wanted.arrays) if right is None else right(answer.arrays):
            return Problem("WrongKindError", differs)
        results = [(array.shape, array.dtype.name) for array in answer.arrays]
        times.append((our_time, their_time, ours(Ask(NOTHING, {"results": results}, asked.arrays))[1]))
        late = time.perf_counter() > end
        if number >= WARM_UP:
            counted = ratios(times[WARM_UP:])
            found = far_above(counted, least) or interval(counted)
            if found.settles(least):
                break
        if late:
            found = far_below(ratios(times), least) or found
            break
    others = (busy_seconds() - busy) / (time.perf_counter() - start) - 1  # one processor is ours
    return found if found.low >= least or others <= MOST_OTHERS else UNKNOWN


def busy_seconds() -> float:
    """For how long all processors of this machine together have worked, for anybody; 0 where the system does not say so."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _, _, interrupts, soft, *_ = map(int, fields)
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def ratios(times: Sequence[tuple[float, float, float]]) -> list[float]:
    """Our time over theirs, round by round, both without the way of the arrays."""
    way = statistics.median(idle for *_, idle in times)
    return [max(ours - way, 0.0) / max(theirs - way, LEAST_SHARE * theirs) for ours, theirs, _ in times]


def far_below(found: Sequence[float], least: float) -> Interval | None:
    """The best ratio there is, where they are too few for an interval and leave no doubt: of a function that takes for ever."""
    best = max(found)
    return Interval(best, best, best) if len(found) >= ENOUGH and best < least / 2 else None


def far_above(found: Sequence[float], least: float) -> Interval | None:
    """The worst and the best ratio, where a few leave no doubt: all reach what is asked, and `ENOUGH` of them half as much again."""
    clear = sum(ratio >= 1.5 * least for ratio in found)
    return Interval(min(found), statistics.median(found), max(found)) if clear >= ENOUGH and min(found) >= least else None


WRONG = "your function's value is wrong on the inputs on which it was timed"


def difference(got: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> str:
    """What is wrong with results that should be others; empty where nothing is."""
    if len(got) != len(wanted):
        return f"your function returned {len(got)} arrays on the inputs on which it was timed, expected {len(wanted)}"
    for mine, right in zip(got, wanted, strict=True):
        if not agree(mine, right, right.dtype.name):
            return WRONG
    return ""
