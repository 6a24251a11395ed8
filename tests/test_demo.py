"""The whole way through nbgrader, as `make demo` goes it: release, submissions, autograde, feedback, scores."""

import pytest

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS
from grader.authors.catalogue import MISTAKES
from grader.authors.demo import demo
from grader.book.nbgrader_course import (
    NbgraderError,
    Row,
    database,
    filled_in,
    nbgrader,
    release,
    scores,
    solutions,
    submit,
)
from grader.units import part_of
from tests import corpora

SHOWN = corpora.units_of_today()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "course"
    demo(folder, SHOWN)
    return folder


@pytest.fixture(params=SHOWN)
def graded(request, course) -> tuple[str, dict[str, Row]]:
    return request.param, {row.student: row for row in scores(database(course), request.param)}


def worth(unit: str) -> dict[str, float]:
    """Check cell -> what its exercise is worth, also where its points come on top."""
    return {f"check_{name}": question.points for name, question in questions(unit).items()}


def lost(unit: str, row: Row) -> set[str]:
    """The check cells in which something is missing."""
    return {name for name, points in worth(unit).items() if row.points[name] < points}


def test_the_solution_earns_every_point_and_the_untouched_release_none(graded):
    unit, rows = graded
    on_top = sum(worth(unit)[f"check_{name}"] for name in UNITS[unit].extra)
    assert (rows["full-marks"].total, rows["full-marks"].max_total) == (sum(worth(unit).values()), sum(worth(unit).values()) - on_top)
    assert rows["untouched"].total == 0


def test_mistakes_cost_points_where_they_were_made(graded):
    unit, rows = graded
    row = rows["typical-mistakes"]
    assert lost(unit, row) == {f"check_{MISTAKES[name].exercise}" for name in part_of(unit, "mistakes").TYPICAL}
    assert 0 < row.total < row.max_total


def test_a_syntax_error_costs_its_own_exercise_only(graded):
    unit, rows = graded
    row = rows["syntax-error"]
    last = list(row.points)[-1]
    assert lost(unit, row) == {last}
    assert row.points[last] == 0


def test_half_done_work_keeps_the_points_of_its_half(graded):
    unit, rows = graded
    points = list(rows["half-done"].points.values())
    half = len(points) // 2
    assert points[:half] == list(worth(unit).values())[:half]
    assert sum(points[half:]) == 0


def test_every_student_gets_a_feedback_page_and_the_class_a_figure(course, graded):
    unit, rows = graded
    assert (course / f"scores_{unit}.png").stat().st_size > 10_000
    for student, row in rows.items():
        page = (course / "feedback" / student / unit / f"{UNITS[unit].stem}.html").read_text()
        assert f"Score: {row.total}" in page
    page = (course / "feedback" / "untouched" / unit / f"{UNITS[unit].stem}.html").read_text()
    assert "not done yet (0 of" in page


def test_a_broken_unit_1_costs_no_points_in_unit_2(tmp_path):
    """Follow-through: unit 2 is graded on the reference of unit 1."""
    course = corpora.empty_course(tmp_path / "course", "01_operators", "02_evaluator")
    broken = dict.fromkeys(solutions("01_operators"), "class Broken(")
    submit(course, "broken-before", "01_operators", filled_in(release(course, "01_operators"), broken))
    submit(course, "broken-before", "02_evaluator", filled_in(release(course, "02_evaluator"), solutions("02_evaluator")))
    units = ("01_operators", "02_evaluator")
    for unit in units:
        corpora.autograde(course, unit)
    totals = {unit: {row.student: row.total for row in scores(database(course), unit)}["broken-before"] for unit in units}
    assert totals == {"01_operators": 0, "02_evaluator": 13}
    page = (course / "autograded" / "broken-before" / "02_evaluator" / UNITS["02_evaluator"].notebook).read_text()
    assert "01_operators: the reference" in page


def test_a_failing_nbgrader_command_raises_with_the_end_of_its_log(tmp_path):
    with pytest.raises(NbgraderError, match="generate_assignment nothing --create failed:(.|\n)*No notebooks were matched"):
        nbgrader(tmp_path, "generate_assignment", "nothing", "--create")
