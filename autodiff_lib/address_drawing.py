"""Where arrays are in memory, as a picture: which of its numbers each reads, in which order, and where it begins.

A block of memory is drawn once, with a row for each array that looks at it. Arrays that begin at the same number have the same key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from string import ascii_uppercase

import numpy as np

from . import graph_drawing as drawing
from .graph_drawing import Drawing
from .messages import describe_value
from .step_drawing import GRADIENTS, VALUES, rounded

MAX_NUMBERS = 16  # of a block that is drawn
CELL, ROW, GAP = 44, 30, 26  # the width of a number, the height of a row, and what is left between two blocks
MARGIN, TOP = 12, 30


@dataclass(frozen=True)
class Row:
    """An array: its name, the letter of its key, and the places in its block that it reads, in its own order."""

    name: str
    key: str
    places: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} begins at number {self.places[0] + 1} of its block and has key {self.key}"


@dataclass(frozen=True)
class Block:
    """A piece of memory, and the arrays that look at it."""

    numbers: np.ndarray  # all that stand there, in the order of memory
    rows: tuple[Row, ...]


def addresses(titled: Mapping[str, np.ndarray]) -> Drawing:
    """A picture of where arrays begin in memory, and which numbers of it are theirs; a letter stands for each address.

    Small numbers in a row say in which order the array reads. TypeError for what is no array, ValueError for no numbers, or for a
    block of memory with more of them than can be drawn.
    """
    blocks = blocks_of(titled)
    rows = [row for block in blocks for row in block.rows]
    title = f"{len(rows)} arrays in memory, {len({row.key for row in rows})} keys"
    return Drawing(drawing.scrolled(svg(blocks, title)), "\n".join([title, *map(str, rows)]))


def blocks_of(titled: Mapping[str, np.ndarray]) -> list[Block]:
    for name, array in titled.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(f"addresses: {name} must be an array, got {describe_value(array)}")
    roots = {name: root_of(array) for name, array in titled.items()}
    if sizes := {name: root.size for name, root in roots.items() if not 0 < root.size <= MAX_NUMBERS or not titled[name].size}:
        raise ValueError(f"addresses: expected 1 to {MAX_NUMBERS} numbers in memory, got {sizes}")
    starts = list(dict.fromkeys(address(array) for array in titled.values()))
    keys = {start: ascii_uppercase[place % 26] for place, start in enumerate(starts)}
    blocks = {}
    for root in roots.values():
        if id(root) not in blocks:
            own = [name for name, other in roots.items() if other is root]
            rows = tuple(Row(name, keys[address(titled[name])], places(titled[name], root)) for name in own)
            blocks[id(root)] = Block(root.ravel("K"), rows)
    return list(blocks.values())


def root_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory which a view looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def places(array: np.ndarray, root: np.ndarray) -> tuple[int, ...]:
    """For each number of an array, in the array's order, how many numbers of its block stand before it."""
    first = (address(array) - address(root)) // root.itemsize
    steps = np.array(array.strides, dtype=int) // root.itemsize
    return tuple(first + int(np.dot(steps, index)) for index in np.ndindex(*array.shape))


# --- the picture


def svg(blocks: Sequence[Block], title: str) -> str:
    label = drawing.LETTER * max(len(row.name) for block in blocks for row in block.rows) + 24
    width = 2 * MARGIN + label + CELL * max(len(block.numbers) for block in blocks) + 70
    heights = [ROW * (1 + len(block.rows)) for block in blocks]
    height = TOP + sum(heights) + GAP * (len(blocks) - 1) + MARGIN
    said = "; ".join(str(row) for block in blocks for row in block.rows)
    shapes = [drawing.opening(drawing.Layout({}, {}, {}, [], (width, height)), title, f"Blocks of memory, in each its numbers. {said}.")]
    y = float(TOP)
    for number, (block, tall) in enumerate(zip(blocks, heights, strict=True)):
        x = MARGIN + label
        shapes.append(text("in memory" if number == 0 else "elsewhere", MARGIN, y + 20, "#555"))
        for place, value in enumerate(block.numbers):
            shapes.append(f'<rect x="{x + place * CELL:.0f}" y="{y:.0f}" width="{CELL}" height="{ROW - 4}" fill="#eee" stroke="#555"/>')
            shapes.append(text(rounded(float(value)), x + (place + 0.5) * CELL, y + 18, "#111", "middle"))
        for line, row in enumerate(block.rows, 1):
            shapes.append(row_of(row, x, y + line * ROW, len(block.numbers)))
        y += tall + GAP
    return "".join([*shapes, "</svg>"])


def row_of(row: Row, x: float, y: float, numbers: int) -> str:
    """The numbers that an array reads, the first of them filled, and its key behind them."""
    shapes = [f"<g><title>{escape(row.name)}</title>", text(row.name, MARGIN, y + 18, "#111", weight="bold")]
    for order, place in enumerate(row.places, 1):
        fill, ink = (GRADIENTS, "#fff") if order == 1 else ("#dce9f7", VALUES)
        shapes.append(
            f'<rect x="{x + place * CELL + 3:.0f}" y="{y + 2:.0f}" width="{CELL - 6}" height="{ROW - 8}" rx="4" fill="{fill}"'
            f' stroke="{ink if order > 1 else fill}"/>'
        )
        shapes.append(text(str(order), x + (place + 0.5) * CELL, y + 17, ink, "middle", size=11))
    shapes.append(text(f"key {row.key}", x + numbers * CELL + 14, y + 18, GRADIENTS, weight="bold"))
    return "".join([*shapes, "</g>"])


def text(words: str, x: float, y: float, ink: str, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{ink}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'
