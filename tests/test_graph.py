"""Nodes, variables, the operator table: construction, names, and the errors of wrong calls."""

import copy
import pickle
import sys

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib.graph import MAX_NAME, Signature
from autodiff_lib.registry import table

a, b = ad.Variable("a"), ad.Variable("b")


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: a + b, "add(a, b)"),
        (lambda: a + 2, "add_by_const(a, c=2)"),
        (lambda: 2 + a, "add_by_const(a, c=2)"),
        (lambda: a - b, "sub(a, b)"),
        (lambda: a - 2, "add_by_const(a, c=-2)"),
        (lambda: 2 - a, "add_by_const(mul_by_const(a, c=-1), c=2)"),
        (lambda: a * b, "mul(a, b)"),
        (lambda: 2.5 * a, "mul_by_const(a, c=2.5)"),
        (lambda: a / b, "div(a, b)"),
        (lambda: a / 2, "div_by_const(a, c=2)"),
        (lambda: 2 / a, "mul_by_const(power(a, exponent=-1), c=2)"),
        (lambda: a**3, "power(a, exponent=3)"),
        (lambda: 1**a, "exp(mul_by_const(a, c=0.0))"),
        (lambda: a @ b, "matmul(a, b)"),
        (lambda: -a, "mul_by_const(a, c=-1)"),
        (lambda: a * np.float64(2), "mul_by_const(a, c=2.0)"),
        (lambda: ad.mean(a, [0, 1]), "mean(a, dim=(0, 1), keepdim=False)"),
        (lambda: ad.broadcast(a, input_shape=(1, 5), target_shape=(3, 5)), "broadcast(a, input_shape=(1, 5), target_shape=(3, 5))"),
    ],
)
def test_expressions_build_the_operator_they_read_as(build, name):
    assert build().name == name


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.matmul(a), TypeError, r"matmul\(a, b, /\): takes 2 nodes, got 1"),
        (lambda: ad.relu(), TypeError, r"relu\(a, /\): takes 1 node, got 0"),
        (lambda: ad.relu(a, b), TypeError, r"takes 1 arguments, got 2"),
        (lambda: ad.matmul(a, 3.0), TypeError, r"operand b must be a Node, got float 3\.0"),
        (lambda: ad.matmul(torch.ones(2, 3), a), TypeError, r"operand a must be a Node, got Tensor of shape \(2, 3\)"),
        (lambda: ad.transpose(a, 0), TypeError, r"attribute 'dim1' is missing"),
        (lambda: ad.transpose(a, 0, 1, axis=2), TypeError, r"no attribute 'axis' \(attributes: dim0, dim1\)"),
        (lambda: ad.transpose(a, 0, 1, dim0=2), TypeError, r"attribute 'dim0' was given twice"),
        (lambda: ad.mul_by_const(a, b), TypeError, r"attribute 'c' must be a plain value, got the node b"),
        (lambda: a + {}, TypeError, r"'\+' takes nodes and plain numbers, got dict"),
        (lambda: np.ones(3) * a, TypeError, r"got ndarray of shape \(3,\)"),
        (lambda: torch.ones(3) - a, TypeError, r"got Tensor of shape \(3,\).*make a Variable"),
        (lambda: 3 @ a, TypeError, r"both sides of @ must be nodes"),
        (lambda: a**b, TypeError, r"exp\(b \* log\(a\)\)"),
        (lambda: (-2) ** a, ValueError, r"needs a positive number, got -2"),
        (lambda: (a + b).dim, AttributeError, r"add node has no attribute 'dim'"),
        (lambda: ad.mean(a, 0).axis, AttributeError, r"no attribute 'axis' \(its attributes: dim, keepdim\)"),
        (lambda: ad.xyzzy, AttributeError, r"no 'xyzzy'; it has .*Evaluator, "),
        (lambda: ad.sum, AttributeError, r"no 'sum'; did you mean .*sum_op"),
        (lambda: Signature.parse("mean(a"), ValueError, r"an example"),
    ],
)
def test_wrong_calls_say_what_was_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_attributes_of_an_operator_read_as_attributes_of_the_node():
    node = ad.transpose(a, 0, dim1=-1)
    assert (node.dim0, node.dim1, node.attrs) == (0, -1, {"dim0": 0, "dim1": -1})
    assert not hasattr(node, "keepdim")


def test_nodes_survive_copy_and_pickle_of_their_slots():
    node = ad.Node((), table["add"], name="x")
    assert copy.copy(node).name == "x"
    with pytest.raises(AttributeError):
        _ = ad.Node.__new__(ad.Node).attrs
    assert pickle.loads(pickle.dumps(a.name)) == "a"


def test_names_stay_short_however_large_the_graph():
    node = a
    for _ in range(100_000):
        node = node + node
    assert len(node.name) == MAX_NAME


def test_a_node_costs_the_same_memory_at_any_depth():
    """Names are made when asked for: doubling a node must not double anything."""
    node = a
    for _ in range(50):
        node = node + node
    assert sys.getsizeof(node) < 100
    assert node._name is None


def test_two_variables_of_one_name_are_two_nodes():
    assert ad.Variable("x") is not ad.Variable("x")
    assert len({ad.Variable("x"), ad.Variable("x")}) == 2


@pytest.mark.parametrize("method", ["compute", "gradient"])
def test_an_unwritten_exercise_builds_nodes_and_says_which_exercise_it_is(method):
    node = ad.matmul(a, b)
    with pytest.raises(NotImplementedError, match="matmul is exercise 8 of unit 01_operators"):
        getattr(node.op, method)(node, [])


def test_a_written_exercise_takes_the_place_of_the_unwritten_one(fresh_table):
    earlier = a / b

    @ad.operator("div(a, b, /)")
    class DivOp(ad.Op):
        def compute(self, node, inputs):
            return inputs[0] / inputs[1]

    assert isinstance(ad.div, DivOp)
    assert isinstance((a / b).op, DivOp)
    assert not isinstance(earlier.op, DivOp)
    with pytest.raises(NotImplementedError, match=r"DivOp has no method gradient\(self, node, output_grad\)"):
        ad.div.gradient(a / b, a)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("add(a, b, /)", "add is a given operator; choose another name"),
        ("transpose(a, /, axis)", r"the signature of transpose is transpose\(a, /, dim0, dim1\), got transpose\(a, /, axis\)"),
    ],
)
def test_given_operators_and_declared_signatures_are_not_replaced(signature, message):
    with pytest.raises(ValueError, match=message):
        ad.operator(signature)(type("MineOp", (ad.Op,), {}))


def test_a_new_operator_joins_the_table(fresh_table):
    @ad.operator("cube(a, /)")
    class CubeOp(ad.Op):
        def compute(self, node, inputs):
            return inputs[0] ** 3

    assert ad.cube(a).op.compute(ad.cube(a), [torch.tensor(2.0)]) == 8
    assert "cube" in dir(ad)


def test_a_placeholder_that_was_not_fed_says_its_name():
    with pytest.raises(ValueError, match="no value was fed for the variable a"):
        a.op.compute(a, [])
