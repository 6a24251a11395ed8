"""What the unit asks beyond its exercises, and does not grade: two more backward functions and a loss, a buffer with tokens, a network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_flag
from ...checks.question import Answer, Ask, Failure, Part, Question
from ...checks.values import Shape, generator
from .layers import judge_consistent, judge_forward, judge_passed_on, judge_traced
from .questions import loss_cases, reduction_part
from .unit import UNIT

# --- a buffer with tokens

SHARING = ("x", "x.T", "x[:2]", "x.reshape(-1)", "a copy of x")
TOKENS = Form("units.tape.probe:tokens", arrays=lambda case: len(SHARING), facts={"reused": is_flag, "cleared": is_flag})


@dataclass(frozen=True)
class TokenCase:
    """Arrays that share memory, each with a gradient of its own."""

    form: ClassVar[Form] = TOKENS

    shape: tuple[int, int]
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"x {list(self.shape)}"

    def features(self) -> dict[str, Any]:
        return {}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        n, m = self.shape
        shapes: tuple[Shape, ...] = ((n, m), (n, m), (m, n), (min(n, 2), m), (n * m,), (n, m))
        rng = generator(self.seed, self.name)
        return tuple(rng.standard_normal(shape) for shape in shapes)

    def ask(self) -> Ask:
        return Ask(self.form.probe, {}, self.arrays)


def judge_tokens(case: TokenCase, answer: Answer) -> Failure | None:
    for name, got, gradient in zip(SHARING, answer.arrays, case.arrays[1:], strict=True):
        if not agree(got, 2 * gradient, "float64"):
            message = f"The gradient of {name} is wrong, after it was added twice, and others to the arrays that share memory with it."
            return Failure.wrong(case, message, diagnose(got, 2 * gradient, "float64"), got, 2 * gradient)
    if answer.facts["reused"]:
        message = "A new array found the spot of one that is gone."
        return Failure.wrong(case, message, "What does Python do with the id of an array that nobody holds?")
    if not answer.facts["cleared"]:
        return Failure.wrong(case, "After clear the buffer knows arrays still.", "What has to be forgotten?")
    return None


# --- a network


@dataclass(frozen=True)
class TrainCase:
    """A network of some sizes, and steps on one batch."""

    form: ClassVar[Form] = Form("units.tape.probe:train", arrays=lambda case: 2 * (len(case.sizes) - 1) + 2, facts={"grows": is_flag})

    sizes: tuple[int, ...]
    rows: int
    steps: int
    lr: float = 0.1
    momentum: float = 0.0
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        shown = " - ".join(map(str, self.sizes))
        return f"sizes {shown}, {self.rows} rows, {self.steps} step{'s' * (self.steps > 1)}, lr {self.lr:g}, momentum {self.momentum:g}"

    def features(self) -> dict[str, Any]:
        return {"steps": self.steps, "momentum": self.momentum}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """W (out, in) and b (out, 1) of each layer; x and y."""
        rng = generator(self.seed, self.name)
        pairs = list(zip(self.sizes, self.sizes[1:], strict=False))
        weights = [rng.standard_normal(shape) / math.sqrt(n) for n, m in pairs for shape in ((m, n), (m, 1))]
        return (*weights, rng.standard_normal((self.rows, self.sizes[0])), rng.standard_normal((self.rows, self.sizes[-1])))

    def ask(self) -> Ask:
        settings = {"sizes": list(self.sizes), "steps": self.steps, "lr": self.lr, "momentum": self.momentum}
        return Ask(self.form.probe, settings, self.arrays)

    @cached_property
    def wanted(self) -> list[np.ndarray]:
        """The weights after the steps, the losses before each, and what the network says then, by torch."""
        *weights, x, y = map(torch.tensor, self.arrays)
        network = [torch.nn.Parameter(weight.clone()) for weight in weights]
        optimizer = torch.optim.SGD(network, lr=self.lr, momentum=self.momentum)

        def said() -> torch.Tensor:
            found = x
            for W, b in zip(network[::2], network[1::2], strict=True):
                found = torch.tanh(found @ W.mT + b.mT)
            return found

        losses = []
        for _ in range(self.steps):
            optimizer.zero_grad()
            loss = ((said() - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return [*(weight.detach().numpy() for weight in network), np.array(losses), said().detach().numpy()]


def judge_step(case: TrainCase, answer: Answer) -> Failure | None:
    layers = range(len(case.sizes) - 1)
    names = [f"{name} of layer {number}" for number in layers for name in ("W", "b")] + ["The losses", "What forward returns"]
    wanted = list(zip(names, answer.arrays, case.wanted, strict=True))
    for name, got, want in (wanted[-2], *wanted[:-2], wanted[-1]):  # the loss of a first step depends on forward alone
        if not agree(got, want, "float64"):
            message = f"{name} after {case.steps} step{'s' * (case.steps > 1)} of training: wrong."
            return Failure.wrong(case, message, diagnose(got, want, "float64"), got, want)
    if answer.facts["grows"]:
        message = f"After each of {case.steps} steps there is more on the tape than after the one before."
        return Failure.wrong(case, message, "What has to be done before the next batch is recorded?", np.ones(1))
    return None


def parts_of_loss() -> tuple[Part, ...]:
    value, gradient, divergence, rest = loss_cases("MSELoss")
    return (
        Part("value", 0, value, judge_forward, "over how many entries the mean goes"),
        Part("gradient", 0, gradient, judge_traced, "the derivative of a square, and by what it is divided"),
        Part("divergence", 0, divergence, judge_passed_on, "what is done with grad_output"),
        Part("all else", 0, rest, judge_consistent, "dtypes, what is left alone, and what two calls share"),
    )


def questions() -> tuple[Question, ...]:
    steps = (TrainCase((2, 1), 3, 1), TrainCase((2, 3, 2), 4, 1), TrainCase((3, 3, 3), 3, 2))
    momentum = tuple(TrainCase(case.sizes, case.rows, 4, 0.2, 0.9) for case in steps)
    tokens = tuple(TokenCase(shape) for shape in ((2, 2), (3, 4), (3, 3)))
    parts = {
        "sum_backward": (reduction_part("sum_backward"),),
        "max_backward": (reduction_part("max_backward"),),
        "MSELoss": parts_of_loss(),
        "TokenBuffer": (Part("spots", 0, tokens, judge_tokens, "what tells one array from another, and for how long"),),
        "MLP": (
            Part("steps", 0, steps, judge_step, "what a step begins with, and which way the weights go"),
            Part("momentum", 0, momentum, judge_step, "what becomes of the velocity from step to step"),
        ),
    }
    first = len(UNIT.exercises) + 1
    return tuple(Question(UNIT.name, first + number, name, own) for number, (name, own) in enumerate(parts.items()))
