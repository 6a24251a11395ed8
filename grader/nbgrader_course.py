"""nbgrader course folders: run its commands in one, put submissions in, read scores out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autodiff_lib.course import UNITS

ROOT = Path(__file__).parents[1]
"""The repository, with `nbgrader_config.py` and `source/`."""

CONFIG = "nbgrader_config.py"


if str(Path(sys.executable).parent) not in os.environ.get("PATH", "").split(os.pathsep):  # nbgrader starts `alembic` by name
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

MARKER = re.compile(r"^ *### (BEGIN|END) SOLUTION\n?", re.MULTILINE)


class NbgraderError(RuntimeError):
    """An nbgrader command failed; the message holds the end of its log."""


def nbgrader(course: Path, *arguments: str, on_line: Callable[[str], None] = lambda line: None) -> None:
    """Run an nbgrader command, with this repository's configuration, on the course folder `course`.

    `on_line` sees each line of its log as it comes. NbgraderError where the command fails.
    """
    course = course.resolve()
    place = [f"--CourseDirectory.root={course}", f"--NbGrader.logfile={course / 'nbgrader.log'}"]
    command = [sys.executable, "-m", "nbgrader", *arguments, *place]
    lines: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            lines.append(line)
            on_line(line)
    if process.returncode:
        raise NbgraderError(f"nbgrader {' '.join(arguments)} failed:\n{''.join(lines[-20:])}")


def source(unit: str) -> NotebookNode:
    return nbformat.read(ROOT / "source" / unit / UNITS[unit], as_version=4)


def release(course: Path, unit: str) -> NotebookNode:
    return nbformat.read(course / "release" / unit / UNITS[unit], as_version=4)


def cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell of that `grade_id`. KeyError where there is none."""
    for candidate in notebook.cells:
        if candidate.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return candidate
    raise KeyError(f"no cell has the grade_id '{grade_id}'")


def solutions(unit: str) -> dict[str, str]:
    """The solution cells of a unit's exercises, as a student would have written them: without the markers."""
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in source(unit).cells if "nbgrader" in cell.metadata}
    return {name: MARKER.sub("", cell.source) for name, cell in marked.items() if f"check_{name}" in marked}


def filled_in(released: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """A copy of a released notebook with the solution cells in `answers` written in."""
    notebook = nbformat.from_dict(released)
    for exercise, text in answers.items():
        cell(notebook, exercise).source = text
    return notebook


def submit(course: Path, student: str, unit: str, notebook: NotebookNode) -> Path:
    """Put a notebook where nbgrader looks for a student's submission."""
    path = course / "submitted" / student / unit / UNITS[unit]
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


def database(course: Path) -> str:
    """The gradebook: `CourseDirectory.db_url` of the configuration, or SQLite in the course folder."""
    named = settings(course).CourseDirectory.get("db_url")
    return str(named) if named else f"sqlite:///{course.resolve() / 'gradebook.db'}"


def scores(db_url: str, unit: str) -> list[Row]:
    """The gradebook of a unit: a row for each student, the check cells in the notebook's order."""
    checks = (cell for cell in source(unit).cells if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"))
    order = [cell.metadata.nbgrader.grade_id for cell in checks]
    rows = []
    with Gradebook(db_url) as gradebook:
        for submission in gradebook.assignment_submissions(unit):
            grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
            points = {name: grades[name].score for name in order if name in grades}
            rows.append(Row(submission.student_id, points, {name: grades[name].max_score for name in points}))
    return sorted(rows, key=lambda row: row.student)
