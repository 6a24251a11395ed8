"""When nobody need look for circles of references: while much is made of which nothing is garbage, and when a process ends."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector(closed: bool = True) -> Iterator[None]:
    """While open, Python's collector of garbage does not run; with `closed=False` all is as ever."""
    before = gc.isenabled()
    if closed:
        gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


atexit.register(gc.freeze)
"""At its end Python looks through all that there is once more: with torch that is a fifth of the time that a short command takes,
and the system takes the memory back as it is."""
