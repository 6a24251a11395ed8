"""Grades as a CSV table, a row for each student and unit.

The columns are always these, in this order, then one for each question, `unit/question`: a question that has no
points yet is an empty cell, and with it are `points` and `total`; `status` and `ungraded` say why. What a person
entered in nbgrader, manual scores and late penalties, is in.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin

from . import lines

COLUMNS = (
    "student_id", "last_name", "first_name", "email", "lms_user_id", "unit", "status", "ungraded", "submitted",
    "points", "max_points", "late_penalty", "total",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet runs what begins so

Cell = str | float | None


def plain(value: Cell) -> str:
    """A cell as it is written: numbers in full, nothing as nothing, and text so that no spreadsheet runs it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return format(value, ".12g")


def write(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows as CSV, as RFC 4180 and Python's csv module have it, in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([plain(cell) for cell in row] for row in rows)


def rows(units: Sequence[lines.Unit]) -> list[list[Cell]]:
    """The head, then the units in the course's order, and in each the students by name."""
    questions = [(unit.name, question) for unit in units for question in unit.questions]
    head: list[Cell] = [*COLUMNS, *(f"{unit}/{question}" for unit, question in questions)]
    return [head, *(row(line, questions) for unit in units for line in unit.lines)]


def row(line: lines.Line, questions: Sequence[tuple[str, str]]) -> list[Cell]:
    student = line.student
    status = "no submission" if not line.submitted else "ungraded" if line.ungraded else "graded"
    submitted = line.timestamp.isoformat(sep=" ", timespec="seconds") if line.timestamp else ""
    return [
        *(student.id, student.last_name, student.first_name, student.email, student.lms_user_id),
        *(line.unit, status, "; ".join(line.ungraded), submitted),
        *(line.raw, line.max_points, line.penalty if line.submitted else None, line.total),
        *(line.points[question] if unit == line.unit else None for unit, question in questions),
    ]


class CsvExport(ExportPlugin):
    """nbgrader's plugin for the table. `--to` names the file, `--student` and `--assignment` choose; grades.csv with all by default."""

    def export(self, gradebook: Gradebook) -> None:
        units = read_for(self, gradebook)
        path = Path(self.to or "grades.csv")
        write(path, rows(units))
        self.log.info("Grades written to %s", path)


def read_for(plugin: ExportPlugin, gradebook: Gradebook) -> list[lines.Unit]:
    """What the plugin's filters choose; a name that the gradebook does not have is warned of."""
    students, assignments = ([str(name) for name in names] for names in (plugin.student, plugin.assignment))
    known = {"student": {student.id for student in gradebook.students}, "assignment": {one.name for one in gradebook.assignments}}
    for kind, names in (("student", students), ("assignment", assignments)):
        for name in sorted(set(names) - known[kind]):
            plugin.log.warning("The gradebook has no %s '%s'; it has %s", kind, name, ", ".join(sorted(known[kind])) or "none")
    return lines.read(gradebook, assignments, students)
