"""Graphs as data: there and back through JSON, limits, and refusals that say why."""

import json

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import graph_data
from autodiff_lib.graph_data import GraphError, evaluate, from_json, to_data, to_json
from autodiff_lib.kinds.reference import forward

a, b = ad.Variable("a"), ad.Variable("b")
LEAF = {"leaf": 0}


def test_a_graph_survives_json_and_keeps_its_value():
    shared = ad.mean(a * b, dim=(0, -1), keepdim=True)
    graph = from_json(to_json(to_data([shared + shared, a, shared], [a, b])))
    x, y = torch.randn(2, 3), torch.randn(3)
    mean = (x * y).mean((0, 1), keepdim=True)
    for got, want in zip(evaluate(graph, [x, y], forward()), [2 * mean, x, mean], strict=True):
        torch.testing.assert_close(got, want)
    assert len(graph["nodes"]) == 5, "a shared node is written once"


def test_a_chain_of_100000_nodes_goes_through_without_recursion():
    node = a
    for _ in range(100_000):
        node = node + 1
    (value,) = evaluate(from_json(to_json(to_data([node], [a]))), [torch.zeros(())], forward())
    assert value == 100_000


def test_a_node_built_on_a_leaf_that_is_no_variable_stops_there():
    product = a * b
    graph = to_data([product + 1], [product])
    assert evaluate(graph, [torch.tensor(4.0)], forward())[0] == 5


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([a + ad.Variable("mystery")], "reads the variable 'mystery', which belongs to no input"),
        ([3.0], "entry 0 of the answer must be a Node, got float"),
        ([ad.mul_by_const(a, torch.ones(2))], r"attribute c of mul_by_const must be a plain number.*Tensor of shape \(2,\)"),
    ],
)
def test_what_is_no_graph_over_the_leaves_is_refused(outputs, message):
    with pytest.raises(GraphError, match=message):
        to_data(outputs, [a])


def test_graphs_beyond_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(graph_data, "MAX_NODES", 3)
    with pytest.raises(GraphError, match="more than 3 nodes"):
        to_data([a + 1 + 2 + 3], [a])
    graph = {"nodes": [LEAF] * 4, "outputs": [0]}
    with pytest.raises(GraphError, match="4 nodes, more than 3"):
        from_json(json.dumps(graph))
    monkeypatch.setattr(graph_data, "MAX_BYTES", 10)
    with pytest.raises(GraphError, match="bytes, more than 10"):
        from_json(json.dumps(graph))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "a graph is a dictionary"),
        ('{"nodes": {}, "outputs": []}', "a graph is a dictionary"),
        ('{"nodes": [{"leaf": 0}], "outputs": [1]}', "outputs must be a list of positions below 1"),
        ('{"nodes": [{"leaf": 0}], "outputs": [-1]}', "outputs must be a list of positions"),
        ('{"nodes": [{"leaf": 0}], "outputs": [true]}', "outputs must be a list of positions"),
        ('{"nodes": [{"leaf": -1}], "outputs": []}', "node 0 is neither a leaf nor an operator"),
        ('{"nodes": [{"op": "exp"}], "outputs": []}', "node 0 is neither"),
        ('{"nodes": [{"op": 3, "inputs": [], "attrs": {}}], "outputs": []}', "node 0: op must be a name"),
        ('{"nodes": [{"op": "exp", "inputs": [1], "attrs": {}}], "outputs": []}', "inputs of node 0 must be"),
        (
            '{"nodes": [{"leaf": 0}, {"op": "add", "inputs": [0%s], "attrs": {}}], "outputs": [1]}' % (",0" * 64),
            "node 1 has 65 inputs, more than 64",
        ),
    ],
)
def test_json_that_is_no_graph_is_refused(text, message):
    with pytest.raises(GraphError, match=message):
        from_json(text)


def node(op, *inputs, **attrs):
    return {"op": op, "inputs": list(inputs), "attrs": attrs}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([LEAF, node("eval", 0)], "uses the operator 'eval', which is none of the course's"),
        ([LEAF, node("exp", 1)], "runs in a circle"),
        ([LEAF, {"leaf": 1}], "reads leaf 1, but there are only 1"),
        ([LEAF, node("transpose", 0, dim0=0, dim1=5)], r"transpose with dim0=0, dim1=5 cannot be applied to \(2, 3\)"),
        ([LEAF, node("matmul", 0, 0)], r"matmul cannot be applied to \(2, 3\) and \(2, 3\)"),
        ([LEAF, node("exp", 0, 0)], r"exp cannot be applied"),
        ([LEAF, node("exp", 0, c=3)], r"exp has the attributes none, got c"),
        ([LEAF, node("zeros_like", 0, device="meta")], r"zeros_like has the attributes none, got device"),
    ],
)
def test_graphs_that_cannot_be_evaluated_say_where(nodes, message):
    with pytest.raises(GraphError, match=message):
        evaluate({"nodes": nodes, "outputs": [1]}, [torch.ones(2, 3)], forward())
