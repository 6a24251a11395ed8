"""The program inside the jail: a warm parent that forks one child for each submission.

The parent imports what notebooks import, then waits on its control socket. Asked to fork, it gets a
channel for the child. The child runs cells and answers probes on that channel, and belongs to the
student from the first cell on.

Alone (ALONE is 1), a child has name spaces of its own: processes, mounts with fresh folders to write to, and
kernel objects, which end with it. Then it is an ordinary user without any right, and makes no other calls than
those of the filter. It can name neither the parent nor anything that another submission has left.

It is started as `python -I inmate.py CONTROL_FD FILTER_FD UID ALONE ROOM FOLDER`, and imports nothing of the grader.
FILTER_FD is -1 where there is no filter, UID is 0 where there is no other user to be.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib.util
import json
import marshal
import os
import random
import resource
import shutil
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

HOME = Path(os.environ.get("HOME", "/home/student"))
WRITABLE = (HOME, Path("/tmp"), Path("/dev/shm"))  # in a jail
JAILED = bool(os.environ.get("JAILED"))
LIBRARIES = [f"{folder}/autodiff_lib" for folder in sys.argv[5:]]
ORDER_BYTES = 4096

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 0x40000
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 22, 24, 36, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION = 0x20080522  # of the structures that capset takes
MOST_KILLABLE = b"1000"

libc = ctypes.CDLL(None, use_errno=True)


class CellTimeoutError(BaseException):
    """Raised inside a cell that is over its time; no `except Exception` of the student's stops it."""


@dataclass(frozen=True)
class Walls:
    """What stands between a child and everything else."""

    alone: bool  # in name spaces of its own
    users: bool  # there are other users to be: the host's root has made this jail
    program: bytes  # of the filter for system calls; empty where there is none


# --- walls


def call(name: str, *arguments: Any) -> None:
    """A function of the C library. OSError, with its name, where it fails."""
    if getattr(libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(kind: str, folder: str | Path, flags: int, options: str = "") -> None:
    call("mount", kind.encode(), str(folder).encode(), kind.encode(), flags, options.encode())


def in_own_processes(action: Callable[[], None]) -> int:
    """Fork a child that is the first of its own processes: with it, all of them end. Its pid, as it is here."""
    here = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        call("unshare", CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            run_and_exit(action)
        call("setns", here, CLONE_NEWPID)
    finally:
        os.close(here)
    return pid


def run_and_exit(action: Callable[[], None]) -> None:
    """The life of a forked process: it must never come back into the code of its parent."""
    try:
        action()
    finally:
        os._exit(1)


def seclude(walls: Walls, uid: int, limits: dict[str, float], loopback: bool = False) -> None:
    """The first of some processes gets its own mounts and kernel objects, and gives up every right. OSError where it may not."""
    os.setsid()  # the parent's group, which has a number here as well, can be sent signals
    Path("/proc/self/oom_score_adj").write_bytes(MOST_KILLABLE)
    own = os.open("/proc/self", os.O_PATH)  # as long as it can be written to
    call("unshare", CLONE_NEWNS | CLONE_NEWIPC | (CLONE_NEWNET if loopback else 0))
    if loopback:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    mount("none", "/", MS_REC | MS_PRIVATE)
    owner = uid if walls.users else os.getuid()
    for folder in WRITABLE:
        cover(folder, f"size={int(limits['disk_bytes'])},nr_inodes={int(limits['disk_files'])},mode=777,uid={owner},gid={owner}")
    mount("devpts", "/dev/pts", MS_RDONLY | MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=600")
    mount("proc", "/proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if not walls.users:  # no user but one: it gets a space of users in which it owns none of these mounts
        call("unshare", CLONE_NEWUSER)
        for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {owner} 1"), ("gid_map", f"{uid} {owner} 1")):
            file = os.open(name, os.O_WRONLY, dir_fd=own)
            os.write(file, content.encode())
            os.close(file)
    os.close(own)
    give_up_rights(uid, walls.users)


def cover(folder: Path, options: str) -> None:
    """A fresh folder in memory over one that is there. What notebooks import may lie below it, and stays to be seen.

    All may write to it, since who makes folders there is not its owner; nobody else comes in.
    """
    needed = {Path(path) for path in (sys.prefix, sys.base_prefix, *LIBRARIES) if Path(path).is_relative_to(folder)}
    below = {path: os.open(path, os.O_PATH) for path in sorted(needed)}
    mount("tmpfs", folder, MS_NOSUID | MS_NODEV, options)
    for path, there in below.items():
        path.mkdir(parents=True, exist_ok=True)
        call("mount", f"/proc/self/fd/{there}".encode(), str(path).encode(), None, MS_BIND | MS_REC, None)
        os.close(there)


def give_up_rights(uid: int, users: bool) -> None:
    """Be an ordinary user without capabilities, for good."""
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:  # there are no more
            break
    if users:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    call("capset", (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)())
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def set_filter(program: bytes) -> None:
    """From here on, refuse the system calls that the program does not allow."""

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))

    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Filter(len(program) // 8, program)), 0, 0)


def try_walls(walls: Walls, uid: int) -> None:
    """See whether children may be alone here, before time is spent on anything else. OSError where they may not."""
    reading, writing = os.pipe()

    def attempt() -> None:
        try:
            seclude(walls, uid, {"disk_bytes": 4096, "disk_files": 100})
            os.write(writing, b"alone")
        except OSError as error:
            os.write(writing, str(error).encode())

    pid = in_own_processes(attempt)
    os.close(writing)
    os.waitpid(pid, 0)
    said = os.read(reading, 1000).decode(errors="replace")
    os.close(reading)
    if said != "alone":
        raise OSError(said)


# --- the parent


def drop_rights(uid: int) -> None:
    """As root, where children are not alone: own the writable folders, without a jail those of this submission; then be another user."""
    for folder in WRITABLE if JAILED else [HOME]:
        if folder.is_dir():
            os.chown(folder, uid, uid)
            os.chmod(folder, 0o700)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def import_everything(given: bytes, room: str) -> Any:
    """Warm up: what notebooks import, what the unit in this room gives, and an IPython shell without history. `given` are the
    names of more modules, and the earlier units' reference. Returns the shell."""
    gc.disable()  # nothing of what comes is garbage
    import matplotlib
    import numpy  # noqa: F401
    import torch

    matplotlib.use("module://matplotlib_inline.backend_inline")
    import matplotlib.pyplot

    import autodiff_lib.alt_text
    import autodiff_lib.checks.wire
    import autodiff_lib.course
    import autodiff_lib.figures
    import autodiff_lib.hunts
    import autodiff_lib.predictions

    modules, reference = marshal.loads(given)
    for name in (f"autodiff_lib.units.{room}.given", *modules):
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    autodiff_lib.checks.of_unit = no_checks
    autodiff_lib.checks.of_lecture = no_checks
    autodiff_lib.hunts.of_unit = NoHunt
    autodiff_lib.hunts.units_with_hunts = list[str]
    autodiff_lib.predictions.graded = lambda: True
    autodiff_lib.course.REFERENCE.update(marshal.loads(reference))
    torch.set_num_threads(1)
    shell = new_shell()
    autodiff_lib.alt_text.with_every_figure()
    gc.freeze()  # what is warm stays shared between the children
    gc.enable()
    return shell


def no_checks(notebook: str) -> Callable[..., None]:
    """The `check` of a notebook that is graded, a unit's or a lecture's: nothing is judged here."""

    def check(asked: Any = None) -> None:
        return None

    vars(check)["progress"] = check
    return check


class NoHunt:
    """The `hunt` of a notebook that is graded: there is nothing to find, whatever is asked of it."""

    def __init__(self, unit: str, seed: int | None = None) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


def serve(control: socket.socket, shell: Any, walls: Walls) -> None:
    """Fork a child for each channel that comes; end it when told to. The end of the grader is that of all."""
    control.sendall(b"ready\n")
    child = 0
    while True:
        message, fds, _, _ = socket.recv_fds(control, ORDER_BYTES, 1)
        if not message:
            break
        order = json.loads(message)
        if order["do"] == "fork":
            channel = socket.socket(fileno=fds[0])
            child = fork_child(control, channel, shell, walls, order)
            channel.close()
        else:
            end_child(child, walls)
            control.sendall(b"clean\n")
    end_child(child, walls)
    if not JAILED:
        shutil.rmtree(HOME, ignore_errors=True)


def fork_child(control: socket.socket, channel: socket.socket, shell: Any, walls: Walls, order: dict[str, Any]) -> int:
    """A child for a submission; it says itself that it is there, or what was refused to it."""

    def live() -> None:
        try:
            if walls.alone:
                seclude(walls, order["uid"], order["limits"], order["loopback"])
            folders = [os.open(folder, os.O_RDONLY) for folder in WRITABLE] if JAILED else []
            socket.send_fds(control, [b"forked\n"], folders)  # so that the grader sees how full they are
        except OSError as error:
            control.sendall(str(error).encode()[:ORDER_BYTES])
            return
        control.close()
        leave_open(channel.fileno())
        if walls.alone and (child := os.fork()):
            channel.close()
            be_first(child)
        be_child(channel, shell, order["limits"], walls.program)

    if walls.alone:
        return in_own_processes(live)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        run_and_exit(live)
    return pid


def leave_open(channel: int) -> None:
    """Close what the parent has open, but for the channel: what went into a pipe once could be read there by the next child."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, channel)
    os.closerange(channel + 1, 256)


def be_first(child: int) -> None:
    """The first of a submission's processes reaps orphans until the child has ended: with it end all others."""
    while os.wait()[0] != child:
        pass
    os._exit(0)


def end_child(child: int, walls: Walls) -> None:
    """Kill the child with everything that came of it."""
    if not walls.alone:
        kill_descendants()
    elif child:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)  # it returns when nobody is left


def kill_descendants() -> None:
    for _ in range(500):
        found = [int(name) for name in os.listdir("/proc") if name.isdigit() and is_descendant(int(name))]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        reap()
        if not found:
            break
        time.sleep(0.001)


def is_descendant(pid: int) -> bool:
    """Whether it comes from this process: the others in /proc are other people's."""
    try:
        while pid > 1:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            if pid == os.getpid():
                return True
    except (OSError, ValueError):
        pass
    return False


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


# --- the child


def be_child(channel: socket.socket, shell: Any, limits: dict[str, float], program: bytes) -> None:
    """Everything below runs with the student's code in the same process."""
    import numpy
    import torch

    from autodiff_lib.checks import probe, wire
    from autodiff_lib.checks.question import Ask

    random.seed()
    numpy.random.seed()
    torch.seed()
    HOME.mkdir(exist_ok=True)
    os.chdir(HOME)
    sys.path.append(str(HOME))  # at the end: a file of the student's shadows nothing
    restrict(limits)
    if program:
        set_filter(program)
    given: dict[str, Any] = {}  # what the unit's own cells have bound: whoever deletes a name of it gets it back
    while True:
        header, arrays = wire.unpack(wire.receive(channel))
        if header["do"] == "files":
            for name, array in zip(header["names"], arrays, strict=True):
                path = HOME / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(array.tobytes())
        elif header["do"] == "cell":
            outcome = run_cell(shell, header["source"], limits)
            if header["given"]:
                given.update({name: value for name, value in shell.user_ns.items() if not name.startswith("_")})
            wire.send(channel, wire.pack({"number": header["number"], **outcome}))
        else:
            ask = Ask(header["probe"], header["settings"], arrays)
            for name, value in given.items():
                shell.user_ns.setdefault(name, value)
            wire.send(channel, wire.pack_answer(probe.run(ask), header["number"]))


def restrict(limits: dict[str, float]) -> None:
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, limit in (
        (resource.RLIMIT_AS, mapped + limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        if kind == resource.RLIMIT_NPROC and not JAILED:
            continue  # it would count all processes of the user
        resource.setrlimit(kind, (int(limit), int(limit)))


def run_cell(shell: Any, source: str, limits: dict[str, float]) -> dict[str, Any]:
    """Run a cell as a notebook would; its outputs as nbformat has them, and how it ended."""

    def too_late(signum: int, frame: FrameType | None) -> None:
        raise CellTimeoutError(f"the cell was stopped after {limits['cell_seconds']:g} seconds")

    results, errors = results_and_errors(shell)
    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, limits["cell_seconds"])
    status = "ok"
    try:
        captured, success = run_in(shell, source)
        status = "ok" if success else "error"
    except CellTimeoutError as late:
        captured, status = None, "timeout"
        errors.append({"output_type": "error", "ename": "CellTimeoutError", "evalue": str(late), "traceback": [str(late)]})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if any(error["ename"] == "CellTimeoutError" for error in errors):
        status = "timeout"
    return {"status": status, "outputs": limited(outputs_of(captured, results) + errors, int(limits["output_bytes"]))}


# --- IPython: what is relied on here of it, and what its documentation does not promise


def new_shell() -> Any:
    """A shell that keeps no history in a file, as IPython's are, without colours."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=settings)
    vars(shell)["enable_gui"] = lambda gui=None: None  # for `%matplotlib inline`; the backend is inline already
    shell.run_cell("pass", store_history=False)
    return shell


def results_and_errors(shell: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two lists, to which from now on go what cells end in, and their tracebacks as outputs."""
    from IPython.core.displayhook import CapturingDisplayHook

    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []

    def keep_traceback(kind: type, value: BaseException, lines: list[str]) -> None:
        errors.append({"output_type": "error", "ename": kind.__name__, "evalue": str(value), "traceback": [str(line) for line in lines]})

    shell._showtraceback = keep_traceback
    shell.display_trap.hook = CapturingDisplayHook(shell=shell, outputs=results)
    return results, errors


def run_in(shell: Any, source: str) -> tuple[Any, bool]:
    """What a cell printed and displayed, its figures too, and whether it ended well."""
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        result = shell.run_cell(source, store_history=True)
        figures = sys.modules.get("matplotlib_inline.backend_inline")
        if figures is not None:
            figures.flush_figures()
    return captured, result.success


def outputs_of(captured: Any, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if captured is None:
        return []
    outputs: list[dict[str, Any]] = []
    for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr)):
        if text:
            outputs.append({"output_type": "stream", "name": name, "text": text})
    for output in captured.outputs:
        data = {key: value for key, value in output.data.items() if isinstance(value, str)}
        outputs.append({"output_type": "display_data", "data": data, "metadata": said_of_pictures(output.metadata)})
    for output in results:
        data = {key: value for key, value in output["data"].items() if isinstance(value, str)}
        outputs.append({"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}})
    return outputs


def said_of_pictures(metadata: Any) -> dict[str, Any]:
    """Of an output's metadata, which may hold anything, the words for its picture."""
    match metadata:
        case {"image/png": {"alt": str(said)}}:
            return {"image/png": {"alt": said}}
    return {}


def limited(outputs: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """As many outputs as fit; long text is cut in the middle of nowhere, and says so."""
    kept, left = [], limit
    for output in outputs:
        if output["output_type"] == "stream" and len(output["text"]) > left:
            output = {**output, "text": output["text"][: max(0, left)] + "\n[output cut off]\n"}
        size = len(json.dumps(output))
        if size > left + 1000:
            kept.append({"output_type": "stream", "name": "stdout", "text": "[output cut off]\n"})
            break
        kept.append(output)
        left -= size
    return kept


def main() -> None:
    control, filter_, uid, alone, room, *paths = sys.argv[1:]
    program = b""
    if int(filter_) >= 0:
        with open(int(filter_), "rb") as file:
            program = file.read()
    walls = Walls(alone == "1", int(uid) > 0, program)
    if walls.alone:
        try:
            try_walls(walls, int(uid) or 1)
        except OSError as error:
            sys.exit(f"submissions may have no name spaces of their own here ({error})")
        if walls.users:  # so that what an ordinary user may not read here fails now, and not in a submission
            os.setgroups([])
            os.setegid(int(uid))
            os.seteuid(int(uid))
    elif walls.users:
        drop_rights(int(uid))
    sys.path.extend(paths)  # where autodiff_lib lies
    shell = import_everything(sys.stdin.buffer.read(), room)
    if walls.alone and walls.users:
        os.seteuid(0)
        os.setegid(0)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no child may trace or read its parent
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of a child are found below it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(socket.socket(fileno=int(control)), shell, walls)


if __name__ == "__main__":
    main()
