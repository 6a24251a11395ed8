"""The units of the course: each is a folder here, known by being there. Its questions are loaded when somebody asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any

from ..graph import Signature, declare_operator
from ..registry import declare_function


@dataclass(frozen=True)
class Unit:
    """What a unit says of itself, in the `unit.py` of its folder."""

    name: str  # nbgrader's name of the assignment, and of its folder of notebooks
    notebook: str  # the file in that folder
    needs: tuple[str, ...] = ()  # names of the units whose exercises it uses
    lectures: tuple[str, ...] = ()  # names of the lectures to read before it
    hours: tuple[int, int] = (0, 0)  # of work, an estimate: from, to; (0, 0) where there is none yet
    operators: tuple[str, ...] = ()  # signatures of the exercises that are operators, in the notebook's order
    functions: tuple[str, ...] = ()  # names of those that are functions, classes or methods, after the operators
    further: tuple[str, ...] = ()  # signatures of operators, and names of functions and classes, asked beyond the exercises, not graded
    order: tuple[str, ...] = ()  # names of its exercises as they come in the notebook, where the operators are not the first
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> what it asks together, exercises and `further`
    own_names: bool = False  # whether its functions are `unit.name` in the table, so that they may be called like operators
    refused: frozenset[str] = frozenset()  # paths of modules that none of its exercises may use
    ready_made: Mapping[str, frozenset[str]] = field(default_factory=dict)  # exercise -> what libraries call the same thing
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)  # exercise -> the libraries it may name, where these are few
    extra: frozenset[str] = frozenset()  # exercises whose points come on top of the most that there are
    stands_in: Mapping[str, frozenset[str]] = field(default_factory=dict)  # exercise -> names that are the probe's while it is asked
    limits: Mapping[str, Any] = field(default_factory=dict)  # what a submission may use, where it is not what is usual
    environment: Mapping[str, str] = field(default_factory=dict)  # variables that a submission sees besides the usual ones, or instead
    loopback: bool = False  # whether its processes may talk to one another through the network of the machine that they think they are

    @property
    def exercises(self) -> tuple[str, ...]:
        """Their names, in the notebook's order."""
        return self.order or (*names_of(self.operators), *self.functions)

    @property
    def declared(self) -> tuple[str, ...]:
        """Its exercises, and what is asked for beyond them, with the signatures of those that are operators: as they are numbered."""
        signatures = dict(zip(names_of(self.operators), self.operators, strict=True))
        return (*(signatures.get(name, name) for name in self.exercises), *self.further)

    @property
    def further_functions(self) -> tuple[str, ...]:
        """Those of `further` that are no operators."""
        return tuple(asked for asked in self.further if asked.isidentifier())

    def entry(self, exercise: str) -> str:
        """The name of an exercise in the table."""
        return f"{self.name}.{exercise}" if self.own_names and exercise in (*self.functions, *self.further_functions) else exercise

    @property
    def stem(self) -> str:
        """nbgrader's name of the notebook."""
        return self.notebook.removesuffix(".ipynb")


@cache
def names_of(signatures: tuple[str, ...]) -> tuple[str, ...]:
    """The names of operators."""
    return tuple(Signature.parse(signature).name for signature in signatures)


@cache
def rooms() -> Mapping[str, str]:
    """Name of each unit -> the name of its folder, in the order of the units' names."""
    found = {}
    for folder in iter_modules(__path__):
        found[import_module(f"{__name__}.{folder.name}.unit").UNIT.name] = folder.name
    return MappingProxyType(dict(sorted(found.items())))


def part_of(unit: str, name: str) -> ModuleType:
    """A module of a unit's folder. KeyError, with the units there are, for any other unit."""
    return import_module(f"{__name__}.{room(unit)}.{name}")


def folder_of(unit: str) -> Path:
    return Path(__path__[0]) / room(unit)


def room(unit: str) -> str:
    """The name of a unit's folder. KeyError, with the units there are, for any other unit."""
    if unit not in rooms():
        raise KeyError(f"there is no unit '{unit}'; the units are {', '.join(rooms())}")
    return rooms()[unit]


UNITS: Mapping[str, Unit] = MappingProxyType({name: part_of(name, "unit").UNIT for name in rooms()})
"""All units by their names, in that order."""


def needed(unit: str) -> tuple[str, ...]:
    """The units on which a unit stands, directly or through others, in the order in which they are to be loaded."""
    found: dict[str, None] = {}
    for name in UNITS[unit].needs:
        found |= dict.fromkeys((*needed(name), name))
    return tuple(found)


for unit in UNITS.values():
    for number, exercise in enumerate(unit.declared, start=1):
        if exercise not in (*unit.functions, *unit.further_functions):
            declare_operator(exercise, unit.name, number)
        else:
            declare_function(unit.entry(exercise), unit.name, number)
