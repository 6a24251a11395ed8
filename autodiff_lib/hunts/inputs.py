"""What a test reads of the notebook: each version of a program meets it as it was, because a wrong one may write into it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor


@contextlib.contextmanager
def unspoilt(test: Callable[..., Any]) -> Iterator[None]:
    """Afterwards the tensors, arrays, lists, dicts and sets that a test reads from outside hold again what they held before.

    They stay the same objects, so that what else in the notebook knows them finds them.
    """
    back: dict[int, Callable[[], None]] = {}
    for value in read_by(test, set()):
        note(value, back)
    try:
        yield
    finally:
        for put_back in back.values():
            put_back()


def read_by(test: Any, seen: set[int]) -> Iterator[Any]:
    """The values of globals, enclosing names and defaults of a function, and of the functions that it calls beside it."""
    function = getattr(test, "__func__", test)
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    scope = function.__globals__
    values = [scope[name] for name in names_in(function.__code__) if name in scope]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # nothing is in it yet
            values.append(cell.cell_contents)
    values += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for value in values:
        if not isinstance(value, FunctionType):
            yield value
        elif value.__globals__ is scope:
            yield from read_by(value, seen)


def names_in(code: CodeType) -> set[str]:
    inner = (names_in(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)


def note(value: Any, back: dict[int, Callable[[], None]]) -> None:
    """Add how a value, and what is in it, gets its content back."""
    if id(value) in back:
        return
    if isinstance(value, Tensor | np.ndarray):
        back[id(value)] = content_of(value)
    elif isinstance(value, list):
        items = list(value)
        back[id(value)] = lambda: value.__setitem__(slice(None), items)
    elif isinstance(value, dict | set):
        held = value.copy()
        back[id(value)] = lambda: (value.clear(), value.update(held))[1]
    if isinstance(value, list | tuple | set):
        for item in value:
            note(item, back)
    elif isinstance(value, dict):
        for item in value.values():
            note(item, back)


def content_of(value: Tensor | np.ndarray) -> Callable[[], None]:
    """How a tensor or an array gets its numbers back. One that has them still is left alone: it may not be writable."""
    if isinstance(value, np.ndarray):
        numbers, shape = value.copy(), value.shape

        def put_back() -> None:
            if value.shape != shape:
                value.shape = shape
            if value.tobytes() != numbers.tobytes():
                value[...] = numbers

    else:
        kept = value.detach().clone()

        def put_back() -> None:
            if value.shape != kept.shape or value.dtype != kept.dtype:
                value.data = kept
            elif not torch.equal(value.detach(), kept):
                value.data.copy_(kept)

    return put_back
