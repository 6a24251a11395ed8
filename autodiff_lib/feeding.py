"""Values on their way into a graph and out of it: by names, and NumPy arrays that come out as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .graph import Node
from .messages import describe_value


def feed(nodes: Mapping[str, Node], values: Mapping[str, Any]) -> dict[Node, Any]:
    """What is fed to an evaluator, of nodes and of values with the same names. ValueError for a name that one of them lacks."""
    if nodes.keys() != values.keys():
        lacking, unknown = sorted(nodes.keys() - values.keys()), sorted(values.keys() - nodes.keys())
        found = [f"no value for {', '.join(lacking)}"] * bool(lacking) + [f"no node for {', '.join(unknown)}"] * bool(unknown)
        raise ValueError(f"feed: there is {' and '.join(found)}; nodes and values must have the same names")
    return {nodes[name]: value for name, value in values.items()}


def as_tensors(input_values: Mapping[Node, Any]) -> tuple[dict[Node, Tensor], Callable[[list[Tensor]], list[Any]]]:
    """A new dictionary with the fed values as tensors, and the function that turns results back.

    Tensors stay as they are, on their device and in their dtype; NumPy arrays share their memory
    with their tensor; plain numbers become float64. Results are NumPy arrays if all that was fed
    were arrays, else tensors. TypeError for anything else, by the variable's name.
    """
    tensors = {node: as_tensor(value, node) for node, value in input_values.items()}
    numpy_fed = bool(input_values) and all(isinstance(value, np.ndarray) for value in input_values.values())
    return tensors, (lambda results: [result.numpy() for result in results]) if numpy_fed else list


def as_tensor(value: Any, node: Node) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, int | float | np.number):
        return torch.tensor(float(value), dtype=torch.float64)
    raise TypeError(f"the value of {node.name} must be a torch.Tensor, a NumPy array or a number, got {describe_value(value)}")
