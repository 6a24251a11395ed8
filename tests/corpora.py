"""What the tests of both corpora share: a course folder, a batch, and other ways to grade the same files."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zlib import crc32

from grader import batch, records
from grader.nbgrader_course import ROOT, database, filled_in, nbgrader, release, scores, solutions, submit

LIMITS = """
[default]
cell_seconds = 2
grace_seconds = 1
ask_seconds = 12
total_seconds = 90
restarts = 4
reading_bytes = 100663296
"""
SHARES = 6  # of the corpora one is graded each day
SAMPLE = 12  # every so many submissions are graded in the other ways as well
AS_ORDINARY_USER = ["bwrap", "--unshare-user", "--uid", "1000", "--gid", "1000", "--dev-bind", "/", "/", "--"]
FIRST, LAST = "aaa-witness", "zzz-witness"  # honest students, graded before and after everybody else


def make_course(folder: Path, units: Iterable[str]) -> Path:
    """A course folder with the units' sources, released, and two witnesses."""
    shutil.copytree(ROOT / "source", folder / "source", ignore=shutil.ignore_patterns(".*"))
    (folder / "limits.toml").write_text(LIMITS)
    for unit in units:
        nbgrader(folder, "generate_assignment", unit, "--create")
        for student in (FIRST, LAST):
            submit(folder, student, unit, filled_in(release(folder, unit), solutions(unit)))
    shutil.copy(folder / "gradebook.db", folder / "released.db")
    return folder


def fill(course: Path, corpus: Iterable[Any], write: Callable[[Any, Path], None]) -> Path:
    """Put a corpus's submissions where they are looked for."""
    for entry in corpus:
        write(entry, course / "submitted" / entry.name / entry.unit)
    return course


def is_today(name: str) -> bool:
    """Whether something of this name is looked at today: a share of everything each day, all where the environment says `CORPORA=all`."""
    return everything() or crc32(name.encode()) % SHARES == date.today().toordinal() % SHARES


def everything() -> bool:
    return os.environ.get("CORPORA") == "all"


def of_today(corpus: Iterable[Any]) -> list[Any]:
    """A share of a corpus; those that belong together, as `name_1` and `name_2`, are in one."""
    return [entry for entry in corpus if is_today(re.sub(r"_\d+$", "", entry.name))]


def units_of_today(units: Sequence[str]) -> Sequence[str]:
    """Those that are graded in the other ways as well: one of them each day."""
    return units if everything() else [units[date.today().toordinal() % len(units)]]


def graded_in_other_ways(
    course: Path, folder: Path, units: Iterable[str], corpus: Sequence[Any], write: Callable[[Any, Path], None]
) -> dict[str, Path]:
    """Copies of a course with these submissions, graded in cold jails, by nbgrader's own command, or by an ordinary user: each day one."""
    ways = ["cold jails", "nbgrader", *(["ordinary user"] if os.getuid() == 0 else [])]
    if not everything():
        ways = [ways[date.today().toordinal() // SHARES % len(ways)]]
    courses = {way: fill(copied(course, folder / way.replace(" ", "-")), corpus, write) for way in ways}
    for unit in units:
        if "cold jails" in courses:
            autograde(courses["cold jails"], unit, cold=True)
        if "nbgrader" in courses:
            nbgrader(courses["nbgrader"], "autograde", unit, "--force")
        if "ordinary user" in courses:
            command = [sys.executable, "-m", "grader", "autograde", unit, "--course", str(courses["ordinary user"]), "--json"]
            done = subprocess.run([*AS_ORDINARY_USER, *command], cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode in (0, 1), done.stderr
    return courses


def copied(course: Path, folder: Path) -> Path:
    """The course as it was released, with its witnesses alone and nothing graded."""
    for name in ("source", "release"):
        shutil.copytree(course / name, folder / name)
    for student in (FIRST, LAST):
        shutil.copytree(course / "submitted" / student, folder / "submitted" / student)
    shutil.copy(course / "limits.toml", folder)
    shutil.copy(course / "released.db", folder / "gradebook.db")
    return folder


def autograde(course: Path, unit: str, **options: bool) -> dict[str, records.Record]:
    students = batch.students_of(course, unit)
    return {record.student: record for record in batch.autograde(course, unit, students, batch.Options(**options))}


def points(record: records.Record) -> dict[str, float | None]:
    """What the gradebook must hold: a number for each question, or nothing where there is no verdict."""
    return {name: None if q.reason == "unanswered" else q.points for name, q in record.questions.items()}


def in_gradebook(course: Path, unit: str) -> dict[str, dict[str, float]]:
    return {
        row.student: {name.removeprefix("check_"): value for name, value in row.points.items()} for row in scores(database(course), unit)
    }


def fingerprint(folder: Path, leave_out: tuple[str, ...] = ()) -> str:
    """Of the content of every file below a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not any(part in leave_out for part in path.parts):
            total.update(str(path.relative_to(folder)).encode("utf-8", "surrogateescape"))
            total.update(path.read_bytes())
    return total.hexdigest()
