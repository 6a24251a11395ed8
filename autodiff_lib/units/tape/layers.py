"""The cases of layers and losses: what they return, and what comes back over their tape, beside torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from ...checks.compare import agree, vanishes
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Failure
from ...checks.values import Shape, draw, generator
from .truth import LAYERS, pulled_back

WEIGHTS = ("W", "b", "dW", "db")
NAMES = {"SoftmaxCrossEntropy": ("y", "y_hat"), "MSELoss": ("y", "y_hat")}
"""Class -> what its inputs are called, where there are others than x. Gradients come back to the last one."""

LAYER = Form(
    "units.tape.probe:layer",
    arrays=lambda case: case.calls + case.rounds * (case.calls + 2 * bool(case.sizes)),
    facts={"touched": lambda value, case: is_list_of(str, value)},
)


@dataclass(frozen=True)
class LayerCase:
    """A layer on inputs of given shapes, called once or more on one tape; and rounds of gradients that come to its outputs."""

    form: ClassVar[Form] = LAYER

    exercise: str
    shape: Shape  # of an input of each call
    rounds: int = 1  # 0: only the outputs; 2: ones, then other numbers
    calls: int = 1
    sizes: tuple[int, ...] = ()  # in and out of a layer that has weights
    kind: str = "normal"  # of the values of x
    without: tuple[str, ...] = ()  # W or b, if it is zero
    began: bool = False  # whether dW and db hold numbers before
    dtype: str = "float64"
    ones: bool = False  # whether the gradients that come in are ones
    seed: str = "public"
    hidden: bool = False

    @cached_property
    def name(self) -> str:
        sizes = f"{self.exercise}({', '.join(map(str, self.sizes))}), " if self.sizes else ""
        special = SAID.get(self.kind, "")
        zero = "".join(f", {name} zero" for name in self.without)
        calls = f", {self.calls} calls on one tape" if self.calls > 1 else ""
        before = ", dW and db hold numbers" if self.began else ""
        up = (", ones come in" if self.ones else ", other numbers come in" if self.rounds else "") + ", ones before" * (self.rounds == 2)
        return f"{sizes}{self.inputs_called[-1]} {list(self.shape)}{special}{zero}{calls}{before}{up}, {self.dtype}"

    @property
    def inputs_called(self) -> tuple[str, ...]:
        return NAMES.get(self.exercise, ("x",))

    @property
    def is_loss(self) -> bool:
        return len(self.inputs_called) == 2

    def features(self) -> dict[str, Any]:
        return {"rows": self.shape[0] if self.shape else 1, "calls": self.calls, "dtype": self.dtype}

    def drawn(self, what: str, shape: Shape, kind: str = "normal") -> np.ndarray:
        return np.asarray(draw(kind, shape, generator(self.seed, self.exercise, self.name, what)), self.dtype)

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """W, b, dW, db of a layer that has some."""
        if not self.sizes:
            return []
        n, m = self.sizes
        shapes = {"W": (m, n), "b": (m, 1), "dW": (m, n), "db": (m, 1)}
        zero = {*self.without, *(() if self.began else ("dW", "db"))}
        kind = "whole" if self.kind == "whole" else "normal"
        return [self.drawn(name, shapes[name], "zeros" if name in zero else kind) for name in WEIGHTS]

    @cached_property
    def inputs(self) -> list[list[np.ndarray]]:
        """Of each call; the right classes come first where there are some."""
        found = []
        for number in range(self.calls):
            x = self.drawn(f"x {number}", self.shape, self.kind)
            if self.exercise == "SoftmaxCrossEntropy":
                rows, classes = self.shape
                right = generator(self.seed, self.name, number).integers(0, classes, rows)
                found.append([np.eye(classes, dtype=self.dtype)[right], x])
            else:
                found.append([self.drawn(f"y {number}", self.shape), x] if self.is_loss else [x])
        return found

    @cached_property
    def coming_in(self) -> list[list[np.ndarray]]:
        """For each round the gradient of each output."""
        found = []
        for number in range(self.rounds):
            ones = self.ones or (self.rounds == 2 and number == 0)
            kind = "ones" if ones else "factors" if self.is_loss or self.kind == "whole" else "normal"
            found.append([self.drawn(f"up {number} {call}", self.shape_of_output, kind) for call in range(self.calls)])
        return found

    @property
    def shape_of_output(self) -> Shape:
        return () if self.is_loss else (*self.shape[:-1], self.sizes[1]) if self.sizes else self.shape

    def ask(self) -> Ask:
        settings = {
            "exercise": self.exercise,
            "sizes": list(self.sizes),
            "weights": len(self.weights),
            "inputs": len(self.inputs_called),
            "traced": len(self.inputs_called) - 1,
            "calls": self.calls,
            "rounds": self.rounds,
        }
        given = [array for inputs in self.inputs for array in inputs]
        return Ask(self.form.probe, settings, (*self.weights, *given, *(array for up in self.coming_in for array in up)))

    @cached_property
    def truth(self) -> tuple[list[np.ndarray], list[tuple[np.ndarray, ...]]]:
        """The outputs, and for each round the gradients of the traced inputs, and dW and db; in float64."""
        leaves = [torch.tensor(given[-1], dtype=torch.float64).requires_grad_() for given in self.inputs]
        weights = [torch.tensor(array, dtype=torch.float64).requires_grad_() for array in self.weights[:2]]
        forward = LAYERS[self.exercise]
        others = [[torch.tensor(array, dtype=torch.float64) for array in given[:-1]] for given in self.inputs]
        outputs = [forward(*other, leaf, *weights) for other, leaf in zip(others, leaves, strict=True)]
        rounds = []
        for up in self.coming_in:
            total = sum(((output * torch.tensor(one)).sum() for output, one in zip(outputs, up, strict=True)), torch.zeros(()))
            found = pulled_back(total, [*leaves, *weights], np.ones(()))
            before = [np.zeros(()) for _ in leaves] + [array.astype("float64") for array in self.weights[2:]]
            rounds.append(tuple(gradient + there for gradient, there in zip(found, before, strict=True)))
        return [output.detach().numpy() for output in outputs], rounds

    def looked_at(self) -> dict[str, np.ndarray]:
        """What there is to look at in a report."""
        weights = dict(zip(WEIGHTS[:2], self.weights, strict=False))
        up = {"grad_output": self.coming_in[-1][0]} if self.rounds else {}
        return {**dict(zip(self.inputs_called, self.inputs[0], strict=True)), **weights, **up}


SAID = {"huge": " up to ±1000", "some zero": " with zeros", "whole": " of whole numbers"}

Judge = Callable[[LayerCase, Answer], Failure | None]


def failed(case: LayerCase, message: str, hint: str, got: np.ndarray | None = None, want: np.ndarray | None = None) -> Failure:
    return Failure(case.name, "wrong", message, hint, got, want, case.looked_at())


def numbered(case: LayerCase, call: int) -> str:
    return f" of call {call + 1}" if case.calls > 1 else ""


def judge_forward(case: LayerCase, answer: Answer) -> Failure | None:
    """What each call returns."""
    for call, (got, want) in enumerate(zip(answer.arrays, case.truth[0], strict=False)):
        if not agree(got, want, case.dtype):
            what = "The loss" if case.is_loss else "The output"
            return failed(case, f"{what}{numbered(case, call)} is wrong.", diagnose(got, want, case.dtype), got, want)
    return None


def traces(case: LayerCase, answer: Answer, round_: int) -> Sequence[np.ndarray]:
    """What came back in a round: the gradients of the traced inputs, then dW and db."""
    each = case.calls + 2 * bool(case.sizes)
    start = case.calls + round_ * each
    return answer.arrays[start : start + each]


def judge_traced(case: LayerCase, answer: Answer) -> Failure | None:
    """The gradient that comes back to the input of each call."""
    return judge_gradients(range(case.calls))(case, answer)


def judge_gradients(places: Sequence[int] | None = None) -> Judge:
    """A judge of some of what comes back in the last round: of inputs by the number of their call, then dW and db."""

    def judge(case: LayerCase, answer: Answer) -> Failure | None:
        found, wanted = traces(case, answer, case.rounds - 1), case.truth[1][-1]
        for place in places if places is not None else range(len(wanted)):
            got, want = found[place], wanted[place]
            if not agree(got, want, case.dtype):
                number = place - case.calls
                what = f"The gradient of {case.inputs_called[-1]}{numbered(case, place)}" if number < 0 else WEIGHTS[2 + number]
                hint = diagnose(got, want, case.dtype)
                return failed(case, f"{what} is wrong after the walk back over the tape.", hint, got, want)
        return None

    return judge


def judge_passed_on(case: LayerCase, answer: Answer) -> Failure | None:
    """What comes in must be passed on: the gradient is so many times what it is where ones come in. What it is there is asked elsewhere."""
    (ones,), (got,) = traces(case, answer, 0), traces(case, answer, 1)
    up = case.coming_in[1][0]
    name = case.inputs_called[-1]
    if ones.shape != case.shape or not np.isfinite(ones).all() or vanishes(ones, case.dtype):
        return failed(
            case, f"Where ones come in, what comes back to {name} is nothing that could be passed on.", "See the other parts.", ones
        )
    want = ones * up  # up is a number, or as large
    if agree(got, want, case.dtype):
        return None
    if agree(got, ones, case.dtype):
        hint = "It is as if ones had come in: what does the backward function do with its grad_output?"
    else:
        hint = diagnose(got, want, case.dtype)
    return failed(case, f"What comes back to {name} does not follow from what comes in.", hint, got, want)


def judge_far(case: LayerCase, answer: Answer) -> Failure | None:
    """Where inputs are very large: what is returned, and that what comes back are numbers."""
    if (wrong := judge_forward(case, answer)) is not None:
        return wrong
    (got,) = traces(case, answer, case.rounds - 1)
    if got.shape == case.shape and np.isfinite(got).all():
        return None
    message = f"What comes back to {case.inputs_called[-1]} is no array of numbers of its shape."
    return failed(case, message, diagnose(got, case.truth[1][-1][0], case.dtype), got, case.truth[1][-1][0])


def judge_at_zero(case: LayerCase, answer: Answer) -> Failure | None:
    """At zero a ReLU has no slope, and any number between 0 and 1 may stand for it; elsewhere it has one."""
    if (wrong := judge_forward(case, answer)) is not None:
        return wrong
    (got,) = traces(case, answer, case.rounds - 1)
    x, up, want = case.inputs[0][0], case.coming_in[-1][0], case.truth[1][-1][0]
    if got.shape == case.shape and np.isfinite(got).all() and bool(np.all((got * up >= 0) & (np.abs(got) <= np.abs(up) + 1e-9))):
        return None
    message = "What comes back to x is no share of what comes in; where x is 0 it may be nothing, all, or between."
    return failed(case, message, diagnose(np.where(x == 0, want, got) if got.shape == want.shape else got, want, case.dtype), got, want)


TOUCHED = {
    "input": ("{0}, which forward was given, has changed.", "It belongs to the caller: make a new array."),
    "grad_output": ("A backward function has changed its grad_output.", "It belongs to the tape: make a new array."),
    "W": ("W has changed.", "Only a step of training changes weights."),
    "b": ("b has changed.", "Only a step of training changes weights."),
    "dW": ("dW is another array than before.", "Whoever trains the layer holds the array that was there: add to it, in its place."),
    "db": ("db is another array than before.", "Whoever trains the layer holds the array that was there: add to it, in its place."),
}


def judge_all(case: LayerCase, answer: Answer) -> Failure | None:
    """Everything: values, dtypes, and that nothing else has changed."""
    if (wrong := judge_forward(case, answer) or judge_gradients()(case, answer)) is not None:
        return wrong
    for number, array in enumerate(answer.arrays):
        if array.dtype != case.dtype:
            what = ("The loss" if case.is_loss else "The output") if number < case.calls else f"What comes back to {case.inputs_called[-1]}"
            keep = "The result keeps the dtype of its input."
            return failed(case, f"{what} has dtype {array.dtype} for {case.dtype} inputs.", keep, np.ones(1) * number)
    for what in answer.facts["touched"][:1]:
        message, hint = TOUCHED.get(what, ("An array has changed.", "It belongs to the caller."))
        return failed(case, message.format(" or ".join(case.inputs_called)), hint, np.ones(2) * [*TOUCHED, what].index(what))
    return None
