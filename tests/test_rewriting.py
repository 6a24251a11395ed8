"""Graphs made anew: what stays, what is replaced, and on whose order that stands."""

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib.rewriting import nodes_of, rebuilt

x, w = ad.Variable("x"), ad.Variable("w")
PRODUCT = x * w
Y = ad.exp(PRODUCT) + PRODUCT
ORDER = [x, w, PRODUCT, Y.inputs[0], Y]
FED = {x: torch.tensor(2.0), w: torch.tensor(3.0)}


def value_of(node, values):
    return values[node] if node in values else node.op.compute(node, [value_of(operand, values) for operand in node.inputs])


def test_a_rule_that_replaces_nothing_gives_a_graph_of_its_own_with_the_same_value():
    new = rebuilt(ORDER, lambda node, inputs: None)
    assert list(new) == ORDER
    assert [new[node] is node for node in ORDER] == [True, True, False, False, False]
    assert new[Y].inputs == (new[Y.inputs[0]], new[PRODUCT]), "what was used twice is there once"
    assert value_of(new[Y], FED) == value_of(Y, FED)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (lambda node, inputs: inputs[0] if node.op.name == "exp" else None, 12.0),
        (lambda node, inputs: inputs[0] + inputs[1] if node.op.name == "mul" else None, torch.exp(torch.tensor(5.0)) + 5),
        (lambda node, inputs: x if node is w else None, torch.exp(torch.tensor(4.0)) + 4),
    ],
)
def test_what_a_rule_returns_takes_the_place_of_a_node_for_all_that_use_it(rule, value):
    assert value_of(rebuilt(ORDER, rule)[Y], FED) == value


def test_attributes_are_kept():
    y = ad.sum_op(x, dim=0, keepdim=True)
    assert rebuilt([x, y], lambda node, inputs: None)[y].attrs == y.attrs


def test_the_order_is_the_callers_and_a_wrong_one_is_no_order():
    with pytest.raises(KeyError):
        rebuilt(ORDER[::-1], lambda node, inputs: None)


def test_nodes_are_found_by_their_operator_in_order():
    assert nodes_of(ORDER, "mul") == [PRODUCT]
    assert nodes_of([*ORDER, Y], "add") == [Y, Y]
    with pytest.raises(LookupError, match=r"no softmax node in this graph; ad\.softmax makes one"):
        nodes_of(ORDER, "softmax")
