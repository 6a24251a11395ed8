"""What lies in a submission's folder, read once, within bounds on files, depth, bytes and time. It may be anything.

Only what a grade can depend on is read: of a file that is too large to be looked at, the size alone. No link is
followed, and what is no regular file is left out.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)
ARCHIVE = re.compile(r"\.(tar|t(ar\.)?(gz|bz2|xz)|tgz|zip)$", re.IGNORECASE)
MiB = 2**20
MAX_NOTEBOOK = 100 * MiB  # bytes; outputs are dropped at once
MAX_NOTEBOOKS = 120 * MiB  # of all notebooks of a submission, and archives, together
MAX_FILE, MAX_FILES_TOTAL = MiB, 8 * MiB  # what comes along with the notebook
MAX_LUGGAGE = 8 * MAX_FILES_TOTAL  # of files beside notebooks that are read; intake takes fewer, but not always the first
MAX_ENTRIES = 100_000  # files and folders; a virtual environment that came along has some ten thousand
MAX_PATH = 1000  # bytes of a path below the folder: the system takes 4096, and the course folder has its own
MAX_SECONDS = 60
MAX_UNREAD = 5  # sentences on what could not be read
TIMESTAMP = "timestamp.txt"  # what nbgrader's exchange puts beside a submission
MAX_TIMESTAMP = 1000  # bytes

Content = bytes | int
"""Of a file, or the size of one that was not read."""


@dataclass(frozen=True)
class Submitted:
    """What was handed in: files by their path below the folder, in order. `problem` says why it cannot be graded at all."""

    files: dict[str, Content] = field(repr=False)
    unread: tuple[str, ...] = ()  # a sentence for each thing that a person may have to look at
    problem: str = ""
    timestamp: str = ""  # when it was handed in, as the exchange has written it down; empty where nobody has

    @property
    def digest(self) -> str:
        """Of everything that a grade can depend on."""
        total = hashlib.sha256(repr((self.unread, self.problem)).encode("utf-8", "surrogateescape"))
        for name, content in self.files.items():
            size, inside = (len(content), content) if isinstance(content, bytes) else (content, b"")
            total.update(name.encode("utf-8", "surrogateescape") + f"\0{size}\0{isinstance(content, bytes)}\0".encode())
            total.update(inside)
        return total.hexdigest()


class TooMuchError(ValueError):
    """There is more than anybody hands in; the message says of what."""


def look(folder: Path) -> Submitted:
    """Everything that was submitted. Never raises for what is there."""
    deadline = time.monotonic() + MAX_SECONDS
    unread: list[str] = []
    timestamp = timestamp_in(folder)
    try:
        files = contents(folder, [path for path, _ in sorted(sizes(folder, unread, deadline), key=importance)], unread, deadline)
    except TooMuchError as error:
        return Submitted({}, problem=str(error), timestamp=timestamp)
    except OSError as error:
        return Submitted({}, problem=f"its folder cannot be read: {error.strerror}", timestamp=timestamp)
    more = [f"and {len(unread) - MAX_UNREAD} more"] if len(unread) > MAX_UNREAD else []
    return Submitted(dict(sorted(files.items())), (*unread[:MAX_UNREAD], *more), timestamp=timestamp)


def is_notebook(path: str) -> bool:
    """Whether it may be what is to be graded: copies that Jupyter and others keep in hidden folders are not."""
    return bool(NOTEBOOK.search(path)) and not any(part.startswith(".") for part in path.split("/"))


def is_archive(path: str) -> bool:
    """Whether what is to be graded may be packed into it, as into a handin.tar; the content says more."""
    return bool(ARCHIVE.search(path)) and not any(part.startswith(".") for part in path.split("/"))


def importance(found: tuple[str, int]) -> tuple[bool, bool, int, int, str]:
    """Notebooks first, then archives, the uppermost and smallest first: where a bound is reached, as little as can be is left out."""
    path, size = found
    return not is_notebook(path), not is_archive(path), path.count("/"), size, path


def sizes(folder: Path, unread: list[str], deadline: float) -> Iterator[tuple[str, int]]:
    """The regular files below a folder, with their sizes. OSError where the folder itself cannot be listed; `unread` is told of others."""
    todo, entries = [""], 0
    while todo:
        below = todo.pop()
        try:
            listed = os.scandir(folder / below)
        except OSError as error:
            if not below:
                raise
            unread.append(f"the folder {shown(below)} cannot be read: {error.strerror}")
            continue
        with listed:
            for entry in listed:
                entries += 1
                if entries > MAX_ENTRIES:
                    raise TooMuchError(f"it holds more than {MAX_ENTRIES} files and folders")
                in_time(deadline)
                path = f"{below}/{entry.name}" if below else entry.name
                if len(os.fsencode(path)) > MAX_PATH:
                    unread.append(f"{shown(path)} was not looked at: its path is longer than {MAX_PATH} bytes")
                elif entry.is_dir(follow_symlinks=False):
                    todo.append(path)
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):  # meanwhile
                        yield path, entry.stat(follow_symlinks=False).st_size


def contents(folder: Path, listed: Sequence[str], unread: list[str], deadline: float) -> dict[str, Content]:
    """What is in those files, as far as it is looked at. One that has vanished meanwhile is left out."""
    files: dict[str, Content] = {}
    left = {True: MAX_NOTEBOOKS, False: MAX_LUGGAGE}
    for path in listed:
        in_time(deadline)
        notebook = is_notebook(path) or is_archive(path)
        try:
            content = content_of(folder / path, min(left[notebook], MAX_NOTEBOOK if notebook else MAX_FILE))
        except FileNotFoundError:
            continue
        except OSError as error:
            unread.append(f"{shown(path)} cannot be read: {error.strerror}")
            continue
        if content is None:
            continue
        if isinstance(content, bytes):
            left[notebook] -= len(content)
        elif notebook:
            unread.append(f"{shown(path)} was not read: with {content / MiB:.0f} MiB it is too large, or there are too many others")
        files[path] = content
    return files


def content_of(path: Path, limit: int) -> Content | None:
    """What is in a file, or its size where that is beyond the limit; None for what is no regular file. Waits for nobody."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > limit:
            return status.st_size
        content = file.read(status.st_size + 1)  # the file may be growing, and some of the system's say that they are empty
        return content if len(content) <= limit else len(content)


def timestamp_in(folder: Path) -> str:
    """The text of the exchange's file; in brackets why there is none, where there is something else."""
    try:
        content = content_of(folder / TIMESTAMP, MAX_TIMESTAMP)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"({error.strerror})"
    if isinstance(content, bytes):
        return content.decode(errors="replace").strip()
    return "" if content is None else "(too long)"


def in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TooMuchError(f"reading its files took longer than {MAX_SECONDS} seconds")


def shown(path: str) -> str:
    """A path as it can be printed, its end alone where it is long."""
    text = path.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= 60 else f"…{text[-59:]}"
