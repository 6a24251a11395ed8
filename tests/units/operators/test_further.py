"""`logsumexp`, which is asked for and not graded: right ways pass, each wrong one is caught, and no grade knows of it."""

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import checks
from autodiff_lib.units import UNITS
from autodiff_lib.units.operators import further
from grader.book.nbgrader_course import source

UNIT = "01_operators"
check = checks.of_unit(UNIT)


def shifted(node, inputs):
    (a,) = inputs
    largest = a.amax(node.dim, keepdim=True)
    return (largest + torch.log(torch.exp(a - largest).sum(node.dim, keepdim=True))).squeeze(node.dim)


def at_its_word(node, inputs):
    return torch.log(torch.exp(inputs[0]).sum(node.dim))


def one_maximum(node, inputs):
    largest = inputs[0].max()
    return largest + torch.log(torch.exp(inputs[0] - largest).sum(node.dim))


def not_put_back(node, inputs):
    return torch.log(torch.exp(inputs[0] - inputs[0].amax(node.dim, keepdim=True)).sum(node.dim))


def borrowed(node, inputs):
    return torch.logsumexp(inputs[0], node.dim)


def by_softmax(node, g):
    (a,) = node.inputs
    return [ad.softmax(a, node.dim) * ad.expand_as(g, a, dim=node.dim)]


def by_node(node, g):
    (a,) = node.inputs
    return [ad.exp(a - ad.expand_as(node, a, dim=node.dim)) * ad.expand_as(g, a, dim=node.dim)]


def overflowing(node, g):
    (a,) = node.inputs
    return [ad.exp(a) / ad.expand_as(ad.exp(node), a, dim=node.dim) * ad.expand_as(g, a, dim=node.dim)]


def without_upstream(node, g):
    return [ad.softmax(node.inputs[0], node.dim)]


def write(compute=shifted, gradient=by_softmax):
    methods = {"compute": lambda self, *given: compute(*given), "gradient": lambda self, *given: gradient(*given)}
    ad.operator(UNITS[UNIT].further[0])(type("Mine", (ad.Op,), methods))
    return repr(check("logsumexp"))


def test_until_it_is_written_it_is_not_done_yet(fresh_table):
    assert repr(check("logsumexp")).startswith("○ logsumexp: not done yet\n")


@pytest.mark.parametrize("gradient", [by_softmax, by_node], ids=lambda one: one.__name__)
def test_each_way_to_write_the_gradient_is_right(fresh_table, gradient):
    assert write(gradient=gradient) == "✓ logsumexp: right\n  ✓ compute: all 10 cases\n  ✓ gradient: all 10 cases"


def test_the_solution_in_the_source_is_right(solved):
    assert repr(check("logsumexp")).startswith("✓ logsumexp: right\n")


@pytest.mark.parametrize(
    ("compute", "case", "sentence"),
    [
        (at_its_word, "[2, 3], dim=1, values up to ±1000, float64", "are inf"),
        (one_maximum, "[3, 3], dim=0, values up to ±1000, float64", ""),
        (not_put_back, "[3], dim=0, float64", ""),
        (borrowed, "[3], dim=0, float64", "torch's own logsumexp is not to be used here"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_wrong_value_is_shown_on_its_smallest_case(fresh_table, compute, case, sentence):
    report = write(compute=compute)
    assert report.startswith("✗ logsumexp: not right yet\n  ✗ compute: ")
    assert case in report
    assert sentence in report
    assert "✓ gradient: all 10 cases" in report


@pytest.mark.parametrize("gradient", [overflowing, without_upstream], ids=lambda one: one.__name__)
def test_a_wrong_gradient_is_caught_and_the_value_is_right_all_the_same(fresh_table, gradient):
    report = write(gradient=gradient)
    assert "✓ compute: all 10 cases" in report
    assert "✗ gradient: " in report


def test_its_cell_may_be_run_again_and_keeps_its_signature(fresh_table):
    write()
    write(compute=not_put_back)
    with pytest.raises(ValueError, match=r"the signature of logsumexp is logsumexp\(a, /, dim\), got logsumexp\(a, /, axis\)"):
        ad.operator("logsumexp(a, /, axis)")(type("Mine", (ad.Op,), {}))


def test_no_points_and_no_overview_know_of_it(fresh_table):
    write(compute=not_put_back)
    assert "logsumexp" not in checks.questions(UNIT)
    assert "logsumexp" not in UNITS[UNIT].exercises
    assert "logsumexp" not in repr(check())
    assert sum(question.points for question in further.questions()) == 0


def test_no_formula_of_it_is_on_the_page_before_its_hints():
    cells = source(UNIT).cells
    ids = [cell.id for cell in cells]
    section = cells[ids.index("logsumexp-text") : ids.index("logsumexp-hints")]
    assert not any("$" in cell.source for cell in section if cell.cell_type == "markdown")
    assert cells[ids.index("logsumexp-hints")].source.startswith("<details>")
