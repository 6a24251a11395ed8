"""Kernels, launched in the simulator under its watcher: what they wrote, and how often each program touched each element."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np

from ...checks.probe import WrongKindError, own_line
from ...checks.question import Answer, Ask
from ...registry import table
from ...tile_language import KernelCodeError, NotSimulatedError
from ...tile_memory import Memory, Region
from ...tiles import own_line as line_of_kernel
from ...tiles import run_programs, signature_of
from .watch import is_here, run_interpreted

VARIADIC = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def launch(ask: Ask) -> Answer:
    """Launch the student's kernel as the settings say.

    "arrays": what pointers point to, in their order: {"name", "shape", "dtype", "strides", "before", "behind", "given"},
    where "given" is the number of the array that was sent, or None for one that the kernel fills.
    "arguments": numbers, and the names of arrays, as "$x"; "constants": the `tl.constexpr` parameters; "grid"; "seed"; "precise".

    The answer has the arrays that the kernel fills, then, for each array, how often it was read and how often it was
    written: (programs, *shape). `facts` say what was touched outside of arrays.
    """
    settings = ask.settings
    function = plain_function(table[settings["kernel"]])
    memory, unknown = None, ""
    try:
        memory = launched(function, settings, ask.arrays)
    except NotSimulatedError as missing:
        unknown = str(missing)
        if is_here():
            memory, unknown = interpreted(function, settings, ask.arrays), ""
    except KernelCodeError as error:
        line = own_line(error)
        raise WrongKindError(f"{error} ({line})" if line and not str(error).endswith(")") else str(error)) from None
    if memory is None:
        memory = Memory(list(regions_of(settings, ask.arrays).values()), math.prod(settings["grid"]))
    named = {region.name: region for region in memory.regions}
    listed = [(named[one["name"]], one) for one in settings["arrays"]]
    filled = [region.array() for region, one in listed if one["given"] is None]
    counts = [region.counted(counts) for region, _ in listed for counts in (region.reads, region.writes)]
    outside = [[one.name, one.action, one.where, one.lanes] for one in memory.outside]
    return Answer(arrays=(*filled, *counts), facts={"outside": outside, "unknown": unknown})


def plain_function(kernel: Any) -> FunctionType:
    """The function that a decorator has wrapped. Whatever nobody has written raises as if it were called."""
    function = kernel if isinstance(kernel, FunctionType) else getattr(kernel, "fn", None)
    if not isinstance(function, FunctionType):
        raise WrongKindError(f"a kernel is a function under @triton.jit, got {type(kernel).__name__}")
    if {parameter.kind for parameter in signature_of(function).parameters.values()} == VARIADIC:
        function()
    return function


def regions_of(settings: Mapping[str, Any], arrays: tuple[np.ndarray, ...]) -> dict[str, Region]:
    regions = {}
    for one in settings["arrays"]:
        given = arrays[one["given"]] if one["given"] is not None else np.full(one["shape"], np.nan).astype(one["dtype"])
        regions[one["name"]] = Region.laid_out(one["name"], given, one["strides"], one["before"], one["behind"])
    return regions


def launched(function: FunctionType, settings: Mapping[str, Any], arrays: tuple[np.ndarray, ...]) -> Memory:
    regions = regions_of(settings, arrays)
    memory = Memory(list(regions.values()), math.prod(settings["grid"]), line_of_kernel)
    run_programs(
        function, settings["grid"], memory, arguments(settings, regions), settings["constants"], settings["seed"], settings["precise"]
    )
    return memory


def interpreted(function: FunctionType, settings: Mapping[str, Any], arrays: tuple[np.ndarray, ...]) -> Memory:
    """The same by Triton's own interpreter."""
    regions = regions_of(settings, arrays)
    given = arguments(settings, regions)
    return run_interpreted(function, settings["grid"], list(regions.values()), given, settings["constants"], settings["seed"])


def arguments(settings: Mapping[str, Any], regions: Mapping[str, Region]) -> list[Any]:
    return [regions[value[1:]] if isinstance(value, str) else value for value in settings["arguments"]]
