"""The given operators. Each is `compute` on values and `gradient` on nodes, side by side.

Gradients are built from given operators only, so they can be differentiated again and do not lean
on exercises. A gradient has the shape of the node it belongs to: wherever operands may broadcast,
the rule ends in `unbroadcast`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .graph import Node, Op, operator
from .registry import table


def axes(dim: int | tuple[int, ...], rank: int, op: str) -> tuple[int, ...]:
    """`dim` as non-negative axes of a tensor of that rank, ascending; IndexError where there is no such axis."""
    listed = dim if isinstance(dim, tuple) else (dim,)
    for axis in listed:
        if not isinstance(axis, int) or not -rank <= axis < rank:
            raise IndexError(f"{op}: dim={dim!r} names no axis of a tensor of rank {rank} (axes {-rank} to {rank - 1})")
    positive = sorted({axis % rank for axis in listed})
    if len(positive) != len(listed):
        raise IndexError(f"{op}: dim={dim!r} names an axis of a tensor of rank {rank} twice")
    return tuple(positive)


def sum_to(value: Tensor, shape: torch.Size) -> Tensor:
    """`value` summed over every axis along which `shape` would be stretched to reach it."""
    if value.shape == shape:
        return value
    extra = value.ndim - len(shape)
    stretched = [extra + axis for axis, size in enumerate(shape) if size == 1 and value.shape[extra + axis] != 1]
    if extra < 0 or any(size not in (1, value.shape[extra + axis]) for axis, size in enumerate(shape)):
        raise ValueError(f"unbroadcast: shape {tuple(shape)} does not stretch to {tuple(value.shape)}")
    return value.sum([*range(extra), *stretched]).reshape(shape) if extra or stretched else value


@operator("add(a, b, /)")
class AddOp(Op):
    """a + b, element by element; the shapes broadcast."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0] + inputs[1]

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, b = node.inputs
        return [unbroadcast(output_grad, a), unbroadcast(output_grad, b)]


@operator("add_by_const(a, /, c)")
class AddByConstOp(Op):
    """a + c, for a number c."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0] + node.c

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad]


@operator("sub(a, b, /)")
class SubOp(Op):
    """a - b, element by element; the shapes broadcast."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0] - inputs[1]

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, b = node.inputs
        return [unbroadcast(output_grad, a), unbroadcast(-output_grad, b)]


@operator("mul(a, b, /)")
class MulOp(Op):
    """a * b, element by element; the shapes broadcast."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0] * inputs[1]

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, b = node.inputs
        return [unbroadcast(output_grad * b, a), unbroadcast(output_grad * a, b)]


@operator("mul_by_const(a, /, c)")
class MulByConstOp(Op):
    """c * a, for a number c."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0] * node.c

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad * node.c]


@operator("greater(a, b, /)")
class GreaterOp(Op):
    """1 where a > b, else 0; the shapes broadcast. Flat everywhere, so its gradients are zeros."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        a, b = inputs
        return torch.gt(a, b, out=a.new_empty(0))  # numbers at once, with no array of bools between

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, b = node.inputs
        return [zeros_like(a), zeros_like(b)]


@operator("sum_op(a, /, dim, keepdim=False)")
class SumOp(Op):
    """The sum over the axes `dim` (an int or a tuple), which vanish unless `keepdim`."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0].sum(axes(node.dim, inputs[0].ndim, "sum_op"), keepdim=node.keepdim)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [expand_as(output_grad, node.inputs[0], dim=() if node.keepdim else node.dim)]


@operator("expand_as(a, like, /, dim=())")
class ExpandAsOp(Op):
    """`a` stretched to the shape of `like`; axes `dim` of `like` that `a` lacks are put back first."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        a, like = inputs
        for axis in axes(node.dim, like.ndim, "expand_as"):
            a = a.unsqueeze(axis)
        if a.ndim > like.ndim:
            shape = tuple(inputs[0].shape)
            raise ValueError(f"expand_as: dim={node.dim} names axes that a, of shape {shape}, does not lack: leave dim out")
        return a.expand_as(like)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, like = node.inputs
        summed = sum_op(output_grad, dim=node.dim) if node.dim != () else output_grad
        return [unbroadcast(summed, a), zeros_like(like)]


@operator("broadcast(a, /, input_shape, target_shape)")
class BroadcastOp(Op):
    """`a`, of shape `input_shape`, stretched to `target_shape`."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        if inputs[0].shape != torch.Size(node.input_shape):
            raise ValueError(f"broadcast: input_shape is {node.input_shape}, got a value of shape {tuple(inputs[0].shape)}")
        return inputs[0].expand(node.target_shape)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [unbroadcast(output_grad, node.inputs[0])]


@operator("unbroadcast(a, like, /)")
class UnbroadcastOp(Op):
    """`a` summed down to the shape of `like`: the gradient of stretching `like` to the shape of `a`."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return sum_to(inputs[0], inputs[1].shape)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, like = node.inputs
        return [expand_as(output_grad, a), zeros_like(like)]


@operator("reshape(a, /, shape)")
class ReshapeOp(Op):
    """The elements of `a` in row-major order, in another shape; one size may be -1."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0].reshape(node.shape)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [reshape_as(output_grad, node.inputs[0])]


@operator("reshape_as(a, like, /)")
class ReshapeAsOp(Op):
    """The elements of `a` in row-major order, in the shape of `like`."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return inputs[0].reshape(inputs[1].shape)

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, like = node.inputs
        return [reshape_as(output_grad, a), zeros_like(like)]


@operator("zeros_like(like, /)")
class ZerosLikeOp(Op):
    """Zeros of the shape of `a`."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return torch.zeros_like(inputs[0])

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [zeros_like(node.inputs[0])]


@operator("ones_like(like, /)")
class OnesLikeOp(Op):
    """Ones of the shape of `a`."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return torch.ones_like(inputs[0])

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [zeros_like(node.inputs[0])]


@operator("log(a, /)")
class LogOp(Op):
    """The natural logarithm of positive numbers."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return torch.log(inputs[0])

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad * exp(-node)]  # 1/a = exp(-log a): division is still to be written


@operator("exp(a, /)")
class ExpOp(Op):
    """e to the power a."""

    def compute(self, node: Node, inputs: list[Tensor]) -> Tensor:
        return torch.exp(inputs[0])

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad * node]


expand_as, unbroadcast, sum_op, reshape_as = (table[name] for name in ("expand_as", "unbroadcast", "sum_op", "reshape_as"))
zeros_like, exp = table["zeros_like"], table["exp"]
