"""Operators, asked for their values and for the graphs of their gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...checks.probe import AUTOGRAD, Refused, WrongKindError, missing_return
from ...checks.question import Answer, Ask
from ...graph import Node, Op, Variable
from ...graph_data import to_data
from ...registry import table
from ...units import UNITS


def no_ready_made_answer(exercise: str) -> Refused:
    """While open, what torch has of the same kind as an exercise raises, and its autograd."""
    same = (unit.ready_made[exercise] for unit in UNITS.values() if exercise in unit.ready_made)
    return Refused(AUTOGRAD.union(*same))


def operator_of(ask: Ask) -> tuple[Op, list[Node], Node]:
    """The student's operator, variables for its operands, and the node it makes of them."""
    op = table[ask.settings["operator"]]
    operands = [Variable(name) for name in op.signature.operands]
    if ask.settings.get("repeated"):
        operands = operands[:1] * len(operands)
    return op, operands, op(*operands, **ask.settings["attrs"])


def compute(ask: Ask) -> Answer:
    """`compute` on the arrays, twice; `facts` say whether it changed what it was given."""
    return computed(ask)[0]


def computed(ask: Ask) -> tuple[Answer, list[Tensor], list[Tensor]]:
    """The answer to it, with what `compute` was given and what it has returned."""
    op, _, node = operator_of(ask)
    inputs = [torch.tensor(array) for array in ask.arrays]
    if ask.settings.get("repeated"):
        inputs = inputs[:1] * len(inputs)
    results, values = [], []
    for _ in range(2):
        with no_ready_made_answer(op.name):
            result = op.compute(node, inputs)
        if not isinstance(result, Tensor):
            raise WrongKindError(f"compute must return a torch.Tensor, got {missing_return(result)}")
        results.append(result.detach())
        values.append(results[-1].numpy().copy())
    changed = [
        name
        for name, tensor, array in zip(op.signature.operands, inputs, ask.arrays, strict=True)
        if not np.array_equal(tensor.detach().numpy(), array)
    ]
    return Answer(arrays=tuple(values), facts={"changed": changed}), inputs, results


def gradient(ask: Ask) -> Answer:
    """The graphs that `gradient` returns; their leaves are the operands, then `output_grad`."""
    op, operands, node = operator_of(ask)
    output_grad = Variable("output_grad")
    grads = op.gradient(node, output_grad)
    if not isinstance(grads, list | tuple):
        brackets = "; put it in brackets" if isinstance(grads, Node) else ""
        raise WrongKindError(f"gradient must return a list with one node for each input, got {missing_return(grads)}{brackets}")
    grads = [*grads]  # a class of the student's may tell another length than it has
    if len(grads) != len(operands):
        raise WrongKindError(f"gradient must return one node for each input, that is {len(operands)}, got {len(grads)}")
    return Answer(graph=to_data(grads, leaves=[*operands, output_grad]))
