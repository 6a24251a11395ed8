"""The cases of layers and losses: what they return, and what comes back over their tape, beside torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch

from ...checks.compare import agree, in_words, vanishes
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
    arrays=lambda case: case.together * (case.calls + case.rounds * case.each) + case.alone * case.calls * (2 + case.of_weights),
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
    together: bool = True  # whether all calls are made on one tape
    alone: bool = False  # whether each is made on a tape of its own as well, in float64, with dW and db at zero
    seed: str = "public"
    hidden: bool = False

    @cached_property
    def name(self) -> str:
        sizes = f"{self.exercise}({', '.join(map(str, self.sizes))}), " if self.sizes else ""
        special = SAID.get(self.kind, "")
        zero = "".join(f", {name} zero" for name in self.without)
        calls = f", {self.calls} calls on one tape" if self.calls > 1 and self.together else ""
        before = ", dW and db hold numbers" if self.began else ""
        up = (", ones come in" if self.ones else ", other numbers come in" if self.rounds else "") + ", ones before" * (self.rounds == 2)
        return f"{sizes}{self.inputs_called[-1]} {list(self.shape)}{special}{zero}{calls}{before}{up}, {self.dtype}"

    @property
    def inputs_called(self) -> tuple[str, ...]:
        return NAMES.get(self.exercise, ("x",))

    @property
    def is_loss(self) -> bool:
        return len(self.inputs_called) == 2

    @property
    def of_weights(self) -> int:
        """How many gradients of weights there are."""
        return 2 * bool(self.sizes)

    @property
    def each(self) -> int:
        """How many arrays come back in a round."""
        return self.calls + self.of_weights

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
            if not self.is_loss and not self.sizes:
                x = of_both_signs(x)
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
            kind = "ones" if ones else "factors" if self.is_loss or self.kind in ("whole", "squares") else "normal"
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
            "together": self.together,
            "alone": self.alone,
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


def of_both_signs(x: np.ndarray) -> np.ndarray:
    """With a number above zero and one below it, beside those that are zero: else a ReLU is nothing but zeros, or nothing but x."""
    places = np.flatnonzero(x)
    x.flat[places[0]], x.flat[places[-1]] = abs(x.flat[places[0]]), -abs(x.flat[places[-1]])
    return x


SAID = {"huge": " up to ±1000", "peak": " near -1000, and one of 1000", "some zero": " with zeros", "whole": " of whole numbers"}

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
    start = case.calls + round_ * case.each
    return answer.arrays[start : start + case.each]


def made_alone(case: LayerCase, answer: Answer) -> list[tuple[np.ndarray, ...]]:
    """Of each call on a tape of its own, in float64: the output, the gradient, and dW and db where there are weights."""
    there = tuple(np.asarray(array, float) for array in answer.arrays[case.together * (case.calls + case.rounds * case.each) :])
    each = 2 + case.of_weights
    return [there[each * call : each * (call + 1)] for call in range(case.calls)]


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


OTHERS = "See the other parts."


def all_wrong(case: LayerCase, outputs: Sequence[np.ndarray], back: Sequence[np.ndarray], where: Any = True) -> bool:
    """Whether of what each call returns, of what comes back to its input, and of dW and db, nothing is right.

    Then there is nothing of which it could be asked how it is rounded, added up, or passed on.
    """
    before = [np.zeros(())] * case.calls + [array.astype(float) for array in case.weights[2:]]
    wanted = [value - there for value, there in zip(case.truth[1][-1], before, strict=True)]
    came_back = list(zip(back, wanted, strict=True))
    kinds = [list(zip(outputs, case.truth[0], strict=True)), came_back[: case.calls], *([pair] for pair in came_back[case.calls :])]

    def is_right(got: np.ndarray, want: np.ndarray) -> bool:
        if got.shape != want.shape:
            return False
        return agree(np.where(where, got, 0), np.where(where, of_size(case, want, got), 0), case.dtype)

    return not any(all(is_right(got, want) for got, want in pairs) for pairs in kinds)


def of_size(case: LayerCase, want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """What comes back from a loss, as much of it as came: a sum for a mean is a mistake for itself."""
    if not case.is_loss or want.shape == () or got.shape != want.shape:
        return want
    factor = float(np.sum(got * want) / np.sum(want * want))
    return want * factor if np.isfinite(factor) and abs(factor) > 1e-3 else want


def judge_passed_on(case: LayerCase, answer: Answer) -> Failure | None:
    """What comes in must be passed on: the gradient is so many times what it is where ones come in. What it is there is asked elsewhere."""
    ones, got = (np.asarray(traces(case, answer, number)[0], float) for number in (0, 1))
    up = case.coming_in[1][0]
    name = case.inputs_called[-1]
    if ones.shape != case.shape or not np.isfinite(ones).all() or vanishes(ones, case.dtype):
        return failed(case, f"Where ones come in, what comes back to {name} is nothing that could be passed on.", OTHERS, ones)
    if not agree(answer.arrays[0], case.truth[0][0], case.dtype) and not agree(ones, of_size(case, case.truth[1][0][0], ones), case.dtype):
        return failed(case, f"Neither the value nor what comes back to {name} where ones come in is right.", OTHERS, ones)
    want = ones * up  # up is a number, or as large
    if agree(got, want, case.dtype):
        return None
    if agree(got, ones, case.dtype):
        hint = "It is as if ones had come in: what does the backward function do with its grad_output?"
    else:
        hint = diagnose(got, want, case.dtype)
    return failed(case, f"What comes back to {name} does not follow from what comes in.", hint, got, want)


CLIP = 40.0  # beyond it no sigmoid and no tanh is anything but its limit


@dataclass(frozen=True)
class FarCase(LayerCase):
    """An activation on inputs up to a thousand, and on the same inputs cut off where nothing changes any more, each by itself."""

    calls: int = 2
    together: bool = False
    alone: bool = True
    kind: str = "huge"

    @cached_property
    def inputs(self) -> list[list[np.ndarray]]:
        x = of_both_signs(self.drawn("x", self.shape, self.kind))
        return [[x], [np.clip(x, -CLIP, CLIP)]]

    @cached_property
    def coming_in(self) -> list[list[np.ndarray]]:
        return [[self.drawn("up", self.shape)] * 2]


def judge_far(case: FarCase, answer: Answer) -> Failure | None:
    """Beyond its limits nothing changes, and nothing is nan. What is there is asked elsewhere."""
    far, near = made_alone(case, answer)
    for what, got, want in zip(("The output", "What comes back to x"), far, near, strict=True):
        if got.shape == case.shape and np.isfinite(got).all() and agree(got, want, "float64"):
            continue
        message = f"{what} is another one than where x is cut off at ±{CLIP:g}, or no number."
        return failed(case, message, diagnose(got, want, "float64") or "What is the limit there?", got, want)
    if all_wrong(case, [far[0], near[0]], [far[1], near[1]]):
        return failed(case, "Neither the output nor what comes back to x is right anywhere.", OTHERS, far[0])
    return None


@dataclass(frozen=True)
class FarLossCase(LayerCase):
    """The loss of huge logits, the right ones far below the largest of their rows; with the right ones lowered in two equal steps; and
    with one number added to all."""

    calls: int = 4
    together: bool = False
    alone: bool = True
    kind: str = "huge"
    ones: bool = True

    @cached_property
    def inputs(self) -> list[list[np.ndarray]]:
        rows, classes = self.shape
        right = generator(self.seed, self.name, "right").integers(0, classes - 1, rows)  # of all but the last: that may be the peak
        z, y = self.drawn("z", self.shape, self.kind), np.eye(classes)[right]
        largest = np.where(y == 1, -np.inf, z).max(axis=1, keepdims=True)
        z = np.where(y == 1, largest - FAR, z)
        return [*([y, z - step * STEP * y] for step in range(3)), [y, z + STEP]]

    @cached_property
    def coming_in(self) -> list[list[np.ndarray]]:
        return [[np.ones(())] * self.calls]


FAR, STEP = 300.0, 40.0  # no softmax notices such a logit, nor that it falls


def judge_far_loss(case: FarLossCase, answer: Answer) -> Failure | None:
    """Each step of the right classes costs as much as the one before, and something comes back. By what factor is asked elsewhere."""
    found = made_alone(case, answer)
    if any(loss.shape != () or not np.isfinite(loss) for loss, _ in found):
        message = "Among such logits the loss is no number."
        return failed(case, message, "What do exp(1000) and log(0) come to? Which number may be taken from all logits first?", found[0][0])
    first, second = (np.asarray(after - before) for before, after in pairwise(loss for loss, _ in found[:3]))
    if abs(first) < 1e-3 or not agree(second, first, "float64"):
        shown = ", ".join(in_words(float(loss), 6) for loss, _ in found[:3])
        message = f"Among such logits the right classes were made less probable, in two equal steps, and the loss was {shown}."
        return failed(
            case, message, "Is a logarithm taken of a number that has become 0, or of one that keeps it from that?", first, second
        )
    if not agree(found[3][0], found[0][0], "float64"):
        message = f"To all of such logits {STEP:g} was added, which makes no class more probable, and the loss is another one."
        return failed(case, message, "Is what is taken from the logits before exp put back where it must be?", found[3][0], found[0][0])
    slope = found[0][1]
    if slope.shape == case.shape and np.isfinite(slope).all() and not vanishes(slope, "float64"):
        return None
    message = "Among such logits the loss changes as it should, and what comes back to y_hat is nothing, or no number."
    return failed(case, message, "Where in the backward function is exp taken, and of what?", slope)


def judge_at_zero(case: LayerCase, answer: Answer) -> Failure | None:
    """At zero a ReLU is zero and has no slope, and any number between 0 and 1 may stand for it. What is elsewhere is asked elsewhere."""
    ((output, got),) = made_alone(case, answer)
    x, up = case.inputs[0][0], case.coming_in[-1][0]
    at_zero = x == 0
    shaped = output.shape == got.shape == case.shape and np.isfinite(output).all() and np.isfinite(got).all()
    if not shaped or vanishes(output, "float64") or vanishes(got, "float64"):
        strange = output if output.shape != case.shape or not np.isfinite(output).all() else got
        message = "The output, or what comes back, is no array of numbers with something in it."
        return failed(case, message, "What is 0 divided by 0?" if not np.isfinite(strange).all() else OTHERS, strange)
    if all_wrong(case, [output], [got], ~at_zero):
        return failed(case, "Where x is not 0, neither the output nor what comes back is right.", OTHERS, output)
    if not vanishes(output[at_zero], "float64"):
        return failed(case, "The output is not 0 where x is 0.", "Which of the two cases is that?", output)
    slack = 1e-9 * (1 + np.abs(up))
    if not bool(np.all((got * up >= -slack) & (np.abs(got) <= np.abs(up) + slack), where=at_zero)):
        return failed(case, "Where x is 0, what comes back is no share of what comes in.", "It may be nothing, all, or between.", got)
    return None


TOUCHED = {
    "input": ("{0}, which forward was given, has changed.", "It belongs to the caller: make a new array."),
    "grad_output": ("A backward function has changed its grad_output.", "It belongs to the tape: make a new array."),
    "W": ("W has changed.", "Only a step of training changes weights."),
    "b": ("b has changed.", "Only a step of training changes weights."),
    "dW": ("dW is another array than before.", "Whoever trains the layer holds the array that was there: add to it, in its place."),
    "db": ("db is another array than before.", "Whoever trains the layer holds the array that was there: add to it, in its place."),
}


def judge_consistent(case: LayerCase, answer: Answer) -> Failure | None:
    """Calls that share a tape, numbers that stood in dW and db, float32: beside what each call alone gives, in float64, from zero.

    And nothing else has changed. What a call alone must give is asked elsewhere.
    """
    alone = made_alone(case, answer)
    outputs, (back, *_) = [one[0] for one in alone], list(zip(*(one[1:] for one in alone), strict=True))
    expected = [*outputs, *back]
    names = [f"{'The loss' if case.is_loss else 'The output'}{numbered(case, call)}" for call in range(case.calls)]
    names += [f"What comes back to {case.inputs_called[-1]}{numbered(case, call)}" for call in range(case.calls)]
    if any(one.shape != case.shape or not np.isfinite(one).all() or vanishes(one, "float64") for one in back):
        return failed(case, f"{names[case.calls]} is nothing that could be compared, for one call alone.", OTHERS, back[0])
    for place in range(case.of_weights):
        brought = [one[2 + place] for one in alone]
        if any(one.shape != case.weights[2 + place].shape for one in brought):
            return failed(case, f"{WEIGHTS[2 + place]} has changed its shape.", OTHERS, brought[0])
        expected.append(sum(brought, case.weights[2 + place].astype(float)))
        names.append(WEIGHTS[2 + place])
    weights = [sum(one[2 + place] for one in alone) for place in range(case.of_weights)]
    if all_wrong(case, outputs, [*back, *map(np.asarray, weights)]):
        return failed(case, "Nothing of what one call alone gives is right.", OTHERS, back[0])
    for name, got, want in zip(names, answer.arrays, expected, strict=False):
        if not agree(got, want, case.dtype):
            if name in WEIGHTS:
                beside = "stood in it before, with what each call alone brings"
            else:
                beside = "each call alone gives" if case.calls > 1 else "it is in float64"
            return failed(case, f"{name} is not what {beside}.", diagnose(got, want, case.dtype), got, want)
        if got.dtype != case.dtype:
            message = f"{name} has dtype {got.dtype} for {case.dtype} inputs."
            return failed(case, message, "The result keeps the dtype of its input.", np.ones(1) * names.index(name))
    for what in answer.facts["touched"][:1]:
        message, hint = TOUCHED.get(what, ("An array has changed.", "It belongs to the caller."))
        return failed(case, message.format(" or ".join(case.inputs_called)), hint, np.ones(2) * [*TOUCHED, what].index(what))
    return None
