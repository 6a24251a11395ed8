"""What a kernel may be made of: names are looked up as Python does it, and what no GPU knows is refused with its line."""

from __future__ import annotations

import builtins
import dis
import itertools
import linecache
from dataclasses import dataclass
from functools import lru_cache
from types import CellType, CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from .tile_language import LANGUAGE, DType, KernelCodeError, constexpr, tl

REAL = "triton"
BUILTINS = {
    "range", "len", "min", "max", "int", "float", "bool", "abs", "print", "isinstance", "list", "tuple", "AssertionError",
    "NotImplementedError",
}  # fmt: skip
REFUSED = {  # instructions of Python's machine -> what is wrong with them in a kernel
    **dict.fromkeys(("BUILD_MAP", "BUILD_CONST_KEY_MAP", "MAP_ADD"), "a dictionary"),
    **dict.fromkeys(("BUILD_SET", "SET_ADD"), "a set"),
    "LIST_APPEND": "a list",
    "MAKE_FUNCTION": "a function or a comprehension inside of a kernel",
    **dict.fromkeys(("IMPORT_NAME", "IMPORT_FROM"), "an import"),
    **dict.fromkeys(("YIELD_VALUE", "RETURN_GENERATOR"), "a generator"),
    **dict.fromkeys(("STORE_GLOBAL", "DELETE_GLOBAL"), "a variable of the notebook that is changed"),
    **dict.fromkeys(("BEFORE_WITH", "SETUP_WITH", "PUSH_EXC_INFO"), "`with` or `try`"),
}
KEEPS = {"STORE_FAST", "STORE_NAME", "STORE_DEREF", "BINARY_SUBSCR", "GET_ITER", "UNPACK_SEQUENCE", "LOAD_METHOD", "LOAD_ATTR"}


TRITON = SimpleNamespace(cdiv=LANGUAGE["cdiv"], language=tl)
"""What `triton` is in a kernel."""


def for_a_device(function: FunctionType) -> FunctionType:
    """A kernel of which every name is a simulated one. KernelCodeError, with the line, for what no GPU knows."""
    return translated(function, {})


def translated(function: FunctionType, done: dict[FunctionType, FunctionType]) -> FunctionType:
    if function in done:
        return done[function]
    outer = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    scope: dict[str, Any] = {"__builtins__": builtins, "__name__": function.__module__}
    cells = {name: CellType() for name in outer}
    new = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, tuple(cells.values()))
    new.__kwdefaults__, new.__annotations__ = function.__kwdefaults__, function.__annotations__
    done[function] = new
    refuse_statements(function.__code__)
    for instruction in instructions_of(function.__code__):
        name = instruction.argval
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and name not in scope:
            if name in function.__globals__:
                scope[name] = simulated(name, function.__globals__[name], function.__code__, instruction, done)
            elif hasattr(builtins, name) and name not in BUILTINS:
                raise refused(f"`{name}`", function.__code__, instruction)
        elif name in cells and isinstance(name, str) and instruction.opname != "COPY_FREE_VARS":
            cells[name].cell_contents = simulated(name, outer[name].cell_contents, function.__code__, instruction, done)
    return new


@lru_cache(maxsize=256)
def instructions_of(code: CodeType) -> tuple[dis.Instruction, ...]:
    return tuple(dis.get_instructions(code))


def refuse_statements(code: CodeType) -> None:
    for instruction, after in itertools.pairwise(instructions_of(code)):
        if instruction.opname in REFUSED:
            raise refused(REFUSED[instruction.opname], code, instruction)
        if instruction.opname in ("BUILD_LIST", "LIST_EXTEND") and after.opname in KEEPS:
            raise refused("a list", code, instruction)


def refused(what: str, code: CodeType, instruction: dis.Instruction) -> KernelCodeError:
    line = instruction.positions.lineno if instruction.positions else None
    text = f" ({said(code.co_filename, line)})" if line and said(code.co_filename, line) else ""
    return KernelCodeError(f"{what} in a kernel: a GPU knows only tl, other kernels, and what the kernel is given{text}")


def said(filename: str, line: int) -> str:
    """A line of somebody's code, as `line 3: x = tl.load(p)`; empty where its text is not known."""
    text = linecache.getline(filename, line).strip()
    return f"line {line}: {text}" if text else ""


def simulated(name: str, value: Any, code: CodeType, instruction: dis.Instruction, done: dict[FunctionType, FunctionType]) -> Any:
    """What stands for a value in a simulated kernel."""
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or ""
    if value is tl or (isinstance(value, ModuleType) and module == f"{REAL}.language"):
        return tl
    if getattr(value, "language", None) is tl or (isinstance(value, ModuleType) and module == REAL):
        return TRITON
    if isinstance(value, constexpr) or (type(value).__name__ == "constexpr" and module.startswith(REAL)):
        return value.value
    if isinstance(kernel := getattr(value, "fn", None), FunctionType):  # another kernel
        return DeviceFunction(translated(kernel, done))
    if isinstance(value, DType) or any(value is known for known in LANGUAGE.values()):
        return value
    if module.startswith(f"{REAL}.language") or module == REAL:
        return getattr(tl, str(getattr(value, "name", None) or getattr(value, "__name__", name)))
    raise refused(f"`{name}`, {what_is(value)},", code, instruction)


def what_is(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}"
    if isinstance(value, int | float | str):
        return "a variable of the notebook (make it a tl.constexpr parameter)"
    return "a function without @triton.jit" if isinstance(value, FunctionType) else f"of type {type(value).__name__}"


@dataclass(frozen=True)
class DeviceFunction:
    """A kernel as another one calls it."""

    function: FunctionType

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)
