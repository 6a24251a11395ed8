"""The program inside the jail: a warm parent that forks one child for each submission.

The parent imports what notebooks import, then waits on its control socket. Asked to fork, it gets a
channel for the child. The child runs cells and answers probes on that channel, and belongs to the
student from the first cell on. Asked to end, the parent kills whatever is left and wipes the writable folders.

It is started as `python -I inmate.py CONTROL_FD UID FOLDER`, and imports nothing of the grader.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import marshal
import os
import random
import resource
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

HOME = Path(os.environ.get("HOME", "/home/student"))
WIPED = (HOME, Path("/tmp"), Path("/dev/shm"))
PR_SET_DUMPABLE = 4


class CellTimeoutError(BaseException):
    """Raised inside a cell that is over its time; no `except Exception` of the student's stops it."""


def drop_rights(uid: int) -> None:
    """As root: own the writable folders, without a jail those of this submission alone; then be an ordinary user for good."""
    for folder in WIPED if os.environ.get("JAILED") else [HOME]:
        if folder.is_dir():
            os.chown(folder, uid, uid)
            os.chmod(folder, 0o700)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def import_everything(reference: bytes) -> Any:
    """Warm up: what notebooks import, the earlier units' reference, and an IPython shell without history. Returns the shell."""
    sys.modules["rfc3987_syntax"] = None  # jsonschema would spend a second on its grammar, which no notebook's schema needs
    import matplotlib
    import numpy  # noqa: F401
    import torch

    matplotlib.use("module://matplotlib_inline.backend_inline")
    import matplotlib.pyplot
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    import autodiff_lib.checks.evaluator
    import autodiff_lib.checks.wire
    import autodiff_lib.course
    import autodiff_lib.figures

    autodiff_lib.course.REFERENCE.update(marshal.loads(reference))
    torch.set_num_threads(1)
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=settings)
    shell.enable_gui = lambda gui=None: None  # for `%matplotlib inline`; the backend is inline already
    shell.run_cell("pass", store_history=False)
    gc.freeze()  # what is warm stays shared between the children
    return shell


# --- the parent


def serve(control: socket.socket, shell: Any) -> None:
    """Fork a child for each channel that comes; clean up after it when told to."""
    control.sendall(b"ready\n")
    while True:
        message, fds, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        order = json.loads(message)
        if order["do"] == "fork":
            pid = os.fork()
            if pid == 0:
                control.close()
                be_child(socket.socket(fileno=fds[0]), shell, order["limits"])
                os._exit(0)
            os.close(fds[0])
            control.sendall(b"forked\n")
        else:
            clean_up(everything=order["wipe"])
            control.sendall(b"clean\n")


def clean_up(everything: bool) -> None:
    """Kill every other process of the jail, and empty the folders that can be written to."""
    for _ in range(500):
        others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
        others = [pid for pid in others if os.environ.get("JAILED") or is_descendant(pid)]
        for pid in others:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        reap()
        if not others:
            break
        time.sleep(0.001)
    if everything and os.environ.get("JAILED"):
        for folder in WIPED:
            for path in folder.iterdir() if folder.is_dir() else ():
                with contextlib.suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def is_descendant(pid: int) -> bool:
    """Without a jail there are other people's processes in /proc: only our own children are ours to kill."""
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


def be_child(channel: socket.socket, shell: Any, limits: dict[str, float]) -> None:
    """Everything below runs with the student's code in the same process."""
    import numpy
    import torch

    from autodiff_lib.checks import probe, wire
    from autodiff_lib.checks.question import Ask

    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    random.seed()
    numpy.random.seed()
    torch.seed()
    HOME.mkdir(exist_ok=True)
    os.chdir(HOME)
    sys.path.append(str(HOME))  # at the end: a file of the student's shadows nothing
    restrict(limits)
    while True:
        header, arrays = wire.unpack(wire.receive(channel))
        if header["do"] == "files":
            for name, array in zip(header["names"], arrays, strict=True):
                path = HOME / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(array.tobytes())
        elif header["do"] == "cell":
            outcome = run_cell(shell, header["source"], limits)
            wire.send(channel, wire.pack({"number": header["number"], **outcome}))
        else:
            ask = Ask(header["probe"], header["settings"], arrays)
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
    ):
        if kind == resource.RLIMIT_NPROC and not os.environ.get("JAILED"):
            continue  # it would count all processes of the user
        resource.setrlimit(kind, (int(limit), int(limit)))


def run_cell(shell: Any, source: str, limits: dict[str, float]) -> dict[str, Any]:
    """Run a cell as a notebook would; its outputs as nbformat has them, and how it ended."""
    from IPython.core.displayhook import CapturingDisplayHook
    from IPython.utils.capture import capture_output

    errors: list[dict[str, Any]] = []

    def keep_traceback(kind: type, value: BaseException, lines: list[str]) -> None:
        errors.append({"output_type": "error", "ename": kind.__name__, "evalue": str(value), "traceback": [str(line) for line in lines]})

    def too_late(signum: int, frame: FrameType | None) -> None:
        raise CellTimeoutError(f"the cell was stopped after {limits['cell_seconds']:g} seconds")

    results: list[dict[str, Any]] = []
    shell._showtraceback = keep_traceback
    shell.display_trap.hook = CapturingDisplayHook(shell=shell, outputs=results)
    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, limits["cell_seconds"])
    status = "ok"
    try:
        with capture_output() as captured:
            result = shell.run_cell(source, store_history=True)
            figures = sys.modules.get("matplotlib_inline.backend_inline")
            if figures is not None:
                figures.flush_figures()
        status = "ok" if result.success else "error"
    except CellTimeoutError as late:
        captured, status = None, "timeout"
        errors.append({"output_type": "error", "ename": "CellTimeoutError", "evalue": str(late), "traceback": [str(late)]})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if any(error["ename"] == "CellTimeoutError" for error in errors):
        status = "timeout"
    return {"status": status, "outputs": limited(outputs_of(captured, results) + errors, int(limits["output_bytes"]))}


def outputs_of(captured: Any, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if captured is None:
        return []
    outputs: list[dict[str, Any]] = []
    for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr)):
        if text:
            outputs.append({"output_type": "stream", "name": name, "text": text})
    for output in captured.outputs:
        data = {key: value for key, value in output.data.items() if isinstance(value, str)}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    for output in results:
        data = {key: value for key, value in output["data"].items() if isinstance(value, str)}
        outputs.append({"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}})
    return outputs


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
    control = socket.socket(fileno=int(sys.argv[1]))
    uid = int(sys.argv[2])
    if uid and os.getuid() == 0:
        drop_rights(uid)
    sys.path.extend(sys.argv[3:])  # where autodiff_lib lies
    given = sys.stdin.buffer.read()
    libc = ctypes.CDLL(None)
    shell = import_everything(given)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no child may trace or read its parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(control, shell)


if __name__ == "__main__":
    main()
