"""What students get: the release, the lectures, the library as a wheel, START, and a script for each system, in one archive.

`handout/` holds what goes into it as it stands; `$name` in a text is filled in. No solution, no hidden case and nothing of
the grader is in it.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from string import Template

import nbformat

from autodiff_lib.checks import questions
from autodiff_lib.student.lab import START
from autodiff_lib.student.place import SETTINGS, Course, read
from autodiff_lib.units import UNITS, needed

from ..book.nbgrader_course import ROOT, NbgraderError
from ..units import known
from . import authoring

PARTS = ROOT / "handout"
PROGRAMS = ("begin.py", "start.sh", "start.command", "start.bat")
TEXT = "README.txt"
LONG = {"00_warm_up": "ten minutes"}
"""How long a lecture takes, where it is not as long as the others."""

TIME = (2020, 1, 1, 0, 0, 0)  # of every file in the archive, so that the same content is the same archive
UPLOAD = "The button says where your file is; upload that where your course collects its work."


def make(units: Sequence[str], to: Path, settings: Course, say: Callable[[str], None] = lambda line: None) -> None:
    """Write the archive `to` for these units, or for all. ValueError for a unit that there is not, or that needs one left out."""
    chosen = ordered(units)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / slug(settings)
        write(folder, chosen, settings, say)
        to.parent.mkdir(parents=True, exist_ok=True)
        unfinished = to.with_name(f"{to.name}.part")
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(scratch).as_posix(), TIME)
                entry.external_attr = (stat.S_IFREG | path.stat().st_mode & 0o777) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        unfinished.replace(to)


def ordered(units: Sequence[str]) -> list[str]:
    for unit in units:
        known(unit)
    chosen = [unit for unit in UNITS if not units or unit in units]
    for unit in chosen:
        lacking = [name for name in needed(unit) if name not in chosen]
        if lacking:
            raise ValueError(
                f"{unit} runs what students wrote in {', '.join(lacking)}: name these too (what students have is never overwritten)"
            )
    return chosen


def slug(settings: Course) -> str:
    """The name of the folder that the archive unpacks to: that of the course and the term."""
    return re.sub(r"[^\w]+", "-", f"{settings.course_id} {settings.term}".strip().lower()).strip("-")


def settings_of(course: Path, term: str) -> Course:
    """What the course folder's course.toml says, and a term's name where one is given. ValueError where nobody names the term."""
    path = course / SETTINGS
    settings = read(path) if path.is_file() else Course()
    if term:
        settings = replace(settings, term=term)
    if not settings.term:
        raise ValueError(f'a handout has the name of its term: give --term "Autumn 2026", or write term = "Autumn 2026" into {path}')
    return settings


def write(folder: Path, units: Sequence[str], settings: Course, say: Callable[[str], None] = lambda line: None) -> None:
    """A handout as students have it once it is unpacked."""
    folder.mkdir(parents=True, exist_ok=True)
    said = words(units, settings)
    for name in PROGRAMS:
        shutil.copy(PARTS / name, folder / name)
    (folder / "start.bat").write_bytes((PARTS / "start.bat").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    (folder / TEXT).write_text(Template((PARTS / TEXT).read_text(encoding="utf-8")).substitute(said), encoding="utf-8")
    (folder / SETTINGS).write_text(as_toml(settings), encoding="utf-8")
    shutil.copy(ROOT / "constraints.txt", folder)
    for unit in units:
        say(unit)
        shutil.copytree(ROOT / "release" / unit, folder / "course" / unit, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    for path in authoring.lectures():
        place = folder / "course" / "notebooks" / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(authoring.normal_form(nbformat.read(path, as_version=4), keep_outputs=False), encoding="utf-8")
    start = nbformat.read(PARTS / START, as_version=4)
    for cell in start.cells:
        if cell.cell_type == "markdown":
            cell.source = Template(cell.source).substitute(said)
    (folder / "course" / START).write_text(authoring.normal_form(start, keep_outputs=False), encoding="utf-8")
    say("the library")
    build_wheel(folder)


def words(units: Sequence[str], settings: Course) -> dict[str, str]:
    """What stands for each `$name`."""
    return {
        "title": settings.title,
        "term": settings.term,
        "unit": units[0],
        "plan": "\n".join(plan(units)),
        "handing_in": settings.upload or handing_in(settings),
    }


def handing_in(settings: Course) -> str:
    if settings.exchange:
        return "It goes into the exchange of your course by itself."
    return "It goes to your course by itself." if settings.folder else UPLOAD


def plan(units: Sequence[str]) -> Iterator[str]:
    """A list in Markdown, which needs no room beside it: lectures and units in the order in which to take them."""
    told: list[str] = []
    lectures = {path.stem: path for path in authoring.lectures()}
    for unit in units:
        for name in UNITS[unit].lectures:
            if name in lectures and name not in told:
                told.append(name)
                yield of_lecture(name, lectures[name])
        path = ROOT / "release" / unit / UNITS[unit].notebook
        low, high = UNITS[unit].hours
        long = f", {low} to {high} hours" if high else ""
        yield entry(f"**unit** [{unit}]({unit}/{path.name}), {worth(unit)}{long}", path)
    for name, path in lectures.items():
        if name not in told and not any(name in unit.lectures for unit in UNITS.values()):
            yield of_lecture(name, path)


def worth(unit: str) -> str:
    """The points of a unit, and apart from them what comes on top."""
    points = {name: question.points for name, question in questions(unit).items()}
    extra = sum(points[name] for name in UNITS[unit].extra)
    return f"{sum(points.values()) - extra:g} points" + (f", and {extra:g} extra" if extra else "")


def of_lecture(name: str, path: Path) -> str:
    if all(cell.cell_type == "markdown" for cell in nbformat.read(path, as_version=4).cells):  # nothing to run
        return entry(f"page [{name}](notebooks/{path.name})", path)
    return entry(f"lecture [{name}](notebooks/{path.name}), {LONG.get(name, 'half an hour to an hour')}", path)


def entry(first: str, path: Path) -> str:
    """Of a list: a line with the name, and below it what the notebook is about."""
    return f"1. {first}<br>{heading(path)}"


def heading(path: Path) -> str:
    """The first heading of a notebook, without the unit's number."""
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    found = re.search(r"^# (?:Unit \d+: )?(.+)$", text, re.MULTILINE)
    title = found[1] if found else path.stem
    return title[:1].upper() + title[1:]


def as_toml(settings: Course) -> str:
    lines = (f"{field.name} = {basic_string(getattr(settings, field.name))}\n" for field in fields(settings))
    return "# What the course says of itself; `autodiff-course` reads it.\n" + "".join(lines)


def basic_string(text: str) -> str:
    """As TOML writes a text."""
    return (
        '"'
        + "".join(f"\\u{ord(letter):04X}" if letter in '"\\' or ord(letter) < 32 or ord(letter) == 127 else letter for letter in text)
        + '"'
    )


def build_wheel(into: Path) -> None:
    """The library as students install it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NbgraderError(f"the wheel could not be built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
