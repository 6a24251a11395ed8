"""Commands of a repository as `python -m` runs them there, but that what they import has been imported already.

Importing the grader takes three seconds, which is most of what a command takes. So a Python imports it once, in the
repository's folder, and each command runs in a fork of it. This file is also the program of that Python.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

Run = Callable[..., subprocess.CompletedProcess[str]]


@contextmanager
def commands(folder: Path) -> Iterator[Run]:
    """A function that runs a module with its arguments in this repository: `run("grader", "doctor")`."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    program = [sys.executable, str(Path(__file__).resolve())]
    with (
        TemporaryDirectory() as written,
        subprocess.Popen(program, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        outputs = [Path(written, name) for name in ("stdout", "stderr")]

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps([words, *map(str, outputs)]) + "\n")
            server.stdin.flush()
            code = server.stdout.readline()
            assert code, f"the Python that runs commands in {folder} has ended; what it said is above"
            return subprocess.CompletedProcess(words, int(code), *(path.read_text() for path in outputs))

        yield run


def serve() -> None:
    """Fork for each line that comes, and write the exit code. A fork goes on as if this program had been its command from the start."""
    sys.path[0] = os.getcwd()
    import grader.__main__  # noqa: F401

    for line in sys.stdin:
        words, *outputs = json.loads(line)
        if os.fork() == 0:
            for number, path in enumerate(["/dev/null", *outputs]):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
            sys.argv = list(words)
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
            return
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)


if __name__ == "__main__":
    serve()
