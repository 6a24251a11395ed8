"""What honest people may do to the notebook of any unit."""

from __future__ import annotations

import copy
from collections.abc import Callable

from nbformat import NotebookNode

from autodiff_lib.units import UNITS

from .submissions import POINTS, at, mangled, position


def reordered(notebook: NotebookNode, exercises: list[str]) -> None:
    """The exercises stand in reverse order, all at the end, and half of the checks are gone."""
    names = exercises[::-1]
    for name in names[::2]:
        del notebook.cells[position(notebook, f"check_{name}")]
    notebook.cells += [notebook.cells.pop(position(notebook, name)) for name in names]


def retyped(notebook: NotebookNode, exercises: list[str]) -> None:
    """Two exercises were turned into text, one is there twice, and one cell holds two."""
    first, second, third, *_, last = exercises
    for name in (second, last):
        at(notebook, name).cell_type = "markdown"
    notebook.cells.insert(3, copy.deepcopy(at(notebook, third)))
    at(notebook, third).source += "\n\n\n" + notebook.cells.pop(position(notebook, first)).source


def without_setup(notebook: NotebookNode, exercises: list[str]) -> None:
    """The setup cell has lost half of its lines and ends in an error."""
    at(notebook, "setup").source = "import math\nimport torch\nfrom tqdm.notebook import tqdm_missing\nimport autodiff_lib as ad"


REPAIRS = {reordered: (), retyped: ("turned into code again", "duplicated"), without_setup: ("setup cell",)}


def of_unit(unit: str, mangle: Callable[[NotebookNode, list[str]], None]) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        mangle(notebook, list(POINTS[unit]))

    change.__name__, change.__doc__ = f"{UNITS[unit].stem}_{mangle.__name__}", mangle.__doc__
    return change


for unit in UNITS:
    for mangle, repairs in REPAIRS.items():
        mangled(unit, repairs=repairs)(of_unit(unit, mangle))
