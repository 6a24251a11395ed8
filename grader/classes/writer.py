"""The one writer: what workers send goes to the graded notebook, the gradebook and the record, in this order.

The record comes last: where it is missing, a run that was stopped goes on. A result that cannot be written leaves
its submission ungraded; where not even that can be written down, the disk is full, and the run stops.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from ..book import gradebook
from ..book.nbgrader_adapter import late_penalty, opened, session, time_of
from ..book.nbgrader_course import settings
from ..book.pages import page_of
from ..collecting.late import forgiving
from ..submission.submitted import TIMESTAMP
from . import records, whole
from .boundary import HOST, alone
from .records import Record
from .sealing import seal
from .work import Graded


class WritingError(OSError):
    """Nothing can be written any more; the message says what, and why. What was written before is whole."""


class Writer(AbstractContextManager["Writer"]):
    """Writes a unit's results over one connection; with `staging`, pages and records alone, to the staging area."""

    def __init__(self, course: Path, db_url: str, unit: str, staging: bool = False) -> None:
        self.course, self.unit, self.staging = course, unit, staging
        self.gradebook = None if staging else opened(db_url)
        self.late_penalty = forgiving(course, unit, late_penalty(settings(course)))

    def write(self, graded: Graded) -> Record:
        """All of one result; the gradebook gets it in one transaction.

        Returns the record as it is written, which is one without verdicts where the result cannot be. WritingError
        where nothing can be written.
        """
        try:
            return alone(
                "writing",
                graded.record.student,
                lambda: self.all_of(graded),
                lambda reason: self.unwritten(graded.record, reason),
            )
        except (*HOST, OSError) as error:
            self.roll_back()
            said = error.orig if isinstance(error, DBAPIError) else error
            whole_so_far = "what was written before is whole, and the same command goes on from here"
            raise WritingError(f"the result of {graded.record.student} cannot be written: {said} ({whole_so_far})") from error

    def all_of(self, graded: Graded) -> Record:
        record, start = graded.record, time.perf_counter()
        page = page_of(self.course, self.unit, record.student, self.staging)
        whole.write(page, graded.page)
        timestamp = time_of(graded.timestamp)
        if timestamp is not None:  # nbgrader looks there for whether feedback has to be written again
            whole.write(page.with_name(TIMESTAMP), graded.timestamp)
        else:
            page.with_name(TIMESTAMP).unlink(missing_ok=True)
        if self.gradebook is not None:
            self.tell_gradebook(record, timestamp)
        seconds = {**record.seconds, "gradebook": round(time.perf_counter() - start, 4)}
        record = replace(record, seconds=seconds)
        if self.staging:
            record = seal(record, graded.page)
        records.save(self.course, record, self.staging)
        return record

    def unwritten(self, record: Record, problem: str) -> Record:
        """The record of a result that could not be written: without verdicts, and without a digest, so that the next run tries again."""
        self.roll_back()
        record = records.without_verdicts(record, problem)
        if self.gradebook is not None:
            alone("taking its points back", record.student, lambda: self.tell_gradebook(record, None), lambda reason: self.roll_back())
        records.save(self.course, record, self.staging)
        return record

    def tell_gradebook(self, record: Record, timestamp: datetime | None) -> None:
        gradebook.save(self.gradebook, record, timestamp, self.late_penalty)

    def roll_back(self) -> None:
        """Forget what the gradebook was told of a result that is not there as a whole."""
        if self.gradebook is not None:
            session(self.gradebook).rollback()

    def __exit__(self, *details: Any) -> None:
        if self.gradebook is not None:
            self.gradebook.close()
