"""Grades as the CSV that Canvas imports: Grades, then Import.

Canvas asks for the columns Student, ID, SIS User ID, SIS Login ID and Section, then one for each assignment, and
for a row `Points Possible`. It finds a student by ID, its own number, else by SIS User ID, else by SIS Login ID:

| column       | from nbgrader's students                                        |
|--------------|-----------------------------------------------------------------|
| Student      | `last_name, first_name`                                         |
| ID           | `lms_user_id`, where it is a number, as Canvas's own are        |
| SIS User ID  | `lms_user_id`, where it is none                                 |
| SIS Login ID | `id`; or `email`, with `CanvasExport.login = "email"`           |
| Section      | empty: Canvas does not read it                                  |

A total that is not known, because a question is ungraded or nothing was submitted, is an empty cell, which
Canvas leaves as it is. The totals are less nbgrader's late penalty: do not let Canvas take another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets import Dict, Enum, Unicode

from . import lines, table

STUDENT_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "    Points Possible"  # with the spaces of Canvas's own exports


def rows(units: Sequence[lines.Unit], login: str = "id", titles: Mapping[str, str] | None = None) -> list[list[table.Cell]]:
    """Head, points possible, then a row for each student with a total for each unit."""
    head: list[table.Cell] = [*STUDENT_COLUMNS, *((titles or {}).get(unit.name, unit.name) for unit in units)]
    possible: list[table.Cell] = [POINTS_POSSIBLE, *[""] * (len(STUDENT_COLUMNS) - 1), *(unit.max_points for unit in units)]
    by_student = zip(*(unit.lines for unit in units), strict=True)
    return [head, possible, *([*identity(of_one[0].student, login), *(line.total for line in of_one)] for of_one in by_student)]


def identity(student: lines.Student, login: str) -> tuple[str, ...]:
    """The cells by which Canvas knows a student."""
    name = ", ".join(part for part in (student.last_name, student.first_name) if part) or student.id
    is_number = student.lms_user_id.isascii() and student.lms_user_id.isdigit()
    ids = (student.lms_user_id, "") if is_number else ("", student.lms_user_id)
    return (name, *ids, student.email if login == "email" else student.id, "")


class CanvasExport(ExportPlugin):
    """nbgrader's plugin for Canvas. `--to` names the file, `--student` and `--assignment` choose; canvas.csv with all by default."""

    login = Enum(["id", "email"], "id", help="What students log in to Canvas with: nbgrader's id, or the email address.").tag(config=True)
    titles = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="Unit -> the assignment's title in Canvas, with its number: {'01_operators': 'Operators (4711)'}. "
        "Without, Canvas looks for an assignment with the unit's name, and offers to make one.",
    ).tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        path = Path(self.to or "canvas.csv")
        table.write(path, rows(table.read_for(self, gradebook), self.login, self.titles))
        self.log.info("Grades for Canvas written to %s", path)
