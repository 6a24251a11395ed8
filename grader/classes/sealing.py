"""Staged results are sealed: what is published is what was graded, and not what somebody wrote in between.

The key is the secret that the hidden numbers are drawn from. Whoever knows it, and may write to the staging area, can
seal something else; a script, an editor or a student cannot.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

from ..submission import plain
from ..submission.hidden import secret
from ..submission.limits import MiB
from ..submission.submitted import content_of
from .records import Record

MAX_PAGE = 256 * MiB  # bytes; pictures are in it


def seal(record: Record, page: str) -> Record:
    """The record, sealed together with its page."""
    text = f"{plain.dumps(replace(record, seal=''))}\n{page}"
    return replace(record, seal=hmac.digest(secret().encode(), text.encode(), hashlib.sha256).hex())


def is_whole(record: Record, page: Path) -> bool:
    """Whether both are still as they were sealed."""
    try:
        content = content_of(page, MAX_PAGE)
        text = content.decode("utf-8") if isinstance(content, bytes) else None
    except (OSError, UnicodeDecodeError):
        return False
    return text is not None and hmac.compare_digest(record.seal.encode(), seal(record, text).seal.encode())
