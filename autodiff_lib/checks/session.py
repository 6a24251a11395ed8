"""What this notebook's session has run, as far as a check has to know it: the same look at the code as while grading."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import FunctionType

from ..ipython import as_python, cells_run, text_behind
from ..registry import table
from ..units import UNITS
from .cells import asked_in_cells
from .ready_made import Look, look

NOTE = (
    "The cell of {name} was changed and ended in an error. This report is about the OLD VERSION, from before that: "
    "mend the error, run the cell, then check."
)
MEANT = r"""^(?:[ \t]*@[^\n]*\n[ \t]*)?(def|class)\s+NAME\b|\boperator\(\s*["']NAME\s*\("""
"""How the cell of an exercise begins. What is defined inside of another one may have the same name."""

MAX_FILES, MAX_FILE = 50, 2**20  # modules beside the notebook, and bytes of each


def seen(unit: str) -> Look:
    """What is ready-made or roundabout in what was run, and in the modules beside the notebook."""
    paths = [path for path in sorted(Path.cwd().glob("*.py"))[:MAX_FILES] if path.is_file() and path.stat().st_size <= MAX_FILE]
    return look(cells_run(), unit, {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in paths})


def note(name: str, unit: str) -> str:
    """A sentence where the table has not the latest version of a cell, because that ended in an error; else empty.

    The cell is that of an exercise, or of what the unit asks further.
    """
    cells = cells_run()
    versions = [text for text, defined in zip(cells, asked_in_cells(cells, unit), strict=True) if name in defined or broken(text, name)]
    written = source_of_cell(UNITS[unit].entry(name))
    stale = bool(versions) and bool(written) and versions[-1].strip() != written.strip()
    return NOTE.format(name=name) if stale else ""


def broken(text: str, name: str) -> bool:
    """Whether a cell is no Python, and seems to be meant for the exercise."""
    try:
        ast.parse(as_python(text))
    except (SyntaxError, ValueError):
        return re.search(MEANT.replace("NAME", re.escape(name)), text, re.MULTILINE) is not None
    return False


def source_of_cell(name: str) -> str:
    """The text of the cell that put an exercise into the table; empty where it did not come from a cell."""
    written = table[name]
    if isinstance(written, FunctionType):
        candidates = [written]
    else:
        candidates = list(vars(written if isinstance(written, type) else type(written)).values())
    functions = [value for value in candidates if inspect.isfunction(value)]
    return text_behind(functions[0].__code__) if functions else ""
