"""How far a student is: each unit's points, kept as long as nothing has changed, and what to do next."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from .. import __version__
from ..checks import questions
from ..units import UNITS, needed
from . import fresh
from .lab import digest_of_cells
from .place import Place

FINISHED = "Everything is done and handed in. What came back as feedback is worth reading."


@dataclass(frozen=True)
class Standing:
    """Of one unit."""

    unit: str
    state: str  # not started, in work, done; or why it cannot be told
    points: float
    max_points: float
    done: int  # exercises that pass
    exercises: int
    first_open: str = ""  # the first exercise that does not pass
    handed_in: str = ""  # when, and for how many points
    since_changed: bool = False  # whether it was changed after that


def standings(place: Place, on_unit: Callable[[str], None] = lambda unit: None) -> Iterator[Standing]:
    """Of each unit of the handout. Only a notebook that has changed since it was looked at is run."""
    kept = place.remembered("standings")
    handed_in = place.remembered("handed_in")
    for unit in place.units:
        found = Standing(unit, "not started", 0, sum(q.points for q in questions(unit).values()), 0, len(questions(unit)), first_of(unit))
        path = place.work / unit / UNITS[unit].notebook
        if path.is_file() and not untouched(place, unit):
            key = key_of(place, unit)
            if kept.get(unit, {}).get("key") != key:
                on_unit(unit)
                found = looked_at(place, unit, found)
                kept[unit] = {"key": key, **asdict(found)}
                place.remember("standings", kept)
            else:
                found = Standing(**{name: value for name, value in kept[unit].items() if name != "key"})
            if (receipt := handed_in.get(unit)) is not None:
                changed = receipt.get("cells") != digest_of_cells(path)
                found = replace(found, handed_in=f"{receipt['time']}, {receipt['points']:g} points", since_changed=changed)
        yield found


def first_of(unit: str) -> str:
    return next(iter(questions(unit)))


def untouched(place: Place, unit: str) -> bool:
    name = UNITS[unit].notebook
    came, there = place.pristine / unit / name, place.work / unit / name
    return came.is_file() and digest_of_cells(came) == digest_of_cells(there)


def key_of(place: Place, unit: str) -> str:
    """Of everything that a unit's points can depend on: its notebook and modules, those of the units that it needs, the library."""
    total = hashlib.sha256(__version__.encode())
    for name in (*needed(unit), unit):
        path = place.work / name / UNITS[name].notebook
        total.update(digest_of_cells(path).encode() if path.is_file() else b"-")
        for module in sorted(path.parent.glob("*.py")):
            total.update(module.name.encode() + module.read_bytes())
    return total.hexdigest()


def looked_at(place: Place, unit: str, before: Standing) -> Standing:
    """What a run on a fresh kernel says of a unit."""
    try:
        outcome = fresh.run(place.notebook(unit), unit)
    except (fresh.NoAnswerError, ValueError) as error:
        return replace(before, state=str(error))
    opened = next((exercise.name for exercise in outcome.exercises if exercise.reason != "passed"), "")
    state = "in work" if opened else "done"
    return Standing(unit, state, outcome.points, outcome.max_points, outcome.done, len(outcome.exercises), opened)


def next_step(found: list[Standing]) -> str:
    """What to do now, in a sentence."""
    for standing in found:
        unit, notebook = standing.unit, f"{standing.unit}/{UNITS[standing.unit].notebook}"
        if standing.state == "not started":
            before = ", ".join(f"notebooks/{name}.ipynb" for name in UNITS[unit].lectures)
            return f"Next: {'read ' + before + ', then ' if before else ''}open {notebook}; its first exercise is {standing.first_open}."
        if standing.state == "in work":
            return f"Next: {standing.first_open}, in {notebook}. Then run its check."
        if standing.state != "done":
            return f"Next: mend {notebook}: {standing.state}."
        if not standing.handed_in or standing.since_changed:
            again = " again, because you changed it since" if standing.handed_in else ""
            return f"Next: hand in {unit}{again}: the last cell of its notebook, or `autodiff-course submit {unit}`."
    return FINISHED


def line(standing: Standing) -> str:
    """For a terminal."""
    filled = round(20 * standing.points / standing.max_points) if standing.max_points else 0
    worth = f"{standing.points:g} of {standing.max_points:g} points"
    exercises = f"{standing.done} of {standing.exercises} exercises"
    handed_in = f"; handed in {standing.handed_in}" if standing.handed_in else ""
    changed = ", changed since" if standing.since_changed else ""
    return f"{standing.unit:<24} {'#' * filled:.<20} {worth:<18} {exercises}, {standing.state}{handed_in}{changed}"
