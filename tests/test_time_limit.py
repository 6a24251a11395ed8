"""Code without an end, under a check: it ends as a verdict, whatever it catches, and by whichever way the system has."""

import contextlib
import signal
import threading
import time

import pytest

from autodiff_lib.checks import time_limit
from autodiff_lib.checks.time_limit import TimeUpError, limited

SHORT = 0.2  # seconds
WAYS = [time_limit.by_watcher, *([time_limit.by_alarm] if hasattr(signal, "setitimer") else [])]


def spins():
    while True:
        pass


def spins_and_catches():
    while True:
        with contextlib.suppress(Exception):
            spins()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", [spins, spins_and_catches])
def test_a_loop_without_end_is_left(way, code):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TimeUpError), way(SHORT):
        code()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("way", WAYS)
def test_what_swallows_the_first_interrupt_gets_another(way, monkeypatch):
    monkeypatch.setattr(time_limit, "AGAIN", SHORT)
    swallowed = []

    def swallows():
        try:
            spins()
        except BaseException as error:  # noqa: BLE001 - what students write
            swallowed.append(type(error))
        spins()

    with pytest.raises(TimeUpError), way(SHORT):
        swallows()
    assert swallowed == [TimeUpError]


@pytest.mark.parametrize("way", WAYS)
def test_a_student_can_still_interrupt(way):
    def interrupted():
        signal.raise_signal(signal.SIGINT)
        spins()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may ignore it
    try:
        with pytest.raises(KeyboardInterrupt), way(600):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_in_time_is_left_alone_afterwards_too(way):
    with way(SHORT):
        found = 1 + 1
    time.sleep(2 * SHORT)
    assert found == 2


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
def test_the_timer_of_somebody_else_goes_on():
    before = signal.setitimer(signal.ITIMER_REAL, 600)
    try:
        with limited(SHORT):
            pass
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 600
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)


def test_in_another_thread_there_is_no_limit_and_no_error():
    found = []

    def work():
        with limited(SHORT):
            found.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == ["done"]
