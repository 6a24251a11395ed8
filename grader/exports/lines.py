"""What the gradebook says, a line for each student and unit. Here what a person decided is in: manual scores and late penalties.

A question without a score is *ungraded*: its points are None, and so is the total, as nobody knows it yet. So is a
question that the gradebook has no entry for. Neither is ever a zero.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from nbgrader.api import Assignment, Gradebook

from autodiff_lib.units import UNITS

from ..book.nbgrader_adapter import scores
from ..book.nbgrader_course import source


@dataclass(frozen=True, order=True)
class Student:
    """Who the gradebook says somebody is. In the order of names; what it does not know is empty."""

    last_name: str
    first_name: str
    id: str
    email: str = ""
    lms_user_id: str = ""


@dataclass(frozen=True)
class Line:
    """A student's points in one unit. `points` has every question of the unit, in the notebook's order; None: ungraded."""

    student: Student
    unit: str
    submitted: bool  # whether the gradebook has a submission
    points: dict[str, float | None]
    max_points: float
    penalty: float = 0
    timestamp: datetime | None = None  # UTC

    @property
    def ungraded(self) -> list[str]:
        return [question for question, points in self.points.items() if points is None] if self.submitted else []

    @property
    def raw(self) -> float | None:
        """The sum before the penalty; None where a question is ungraded, or nothing was submitted."""
        return None if not self.submitted or self.ungraded else sum(points for points in self.points.values() if points is not None)

    @property
    def total(self) -> float | None:
        """What counts: the sum less the penalty for being late, and never below zero."""
        return None if self.raw is None else max(0.0, self.raw - self.penalty)


@dataclass
class Unit:
    """An assignment of the gradebook, with its questions in order and a line for each student."""

    name: str
    max_points: float
    questions: list[str]
    lines: list[Line] = field(default_factory=list)


def read(gradebook: Gradebook, units: Collection[str] = (), students: Collection[str] = ()) -> list[Unit]:
    """The units, in the course's order, and the students, by name: those that are named, or all where none is.

    Of units that are not named, those that nobody has submitted are left out.
    """
    order = list(UNITS)
    assignments = sorted(gradebook.assignments, key=lambda one: (order.index(one.name) if one.name in order else len(order), one.name))
    chosen = sorted(
        Student(one.last_name or "", one.first_name or "", one.id, one.email or "", one.lms_user_id or "")
        for one in gradebook.students
        if not students or one.id in students
    )
    wanted = [one for one in assignments if (one.name in units if units else one.submissions)]
    return [unit_of(gradebook, assignment, chosen) for assignment in wanted]


def unit_of(gradebook: Gradebook, assignment: Assignment, students: list[Student]) -> Unit:
    titles = question_titles(assignment)
    submissions = {submission.student_id: submission for submission in assignment.submissions}
    found: dict[str, dict[str, float | None]] = {student: dict.fromkeys(titles.values()) for student in submissions}
    for name, cell, waits, _, score in scores(gradebook, assignment):
        if cell in titles and not waits:
            found[name][titles[cell]] = score
    unit = Unit(assignment.name, assignment.max_score, list(titles.values()))
    for student in students:
        submission = submissions.get(student.id)
        if submission is None:
            unit.lines.append(Line(student, unit.name, False, dict.fromkeys(unit.questions), unit.max_points))
            continue
        penalty = submission.late_submission_penalty or 0.0
        unit.lines.append(Line(student, unit.name, True, found[student.id], unit.max_points, penalty, submission.timestamp))
    return unit


def question_titles(assignment: Assignment) -> dict[str, str]:
    """Cell, by its key in the gradebook -> the question's name; in the notebook's order, where it is a unit of the course."""
    cells = [(notebook, cell) for notebook in assignment.notebooks for cell in (*notebook.grade_cells, *notebook.task_cells)]
    order = (
        [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in source(assignment.name).cells] if assignment.name in UNITS else []
    )
    cells.sort(key=lambda pair: (pair[0].name, order.index(pair[1].name) if pair[1].name in order else len(order), pair[1].name))
    several = len(assignment.notebooks) > 1
    return {cell.id: f"{notebook.name}/{short(cell.name)}" if several else short(cell.name) for notebook, cell in cells}


def short(grade_id: str) -> str:
    return grade_id.removeprefix("check_")
