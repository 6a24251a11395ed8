"""Submissions that are too much: for whoever reads them, walks through them, copies them or writes down what came of them.

Where one can be read within the limits, its honest work counts; else a person is asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import nbformat

from autodiff_lib.units import UNITS

from .submissions import DIV, OPS, add, as_bytes, notebook

NAME = UNITS[OPS].notebook


def honest() -> bytes:
    return as_bytes(notebook(OPS, DIV, short=False))


def with_cells(cells: str) -> Callable[[], dict[str, bytes]]:
    """The honest work, and in front of it what is written here."""

    def files() -> dict[str, bytes]:
        return {NAME: honest().decode().replace('"cells": [', f'"cells": [{cells},', 1).encode()}

    return files


def beside(make: Callable[[Path], None], name: str = NAME) -> dict[str, Callable[..., object]]:
    """The honest work under a name, and beside it what is made."""
    return {"files": lambda: {name: honest()}, "make": make}


def repeated(text: str, count: int) -> str:
    return ",".join([text] * count)


def sparse(folder: Path) -> None:
    for number in range(30):
        with (folder / f"a{number}.ipynb").open("wb") as file:
            file.truncate(100 * 2**20)


def deep(folder: Path) -> None:
    """With a notebook at its end that would have more work in it."""
    for _ in range(12):
        folder /= "d" * 240
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(honest())


def many(folder: Path) -> None:
    for number in range(1000):
        (folder / f"{number:04}.py").touch()


def pipes(folder: Path) -> None:
    for name in (NAME, "helper.py", "timestamp.txt"):
        os.mkfifo(folder / name)


def names(folder: Path) -> None:
    """Of 255 bytes, with line ends, colours, halves of characters, markup, and as options."""
    for name in (
        "n" * 255,
        "\n\n",
        "\x1b[2J\x1b[31m",
        os.fsdecode(b"\xed\xa0\x80\xff"),
        "<script>alert(1)</script>".replace("/", "∕"),
        "--force",
        " ",
    ):
        (folder / name).write_text("x")
        (folder / f"{name[:200]}.py").write_text("x = 1\n")


def sockets(folder: Path) -> None:
    with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as one:
        one.bind("helper.py")


def time_as_a_folder(folder: Path) -> None:
    (folder / "timestamp.txt").mkdir()
    (folder / "timestamp.txt" / "timestamp.txt").write_text("1999-01-01")


add("flood_empty_cells", "hundreds of thousands of cells with nothing in them", DIV, with_cells(repeated("{}", 900_000)))
add("flood_keys", "a cell with a million keys", DIV, with_cells("{" + ",".join(f'"{number}":0' for number in range(900_000)) + "}"))
add(
    "flood_large_characters",
    "a string that takes four times its bytes",
    DIV,
    with_cells(json.dumps({"source": "x" * 30 * 2**20 + "\U0001f600"})),
)
add("flood_deep_lists", "lists within lists, deeper than any parser goes", DIV, with_cells("[" * 2**20))
add(
    "flood_deep_source",
    "a cell whose text is lists within lists, as deep as the parser goes",
    DIV,
    with_cells('{"source":[' + "[" * 900 + "]" * 900 + "]}"),
)
add(
    "flood_beginnings",
    "a broken file with a hundred thousand beginnings of cells",
    DIV,
    with_cells('{"cell_type": "code", "id": ' * 100_000),
)
add(
    "flood_lines",
    "a cell of a million empty lines, in a list",
    DIV,
    with_cells(json.dumps({"cell_type": "code", "source": ["\n"] * 900_000})),
)
add("flood_digits", "a number of a million digits", DIV, with_cells("9" * 2**20))
add(
    "flood_halves",
    "halves of characters in texts, names and keys",
    DIV,
    with_cells(
        '{"cell_type": "code", "id": "\\ud800", "source": "\\udfff", "\\ud800": 1, "metadata": {"nbgrader": {"grade_id": "\\ud800"}}}'
    ),
)
add("flood_sparse", "thirty notebooks of 100 MB that take no room on the disk", DIV, **beside(sparse))
add("flood_depth", "folders within folders, to the end of a path's length", DIV, **beside(deep))
add("flood_files", "a thousand files beside the notebook", DIV, **beside(many))
add("flood_pipes", "pipes that nobody writes to, in place of everything", DIV, **beside(pipes, "other.ipynb"))
add("flood_sockets", "a socket in place of a helper", DIV, **beside(sockets))
add("flood_names", "names that are no text, too long, or control a terminal", DIV, **beside(names))
add("flood_timestamp", "the time of submission is a folder", DIV, **beside(time_as_a_folder))
add("flood_time", "the time of submission is 20 MB long", DIV, lambda: {NAME: honest(), "timestamp.txt": b"2026-01-01 " * 2_000_000})
add(
    "flood_links",
    "links to devices that never end, to each other, and out",
    DIV,
    lambda: {"mine.ipynb": honest()},
    links={NAME: "/dev/zero", "a.ipynb": "b.ipynb", "b.ipynb": "a.ipynb", "here": ".", "mem.py": "/proc/self/mem", "tty.ipynb": "/dev/tty"},
)


def outputs() -> dict[str, bytes]:
    """Stored outputs of 30 MB, in a million pieces."""
    content = notebook(OPS, DIV, short=False)
    content.cells[0].outputs = [nbformat.v4.new_output("stream", text="x")]
    plain = as_bytes(content).decode()
    return {NAME: plain.replace('"outputs": [', f'"outputs": [{repeated(chr(123) + chr(125), 900_000)},', 1).encode()}


add("flood_outputs", "stored outputs in a million pieces", DIV, outputs)
