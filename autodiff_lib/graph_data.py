"""Graphs as data: plain dictionaries that go through JSON, and the way back to a value.

    {"nodes": [{"leaf": 0}, {"leaf": 1}, {"op": "mul", "inputs": [0, 1], "attrs": {}}], "outputs": [2]}

An input is the position of a node in the list; a leaf is the position of a variable among those that
the asker named. Whoever receives such a graph can evaluate it with operators of their own, so
an answer that is a graph is graded without running a line of the code that built it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from .graph import Node, Op
from .messages import describe_value
from .registry import table

MAX_NODES = 200_000
MAX_ELEMENTS = 20_000_000  # numbers that the values of an untrusted graph may take, all nodes together
MAX_BYTES = 64 * 2**20  # of the JSON text
MAX_LIST, MAX_LETTERS, MAX_BITS = 64, 200, 1024  # inputs, entries of an attribute that is a list, letters of a text, bits of a whole number
LONG_PRODUCT = 16  # the inner axis from which on a matrix product counts for more than the numbers that come out of it
STRETCHES = {"broadcast": "target_shape", "BroadcastTo": "shape"}  # operators that stretch -> the attribute that says how far
PRODUCTS = ("matmul", "MatMul")

Forward = dict[str, Callable[..., Tensor]]
"""Operator name -> function of the input values and, by keyword, the attributes."""


class GraphError(ValueError):
    """A graph that cannot be read or evaluated; the message says where and why.

    Where an operator cannot be applied, `inputs` are the values that it was given.
    """

    inputs: Sequence[Tensor] = ()


def to_data(outputs: Sequence[Node], leaves: Sequence[Node]) -> dict[str, Any]:
    """Everything that `outputs` depend on, as plain data, inputs first. Stops at `leaves`, numbered in their order.

    Raises GraphError for a placeholder that is not among `leaves`, for an attribute that is not
    plain data, and beyond `MAX_NODES` nodes.
    """
    for number, output in enumerate(outputs):
        if not isinstance(output, Node):
            raise GraphError(f"entry {number} of the answer must be a Node, got {describe_value(output)}")
    leaf_number = {leaf: number for number, leaf in enumerate(leaves)}
    nodes = inputs_first(outputs, leaf_number)
    position = {node: number for number, node in enumerate(nodes)}
    written: list[dict[str, Any]] = []
    for node in nodes:
        if node in leaf_number:
            written.append({"leaf": leaf_number[node]})
            continue
        if not isinstance(node.op.name, str):
            raise GraphError(f"the name of an operator must be a text, got {describe_value(node.op.name)}")
        if node.op.name == "placeholder":
            raise GraphError(f"the graph reads the variable '{node.name}', which belongs to no input of this question")
        attrs = {key: plain(value, f"attribute {key} of {node.op.name}") for key, value in node.attrs.items()}
        written.append({"op": node.op.name, "inputs": [position[operand] for operand in node.inputs], "attrs": attrs})
    return {"nodes": written, "outputs": [position[output] for output in outputs]}


def plain(value: Any, what: str) -> Any:
    """The value of an attribute, a tuple as a list. GraphError where it is not plain data of a moderate size."""
    listed = list(value) if isinstance(value, tuple | list) else value
    if not is_plain(listed):
        raise GraphError(f"{what} must be a plain number, text or tuple of them, got {describe_value(value)}")
    return listed


def is_plain(value: Any) -> bool:
    """Whether a value can be an attribute: a number, a text, None, or a list of them. None is so large that to print it takes long."""
    if isinstance(value, list):
        return len(value) <= MAX_LIST and all(not isinstance(item, list) and is_plain(item) for item in value)
    if isinstance(value, str):
        return len(value) <= MAX_LETTERS
    return value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() <= MAX_BITS)


def from_data(graph: dict[str, Any], leaves: Sequence[Node]) -> list[Node]:
    """All nodes of `graph`, by their positions, over the variables `leaves`.

    Raises GraphError for an operator that is not in the table, and for a call that does not fit its signature.
    """
    nodes: list[Any] = [None] * len(graph["nodes"])
    for position in evaluation_order(graph):
        entry = graph["nodes"][position]
        if "leaf" in entry:
            if entry["leaf"] >= len(leaves):
                raise GraphError(f"the graph reads leaf {entry['leaf']}, but there are only {len(leaves)}")
            nodes[position] = leaves[entry["leaf"]]
            continue
        op = table.get(entry["op"])
        if not isinstance(op, Op):
            raise GraphError(f"the graph uses the operator '{entry['op']}', which is none of the course's")
        try:
            nodes[position] = op(*(nodes[operand] for operand in entry["inputs"]), **entry["attrs"])
        except TypeError as error:
            raise GraphError(f"node {position} does not fit: {error}") from None
    return nodes


def to_json(graph: dict[str, Any]) -> str:
    return json.dumps(graph, separators=(",", ":"))


def from_json(text: str) -> dict[str, Any]:
    """The graph in `text`. GraphError for too much, for what is not JSON, and for what is not a graph."""
    if len(text) > MAX_BYTES:
        raise GraphError(f"the graph takes {len(text)} bytes, more than {MAX_BYTES}")
    try:
        graph = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise GraphError(f"not JSON: {error}") from None
    validate(graph)
    return graph


def outputs_of(graph: dict[str, Any]) -> int:
    """How many outputs a graph has. GraphError where it is none."""
    validate(graph)
    return len(graph["outputs"])


def validate(graph: Any) -> None:
    """GraphError unless `graph` has the form this module's docstring shows."""
    if not (isinstance(graph, dict) and set(graph) == {"nodes", "outputs"} and isinstance(graph["nodes"], list)):
        raise GraphError("a graph is a dictionary with a list of 'nodes' and a list of 'outputs'")
    count = len(graph["nodes"])
    if count > MAX_NODES:
        raise GraphError(f"the graph has {count} nodes, more than {MAX_NODES}")
    check_positions(graph["outputs"], count, "outputs")
    for position, node in enumerate(graph["nodes"]):
        if isinstance(node, dict) and set(node) == {"leaf"} and is_count(node["leaf"]):
            continue
        if not (isinstance(node, dict) and set(node) == {"op", "inputs", "attrs"}):
            raise GraphError(f"node {position} is neither a leaf nor an operator with inputs and attrs")
        if not (isinstance(node["op"], str) and isinstance(node["attrs"], dict)):
            raise GraphError(f"node {position}: op must be a name, and attrs a dictionary")
        if not (len(node["op"]) <= MAX_LETTERS and len(node["attrs"]) <= MAX_LIST):
            raise GraphError(f"node {position}: its operator's name, or the list of its attributes, is too long")
        for key, value in node["attrs"].items():
            if len(key) > MAX_LETTERS or not is_plain(value):
                raise GraphError(f"node {position}: an attribute must be a plain number, text or list of them, of moderate size")
        check_positions(node["inputs"], count, f"inputs of node {position}")
        if len(node["inputs"]) > MAX_LIST:
            raise GraphError(f"node {position} has {len(node['inputs'])} inputs, more than {MAX_LIST}")


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def check_positions(positions: Any, count: int, what: str) -> None:
    if not isinstance(positions, list) or not all(is_count(item) and item < count for item in positions):
        raise GraphError(f"{what} must be a list of positions below {count}")


def inputs_first(outputs: Iterable[Node], leaves: Container[Node] = ()) -> list[Node]:
    """All nodes that `outputs` depend on, inputs before their consumers; what `leaves` depend on is left out.

    Raises GraphError beyond `MAX_NODES` nodes.
    """
    inputs: dict[Node, tuple[Node, ...]] = {}
    todo = list(outputs)
    while todo:
        node = todo.pop()
        if node not in inputs:
            if len(inputs) == MAX_NODES:
                raise GraphError(f"the graph has more than {MAX_NODES} nodes")
            inputs[node] = () if node in leaves else node.inputs
            todo += inputs[node]
    return list(TopologicalSorter(inputs).static_order())


def evaluation_order(graph: dict[str, Any]) -> list[int]:
    """Positions such that every node comes after its inputs. GraphError where there is a cycle."""
    inputs = [node.get("inputs", ()) for node in graph["nodes"]]
    if all(operand < position for position, operands in enumerate(inputs) for operand in operands):
        return list(range(len(inputs)))  # as `to_data` writes them
    lacking = [len(operands) for operands in inputs]
    consumers: list[list[int]] = [[] for _ in inputs]
    for position, operands in enumerate(inputs):
        for operand in operands:
            consumers[operand].append(position)
    order = [position for position, count in enumerate(lacking) if not count]
    for position in order:
        for consumer in consumers[position]:
            lacking[consumer] -= 1
            if not lacking[consumer]:
                order.append(consumer)
    if len(order) < len(inputs):
        raise GraphError(f"the graph runs in a circle: {' -> '.join(map(str, circle(inputs)))}")
    return order


def circle(inputs: Sequence[Sequence[int]]) -> list[int]:
    """The first nodes of a circle that is there."""
    try:
        TopologicalSorter(dict(enumerate(inputs))).prepare()
    except CycleError as error:
        return error.args[1][:8]
    return []


def evaluate_untrusted(graph: dict[str, Any], leaves: Sequence[Tensor], forward: Forward) -> list[Tensor]:
    """`evaluate` for a graph that somebody else built: no operator runs before it is known to fit into memory.

    Raises GraphError as `evaluate` does, and where the values could take more than `MAX_ELEMENTS` numbers.
    """
    left = MAX_ELEMENTS

    def guarded(name: str) -> Callable[..., Tensor]:
        def apply(*inputs: Tensor, **attrs: Any) -> Tensor:
            nonlocal left
            left -= most_elements(name, inputs, attrs)
            if left < 0:
                raise ValueError(f"the values of the graph would take more than {MAX_ELEMENTS} numbers")
            return forward[name](*inputs, **attrs)

        return apply

    return evaluate(graph, leaves, {name: guarded(name) for name in forward})


def most_elements(name: str, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> int:
    """No fewer elements than the operator's result has; more for a matrix product that takes long."""
    if name in STRETCHES:  # -1 keeps the size of an axis
        return math.prod(max(1, size) for size in attrs[STRETCHES[name]]) * max(1, inputs[0].numel())
    shapes = [tuple(value.shape) for value in inputs]
    if name in PRODUCTS and min(map(len, shapes)) >= 2:
        long = max(1, shapes[0][-1] // LONG_PRODUCT)
        return long * shapes[0][-2] * shapes[1][-1] * stretched(shapes[0][:-2], shapes[1][:-2])
    if len(inputs) == 2 and shapes[0] != shapes[1]:
        return stretched(*shapes)
    return max((math.prod(shape) for shape in shapes), default=0)


def stretched(*shapes: tuple[int, ...]) -> int:
    """The number of elements of what the shapes broadcast to, in any order of axes: the larger of each, multiplied."""
    aligned = zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1)
    return math.prod(max(sizes) for sizes in aligned)


def evaluate(graph: dict[str, Any], leaves: Sequence[Tensor], forward: Forward) -> list[Tensor]:
    """The values of the outputs, from the values of the leaves, with the operators in `forward`.

    Raises GraphError for a leaf without a value, an operator that `forward` does not have, and an
    operator that cannot be applied; the message names the operator and the shapes.
    """
    values: list[Tensor | None] = [None] * len(graph["nodes"])
    for position in evaluation_order(graph):
        node = graph["nodes"][position]
        if "leaf" in node:
            if node["leaf"] >= len(leaves):
                raise GraphError(f"the graph reads leaf {node['leaf']}, but there are only {len(leaves)}")
            values[position] = leaves[node["leaf"]]
            continue
        name, inputs = node["op"], [values[operand] for operand in node["inputs"]]
        if name not in forward:
            raise GraphError(f"the graph uses the operator '{name}', which is none of the course's")
        attrs = {key: tuple(value) if isinstance(value, list) else value for key, value in node["attrs"].items()}
        known = table.get(name)
        if isinstance(known, Op) and set(attrs) != set(known.signature.attrs):
            wanted, got = (", ".join(map(str, names)) or "none" for names in (known.signature.attrs, attrs))
            raise GraphError(f"{name} has the attributes {wanted}, got {got}")
        try:
            values[position] = forward[name](*inputs, **attrs)
        except (RuntimeError, IndexError, TypeError, ValueError, KeyError, ZeroDivisionError, OverflowError) as error:
            shapes = " and ".join(str(tuple(value.shape)) for value in inputs) or "nothing"
            detail = ", ".join(f"{key}={value}" for key, value in attrs.items())
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            refused = GraphError(f"{name}{f' with {detail}' if detail else ''} cannot be applied to {shapes}: {reason}.")
            refused.inputs = inputs
            raise refused from None
    outputs = [values[position] for position in graph["outputs"]]
    return [torch.as_tensor(value) for value in outputs]
