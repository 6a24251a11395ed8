"""Handing a unit in: run on a fresh kernel, packed with a receipt, and put where the handout says."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from ..checks import questions, session
from ..course import read
from ..ipython import cells_run
from ..units import UNITS
from . import fresh
from .lab import digest_of_cells, has_exchange, settings
from .place import ID, HandoutError, Place

RECEIPT = "receipt.json"
MAX_BESIDE, MAX_ALL_BESIDE = 2**20, 8 * 2**20  # bytes of a file beside the notebook, and of all of them: graders take no more
FOR_YOU = "Points are those of the checks in the notebook; grading asks them again with other numbers."


@dataclass(frozen=True)
class Receipt:
    """What was handed in, when, and what its checks said."""

    unit: str
    student: str
    time: str  # UTC, as 2026-03-01 12:00:00 UTC
    digest: str  # SHA-256 of the notebook
    points: float  # of the public cases
    max_points: float
    exercises: dict[str, list[float]]  # exercise -> its points, and what it is worth
    term: str = ""
    library: str = __version__
    cells: str = ""  # digest of what the cells say, by which a later change is seen

    def lines(self) -> Iterator[str]:
        yield f"Receipt: {self.unit} of {self.student}, {self.time}"
        yield f"  points of the notebook's checks: {self.points:g} of {self.max_points:g}"
        yield f"  SHA-256 of the notebook: {self.digest}"


def student_name(place: Place, said: str = "") -> str:
    """Who hands in: as said now, else as said last time, else as this machine calls its user."""
    return said or str(place.remembered("student").get("name", "")) or default_name()


def default_name() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        name = ""
    return name if ID.fullmatch(name) else "student"


def submit(place: Place, unit: str, student: str, say: Callable[[str], None] = print) -> Path:
    """Hand a unit in, and say all that there is to know of it. The packed file.

    HandoutError where it cannot be handed in, ValueError where the notebook is none.
    """
    path = place.notebook(unit)
    content = path.read_bytes()
    read(path)
    saved = datetime.fromtimestamp(path.stat().st_mtime)
    say(f"{path.name}, as it was saved at {saved:%H:%M:%S} on {saved:%Y-%m-%d}; what was typed later and not saved is not in it.")
    say("Running it on a fresh kernel, from the top ...")
    try:
        outcome = fresh.run(path, unit)
    except fresh.NoAnswerError as error:
        outcome = unanswered(unit, str(error))
    for line in report(outcome):
        say(line)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    worth = {exercise.name: [exercise.points, exercise.max_points] for exercise in outcome.exercises}
    digest = hashlib.sha256(content).hexdigest()
    receipt = Receipt(unit, student, now, digest, outcome.points, outcome.max_points, worth, place.course.term, cells=digest_of_cells(path))
    packed = pack(place, receipt, content, say)
    place.remember("student", {"name": student})
    place.remember("handed_in", {**place.remembered("handed_in"), unit: asdict(receipt)})
    for line in (*receipt.lines(), *delivered(place, receipt, packed)):
        say(line)
    return packed


def unanswered(unit: str, problem: str) -> fresh.Outcome:
    """Of a notebook whose checks did not answer: it may be handed in all the same, and grading says more."""
    asked = questions(unit).values()
    return fresh.Outcome(
        unit, tuple(fresh.Exercise(q.name, 0, q.points, "unanswered", f"○ {q.name}: no answer", "") for q in asked), (problem,)
    )


def report(outcome: fresh.Outcome) -> Iterator[str]:
    """Each exercise in a line, and what to know before it is graded."""
    for exercise in outcome.exercises:
        yield f"  {exercise.headline}"
    extra = UNITS[outcome.unit].extra  # nobody needs these
    unfinished = [one.name for one in outcome.exercises if one.reason in ("missing", "unanswered") and one.name not in extra]
    wrong = [exercise.name for exercise in outcome.exercises if exercise.reason not in ("passed", "missing", "unanswered")]
    if unfinished:
        yield f"Warning: not finished: {', '.join(unfinished)}."
    if wrong:
        yield f"Warning: not right yet: {', '.join(wrong)}. `autodiff-course check {outcome.unit} {wrong[0]}` says more."
    for problem in outcome.problems:
        yield f"Warning: {problem}."
    for flag in outcome.flags:
        yield f"Warning: a person will look at this when it is graded: {flag}"


def pack(place: Place, receipt: Receipt, content: bytes, say: Callable[[str], None]) -> Path:
    """UNIT_student.zip: the notebook as it was read, the files beside it that grading takes, the receipt."""
    unit = receipt.unit
    place.handed_in.mkdir(parents=True, exist_ok=True)
    packed = place.handed_in / f"{unit}_{receipt.student}.zip"
    unfinished = packed.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{unit}/{UNITS[unit].notebook}", content)
        for path in beside(place.work / unit, UNITS[unit].notebook, say):
            archive.write(path, f"{unit}/{path.relative_to(place.work / unit).as_posix()}")
        archive.writestr(RECEIPT, json.dumps(asdict(receipt), indent=1))
    unfinished.replace(packed)
    with open(place.handed_in / "receipts.txt", "a", encoding="utf-8") as kept:
        kept.write("\n".join(receipt.lines()) + "\n")
    return packed


def beside(folder: Path, notebook: str, say: Callable[[str], None]) -> Iterator[Path]:
    """The files that go along with the notebook: modules and data, no hidden ones, no other notebooks."""
    left = MAX_ALL_BESIDE
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
        if hidden or path.is_symlink() or not path.is_file() or name.as_posix() == notebook:
            continue
        size = path.stat().st_size
        if path.suffix == ".ipynb":
            say(f"Left out: {name}. {notebook} is the notebook that counts.")
        elif size > min(MAX_BESIDE, left):
            say(f"Left out: {name}, which is too large: {MAX_BESIDE // 2**20} MiB a file, {MAX_ALL_BESIDE // 2**20} MiB in all.")
        else:
            left -= size
            yield path


def delivered(place: Place, receipt: Receipt, packed: Path) -> Iterator[str]:
    """Put it where the handout says, and say where it is, or where it must be uploaded. HandoutError where it cannot be put there."""
    course = place.course
    if course.exchange:
        yield into_exchange(place, receipt.unit)
    if course.folder:
        stamp = receipt.time.removesuffix(" UTC").replace("-", "").replace(":", "").replace(" ", "T")
        target = Path(course.folder).expanduser() / f"{receipt.unit}_{receipt.student}_{stamp}Z.zip"
        try:
            shutil.copyfile(packed, target)
        except OSError as error:
            raise HandoutError(f"{target} cannot be written ({error.strerror}); {packed} is ready: give it to your instructor") from None
        yield f"Handed in: {target}"
    if course.upload or not (course.exchange or course.folder):
        where = course.upload or "Upload it where your course collects its work."
        yield f"Not handed in before you upload it: {packed}\n{where}" if not (course.exchange or course.folder) else f"{packed}\n{where}"


def into_exchange(place: Place, unit: str) -> str:
    """Hand in through nbgrader's exchange."""
    if not has_exchange():
        raise HandoutError(f"this course hands in through nbgrader, which is not installed: {sys.executable} -m pip install nbgrader")
    words = [sys.executable, "-m", "nbgrader", "submit", unit]
    done = subprocess.run(words, cwd=place.work, env={**os.environ, **settings(place)}, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise HandoutError(f"nbgrader did not take it: {said[-1] if said else 'it does not say why'}")
    return f"Handed in: into nbgrader's exchange, {place.course.exchange}"


def unsaved(path: Path, unit: str) -> list[str]:
    """The exercises of which this session has run another version than the file has."""
    saved = {cell.source.strip() for cell in read(path).cells}
    here = {text.strip() for text in cells_run()}  # what nobody has written comes from no cell
    run = {name: session.source_of_cell(UNITS[unit].entry(name)).strip() for name in UNITS[unit].exercises}
    return [name for name, text in run.items() if text in here and text not in saved]
