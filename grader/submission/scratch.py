"""Temporary folders of the grader. What one that was killed has left behind, the next one removes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "autodiff-grader-scratch-"


@contextlib.contextmanager
def folder(what: str) -> Iterator[Path]:
    """A folder that is there as long as it is needed. It is locked meanwhile, also by processes that are forked from this one."""
    sweep()
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{what}-"))
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():  # nobody has swept it away before it was locked
            break
        os.close(lock)
    try:
        yield path
    finally:
        remove(path)
        os.close(lock)


def sweep() -> None:
    """Remove the folders of graders that are gone: those that nobody has locked."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if path.is_symlink() or os.getuid() not in (0, path.stat().st_uid):
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def remove(path: Path) -> None:
    """Remove a folder, however deep it is and whatever rights a submission has taken from its parts."""
    empty(path)
    with contextlib.suppress(OSError):
        path.rmdir()


def empty(path: Path) -> None:
    """Remove what is in a folder."""
    with contextlib.suppress(OSError):
        path.chmod(0o700)
        for inside in list(path.iterdir()):
            try:
                shutil.rmtree(inside) if inside.is_dir() and not inside.is_symlink() else inside.unlink()
            except (OSError, RecursionError):  # closed, or deeper than Python goes
                for command in (["chmod", "-R", "u+rwX", str(inside)], ["find", str(inside), "-delete"]):
                    subprocess.run(command, check=False, stderr=subprocess.DEVNULL, env={"PATH": os.defpath})
