"""How long the judge may take over a submission: an answer that is slow to look through stops nobody else's grading.

Time that a submission itself takes has limits of its own, in its jail, and is not counted here.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

SECONDS = 120.0  # for all answers of a submission; honest ones take a tenth of a second, and training takes a few


class ImpatienceError(BaseException):
    """Raised in the judge's code. No `Exception`: the boundary around a judge that fails lets it pass."""


@contextmanager
def patience(seconds: float = SECONDS) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """While open, the main thread may take so long, without the time in which it is `waiting`; then ImpatienceError is raised in it.

    In another thread than the main one there is no limit: nothing can be interrupted there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield nullcontext
        return

    def ring(number: int, frame: object) -> None:
        raise ImpatienceError

    @contextmanager
    def waiting() -> Iterator[None]:
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield waiting
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
