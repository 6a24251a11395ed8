"""Python's collector of garbage rests where it is told to, and is found as it was."""

import gc
import subprocess
import sys
from contextlib import suppress

import pytest

from autodiff_lib.garbage import no_collector
from grader.book.nbgrader_course import ROOT


@pytest.fixture(autouse=True)
def as_it_was():
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_the_collector_is_afterwards_what_it_was_also_when_something_fails(before, closed):
    (gc.enable if before else gc.disable)()
    with suppress(ZeroDivisionError), no_collector(closed):
        assert gc.isenabled() == (before and not closed)
        raise ZeroDivisionError
    assert gc.isenabled() == before


def test_at_the_end_of_a_process_nobody_looks_through_what_the_library_has_imported():
    code = """
        import atexit, gc
        atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 100_000))
        import autodiff_lib
        print(gc.isenabled(), gc.get_freeze_count())
    """
    words = [sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines())]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["True 0", "True True"]
