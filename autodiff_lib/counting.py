"""Arrays that count: how often a loop reads from them and writes to them, and what is computed with the numbers read.

    tally = Tally()
    a, out = tally.array(values), tally.empty((3,))
    out[0] = a[0] * a[1] + a[2]      # tally: 3 loads, 1 store, 2 flops

Entries are read and written one by one. Whatever stands in a variable, or in a list, is near the processor and costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Tally:
    """What has been done with the arrays that this tally has made."""

    loads: int = 0
    stores: int = 0
    flops: int = 0  # + - * / exp, sqrt and larger: one each

    def array(self, values: Any) -> CountedArray:
        """An array that holds these numbers."""
        return CountedArray(np.array(values, dtype=float), self)

    def empty(self, shape: tuple[int, ...]) -> CountedArray:
        """An array that holds nothing yet: to read an entry before it is written gives nan."""
        return CountedArray(np.full(shape, np.nan), self)


class CountedArray:
    """An array far from the processor. `values` are its numbers, for whoever looks on and does not count."""

    def __init__(self, values: np.ndarray, tally: Tally) -> None:
        self.values, self.tally = values, tally

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def __getitem__(self, place: tuple[int, ...] | int) -> CountedNumber:
        self.tally.loads += 1
        return CountedNumber(float(self.values[self.one_entry(place)]), self.tally)

    def __setitem__(self, place: tuple[int, ...] | int, number: CountedNumber | float) -> None:
        self.tally.stores += 1
        self.values[self.one_entry(place)] = float(number)

    def one_entry(self, place: tuple[int, ...] | int) -> tuple[int, ...]:
        """The place of a single entry. IndexError for anything else: a slice would move many numbers and count as one."""
        listed = place if isinstance(place, tuple) else (place,)
        if len(listed) != self.values.ndim or not all(isinstance(index, int) for index in listed):
            wanted = ", ".join("ijkl"[: self.values.ndim])
            raise IndexError(f"one entry at a time: write array[{wanted}] with whole numbers, got array[{place!r}]")
        return listed


class CountedNumber(float):
    """A number near the processor; whatever is computed with it is counted."""

    tally: Tally

    def __new__(cls, value: float, tally: Tally) -> CountedNumber:
        number = super().__new__(cls, value)
        number.tally = tally
        return number


def counted(function: Callable[..., float]) -> Callable[..., Any]:
    """The function on numbers; each call counts as one flop in the tally of its counted arguments, if there is any."""

    def count(*numbers: float) -> float:
        tally = next((number.tally for number in numbers if isinstance(number, CountedNumber)), None)
        result = function(*map(float, numbers))
        if tally is None:
            return result
        tally.flops += 1
        return CountedNumber(result, tally)

    return count


for name in ("add", "sub", "mul", "truediv"):
    for method in (f"__{name}__", f"__r{name}__"):
        setattr(CountedNumber, method, counted(getattr(float, method)))

exp, sqrt = counted(math.exp), counted(math.sqrt)
larger = counted(max)
"""The larger of two numbers."""
