"""The memory of a jail: a control group where the host lets one be made, and somebody who looks again and again.

The kernel ends what is over a group's limit, and counts everything there. Without a group, what all processes have is
added up, with what lies in the folders that are in memory. Neither depends on what a submission sends meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.2
CONTROL_GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
NAME = "autodiff-jail-{}-{}"  # of a group: which process made it, and for which
OWN_PROCESSES = 8  # of a jail, beside those of a submission
EMPTYING_SECONDS = 5


# --- control groups


@dataclass(frozen=True)
class Group:
    """The control groups of one jail: one for memory and, in version 1, another for the number of processes."""

    folders: tuple[Path, ...]

    def take(self, pids: Sequence[int]) -> None:
        """Count these processes from here on, with all that they fork. OSError where they may not be moved."""
        for folder in self.folders:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    (folder / "cgroup.procs").write_text(str(pid))

    def ended(self) -> int:
        """How many of its processes the kernel has ended for their memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                if found := re.search(r"^oom_kill (\d+)$", (self.folders[0] / name).read_text(), re.MULTILINE):
                    return int(found[1])
        return 0

    def remove(self) -> None:
        """Remove it, as soon as its last process has gone. One that does not go in time is left to the next who makes a group."""
        deadline = time.monotonic() + EMPTYING_SECONDS
        for folder in self.folders:
            while not removed(folder) and time.monotonic() < deadline:
                time.sleep(0.005)


def removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def make_group(pid: int, memory_bytes: int, processes: int) -> Group | None:
    """Groups with these limits for the jail whose process this is; None where the host does not let us make them."""
    try:
        lines = [line.split(":", 2) for line in MEMBERSHIP.read_text().splitlines()]
    except OSError:
        return None
    ours = {kind: CONTROL_GROUPS / kind / path.lstrip("/") for _, kinds, path in lines for kind in kinds.split(",")}
    at_most = {"pids.max": processes + OWN_PROCESSES}
    if (CONTROL_GROUPS / "cgroup.controllers").exists():
        unified = next((CONTROL_GROUPS / path.lstrip("/") for _, kinds, path in lines if not kinds), CONTROL_GROUPS)
        for parent in (folder for folder in (unified, *unified.parents) if folder.is_relative_to(CONTROL_GROUPS)):
            if folder := made(parent, pid, {"memory.max": memory_bytes, "memory.swap.max": 0, **at_most}):
                return Group((folder,))
    elif "memory" in ours:
        memory = dict.fromkeys(("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"), memory_bytes)
        if folder := made(ours["memory"], pid, memory):
            others = (made(ours["pids"], pid, at_most),) if "pids" in ours else ()
            return Group((folder, *filter(None, others)))
    return None


def made(parent: Path, pid: int, limits: dict[str, int]) -> Path | None:
    """A group with these limits, of which the first must be there; None where it cannot be made."""
    folder = parent / NAME.format(os.getpid(), pid)
    try:
        for old in parent.glob(NAME.format("*", "*")):
            if not Path("/proc", old.name.split("-")[2]).exists():  # left by a grader that was killed
                removed(old)
        folder.mkdir(exist_ok=True)
        for position, (name, limit) in enumerate(limits.items()):
            if position == 0 or (folder / name).exists():
                (folder / name).write_text(str(limit))
    except OSError:
        removed(folder)
        return None
    return folder


# --- adding up


def taken(root: int, folders: Sequence[int]) -> int:
    """Bytes that a process and all below it have, and what lies in folders in memory, given as open files."""
    lying = sum((status.f_blocks - status.f_bfree) * status.f_frsize for status in map(os.fstatvfs, folders))
    return lying + sum(map(resident, descendants(root)))


def taken_once(root: int, folders: Sequence[int]) -> int:
    """The same, but what processes share is counted once. It takes longer."""
    lying = sum((status.f_blocks - status.f_bfree) * status.f_frsize for status in map(os.fstatvfs, folders))
    return lying + sum(map(proportional, descendants(root)))


def descendants(root: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int(Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()[1])
                parents.setdefault(parent, []).append(int(name))
    todo = [root]
    while todo:
        pid = todo.pop()
        yield pid
        todo += parents.get(pid, [])


def resident(pid: int) -> int:
    """Resident bytes of a process that no file backs: its own, and those it shares with others."""
    return added(Path(f"/proc/{pid}/status"), r"Rss(?:Anon|Shmem)") or 0


def proportional(pid: int) -> int:
    """The same, but of what n processes share a part of n; all of it where that cannot be seen."""
    share = added(Path(f"/proc/{pid}/smaps_rollup"), r"Pss_(?:Anon|Shmem)")
    return resident(pid) if share is None else share


def added(path: Path, fields: str) -> int | None:
    """Bytes in some fields of a file of the kernel's; None where there are none, or it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        found = re.findall(rf"^{fields}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
        return sum(1024 * int(kib) for kib in found) if found else None
    return None


# --- looking


@contextlib.contextmanager
def watching(too_much: Callable[[], bool], end: Callable[[], None]) -> Iterator[None]:
    """Look again and again, beside whatever else is done, and end what has taken too much."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if too_much():
                end()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
