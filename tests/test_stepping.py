"""What happens in a pass through a graph: values in an order, contributions on the way back, and what goes wrong in either."""

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import registry
from autodiff_lib.stepping import MAX_STEPS, passed

x = ad.Variable("x")
a = x * 2
b = a + 3
y = a * b
NAMES = {a: "a", b: "b", y: "y"}
RIGHT, TOO_EARLY = [x, a, b, y], [x, b, a, y]


def told_of(order=None, gradients=None, output=y, at=1.0, **more):
    return passed([output], {x: torch.tensor(at)}, order=order, gradients=gradients, names=NAMES, **more)


def forward(told):
    return [(told.called[one.node], one.value.item(), [told.called[node] for node in one.lacking]) for one in told.forward]


def backward(told):
    """(who, with what, early for whom, [(to whom, all parts there, whether too late)])"""
    return [
        (
            told.called[one.node],
            one.gradient.item(),
            [told.called[node] for node in one.early],
            [(told.called[given.operand], [part.item() for part in given.parts], given.late) for given in one.contributions],
        )
        for one in told.backward
    ]


def ends(told):
    return [(told.called[end.node], end.arrived.item(), end.returned and end.returned.item(), end.right.item()) for end in told.ends]


def adding(output_node, nodes):
    """A `gradients` as it should be, in the order that it asks for."""
    bar = {output_node: ad.ones_like(output_node)}
    for node in topological_order([output_node])[::-1]:
        for operand, part in zip(node.inputs, node.op.gradient(node, bar[node]), strict=True):
            bar[operand] = bar[operand] + part if operand in bar else part
    return [bar[node] for node in nodes]


def overwriting(output_node, nodes):
    """The last contribution takes the place of those before."""
    bar = {output_node: ad.ones_like(output_node)}
    for node in topological_order([output_node])[::-1]:
        bar.update(zip(node.inputs, node.op.gradient(node, bar[node]), strict=True))
    return [bar[node] for node in nodes]


def way_by_way(output_node, nodes):
    """Each way from the output is walked by itself: right, and slow."""
    found, todo = {}, [(output_node, ad.ones_like(output_node))]
    while todo:
        node, grad = todo.pop()
        found[node] = found[node] + grad if node in found else grad
        todo += zip(node.inputs, node.op.gradient(node, grad), strict=True)
    return [found[node] for node in nodes]


def topological_order(nodes):
    """What the functions above find under this name where nobody lends them another."""
    return RIGHT


def test_the_way_back_is_that_of_the_students_own_functions(solved):
    told = told_of()
    assert forward(told) == [("x", 1, []), ("a", 2, []), ("b", 5, []), ("y", 10, [])]
    assert backward(told) == [
        ("y", 1, [], [("a", [5], False), ("b", [2], False)]),
        ("b", 2, [], [("a", [5, 2], False)]),
        ("a", 7, [], [("x", [14], False)]),
    ]
    assert ends(told) == [("x", 14, 14, 14)]
    assert told.notes == []


@pytest.mark.parametrize("order", [lambda nodes: TOO_EARLY, TOO_EARLY, tuple(TOO_EARLY)])
def test_a_wrong_order_hands_on_too_early_and_what_comes_then_too_late(solved, order):
    told = told_of(order)
    assert forward(told) == [("x", 1, []), ("b", 5, ["a"]), ("a", 2, []), ("y", 10, [])]
    assert backward(told) == [
        ("y", 1, [], [("a", [5], False), ("b", [2], False)]),
        ("a", 5, ["b"], [("x", [10], False)]),
        ("b", 2, [], [("a", [5, 2], True)]),
    ]
    assert ends(told) == [("x", 10, 10, 14)]


def test_an_order_is_lent_to_functions_that_find_it_by_its_global_name(fresh_table):
    assert ends(told_of(TOO_EARLY, adding)) == [("x", 10, 10, 14)]
    assert ends(told_of(RIGHT, adding)) == [("x", 14, 14, 14)]
    assert topological_order([y]) is RIGHT


def test_what_gradients_hands_over_is_heard_and_not_what_it_should_be(fresh_table):
    told = told_of(RIGHT, overwriting)
    asked = told.backward[2]
    assert (asked.node, asked.gradient.item(), asked.arrived.item()) == (a, 2, 7)
    assert ends(told) == [("x", 4, 4, 14)]


def test_gradients_that_goes_its_own_way_is_right_and_said_to_have_asked_for_no_order(fresh_table):
    told = told_of(TOO_EARLY, way_by_way)
    assert ends(told) == [("x", 14, 14, 14)]
    assert [told.called[one.node] for one in told.backward] == ["y", "b", "a", "a"]
    assert told.notes == ["gradients has not asked for the list: it goes back in an order of its own"]


def test_a_node_that_uses_another_twice_brings_it_two_parts(solved):
    told = told_of(output=x * x, at=3.0)
    assert backward(told) == [("mul", 1, [], [("x", [3], False), ("x", [3, 3], False)])]
    assert ends(told) == [("x", 6, 6, 6)]


def test_what_an_order_leaves_out_is_not_reached(solved):
    told = told_of([x, a, y])
    assert [name for name, _, _ in forward(told)] == ["x", "a", "y"]
    assert told.forward[-1].lacking == (b,)
    assert [told.called[one.node] for one in told.backward] == ["y", "a"]
    assert ends(told) == [("x", 10, 10, 14)]
    assert told.notes == ["the list leaves out b"]


def test_before_gradients_is_written_the_order_is_walked_from_its_end(fresh_table):
    assert backward(told_of(RIGHT)) == backward(told_of(RIGHT, adding))
    assert ends(told_of(RIGHT)) == [("x", 14, None, 14)]
    assert backward(told_of(TOO_EARLY)) == backward(told_of(TOO_EARLY, adding))


def test_what_nobody_has_written_is_an_exercise_to_be_written(fresh_table):
    with pytest.raises(NotImplementedError, match="topological_order is exercise 1"):
        told_of()
    with pytest.raises(NotImplementedError, match="div_by_const is exercise 2"):
        told_of([x, quotient := x / 2], output=quotient)


def test_gradients_that_raises_is_shown_up_to_there_with_its_line(fresh_table):
    def stumbling(output_node, nodes):
        output_node.op.gradient(output_node, ad.ones_like(output_node))
        return nodes[7]

    told = told_of(RIGHT, stumbling)
    assert [told.called[one.node] for one in told.backward] == ["y"]
    (note,) = told.notes
    assert note.startswith("gradients stopped with IndexError: list index out of range (line ")
    assert note.endswith(": return nodes[7])")
    assert ends(told) == [("x", 0, None, 14)]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "must return a list with a node for each of the 1 asked for, got None (is there a return?)"),
        ([x, x], "must return a list with a node for each of the 1 asked for, got list"),
        ([ad.Variable("stray")], "to compute the result of gradients stopped with ValueError: no value was fed for the variable stray"),
    ],
)
def test_what_gradients_may_not_return_is_said(fresh_table, result, said):
    told = told_of(RIGHT, lambda output_node, nodes: (adding(output_node, nodes), result)[1])
    assert any(said in note for note in told.notes)
    assert ends(told) == [("x", 14, None, 14)]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (lambda nodes: None, "must return a list of nodes, got None (is there a return?)"),
        (lambda nodes: [1, 2], "must return a list of nodes, got list [1, 2]"),
        (lambda nodes: 1 / 0, "stopped with ZeroDivisionError"),
        (lambda nodes: [*RIGHT, ad.Variable("stray")], "lists stray, on which the output does not depend"),
        (lambda nodes: RIGHT * MAX_STEPS, f"lists {4 * MAX_STEPS} nodes where there are 4; the first {MAX_STEPS} are shown"),
    ],
)
def test_what_an_order_may_not_be_is_said(fresh_table, order, said):
    assert any(said in note for note in told_of(order).notes)


def test_an_operator_that_hands_over_another_shape_is_named(fresh_table):
    @ad.operator("div(a, b, /)")
    class DivOp(ad.Op):
        def compute(self, node, inputs):
            return inputs[0] / inputs[1]

        def gradient(self, node, output_grad):
            return [output_grad, output_grad * node]

    row, matrix = ad.Variable("row"), ad.Variable("matrix")
    quotient = matrix / row
    told = passed([quotient], {row: torch.ones(3), matrix: torch.ones(2, 3)}, order=[row, matrix, quotient])
    assert "div hands row a gradient of shape [2, 3], expected its own shape, [3]" in told.notes
    assert told.backward == []


@pytest.mark.parametrize(
    ("compute", "gradient", "said"),
    [
        (lambda *_: 1 / 0, None, "compute of relu stopped with ZeroDivisionError: division by zero"),
        (lambda *_: None, None, "compute of relu must return a tensor, got None (is there a return?)"),
        (lambda self, node, inputs: inputs[0], lambda *_: 1 / 0, "gradient of relu stopped with ZeroDivisionError: division by zero"),
        (
            lambda self, node, inputs: inputs[0],
            lambda *_: [],
            "gradient of relu must return a list with a node for each input, got list []",
        ),
    ],
)
def test_an_operator_that_fails_is_named_and_no_step_comes_after_it(fresh_table, compute, gradient, said):
    ad.operator("relu(a, /)")(type("ReLUOp", (ad.Op,), {"compute": compute, "gradient": gradient}))
    top = ad.relu(a)
    told = told_of([x, a, top], output=top)
    (note,) = told.notes
    assert note.startswith(said)
    assert [told.called[one.node] for one in told.forward] == ["x", "a", "relu"][: 3 if gradient else 2]
    assert told.backward == told.ends == []


def test_an_operator_without_a_value_on_the_way_back_is_named(fresh_table):
    @ad.operator("relu(a, /)")
    class ReLUOp(ad.Op):
        def compute(self, node, inputs):
            return None if node.inputs[0].name.startswith("g") else inputs[0]

        def gradient(self, node, output_grad):
            return [ad.relu(output_grad)]

    top = ad.relu(a)
    assert told_of([x, a, top], output=top).notes == ["the gradient of relu must be a tensor, got None (is there a return?) from relu"]


def test_parts_of_another_precision_add_up(solved):
    w = ad.Variable("w")
    told = passed([x * w + w], {x: torch.ones(2), w: torch.ones(2, dtype=torch.float64)}, wrt=[w])
    assert told.ends[0].arrived.tolist() == [2, 2]


def test_operators_and_table_are_afterwards_what_they_were(solved):
    before = dict(registry.table)
    for gradients in (None, adding, lambda output_node, nodes: 1 / 0):
        told_of(TOO_EARLY, gradients)
    assert registry.table == before
    assert all("gradient" not in vars(node.op) for node in RIGHT)


def test_a_gradient_that_an_operator_made_for_itself_stays_its_own(fresh_table):
    @ad.operator("relu(a, /)")
    class ReLUOp(ad.Op):
        def __init__(self):
            self.gradient = lambda node, output_grad: [output_grad]

        def compute(self, node, inputs):
            return inputs[0]

    top = ad.relu(x)
    own = vars(top.op)["gradient"]
    for _ in range(2):
        assert ends(told_of([x, top], adding, output=top)) == [("x", 1, 1, 1)]
        assert vars(top.op)["gradient"] is own


def test_gradients_may_look_at_steps_itself(fresh_table):
    inner = []

    def looking(output_node, nodes):
        inner.append(told_of(RIGHT, adding))
        return adding(output_node, nodes)

    told = told_of(RIGHT, looking)
    assert [backward(told), ends(told), told.notes] == [backward(inner[0]), ends(inner[0]), []]
    assert ends(told) == [("x", 14, 14, 14)]
    assert all("gradient" not in vars(node.op) for node in RIGHT)


def test_gradients_that_never_ends_is_stopped(fresh_table):
    def for_ever(output_node, nodes):
        while True:
            output_node.op.gradient(output_node, ad.ones_like(output_node))

    told = told_of(RIGHT, for_ever)
    assert f"asked for gradients more than {MAX_STEPS} times" in told.notes[0]
    assert len(told.backward) == MAX_STEPS


def test_without_anything_to_differentiate_there_is_no_way_back(solved):
    told = told_of(wrt=[])
    assert len(told.forward) == 4
    assert told.backward == told.ends == told.notes == []


def test_gradients_of_what_the_first_output_does_not_depend_on_are_zeros(solved):
    w = ad.Variable("w")
    told = passed([y, w + 1], {x: torch.tensor(1.0), w: torch.ones(2)}, wrt=[w, a])
    assert [(end.arrived.tolist(), end.returned.tolist(), end.right.tolist()) for end in told.ends] == [([0, 0],) * 3, (7, 7, 7)]


def test_nodes_of_one_operator_are_numbered_as_they_are_computed(fresh_table):
    double, triple = x * 2, x * 3
    told = passed([double + triple], {x: torch.tensor(1.0)}, order=lambda nodes: [x, triple, double, *nodes])
    assert (told.called[triple], told.called[double]) == ("mul_by_const #1", "mul_by_const #2")


@pytest.mark.parametrize("outputs", [y, [], [1], None])
def test_outputs_that_are_no_list_of_nodes_are_named(outputs):
    with pytest.raises(TypeError, match=r"step: outputs must be a list of nodes, as \[y\], got"):
        passed(outputs, {})


@pytest.mark.parametrize("wrt", [x, [1], {x: 1.0}])
def test_what_is_no_list_of_nodes_to_differentiate_by_is_named(fresh_table, wrt):
    with pytest.raises(TypeError, match=r"step: wrt must be a list of nodes, as \[x\], got"):
        told_of(RIGHT, wrt=wrt)


def test_a_variable_without_a_value_and_one_that_is_not_in_the_graph_are_named(fresh_table):
    with pytest.raises(ValueError, match="step: no value was fed for x"):
        passed([y], {}, order=RIGHT)
    with pytest.raises(ValueError, match="step: wrt holds w, on which the outputs do not depend"):
        told_of(RIGHT, wrt=[ad.Variable("w")])


def test_contributions_are_what_torch_finds(solved):
    random = torch.Generator().manual_seed(0)
    left, right = (torch.randn(2, 2, generator=random, dtype=torch.float64, requires_grad=True) for _ in range(2))
    (torch.softmax(left @ right, dim=-1) @ left).sum().backward()
    p, q = ad.Variable("p"), ad.Variable("q")
    told = passed([ad.softmax(p @ q) @ p], {p: left.detach(), q: right.detach()}, wrt=[p, q])
    for end, true in zip(told.ends, (left.grad, right.grad), strict=True):
        assert torch.allclose(end.arrived, true)
        assert torch.allclose(end.returned, true)
