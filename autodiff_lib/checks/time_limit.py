"""A time limit for the student's code while a check runs: a loop without end ends as a verdict, and the kernel goes on.

Only the notebook's checks have it. Grading has limits of its own, outside of the student's process.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any

from . import probe
from .judge import Answers
from .question import Answer, Ask, Problem

SECONDS = 5.0  # for one case; an honest answer takes hundredths of a second
SECONDS_AFTERWARDS = 1.0  # for each case of a question, once one has taken too long
AGAIN = 1.0  # seconds until code that catches everything, or was not in Python just then, is interrupted again


class TimeUpError(BaseException):
    """Raised in the student's code. No `Exception`, so that a loop with an `except Exception` ends too."""


def answers_within(seconds: float = SECONDS) -> Answers:
    """Like `probe.answers`, for all parts of one question: a case that takes longer than `seconds` has a problem instead of an answer."""
    allowed = seconds

    def asked(ask: Ask) -> tuple[Answer, float]:
        nonlocal allowed
        mine = allowed
        try:
            with limited(mine):
                return probe.timed(ask)
        except TimeUpError as error:
            allowed = min(allowed, SECONDS_AFTERWARDS)
            return Answer(problem=Problem("timeout", f"{whose(error)} had not finished after {mine:g} s{line_of(error)}")), mine

    return partial(probe.answers, asked=asked)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """While open, the main thread's code may take so long; then TimeUpError is raised in it, and again until it ends.

    An interrupt by the student stays what it is. In another thread than the main one there is no limit: nothing can be
    interrupted there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with by_alarm(seconds) if hasattr(signal, "setitimer") else by_watcher(seconds):
        yield


@contextlib.contextmanager
def by_alarm(seconds: float) -> Iterator[None]:
    """By the system's timer, which interrupts what waits as well, as `time.sleep` does."""
    running, theirs, interval, start = True, 0.0, 0.0, time.monotonic()

    def ring(number: int, frame: FrameType | None) -> None:
        if running:
            raise TimeUpError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        theirs, interval = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
        yield
    finally:
        running = False  # what rings from here on is not heard
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs:  # somebody else's timer goes on
            signal.setitimer(signal.ITIMER_REAL, max(theirs - (time.monotonic() - start), 0.001), interval)


@contextlib.contextmanager
def by_watcher(seconds: float) -> Iterator[None]:
    """Where there is no such timer (Windows): a thread that interrupts the main one, as the button of the notebook does.

    What waits in the system, as `time.sleep` does, is interrupted when it comes back from there.
    """
    running, over, one_at_a_time = True, threading.Event(), threading.Lock()
    rung = 0

    def interrupted(number: int, frame: FrameType | None) -> Any:
        nonlocal rung
        if not rung:  # by the student
            return before(number, frame) if callable(before) else None
        rung -= 1
        if running:
            raise TimeUpError
        return None

    def watch() -> None:
        nonlocal rung
        wait = seconds
        while not over.wait(wait):
            with one_at_a_time:
                if running:
                    rung += 1
                    _thread.interrupt_main()
            wait = AGAIN

    before = signal.signal(signal.SIGINT, interrupted)
    watcher = threading.Thread(target=watch, daemon=True)
    try:
        watcher.start()
        yield
    finally:
        running = False
        over.set()
        watcher.join()
        signal.signal(signal.SIGINT, before)


def whose(error: TimeUpError) -> str:
    """The function of the student's that did not come back: the outermost one."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__) if probe.is_of_student(frame.f_code, frame.f_lineno))
    function = next((frame.f_code.co_name for frame in frames), "")
    return f"your {function}" if function.isidentifier() else "your code"


def line_of(error: TimeUpError) -> str:
    where = probe.own_line(error)
    return f"; it was in {where}" if where else ""
