"""Triton's own interpreter under the watcher: its loads and stores go to a watched memory, and its programs run in random order."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np
import torch

from ... import tiles
from ...tile_memory import Memory, Region

APART = 2**20  # bytes between arrays: an address that leaves one by mistake does not arrive in another


def is_here() -> bool:
    """Whether there is an interpreter: the package is installed, and was told to interpret before it was imported."""
    found = importlib.util.find_spec("triton")
    return os.environ.get("TRITON_INTERPRET") == "1" and found is not None and found.origin is not None


def run_interpreted(
    function: FunctionType,
    grid: Sequence[int],
    regions: Sequence[Region],
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    seed: int = 0,
) -> Memory:
    """As `tiles.run_programs`, by Triton's interpreter; the memory, with what was done to it."""
    from triton.runtime.interpreter import InterpretedFunction

    arena = np.zeros(sum(region.cells.nbytes + APART for region in regions) + APART, np.uint8)
    start = APART - arena.ctypes.data % 64
    for region in regions:
        view = arena[start : start + region.cells.nbytes].view(region.cells.dtype)
        view[:] = region.cells
        region.cells, region.base = view, view.ctypes.data
        start += (region.cells.nbytes + APART) // 64 * 64
    memory = Memory(regions, math.prod(grid), tiles.own_line, apart=False)

    def converted(value: Any) -> Any:
        return torch.from_numpy(value.cells)[(value.pointer - value.base) // value.cells.itemsize :] if isinstance(value, Region) else value

    with watched(memory, tuple(grid), seed), np.errstate(all="ignore"):
        given = {name: converted(value) for name, value in keywords.items()}
        InterpretedFunction(with_triton(function))[tuple(grid)](*map(converted, arguments), **given)
    return memory


def with_triton(function: FunctionType) -> FunctionType:
    """The function with Triton's names where it has the simulator's."""
    import triton
    import triton.language

    stand_ins = {id(tiles.tl): triton.language, id(tiles.triton): triton}
    scope: dict[str, Any] = {}
    new = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    new.__annotations__, new.__kwdefaults__ = function.__annotations__, function.__kwdefaults__
    for name, value in function.__globals__.items():
        is_kernel = isinstance(value, tiles.Kernel) and value.fn is not function
        scope[name] = triton.jit(with_triton(value.fn)) if is_kernel else stand_ins.get(id(value), value)
    return new


@contextmanager
def watched(memory: Memory, grid: tuple[int, ...], seed: int) -> Iterator[None]:
    """While open, the interpreter reads and writes this memory."""
    from triton.runtime.interpreter import TensorHandle, _get_np_dtype, interpreter_builder

    sizes = (*grid, *(1,) * (3 - len(grid)))
    order = np.random.default_rng(seed).permutation(math.prod(sizes))
    set_place = interpreter_builder.set_grid_idx

    def place(x: int, y: int, z: int) -> None:
        memory.program = int(order[np.ravel_multi_index((x, y, z), sizes)])
        set_place(*map(int, np.unravel_index(memory.program, sizes)))

    def load(pointers: Any, mask: Any, other: Any, *hints: Any) -> Any:
        dtype = _get_np_dtype(pointers.get_element_ty())
        addresses, live = np.broadcast_arrays(pointers.data.astype(np.int64), mask.data)
        given = None if other is None else np.broadcast_to(other.data, addresses.shape).astype(dtype)
        return TensorHandle(memory.read(addresses, live, given, dtype), pointers.get_element_ty())

    def store(pointers: Any, value: Any, mask: Any, *hints: Any) -> None:
        memory.write(*np.broadcast_arrays(pointers.data.astype(np.int64), value.data, mask.data))

    instead = {"set_grid_idx": place, "create_masked_load": load, "create_masked_store": store}
    vars(interpreter_builder).update(instead)
    try:
        yield
    finally:
        for name in instead:
            del vars(interpreter_builder)[name]
