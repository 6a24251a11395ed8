"""Which cells are of which exercise, where neither an id nor a `grade_id` tells: each kind knows how its own begin.

The `cells.py` of a kind has a `PATTERN`. A kind without one is made of what others know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from ..units import UNITS, Unit
from .names import Code, Place


@dataclass(frozen=True)
class Pattern:
    """How the cells of a kind's exercises are known."""

    exercises: Callable[[Unit], tuple[str, ...]]  # those of a unit that are of this kind
    defined_by: Callable[[Code, Place, Collection[str]], set[str]]  # which of some names a statement puts into the table
    beginning: str  # a regular expression for how a cell begins that is not Python; `NAMES`, in its one group, is any of the names


@cache
def patterns() -> tuple[Pattern, ...]:
    """Those of all kinds."""
    kinds = import_module("autodiff_lib.kinds")
    modules = (f"{kinds.__name__}.{folder.name}.cells" for folder in iter_modules(kinds.__path__) if folder.ispkg)
    return tuple(import_module(module).PATTERN for module in modules if find_spec(module) is not None)


def defined_by(code: Code, place: Place, unit: Unit) -> set[str]:
    """The exercises that a statement puts into the table."""
    found: set[str] = set()
    for pattern in patterns():
        if names := pattern.exercises(unit):
            found |= pattern.defined_by(code, place, names)
    return found


def exercises_in_cells(cells: Sequence[str], unit: str) -> list[tuple[str, ...]]:
    """For each cell, the exercises that it puts into the table."""
    return in_cells(cells, UNITS[unit])


def asked_in_cells(cells: Sequence[str], unit: str) -> list[tuple[str, ...]]:
    """For each cell, all that it puts into the table of what the unit asks, what is asked beyond its exercises among it."""
    asked = UNITS[unit]
    operators = tuple(signature for signature in asked.further if signature not in asked.further_functions)
    functions = (*asked.functions, *asked.further_functions)
    return in_cells(cells, replace(asked, operators=(*asked.operators, *operators), functions=functions))


def in_cells(cells: Sequence[str], unit: Unit) -> list[tuple[str, ...]]:
    code = Code(cells)
    there = [{exercise for place in places or () for exercise in defined_by(code, place, unit)} for places in code.cells]
    return [tuple(exercise for exercise in unit.exercises if exercise in defined) for defined in there]


def exercises_meant(text: str, unit: str) -> tuple[str, ...]:
    """The exercises that a text is about that is not Python, or is not looked at as such."""
    found = {name for beginning in beginnings(unit) for name in beginning.findall(text)}
    return tuple(name for name in UNITS[unit].exercises if name in found)


@cache
def beginnings(unit: str) -> tuple[re.Pattern[str], ...]:
    """How the cells of a unit's exercises begin."""
    named = ((pattern.beginning, pattern.exercises(UNITS[unit])) for pattern in patterns())
    return tuple(
        re.compile(beginning.replace("NAMES", "|".join(map(re.escape, names))), re.MULTILINE) for beginning, names in named if names
    )
