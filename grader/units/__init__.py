"""What belongs to a unit and students must never get: in a folder of the same name as the one that they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from textwrap import dedent
from types import ModuleType
from typing import Any

from autodiff_lib.checks.question import Part, Question
from autodiff_lib.units import UNITS, room


def part_of(unit: str, name: str) -> ModuleType:
    """A module of a unit's folder here. KeyError, with the units there are, for any other unit."""
    return import_module(f"{__name__}.{room(unit)}.{name}")


def known(unit: str) -> None:
    """ValueError, with the units there are, where there is none of that name."""
    if unit not in UNITS:
        raise ValueError(f"there is no unit '{unit}'; the units are {', '.join(UNITS)}")


def in_secret(question: Question, seed: str, change: Callable[[Part, str], Part] = lambda part, seed: part) -> Question:
    """A public question as a hidden one: each part as `change` makes it, and the numbers of all cases drawn from `seed`.

    What is timed is timed once, on numbers that nobody knows.
    """
    parts = []
    for part in (part for part in question.parts if not part.timed):
        changed = change(part, seed)
        cases: tuple[Any, ...] = changed.cases
        parts.append(replace(changed, cases=tuple(replace(case, seed=seed, hidden=True) for case in cases)))
    return replace(question, parts=tuple(parts))


@dataclass(frozen=True)
class Mistake:
    """A known wrong implementation of one exercise: the solution with `edits` made in it, in order."""

    id: str
    unit: str
    exercise: str
    what: str  # what is wrong, so that it completes "your answers are exactly those of code in which ..."
    hint: str  # what a teacher says on seeing it: a question or a pointer, never the fix
    edits: tuple[tuple[str, str], ...]  # (text of the solution cell, what the student wrote instead)

    def cell(self, solution: str) -> str:
        """The wrong solution cell. ValueError where the solution no longer has the text to edit."""
        for old, new in self.edits:
            if old not in solution:
                raise ValueError(f"mistake {self.id}: the solution of {self.exercise} has no text {old!r}; mend its edits")
            solution = solution.replace(old, new)
        return solution


@dataclass(frozen=True)
class Variant:
    """A right answer to one exercise that looks different from the solution."""

    id: str
    unit: str
    exercise: str
    what: str  # one line: what is different
    cells: tuple[str, ...]  # what stands in place of the solution cell; the last one defines the exercise


def mistakes_of(unit: str) -> Callable[..., Mistake]:
    """What a unit's mistakes are written with: exercise, slug, what is wrong, hint, edits."""

    def mistake(exercise: str, slug: str, what: str, hint: str, *edits: tuple[str, str]) -> Mistake:
        return Mistake(f"{UNITS[unit].entry(exercise)}-{slug}", unit, exercise, what, hint, edits)

    return mistake


def variants_of(unit: str) -> Callable[..., Variant]:
    """What a unit's variants are written with: exercise, slug, what is different, cells."""

    def variant(exercise: str, slug: str, what: str, *cells: str) -> Variant:
        return Variant(f"{UNITS[unit].entry(exercise)}-{slug}", unit, exercise, what, tuple(dedent(cell).strip() + "\n" for cell in cells))

    return variant
