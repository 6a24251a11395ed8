"""What the tests of both corpora share: a course folder, a batch, and other ways to grade the same files."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import pytest

from autodiff_lib.checks import probe
from autodiff_lib.checks.question import Answer, Problem
from autodiff_lib.kinds.speed.contest import difference
from autodiff_lib.kinds.speed.judge import TOO_BUSY, SpeedCase
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, database, filled_in, nbgrader, release, scores, solutions, submit
from grader.classes import batch, records
from grader.submission.jail import Jail, Session
from grader.submission.limits import Limits

LIMITS = """
[default]
cell_seconds = 2
grace_seconds = 1
ask_seconds = 12
timing_seconds = 2
total_seconds = 90
restarts = 4
reading_bytes = 268435456
"""
DAY = int(os.environ.setdefault("CORPORA_DAY", str(date.today().toordinal())))  # one for all workers; set it to see another day's
SHARES = 20  # of the corpora one is graded each day
SECRETS = 40
SAMPLE = 12  # every so many submissions are graded in the other ways as well
AS_ORDINARY_USER = ["bwrap", "--unshare-user", "--uid", "1000", "--gid", "1000", "--dev-bind", "/", "/", "--"]
WHOLE = 4 * 3600  # seconds that all of a corpus may take in all ways
MOST_KEPT = 2  # jails; each takes half a gigabyte
FIRST, LAST = "aaa-witness", "zzz-witness"  # honest students, graded before and after everybody else
FAST = Answer(facts={"low": 9.0, "middle": 9.0, "high": 9.0})


def of_units(corpus: str) -> None:
    """Add what each unit has of a corpus of its own, `redteam.py` or `clumsy.py` in its folder of tests."""
    for path in sorted((Path(__file__).parent / "units").glob(f"*/{corpus}.py")):
        import_module(f"tests.units.{path.parent.name}.{corpus}")


@cache
def released(units: tuple[str, ...]) -> TemporaryDirectory:
    """A course folder in which these units are released and nobody has submitted anything: made once, to be copied."""
    made = TemporaryDirectory(prefix="released-")
    shutil.copytree(ROOT / "source", Path(made.name) / "source", ignore=shutil.ignore_patterns(".*"))
    for unit in units:
        nbgrader(Path(made.name), "generate_assignment", unit, "--create")
    return made


def empty_course(folder: Path, *units: str) -> Path:
    """A course folder whose gradebook knows the units, without submissions."""
    return shutil.copytree(released(units).name, folder, dirs_exist_ok=True)


def make_course(folder: Path, units: Iterable[str]) -> Path:
    """A course folder with the units' sources, released, and two witnesses."""
    empty_course(folder, *units)
    (folder / "limits.toml").write_text(LIMITS)
    for unit in units:
        for student in (FIRST, LAST):
            submit(folder, student, unit, filled_in(release(folder, unit), solutions(unit)))
    shutil.copy(folder / "gradebook.db", folder / "released.db")
    return folder


def fill(course: Path, corpus: Iterable[Any], write: Callable[[Any, Path], None]) -> Path:
    """Put a corpus's submissions where they are looked for."""
    for entry in corpus:
        write(entry, course / "submitted" / entry.name / entry.unit)
    return course


def is_today(name: str, shares: int = SHARES) -> bool:
    """Whether something of this name is looked at today: one of so many shares each day, all where the environment says `CORPORA=all`."""
    return everything() or crc32(name.encode()) % shares == DAY % shares


def a_third(names: Iterable[str]) -> list[str]:
    """Those that are looked at today of what the catalogue has been tried on already, in another way."""
    return [name for name in names if is_today(name, 3)]


def one_of_today(names: Sequence[str]) -> list[str]:
    """One of them, drawn by the day, so that each comes to meet each share of something else; all where `CORPORA=all`."""
    return list(names) if everything() else [Random(DAY).choice(names)]


def everything() -> bool:
    return os.environ.get("CORPORA") == "all"


def patience() -> pytest.MarkDecorator:
    """What a test of today's share may take, or of everything."""
    return pytest.mark.timeout(WHOLE if everything() else 900)


def secrets_of_today() -> list[str]:
    """Secrets for hidden cases: four of forty, each day the next."""
    return [f"term {number % SECRETS}" for number in (range(SECRETS) if everything() else range(4 * DAY, 4 * DAY + 4))]


def of_today(corpus: Iterable[Any]) -> list[Any]:
    """A share of a corpus; those that belong together, as `name_1` and `name_2`, are in one."""
    return [entry for entry in corpus if is_today(re.sub(r"_\d+$", "", entry.name))]


def units_of_today() -> list[str]:
    """The first unit and another one, drawn by the day; all where the environment says `CORPORA=all`."""
    first, *others = UNITS
    return [first, *one_of_today(others)]


def of_today_elsewhere(corpus: Sequence[Any], units: Sequence[str]) -> tuple[Sequence[str], Sequence[Any], Sequence[str]]:
    """What is graded in another way as well: units, a sample of their submissions, and the ways.

    One unit and one way a day, so that after some weeks each share was there with each unit in each way.
    """
    ways = [way for way in WAYS if way != "ordinary user" or os.getuid() == 0]
    if everything():
        return units, corpus, ways
    round_, unit = divmod(DAY // SHARES, len(units))
    chosen = [entry for entry in corpus if entry.unit == units[unit]]
    return [units[unit]], chosen[round_ % SAMPLE :: SAMPLE] or chosen[:1], [ways[round_ % len(ways)]]


def graded_elsewhere(
    course: Path, folder: Path, units: Iterable[str], corpus: Sequence[Any], ways: Iterable[str], write: Callable[[Any, Path], None]
) -> dict[str, Path]:
    """Copies of a course with these submissions, each graded in another way."""
    courses = {way: fill(copied(course, folder / way.replace(" ", "-")), corpus, write) for way in ways}
    for way, other in courses.items():
        for unit in units:
            WAYS[way](other, unit)
    return courses


def in_cold_jails(course: Path, unit: str) -> None:
    autograde(course, unit, cold=True)


def by_nbgraders_command(course: Path, unit: str) -> None:
    nbgrader(course, "autograde", unit, "--force")


def as_an_ordinary_user(course: Path, unit: str) -> None:
    command = [sys.executable, "-m", "grader", "autograde", unit, "--course", str(course), "--json"]
    done = subprocess.run([*AS_ORDINARY_USER, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr


WAYS = {"cold jails": in_cold_jails, "nbgrader": by_nbgraders_command, "ordinary user": as_an_ordinary_user}


def copied(course: Path, folder: Path) -> Path:
    """The course as it was released, with its witnesses alone and nothing graded."""
    for name in ("source", "release"):
        shutil.copytree(course / name, folder / name)
    for student in (FIRST, LAST):
        shutil.copytree(course / "submitted" / student, folder / "submitted" / student)
    shutil.copy(course / "limits.toml", folder)
    shutil.copy(course / "released.db", folder / "gradebook.db")
    return folder


KEPT: dict[tuple[str, Limits, bool], Jail] = {}


@contextmanager
def open_kept(unit: str, limits: Limits, jailed: bool = True) -> Iterator[Jail]:
    """As `jail.open_jail`, but that the jail of an earlier batch of the same kind is taken again: starting one takes seconds."""
    kind, fresh = (unit, limits, jailed), Jail(unit, limits, jailed)  # which raises where there can be none
    warm = KEPT.pop(kind, None)
    if warm is None:
        warm = fresh
        warm.start()
    KEPT[kind] = warm
    end_kept(MOST_KEPT)
    yield warm


def fast(case: SpeedCase, session: Session, jail: Jail) -> Answer:
    """An answer to a case that is timed, whose function need only be right: it is nine times as fast as it is compared with."""
    asked, compared, right = next(case.rounds())
    answer, _ = session.timed(asked)
    if answer.problem is not None:
        return answer
    wrong = difference(answer.arrays, probe.run(compared).arrays) if right is None else right(answer.arrays)
    return Answer(problem=Problem("WrongKindError", wrong)) if wrong else FAST


def end_kept(count: int = 0) -> None:
    """End the jails that were not taken for the longest time, but for `count`."""
    while len(KEPT) > count:
        KEPT.pop(next(iter(KEPT))).stop()


def autograde(course: Path, unit: str, **options: bool) -> dict[str, records.Record]:
    students = batch.students_of(course, unit)
    return {record.student: record for record in batch.autograde(course, unit, students, batch.Options(**options))}


def points(record: records.Record) -> dict[str, float | None]:
    """What the gradebook must hold: a number for each question, or nothing where there is no verdict."""
    return {name: None if q.reason == "unanswered" else q.points for name, q in record.questions.items()}


def unmeasured(course: Path, unit: str, student: str) -> set[str]:
    """Questions left open because this machine was too busy to say how fast an answer is."""
    record = records.load(course, unit, student)
    return {name for name, question in record.questions.items() if question.message == TOO_BUSY} if record else set()


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
