"""Follow-through: a unit is graded on the reference of the units before it, which enters the jail as code without its text.

The solution cells are compiled here, and bytecode alone goes in: without docstrings, and under a name of no file, so
that no way that Python has to a text ends at a solution. What bytecode says is there for whoever can read it.
"""

from __future__ import annotations

import marshal
from functools import cache
from types import CodeType

from autodiff_lib.course import cells_to_run
from autodiff_lib.ipython import as_python
from autodiff_lib.units import needed

from ..book.nbgrader_course import source


@cache
def reference(unit: str) -> bytes:
    """What the program in the jail is given at its start, by `marshal`: unit -> code of its cells, for each unit that `unit` needs."""
    return marshal.dumps({name: compiled(name) for name in needed(unit)})


def compiled(unit: str) -> list[CodeType]:
    cells = [as_python(cell.source) for cell in cells_to_run(source(unit))]
    return [compile(cell, f"<reference of {unit}>", "exec", dont_inherit=True, optimize=2) for cell in cells]
