"""How operators of tensors are judged, and how their rules that are asked with tensors: on their values, and on others of the same shapes.

A rule may read shapes off its inputs; numbers that it reads off them would not be there where a graph is only declared,
and cannot be differentiated again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree
from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, pictured
from ...graph_data import Forward, GraphError, evaluate_untrusted, outputs_of
from .. import reference
from ..operator.judge import COMPUTE, ComputeCase, GradientCase, beside_gradient, judge_compute, judge_gradient, legal_subgradient
from .probe import CONSTANT

DTYPES = {"float64": torch.float64, "float32": torch.float32}
OTHERS = "other numbers"  # what the second set of a case's numbers is drawn from, beside its seed

RULE = Form(
    "kinds.tensor.probe:rule",
    arrays=lambda case: 1,
    outputs=lambda case: len(case.shapes),
    outputs_of=outputs_of,
    facts={"spoiled": lambda value, case: is_list_of(str, value)},
    beside=beside_gradient,
)

VALUE = replace(COMPUTE, probe="kinds.tensor.probe:compute", facts={**COMPUTE.facts, "kept": is_flag})


def with_constants(answer: Answer) -> Forward:
    """The operators of the course, and the tensors that an answer's graph holds as numbers: those of its last array, in a row."""
    numbers = np.ravel(answer.arrays[-1])

    def constant(start: int, shape: tuple[int, ...], dtype: str) -> Tensor:
        if dtype not in DTYPES or type(start) is not int or not all(type(size) is int for size in shape):
            raise ValueError("it is no tensor")
        held = numbers[start : start + math.prod(shape)]
        return torch.tensor(held.astype(np.float64), dtype=DTYPES[dtype]).reshape(shape)

    return {**reference.forward(), CONSTANT: constant}


@dataclass(frozen=True)
class ValueCase(ComputeCase):
    """The value of an operator, which many tensors hold: each has to have an array that no later one is written into."""

    form: ClassVar[Form] = VALUE


def judge_value(case: ValueCase, answer: Answer) -> Failure | None:
    if (problem := judge_compute(case, answer)) or not answer.facts["kept"]:
        return problem
    message = "compute was called twice, and both results lie in one array, which is not the input's: when one is overwritten, both change."
    hint = "A tensor holds the first result, and somebody calls the operator once more. Where is the second one put?"
    return Failure(case.name, "wrong", message, hint, np.ones(1), None, case.inputs)


@dataclass(frozen=True)
class RuleCase(GradientCase):
    """The gradient of an operator, asked with tensors that hold numbers, or wait for them as in lazy mode."""

    form: ClassVar[Form] = RULE

    waiting: bool = False

    @cached_property
    def name(self) -> str:
        return super().name + ", waiting for their values" * self.waiting

    def features(self) -> dict[str, Any]:
        return {**super().features(), "values": "still to come" if self.waiting else "there"}

    def ask(self) -> Ask:
        *_, output_grad = self.truth.leaves
        arrays = (*self.inputs.values(), output_grad.detach().numpy().astype(self.dtype))
        return Ask(self.form.probe, {**self.settings(), "waiting": self.waiting}, arrays)

    def forward(self, answer: Answer) -> Forward:
        return with_constants(answer)

    @cached_property
    def elsewhere(self) -> RuleCase:
        """The same with other numbers, of the same kind even where these are for a pencil."""
        return replace(self, seed=f"{self.seed}, {OTHERS}", on_paper=())


def judge_rule(case: RuleCase, answer: Answer) -> Failure | None:
    return judge_spoiled(case, answer) or judge_gradient(case, answer) or judge_elsewhere(case, answer) or judge_dtype(case, answer)


def failure(case: RuleCase, message: str, hint: str, got: Tensor | None = None, want: Tensor | None = None) -> Failure:
    *_, output_grad = case.truth.leaves
    shown = {**case.inputs, "output_grad": output_grad.detach().numpy()}
    return Failure(case.name, "wrong", message, hint, pictured(got), pictured(want), shown)


def judge_spoiled(case: RuleCase, answer: Answer) -> Failure | None:
    """Nobody else's numbers may have changed."""
    if not answer.facts["spoiled"]:
        return None
    names = " and ".join(answer.facts["spoiled"][:3])
    message = f"gradient changed the numbers of {names}."
    return failure(case, message, "They belong to others, who still need them: a gradient makes new tensors.")


def judge_elsewhere(case: RuleCase, answer: Answer) -> Failure | None:
    """The graph must be right for all numbers of these shapes."""
    other = case.elsewhere
    *operands, output_grad = other.truth.leaves
    try:
        grads = evaluate_untrusted(answer.graph, other.truth.leaves, case.forward(answer))
    except GraphError as error:
        return failure(case, f"With other numbers in tensors of the same shapes the graph cannot be evaluated: {error}", "")
    if case.kinked:
        grads = [legal_subgradient(operands[0], output_grad, grads[0], other.truth.grads[0])]
    for name, grad, want in zip(case.inputs, grads, other.truth.grads, strict=True):
        if not agree(grad.detach().numpy(), want.detach().numpy(), "float64"):
            message = (
                f"The gradient with respect to {name} is right for these numbers. With others in tensors of the same shapes "
                "the same graph is wrong: it holds numbers that were read off the tensors."
            )
            hint = "A graph that is only declared has no numbers to read. Which operator says it?"
            return failure(case, message, hint, grad, want)
    return None


def judge_dtype(case: RuleCase, answer: Answer) -> Failure | None:
    """Single precision stays single precision."""
    if case.dtype == "float64":
        return None
    leaves = [leaf.detach().to(DTYPES[case.dtype]) for leaf in case.truth.leaves]
    hint = "Which tensor in your rule was made with another dtype than its neighbours?"
    try:
        grads = evaluate_untrusted(answer.graph, leaves, case.forward(answer))
    except GraphError as error:
        return failure(case, f"The gradient is right in float64, and cannot be evaluated in {case.dtype}: {error}", hint)
    for name, grad in zip(case.inputs, grads, strict=True):
        if grad.dtype != leaves[0].dtype:
            got = str(grad.dtype).removeprefix("torch.")
            return failure(case, f"The gradient with respect to {name} has dtype {got} for {case.dtype} inputs.", hint, grad)
    return None
