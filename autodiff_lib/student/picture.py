"""How far somebody is, in START and by `check.progress()`: what passes in all units, as a picture, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import fill

from ..checks.question import Verdict
from ..checks.report import GREEN, RED
from ..grading import graded
from ..units import UNITS
from .command import asked
from .place import HandoutError, find
from .standing import FAILED, OPEN, PASSED, STATES, UNTOLD, Standing, next_step, of_verdicts, with_receipt

MARKS = {PASSED: "✓", FAILED: "✗", OPEN: "○", UNTOLD: "?"}
SQUARE = (
    "display:inline-block;width:1.4em;line-height:1.4em;margin-right:.3em;text-align:center;font-weight:700;"
    "border:1px solid;border-radius:3px"
)
FILLED = {
    PASSED: f"background:{GREEN};border-color:{GREEN};color:#fff",
    FAILED: f"background:{RED};border-color:{RED};color:#fff",
    OPEN: "border-color:currentColor",
    UNTOLD: "border-color:currentColor",
}
"""Of a square; one of what has neither passed nor failed is empty, and drawn in the colour of the theme's text."""

WIDTH = 120  # of a line in a terminal
TOGETHER = "\N{NO-BREAK SPACE}"
ROW = "display:flex;flex-wrap:wrap;gap:.2em 1em;margin:0 0 .8em;padding:0"
HEAD, BESIDE = "flex:0 0 13em", "flex:1 1 16em"
"""Of a unit's row: where its exercises have less room than that beside its name, they go below it."""


@dataclass(frozen=True)
class Progress:
    """How far somebody is in some units: HTML in a notebook, text elsewhere."""

    standings: Sequence[Standing]
    next: str

    def __repr__(self) -> str:
        legend = "   ".join(f"{MARKS[state]} {state}" for state in self.states())
        return "\n".join([*map(line, self.standings), legend, self.next])

    def _repr_html_(self) -> str:
        rows = "".join(map(row, self.standings))
        legend = "".join(f'<span style="margin-right:1.5em;white-space:nowrap">{square(state)}{state}</span>' for state in self.states())
        units = f'<ul style="list-style:none;margin:0;padding:0">{rows}</ul>'
        return (
            f'<div style="font-family:sans-serif">{units}<div style="margin:.5em 0">{legend}</div><p><b>{escape(self.next)}</b></p></div>'
        )

    def states(self) -> list[str]:
        """Those that occur."""
        there = {state for standing in self.standings for state in standing.states.values()}
        return [state for state in MARKS if state in there]


def line(standing: Standing) -> str:
    """A unit, for a terminal."""
    head = f"{standing.unit:<24} {worth(standing):<18} "
    exercises = "  ".join(f"{MARKS[state]}{TOGETHER}{name}" for name, state in standing.states.items())
    shown = fill(head + exercises, WIDTH, subsequent_indent=" " * len(head), break_on_hyphens=False).replace(TOGETHER, " ")
    return "\n".join([shown, *(" " * len(head) + said for said in remarks(standing))])


def row(standing: Standing) -> str:
    """A unit, as an entry of a list: a square with a mark for each exercise, and its name beside it."""
    exercises = "".join(
        f'<span style="display:inline-block;margin:0 1.1em .3em 0;white-space:nowrap" title="{escape(name)}: {state}">'
        f"{square(state)}{escape(name)}</span>"
        for name, state in standing.states.items()
    )
    head = f"<b>{escape(standing.unit)}</b><br>{worth(standing)}"
    below = "".join(f"<div>{escape(said)}</div>" for said in remarks(standing))
    return f'<li style="{ROW}"><div style="{HEAD}">{head}</div><div style="{BESIDE}">{exercises}{below}</div></li>'


def square(state: str) -> str:
    return f'<span role="img" aria-label="{state}" style="{SQUARE};{FILLED[state]}">{MARKS[state]}</span>'


def worth(standing: Standing) -> str:
    return f"{standing.points:g} of {standing.max_points:g} points"


def remarks(standing: Standing) -> list[str]:
    """Why nothing can be told of a unit, and when it was handed in: a sentence each, where there is one."""
    why = [] if standing.state in STATES else [standing.state]
    changed = ", changed since" if standing.since_changed else ""
    return [*why, *([f"handed in {standing.handed_in}{changed}"] if standing.handed_in else [])]


def progress(unit: str, verdicts: Sequence[Verdict]) -> Progress | None:
    """How far all units of the handout are: the unit of this notebook as its checks say now, the others as their files are.

    Other notebooks that have changed since they were looked at are run once, which takes some seconds. Without a handout
    it is this unit alone, and so where the others cannot be looked at, which is said. While grading it is nothing.
    """
    if graded():
        return None
    here = of_verdicts(unit, verdicts)
    try:
        place = find(Path.cwd())
    except HandoutError:
        return Progress([here], next_here(here))
    here = with_receipt(place, here)
    try:
        others = {standing.unit: standing for standing in asked(place, "--but", unit)}
    except HandoutError as error:
        return Progress([here], f"{next_here(here)} {error}")
    found = {**others, unit: here}
    ordered = [found[name] for name in UNITS if name in found]
    return Progress(ordered, next_step(ordered))


def next_here(standing: Standing) -> str:
    """What to do now, where nothing is known but this notebook."""
    if standing.first_open:
        return f"Next: {standing.first_open}, in this notebook. Then run its check."
    later = [*UNITS][[*UNITS].index(standing.unit) + 1 :]
    more = [name for name, state in standing.states.items() if state != PASSED]
    but = f", except {', '.join(more)}, whose points come on top" if more else ""
    return f"All exercises of {standing.unit} pass{but}. Next: {f'unit {later[0]}' if later else 'nothing, this was the last unit'}."
