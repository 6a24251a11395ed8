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
from nbgrader.utils import parse_utc

from . import gradebook, records
from .nbgrader_course import settings
from .pages import page_of, write_page
from .records import Record
from .work import Graded

TIMESTAMP = "timestamp.txt"
MAX_TIMESTAMP = 100  # characters
UNREADABLE = f"its {TIMESTAMP} cannot be read, so it counts as submitted in time"


class Writer(AbstractContextManager["Writer"]):
    """Writes a unit's results over one connection; with `staging`, pages and records alone, to the staging area."""

    def __init__(self, course: Path, db_url: str, unit: str, staging: bool = False) -> None:
        self.course, self.unit, self.staging = course, unit, staging
        self.gradebook = None if staging else gradebook.opened(db_url)
        self.late = AssignLatePenalties(config=settings(course))
        self.late.init_plugin()

    def write(self, graded: Graded, submission: Path) -> Record:
        """All of one result, with the time of the submission that lies there; the gradebook gets it in one transaction.

        Returns the record as it is written.
        """
        record, start = graded.record, time.perf_counter()
        page = page_of(self.course, self.unit, record.student, self.staging)
        write_page(page, graded.page)
        text, timestamp = timestamp_in(submission)
        if timestamp is not None:  # nbgrader looks there for whether feedback has to be written again
            write_page(page.with_name(TIMESTAMP), text)
        else:
            page.with_name(TIMESTAMP).unlink(missing_ok=True)
        if text and timestamp is None and UNREADABLE not in record.repairs:
            record = replace(record, repairs=[*record.repairs, UNREADABLE])
        if self.gradebook is not None:
            gradebook.save(self.gradebook, record, timestamp, self.late.plugin_inst.late_submission_penalty)
        seconds = {**record.seconds, "gradebook": round(time.perf_counter() - start, 4)}
        record = replace(record, seconds=seconds)
        records.save(self.course, record, self.staging)
        return record

    def __exit__(self, *details: Any) -> None:
        if self.gradebook is not None:
            self.gradebook.close()


def timestamp_in(folder: Path) -> tuple[str, datetime | None]:
    """When it was submitted, from the file that nbgrader's exchange puts beside it: as it stands there, and as it is meant."""
    path = folder / TIMESTAMP
    if not path.is_file() or path.is_symlink():
        return "", None
    with path.open(errors="replace") as file:
        text = file.read(MAX_TIMESTAMP).strip()
    try:
        return text, parse_utc(text)
    except (ValueError, OverflowError):
        return text, None
