"""An engine of the probe's in the place of the student's, so that each exercise is asked by itself.

Its tensors have their values as soon as they are made, whatever the operators of the student come to; where it needs a
derivative it asks torch, on the values at hand. It knows no rule, and nothing of it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor as Values

from ...checks.probe import stand_ins
from ...eager import Tensor
from ...graph import Node, Op, Signature
from ...graph_data import inputs_first
from ...registry import table
from ..evaluator.watch import Budget

LOOKS = 40  # reads of a tensor's inputs, and comparisons, that may be needed for each tensor and each of its inputs

WHAT_THEY_COME_TO: dict[str, Callable[..., Values]] = {
    "PowerScalar": lambda a, scalar: torch.pow(a, scalar),
    "EWisePow": torch.pow,
    "EWiseDiv": torch.div,
    "DivScalar": lambda a, scalar: torch.div(a, scalar),
    "MatMul": torch.matmul,
    "Summation": lambda a, axes: torch.sum(a) if axes is None else torch.sum(a, axes),
    "BroadcastTo": lambda a, shape: torch.broadcast_to(a, shape),
    "Reshape": lambda a, shape: torch.reshape(a, shape),
    "Negate": torch.neg,
    "Transpose": lambda a, axes: torch.transpose(a, *((-2, -1) if axes is None else axes)),
    "Log": torch.log,
    "Exp": torch.exp,
    "ReLU": torch.relu,
}
"""The operators that students write for tensors, by name. All others stand in the table as they are."""


def value_of(op: Op, attrs: dict[str, Any], inputs: Sequence[Values]) -> Values:
    known = WHAT_THEY_COME_TO.get(op.name)
    return op.compute(Node((), op, attrs), list(inputs)) if known is None else known(*inputs, **attrs)


def leaf(array: np.ndarray, requires_grad: bool = True) -> Tensor:
    """A tensor that was made of numbers."""
    return Tensor.make_const(torch.tensor(array), requires_grad)


def values_from(outputs: Sequence[Node], differentiably: bool = False) -> dict[Node, Values]:
    """The values of all that outputs depend on, computed from the leaves once more; nothing is put into any tensor."""
    found: dict[Node, Values] = {}
    for node in inputs_first(outputs):
        if node.inputs:
            found[node] = value_of(node.op, node.attrs, [found[one] for one in node.inputs])
        else:
            numbers = cast(Values, cast(Tensor, node).cached_data)
            found[node] = numbers.detach().clone().requires_grad_(cast(Tensor, node).requires_grad) if differentiably else numbers
    return found


# --- what stands in the place of the student's methods


def made(kind: type[Tensor], op: Op, inputs: Sequence[Node], attrs: dict[str, Any]) -> Tensor:
    """A tensor that an operator makes, with its value."""
    values = [cast(Tensor, operand).cached_data for operand in inputs]
    found = kind.__new__(kind)
    found._init(op, inputs, attrs, value_of(op, attrs, cast(list[Values], values)))
    return found


def waiting(kind: type[Tensor], op: Op, inputs: Sequence[Node], attrs: dict[str, Any]) -> Tensor:
    """A tensor that an operator makes, without a value."""
    found = kind.__new__(kind)
    found._init(op, inputs, attrs)
    return found


def realized(self: Tensor) -> Values:
    if self.cached_data is None:
        self.cached_data = values_from([self])[self]
    return self.cached_data


def apart(self: Tensor) -> Tensor:
    return Tensor.make_const(realized(self))


def pulled_back(self: Tensor, out_grad: Tensor | None = None, create_graph: bool = False) -> None:
    """Put numbers into `grad` of all tensors that want them, as torch finds them. They have a history if asked for, but no rule."""
    again = values_from([self], differentiably=True)
    wanted = [node for node in again if cast(Tensor, node).requires_grad]
    start = torch.ones_like(again[self]) if out_grad is None else realized(out_grad)
    grads = pulled(again[self], [again[node] for node in wanted], start)
    for node, grad in zip(wanted, grads, strict=True):
        if grad is not None:
            found = Tensor.make_const(grad.to(torch.promote_types(grad.dtype, start.dtype)))  # as rules make it, and torch does not
            found.inputs = (self,) if create_graph else ()
            cast(Tensor, node).grad = found


def pulled(output: Values, inputs: Sequence[Values], output_grad: Values) -> tuple[Values | None, ...]:
    """torch's gradients. RuntimeError for an `output_grad` of another shape.

    Of a number it finds them without `grad_outputs`, for which it imports half a second's worth of modules in each process.
    """
    if output_grad.shape != output.shape:
        raise RuntimeError(f"Mismatch in shape: the gradient has the shape {tuple(output_grad.shape)}, the output {tuple(output.shape)}")
    return torch.autograd.grad((output * output_grad).sum(), list(inputs), allow_unused=True)


class LossOp(Op):
    """The loss of logits (n, C) for classes (n, C), as one operator."""

    signature = Signature("loss of the probe", ("Z", "y_one_hot"), {})

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        logits, classes = inputs
        return -(torch.log_softmax(logits, 1) * classes).sum() / len(logits)


# --- the engine


METHODS: dict[str, Any] = {
    "make_from_op": classmethod(made),
    "realize_cached_data": realized,
    "detach": apart,
    "backward": pulled_back,
}
"""Methods of tensors, by the names that the student's have."""


def ordered(node_list: Sequence[Node]) -> list[Node]:
    return inputs_first(node_list)


def left_on_tensors(output_tensor: Tensor, out_grad: Tensor, create_graph: bool = False) -> None:
    pulled_back(output_tensor, out_grad, create_graph)


def loss_of(Z: Tensor, y_one_hot: Tensor) -> Node:  # noqa: N803 - as in the notebook: who calls it may say the names
    return LossOp()(Z, y_one_hot)


FUNCTIONS: dict[str, Any] = {
    "find_topo_sort": ordered,
    "compute_gradient_of_variables": left_on_tensors,
    "softmax_loss": loss_of,
}
"""Functions that stand in the student's notebook, by their names, with the parameters that they have there."""


@contextmanager
def engine(asked: str, **others: Any) -> Iterator[None]:
    """While open, tensors have the probe's methods, and the notebook its functions, but for the one that is asked. `others` are
    methods and functions that stand there instead, by their names.

    Raises NotImplementedError where nobody has written it.
    """
    name = asked.split(".")[-1]
    if name in METHODS and not hasattr(table[asked], "owner"):
        table[asked]()
    methods, functions = ({one: others.get(one, plain) for one, plain in known.items() if one != name} for known in (METHODS, FUNCTIONS))
    absent = object()
    before = {one: vars(Tensor).get(one, absent) for one in methods}
    for one, method in methods.items():
        setattr(Tensor, one, method)
    try:
        with stand_ins(asked, functions):
            yield
    finally:
        for one, method in before.items():
            if method is absent:
                delattr(Tensor, one)
            else:
                setattr(Tensor, one, method)


# --- counted work, and chains


class PassingOp(Op):
    """Passes its input on; how often it has computed is counted."""

    signature = Signature("pass on", ("a",), {})

    def __init__(self) -> None:
        self.computed = 0

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        self.computed += 1
        return inputs[0]

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad]


def chain_of(start: Tensor, length: int, with_values: bool = True) -> list[Tensor]:
    """A leaf, and as many tensors after it, each made of the one before. All have the value of the leaf, or will."""
    op, nodes, new, value = PassingOp(), [start], Tensor.__new__, start.cached_data if with_values else None
    attrs: dict[str, Any] = {}  # one for all
    for _ in range(length):
        node = new(Tensor)  # filled here, without a call: there are many of them
        node.op, node.inputs, node.attrs, node._name = op, (start,), attrs, None
        node.cached_data, node.requires_grad, node.grad = value, True, None
        nodes.append(node)
        start = node
    return nodes


@contextmanager
def budget_for(nodes: Sequence[Tensor]) -> Iterator[None]:
    """While open, these tensors count every look at their inputs, and every comparison with another one, against a budget."""
    size = len(nodes) + sum(map(len, map(attrgetter("inputs"), nodes)))
    budget = Budget(size, 1000 + LOOKS * size)
    read_inputs = vars(Node)["inputs"].__get__

    class Watched(Tensor):
        __slots__ = ()
        __hash__ = Tensor.__hash__

        @property
        def inputs(self) -> tuple[Any, ...]:  # type: ignore[override]  # it watches who reads, and writes as ever
            budget.left -= 1
            if budget.left < 0:
                budget.exceeded()
            return read_inputs(self)  # type: ignore[no-any-return]

        @inputs.setter
        def inputs(self, inputs: tuple[Any, ...]) -> None:
            vars(Node)["inputs"].__set__(self, inputs)

        def __eq__(self, other: object) -> bool:
            budget.spend()
            return self is other

        @classmethod
        def make_from_op(cls, op: Op, inputs: Sequence[Node], attrs: dict[str, Any]) -> Tensor:
            return Tensor.make_from_op(op, inputs, attrs)

    for node in nodes:
        node.__class__ = Watched
    try:
        yield
    finally:
        for node in nodes:
            node.__class__ = Tensor
