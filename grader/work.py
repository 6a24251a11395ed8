"""What travels: a submission as bytes to whoever grades it, and everything that came of it back, as plain data.

Nothing here needs the course folder or the gradebook, so the work is the same in this process, in another
one, and on another machine.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat

from autodiff_lib.checks import questions as public_questions

from . import engine, intake, scratch
from .jail import Jail
from .nbgrader_course import source
from .pages import graded_notebook
from .records import Record, record_of

MAX_LUGGAGE = 8 * intake.MAX_FILES_TOTAL  # bytes of files beside notebooks; intake takes fewer, but not always the first


@dataclass(frozen=True)
class Job:
    """A submission to grade. Of files that are too large to be looked at, the size travels alone."""

    student: str
    unit: str
    digest: str
    files: dict[str, bytes | int] = field(repr=False)
    told: tuple[str, ...] = ()  # mistakes that earlier feedback has named


@dataclass(frozen=True)
class Graded:
    """What came of it: a record, and the graded notebook as text."""

    record: Record
    page: str = field(repr=False)


def pack(folder: Path, student: str, unit: str, told: Collection[str] = ()) -> Job:
    """The submission in a folder, its links left out. Of a folder full of files only the first travel with what is in them."""
    files: dict[str, bytes | int] = {}
    luggage = 0
    for path in intake.plain_files(folder):
        name, size, notebook = os.fspath(path.relative_to(folder)), path.stat().st_size, intake.NOTEBOOK.search(path.name)
        if size > (intake.MAX_NOTEBOOK if notebook else intake.MAX_FILE):
            files[name] = size
        elif not notebook and luggage + size > MAX_LUGGAGE:
            files[name] = intake.MAX_FILE + 1
        else:
            files[name] = path.read_bytes()
            luggage += 0 if notebook else size
    return Job(student, unit, intake.digest(intake.plain_files(folder), folder), files, tuple(sorted(told)))


def unpack(job: Job, folder: Path) -> None:
    """Write the files below a folder; a size becomes a file with nothing but a hole in it."""
    for name, content in job.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            with path.open("wb") as file:
                file.truncate(content)
        else:
            path.write_bytes(content)


def grade(job: Job, jail: Jail) -> Graded:
    """Grade a submission. Never raises for what is in it; JailError where the jail itself cannot work."""
    with scratch.folder("submission") as folder:
        unpack(job, folder)
        result = engine.grade(folder, job.unit, jail, job.told)
    return graded(job, result)


def graded(job: Job, result: engine.Result) -> Graded:
    result.digest = job.digest
    page = graded_notebook(result)
    for number, cell in enumerate(page.cells):
        if cell.id not in ids_of(job.unit):  # nbformat drew it: the same result would make another page each time
            cell.id = f"added-{number}"
    return Graded(record_of(job.student, result, job.told), nbformat.writes(page))


@cache
def ids_of(unit: str) -> frozenset[str]:
    """Of the cells of a unit's source."""
    return frozenset(cell.id for cell in source(unit).cells)


def quarantined(job: Job, tries: int, jailed: bool) -> Graded:
    """The end of a submission that took every worker with it that tried to grade it."""
    problem = f"grading it ended {tries} workers"
    verdicts = {
        name: engine.without_points(name, question.number, question, "killed", f"There is no answer: {problem}.")
        for name, question in public_questions(job.unit).items()
    }
    return graded(job, engine.Result(job.unit, verdicts, [], [], jailed, job.digest, problem))
