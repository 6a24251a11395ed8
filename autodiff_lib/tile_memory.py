"""Memory behind pointers, and who has touched it: every element that a program reads or writes is counted.

What lies outside of an array is never touched, whatever the addresses are: such a read gives poison (nan, or the
smallest integer), such a write is dropped, and both are noted with the line that asked for them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf, prod

import numpy as np

MAX_NOTED = 20  # accesses outside of arrays: a loop repeats them


def poison(dtype: np.dtype) -> np.generic:
    """What stands where nobody may look: a value that spoils all that is computed from it."""
    if np.issubdtype(dtype, np.floating):
        return dtype.type(np.nan)
    return dtype.type(True) if dtype == np.bool_ else np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max  # type: ignore[return-value]


@dataclass(eq=False)
class Region:
    """An array as it lies in memory. `places` are the positions in `cells` of its elements, in its own shape; between them is padding."""

    name: str
    cells: np.ndarray  # (n,), padding included
    places: np.ndarray
    base: int = 0  # address of the first cell
    reads: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint32))  # (programs, n)
    writes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint32))
    inside: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))  # (n,)

    @classmethod
    def laid_out(cls, name: str, array: np.ndarray, strides: Sequence[int], before: int = 0, behind: int = 0) -> Region:
        """A copy of an array in memory of its own, with these strides (in elements), and some padding before and behind it."""
        places = positions(array.shape, strides) + before
        cells = np.full(int(places.max(initial=-1)) + 1 + behind, poison(array.dtype), array.dtype)
        cells[places] = array
        return cls(name, cells, places)

    @property
    def pointer(self) -> int:
        """The address of the first element."""
        return self.base + self.cells.itemsize * (int(self.places.flat[0]) if self.places.size else 0)

    @property
    def end(self) -> int:
        return self.base + self.cells.nbytes

    def array(self) -> np.ndarray:
        """Its elements, in its own shape."""
        return self.cells[self.places]

    def counted(self, counts: np.ndarray) -> np.ndarray:
        """How often each program touched each of its elements: (programs, *shape)."""
        return counts[:, self.places]


def positions(shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """Where the elements of an array lie, counted in elements from the first."""
    found = np.zeros(shape, np.int64)
    for axis, (size, stride) in enumerate(zip(shape, strides, strict=True), start=1):
        found += (stride * np.arange(size)).reshape(-1, *(1,) * (len(shape) - axis))
    return found


def contiguous(shape: Sequence[int], padding: int = 0) -> tuple[int, ...]:
    """The strides of an array row by row, with `padding` elements behind each row."""
    if not shape:
        return ()
    rows = [*shape[:-1], shape[-1] + padding]
    return tuple(prod(rows[axis + 1 :]) for axis in range(len(shape)))


@dataclass(frozen=True)
class Outside:
    """An access outside of all arrays, or in the padding of one."""

    name: str  # of the array that is nearest below
    action: str  # "read" or "written"
    program: int
    lanes: int  # how many of its addresses
    where: str  # the line that asked for it, where one is known


class Memory:
    """Arrays far from one another, and the counts of what `programs` programs do to them, one after the other."""

    def __init__(self, regions: Sequence[Region], programs: int, where: Callable[[], str] = lambda: "", apart: bool = True) -> None:
        self.regions = list(regions)
        self.where = where
        self.program = 0
        self.outside: list[Outside] = []
        for number, region in enumerate(self.regions, start=1):
            region.base = number << 40 if apart else region.base
            region.reads = np.zeros((programs, region.cells.size), np.uint32)
            region.writes = np.zeros((programs, region.cells.size), np.uint32)
            region.inside = np.zeros(region.cells.size, bool)
            region.inside[region.places] = True
        self.regions.sort(key=lambda region: region.base)
        self.bases = [region.base for region in self.regions]

    def read(self, addresses: np.ndarray, mask: np.ndarray, other: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
        """What lies at the addresses where `mask` holds, and elsewhere `other`: poison where there is none."""
        result = np.full(addresses.shape, poison(dtype), dtype)
        if other is not None:
            np.copyto(result, other, where=~mask)
        for region, lanes, cells in self.found(addresses, mask, "read"):
            result[lanes] = region.cells[cells]
            counts = region.reads[self.program]
            counts[cells] += 1  # once, also where several lanes have the same address
        return result

    def write(self, addresses: np.ndarray, values: np.ndarray, mask: np.ndarray) -> None:
        for region, lanes, cells in self.found(addresses, mask, "written"):
            region.cells[cells] = values[lanes]
            counts = region.writes[self.program]
            counts[cells] += 1

    def found(self, addresses: np.ndarray, mask: np.ndarray, action: str) -> list[tuple[Region, np.ndarray, np.ndarray]]:
        """The regions that an access touches, each with the lanes (a mask) that touch it and the cells where they do."""
        found: list[tuple[Region, np.ndarray, np.ndarray]] = []
        todo = mask
        while todo.any():
            asked = addresses[todo]
            low, high = int(asked.min()), int(asked.max())
            number = max(0, bisect_right(self.bases, low) - 1)
            region = self.regions[number]
            end = self.bases[number + 1] if number + 1 < len(self.bases) else inf
            lanes = todo if high < end else todo & (addresses < end)
            bytes_in = (asked if high < end else addresses[lanes]).astype(np.int64, copy=False) - region.base
            cells, between = np.divmod(bytes_in, region.cells.itemsize)
            if low >= region.base and high < region.end and not between.any() and region.inside[cells].all():
                return [*found, (region, lanes, cells)]  # as it mostly is
            todo = todo & ~lanes
            good = (cells >= 0) & (cells < region.cells.size) & (between == 0)
            good[good] = region.inside[cells[good]]
            if not good.all():
                if len(self.outside) < MAX_NOTED:
                    self.outside.append(Outside(region.name, action, self.program, int((~good).sum()), self.where()))
                lanes = lanes.copy()
                lanes[lanes] = good
            found.append((region, lanes, cells[good]))
        return found


@dataclass(frozen=True)
class Traffic:
    """What a launch did to one array."""

    name: str
    read: int  # bytes
    written: int
    clashes: int  # elements that two programs write, or one writes and another reads

    @classmethod
    def of(cls, region: Region) -> Traffic:
        read, written = (int(counts.sum()) * region.cells.itemsize for counts in (region.reads, region.writes))
        return cls(region.name, read, written, int(clashes(region.reads, region.writes).sum()))


def clashes(reads: np.ndarray, writes: np.ndarray) -> np.ndarray:
    """The elements whose value depends on which program runs first, of counts (programs, ...)."""
    writers = (writes > 0).sum(0)
    readers = (reads > 0) & (writes == 0)
    return (writers > 1) | ((writers == 1) & readers.any(0))
