"""What the warm parent of a jail imports beside what all notebooks do: what the unit's own cells import, and what it is asked with.

A child that imports something itself does so for each submission; where that brings Triton along it takes a second.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

from autodiff_lib.checks import questions
from autodiff_lib.ipython import as_python

from ..book.nbgrader_course import own_cells

LIBRARY = "autodiff_lib"


@cache
def modules(unit: str) -> list[str]:
    """Modules of the library, by name."""
    return [name for name in dict.fromkeys((*imported(unit), *probes(unit))) if find_spec(name) is not None]


def imported(unit: str) -> Iterator[str]:
    """What the unit's own cells import of the library. Some of these names may be no modules."""
    for cell in own_cells(unit):
        for statement in ast.parse(as_python(cell)).body:
            match statement:
                case ast.ImportFrom(module=str(module)) if module == LIBRARY:
                    yield from (f"{module}.{alias.name}" for alias in statement.names)
                case ast.ImportFrom(module=str(module)) if module.startswith(f"{LIBRARY}."):
                    yield module
                case ast.Import():
                    yield from (alias.name for alias in statement.names if alias.name.startswith(f"{LIBRARY}."))


def probes(unit: str) -> Iterator[str]:
    """The modules with the functions by which its cases are asked."""
    for question in questions(unit).values():
        for part in question.parts:
            yield from (f"{LIBRARY}.{case.form.probe.partition(':')[0]}" for case in part.cases)
