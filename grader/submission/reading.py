"""Submissions are read in a process of their own, within limits on time and memory: whoever wrote them may want a flood.

No code of a student's runs there. The process is forked from the warm one, reads one submission after the other, and
answers in JSON, of which only the form of `intake.Submission` is taken. One that exceeds a limit is replaced.
"""

from __future__ import annotations

import gc
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from ..book.nbgrader_course import ROOT
from . import intake, plain
from .limits import Limits, MiB
from .submitted import Submitted, look

MAX_ANSWER = 64 * MiB  # bytes: what remains of a submission once its outputs are dropped
PATIENCE = 3  # seconds of the clock for each of the processor's: a host has other things to do
LARGE = 4 * MiB  # bytes of a submission after which the process is replaced
FAILED, NO_MEMORY = 1, 3  # exit codes


class Reader:
    """The process that reads. It is started for the first submission, and serves until `stop`."""

    def __init__(self, unit: str, limits: Limits) -> None:
        self.unit, self.limits = unit, limits
        self.pid = 0
        self.channel: Connection | None = None

    def start(self) -> Connection:
        intake.read(look(ROOT / "release" / self.unit), self.unit)  # what is remembered of the release, every process has from here
        ours, theirs = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            serve(theirs, self.unit, self.limits)
        theirs.close()
        self.channel = ours
        return ours

    def stop(self) -> int:
        """End the process, whatever it does. Returns its exit code: where it had ended before, its own."""
        if self.channel is None:
            return 0
        self.channel.close()
        self.channel = None
        os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def read(self, submitted: Submitted) -> intake.Submission:
        """The submission; its `problem` says so where it is too much for the limits. Never raises for what is in it."""
        channel = self.channel or self.start()
        try:
            channel.send(submitted)
            if not channel.poll(PATIENCE * self.limits.reading_seconds):
                self.stop()
                return intake.Submission(
                    self.unit, problem=f"reading it took longer than {PATIENCE * self.limits.reading_seconds:g} seconds"
                )
            submission = plain.loads(intake.Submission, channel.recv_bytes(MAX_ANSWER))
        except (EOFError, OSError, plain.FormError) as error:
            return intake.Submission(self.unit, problem=self.end_of(error))
        if sum(len(content) for content in submitted.files.values() if isinstance(content, bytes)) > LARGE:
            self.stop()  # what is left of it in memory would count against the next
        return submission

    def end_of(self, error: Exception) -> str:
        """Why there is no answer; the next submission gets another process."""
        code = self.stop()
        if code == NO_MEMORY:
            return f"reading it took more than {self.limits.reading_bytes // MiB} MiB of memory"
        if code == -signal.SIGXCPU:
            return f"reading it took more than {self.limits.reading_seconds:g} seconds of processor time"
        if isinstance(error, EOFError | ConnectionError):
            return f"the process that read it ended by itself (exit code {code}); what it printed says why"
        return f"it is more than {MAX_ANSWER // MiB} MiB without its outputs" if isinstance(error, OSError) else str(error)


@contextmanager
def open_reader(unit: str, limits: Limits) -> Iterator[Reader]:
    reader = Reader(unit, limits)
    try:
        yield reader
    finally:
        reader.stop()


# --- in the process that reads


def serve(channel: Connection, unit: str, limits: Limits) -> NoReturn:
    """Read until nobody asks any more. A traceback is printed, and the one who asked told by the exit code."""
    code = FAILED
    try:
        confine(limits)
        while True:
            submitted = channel.recv()
            limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + limits.reading_seconds))
            channel.send_bytes(plain.dumps(intake.read(submitted, unit)).encode())
    except (EOFError, ConnectionError):
        code = 0
    except MemoryError:
        code = NO_MEMORY
    finally:
        if code == FAILED:
            sys.excepthook(*sys.exc_info())
        os._exit(code)  # nothing that the process from which this one was forked has prepared for its own end


def confine(limits: Limits) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what was there before is never looked at again, so that it stays shared
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.reading_bytes)
    limit(resource.RLIMIT_CORE, 0)


def limit(what: int, amount: int) -> None:
    _, most = resource.getrlimit(what)
    resource.setrlimit(what, (amount if most == resource.RLIM_INFINITY else min(amount, most), most))
