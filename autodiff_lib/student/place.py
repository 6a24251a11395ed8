"""Where a handout lies, what it says of the course, and where the student's own copy of its notebooks is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..units import UNITS

SETTINGS = "course.toml"
WORK = "my-work"
ID = re.compile(r"[\w@][\w.@-]{0,63}")


class HandoutError(ValueError):
    """Something of a handout is missing or in disorder; the message says what, and what to do."""


@dataclass(frozen=True)
class Course:
    """What a handout's `course.toml` says."""

    title: str = "Autodiff from nothing"
    term: str = ""
    upload: str = ""  # a sentence: where a unit is uploaded
    folder: str = ""  # into which units are put instead, where students and instructors share one
    exchange: str = ""  # the root of nbgrader's exchange
    course_id: str = "autodiff"  # the course's name there


@dataclass(frozen=True)
class Place:
    """A handout, as it was unpacked: what came with it, and beside that what the student has made of it."""

    root: Path
    course: Course

    @property
    def pristine(self) -> Path:
        """The notebooks as they came; nobody works in these."""
        return self.root / "course"

    @property
    def work(self) -> Path:
        return self.root / WORK

    @property
    def kept(self) -> Path:
        """What the course remembers between two runs: hidden, beside the notebooks."""
        return self.work / ".course"

    @property
    def handed_in(self) -> Path:
        return self.work / "handed_in"

    @property
    def units(self) -> list[str]:
        """Those that the handout or the student's folder has, in order."""
        return [name for name, unit in UNITS.items() if any((top / name / unit.notebook).is_file() for top in (self.work, self.pristine))]

    def notebook(self, unit: str) -> Path:
        """The student's notebook of a unit. HandoutError where there is no such unit, or nobody has started it here."""
        if unit not in UNITS:
            raise HandoutError(f"there is no unit '{unit}'; the units are {', '.join(self.units)}")
        path = self.work / unit / UNITS[unit].notebook
        if not path.is_file():
            raise HandoutError(f"{path} does not exist: run `autodiff-course start` once, which puts the notebooks there")
        return path

    def remembered(self, name: str) -> dict[str, Any]:
        """What was kept under a name; nothing where it was not, or cannot be read."""
        try:
            found = json.loads((self.kept / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, name: str, facts: dict[str, Any]) -> None:
        """Keep facts under a name; whoever reads meanwhile finds those before or these. OSError where nothing can be written."""
        self.kept.mkdir(parents=True, exist_ok=True)
        unfinished = self.kept / f"{name}.{os.getpid()}.part"  # two kernels may keep something at once
        try:
            unfinished.write_text(json.dumps(facts, indent=1), encoding="utf-8")
            os.replace(unfinished, self.kept / f"{name}.json")
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)


def find(start: Path) -> Place:
    """The handout that a folder lies in. HandoutError where it lies in none."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / SETTINGS).is_file():
            return Place(folder, read(folder / SETTINGS))
    raise HandoutError(f"no {SETTINGS} in {start.resolve()} or above it: run this in the folder that you unpacked the handout into")


def of_student(folder: Path) -> Place | None:
    """The handout in which a folder is the student's: None in none, and in that of an instructor, which has a course.toml as well."""
    try:
        place = find(folder)
    except HandoutError:
        return None
    return place if folder.resolve().is_relative_to(place.work.resolve()) else None


def read(path: Path) -> Course:
    """What a course.toml says; what it says to others is left alone. HandoutError where it is no TOML, or an entry no text."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise HandoutError(f"{path} cannot be read: {error}") from None
    said = {field.name: found[field.name] for field in fields(Course) if field.name in found}
    for name, value in said.items():
        if not isinstance(value, str):
            raise HandoutError(f'{path}: {name} is {value!r}, and must be a text: {name} = "..."')
    return Course(**said)


def checked_id(text: str) -> str:
    """A student's name as the course knows it. HandoutError where it cannot be part of a file's name."""
    text = text.strip()
    if not ID.fullmatch(text):
        raise HandoutError(f"'{text}' cannot be your name here: up to 64 letters, digits and . _ - @, as your course writes it")
    return text
