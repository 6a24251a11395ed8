"""Fixtures that several test files share."""

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from autodiff_lib import course, registry
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, solutions
from grader.classes import batch
from grader.submission import engine
from tests import corpora

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # once torch has differentiated beside a GPU, no process can be forked that does so as well

# The same examples each time, so that the tests fail for a change and not for a day; others, and more of them, with CORPORA=all.
settings.register_profile("same each time", derandomize=not corpora.everything())
settings.load_profile("same each time")


FIRST = (
    "test_grader_command.py",
    "test_rooms.py",
    "test_whole_way.py",
    "test_catalogue.py",
    "test_workers.py",
    "test_regrade.py",
    "tests/units/",
)
"""What takes long, so that none of it is left to one worker in the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, file by file."""
    items.sort(key=lambda item: next((place for place, name in enumerate(FIRST) if name in item.nodeid), len(FIRST)))


def pytest_report_header() -> str:
    return "the corpora: all" if corpora.everything() else f"the corpora: the share of CORPORA_DAY={corpora.DAY}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails while a browser is open leaves pictures of what there was to see."""
    report = yield
    if report.failed and "grader.authors.in_browser" in sys.modules:
        sys.modules["grader.authors.in_browser"].photograph()
    return report


@pytest.fixture(scope="session", autouse=True)
def warm_jails() -> Iterator[None]:
    """Batches are graded in jails that stay warm, and what is timed is fast: of a machine that tests share nobody could say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "open_jail", corpora.open_kept)
        patch.setattr(engine, "in_turns", corpora.fast)
        yield
    corpora.end_kept()


@pytest.fixture
def fresh_table() -> Iterator[None]:
    """The operator table as it was before the test: what the test registers is gone afterwards."""
    with registry.restored():
        yield


@pytest.fixture(scope="session")
def loaded() -> tuple[dict[str, ModuleType], dict[str, object]]:
    """All units' solutions, loaded once, and the table as it is then; the table itself stays unwritten."""
    folder = Path.cwd()
    os.chdir(ROOT / "notebooks")
    with registry.restored() as table:
        modules = {unit: course.load(unit) for unit in UNITS}
        after = dict(table)
    os.chdir(folder)
    return modules, after


@pytest.fixture
def solved(fresh_table, loaded) -> dict[str, ModuleType]:
    """All units' solutions are in the table."""
    modules, table = loaded
    registry.put(table)  # and the methods into their classes
    return modules


@pytest.fixture(scope="session")
def solution_cells() -> dict[str, dict[str, str]]:
    """Unit -> exercise -> the solution cell, without markers."""
    return {unit: solutions(unit) for unit in UNITS}
