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
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import Bool

from . import batch, gradebook
from .jail import JailError


class JailedAutograde(Autograde):
    """nbgrader's options and rules for what to grade; this grader's way to grade it."""

    jailed = Bool(True, help="Run submissions in a bubblewrap jail. Without it they run with your rights.").tag(config=True)
    cold = Bool(False, help="A fresh jail for each submission.").tag(config=True)

    def init_notebooks(self) -> None:
        """Every folder is a submission, whatever is in it."""
        pattern = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: [] for folder in glob.glob(pattern) if os.path.isdir(folder)}
        if not self.assignments:
            self.log.error("No submissions were matched by '%s'", pattern)
            raise NbGraderException(f"No submissions were matched by '{pattern}'")

    def convert_notebooks(self) -> None:
        course, unit = Path(self.coursedir.root), self.coursedir.assignment_id
        gradebook.ensure_assignment(course, self.coursedir.db_url, unit)
        options = batch.Options(jailed=self.jailed, cold=self.cold, force=True)
        matcher = re.compile(self._format_source("(?P<unit>.*)", "(?P<student>.*)", escape=True))
        ungraded = []
        try:
            with batch.jails(course, unit, options) as jail_for:
                for folder in sorted(self.assignments):
                    student = matcher.match(folder)["student"]
                    if not self.init_destination(unit, student):
                        continue
                    self.log.info("Converting notebook %s", folder)
                    record = batch.grade_one(course, self.coursedir.db_url, unit, student, jail_for)
                    self.apply_late_penalty(unit, student)
                    self.log.info("%s: %g of %g points", student, record.points, record.max_points)
                    if record.ungraded:
                        ungraded.append(student)
                        self.log.warning("%s is ungraded: %s", student, record.problem)
        except (JailError, ValueError) as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None
        if ungraded:
            self.log.warning("%d submissions are ungraded, and wait for you: %s", len(ungraded), ", ".join(ungraded))

    def apply_late_penalty(self, unit: str, student: str) -> None:
        resources = {
            "nbgrader": {
                "student": student,
                "assignment": unit,
                "notebook": batch.UNITS[unit].removesuffix(".ipynb"),
                "db_url": self.coursedir.db_url,
            }
        }
        AssignLatePenalties(parent=self).preprocess(batch.nbformat.v4.new_notebook(), resources)


def install() -> None:
    """Put the engine into nbgrader's `autograde` command and into its API, which the formgrader uses."""
    autogradeapp.Autograde = JailedAutograde
    nbgrader_api.Autograde = JailedAutograde
