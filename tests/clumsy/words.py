"""Honest answers in which every word of every list stands: as a comment, a docstring, a text, a variable, a method, an attribute."""

from __future__ import annotations

import keyword
import re

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


def chained(prefix: str) -> str:
    return " = ".join(f"{prefix}{word}" for word in words()) + " = 0"


KINDS = {
    "comment": lambda: f"# wire the pieces together: {' '.join(words())}",
    "docstring": lambda: f'"""{" ".join(words())}"""',
    "text": lambda: f"words = {words()}",
    "variable": lambda: chained(""),
    "method": lambda: "class Words:\n" + "\n".join(f"    def {word}(self):\n        return self.{word}" for word in words()),
    "attribute": lambda: "class Words:\n    pass\n\nmine = Words()\n" + chained("mine."),
}
"""How words stand in a function: lines to put at its beginning."""


def with_words(cell: str, kind: str) -> str:
    """A cell with all words in it, at the beginning of each of its functions; before a kernel, which knows no lists and no classes."""
    if "@triton.jit" in cell and kind in ("text", "method", "attribute"):
        return KINDS[kind]() + "\n\n\n" + cell
    lines: list[str] = []
    for line in cell.splitlines():
        lines.append(line)
        if start := re.match(r"( *)def \w+\(.*\):$", line):
            lines += [start[1] + "    " + new if new else new for new in KINDS[kind]().splitlines()]
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
