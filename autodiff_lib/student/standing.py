"""How far a student is: each unit's points, kept as long as nothing has changed, and what to do next."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

from .. import __version__
from ..checks import questions
from ..checks.question import Verdict
from ..units import UNITS, needed
from . import fresh
from .lab import digest_of_cells
from .place import Place

PASSED, FAILED, OPEN, UNTOLD = "passes", "not right yet", "not done yet", "no verdict yet"
"""States of an exercise."""

STATES = ("not started", "in work", "done")
"""States of a unit of which it can be told."""

KEPT = 3  # how a standing is kept; another number looks at each notebook anew
FINISHED = "Everything is done and handed in. What came back as feedback is worth reading."


@dataclass(frozen=True)
class Standing:
    """Of one unit. What comes on top has a state and may add points; nothing else counts it."""

    unit: str
    state: str  # not started, in work, done; or why it cannot be told
    points: float
    max_points: float
    done: int  # exercises that pass, of those that count
    exercises: int
    first_open: str = ""  # the first exercise that does not pass
    handed_in: str = ""  # when, and for how many points
    since_changed: bool = False  # whether it was changed after that
    states: dict[str, str] = field(default_factory=dict)  # exercise -> its state, in the notebook's order


def standings(place: Place, on_unit: Callable[[str], None] = lambda unit: None, but: str = "") -> Iterator[Standing]:
    """Of each unit of the handout, `but` one. Only a notebook that has changed since it was looked at is run."""
    kept = place.remembered("standings")
    for unit in [unit for unit in place.units if unit != but]:
        found = not_started(unit)
        path = place.work / unit / UNITS[unit].notebook
        if path.is_file() and not untouched(place, unit):
            key = key_of(place, unit)
            if kept.get(unit, {}).get("key") != key:
                on_unit(unit)
                found = looked_at(place, unit, found)
                kept[unit] = {"key": key, **asdict(found)}
                with suppress(OSError):  # nothing can be written: it is looked at anew the next time
                    place.remember("standings", kept)
            else:
                found = Standing(**{name: value for name, value in kept[unit].items() if name != "key"})
            found = with_receipt(place, found)
        yield found


def not_started(unit: str) -> Standing:
    known = questions(unit)
    most = sum(one.points for one in known.values() if one.name not in UNITS[unit].extra)
    return replace(of_states(unit, dict.fromkeys(known, OPEN), 0, most), state="not started")


def of_verdicts(unit: str, verdicts: Sequence[Verdict]) -> Standing:
    """Of a unit that is open, by what its checks say."""
    states = {one.question: state_of(one.reason) for one in verdicts}
    points = sum(one.points for one in verdicts)
    most = sum(one.max_points for one in verdicts if one.question not in UNITS[unit].extra)
    return of_states(unit, states, points, most)


def of_states(unit: str, states: dict[str, str], points: float, max_points: float) -> Standing:
    counted = {name: state for name, state in states.items() if name not in UNITS[unit].extra}
    opened = next((name for name, state in counted.items() if state != PASSED), "")
    done = sum(state == PASSED for state in counted.values())
    return Standing(unit, "in work" if opened else "done", points, max_points, done, len(counted), opened, states=states)


def state_of(reason: str) -> str:
    return {"passed": PASSED, "missing": OPEN, "unanswered": UNTOLD}.get(reason, FAILED)


def with_receipt(place: Place, standing: Standing) -> Standing:
    """The standing with when it was handed in, where it was."""
    receipt = place.remembered("handed_in").get(standing.unit)
    path = place.work / standing.unit / UNITS[standing.unit].notebook
    if receipt is None or not path.is_file():
        return standing
    changed = receipt.get("cells") != digest_of_cells(path)
    return replace(standing, handed_in=f"{receipt['time']}, {receipt['points']:g} points", since_changed=changed)


def untouched(place: Place, unit: str) -> bool:
    name = UNITS[unit].notebook
    came, there = place.pristine / unit / name, place.work / unit / name
    return came.is_file() and digest_of_cells(came) == digest_of_cells(there)


def key_of(place: Place, unit: str) -> str:
    """Of everything that a unit's points can depend on: its notebook and modules, those of the units that it needs, the library."""
    total = hashlib.sha256(f"{__version__} {KEPT}".encode())
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
    states = {exercise.name: state_of(exercise.reason) for exercise in outcome.exercises}
    return of_states(unit, states, outcome.points, outcome.max_points)


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
    filled = round(20 * min(1, standing.points / standing.max_points)) if standing.max_points else 0
    worth = f"{standing.points:g} of {standing.max_points:g} points"
    exercises = f"{standing.done} of {standing.exercises} exercises"
    handed_in = f"; handed in {standing.handed_in}" if standing.handed_in else ""
    changed = ", changed since" if standing.since_changed else ""
    return f"{standing.unit:<24} {'#' * filled:.<20} {worth:<18} {exercises}, {standing.state}{handed_in}{changed}"
