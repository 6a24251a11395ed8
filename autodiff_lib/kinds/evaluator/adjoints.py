"""The gradients of the nodes between an output and a node, in the order of the backward pass: the way to the gradient of that node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...graph_data import evaluate, evaluation_order
from .. import reference
from ..beside import needed
from ..steps import RESULT, Step, Steps


def adjoints(graph: dict[str, Any], names: Sequence[str], source: int, *leaves: Tensor) -> Steps:
    """For each node between the first output and `source`, last consumers first, its gradient; that of `source` is the result."""
    nodes, output = graph["nodes"], graph["outputs"][0]
    values = evaluate(graph | {"outputs": [*range(len(nodes))]}, leaves, reference.forward())
    arrived: dict[int, list[Tensor]] = {output: [torch.ones_like(values[output])]}
    came_from: dict[int, list[str]] = {output: []}
    for position in reversed(evaluation_order(graph)):
        if position not in arrived or source not in needed(nodes, position):
            continue
        name = RESULT if position == source else f"gradient of {names[position]}"
        grad = yield Step(name, sum_of(arrived[position]), tuple(dict.fromkeys(came_from[position])))
        if position == source:
            return
        for operand, contribution in zip(nodes[position]["inputs"], pulled_back(nodes[position], values, grad), strict=True):
            arrived.setdefault(operand, []).append(contribution)
            came_from.setdefault(operand, []).append(name)


def sum_of(contributions: Sequence[Tensor]) -> Tensor:
    return torch.stack([*contributions]).sum(dim=0)


def pulled_back(node: dict[str, Any], values: Sequence[Tensor], grad: Tensor) -> list[Tensor]:
    """The contributions of one operator to the gradients of its inputs."""
    inputs = [values[operand].detach().requires_grad_() for operand in node["inputs"]]
    attrs = {key: tuple(value) if isinstance(value, list) else value for key, value in node["attrs"].items()}
    return reference.vjp(reference.apply(node["op"], inputs, attrs), inputs, grad)
