"""The one table of names: the operators, the functions of the engine, and the exercises once they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])  # a function or a class

table: dict[str, Any] = {}
"""Every operator by name, and the functions of the engine: the given ones, and the exercises once they are written."""

exercises: set[str] = set()
"""Names in the table that students write."""


def exercise(written: T) -> T:
    """Decorator: put a function or a class that is an exercise into the table, callable as `ad.<name>` from then on."""
    return enter(written, written.__name__)


def exercise_of(unit: str) -> Callable[[T], T]:
    """Decorator for the exercises of a unit that has names of its own: its `matmul` is no operator, and `ad.matmul` stays what it is."""
    return lambda written: enter(written, f"{unit}.{written.__name__}")


def method(owner: type, unit: str) -> Callable[[T], T]:
    """Decorator for an exercise that is a method of a class: the class is written over several cells, and `owner` has it from then on."""

    def register(written: T) -> T:
        setattr(owner, written.__name__, written)
        vars(written)["owner"] = owner
        return exercise_of(unit)(written)

    return register


def enter(written: T, name: str) -> T:
    if name not in exercises:
        raise ValueError(f"{name} is no exercise of the course; keep the name that the notebook gives it")
    table[name] = written
    return written


@contextmanager
def restored(entries: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """While open, `entries` stand in the table, which may be changed; afterwards it is what it was, as are the methods in it."""
    before = dict(table)
    try:
        put(entries or {})
        yield table
    finally:
        table.clear()
        put(before)


def put(entries: Mapping[str, Any]) -> None:
    """Put entries into the table, and those that are methods into their classes."""
    table.update(entries)
    for written in entries.values():
        if isinstance(owner := getattr(written, "owner", None), type):
            setattr(owner, written.__name__, written)


def todo(name: str, unit: str, number: int) -> str:
    return f"{name} is exercise {number} of unit {unit} and nobody has filled it in: write its cell and run it"


def declare_function(name: str, unit: str, number: int) -> None:
    """Announce a function or a class that students write, and where to find the exercise."""

    def unwritten(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(todo(name, unit, number))

    exercises.add(name)
    table[name] = unwritten
