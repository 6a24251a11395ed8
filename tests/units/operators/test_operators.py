"""Every operator of the table against torch: value, gradient, second order, over one table of cases."""

from functools import partial

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff_lib as ad
import autodiff_lib.eager  # for its operators
import autodiff_lib.quicker
from autodiff_lib.checks.values import draw
from autodiff_lib.graph_data import evaluate, to_data
from autodiff_lib.kinds import reference
from autodiff_lib.operators import sum_to
from autodiff_lib.registry import table
from autodiff_lib.units import UNITS
from autodiff_lib.units.operators import further
from autodiff_lib.units.operators import questions as unit1

DIMS = [0, -1, (0, 1), (-1, 0), 1]


def given_rows():
    """(operator, shapes, attributes, torch's own version) for every given operator."""
    for pair in unit1.STRETCHED:
        yield "add", pair, {}, torch.add
        yield "sub", pair, {}, torch.sub
        yield "mul", pair, {}, torch.mul
        yield "greater", pair, {}, lambda a, b: (a > b).to(a.dtype)
        yield "EWiseAdd", pair, {}, torch.add
        yield "EWiseMul", pair, {}, torch.mul
    for shape in [(), (3,), (2, 3), (2, 3, 4), (1, 2, 1, 3)]:
        yield "add_by_const", (shape,), {"c": -1.5}, lambda a: a - 1.5
        yield "mul_by_const", (shape,), {"c": 2.5}, lambda a: a * 2.5
        yield "AddScalar", (shape,), {"scalar": -1.5}, lambda a: a - 1.5
        yield "MulScalar", (shape,), {"scalar": 2.5}, lambda a: a * 2.5
        yield "exp", (shape,), {}, torch.exp
        yield "log", (shape,), {}, torch.log
        yield "zeros_like", (shape,), {}, torch.zeros_like
        yield "ones_like", (shape,), {}, torch.ones_like
    for shape in [(2, 3), (2, 3, 4), (5, 1, 2, 3)]:
        for dim in DIMS:
            for keepdim in (False, True):
                yield "sum_op", (shape,), {"dim": dim, "keepdim": keepdim}, partial(torch.sum, dim=dim, keepdim=keepdim)
        yield "reshape", (shape,), {"shape": (-1, 2)} if np.prod(shape) % 2 == 0 else {"shape": (-1,)}, None
        yield "reshape_as", (shape, (int(np.prod(shape)),)), {}, lambda a, like: a.reshape(like.shape)
    for small, large in [((3,), (2, 3)), ((2, 1), (2, 3)), ((), (2, 3)), ((1, 3), (2, 4, 3)), ((2, 3), (2, 3)), ((1,), (1,))]:
        yield "expand_as", (small, large), {}, lambda a, like: a.expand_as(like)
        yield "unbroadcast", (large, small), {}, lambda a, like: a.sum_to_size(like.shape)
        yield "broadcast", (small,), {"input_shape": small, "target_shape": large}, partial(torch.broadcast_to, size=large)
    for shapes in [
        ((4, 3, 2), (4, 3, 5), (2, 5)),
        ((2, 4, 3, 2), (2, 4, 3, 5), (2, 5)),
        ((3, 2), (3, 5), (2, 5)),
        ((1, 3, 2), (4, 3, 5), (2, 5)),
        ((4, 3, 2), (4, 3, 5), (4, 2, 5)),
        ((4, 3, 2), (3, 5), (1, 2, 5)),
    ]:
        yield "summed_product", shapes, {}, lambda a, b, like: (a.mT @ b).sum_to_size(like.shape)
    yield "written_out", ((2, 3),), {}, torch.clone
    for dim, small in [(0, (3, 4)), (-1, (2, 3)), ((0, 2), (3,)), ((-1, 0), (3,)), ((0, 1, 2), ())]:
        axes = dim if isinstance(dim, tuple) else (dim,)
        index = tuple(None if axis in {i % 3 for i in axes} else slice(None) for axis in range(3))
        yield "expand_as", (small, (2, 3, 4)), {"dim": dim}, lambda a, like, index=index: a[index].expand_as(like)


def exercise_rows():
    for name in unit1.POINTS:
        for shapes, attrs, kinds in unit1.rows(name):
            if not {"ties", "zeros"} & set(kinds) or name not in ("relu", "sqrt"):  # kinks have no derivative to compare
                yield name, shapes, attrs, None, kinds
    for shape, dim, kind in further.ROWS:
        yield further.NAME, (shape,), {"dim": dim}, None, (kind,)


def torch_version(operator, attrs, version):
    if version is not None:
        return version
    if operator == "reshape":
        return lambda a: a.reshape(attrs["shape"])
    return lambda *inputs: reference.apply(operator, inputs, {**table[operator].signature.attrs, **attrs})


ROWS = [(*row, ()) for row in given_rows()] + list(exercise_rows())


def values_of(shapes, kinds, dtype):
    rng = np.random.default_rng(7)
    kinds = kinds or ("positive",) * len(shapes)
    return [torch.tensor(draw(kind, shape, rng), dtype=dtype, requires_grad=True) for kind, shape in zip(kinds, shapes, strict=True)]


def engine():
    """The table's own `compute` methods, as functions that a graph as data is evaluated with."""

    def forward(name):
        return lambda *inputs, **attrs: table[name].compute(ad.Node((), table[name], attrs), list(inputs))

    return {name: forward(name) for name, op in table.items() if isinstance(op, ad.Op)}


def close(got, expected, dtype=torch.float64):
    tolerance = 1e-9 if dtype == torch.float64 else 1e-3
    torch.testing.assert_close(got, expected.to(got.dtype), rtol=tolerance, atol=tolerance * max(1.0, float(expected.abs().max())) * 1e-1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_values_gradients_and_second_derivatives_are_torchs(solved, dtype):
    for operator, shapes, attrs, version, kinds in ROWS:
        inputs = values_of(shapes, kinds, dtype)
        variables = [ad.Variable(name) for name in table[operator].signature.operands]
        node = table[operator](*variables, **attrs)
        output = torch_version(operator, attrs, version)(*inputs)
        close(node.op.compute(node, inputs).detach(), output.detach(), dtype)

        output_grad = torch.randn(output.shape, dtype=dtype, generator=torch.manual_seed(3)).requires_grad_()
        leaves = [*inputs, output_grad]
        g = ad.Variable("output_grad")
        grads = evaluate(to_data(node.op.gradient(node, g), [*variables, g]), leaves, engine())
        expected = reference.vjp(output, inputs, output_grad)
        for got, want, value in zip(grads, expected, inputs, strict=True):
            assert got.shape == value.shape, f"{operator} {shapes} {attrs}"
            close(got.detach(), want.detach(), dtype)

        if dtype == torch.float64:
            directions = [torch.randn(value.shape, dtype=dtype) for value in inputs]
            second = reference.pull_back(grads, leaves, directions)
            for got, want in zip(second, reference.pull_back(expected, leaves, directions), strict=True):
                close(got.detach(), want.detach(), dtype)


def test_the_table_of_cases_misses_no_operator():
    exercises = {signature.split("(")[0] for unit in UNITS.values() if unit.name != unit1.UNIT.name for signature in unit.operators}
    known = {name for name, op in table.items() if isinstance(op, ad.Op)}
    assert {row[0] for row in ROWS} == known - exercises - {"placeholder"}


@settings(max_examples=200, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
def test_whatever_broadcasts_has_gradients_of_its_operands_shapes(shapes):
    a, b = (torch.randn(shape, dtype=torch.float64) for shape in shapes.input_shapes)
    g = torch.randn(shapes.result_shape, dtype=torch.float64)
    variables = [ad.Variable("a"), ad.Variable("b"), ad.Variable("g")]
    node = variables[0] * variables[1]
    grads = evaluate(to_data(node.op.gradient(node, variables[2]), variables), [a, b, g], engine())
    for grad, want in zip(grads, ((g * b).sum_to_size(a.shape), (g * a).sum_to_size(b.shape)), strict=True):
        torch.testing.assert_close(grad, want)


@settings(max_examples=200, deadline=None)
@given(hnp.array_shapes(max_dims=4, max_side=3), st.data())
def test_a_sum_over_any_axes_is_torchs_and_stretches_back(shape, data):
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, unique_by=lambda axis: axis % len(shape)))
    keepdim = data.draw(st.booleans())
    a, like = torch.randn(shape), ad.Variable("a")
    node = ad.sum_op(like, axes, keepdim=keepdim)
    summed = node.op.compute(node, [a])
    torch.testing.assert_close(summed, a.sum(axes, keepdim=keepdim))
    (gradient,) = node.op.gradient(node, ad.Variable("g"))
    assert gradient.op.compute(gradient, [summed, a]).shape == shape


@pytest.mark.parametrize(
    ("build", "shapes", "error", "message"),
    [
        (lambda a: ad.sum_op(a, 2), [(2, 3)], IndexError, r"sum_op: dim=2 names no axis of a tensor of rank 2 \(axes -2 to 1\)"),
        (lambda a: ad.sum_op(a, (0, -2)), [(2, 3)], IndexError, "names an axis of a tensor of rank 2 twice"),
        (lambda a: ad.sum_op(a, "rows"), [(2, 3)], IndexError, "dim='rows' names no axis"),
        (lambda a, b: ad.unbroadcast(a, b), [(2, 3), (2,)], ValueError, r"shape \(2,\) does not stretch to \(2, 3\)"),
        (lambda a, b: ad.unbroadcast(a, b), [(3,), (2, 3)], ValueError, r"shape \(2, 3\) does not stretch to \(3,\)"),
        (lambda a: ad.broadcast(a, (1, 5), (3, 5)), [(5,)], ValueError, r"input_shape is \(1, 5\), got a value of shape \(5,\)"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(build, shapes, error, message):
    node = build(*(ad.Variable(name) for name in "ab"[: len(shapes)]))
    with pytest.raises(error, match=message):
        node.op.compute(node, [torch.ones(shape) for shape in shapes])


def test_sum_to_returns_the_value_itself_where_nothing_was_stretched():
    value = torch.ones(2, 3)
    assert sum_to(value, value.shape) is value
