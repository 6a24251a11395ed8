"""`nbgrader autograde`, with this grader's engine in it.

nbgrader parses and runs submissions in its own process, and offers no place to put another engine. So
`install`, called by nbgrader_config.py, gives its command and its API a converter that does.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from nbgrader.apps import api as nbgrader_api
from nbgrader.apps import autogradeapp
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import SQLAlchemyError
from traitlets import Bool, Integer

from ..classes import batch
from ..classes.records import Record
from ..submission.jail import JailError


class JailedAutograde(Autograde):
    """nbgrader's options; this grader's way to grade, and to tell what has changed since. No page goes before there is another."""

    jailed = Bool(True, help="Run submissions in a bubblewrap jail. Without it they run with your rights.").tag(config=True)
    jobs = Integer(1, min=1, help="Worker processes.").tag(config=True)
    cold = Bool(False, help="A fresh jail for each submission.").tag(config=True)

    def init_notebooks(self) -> None:
        """Every folder is a submission, whatever is in it."""
        pattern = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments: dict[str, list[str]] = {folder: [] for folder in glob.glob(pattern) if os.path.isdir(folder)}
        if not self.assignments:
            self.log.error("No submissions were matched by '%s'", pattern)
            raise NbGraderException(f"No submissions were matched by '{pattern}'")

    def convert_notebooks(self) -> None:
        course, unit = Path(self.coursedir.root), self.coursedir.assignment_id
        matcher = re.compile(self._format_source("(?P<unit>.*)", "(?P<student>.*)", escape=True))
        students = [found["student"] for folder in sorted(self.assignments) if (found := matcher.match(folder)) is not None]
        excluded = self.coursedir.student_id_exclude.split(",")
        chosen = [student for student in students if student not in excluded and batch.is_text(student)]
        for sentence in batch.misnamed(course, unit):
            self.log.error(sentence)
        ungraded: list[str] = []

        def tell(record: Record, fresh: bool) -> None:
            if not fresh:
                self.log.info("Skipping %s of %s: nothing has changed since it was graded", unit, record.student)
                return
            self.log.info("Converting notebook %s of %s: %g of %g points", unit, record.student, record.points, record.max_points)
            if record.ungraded:
                ungraded.append(record.student)
                self.log.warning("%s is ungraded: %s", record.student, record.waiting)

        options = batch.Options(jailed=self.jailed, cold=self.cold, force=self.force, jobs=self.jobs)
        try:
            batch.autograde(course, unit, chosen, options, tell, self.coursedir.db_url)
        except (JailError, OSError, SQLAlchemyError, ValueError) as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None
        if ungraded:
            self.log.warning("%d submissions are ungraded, and wait for you: %s", len(ungraded), ", ".join(ungraded))


def install() -> None:
    """Put the engine into nbgrader's `autograde` command and into its API, which the formgrader uses."""
    autogradeapp.Autograde = JailedAutograde
    nbgrader_api.Autograde = JailedAutograde
