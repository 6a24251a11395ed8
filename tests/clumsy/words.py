"""Honest answers in which every word of every list stands: as a comment, a docstring, a text, a variable, a method, an attribute."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from itertools import cycle

from autodiff_lib.checks.ready_made import EVERYWHERE, INSIDE, ROUNDABOUT
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import solutions

from .submissions import add, encoded, expectation, full

MORE = {
    "wire", "inmate", "aten", "fileno", "recv_fds", "ptrace", "prlimit", "_C", "_VF", "PROBES", "READY_MADE", "Forbidden", "reference",
    "probe", "judge", "watch", "backward", "requires_grad_", "vjp", "jacobian", "TopologicalSorter", "inputs_first", "evaluate_untrusted",
}  # fmt: skip
"""Words that look as if they mattered."""


def words() -> list[str]:
    """Every part of every path, and every name, that the look at the code knows."""
    listed = {*EVERYWHERE, *ROUNDABOUT, *INSIDE, *MORE}.union(
        *(words for unit in UNITS.values() for words in (unit.refused, *unit.ready_made.values()))
    )
    parts = {part for path in listed for part in path.split(".")}
    return sorted(part for part in parts if part.isidentifier() and not keyword.iskeyword(part) and part not in {"torch", "autodiff_lib"})


def chained(prefix: str, some: list[str]) -> str:
    return " = ".join(f"{prefix}{word}" for word in some) + " = 0"


KINDS: dict[str, Callable[[list[str]], str]] = {
    "comment": lambda some: f"# wire the pieces together: {' '.join(some)}",
    "docstring": lambda some: f'"""{" ".join(some)}"""',
    "text": lambda some: f"words = {some}",
    "variable": lambda some: chained("", some),
    "method": lambda some: "class Words:\n" + "\n".join(f"    def {word}(self):\n        return self.{word}" for word in some),
    "attribute": lambda some: "class Words:\n    pass\n\nmine = Words()\n" + chained("mine.", some),
}
"""How words stand in a function: lines to put at its beginning."""
SHARES = 4  # of the words, one for each function in turn, where all of them would be more text than anybody reads


def with_words(cell: str, kind: str) -> str:
    """A cell with words in it, at the beginning of each of its functions; before a kernel, which knows no lists and no classes.

    No variable takes the place of a parameter.
    """
    if "@triton.jit" in cell and kind in ("text", "method", "attribute"):
        return KINDS[kind](words()) + "\n\n\n" + cell
    lines: list[str] = []
    shares = cycle([words()[share::SHARES] for share in range(SHARES)] if kind == "method" else [words()])
    for line in cell.splitlines():
        lines.append(line)
        if start := re.match(r"( *)def \w+\((.*)\):$", line):
            parameters = set(re.findall(r"\w+", start[2]))
            some = [word for word in next(shares) if word not in parameters]
            lines += [start[1] + "    " + new if new else new for new in KINDS[kind](some).splitlines()]
    return "\n".join(lines) + "\n"


def submission(unit: str, kind: str) -> None:
    def files() -> dict[str, bytes]:
        notebook = full(unit)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") in solutions(unit):
                cell.source = with_words(cell.source, kind)
        return {UNITS[unit].notebook: encoded(notebook)}

    files.__name__ = f"every_word_as_{kind}_{unit[:2]}"
    files.__doc__ = f"Every word that could look forbidden stands in every function, as a {kind}."
    add(files, unit, expectation(unit, {}), files, ())


for each_unit in UNITS:
    for each_kind in KINDS:
        submission(each_unit, each_kind)
