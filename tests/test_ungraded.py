"""What is tried and not graded: a lecture's check says what is wrong on the smallest case, and is worth no points."""

import re
from importlib import import_module
from pkgutil import iter_modules

import nbformat
import numpy as np
import pytest

from autodiff_lib import checks, lectures, registry
from autodiff_lib.units import UNITS
from grader.authors import authoring, handout

ASKING = [module.name for module in iter_modules(lectures.__path__)]


def unwritten(x):
    raise NotImplementedError("slope is not done yet")


def named(name, function):
    function.__name__ = name
    return function


def said(lecture, name, function):
    return repr(checks.of_lecture(lecture)(named(name, function)))


@pytest.mark.parametrize(
    ("written", "start"),
    [
        (unwritten, "○ slope: not done yet\n"),
        (lambda x: 3 * x**2 - 2, "✓ slope: right\n  ✓ value: all 3 cases"),
        (lambda x: 3 * x**2, "✗ slope: not right yet\n  ✗ value: 0 of 3 cases\n      Smallest failing case: [], float64."),
        (
            lambda x: x.no,
            "✗ slope: not right yet\n  ✗ value: 0 of 3 cases\n      Smallest failing case: [], float64.\n      your code raised",
        ),
        (lambda x: None, "✗ slope: not right yet"),
    ],
    ids=["unwritten", "right", "wrong", "error", "nothing"],
)
def test_a_lectures_check_says_of_a_function_how_it_stands_and_nothing_of_points(written, start):
    report = said("00_warm_up", "slope", written)
    assert report.startswith(start)
    assert "point" not in report
    assert "0 of 0" not in report


def test_a_report_is_html_in_a_notebook_and_the_same_sentences_elsewhere():
    report = checks.of_lecture("00_warm_up")(named("slope", lambda x: 3 * x**2))
    page = report._repr_html_()
    assert "slope: not right yet" in page
    assert "yours []" in page
    assert "expected []" in page
    assert "point" not in page


def test_a_function_by_another_name_is_not_taken_for_the_one_that_is_asked_for():
    with pytest.raises(KeyError, match="the lecture 00_warm_up asks for no 'f'; it asks for slope, by that name"):
        said("00_warm_up", "f", lambda x: x)


@pytest.mark.parametrize("lecture", ["x_warm_up", "warm_up", "04_nowhere", ""])
def test_a_lecture_that_asks_nothing_is_named_with_those_that_ask(lecture):
    with pytest.raises(ValueError, match=f"^the lecture '{lecture}' asks for nothing; these ask: 00_warm_up, 02_broadcasting$"):
        checks.of_lecture(lecture)


@pytest.mark.parametrize(("given", "got"), [("unbroadcast", "str 'unbroadcast'"), ("slope", "str 'slope'"), (2.5, "2.5"), (None, "None")])
def test_who_gives_a_name_or_a_value_is_told_to_give_the_function_itself(given, got):
    with pytest.raises(TypeError, match=rf"{got}.*: give the function itself, check\(unbroadcast\)"):
        checks.of_lecture("02_broadcasting")(given)


def test_a_lectures_check_leaves_the_table_as_it_was():
    before = dict(registry.table)
    said("00_warm_up", "slope", lambda x: x)
    assert registry.table == before


@pytest.mark.parametrize("module", ASKING)
def test_what_a_lecture_asks_for_stands_in_it_unwritten_with_its_check_and_is_worth_no_points(module):
    asked = import_module(f"autodiff_lib.lectures.{module}")
    (path,) = [path for path in authoring.lectures() if path.stem == asked.LECTURE]
    code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert f'check = checks.of_lecture("{asked.LECTURE}")' in code
    for question in asked.questions():
        assert f"check({question.name})" in code
        assert re.search(
            rf'def {question.name}\(.*\):\n    """.*"""\n    raise NotImplementedError\("{question.name} is not done yet"\)', code
        )
        assert question.points == 0
        assert question.unit == asked.LECTURE


def test_the_warm_up_comes_before_everything_and_takes_ten_minutes():
    assert UNITS["01_operators"].lectures[0] == "00_warm_up"
    first = next(handout.plan([*UNITS]))
    assert "notebooks/00_warm_up.ipynb" in first
    assert "ten minutes" in first


# --- unbroadcast, at the end of the lecture on broadcasting


def right(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    for axis, size in enumerate(shape):
        grad = grad.sum(dim=axis, keepdim=True) if size == 1 else grad
    return grad


def by_sum_to_size(grad, shape):
    return grad.sum_to_size(shape)


def sum_over_no_axes(grad, shape):
    grad = grad.sum(dim=tuple(range(grad.ndim - len(shape))))
    return right(grad, shape)


def without_keepdim(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    return grad.sum(dim=[axis for axis, size in enumerate(shape) if size == 1]) if 1 in shape else grad


def extra_axes_behind(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(dim=-1)
    return right(grad, shape)


def by_reshape(grad, shape):
    return grad.reshape(-1)[: max(1, int(np.prod(shape)))].reshape(shape)


def in_place(grad, shape):
    summed = right(grad, shape).clone()
    grad.zero_()
    return summed


@pytest.mark.parametrize("written", [right, by_sum_to_size], ids=lambda one: one.__name__)
def test_unbroadcast_is_right_however_it_is_written(written):
    assert said("02_broadcasting", "unbroadcast", written) == "✓ unbroadcast: right\n  ✓ shapes and sums: all 15 cases"


@pytest.mark.parametrize(
    ("written", "case", "sentence"),
    [
        (lambda grad, shape: grad, "[3], shape=()", "shape [3], expected []"),
        (sum_over_no_axes, "[3], shape=(3,)", "shape [], expected [3]"),
        (without_keepdim, "[3], shape=(1,)", "The numbers are right, their shape is not: shape [], expected [1]."),
        (extra_axes_behind, "[2, 3], shape=(3,)", "shape [2], expected [3]"),
        (by_reshape, "[3], shape=()", "The value is wrong."),
        (in_place, "[3], shape=(3,)", "Argument 1 was changed."),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_wrong_unbroadcast_is_shown_on_the_smallest_stretch_on_which_it_is(written, case, sentence):
    report = said("02_broadcasting", "unbroadcast", written)
    assert report.startswith("✗ unbroadcast: not right yet")
    assert f"Smallest failing case: {case}, float64." in report
    assert sentence in report


def test_what_all_failing_stretches_have_in_common_is_said():
    def stretched_axes_alone(grad, shape):
        return right(grad, (1,) * (grad.ndim - len(shape)) + tuple(shape))

    report = said("02_broadcasting", "unbroadcast", stretched_axes_alone)
    assert "What fails has axes missing in front 1 or 2; what passes has 0." in report
