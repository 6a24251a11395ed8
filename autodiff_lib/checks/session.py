"""What this notebook's session has run, as far as a check has to know it: the same look at the code as while grading."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import FunctionType

from ..ipython import cells_run, text_behind
from ..registry import table
from ..units import UNITS
from .cells import exercises_in_cells
from .ready_made import Look, look

NOTE = "The cell of {name} was changed and ended in an error: this report is about its version before that."
MAX_FILES, MAX_FILE = 50, 2**20  # modules beside the notebook, and bytes of each


def seen(unit: str) -> Look:
    """What is ready-made or roundabout in what was run, and in the modules beside the notebook."""
    paths = [path for path in sorted(Path.cwd().glob("*.py"))[:MAX_FILES] if path.is_file() and path.stat().st_size <= MAX_FILE]
    return look(cells_run(), unit, {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in paths})


def note(name: str, unit: str) -> str:
    """A sentence where the latest version of an exercise's cell is not the one in the table, because it ended in an error; else empty."""
    cells = cells_run()
    versions = [text for text, defined in zip(cells, exercises_in_cells(cells, unit), strict=True) if name in defined]
    written = source_of_cell(UNITS[unit].entry(name))
    stale = bool(versions) and bool(written) and versions[-1].strip() != written.strip()
    return NOTE.format(name=name) if stale else ""


def source_of_cell(name: str) -> str:
    """The text of the cell that put an exercise into the table; empty where it did not come from a cell."""
    written = table[name]
    if isinstance(written, FunctionType):
        candidates = [written]
    else:
        candidates = list(vars(written if isinstance(written, type) else type(written)).values())
    functions = [value for value in candidates if inspect.isfunction(value)]
    return text_behind(functions[0].__code__) if functions else ""
