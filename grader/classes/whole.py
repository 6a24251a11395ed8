"""Files that are written at once or not at all: on a full disk, or killed in between, what was there stays."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Put a text into a file, and make its folder if need be. OSError where that cannot be done; then nothing has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{os.getpid()}.new"  # a name of its own for each process, and short whatever the file is called
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
