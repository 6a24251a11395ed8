"""A simulator of the part of Triton that the course needs: programs on tiles of numbers, in NumPy, under a watcher.

`triton` and `tl` stand in for the package `triton` and for `triton.language`: a kernel that runs here runs there, with
not a letter changed. Programs run in random order, and accesses outside of an array are noted and never done.
"""

from __future__ import annotations

import inspect
import itertools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
import torch

from .tile_code import REAL, for_a_device, said
from .tile_language import DTYPES, PRECISE, RUNNING, Block, PointerType, Program, as_block, cdiv, constexpr, dtype_of, tl
from .tile_memory import Memory, Outside, Region, Traffic

LAUNCH_OPTIONS = {"num_warps", "num_stages", "num_ctas", "maxnreg"}
NOT_THEIRS = ("autodiff_lib.", f"{REAL}.")  # modules whose lines are no lines of a kernel


def own_line() -> str:
    """The line of the kernel that runs: the innermost one of somebody else's code."""
    frame = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(NOT_THEIRS):
        frame = frame.f_back  # type: ignore[assignment]
    return said(frame.f_code.co_filename, frame.f_lineno) if frame is not None else ""


signature_of = lru_cache(64)(inspect.signature)  # kernels are launched again and again


def is_constant(annotation: Any) -> bool:
    return "constexpr" in (annotation if isinstance(annotation, str) else getattr(annotation, "__name__", ""))


def run_programs(
    function: FunctionType,
    grid: Sequence[int],
    memory: Memory,
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    seed: int = 0,
    precise: bool = False,
) -> None:
    """Run a kernel's programs one after the other, in random order, on a memory. An argument that is a `Region` is a pointer to it.

    Where it is `precise`, what the kernel keeps in float32 is kept in float64.
    """
    device = for_a_device(function)
    signature = signature_of(function)
    bound = signature.bind(*arguments, **keywords)
    bound.apply_defaults()
    precision = PRECISE.set(precise)
    try:
        given = {
            name: value if is_constant(signature.parameters[name].annotation) else as_argument(name, value)
            for name, value in bound.arguments.items()
        }
        sizes = (*grid, *(1,) * (3 - len(grid)))
        places = list(itertools.product(*map(range, sizes)))
        for number in np.random.default_rng(seed).permutation(len(places)):
            memory.program = int(number)
            token = RUNNING.set(Program(places[number], sizes, memory))  # type: ignore[arg-type]
            try:
                with np.errstate(all="ignore"):
                    device(**given)
            finally:
                RUNNING.reset(token)
    finally:
        PRECISE.reset(precision)


def as_argument(name: str, value: Any) -> Any:
    if isinstance(value, Region):
        return Block(np.int64(value.pointer), PointerType(dtype_of(value.cells)))
    if value is None or isinstance(value, Block):
        return value
    if isinstance(value, bool | int | float):
        return as_block(value)
    raise TypeError(f"{name} is {type(value).__name__}; a kernel takes torch tensors, whole numbers, floats and bools")


class Launch:
    """What a launch did: bytes of each array, accesses outside, and elements on which the order of the programs decides."""

    def __init__(self, memory: Memory) -> None:
        self.traffic = tuple(Traffic.of(region) for region in memory.regions)
        self.outside: tuple[Outside, ...] = tuple(memory.outside)

    @cached_property
    def bytes_read(self) -> int:
        return sum(one.read for one in self.traffic)

    @cached_property
    def bytes_written(self) -> int:
        return sum(one.written for one in self.traffic)

    def __str__(self) -> str:
        width = max((len(one.name) for one in self.traffic), default=0)
        lines = [f"{one.name:{width}}  read {one.read:>9,} bytes, written {one.written:>9,}" for one in self.traffic]
        lines += [f"{one.name}: {one.clashes} elements that depend on the order of the programs" for one in self.traffic if one.clashes]
        lines += [outside(one) for one in self.outside]
        return "\n".join(lines)

    __repr__ = __str__


def outside(one: Outside) -> str:
    where = f" ({one.where})" if one.where else ""
    return f"program {one.program} has {one.action} outside of what {one.name} points to{where}"


def watch(kernel: Any, grid: Any, *arguments: Any, seed: int = 0, **keywords: Any) -> Launch:
    """Launch a kernel on torch tensors in the simulator, under the watcher: what it did. Nothing outside of the tensors is touched."""
    function = kernel if isinstance(kernel, FunctionType) else kernel.fn
    keywords = {name: value for name, value in keywords.items() if name not in LAUNCH_OPTIONS}
    parameters = list(signature_of(function).parameters)
    if callable(grid):
        grid = grid({**dict(zip(parameters, arguments, strict=False)), **keywords})
    sizes = (grid,) if isinstance(grid, int) else tuple(map(int, grid))
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise ValueError(f"a grid has one to three sizes of 1 or more, got {sizes}")
    regions: dict[int, Region] = {}
    pointers: dict[int, Pointer] = {}
    for name, value in [*zip(parameters, arguments, strict=False), *keywords.items()]:
        if isinstance(value, torch.Tensor):
            storage = value.untyped_storage().data_ptr()
            regions.setdefault(storage, region_of(name, value))
            pointers[id(value)] = Pointer(regions[storage], value)
    memory = Memory(list(regions.values()), math.prod(sizes), own_line)

    def converted(value: Any) -> Any:
        return pointers[id(value)].block() if id(value) in pointers else value

    by_name = {name: converted(value) for name, value in keywords.items()}
    run_programs(function, sizes, memory, [*map(converted, arguments)], by_name, seed)
    return Launch(memory)


@dataclass(frozen=True)
class Pointer:
    """A tensor's first element in the region of its storage."""

    region: Region
    tensor: torch.Tensor

    def block(self) -> Block:
        address = self.region.base + self.tensor.storage_offset() * self.tensor.element_size()
        return Block(np.int64(address), PointerType(dtype_of(self.region.cells)))


def region_of(name: str, tensor: torch.Tensor) -> Region:
    """All of a tensor's storage, not a copy of it. TypeError for a tensor whose numbers are not simulated."""
    if str(tensor.dtype).removeprefix("torch.") not in {*DTYPES, "bool"}:
        raise TypeError(f"{name} is a tensor of {tensor.dtype}; only {', '.join(DTYPES)} are simulated")
    flat = tensor.detach().cpu().as_strided((tensor.untyped_storage().nbytes() // tensor.element_size(),), (1,), 0).numpy()
    return Region(name, flat, np.arange(flat.size))


@dataclass(frozen=True)
class Kernel:
    """What `@triton.jit` makes of a function: `kernel[grid](...)` launches it."""

    fn: FunctionType

    @property
    def __name__(self) -> str:
        return self.fn.__name__

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        def launch(*arguments: Any, **keywords: Any) -> None:
            done = watch(self, grid, *arguments, **keywords)
            if done.outside:
                raise IndexError(outside(done.outside[0]))

        return launch

    def __call__(self, *arguments: Any, **keywords: Any) -> None:
        raise RuntimeError(f"a kernel is launched on a grid of programs: {self.__name__}[grid](...)")


def jit(function: FunctionType | None = None, **options: Any) -> Any:
    """Triton's decorator."""
    return Kernel(function) if function is not None else jit


def next_power_of_2(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


triton = SimpleNamespace(jit=jit, cdiv=cdiv, next_power_of_2=next_power_of_2, language=tl, constexpr=constexpr)
