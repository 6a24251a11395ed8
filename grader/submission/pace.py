"""What it takes to time a submission: a machine on which no other grader works meanwhile, and one processor for both that are compared.

All graders of a user on a machine share a lock while they work, and who takes the time has it alone. A second lock is the
door: who waits to be alone holds it, so that nobody new comes in. Locks are flock(2)'s, and end with their process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path


class Pace:
    """This grader's place among those that work on this machine."""

    def __init__(self) -> None:
        self.at_work: int | None = None  # the shared lock, open

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """While open, nobody is alone on this machine."""
        with opened("work") as lock:
            join(lock)
            self.at_work = lock
            try:
                yield
            finally:
                self.at_work = None

    @contextlib.contextmanager
    def alone(self, pids: Iterable[int]) -> Iterator[None]:
        """While open, no other grader works here, and these processes have one processor, in turns."""
        with opened("door") as door, opened("work") as lock:
            if self.at_work is not None:
                fcntl.flock(self.at_work, fcntl.LOCK_UN)
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX)
            fcntl.flock(door, fcntl.LOCK_UN)
            try:
                with on_one_processor(pids):
                    yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # before this one comes to work again
                if self.at_work is not None:
                    join(self.at_work)


def join(lock: int) -> None:
    """Come to work, through the door."""
    with opened("door") as door:
        fcntl.flock(door, fcntl.LOCK_SH)
        fcntl.flock(lock, fcntl.LOCK_SH)


def folder_of_locks() -> Path:
    """Where files of this user's alone may stay: it is not the folder for temporary ones, in which nothing is left."""
    listed = (os.environ.get("XDG_RUNTIME_DIR"), "/run" if os.getuid() == 0 else None, Path.home() / ".cache", Path.home())
    return next((Path(folder) for folder in listed if folder and os.access(folder, os.W_OK | os.X_OK)), Path(tempfile.gettempdir()))


@contextlib.contextmanager
def opened(name: str) -> Iterator[int]:
    """A file of this user's to lock. The lock goes with it, also where a process that was forked meanwhile has it open."""
    path = folder_of_locks() / f"autodiff-{os.getuid()}-{name}.lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield file
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


@contextlib.contextmanager
def on_one_processor(pids: Iterable[int]) -> Iterator[None]:
    """While open, all threads of some processes share the last processor that there is, where the system lets us say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    everywhere, listed = os.sched_getaffinity(0), list(pids)
    keep(listed, {max(everywhere)})
    try:
        yield
    finally:
        keep(listed, everywhere)


def keep(pids: Iterable[int], processors: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):  # it, or a thread of it, has ended
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), processors)
