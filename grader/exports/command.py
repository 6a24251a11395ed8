"""`grader export`: which form comes from where, where it goes by default, and what to do when there is nothing to export."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from nbgrader.plugins import ExportPlugin
from traitlets.config import Config, PyFileConfigLoader

from autodiff_lib.units import UNITS

from ..book.gradebook import damage, is_there
from ..book.nbgrader_adapter import opened
from ..book.nbgrader_course import ROOT, database
from ..book.report import Standing
from ..classes import records
from . import autograder, autolab, gradescope, lines
from .canvas import CanvasExport
from .feedback import of_record
from .table import CsvExport


class ExportError(ValueError):
    """There is nothing to export, or no place for it; the message says what to do."""


class Form(StrEnum):
    """What grades can be written as."""

    CSV = "csv"
    CANVAS = "canvas"
    GRADESCOPE = "gradescope"
    AUTOLAB = "autolab"
    GRADESCOPE_ZIP = "gradescope-zip"


CONFIG = "nbgrader_config.py"
PLUGINS: dict[Form, type[ExportPlugin]] = {Form.CSV: CsvExport, Form.CANVAS: CanvasExport}
WRITERS = {Form.GRADESCOPE: (gradescope.write, ".json"), Form.AUTOLAB: (autolab.write, ".txt")}
DEFAULT = {
    Form.CSV: "{unit}.csv",
    Form.CANVAS: "{unit}_canvas.csv",
    Form.GRADESCOPE: "{unit}_gradescope",
    Form.AUTOLAB: "{unit}_autolab",
    Form.GRADESCOPE_ZIP: "{unit}_autograder.zip",
}
"""Below `exports/` in the course folder. A folder gets a file for each student."""


def export(course: Path, unit: str, form: Form, output: Path | None = None, students: Sequence[str] = ()) -> tuple[Path, list[str]]:
    """Write the grades of a unit: of all its students, or of those named.

    Returns where to, and what whoever asked has to know. ExportError where it cannot be done.
    """
    name = DEFAULT[form].format(unit=unit)
    path = output or course / "exports" / name
    if form not in WRITERS and path.is_dir():
        path /= name
    try:
        if form is Form.GRADESCOPE_ZIP:
            if students:
                raise ExportError("gradescope-zip holds the grader, not grades: leave --student out")
            autograder.write(path, unit, course)
            return path, []
        if form in PLUGINS:
            return path, from_gradebook(course, unit, form, path, students)
        return path, from_records(course, unit, form, path, students)
    except OSError as error:
        where = error.filename or path
        raise ExportError(f"{where} cannot be read or written: {error.strerror}; another place is named with --output") from None


def from_gradebook(course: Path, unit: str, form: Form, path: Path, students: Sequence[str]) -> list[str]:
    db_url = database(course)
    if not is_there(db_url):
        raise nothing_graded(course, unit, f"there is no gradebook {db_url.removeprefix('sqlite:///')}")
    if said := damage(db_url):
        raise ExportError(said)
    with opened(db_url) as gradebook:
        submitted = [line for one in lines.read(gradebook, [unit]) for line in one.lines if line.submitted]
        if not submitted:
            raise nothing_graded(course, unit, "the gradebook has no submission of it")
        check_known(students, [student.id for student in gradebook.students], "the gradebook")
        plugin = PLUGINS[form](config=configuration(course), to=str(path), assignment=[unit], student=list(students))
        plugin.export(gradebook)
    waiting = [line.student.id for line in submitted if line.ungraded and (not students or line.student.id in students)]
    return [f"totals left empty, because a question is ungraded: {', '.join(waiting)}; the formgrader asks for its points"] * bool(waiting)


def from_records(course: Path, unit: str, form: Form, path: Path, students: Sequence[str]) -> list[str]:
    there = records.load_all(course, unit)
    damaged = [path.stem for path in records.damaged(course, unit) if not students or path.stem in students]
    if damaged:
        again = " ".join(f"--student {name}" for name in damaged)
        raise ExportError(
            f"the records of {', '.join(damaged)} cannot be read: run `grader autograde {unit} --course {course} --force {again}`"
        )
    if not there:
        raise nothing_graded(course, unit, f"there is no record in {records.folder_of(course, unit)}")
    check_known(students, [record.student for record in there], "the records")
    found = {record.student: record for record in there if not students or record.student in students}
    write, suffix = WRITERS[form]
    for name, record in found.items():
        write(path / records.file_of(name, suffix), of_record(record))
    waiting = [name for name, record in found.items() if record.ungraded]
    return [f"marked as ungraded, and not as 0: {', '.join(waiting)}"] * bool(waiting)


def standings(course: Path, unit: str, place: Path) -> dict[str, Standing]:
    """What the gradebook and the folder of feedback know of each student, for a report that lies in the folder `place`."""
    db_url, found = database(course), {}
    if not is_there(db_url):
        return {}
    if said := damage(db_url):
        raise ExportError(said)
    with opened(db_url) as gradebook:
        for line in (line for one in lines.read(gradebook, [unit]) for line in one.lines):
            path = course / "feedback" / line.student.id / unit / f"{UNITS[unit].stem}.html"
            link = quote(os.path.relpath(path, place)) if path.is_file() else ""
            found[line.student.id] = Standing(" ".join(filter(None, (line.student.first_name, line.student.last_name))), line.total, link)
    return found


def configuration(course: Path) -> Config:
    """What nbgrader itself would read: the course folder's own file, else the one of this repository."""
    folder = next(folder for folder in (course, ROOT) if folder == ROOT or (folder / CONFIG).is_file())
    return PyFileConfigLoader(CONFIG, path=str(folder)).load_config()


def check_known(students: Sequence[str], known: Sequence[str], where: str) -> None:
    unknown = sorted(set(students) - set(known))
    if unknown:
        raise ExportError(f"{where} of this course has no student {', '.join(unknown)}; it has {', '.join(sorted(known))}")


def nothing_graded(course: Path, unit: str, detail: str) -> ExportError:
    return ExportError(f"nothing of {unit} is graded in {course} yet ({detail}): run `grader autograde {unit} --course {course}` first")
