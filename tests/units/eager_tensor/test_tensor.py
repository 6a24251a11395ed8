"""Tensors: three ways to run the same operators, what they compute and when, what stays in memory, and how they are shown."""

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff_lib as ad
from autodiff_lib import figures
from autodiff_lib.eager import Tensor, Value, lazy, lazy_mode, living
from autodiff_lib.graph import Node
from autodiff_lib.units import UNITS
from autodiff_lib.units.eager_tensor.given import computes, waiting, with_rule

UNIT = "06_eager_tensor"
STEPS = 6

UNARY = {
    "Negate": {}, "ReLU": {}, "Exp": {}, "DivScalar": {"scalar": 3.0}, "AddScalar": {"scalar": 0.5}, "MulScalar": {"scalar": -0.7},
    "PowerScalar": {"scalar": 2}, "Transpose": {}, "Reshape": {"shape": (2, 2)}, "softmax": {"dim": -1},
}  # fmt: skip
BINARY = ("EWiseAdd", "EWiseMul", "MatMul", "sub", "EWiseDiv")

PROGRAMS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), st.integers(0, 9)),
        st.tuples(st.sampled_from(BINARY), st.integers(0, 9), st.integers(0, 9)),
    ),
    min_size=1,
    max_size=STEPS,
)
"""Each step is an operator, and which of the values so far it takes."""


def run(program, a, b):
    """The sum of all entries of what the program comes to, so that nothing of it is left out."""
    values = [a, b]
    for name, *operands in program:
        chosen = [values[place % len(values)] for place in operands]
        values.append(getattr(ad, name)(*chosen, **UNARY.get(name, {})))
    total = values[-1]
    for value in values[:-1]:
        total = total + value
    return ad.Summation(total)


def leaves():
    random = np.random.default_rng(0)
    return [torch.tensor(random.random((2, 2)) + 0.5) for _ in range(2)]


def same(one, other):
    return torch.allclose(torch.as_tensor(one), torch.as_tensor(other), rtol=1e-9, atol=1e-12, equal_nan=True)


def tensors(values):
    return [Tensor(value) for value in values]


@settings(max_examples=80, deadline=None)
@given(PROGRAMS)
def differentiated_alike(program):
    numbers = leaves()
    nodes = ad.Variable("a"), ad.Variable("b")
    output = run(program, *nodes)
    slopes = ad.gradients(output, list(nodes))
    seconds = ad.gradients(ad.Summation(slopes[0] * slopes[0]), list(nodes))
    wanted = ad.Evaluator([output, *slopes, *seconds]).run(dict(zip(nodes, numbers, strict=True)))
    for mode in (False, True):
        with lazy(mode):
            a, b = tensors(numbers)
            y = run(program, a, b)
            y.backward(create_graph=True)
            found = [y, a.grad, b.grad]
            (a.grad * a.grad).sum().backward()
            found += [a.grad, b.grad]
        for got, want in zip(found, wanted, strict=True):
            assert same(got.value(), want)


def test_declared_eager_and_lazy_programs_have_the_same_values_gradients_and_second_derivatives(solved):
    differentiated_alike()


def test_what_is_made_of_declared_nodes_stays_a_plain_node(solved):
    assert type(ad.Exp(ad.Variable("x"))) is Node


def test_an_operator_makes_what_the_most_special_of_its_inputs_is(solved):
    class Special(Tensor):
        __slots__ = ()

    for operands in ((Special([1.0]), Tensor([2.0])), (Tensor([2.0]), Special([1.0]))):
        assert type(ad.EWiseAdd(*operands)) is Special


def test_tensors_and_declared_nodes_do_not_mix(solved):
    x, t = ad.Variable("x"), Tensor([1.0])
    for mix in (lambda: ad.EWiseMul(t, x), lambda: ad.EWiseMul(x, t), lambda: ad.mul(x, t)):
        with pytest.raises(TypeError, match="tensors and nodes without values do not mix"):
            mix()
    for mix in (lambda: x + t, lambda: t + x):
        with pytest.raises(TypeError, match=r"'\+' takes tensors and plain numbers, got Node"):
            mix()


@pytest.mark.parametrize("other", [np.ones(2), torch.ones(2), "2", None, ad.Variable("x")])
def test_what_is_neither_a_tensor_nor_a_number_is_refused_on_both_sides(solved, other):
    t = Tensor([1.0, 2.0])
    for use in (lambda: t + other, lambda: other * t, lambda: t - other, lambda: t / other):
        with pytest.raises(TypeError):
            use()


def test_equal_tensors_are_two_and_one_finds_them_in_dictionaries(solved):
    a, b = Tensor([1.0]), Tensor([1.0])
    assert a != b
    assert {a: "a", b: "b"}[a] == "a"
    assert len({a, b, a}) == 2


def test_several_numbers_are_neither_true_nor_false(solved):
    with pytest.raises(ValueError, match=r"a tensor of shape \(2,\) is neither true nor false"):
        bool(Tensor([1.0, 2.0]))
    assert bool(Tensor([1.0]))
    assert not Tensor(0.0)


def test_a_lazy_program_computes_nothing_unasked_and_each_operator_once(solved):
    x = Tensor(3.0)
    with computes() as names, lazy():
        a = x * 2
        y = a * (a + 1)
        z = ad.Exp(y)
        assert names == []
        assert y.item() == 42
        assert y.item() == 42
        assert sorted(names) == ["AddScalar", "EWiseMul", "MulScalar"]
    assert z.cached_data is None


def test_an_eager_program_computes_each_operator_once_and_backward_none_for_whom_nobody_asked(solved):
    x, w = Tensor(torch.ones(2, 3), requires_grad=False), Tensor(torch.ones(3, 4))
    with computes() as names:
        y = x @ w
        assert names == ["MatMul"]
        y.backward()
    assert names.count("MatMul") == 2, "one for the gradient of w, and none for that of x"
    assert x.grad is None
    assert same(w.grad.value(), torch.full((3, 4), 2.0))


def test_what_needs_no_gradient_has_no_history_once_it_is_computed(solved):
    x = Tensor([1.0, 2.0], requires_grad=False)
    assert (x * 2).inputs == ()
    assert (x * Tensor([3.0])).inputs != ()
    with lazy():
        assert (x * 2).inputs == (x,), "it still has to be computed"


def test_lazy_mode_is_of_one_thread_and_ends_with_its_block(solved):
    seen = []
    with lazy():
        thread = threading.Thread(target=lambda: seen.append(lazy_mode.get()))
        thread.start()
        thread.join()
        with lazy(False):
            assert (Tensor(1.0) * 2).cached_data is not None
        assert lazy_mode.get()
    assert seen == [False]
    with pytest.raises(ZeroDivisionError), lazy():
        raise ZeroDivisionError
    assert not lazy_mode.get()


@pytest.fixture
def no_search_for_circles():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("mode", [False, True])
def test_nothing_is_left_of_a_step_once_its_weights_are_replaced(solved, no_search_for_circles, mode):
    nn_epoch = ad.registry.table[f"{UNIT}.nn_epoch"]
    random = np.random.default_rng(0)
    x, y = random.standard_normal((12, 4)), random.integers(3, size=12)
    counts = []
    with lazy(mode), living() as alive:
        weights = tensors([random.standard_normal((4, 5)), random.standard_normal((5, 3))])
        for _ in range(6):
            weights = nn_epoch(x, y, *weights, batch=5)
            counts.append(len(alive))
    assert counts == [2] * 6


def test_with_a_graph_of_gradients_weights_and_gradients_hold_each_other(solved, no_search_for_circles):
    with living() as alive:
        for _ in range(3):
            w = Tensor([1.0, 2.0])
            (w * w).sum().backward(create_graph=True)
    assert len(alive) > 10
    del w
    gc.collect()
    assert len(alive) == 0


def test_living_holds_on_to_nothing_and_counts_no_tensors_from_before_or_after(solved):
    before = Tensor([1.0])
    with living() as alive:
        inside = before * 2
        assert len(alive) == 1
    after = inside * 2
    assert list(alive) == [inside]
    del inside, after
    assert len(alive) == 0


@pytest.mark.parametrize("mode", [False, True])
def test_a_chain_of_100000_tensors_is_computed_differentiated_and_freed(solved, mode):
    with lazy(mode):
        x = Tensor(2.0)
        y = x
        for _ in range(100_000):
            y = y * 1.0
        y.backward()
    assert y.item() == 2
    assert x.grad.item() == 1


def test_gradients_in_single_precision_stay_so(solved):
    a, b = Tensor(torch.rand(3, 4) + 1), Tensor(torch.rand(4, 1) + 1)
    loss = ((a @ b / 3) ** 2 + ad.layernorm(a, (4,)).sum() - ad.softmax(a).sum(1).reshape(3, 1)).sum()
    loss.backward()
    assert {t.dtype for t in (loss, a.grad, b.grad)} == {torch.float32}


def test_a_second_call_of_backward_assigns_what_the_first_has_assigned(solved):
    x = Tensor(3.0)
    y = x * x
    y.backward()
    first = x.grad
    y.backward()
    assert x.grad is not first
    assert x.grad.item() == first.item() == 6


def test_no_rule_writes_into_what_it_was_given(solved):
    a = Tensor([1.0, 2.0])
    out_grad = Tensor([3.0, 5.0], requires_grad=False)
    (a * a + a + ad.ReLU(a)).backward(out_grad)
    assert out_grad.numpy().tolist() == [3, 5]
    assert a.grad.numpy().tolist() == [12, 30]


@pytest.mark.parametrize(
    ("array", "dtype", "wanted"),
    [
        ([1, 2], None, torch.float32),
        (3, None, torch.float32),
        ([True, False], None, torch.float32),
        (np.arange(3), None, torch.float32),
        (np.ones(2), None, torch.float64),
        (np.float32(2), None, torch.float32),
        (torch.ones(2, dtype=torch.float64), None, torch.float64),
        ([1.0], "float64", torch.float64),
        (np.ones(2), torch.float32, torch.float32),
    ],
)
def test_numbers_become_tensors_of_floats(array, dtype, wanted):
    assert Tensor(array, dtype).dtype == wanted


def test_what_holds_no_numbers_and_what_is_no_dtype_is_refused():
    with pytest.raises(TypeError, match="a Tensor holds numbers, got list"):
        Tensor(["a"])
    with pytest.raises(ValueError, match="there is no dtype 'float'; there are float16"):
        Tensor([1.0], dtype="float")


def test_an_array_is_copied_on_its_way_in_and_on_its_way_out(solved):
    array, numbers = np.ones(2), torch.ones(2)
    ours = Tensor(array), Tensor(numbers)
    array[0] = numbers[0] = 7
    for t in ours:
        t.numpy()[0] = 9
        assert t.numpy().tolist() == [1, 1]


def test_data_is_without_history_and_takes_what_has_its_shape_and_dtype(solved):
    x = Tensor([1.0, 2.0])
    y = x * 2
    assert y.data.inputs == ()
    assert not y.data.requires_grad
    x.data = x.data * 10
    assert x.numpy().tolist() == [10, 20]
    for other in (Tensor([1.0]), Tensor([1.0, 2.0], dtype="float64")):
        with pytest.raises(ValueError, match="data has shape"):
            x.data = other


def test_a_shape_that_an_attribute_tells_needs_no_value(solved):
    x = Tensor(torch.ones(2, 6))
    with computes() as names, lazy():
        assert ad.Reshape(x, (3, -1)).shape == (3, 4)
        assert ad.Reshape(x, -1).shape == (12,)
        assert ad.BroadcastTo(x, (5, 2, 6)).shape == (5, 2, 6)
        assert names == []
        assert (x * 2).shape == (2, 6)
        assert names == ["MulScalar"]


def test_operators_are_written_as_one_writes_them(solved):
    a, b = Tensor([[4.0, 9.0]]), Tensor([[2.0, 3.0]])
    written = {
        "add": (a + b, [[6, 12]]), "radd": (1 + a, [[5, 10]]), "sub": (a - b, [[2, 6]]), "rsub": (1 - a, [[-3, -8]]),
        "mul": (a * b, [[8, 27]]), "rmul": (2 * a, [[8, 18]]), "div": (a / b, [[2, 3]]), "rdiv": (36 / a, [[9, 4]]),
        "pow": (a**b, [[16, 729]]), "square": (a**2, [[16, 81]]), "neg": (-a, [[-4, -9]]), "matmul": (a @ b.T, [[35]]),
        "sum": (a.sum(1), [13]), "all": (a.sum(), 13), "T": (a.T, [[4], [9]]), "transpose": (a.transpose((0, 1)), [[4], [9]]),
        "reshape": (a.reshape(2, 1), [[4], [9]]), "tuple": (a.reshape((-1,)), [4, 9]), "broadcast": (a.broadcast_to(2, 2), [[4, 9]] * 2),
    }  # fmt: skip
    for name, (got, want) in written.items():
        assert np.allclose(got.numpy(), want), name
    assert (a > b).all()
    assert (a <= 4).tolist() == [[True, False]]
    assert len(a) == 1
    assert float(a.sum()) == 13
    with pytest.raises(TypeError, match="a number, and has no length"):
        len(a.sum())
    with pytest.raises(ValueError, match="is no single number"):
        a.item()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Tensor([2.0, 3.0]), "Tensor([2., 3.])"),
        (lambda: Tensor([2.0, 3.0]) ** 3, "Tensor([ 8., 27.], op=PowerScalar)"),
        (lambda: Tensor(1 / 3, dtype="float64"), "Tensor(0.3333, dtype=float64)"),
        (lambda: Tensor([1.5], dtype=torch.bfloat16), "Tensor([1.5], dtype=bfloat16)"),
        (lambda: Tensor([[1.0], [2.0]], requires_grad=False), "Tensor([[1.],\n        [2.]])"),
    ],
)
def test_a_tensor_shows_its_numbers(solved, make, text):
    assert repr(make()) == text
    with lazy():
        assert repr(make()) == text


def test_a_name_is_a_leafs_own_and_its_users_are_called_by_it(solved):
    x = Tensor([1.0], name="x")
    assert (x * 2).name == "MulScalar(x, scalar=2)"
    assert Tensor([1.0]).name == "tensor"
    assert x.detach().name == "constant"


UNWRITTEN = """
from autodiff_lib.eager import Tensor
x = Tensor([1.0])
for use in (x.realize_cached_data, x.detach, x.backward, lambda: x + 1):
    try:
        use()
    except NotImplementedError as error:
        print(error)
"""


def test_what_nobody_has_written_says_which_exercise_it_is():
    done = subprocess.run([sys.executable, "-c", UNWRITTEN], capture_output=True, text=True, check=True)
    names = ("realize_cached_data", "detach", "backward", "make_from_op")
    for line, name in zip(done.stdout.splitlines(), names, strict=True):
        number = UNITS[UNIT].exercises.index(name) + 1
        assert f"{name} is exercise {number} of unit {UNIT} and nobody has filled it in" in line


# --- for the notebook


def test_a_waiting_tensor_has_no_value_and_what_it_needs_to_get_one(solved):
    y = waiting(ad.MulScalar, Tensor([1.0, 2.0]), scalar=3.0)
    assert y.cached_data is None
    assert y.realize_cached_data().tolist() == [3, 6]


def test_another_rule_leaves_the_table_alone(solved):
    wrong = with_rule(ad.Exp, lambda node, output_grad: [output_grad])
    x = Tensor([1.0])
    wrong(x).backward()
    assert x.grad.item() == 1
    ad.Exp(x).backward()
    assert x.grad.item() == pytest.approx(np.e)


def test_counting_is_over_when_it_is_over(solved):
    with computes() as names:
        Tensor(1.0) * 2
    Tensor(1.0) * 2
    assert names == ["MulScalar"]
    assert "compute" not in vars(ad.MulScalar)


def test_a_drawn_tensor_shows_the_value_that_it_has_and_gets_none_by_being_drawn(solved):
    x = Tensor([3.0], name="x")
    with lazy():
        y = x * 2
    assert "= 3" in figures.draw_graph([y]).markup
    assert "= 6" not in figures.draw_graph([y]).markup
    assert y.cached_data is None
    y.realize_cached_data()
    drawn = figures.draw_graph([y], names={y: "twice"}).markup
    assert "= 6" in drawn
    assert ">twice<" in drawn
    assert ">Summation<" in figures.draw_graph([Tensor([1.0]).sum()]).markup, "an attribute that is None says nothing"


def test_pictures_beside_one_another_have_their_titles(solved):
    one = figures.draw_graph([Tensor(1.0) * 2])
    both = figures.beside({"left <": one, "right": one})
    assert both.markup.count("<svg") == 2
    assert "<b>left &lt;</b>" in both.markup
    assert repr(both) == f"left <: {one.summary}\nright: {one.summary}"


def cube():
    return figures.step_tensor(lambda x: x**3, Tensor([2.0, 3.0, 4.0], dtype="float64"))


def test_the_steps_of_a_cube_go_from_its_making_to_its_differences(solved):
    lines = repr(cube()).splitlines()
    assert lines[0] == "graph of 6 nodes (2 variables), 4 layers deep, in 17 steps"
    assert lines[2:4] == [
        "  2. y is made: op PowerScalar, inputs (x), attrs {'scalar': 3}. It has no value yet.",
        "  3. PowerScalar.compute runs, and y holds [8, 27, 64].",
    ]
    assert "find_topo_sort([y]) is x, y." in lines[5]
    assert "(99.012006 - 98.988006) / 0.002 = 12.000001" in lines[14]
    assert lines[-1].endswith("They agree: what is left comes from the size of the step.")


def test_the_steps_show_a_rule_that_is_wrong(solved):
    wrong = with_rule(ad.Exp, lambda node, output_grad: [output_grad * 2])
    last = repr(figures.step_tensor(wrong, Tensor([0.5], dtype="float64"))).splitlines()[-1]
    assert "✗" in last
    assert "They differ" in last


def test_to_look_at_steps_changes_neither_operators_nor_tensors(solved):
    fill_in, x = Value._init, Tensor([2.0], dtype="float64")
    figures.step_tensor(lambda x: x**2, x)
    assert Value._init is fill_in
    assert x.grad is None
    assert not {"compute", "gradient"} & vars(ad.PowerScalar).keys()


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (lambda x: x * 2, [1.0], "x must be a tensor of float64 numbers"),
        (lambda x: x * 2, Tensor([1.0]), "x must be a tensor of float64 numbers"),
        (lambda x: 3, Tensor(1.0, dtype="float64"), "must return a tensor that an operator has made, got 3"),
        (lambda x: x, Tensor(1.0, dtype="float64"), "must return a tensor that an operator has made"),
    ],
)
def test_what_cannot_be_stepped_through_is_refused(solved, function, x, message):
    with pytest.raises(TypeError, match=message):
        figures.step_tensor(function, x)
