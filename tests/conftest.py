"""Fixtures that several test files share."""

import copy
from collections.abc import Iterator

import pytest

from autodiff_lib import course, graph
from grader.nbgrader_course import ROOT, solutions


@pytest.fixture
def fresh_table() -> Iterator[None]:
    """The operator table as it was before the test: what the test registers is gone afterwards."""
    before = copy.copy(graph.table)
    yield
    graph.table.clear()
    graph.table.update(before)


@pytest.fixture
def solved(fresh_table, monkeypatch):
    """All units' solutions are in the table."""
    monkeypatch.chdir(ROOT / "notebooks")
    return {unit: course.load(unit) for unit in course.UNITS}


@pytest.fixture(scope="session")
def solution_cells() -> dict[str, dict[str, str]]:
    """Unit -> exercise -> the solution cell, without markers."""
    return {unit: solutions(unit) for unit in course.UNITS}
