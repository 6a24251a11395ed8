"""The one writer: what workers send goes to the graded notebook, the gradebook and the record, in this order.

The record comes last: where it is missing, a run that was stopped goes on.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import AssignLatePenalties

from . import gradebook, records
from .nbgrader_course import settings
from .pages import page_of, write_page
from .work import Graded


class Writer(AbstractContextManager["Writer"]):
    """Writes a unit's results over one connection; with `staging`, pages and records alone, to the staging area."""

    def __init__(self, course: Path, db_url: str, unit: str, staging: bool = False) -> None:
        self.course, self.unit, self.staging = course, unit, staging
        self.gradebook = None if staging else gradebook.opened(db_url)
        self.late = AssignLatePenalties(config=settings(course))
        self.late.init_plugin()

    def write(self, graded: Graded, timestamp: datetime | None) -> None:
        """All of one result; the gradebook gets it in one transaction."""
        record, start = graded.record, time.perf_counter()
        write_page(page_of(self.course, self.unit, record.student, self.staging), graded.page)
        if self.gradebook is not None:
            gradebook.save(self.gradebook, record, timestamp, self.late.plugin_inst.late_submission_penalty)
        seconds = {**record.seconds, "gradebook": round(time.perf_counter() - start, 4)}
        records.save(self.course, replace(record, seconds=seconds), self.staging)

    def __exit__(self, *details: Any) -> None:
        if self.gradebook is not None:
            self.gradebook.close()
