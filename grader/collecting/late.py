"""Deadlines and late days, as `course.toml` in the course folder says them.

    late_days = 4          # whole days that each student may be late, over all units together
    [deadlines]
    01_operators = 2026-10-12T23:59:00+02:00

Late days are taken in the order of the deadlines, each as long as there are any. What they cover costs no penalty,
whatever plugin for late penalties the course has.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autodiff_lib.student.place import SETTINGS
from autodiff_lib.units import UNITS

from ..book.nbgrader_adapter import opened, session, time_of
from ..submission.submitted import TIMESTAMP

DAY = 86_400  # seconds
LatePenalty = Callable[[str, float, float], float | None]


@dataclass(frozen=True)
class Rules:
    late_days: int = 0
    deadlines: Mapping[str, datetime] = field(default_factory=dict)  # unit -> UTC


@dataclass(frozen=True)
class Lateness:
    """Of a student in a unit."""

    days: int = 0  # late, begun ones as whole ones
    covered: int = 0  # of these by late days
    left: int = 0  # late days afterwards

    def __str__(self) -> str:
        if not self.days:
            return ""
        over = f", {self.days - self.covered} too many" if self.days > self.covered else ""
        return f"{self.days} {'day' if self.days == 1 else 'days'}{over}, {self.left} left"


def rules(course: Path) -> Rules:
    """ValueError, with what to write, where course.toml says something else."""
    path = course / SETTINGS
    if not path.is_file():
        return Rules()
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    days, deadlines = said.get("late_days", 0), said.get("deadlines", {})
    if not isinstance(days, int) or isinstance(days, bool) or days < 0:
        raise ValueError(f"{path}: late_days is {days!r}, and must be a number of whole days, as late_days = 4")
    if not isinstance(deadlines, dict):
        raise ValueError(f"{path}: deadlines is {deadlines!r}, and must be a table: [deadlines], and a line for each unit")
    found = {}
    for unit, moment in deadlines.items():
        if unit not in UNITS:
            raise ValueError(f"{path}: there is no unit '{unit}'; the units are {', '.join(UNITS)}")
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise ValueError(f"{path}: the deadline of {unit} needs a date, a time and a zone, as 2026-10-12T23:59:00+02:00")
        found[unit] = moment.astimezone(UTC)
    return Rules(days, found)


def lateness(course: Path, student: str, known: Rules | None = None) -> dict[str, Lateness]:
    """Unit -> how late the student's submission there is, for each unit that has a deadline; those in time count as 0 days."""
    said = known or rules(course)
    left, found = said.late_days, {}
    for unit, deadline in sorted(said.deadlines.items(), key=lambda pair: (pair[1], pair[0])):
        time = handed_in(course / "submitted" / student / unit)
        days = 0 if time is None else max(0, math.ceil((time - deadline).total_seconds() / DAY))
        covered = min(days, left)
        left -= covered
        found[unit] = Lateness(days, covered, left)
    return found


def handed_in(folder: Path) -> datetime | None:
    """When the submission that lies there was handed in, in UTC; None where nothing says it."""
    try:
        time = time_of((folder / TIMESTAMP).read_text(encoding="utf-8", errors="replace")[:1000].strip())
    except OSError:
        return None
    return None if time is None else time.replace(tzinfo=UTC)


def forgiving(course: Path, unit: str, penalty: LatePenalty) -> LatePenalty:
    """A penalty that takes nothing for the days that a student's late days cover."""
    said = rules(course)
    if not said.late_days:
        return penalty

    def of(student: str, score: float, seconds: float) -> float | None:
        seconds -= lateness(course, student, said).get(unit, Lateness()).covered * DAY
        return penalty(student, score, seconds) if seconds > 0 else None

    return of


def tell_gradebook(course: Path, db_url: str, unit: str) -> None:
    """Put a unit's deadline into the gradebook, where course.toml has one."""
    deadline = rules(course).deadlines.get(unit)
    if deadline is None:
        return
    with opened(db_url) as gradebook:
        gradebook.find_assignment(unit).duedate = deadline.replace(tzinfo=None)  # which has times in UTC, without saying so
        session(gradebook).commit()
