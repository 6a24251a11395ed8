"""A notebook is a module: `course.load("01_operators")` runs what was written in an earlier unit."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType

from . import checks
from .checks.probe import attempt
from .checks.question import Problem
from .ipython import as_python, remember
from .notebook_files import NotebookNode, nbformat
from .units import UNITS

REFERENCE: dict[str, list[CodeType]] = {}
"""Unit -> the code of its cells, where the grader has put it for follow-through. For a student it is empty."""


def load(unit: str) -> ModuleType:
    """Run the solution cells of a unit, and its cells tagged `export`; return what they define.

    The operators among them are in the table afterwards. A cell that fails leaves the others alone.
    Prints which exercises do not pass their own public checks. Raises ValueError for an unknown unit
    and for an unreadable notebook, FileNotFoundError where no notebook of the unit is found. While
    grading, the grader's reference is run instead, and no notebook is looked for.
    """
    if unit in REFERENCE:
        module = new_module(unit, f"<reference of {unit}>")
        with contextlib.redirect_stdout(io.StringIO()):
            for code in REFERENCE[unit]:
                exec(code, module.__dict__)
        print(f"{unit}: the reference, so that nothing of it counts twice.")
        return module
    path = find(unit)
    module = new_module(unit, str(path))
    problems = {cell_name(cell): problem for cell in cells_to_run(read(path)) if (problem := run(cell, module, unit))}
    print(report(unit, path, problems))
    return module


def new_module(unit: str, file: str) -> ModuleType:
    module = ModuleType(f"unit_{unit}", f"What {UNITS[unit].notebook} of unit {unit} defines.")
    module.__file__ = file
    sys.modules[module.__name__] = module  # dataclasses and pickle look their classes up there
    return module


def find(unit: str) -> Path:
    """The notebook of a unit: beside the current unit, else in `source/` further up."""
    if unit not in UNITS:
        raise ValueError(f"there is no unit '{unit}'; the units are {', '.join(UNITS)}")
    folders = [*folders_to_search()]
    for folder in folders:
        path = folder / unit / UNITS[unit].notebook
        if path.is_file():
            return path
    looked = "\n".join(f"  {folder / unit / UNITS[unit].notebook}" for folder in folders)
    raise FileNotFoundError(f"there is no notebook of unit {unit}. Put yours into one of these places:\n{looked}")


def folders_to_search() -> Iterator[Path]:
    here = Path.cwd()
    yield here.parent
    yield here
    yield from (folder / "source" for folder in (here, *here.parents))


def read(path: Path) -> NotebookNode:
    """The notebook at `path`, in nbformat 4. ValueError where it is none."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as error:  # whatever nbformat trips over
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:80]
        raise ValueError(f"{path} is not a Jupyter notebook ({reason}); open and save it in JupyterLab, or fetch it again") from None
    return notebook


def cells_to_run(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The code cells that define something for later units."""
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {}).get("solution") or "export" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and marked:
            yield cell


def cell_name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id", "?")


def run(cell: NotebookNode, module: ModuleType, unit: str) -> Problem | None:
    """Run a cell in the module; tracebacks show its lines as those of a file. What it prints is left out."""
    filename = f"<{unit}: cell {cell_name(cell)}>"
    source = as_python(cell.source)
    remember(filename, source)
    with contextlib.redirect_stdout(io.StringIO()):
        result = attempt(lambda: exec(compile(source, filename, "exec"), module.__dict__))
    return result if isinstance(result, Problem) else None


def report(unit: str, path: Path, problems: dict[str, Problem]) -> str:
    """Which exercises pass, and what keeps the others."""
    shown = os.path.relpath(path)
    verdicts = [checks.verdict(question) for question in checks.questions(unit).values()]
    failing = [verdict for verdict in verdicts if verdict.reason != "passed"]
    lines = [f"{unit} ({shown}): {len(verdicts) - len(failing)} of {len(verdicts)} exercises pass their checks."]
    lines += [f"  cell {name} did not run: {problem.kind}: {problem.message}" for name, problem in problems.items()]
    lines += [f"  {v.question}: {'not done yet' if v.reason == 'missing' else v.reason}" for v in failing]
    if failing or problems:
        lines.append("  Results below may be wrong because of these; open that notebook and run its checks.")
    return "\n".join(lines)
