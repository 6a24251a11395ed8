"""A unit's checks in a terminal: its notebook on a fresh kernel, and the reports as plain text."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from .. import course
from ..checks.check import asked_by, unknown
from ..units import UNITS
from . import fresh
from .place import HandoutError, find

PASSED, NOT_PASSED, COULD_NOT = 0, 1, 2
"""Exit codes: all is right, something is not, it could not be done."""


def notebook_of(unit: str, here: Path) -> Path:
    """The notebook of a unit: the student's own where `here` lies in a handout, else the one that `course.load` would run.

    ValueError for an unknown unit, HandoutError or FileNotFoundError where there is no such notebook, with what to do.
    """
    try:
        place = find(here)
    except HandoutError:
        return course.find(unit)
    return place.notebook(unit) if place.pristine.is_dir() else course.find(unit)  # who writes the course has its settings as well


def names_of(unit: str, asked: str) -> tuple[str, ...]:
    """The questions that a name asks: a question itself, or a group of them. ValueError for any other, with the names there are."""
    if names := asked_by(unit, asked):
        return names
    raise ValueError(unknown(unit, asked))


def check(path: Path, unit: str, asked: str | None = None) -> int:
    """Run a unit's notebook, and print a line for each exercise, or the whole report on what is `asked`; the exit code.

    ValueError where nothing of the unit is called so or the notebook is none, `fresh.NoAnswerError` where its kernel dies.
    """
    names = names_of(unit, asked) if asked else ()
    with tqdm(desc=unit, unit="cell", leave=False, disable=None) as bar:

        def shown(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        outcome = fresh.run(path, unit, names, shown)
    for exercise in outcome.exercises:
        print(exercise.text if names else exercise.headline)
    for remark in (*outcome.problems, *outcome.flags):
        print(f"  {remark}")
    if len(names) != 1:
        print(f"{outcome.points:g} of {outcome.max_points:g} points")
    right = outcome.exercises[0].reason == "passed" if names == (asked,) else outcome.right
    return PASSED if right else NOT_PASSED


def listed_names() -> str:
    """For a help text: the units, and the groups of those that have some."""
    grouped = [f"  {unit.name}: {', '.join(unit.groups)}" for unit in UNITS.values() if unit.groups]
    return "\n".join([f"units: {', '.join(UNITS)}", *(["groups of exercises:", *grouped] if grouped else [])])
