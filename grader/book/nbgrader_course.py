"""nbgrader course folders: run its commands in one, put submissions in, read scores out."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autodiff_lib.units import UNITS

from .nbgrader_adapter import command, opened

ROOT = Path(__file__).parents[2]
"""The repository, with `nbgrader_config.py` and `source/`."""

CONFIG = "nbgrader_config.py"

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["grader.book.nbgrader_stages"])  # importing them takes longer than most commands

MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.MULTILINE)


class NbgraderError(RuntimeError):
    """An nbgrader command failed; the message holds the end of its log."""


def nbgrader(course: Path, *arguments: str, on_line: Callable[[str], None] = lambda line: None) -> None:
    """Run an nbgrader command, with this repository's configuration, on the course folder `course`.

    `on_line` sees each line of its log as it comes. NbgraderError where the command fails.
    """
    course = course.resolve()
    place = [f"--CourseDirectory.root={course}", f"--NbGrader.logfile={course / 'nbgrader.log'}"]
    reading, writing = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=run_command, args=([*arguments, *place], dict(os.environ), writing))
    process.start()
    writing.close()
    lines: list[str] = []
    with open(os.dup(reading.fileno()), encoding="utf-8", errors="replace") as log:
        for line in log:
            lines.append(line)
            on_line(line)
    process.join()
    reading.close()
    if process.exitcode:
        raise NbgraderError(f"nbgrader {' '.join(arguments)} failed:\n{''.join(lines[-20:])}")


def run_command(arguments: Sequence[str], environment: Mapping[str, str], log: Connection) -> None:
    """In a process of its own, forked from one that has imported everything: nbgrader as its executable runs it. It exits."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for stream in (1, 2):
        os.dup2(log.fileno(), stream)
    log.close()
    command(list(arguments))


def source(unit: str) -> NotebookNode:
    return nbformat.read(ROOT / "source" / unit / UNITS[unit].notebook, as_version=4)


@cache
def own_cells(unit: str) -> list[str]:
    """The texts of the unit's own cells with which every submission starts: those tagged `export`."""
    return [cell.source for cell in source(unit).cells if "export" in cell.metadata.get("tags", [])]


def release(course: Path, unit: str) -> NotebookNode:
    return nbformat.read(course / "release" / unit / UNITS[unit].notebook, as_version=4)


def cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell of that `grade_id`. KeyError where there is none."""
    for candidate in notebook.cells:
        if candidate.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return candidate
    raise KeyError(f"no cell has the grade_id '{grade_id}'")


@cache
def solutions(unit: str) -> Mapping[str, str]:
    """The solution cells of a unit's exercises, as a student would have written them: without the markers."""
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in source(unit).cells if "nbgrader" in cell.metadata}
    return MappingProxyType({name: MARKER.sub("", cell.source) for name, cell in marked.items() if f"check_{name}" in marked})


def filled_in(released: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """A copy of a released notebook with the solution cells in `answers` written in."""
    notebook = nbformat.from_dict(released)
    for exercise, text in answers.items():
        cell(notebook, exercise).source = text
    return notebook


def submit(course: Path, student: str, unit: str, notebook: NotebookNode) -> Path:
    """Put a notebook where nbgrader looks for a student's submission."""
    path = course / "submitted" / student / unit / UNITS[unit].notebook
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@dataclass(frozen=True)
class Row:
    """A student's line of the gradebook for one unit."""

    student: str
    points: dict[str, float]  # grade cell -> points
    max_points: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.points.values())

    @property
    def max_total(self) -> float:
        return sum(self.max_points.values())


def settings(course: Path) -> Config:
    """What `nbgrader_config.py` says: the course folder's own, or this repository's."""
    folder = course if (course / CONFIG).is_file() else ROOT
    return PyFileConfigLoader(CONFIG, path=str(folder)).load_config()


def course_id() -> str:
    """The course for which nbgrader's commands open the gradebook."""
    return str(settings(ROOT).CourseDirectory.course_id)


def database(course: Path) -> str:
    """The gradebook: `CourseDirectory.db_url` of the configuration, or SQLite in the course folder."""
    named = settings(course).CourseDirectory.get("db_url")
    return str(named) if named else f"sqlite:///{course.resolve() / 'gradebook.db'}"


def scores(db_url: str, unit: str) -> list[Row]:
    """The gradebook of a unit: a row for each student, the check cells in the notebook's order."""
    checks = (cell for cell in source(unit).cells if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"))
    order = [cell.metadata.nbgrader.grade_id for cell in checks]
    rows = []
    with opened(db_url) as gradebook:
        for submission in gradebook.assignment_submissions(unit):
            grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
            points = {name: grades[name].score for name in order if name in grades}
            rows.append(Row(submission.student_id, points, {name: grades[name].max_score for name in points}))
    return sorted(rows, key=lambda row: row.student)
