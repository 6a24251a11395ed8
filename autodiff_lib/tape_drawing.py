"""A tape as a picture that can be stepped through: on the left its entries, on the right the two ledgers into which the way back writes.

As with the steps through a graph, all that a step shows is in the picture from the start, and a short script shows one step after
the other. Where no script runs, the picture is that of the last step, and the list below it says the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
from torch import Tensor

from . import graph_drawing as drawing
from .graph_drawing import Drawing
from .step_drawing import GRADIENTS, MAX_NUMBERS, SCRIPT, VALUES, WRONG, Line, added, close, code, plain, seen, shown
from .tape_stepping import Asked, Change, Entry, Recorded, Spot, TapePass, passed

MARGIN, TOP = 12, 12
FRAME, LINE, HEAD = 66, 24, 34  # heights: an entry of the tape, a line of a ledger, and what stands above its lines
EDGE, HOLE = 24, 9  # of the strip beside its frames, and a hole in it
ROOM = 92  # between the tape and the ledgers, for arrows
NARROWEST = 260  # of the strip
MAX_IN_FRAME, MAX_IN_LEDGER = 46, 66  # characters of a line there

FILM = 'fill="#fff" stroke="#8a7f66" stroke-width="0.8"'
BLACK, GREY = "#111", "#666666"
INKS = (VALUES, GRADIENTS, WRONG)
PALE = {VALUES: "#e2ecf7", GRADIENTS: "#fde9d9", WRONG: "#ffe1de"}
HEADS = {False: "in the buffer", True: "handed in, for parameters"}


@dataclass(frozen=True)
class Step:
    """What happens, in which colour, and in words, as HTML."""

    text: str
    ink: str
    event: Recorded | Asked | None = None


def step_tape(tape: Any, divergence: Any = 1.0, names: Mapping[str, np.ndarray] | None = None) -> Drawing:
    """A tape, to step through with ◀ and ▶, a slider or the arrow keys: first it is recorded, then walked back from `divergence`.

    `tape` is an engine, whose own `backward` is run and listened to, and put back into the state of before; or a list of its
    operations. `names` are what to call arrays in the picture; two views of the same kind of the same numbers have one name.
    Where nobody has written `backward`, or there is no engine, the way back is that which is right.

    What is wrong with the engine's way back is said in the picture. Raises TypeError for what is no tape, ValueError for one that is
    empty or has more entries than can be drawn.
    """
    told = passed(tape, divergence, names)
    steps = steps_of(told)
    title = f"a tape of {len(told.entries)} {'entry' if len(told.entries) == 1 else 'entries'}, in {len(steps)} steps"
    markup = page(svg(told, steps, title), told, steps, title)
    key = f"tape-{hashlib.sha256(markup.encode()).hexdigest()[:12]}"
    lines = [f"{number:3}. {plain(one.text)}" for number, one in enumerate(steps, start=1)]
    return Drawing(markup.replace("@KEY@", key), "\n".join([title, *lines]))


# --- the steps in words


def steps_of(told: TapePass) -> list[Step]:
    steps = [recorded(event) for event in told.recorded]
    steps += [asked(event, first=place == 0) for place, event in enumerate(told.asked)]
    return [*steps, last_step(told)]


def call(entry: Entry) -> str:
    return f"<b>{escape(entry.operation)}</b>({escape(', '.join(entry.inputs))})"


def called(spot: Spot) -> str:
    return code(" = ".join(spot.names))


def recorded(event: Recorded) -> Step:
    entry = event.entry
    text = f"Entry {entry.number}: {call(entry)} gives {code(entry.output)}, {code(shown(entry.value))}."
    for handed_in, words in ((False, "In the buffer, zeros for"), (True, "Handed in, to be added to:")):
        if made := [called(spot) for spot in event.made if spot.handed_in == handed_in]:
            text += f" {words} {' and '.join(made)}."
    return Step(text, VALUES, event)


def asked(event: Asked, first: bool) -> Step:
    entry = event.entry
    begin = f"The way back begins at entry {entry.number}" if first else f"Entry {entry.number}"
    text = f"{begin}, {call(entry)}: the gradient of {code(entry.output)} is {code(shown(event.gradient))}."
    given = [
        f"{code(name)}: {code('nothing' if one is None else shown(one))}" for name, one in zip(entry.inputs, event.answers, strict=True)
    ]
    text += f" Its backward function returns {', '.join(given)}."
    for handed_in, words in ((False, "In the buffer now"), (True, "Handed in now")):
        if own := [f"{called(change.spot)}: {code(grown(change))}" for change in event.changes if change.spot.handed_in == handed_in]:
            text += f" {words}, {', '.join(own)}."
    return Step(text, GRADIENTS, event)


def grown(change: Change) -> str:
    """`5 + 2 = 7`, where something stood there before that is not zero; else what stands there."""
    before = change.before
    if before is None or before.shape != change.after.shape or not before.any():
        return shown(change.after)
    return added([before, change.after - before])


def last_step(told: TapePass) -> Step:
    """What has arrived where nothing goes on: at what no entry has made, and at what was handed in."""
    wrong = [end for end in told.ends if not close(end.found, end.right)]
    made = {entry.of_output: entry.number for entry in reversed(told.entries)}
    used = {spot: entry.number for entry in reversed(told.entries) for spot in entry.of_inputs}
    shown_ends = wrong or [end for end in told.ends if used[end.spot] <= made.get(end.spot, len(told.entries))]
    ends = [f"{called(end.spot)} is {code(shown(end.found))}" + f", expected {code(shown(end.right))}" * bool(wrong) for end in shown_ends]
    said = [f"{'✗ ' * bool(wrong)}In the end, {'; '.join(ends)}."] if ends else []
    said += [f"Note: {escape(note)}." for note in told.notes]
    return Step(" ".join(said), WRONG if wrong or told.notes else GRADIENTS)


# --- the picture


@dataclass(frozen=True)
class Places:
    """Where everything stands, in pixels."""

    strip: float  # the width of the tape
    ledger: float  # the width of the ledgers
    heads: Mapping[bool, float]  # whether it is that of what was handed in -> the top of a ledger
    lines: Mapping[Spot, float]  # the top of each of their lines
    size: tuple[float, float]

    @property
    def left(self) -> float:
        """Of the ledgers."""
        return MARGIN + self.strip + ROOM

    def frame(self, entry: Entry) -> float:
        """The top of an entry's frame."""
        return TOP + (entry.number - 1) * FRAME

    def beside(self, entry: Entry) -> tuple[float, float]:
        """Where arrows leave an entry."""
        return MARGIN + self.strip, self.frame(entry) + FRAME / 2

    def before(self, spot: Spot) -> tuple[float, float]:
        """Where arrows reach a line of a ledger."""
        return self.left, self.lines[spot] + LINE / 2


def placed(told: TapePass, frames: Mapping[Entry, list[Line]], lines: Mapping[Spot, list[Line]]) -> Places:
    """Two columns, the tape and the ledgers one below the other, as wide as what is written into them."""
    widest = max(len(line.text) for entry in told.entries for line in frames[entry])
    strip = max(NARROWEST, drawing.LETTER * widest + 2 * EDGE + 36)
    widest = max(len(name(spot)) + 3 + max((len(line.text) for line in lines[spot]), default=0) for spot in told.spots)
    ledger = max(drawing.LETTER * max(map(len, HEADS.values())), drawing.LETTER * widest) + 24
    heads, tops, y = {}, {}, float(TOP)
    for handed_in in HEADS:
        if own := [spot for spot in told.spots if spot.handed_in == handed_in]:
            heads[handed_in] = y
            tops.update({spot: y + HEAD + place * LINE for place, spot in enumerate(own)})
            y += HEAD + len(own) * LINE + 22
    height = max(TOP + len(told.entries) * FRAME, y) + MARGIN
    return Places(strip, ledger, heads, tops, (2 * MARGIN + strip + ROOM + ledger, height))


def svg(told: TapePass, steps: Sequence[Step], title: str) -> str:
    end = len(steps)
    frames = {entry: frame_lines(entry, steps) for entry in told.entries}
    lines = {spot: ledger_lines(spot, told, steps) for spot in told.spots}
    places = placed(told, frames, lines)
    listed = "; ".join(f"{entry.operation}({', '.join(entry.inputs)}) gives {entry.output}" for entry in told.entries)
    described = f"A tape, from above: {listed}. Beside it the ledgers of its gradients. The steps stand in the list that follows."
    shapes = [
        drawing.opening(drawing.Layout({}, {}, {}, [], places.size), title, described),
        f"<defs>{''.join(drawing.tip(f'@KEY@-{ink[1:]}', ink, 4) for ink in INKS)}</defs>",
        *strip(told, places),
        *(ledger(places, handed_in, told) for handed_in in places.heads),
    ]
    shapes += [seen(lit(places, one), number, number, end) for number, one in enumerate(steps, 1)]
    for entry in told.entries:
        rows = zip(frames[entry], (18, 38, 56), strict=False)
        inside = [seen(written(line, MARGIN + EDGE + 10, places.frame(entry) + y), line.first, line.last, end) for line, y in rows]
        shapes.append(f"<g><title>{escape(heading(entry))}</title>{''.join(inside)}{numbers(entry, places, steps)}</g>")
    for spot in told.spots:
        x, y = places.left + 12, places.lines[spot] + 16
        first = min((line.first for line in lines[spot]), default=end)
        label = Line(f"{name(spot)}:", BLACK if len(spot.names) == 1 else WRONG, first, end)  # one key, and several arrays
        after = x + drawing.LETTER * (len(label.text) + 1)
        inside = [seen(written(line, x if line is label else after, y), line.first, line.last, end) for line in (label, *lines[spot])]
        shapes.append(f"<g><title>{escape(name(spot))}</title>{''.join(inside)}</g>")
    return "".join([*shapes, "</svg>"])


def name(spot: Spot) -> str:
    return " = ".join(spot.names)


def heading(entry: Entry) -> str:
    return f"{entry.number}. {entry.operation}({', '.join(entry.inputs)}) → {entry.output}"


def frame_lines(entry: Entry, steps: Sequence[Step]) -> list[Line]:
    """What stands in a frame: the operation and its value since it was recorded, and below them what it has handed back."""
    end, recorded_at = len(steps), entry.number
    value, shape = shown(entry.value), f"shape {list(entry.value.shape)}"
    text = (
        f"{entry.output}: {shape}" if value == shape else shortened(f"{entry.output} = {value}", f"{entry.output}: {shape}", MAX_IN_FRAME)
    )
    lines = [Line(heading(entry), BLACK, recorded_at, end), Line(text, VALUES, recorded_at, end)]
    for number, one in enumerate(steps, 1):
        if isinstance(one.event, Asked) and one.event.entry is entry:
            given = [*zip(entry.inputs, one.event.answers, strict=True)]
            texts = [", ".join(f"{to} {'nothing' if part is None else shown(part)}" for to, part in given)]
            texts.append(", ".join(f"{to} {'nothing' if part is None else f'shape {list(part.shape)}'}" for to, part in given))
            return [*lines, Line(shortened(f"back: {texts[0]}", f"back: {texts[1]}", MAX_IN_FRAME), GRADIENTS, number, end)]
    return lines


def ledger_lines(spot: Spot, told: TapePass, steps: Sequence[Step]) -> list[Line]:
    """What stands in a line of a ledger: what was there at first, and then what it has grown to."""
    lines: list[Line] = []
    for number, one in enumerate(steps, 1):
        text, ink = "", GRADIENTS
        if isinstance(one.event, Recorded) and spot in one.event.made:
            text, ink = in_ledger(None, told.start[spot]), GREY
        elif isinstance(one.event, Asked):
            for change in (*one.event.begun, *one.event.changes):
                text = in_ledger(change, change.after) if change.spot is spot else text
        if text:
            lines = [*lines[:-1], *(replace(before, last=number - 1) for before in lines[-1:]), Line(text, ink, number, len(steps))]
    return [line for line in lines if line.first <= line.last]


def in_ledger(change: Change | None, value: Tensor) -> str:
    """The sum with its terms where there is room, else the sum, else its shape."""
    if value.numel() > MAX_NUMBERS:
        return f"{'zeros of ' * (not value.any())}shape {list(value.shape)}"
    return shortened(shown(value) if change is None else grown(change), shown(value), MAX_IN_LEDGER)


def shortened(long: str, short: str, most: int) -> str:
    return long if len(long) <= most else short


# --- shapes


def strip(told: TapePass, places: Places) -> Iterator[str]:
    """The tape: paper with holes along both edges, and a frame for each entry."""
    height = len(told.entries) * FRAME
    yield f'<rect x="{MARGIN}" y="{TOP}" width="{places.strip:.0f}" height="{height}" rx="3" fill="#efe9dc" stroke="#8a7f66"/>'
    for left in (MARGIN + (EDGE - HOLE) / 2, MARGIN + places.strip - (EDGE + HOLE) / 2):
        for third in range(3 * len(told.entries)):
            y = TOP + (third + 0.5) * FRAME / 3 - HOLE / 2
            yield f'<rect x="{left:.1f}" y="{y:.1f}" width="{HOLE}" height="{HOLE}" rx="2" {FILM}/>'
    for entry in told.entries:
        place = f'x="{MARGIN + EDGE}" y="{places.frame(entry) + 3:.0f}" width="{places.strip - 2 * EDGE:.0f}" height="{FRAME - 6}" rx="3"'
        yield f"<rect {place} {FILM}/>"


def ledger(places: Places, handed_in: bool, told: TapePass) -> str:
    """A page with a line for each spot."""
    own = [spot for spot in told.spots if spot.handed_in == handed_in]
    top, ink = places.heads[handed_in], GRADIENTS
    place = f'x="{places.left:.0f}" y="{top:.0f}" width="{places.ledger:.0f}" height="{HEAD + len(own) * LINE + 6:.0f}" rx="4"'
    rules = "".join(
        f'<path d="M{places.left + 8:.0f} {places.lines[spot]:.0f}H{places.left + places.ledger - 8:.0f}" stroke="#ddd"/>' for spot in own
    )
    dash = "" if handed_in else ' stroke-dasharray="5 3"'
    head = f'<text x="{places.left + 12:.0f}" y="{top + 21:.0f}" fill="{ink}" font-weight="bold">{escape(HEADS[handed_in])}</text>'
    return f'<rect {place} fill="#fff" stroke="{ink}"{dash} stroke-width="1.4"/>{rules}{head}'


def lit(places: Places, one: Step) -> str:
    """Behind the frame that has its turn; what it reads, and what it writes, as arrows."""
    if one.event is None:
        return ""
    entry = one.event.entry
    place = f'x="{MARGIN + EDGE}" y="{places.frame(entry) + 3:.0f}" width="{places.strip - 2 * EDGE:.0f}" height="{FRAME - 6}" rx="3"'
    shapes = f'<rect data-lit="" {place} fill="{PALE[one.ink]}" stroke="{one.ink}" stroke-width="2.4"/>'
    if isinstance(one.event, Recorded):
        return shapes + "".join(arrow(places.beside(entry), places.before(spot), one.ink) for spot in one.event.made)
    if entry.of_output in places.lines:
        shapes += arrow(places.before(entry.of_output), places.beside(entry), one.ink, dashed=True)
    written_to = dict.fromkeys(change.spot for change in one.event.changes if change.spot in places.lines)
    return shapes + "".join(arrow(places.beside(entry), places.before(spot), one.ink) for spot in written_to)


def arrow(start: tuple[float, float], end: tuple[float, float], ink: str, dashed: bool = False) -> str:
    (x1, y1), (x2, y2) = start, end
    bend = (x1 + x2) / 2
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    path = f"M{x1:.1f} {y1:.1f}C{bend:.1f} {y1:.1f} {bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2.2"{dash} marker-end="url(#@KEY@-{ink[1:]})"/>'


def written(line: Line, x: float, y: float) -> str:
    weight = ' font-weight="bold"' if line.ink in (BLACK, WRONG) else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{line.ink}"{weight}>{escape(line.text)}</text>'


def numbers(entry: Entry, places: Places, steps: Sequence[Step]) -> str:
    """The numbers of an entry's steps, in the corner of its frame: when it was recorded, and when it was asked."""
    shapes, x = "", MARGIN + places.strip - EDGE - 6
    kind: type[Recorded] | type[Asked]
    for kind, y in ((Asked, 56), (Recorded, 18)):
        own = [number for number, one in enumerate(steps, 1) if isinstance(one.event, kind) and one.event.entry is entry]
        if own:
            ink = GRADIENTS if kind is Asked else VALUES
            label = f'<text x="{x:.1f}" y="{places.frame(entry) + y:.1f}" text-anchor="end" font-size="11" fill="{ink}">'
            shapes += seen(f"{label}{', '.join(map(str, own))}</text>", own[0], len(steps), len(steps))
    return shapes


# --- the page


def page(picture: str, told: TapePass, steps: Sequence[Step], title: str) -> str:
    """The picture, and the list of steps, of which a script shows one at a time."""
    back = f", then the way back, in {len(told.asked)}" if told.asked else ""
    intro = f"Recorded in {len(told.recorded)} steps{back}. In the corners of each frame stand the numbers of its steps."
    items = "".join(f'<li value="{number}" data-from="{number}" data-to="{number}">{one.text}</li>' for number, one in enumerate(steps, 1))
    return (
        f'<div class="@KEY@" role="group" aria-label="{escape(title)}" data-last="{len(steps)}" style="padding:4px">'
        f'{drawing.scrolled(picture)}<p data-from="0" data-to="0">{intro}</p>'
        f'<ol aria-live="polite">{items}</ol><script>{SCRIPT}</script></div>'
    )
