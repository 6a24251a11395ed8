"""Verdicts into nbgrader's gradebook, in one transaction for each submission."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from autodiff_lib.course import UNITS

from .engine import Result
from .nbgrader_course import ROOT, nbgrader


def ensure_assignment(course: Path, db_url: str, unit: str) -> None:
    """Make sure that the gradebook knows the unit; where it does not, nbgrader's `generate_assignment` tells it."""
    with Gradebook(db_url) as gradebook:
        try:
            gradebook.find_assignment(unit)
            return
        except MissingEntry:
            pass
    if not (course / "source" / unit).is_dir():
        raise FileNotFoundError(f"{course / 'source' / unit} does not exist: a course folder has the units' sources, see {ROOT / 'source'}")
    nbgrader(course, "generate_assignment", unit, "--create", "--force")


def save(db_url: str, student: str, result: Result, timestamp: datetime | None = None) -> None:
    """Write a result. Manual scores stay; no verdict is *no score*, and waits for a person."""
    notebook = UNITS[result.unit].removesuffix(".ipynb")
    with Gradebook(db_url) as gradebook:
        gradebook.update_or_create_student(student)
        details = {} if timestamp is None else {"timestamp": timestamp}
        gradebook.update_or_create_submission(result.unit, student, **details)
        for name, verdict in result.verdicts.items():
            grade = gradebook.find_grade(f"check_{name}", notebook, result.unit, student)
            answered = verdict.reason != "unanswered"
            grade.auto_score = verdict.points if answered else None
            grade.needs_manual_grade = not answered or grade.manual_score is not None
            comment = gradebook.find_comment(name, notebook, result.unit, student)
            comment.auto_comment = remark(verdict.reason, result)
        gradebook.db.commit()


def remark(reason: str, result: Result) -> str | None:
    """What stands beside the student's cell in the gradebook."""
    sentences = {
        "missing": "Not done yet.",
        "unanswered": f"Ungraded: {result.problem}.",
        "timeout": "Stopped: it took too long.",
        "memory": "Stopped: it took too much memory.",
        "killed": "Its process ended before it answered.",
        "tampered": "Its answer did not have the form that a probe gives it.",
    }
    text = sentences.get(reason)
    if not result.jailed:
        text = f"{text or ''} Graded without a jail.".strip()
    return text
