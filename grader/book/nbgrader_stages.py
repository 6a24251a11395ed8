"""`nbgrader autograde`, with this grader's engine in it.

nbgrader parses and runs submissions in its own process, and offers no place to put another engine. So
`install`, called by nbgrader_config.py, gives its command and its API a converter that does.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from traitlets import Bool, Integer

from ..classes import batch
from ..classes.records import Record
from ..submission.jail import JailError
from ..units import known
from . import nbgrader_adapter
from .feedback import GradersExporter
from .gradebook import readable
from .nbgrader_adapter import CONVERTING, Failed, WholeFolders


class JailedAutograde(WholeFolders):
    """nbgrader's options; this grader's way to grade, and to tell what has changed since."""

    jailed = Bool(True, help="Run submissions in a bubblewrap jail. Without it they run with your rights.").tag(config=True)
    jobs = Integer(1, min=1, help="Worker processes.").tag(config=True)
    cold = Bool(False, help="A fresh jail for each submission.").tag(config=True)

    def init_notebooks(self) -> None:
        try:
            known(self.coursedir.assignment_id)
        except ValueError as error:
            self.log.error(str(error))
            raise Failed(str(error)) from None
        super().init_notebooks()

    def grade(self, course: Path, unit: str, students: list[str], db_url: str) -> None:
        chosen = [student for student in students if batch.is_text(student)]
        for sentence in batch.misnamed(course, unit):
            self.log.error(sentence)
        ungraded: list[str] = []

        def tell(record: Record, fresh: bool) -> None:
            if not fresh:
                self.log.info("Skipping %s of %s: nothing has changed since it was graded", unit, record.student)
                return
            self.log.info("%s %s of %s: %s", CONVERTING, unit, record.student, worth(record))
            if record.ungraded:
                ungraded.append(record.student)
                self.log.warning("%s is ungraded: %s", record.student, record.waiting)

        options = batch.Options(jailed=self.jailed, cold=self.cold, force=self.force, jobs=self.jobs)
        try:
            batch.autograde(course, unit, chosen, options, tell, db_url)
        except JailError as error:
            said = str(error).replace("`--no-jail`", "`--JailedAutograde.jailed=False`")
            self.log.error(said)
            raise Failed(said) from None
        except (OSError, SQLAlchemyError, ValueError) as error:
            self.log.error(str(error))
            raise Failed(str(error)) from None
        if ungraded:
            self.log.warning("%d submissions are ungraded, and wait for you: %s", len(ungraded), ", ".join(ungraded))


def worth(record: Record) -> str:
    """What a submission has come to, in words: who has no verdict has no points, and not none of them."""
    if len(record.ungraded) == len(record.questions):
        return "not graded yet"
    return f"{record.points:g} of {record.max_points:g} points" + (" so far" if record.ungraded else "")


def check(db_url: str, unit: str) -> None:
    """`Failed` where there is no gradebook to read, or no unit of that name; without a unit, the gradebook alone is looked at."""
    try:
        if unit:
            known(unit)
        readable(db_url)
    except ValueError as error:
        raise Failed(f"{error} Nothing was changed.") from None


def install() -> None:
    """Put the engine and the pages into nbgrader's commands and into its API, which the formgrader uses."""
    nbgrader_adapter.install(JailedAutograde, GradersExporter, check)
