"""Nodes found in a graph, and graphs made anew with others in their place: to take a part out, or put one operator where two were."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .graph import Node

Rule = Callable[[Node, list[Node]], Node | None]
"""Of a node of the old graph, and its inputs in the new one: what stands there instead, or None for the same operator."""


def rebuilt(order: Sequence[Node], rule: Rule) -> dict[Node, Node]:
    """Each node of `order` -> the one that stands for it in the new graph. Variables stay, where the rule leaves them.

    `order` is a topological order of the old graph. KeyError for a node that stands before one of its inputs.
    """
    new: dict[Node, Node] = {}
    for node in order:
        inputs = [new[operand] for operand in node.inputs]
        instead = rule(node, inputs)
        new[node] = instead if instead is not None else node.op(*inputs, **node.attrs) if inputs else node
    return new


def nodes_of(order: Sequence[Node], operator: str) -> list[Node]:
    """The nodes of an operator, as "softmax", in the order in which they stand. LookupError where there is none."""
    found = [node for node in order if node.op.name == operator]
    if not found:
        raise LookupError(f"there is no {operator} node in this graph; ad.{operator} makes one")
    return found
