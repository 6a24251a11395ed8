"""Who shares an array with whom: what the library and the solution share, and what is found by overwriting."""

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib.checks import probe
from autodiff_lib.eager import Tensor, lazy
from autodiff_lib.kinds.tensor.sharing import (
    changed,
    handed_over,
    is_overwritten,
    numbers_of,
    overwrite,
    overwritten,
    put,
    tied,
    written_into,
)
from autodiff_lib.kinds.tensor.watch import values_from
from tests.asking import questions_of

from .test_questions import UNIT, programs, run

# --- arrays


@pytest.mark.parametrize(
    "values",
    [
        torch.ones(2, 3),
        torch.tensor(1.0),
        torch.ones(3, 2).T,
        torch.ones(1).expand(4, 5),
        torch.ones(6).as_strided((3, 3), (1, 1)),
        torch.ones(2, requires_grad=True),
        torch.ones(0, 3),
    ],
    ids=["plain", "a number", "transposed", "stretched", "overlapping", "of torch's autograd", "empty"],
)
def test_every_entry_is_overwritten(values):
    before = numbers_of(values)
    with overwritten([values, values]):
        assert values.isnan().all()
        assert is_overwritten(values) == (values.numel() > 0)
    assert np.array_equal(numbers_of(values), before), "whoever was overwritten has the numbers again"


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_where_there_is_no_nan_another_number_stands(dtype):
    values = torch.zeros(3, dtype=dtype)
    overwrite(values)
    assert (values != 0).all()


def test_arrays_are_tied_where_they_have_an_entry_in_common():
    one = torch.arange(6.0).reshape(2, 3)
    assert tied([one, one.T, torch.ones(2), one[1], one]) == [1, 3, 4]
    assert one.tolist() == [[0, 1, 2], [3, 4, 5]]
    rows = torch.arange(6.0).reshape(2, 3)
    assert tied([rows[0], rows[1], rows[0].clone()]) == [], "parts of one array may belong to different people"


def test_what_a_rule_hands_over_is_followed_while_somebody_looks(solved):
    x = Tensor([1.0, 2.0])
    y = x * x
    with handed_over([y, x]) as handed:
        _, second = y.op.gradient(y, Tensor([3.0, 4.0]))
    assert [one.rule for one in handed] == ["EWiseMul", "EWiseMul"]
    assert written_into(handed) == []
    second.value().add_(1)
    assert written_into(handed) == ["EWiseMul"]
    assert "gradient" not in vars(y.op)


# --- what the library and the solution share


def test_what_is_handed_to_a_tensor_is_copied_and_what_a_constant_is_made_of_is_not(solved):
    handed = [np.ones(2), np.ones((2, 2)).T, torch.ones(2), Tensor([1.0, 1.0]), torch.ones(2, dtype=torch.float64)]
    made = [Tensor(one) for one in handed]
    for one in handed:
        overwrite(one.value() if isinstance(one, Tensor) else torch.as_tensor(one))
    assert all((one.numpy() == 1).all() for one in made)
    array = torch.ones(2)
    constant = Tensor.make_const(array)
    overwrite(array)
    assert is_overwritten(constant.value())


@pytest.mark.parametrize("mode", [False, True])
def test_what_is_cut_off_and_data_hold_the_array_itself_and_numpy_a_copy(solved, mode):
    with lazy(mode):
        x = Tensor([1.0, 2.0])
        y = x * 2
        apart, data, copy = y.detach(), y.data, y.numpy()
        x.data = y
    overwrite(y.value())
    assert all(is_overwritten(one.value()) for one in (apart, data, x))
    assert copy.tolist() == [2, 4]


@pytest.mark.parametrize("mode", [False, True])
@pytest.mark.parametrize("number", range(12))
def test_gradients_lie_in_no_array_of_a_value_and_each_call_makes_its_own(number, mode, solved):
    program = [*programs()][number]
    handed = [np.random.default_rng(number).standard_normal((3, 3)) for _ in range(3)]
    with lazy(mode):
        leaves = [Tensor(array) for array in handed]
        output = program(*leaves)
        output.backward()
    nodes = [*values_from([output])]
    before = [numbers_of(node.value()) for node in nodes]
    grads = [(node, node.grad, node.grad.numpy()) for node in nodes if node.grad is not None]
    for array in handed:
        array[...] = np.nan
    for _, grad, _ in grads:
        overwrite(grad.value())
    assert changed([node.value() for node in nodes], before) == []
    with lazy(mode):
        output.backward()
    assert all(np.allclose(node.grad.numpy(), numbers, rtol=1e-12) for node, _, numbers in grads)
    assert all(is_overwritten(grad.value()) for _, grad, _ in grads), "nobody writes into the gradients of an earlier call"
    for node in nodes:
        overwrite(node.value())
    assert all(np.allclose(node.grad.numpy(), numbers, rtol=1e-12) for node, _, numbers in grads)


def test_the_graph_of_a_gradient_needs_the_leaves_alone(solved):
    x, w = Tensor(np.array([1.5, -0.5])), Tensor(np.array([2.0, 3.0]))
    inside = ad.Exp(x * w)
    (inside * x + x).sum().backward(create_graph=True)
    slope, want = x.grad, x.grad.numpy()
    nodes = [*values_from([slope])]
    leaves = [node.value() for node in nodes if not node.inputs]
    numbers = [*map(numbers_of, leaves)]
    for node in nodes:
        overwrite(node.value())
    for array, number in zip(leaves, numbers, strict=True):  # of the ones that backward begins with there are views inside
        put(array, number)
    assert np.allclose(values_from([slope])[slope].numpy(), want)


@pytest.mark.parametrize(
    ("build", "slope"),
    [
        (lambda a: a + a, lambda a: 2 * np.ones(2)),
        (lambda a: a * a + a, lambda a: 2 * a + 1),
        (lambda a: a + a + a, lambda a: 3 * np.ones(2)),
    ],
    ids=["x + x", "a * a + a", "a + a + a"],
)
def test_a_sum_of_contributions_is_in_an_array_of_its_own(build, slope, solved):
    numbers = np.array([2.0, -3.0])
    a, out_grad = Tensor(numbers), Tensor(np.array([5.0, 7.0]), requires_grad=False)
    output = build(a)
    output.backward(out_grad)
    overwrite(a.grad.value())
    assert out_grad.numpy().tolist() == [5, 7]
    assert a.numpy().tolist() == numbers.tolist()
    overwrite(out_grad.value())
    output.backward(Tensor(np.array([5.0, 7.0]), requires_grad=False))
    assert np.allclose(a.grad.numpy(), slope(numbers) * [5, 7])


# --- what the probes see


@pytest.mark.parametrize("exercise", ["compute_gradient_of_variables", "backward"])
def test_of_a_right_answer_nothing_is_said(exercise, solved):
    for part in questions_of(UNIT)[exercise].parts:
        for case in part.cases:
            if not getattr(case, "chain", 1):
                facts = probe.run(case.ask()).facts
                assert {name: facts[name] for name in ("spoiled", "written", "in_values", "kept", "reused")} == {
                    "spoiled": [], "written": [], "in_values": [], "kept": [], "reused": []
                }, case.name  # fmt: skip


VIEW = """
@ad.operator("Exp(a, /)")
class Exp(ad.Op):
    def compute(self, node, inputs):
        return RESULT

    def gradient(self, node, output_grad):
        return [output_grad * node]
"""


@pytest.mark.parametrize(("result", "kept"), [("inputs[0].exp()", False), ("inputs[0]", False), ("KEPT", True), ("KEPT[:]", True)])
def test_two_results_are_one_array_by_right_only_where_it_is_the_inputs(result, kept, solved):
    (case, *_) = questions_of(UNIT)["Exp"].parts[0].cases
    run(VIEW.replace("RESULT", result), {**solved[UNIT].__dict__, "KEPT": torch.ones(case.shapes[0], dtype=torch.float64)})
    assert probe.run(case.ask()).facts == {"changed": [], "kept": kept}
