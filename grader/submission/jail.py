"""The jail: bubblewrap around a warm Python that forks a child for each submission.

Inside there is no network, no other process, and of the file system only what Python needs, read-only:
neither the course tree nor the gradebook nor other submissions. Home, /tmp and /dev/shm are in memory, small, and
made for each submission, as are its name spaces. Where a host allows no name spaces inside of others, each
submission has a jail of its own instead, which takes seconds.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from autodiff_lib.checks import wire
from autodiff_lib.checks.question import Answer, Ask, Case, Problem
from autodiff_lib.units import UNITS, Unit, room

from ..book.nbgrader_course import ROOT
from . import scratch, syscalls, watch
from .follow_through import reference
from .limits import Limits, MiB
from .outputs import checked_cell
from .pace import Pace
from .warm import modules

INMATE = Path(__file__).with_name("inmate.py")
FIRST_UID = 64_321  # where the grader runs as root, submissions run as this ordinary user and the following ones
UIDS = 4  # of each worker: one submission after the other gets the next of them
WORKERS = 300  # that have some of their own
CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL")  # for the warm parent to make name spaces
START_SECONDS = 60
CONTROL_SECONDS = 5  # for the warm parent to fork, or to clean up
WRITABLE = 3  # folders inside a jail that can be written to
SEEN = (  # files of the library that a submission needs to run: no judge, no truth, no question
    "*.py", "*.mplstyle", "checks/__init__.py", "checks/question.py", "checks/probe.py", "checks/wire.py",
    "hunts/__init__.py", "kinds/__init__.py", "kinds/*/__init__.py", "kinds/*/probe.py", "kinds/*/watch.py", "kinds/*/sharing.py",
    "units/__init__.py", "units/*/__init__.py", "units/*/unit.py", "units/*/given.py", "units/*/probe.py",
)  # fmt: skip
AHEAD = 8  # asks on their way at once
AHEAD_BYTES = 64 * 1024  # of them together: a socket takes that much at once


class JailError(RuntimeError):
    """The jail cannot be built here, or broke; the message says what to do."""


class RefusedError(JailError):
    """Something inside ended before it was ready."""


RESTRICTED = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")  # Ubuntu's, since 23.10
ALLOWED = Path("/proc/sys/user/max_user_namespaces")
INSTALL = "Install it (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap)"
PERMIT = "This Ubuntu keeps name spaces from ordinary users. Allow them (sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0)"
RAISE = "Name spaces are switched off here. Allow them (sudo sysctl -w user.max_user_namespaces=10000)"
UNCONFINE = "A container must be allowed to make name spaces (Docker: --privileged, on a machine of its own)"


def bubblewrap() -> str | None:
    """The path of a bubblewrap that works on this host, else None."""
    path = shutil.which("bwrap")
    return path if path is not None and tried(path).returncode == 0 else None


def tried(path: str) -> subprocess.CompletedProcess[str]:
    probe = [path, "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "--proc", "/proc", "--dev", "/dev", "true"]
    return subprocess.run(probe, capture_output=True, text=True, check=False)


def no_bubblewrap() -> str:
    """Why there is no bubblewrap that works, and what to do about it."""
    path, ordinary = shutil.which("bwrap"), os.getuid() != 0
    if path is None:
        problem, way = "bubblewrap is not installed", INSTALL
    else:
        said = (tried(path).stderr.strip() or "it says nothing").splitlines()[-1]
        problem = f"bubblewrap is here, but this host lets it make no jail ({said})"
        if ordinary and RESTRICTED.exists() and RESTRICTED.read_text().strip() != "0":
            way = PERMIT
        elif ordinary and ALLOWED.exists() and ALLOWED.read_text().strip() == "0":
            way = RAISE
        else:
            way = UNCONFINE
    return (
        f"{problem}, and without it a submission could read and change whatever you can.\n"
        f"{way}, or grade in a virtual machine.\n"
        "`--no-jail` grades without, and marks every grade as unjailed."
    )


def command(unit: Unit, limits: Limits, alone: bool, arguments: Sequence[str], whole: bool = False) -> list[str]:
    """bubblewrap's command line: what the jail sees, and nothing else. `alone` lets the program inside make name spaces, `whole` shows
    it all of the library."""
    python = Path(sys.executable)
    library = ROOT / "autodiff_lib"
    read_only = {Path(sys.base_prefix).resolve(), Path(sys.prefix), Path("/usr"), *([library] if whole else seen(library))}
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.getuid() != 0:
        options += ["--unshare-user", *(["--uid", "0", "--gid", "0"] if alone else [])]  # root of nothing but the jail
    if alone:
        needed = CAPABILITIES if os.getuid() == 0 else (*CAPABILITIES, "CAP_SETFCAP")  # to give its only user to a space of users
        needed = (*needed, "CAP_NET_ADMIN") if unit.loopback else needed  # to switch on a network that ends at itself
        options += ["--cap-drop", "ALL", *(option for name in needed for option in ("--cap-add", name))]
    options += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "jail"]
    for folder in ("/tmp", "/home/student"):  # before the others: the course itself may lie below one of them
        options += ["--perms", "0777", "--size", str(limits.disk_bytes), "--tmpfs", folder]
    parents = {parent for path in read_only for parent in path.parents} - {Path("/"), Path("/tmp")}
    for path in sorted(parents):  # made here, because those that bubblewrap makes for a bind are closed to others
        options += ["--dir", str(path)]
    for path in sorted(read_only):
        options += ["--ro-bind", str(path), str(path)]
    for link in ("bin", "sbin", "lib", "lib64", "lib32"):
        path = Path("/") / link
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            options += ["--ro-bind", str(path), str(path)]
    for name in ("ld.so.cache", "alternatives", "localtime", "fonts"):
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    options += ["--ro-bind", str(INMATE), "/inmate.py"]
    options += ["--proc", "/proc", "--dev", "/dev"]
    options += ["--perms", "0777", "--size", str(limits.disk_bytes), "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/"]
    for key, value in environment(unit, home="/home/student").items():
        options += ["--setenv", key, value]
    options += ["--setenv", "JAILED", "1", "--chdir", "/home/student"]
    return [str(bubblewrap()), *options, str(python), "-I", "/inmate.py", *arguments]


def seen(library: Path) -> Iterator[Path]:
    """The files of the library that are there in a jail, and what Python has compiled of them."""
    for pattern in SEEN:
        for path in library.glob(pattern):
            yield path
            yield from (path.parent / "__pycache__").glob(f"{path.stem}.{sys.implementation.cache_tag}.pyc")


def readable(content: bytes) -> int:
    """A file descriptor from which `content` can be read; it is short enough for a pipe."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


def reachable_for_others() -> bool:
    """Whether an ordinary user may read what a submission needs: not where Python was installed for root alone."""
    needed = (Path(sys.base_prefix).resolve(), Path(sys.prefix), ROOT / "autodiff_lib", Path(tempfile.gettempdir()))
    folders = {folder for path in needed for folder in (path, *path.parents)}
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def environment(unit: Unit, home: str) -> dict[str, str]:
    """All environment variables that a submission sees."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLCONFIGDIR": f"{home}/.config",
        "IPYTHONDIR": f"{home}/.ipython",
        **unit.environment,
    }


class Jail:
    """A warm jail for one unit. It serves one submission at a time, for as long as it lives."""

    def __init__(self, unit: str, limits: Limits, jailed: bool = True, worker: int = 0, whole: bool = False) -> None:
        if jailed and bubblewrap() is None:
            raise JailError(no_bubblewrap())
        self.unit, self.limits, self.jailed, self.worker = unit, limits, jailed, worker
        self.whole = whole  # whether all of the library is there, for functions of ours
        self.alone = jailed  # whether submissions have name spaces of their own
        self.refusal = ""  # why they have none
        self.turn = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.group: watch.Group | None = None
        self.folders: list[int] = []  # what the child can write to, open
        self.home: Path | None = None  # without a jail
        self.left = contextlib.ExitStack()  # what is to be removed with the jail
        self.pace = Pace()
        self.ours: Jail | None = None  # where functions of ours run that a submission is compared with
        self.first: set[int] = set()  # the processes of the jail itself
        self.state = ""
        self.ended = 0  # by the kernel, before the child
        self.greedy = False

    @property
    def uid(self) -> int:
        """Of the submission: another one than that before it and than those of other workers."""
        return FIRST_UID + UIDS * (self.worker % WORKERS) + self.turn % UIDS

    def start(self) -> None:
        """Start the warm parent and wait until it has imported everything."""
        try:
            self.launch()
        except RefusedError as error:
            if not self.alone:
                raise
            self.alone, self.refusal = False, str(error)
            self.launch()

    def launch(self) -> None:
        ours, theirs = socket.socketpair()
        program = syscalls.program(UNITS[self.unit].loopback) if self.jailed else None
        seccomp = -1 if program is None else readable(program)
        root = os.getuid() == 0 and (self.jailed or reachable_for_others())
        arguments = [str(theirs.fileno()), str(seccomp), str(self.uid if root else 0), str(int(self.alone)), room(self.unit), str(ROOT)]
        variables = None
        if self.jailed:
            arguments = command(UNITS[self.unit], self.limits, self.alone, arguments, self.whole)
        else:
            self.home = self.left.enter_context(scratch.folder("home"))
            arguments = [sys.executable, "-I", str(INMATE), *arguments]
            variables = environment(UNITS[self.unit], home=str(self.home))
        self.process = subprocess.Popen(
            arguments,
            pass_fds=[theirs.fileno(), *([] if program is None else [seccomp])],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        if program is not None:
            os.close(seccomp)
        with (
            contextlib.suppress(BrokenPipeError),
            cast(IO[bytes], self.process.stdin) as given,
        ):  # where it has ended, nobody says that it is ready
            given.write(marshal.dumps((modules(self.unit), reference(self.unit))))
        self.control = ours
        self.control.settimeout(START_SECONDS)
        if self.heard() != b"ready\n":
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            ended = self.process.poll() is not None
            problem = cast(IO[bytes], self.process.stderr).read(2000).decode(errors="replace") if ended else "it was too slow"
            self.stop()
            raise (RefusedError if ended else JailError)(f"the jail did not start: {problem.strip()}")
        self.control.settimeout(CONTROL_SECONDS)
        self.join_group()
        self.state = self.state_of_parent()
        self.first = set(watch.descendants(self.process.pid))

    def join_group(self) -> None:
        """A control group for the jail, where this host allows one."""
        if not self.jailed or self.process is None:
            return
        self.group = watch.make_group(self.process.pid, self.limits.resident_bytes, self.limits.processes)
        if self.group is not None:
            try:
                self.group.take(list(watch.descendants(self.process.pid)))
            except OSError:
                self.group.remove()
                self.group = None

    @property
    def parent(self) -> socket.socket:
        """The line to the warm parent. JailError where there is none."""
        if self.control is None:
            raise JailError("the jail is not there any more")
        return self.control

    def heard(self) -> bytes:
        """What the warm parent says, or its child at its start, which hands its folders over as well."""
        try:
            said, folders, _, _ = socket.recv_fds(self.parent, 4096, WRITABLE)
        except (OSError, TimeoutError):
            return b""
        self.folders += folders
        return said

    def stop(self) -> None:
        """End the jail with everything in it."""
        if self.ours is not None:
            self.ours.stop()
            self.ours = None
        self.close_folders()
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            if not self.jailed:  # it ends what it has started, and then itself
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(CONTROL_SECONDS)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            cast(IO[bytes], self.process.stderr).close()
        if self.group is not None:
            self.group.remove()
        self.left.close()
        self.process = self.control = self.group = self.home = None

    def close_folders(self) -> None:
        for folder in self.folders:
            os.close(folder)
        self.folders = []

    def fork(self) -> socket.socket:
        """A fresh child, as the channel to it. A dead parent is replaced first."""
        said = b""
        for _ in range(2):
            if self.process is None or self.process.poll() is not None:
                self.stop()
                self.start()
            self.turn += 1
            self.greedy = False
            self.ended = self.group.ended() if self.group is not None else 0
            ours, theirs = socket.socketpair()
            loopback = UNITS[self.unit].loopback
            order = json.dumps({"do": "fork", "limits": asdict(self.limits), "uid": self.uid, "loopback": loopback}).encode()
            try:
                socket.send_fds(self.parent, [order], [theirs.fileno()])
                said = self.heard()
            except OSError:
                said = b""
            theirs.close()
            if said == b"forked\n":
                return ours
            ours.close()
            self.stop()
        raise JailError(f"the jail does not fork children: {said.decode(errors='replace') or 'it says nothing'}")

    def clean(self, wipe: bool) -> None:
        """End what is left of the child: it had its folders for itself. Where it had no name spaces, the jail ends with it.

        Without a jail, `wipe` empties the folder that it had, at the end of a submission.
        """
        self.close_folders()
        if self.alone or not self.jailed:
            try:
                self.parent.sendall(json.dumps({"do": "clean"}).encode())
                if self.heard() == b"clean\n" and (self.alone or self.state_of_parent() == self.state):
                    if wipe and self.home is not None:
                        scratch.empty(self.home)
                    return
            except (OSError, JailError):
                pass
        self.stop()  # it did not obey, or somebody changed its limits: the next fork starts another

    def beside(self) -> Jail:
        """A jail of the same kind in which functions of ours run: what is compared there has the same walls around it."""
        if self.ours is None:
            self.ours = Jail(self.unit, self.limits, self.jailed, self.worker + WORKERS // 2, whole=True)
            self.ours.start()
        return self.ours

    def processes(self) -> set[int]:
        """Those of the submission."""
        return set() if self.process is None else set(watch.descendants(self.process.pid)) - self.first

    def state_of_parent(self) -> str:
        """What a child of the same user could change of the warm parent, where it can see it: limits, priority, processors."""
        if self.jailed or self.process is None:
            return ""
        pid = self.process.pid
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            found = [Path(f"/proc/{pid}/{name}").read_text() for name in ("limits", "oom_score_adj")]
            return str((found, fields[15:17], fields[37:39], sorted(os.sched_getaffinity(pid))))
        return ""

    def takes_too_much(self) -> bool:
        """Whether all processes in the jail together have more memory than they may, or the kernel had to end one for it."""
        if self.group is not None:
            return self.group.ended() > self.ended
        if self.process is None:
            return False
        pid, most = self.process.pid, self.limits.resident_bytes
        try:
            return watch.taken(pid, self.folders) > most and watch.taken_once(pid, self.folders) > most
        except OSError:  # the folders were closed meanwhile: the child is gone
            return False

    def end_for_memory(self) -> None:
        """From beside: what waits for the child will see that it is gone."""
        process, self.greedy = self.process, True
        if process is not None:
            for pid in [process.pid] if self.jailed else list(watch.descendants(process.pid)):  # with a jail's first, all of it ends
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def open_jail(unit: str, limits: Limits, jailed: bool = True, worker: int = 0) -> Iterator[Jail]:
    jail = Jail(unit, limits, jailed, worker)
    try:
        jail.start()
        yield jail
    finally:
        jail.stop()


# --- one submission


@dataclass(frozen=True)
class Sent:
    """An ask that is on its way to a child."""

    number: int
    length: int  # bytes
    case: Case | None = None  # that it asks, where one is asked and nothing is timed


class Session:
    """One submission in the jail: cells are run, then probes are asked. What kills the child costs only itself.

    A child that died or hung is replaced, and the cells that ran before are run again in fresh folders, without the
    one that was its end. After `limits.restarts` replacements, or once it has been waited for `limits.total_seconds`,
    nothing more is tried. What the grader does meanwhile, as judging or waiting for its own turn, is not counted; that
    it reads what came is.
    """

    def __init__(self, jail: Jail, files: dict[str, bytes]) -> None:
        self.jail, self.files, self.limits = jail, files, jail.limits
        self.restarts = 0
        self.ran: list[dict[str, Any]] = []  # requests of cells that the next child has to run again
        self.channel: socket.socket | None = None
        self.number = 0
        self.ahead = deque[Sent]()  # what is on its way, the first first
        self.held_back: tuple[Case, int, bytes] | None = None  # the next to be sent, its number and message, if it was too long to go ahead
        self.left = self.limits.total_seconds  # for which it may still be waited for
        self.watched = watch.watching(jail.takes_too_much, jail.end_for_memory)

    def __enter__(self) -> Session:
        self.watched.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.watched.__exit__(None, None, None)
        if self.channel is not None:
            self.channel.close()
        self.jail.clean(wipe=True)

    @property
    def child(self) -> socket.socket:
        """The channel to the child. JailError where there is none: `alive` comes first."""
        if self.channel is None:
            raise JailError("no child is there to be asked")
        return self.channel

    @property
    def spent(self) -> bool:
        """Whether nothing more is tried."""
        return self.restarts > self.limits.restarts or self.left <= 0

    @property
    def end(self) -> Problem:
        """Why nothing more is tried."""
        if self.restarts > self.limits.restarts:
            return Problem("killed", "the submission crashed too often")
        return Problem("timeout", f"the submission took longer than {self.limits.total_seconds:g} seconds in all")

    def alive(self) -> bool:
        """Make sure of a child that has run all cells so far; False where no more is allowed."""
        if self.channel is not None:
            return True
        if self.spent:
            return False
        self.restarts += 1
        self.channel = self.jail.fork()
        if self.files:
            arrays = [np.frombuffer(content, np.uint8) for content in self.files.values()]
            with contextlib.suppress(OSError):  # a child that is gone will be missed by the first request
                wire.send(self.channel, wire.pack({"do": "files", "names": list(self.files)}, arrays))
        for cell in list(self.ran):
            if isinstance(self.request(cell, self.limits.cell_seconds), Problem):
                self.ran.remove(cell)
                return self.alive()
        return True

    def run(self, source: str, given: bool = False) -> dict[str, Any]:
        """Run a cell: its status (`ok`, `error`, `timeout`, `memory`, `killed`, `tampered`, `skipped`) and outputs.

        `given` cells are the unit's own: the names that they bind are there while questions are asked, even if deleted.
        """
        cell = {"do": "cell", "source": source, "given": given}
        self.settle()
        if not self.alive():
            return {"status": "skipped", "outputs": [note(f"This cell was not run: {self.end.message}.")]}
        reply = self.request(cell, self.limits.cell_seconds + self.limits.grace_seconds)
        if isinstance(reply, Problem):
            return {"status": reply.kind, "outputs": [note(f"This cell ended the process: {reply.message}")]}
        outcome = checked_cell(reply, self.limits.output_bytes)
        if outcome["status"] in ("ok", "error"):
            self.ran.append(cell)
        return outcome

    def answers(self, cases: Sequence[Case], then: Sequence[Case] = ()) -> Iterator[Answer]:
        """A probe's answers in order, or the problem that kept one: `timeout`, `memory`, `killed`, `tampered`.

        Some cases are asked ahead, so that the child goes on while an answer is judged: of `then` as well, which will
        probably be wanted next. Answers that nobody takes are dropped before the next request.
        """
        while self.ahead and self.ahead[0].case is not (cases[0] if cases else None):
            self.next_answer()
        for position in range(len(cases)):
            if not self.alive():
                yield Answer(problem=self.end)
                continue
            self.send_ahead([*cases[position : position + AHEAD], *then][:AHEAD])
            yield self.next_answer()

    def send_ahead(self, cases: Sequence[Case]) -> None:
        """Ask those of the cases that are not on their way: the first at any length, the others where nobody need wait."""
        for case in cases[len(self.ahead) :]:
            number = self.number + 1
            if self.held_back is None or self.held_back[0] is not case or self.held_back[1] != number:
                self.held_back = case, number, wire.pack_ask(case.ask(), number)
            message = self.held_back[2]
            if self.ahead and sum(sent.length for sent in self.ahead) + len(message) > AHEAD_BYTES:
                return
            self.number, self.held_back = number, None
            self.ahead.append(Sent(number, len(message), case))
            self.send(message, self.limits.ask_seconds)

    def next_answer(self) -> Answer:
        """The answer to the first ask that is on its way."""
        number = self.ahead.popleft().number
        reply = self.reply(self.limits.ask_seconds)
        if isinstance(reply, Problem):
            return Answer(problem=reply)
        try:
            with self.waiting(self.limits.ask_seconds):  # a long answer is read on its own time
                return wire.unpack_answer(reply, number)
        except wire.WireError as error:
            self.lose()
            return Answer(problem=Problem("tampered", str(error)))

    def timed(self, ask: Ask) -> tuple[Answer, float]:
        """A probe's answer, and the seconds from the ask to the whole of the answer."""
        self.settle()
        if not self.alive():
            return Answer(problem=self.end), 0.0
        message = wire.pack_ask(ask, self.number + 1)
        self.number += 1
        self.ahead.append(Sent(self.number, len(message)))
        start = time.perf_counter()
        self.send(message, self.limits.ask_seconds)
        answer = self.next_answer()
        return answer, time.perf_counter() - start

    def settle(self) -> None:
        """Drop the answers that nobody took."""
        while self.ahead:
            self.next_answer()

    def request(self, header: dict[str, Any], seconds: float) -> bytearray | Problem:
        """Send a message, wait for the reply; a Problem where none comes, and the child is gone then."""
        self.number += 1
        self.send(wire.pack({**header, "number": self.number}), seconds)
        return self.reply(seconds)

    @contextlib.contextmanager
    def waiting(self, seconds: float) -> Iterator[float]:
        """Count how long it is waited for: the moment at which that ends."""
        start = time.monotonic()
        try:
            yield start + min(seconds, self.left)
        finally:
            self.left -= time.monotonic() - start

    def send(self, message: bytes, seconds: float) -> None:
        """Send a message to a child that may be gone, and may have answered before: reading will tell."""
        with self.waiting(seconds) as deadline, contextlib.suppress(wire.LateError, OSError):
            wire.send(self.child, message, deadline)

    def reply(self, seconds: float) -> bytearray | Problem:
        """The next message; a Problem where none comes, and the child is gone then."""
        allowed = min(seconds, self.left)
        try:
            with self.waiting(seconds) as deadline:
                return wire.receive(self.child, deadline, whole=deadline)
        except wire.LateError:
            problem = Problem("timeout", f"it took longer than {max(allowed, 0.0):.3g} seconds")
        except (wire.ClosedError, OSError):
            problem = Problem("killed", "the process ended")
        except wire.WireError as error:
            problem = Problem("tampered", str(error))
        if self.jail.greedy or self.jail.takes_too_much():
            problem = Problem("memory", f"its processes took more than {self.limits.resident_bytes // MiB} MiB")
        self.lose()
        return problem

    def lose(self) -> None:
        """Give this child up."""
        self.child.close()
        self.channel = None
        self.ahead.clear()
        self.jail.clean(wipe=False)


def note(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stderr", "text": text + "\n"}
