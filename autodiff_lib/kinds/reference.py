"""What every operator means, said once more in torch: the judge's own truth.

Nothing of it builds graphs, so none of it answers an exercise's `gradient`: where the judge needs a
derivative it asks torch's autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..graph_data import Forward
from ..units import UNITS, part_of
from .steps import Steps


def expand_as(a: Tensor, like: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    listed = dim if isinstance(dim, tuple) else (dim,)
    for axis in sorted(axis % like.ndim for axis in listed):
        a = torch.unsqueeze(a, axis)
    if a.ndim > like.ndim:
        raise ValueError("dim names axes that the first operand does not lack; with keepdim=True none is missing")
    return a.expand(like.shape)


GIVEN: Forward = {
    "add": torch.add,
    "add_by_const": lambda a, c: a + c,
    "sub": torch.sub,
    "mul": torch.mul,
    "mul_by_const": lambda a, c: a * c,
    "greater": lambda a, b: torch.gt(a, b).to(a.dtype),
    "sum_op": lambda a, dim, keepdim: torch.sum(a, dim, keepdim),
    "expand_as": expand_as,
    "broadcast": lambda a, input_shape, target_shape: torch.broadcast_to(a.reshape(input_shape), target_shape),
    "unbroadcast": lambda a, like: a.sum_to_size(like.shape),
    "summed_product": lambda a, b, like: (a.mT @ b).sum_to_size(like.shape),
    "written_out": lambda a: a.contiguous(),
    "reshape": torch.reshape,
    "reshape_as": lambda a, like: a.reshape(like.shape),
    "zeros_like": torch.zeros_like,
    "ones_like": torch.ones_like,
    "log": torch.log,
    "exp": torch.exp,
}


@cache
def forward() -> Forward:
    """All operators of the course, those of each unit from its `truth.py`."""
    return {
        **GIVEN,
        **{name: value for unit in UNITS.values() if unit.operators for name, value in part_of(unit.name, "truth").FORWARD.items()},
    }


@cache
def steps() -> dict[str, Callable[..., Steps]]:
    """Operator -> the values on the way to its own, of its operands and attributes, where its unit's `truth.py` tells them."""
    return {name: found for unit in UNITS.values() if unit.operators for name, found in told(unit.name, "STEPS").items()}


@cache
def gradient_steps() -> dict[str, tuple[Callable[..., Steps], ...]]:
    """Operator -> for each operand the values on the way to its gradient, of operands, output_grad and attributes, as above."""
    return {name: found for unit in UNITS.values() if unit.operators for name, found in told(unit.name, "GRADIENT_STEPS").items()}


def told(unit: str, what: str) -> dict[str, Any]:
    return getattr(part_of(unit, "truth"), what, {})


def apply(operator: str, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Tensor:
    """The value of an operator of the course."""
    return forward()[operator](*inputs, **attrs)


def vjp(output: Tensor, inputs: Sequence[Tensor], output_grad: Tensor) -> list[Tensor]:
    """Gradients of <output, output_grad> with respect to `inputs`, still differentiable; zeros where unused."""
    return pull_back([output], inputs, [output_grad])


def pull_back(outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of the sum of <output, cotangent> over all outputs; zeros for an input that none depends on."""
    reached = [(out, cotangent) for out, cotangent in zip(outputs, cotangents, strict=True) if out.requires_grad]
    if not reached:
        return [torch.zeros_like(tensor) for tensor in inputs]
    total = torch.stack([torch.sum(out * cotangent) for out, cotangent in reached]).sum()
    grads = torch.autograd.grad(total, list(inputs), create_graph=True, allow_unused=True)
    return [torch.zeros_like(tensor) if grad is None else grad for tensor, grad in zip(inputs, grads, strict=True)]
