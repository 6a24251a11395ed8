"""Run All on a notebook that is half done: a cell that needs an unwritten exercise says so, and the next one runs.

Only in a notebook. While grading, a cell that fails fails.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..ipython import as_python, cells_run, keep_going
from ..units import UNITS

UNWRITTEN = (  # what a stub says when it is called, and what stands in the table for an exercise until its cell has run
    re.compile(r"exercise (?P<name>\w+) is not done yet"),
    re.compile(r"(?P<name>[\w.]+) is exercise \d+ of unit (?P<unit>\w+) and nobody has filled it in"),
)


def install(unit: str) -> None:
    """From now on in this notebook: cells that need an exercise nobody has written say "not yet" instead of raising.

    What such a cell would have defined is remembered: where a later cell fails that uses it, it says the same.
    """
    waiting: dict[str, str] = {}  # name that a cell would have defined -> what that cell waits for

    def excused(error: BaseException) -> str:
        cell = (cells_run() or [""])[-1]
        reads, writes = names_in(cell)
        missed = [*undefined(error), *sorted(reads)]  # a function of an earlier cell may read what this one does not name
        exercise = unwritten(error, unit) or next((waiting[name] for name in missed if name in waiting), "")
        if exercise:
            waiting.update(dict.fromkeys(writes, exercise))
            return f"○ not yet: {exercise}. This cell needs it; write it, then run this cell again."
        return ""

    def succeeded() -> None:
        for name in names_in((cells_run() or [""])[-1])[1]:
            waiting.pop(name, None)

    keep_going(excused, succeeded)


def unwritten(error: BaseException | None, unit: str) -> str:
    """The exercise that nobody has written, where an error is about that: `exercise 3, gradients`; else empty."""
    for cause in causes(error):
        if isinstance(cause, NotImplementedError):
            for pattern in UNWRITTEN:
                if found := pattern.search(str(cause)):
                    return in_words(found["name"].rpartition(".")[2], found.groupdict().get("unit") or unit, unit)
    return ""


def undefined(error: BaseException) -> Iterator[str]:
    """The names that an error says nobody has defined."""
    return (cause.name for cause in causes(error) if isinstance(cause, NameError) and cause.name)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def in_words(name: str, unit: str, here: str) -> str:
    exercises = UNITS[unit].exercises if unit in UNITS else ()
    if name not in exercises:  # of this unit's needs: a stub does not say where it stands
        unit = next((other for other in UNITS if name in UNITS[other].exercises and other in UNITS[here].needs), unit)
        exercises = UNITS[unit].exercises if unit in UNITS else ()
    number = f"exercise {exercises.index(name) + 1}, {name}" if name in exercises else name
    return number if unit == here else f"{number}, of unit {unit}"


def names_in(cell: str) -> tuple[set[str], set[str]]:
    """The names that a cell reads, and those that it defines."""
    try:
        tree = ast.parse(as_python(cell))
    except (SyntaxError, ValueError):
        return set(), set()
    reads = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    writes = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    writes |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return reads, writes
