"""Temporary folders of which nothing stays: each is locked while its process lives, and the next one clears those that are not."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def folder(name: str) -> Iterator[Path]:
    """A temporary folder of that name and something random. What killed processes have left of the same name is removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{name}-*"):
        remove_if_left(left)
    path, lock = locked(name)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def locked(name: str) -> tuple[Path, int]:
    """A new folder and its lock, which the system takes back from whoever is killed."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        with suppress(FileNotFoundError):  # somebody who cleared up took it for one that was left
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)


def remove_if_left(path: Path) -> None:
    """Remove a folder of ours whose process is no more."""
    with suppress(OSError):  # somebody else's, or locked
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
