"""A unit's notebook on a fresh kernel, from the top, as grading runs it: whatever only an old session knew is gone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from ..course import cell_name, read
from ..notebook_files import NotebookNode, nbformat
from ..units import UNITS
from .asked import MIME

CELL_SECONDS = 120
"""For one cell; a unit's own run in seconds."""

ASK = "from autodiff_lib.student.asked import tell\ntell({unit!r}, {names!r})"


@dataclass(frozen=True)
class Exercise:
    """What an exercise's check says."""

    name: str
    points: float
    max_points: float
    reason: str
    headline: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """A run of a whole notebook: its exercises, and what a person should know of it."""

    unit: str
    exercises: tuple[Exercise, ...]
    problems: tuple[str, ...] = ()  # cells that are missing, twice there, or ended in an error
    flags: tuple[str, ...] = ()  # what a person will look at when it is graded

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def max_points(self) -> float:
        """Without what comes on top."""
        return sum(exercise.max_points for exercise in self.exercises if exercise.name not in UNITS[self.unit].extra)

    @property
    def right(self) -> bool:
        """Whether all pass; of what comes on top or is worth nothing, all that was begun."""
        needed = {*UNITS[self.unit].exercises} - UNITS[self.unit].extra
        return all(one.reason == "passed" or (one.name not in needed and one.reason == "missing") for one in self.exercises)


class NoAnswerError(RuntimeError):
    """The notebook's kernel ended before its checks answered; the message says when."""


def run(path: Path, unit: str, names: Sequence[str] = (), on_cell: Callable[[int, int], None] = lambda done, total: None) -> Outcome:
    """Run a notebook and ask the checks of its unit, all or those named.

    ValueError where it is no notebook, NoAnswerError where its kernel does not live until the checks have answered.
    """
    submitted = read(path)
    cells = [nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata) for cell in cells_to_run(submitted)]
    asking = nbformat.v4.new_code_cell(ASK.format(unit=unit, names=list(names)))
    notebook = nbformat.v4.new_notebook(cells=[*cells, asking])
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        interrupt_on_timeout=True,
        allow_errors=True,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=lambda cell, cell_index, execute_reply: on_cell(cell_index + 1, len(notebook.cells)),
    )
    try:
        # As where it is graded: what asks a person, or runs other notebooks in turn, does nothing. And what the kernel says
        # to its terminal, as that nothing is encrypted on this machine, is for nobody.
        client.execute(stderr=subprocess.DEVNULL, env={**os.environ, "NBGRADER_EXECUTION": "validate"})
    except (CellTimeoutError, DeadKernelError) as error:
        raise NoAnswerError(f"the kernel of {path.name} ended before its checks had answered: {str(error).splitlines()[0]}") from None
    answer = answer_of(asking)
    exercises = tuple(Exercise(**said) for said in answer["exercises"])
    return Outcome(unit, exercises, (*counted(submitted, unit), *failed(cells)), tuple(answer["flags"]))


def cells_to_run(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """Its code, without experiments, which grading leaves out as well, and without checks, which are asked by themselves."""
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {})
        is_check = (marked.get("grade") and not marked.get("solution")) or cell.source.strip() == "check()"
        is_experiment = "experiment" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and not is_check and not is_experiment:
            yield cell


def answer_of(cell: NotebookNode) -> dict[str, Any]:
    for output in cell.outputs:
        if MIME in output.get("data", {}):
            return dict(output.data[MIME])
    raise NoAnswerError(f"the checks did not answer: {first_error(cell) or 'their cell showed nothing'}")


def counted(notebook: NotebookNode, unit: str) -> Iterator[str]:
    """A sentence for each exercise whose cell is not there exactly once."""
    there = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells if cell.cell_type == "code"]
    for name in UNITS[unit].exercises:
        if there.count(name) == 0:
            yield f"the cell of {name} is missing, or has lost what the grader knows it by: copy your code into a fresh notebook's"
        elif there.count(name) > 1:
            yield f"the cell of {name} is there {there.count(name)} times: delete the ones that you do not mean"


def failed(cells: Sequence[NotebookNode]) -> Iterator[str]:
    """A sentence for each cell that ended in an error; that of an exercise which nobody has written yet is none."""
    for number, cell in enumerate(cells, start=1):
        error = first_error(cell)
        if error and not error.startswith("NotImplementedError"):
            name = cell_name(cell) if "nbgrader" in cell.metadata else f"number {number}"
            late = f" (stopped after {CELL_SECONDS} seconds)" if error.startswith("KeyboardInterrupt") else ""
            yield f"cell {name} ended in {error}{late}"


def first_error(cell: NotebookNode) -> str:
    """The error that a cell ended in, in a line; empty where it ended in none."""
    for output in cell.outputs:
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}".splitlines()[0][:120].removesuffix(": ")
    return ""
