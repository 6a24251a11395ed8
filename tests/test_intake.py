"""Intake: which cells are run, which exercises they hold, and what counts as a repair."""

import os

import pytest

from autodiff_lib.checks import cells
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import solutions
from grader.submission import engine, intake

UNIT = next(iter(UNITS))
IMPORTS = {  # a cell -> the modules that may be what is missing
    "something else": ("import seaborn\nx = 1", ["seaborn"]),
    "something else beside the standard library": (
        "import os\nimport numpy as np\nfrom seaborn.palettes import husl",
        ["seaborn.palettes"],
    ),
    "a part of Python that is not everywhere": ("from msvcrt import getch", ["msvcrt"]),
    "the future": ("from __future__ import annotations", []),
    "inside of a function": ("def f():\n    import seaborn", []),
    "on a line with something else": ("x = 1; import seaborn", []),
}


def raw(*texts, cell_type="code"):
    return [{"cell_type": cell_type, "source": text, "nbgrader": {}, "id": "", "too_long": False} for text in texts]


@pytest.mark.parametrize("name", IMPORTS)
def test_what_is_missing_may_be_what_the_imports_of_a_cell_name(name):
    text, modules = IMPORTS[name]
    assert intake.with_imports_that_may_fail(text)[1] == modules


def test_an_import_that_is_allowed_to_fail_takes_nothing_along():
    text, _ = intake.with_imports_that_may_fail(
        "import os\nimport seaborn as sns\n\nx = [\n    1,\n]\nfrom nowhere import (\n    this,\n)\ny = 2"
    )
    scope = {}
    exec(text, scope)
    assert (scope["x"], scope["y"], scope["os"]) == ([1], 2, os)
    assert text.count("except ImportError") == 3


class Here:
    """Runs cells in this process, as a session in the jail does in another one."""

    def __init__(self) -> None:
        self.scope, self.texts = {}, []

    def run(self, text, given=False):
        if given:
            return {"status": "ok", "outputs": []}
        self.texts.append(text)
        try:
            exec(text, self.scope)
        except (ImportError, NameError) as error:
            return {"status": "error", "outputs": [{"ename": type(error).__name__}]}
        return {"status": "ok", "outputs": []}


RUNS = {  # cells -> how they end, how often they run, and what is listed
    "nothing is missing": (["import os\nx = 1"], ["ok"], 1, []),
    "a part of Python that is not here": (["from msvcrt import getch\nx = 1"], ["ok"], 2, ["the import of msvcrt was allowed to fail"]),
    "what is defined later is missing as well": (
        ["import nowhere_at_all\nx = later", "later = 1"],
        ["ok", "ok"],
        4,
        ["the import of nowhere_at_all was allowed to fail", "1 cells stood before what they need and were run again at the end"],
    ),
    "it is missing inside of a function": (["import os\ndef f():\n    import nowhere_at_all\nx = 1\nf()"], ["error"], 2, []),
    "many things": (
        ["\n".join(f"import nowhere_{n}" for n in range(10)) + "\nx = 1"],
        ["ok"],
        2,
        [f"the import of {', '.join(f'nowhere_{n}' for n in range(8))}, 2 more was allowed to fail"],
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_cell_runs_as_it_is_and_without_what_is_missing_only_where_an_import_fails(name):
    texts, statuses, times, listed = RUNS[name]
    session, submission = Here(), intake.Submission(UNIT, [intake.Cell(text) for text in texts])
    assert [outcome.status for outcome in engine.run_cells(session, submission)] == statuses
    assert session.texts[0] == texts[0]
    assert len(session.texts) == times
    assert session.scope["x"] == 1
    assert [repair for repair in submission.repairs if not repair.startswith("the setup cell")] == listed


@pytest.mark.parametrize("filler", ["", "  \n\n", "# a comment"])
def test_only_code_counts_towards_the_limit(filler):
    cells = [*raw(*[filler] * 3 * intake.MAX_CELLS, cell_type="markdown"), *raw(*solutions(UNIT).values())]
    assert intake.within_limits(cells, UNIT) == (cells, {})


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (["x"] * intake.MAX_CELLS, f"it stands after more than {intake.MAX_CELLS} code cells"),
        (
            ["x" * intake.MAX_SOURCE] * (intake.MAX_CODE // intake.MAX_SOURCE),
            f"it stands after more than {intake.MAX_CODE} characters of code",
        ),
    ],
    ids=["cells", "characters"],
)
def test_what_is_beyond_the_limits_waits_for_a_person(before, why):
    kept, beyond = intake.within_limits(raw(*before, solutions(UNIT)["div"]), UNIT)
    assert [cell["source"] for cell in kept] == before
    assert beyond == {"div": why}


def test_a_cell_that_is_too_long_is_known_by_what_it_is_called():
    long = {**raw("x")[0], "nbgrader": {"grade_id": "sqrt"}, "too_long": True}
    by_id = {**raw("y")[0], "id": intake_id("relu"), "too_long": True}
    _, beyond = intake.within_limits([long, by_id], UNIT)
    assert beyond == dict.fromkeys(("sqrt", "relu"), f"its cell is longer than {intake.MAX_SOURCE} characters")


def intake_id(exercise):
    return next(cell_id for cell_id, name in intake.expected_cells(UNIT)[1].items() if name == exercise)


def test_an_exercise_that_is_not_python_is_still_known_where_it_is_shown():
    broken = solutions(UNIT)["softmax"].replace("return powers", "return powers (")
    assert intake.exercises_in((broken, "def (", "div = 1"), UNIT) == [("softmax",), (), ()]


@pytest.mark.parametrize("unit", UNITS)
def test_each_exercise_is_known_by_the_pattern_of_one_kind(unit):
    known = [name for pattern in cells.patterns() for name in pattern.exercises(UNITS[unit])]
    assert sorted(known) == sorted(UNITS[unit].exercises)
    for name, text in solutions(unit).items():
        assert name in cells.exercises_in_cells([text], unit)[0]
        assert name in cells.exercises_meant(text + "\nno Python", unit)


MEANT = {
    "a signature": ('@ad.operator("matmul(a, b)")\nclass (', ("matmul",)),
    "one on another line than its name": ("ad.operator(\n  'matmul(a, b)'", ()),
    "the longer of two names": ("operator('matmul_softmax(a, b)') (", ()),
    "a function of the name": ("x (\n    def sqrt(a):", ("sqrt",)),
    "a name that begins like one": ("def sqrt_of(a", ()),
    "a name alone": ("sqrt (", ()),
}


@pytest.mark.parametrize(("text", "names"), MEANT.values(), ids=MEANT)
def test_a_cell_that_is_not_python_is_known_by_how_it_begins(text, names):
    assert cells.exercises_meant(text, UNIT) == names


def test_a_kind_brings_its_own_pattern(monkeypatch):
    assigned = cells.Pattern(
        lambda unit: unit.exercises,
        lambda code, place, names: {target.id for target in getattr(place.node, "targets", ())} & set(names),
        r"^(NAMES) =",
    )
    monkeypatch.setattr(cells, "patterns", lambda: (assigned,))
    cells.beginnings.cache_clear()
    try:
        assert cells.exercises_in_cells(["sqrt = 1", "def sqrt(): ...", "other = 1"], UNIT) == [("sqrt",), (), ()]
        assert cells.exercises_meant("sqrt = (", UNIT) == ("sqrt",)
    finally:
        cells.beginnings.cache_clear()
