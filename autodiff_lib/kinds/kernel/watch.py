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
    """The function with Triton's names where it, or a kernel that it calls, has the simulator's."""
    import triton
    import triton.language

    stand_ins: dict[int, Any] = {id(tiles.tl): triton.language, id(tiles.triton): triton}
    done: dict[FunctionType, FunctionType] = {}

    def translated(original: FunctionType) -> FunctionType:
        if original not in done:
            scope: dict[str, Any] = {}
            new = FunctionType(original.__code__, scope, original.__name__, original.__defaults__, original.__closure__)
            new.__annotations__, new.__kwdefaults__ = original.__annotations__, original.__kwdefaults__
            done[original] = new
            scope.update({name: instead(value) for name, value in original.__globals__.items()})
        return done[original]

    def instead(value: Any) -> Any:
        if isinstance(value, tiles.Kernel):
            return triton.jit(translated(value.fn))
        return triton.language.constexpr(value.value) if isinstance(value, tiles.constexpr) else stand_ins.get(id(value), value)

    return translated(function)


@contextmanager
def watched(memory: Memory, grid: tuple[int, ...], seed: int) -> Iterator[None]:
    """While open, the interpreter reads and writes this memory."""
    from triton.runtime.interpreter import TensorHandle, _get_np_dtype, interpreter_builder, interpreter_semantic

    sizes = (*grid, *(1,) * (3 - len(grid)))
    order = np.random.default_rng(seed).permutation(math.prod(sizes))
    set_place = interpreter_builder.set_grid_idx

    def place(x: int, y: int, z: int) -> None:
        memory.program = int(order[np.ravel_multi_index((x, y, z), sizes)])
        set_place(*map(int, np.unravel_index(memory.program, sizes)))

    semantics_of_load, has_other = interpreter_semantic.load, False

    def asked(pointers: Any, mask: Any, other: Any, *hints: Any) -> Any:
        nonlocal has_other
        has_other = other is not None
        return semantics_of_load(pointers, mask, other, *hints)

    def load(pointers: Any, mask: Any, other: Any, *hints: Any) -> Any:
        dtype = _get_np_dtype(pointers.get_element_ty())
        addresses, live = np.broadcast_arrays(pointers.data.astype(np.int64), mask.data)
        fill = other.data if other is not None else dtype.type(0)  # a single zero is taken for none on the way here
        given = np.broadcast_to(fill, addresses.shape).astype(dtype) if has_other else None
        return TensorHandle(memory.read(addresses, live, given, dtype), pointers.get_element_ty())

    def store(pointers: Any, value: Any, mask: Any, *hints: Any) -> None:
        memory.write(*np.broadcast_arrays(pointers.data.astype(np.int64), value.data, mask.data))

    instead = {"set_grid_idx": place, "create_masked_load": load, "create_masked_store": store}
    vars(interpreter_builder).update(instead)
    vars(interpreter_semantic)["load"] = asked
    try:
        yield
    finally:
        for name in instead:
            del vars(interpreter_builder)[name]
        del vars(interpreter_semantic)["load"]
