"""The questions of the unit about training: the loss, and an epoch on a network of two layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree, in_words
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Beside, Failure, Part, Question, all_numbers
from ...checks.values import draw, generator
from ...graph_data import GraphError, evaluate_untrusted, outputs_of
from ...kinds import reference
from ...kinds.beside import beside
from ...kinds.epoch.judge import cut
from ...kinds.graph_function.judge import EXACT
from ...kinds.tensor.judge import with_constants
from .truth import epoch, loss_steps, network_loss, softmax_loss
from .unit import UNIT

SHIFT = 1000.0  # what is added to all logits of a sample, or taken from them
ALONG = 0.9999  # cosine from which on two directions count as one


# --- the loss


def beside_loss(case: LossCase, answer: Answer) -> Beside | None:
    """How far the loss of the plain logits goes with the reference."""
    logits, labels = (torch.tensor(array, dtype=torch.float64) for array in case.arrays[:2])
    graph = answer.graph | {"outputs": answer.graph["outputs"][:1]}
    return beside(graph, ["Z", "y_one_hot"], [logits, labels], loss_steps, with_constants(answer))


LOSS = Form(
    "units.eager_tensor.probe:loss",
    arrays=lambda case: 1,
    outputs=lambda case: 2,
    outputs_of=outputs_of,
    facts={"spoiled": lambda value, case: is_list_of(str, value)},
    beside=beside_loss,
)


@dataclass(frozen=True)
class LossCase:
    """Logits of some samples with their classes, one-hot; and the same logits with a number of its own added to each sample's."""

    form: ClassVar[Form] = LOSS

    title: str
    samples: int
    classes: int
    kind: str = "normal"
    dtype: str = "float64"
    waiting: bool = False  # whether the logits have no values yet, as in lazy mode
    apart: float = 0  # how far another class than the right one is above all others: each sample is sure, and wrong
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.title}: {self.samples} x {self.classes} logits, {self.dtype}"

    @property
    def size(self) -> int:
        return self.samples * self.classes

    def features(self) -> dict[str, Any]:
        sizes = "equal" if self.samples == self.classes else "different"
        return {"samples": self.samples, "classes": self.classes, "dtype": self.dtype, "sizes": sizes}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Logits, labels, logits once more: from top to bottom thousands up, thousands down, and so on."""
        rng = generator(self.seed, self.name)
        logits = draw(self.kind, (self.samples, self.classes), rng).astype(self.dtype)
        labels = np.eye(self.classes, dtype=self.dtype)[rng.integers(self.classes, size=self.samples)]
        if self.apart:
            logits[np.arange(self.samples), (labels.argmax(1) + 1) % self.classes] += self.apart
        up_and_down = SHIFT * (1 - 2 * (np.arange(self.samples) % 2))
        return logits, labels, (logits + up_and_down[:, None]).astype(self.dtype)

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": UNIT.entry("softmax_loss"), "waiting": self.waiting}, self.arrays)

    def leaves(self) -> list[Tensor]:
        """Z, y, and Z once more, in float64."""
        return [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in self.arrays]


@dataclass(frozen=True)
class Found:
    """What a graph of the loss comes to."""

    value: Tensor
    slope: Tensor  # its gradient with respect to Z
    again: Tensor  # the gradient of <slope, a direction>


def found(case: LossCase, loss: Tensor, logits: Tensor) -> Found:
    slope = reference.pull_back([loss], [logits], [torch.ones_like(loss)])[0]
    direction = torch.tensor(generator(case.seed, case.name, "direction").standard_normal(tuple(logits.shape)))
    again = reference.pull_back([slope], [logits], [direction])[0]
    return Found(loss.detach(), slope.detach(), again.detach())


def losses(case: LossCase, answer: Answer) -> tuple[Found, Found, Found]:
    """What was answered for the plain logits and for the others, and what the plain ones should come to. GraphError."""
    logits, labels, moved = case.leaves()
    plain, far = evaluate_untrusted(answer.graph, [logits, labels, moved], with_constants(answer))
    for loss in (plain, far):
        if loss.shape != ():
            raise GraphError(f"the loss is one number, of shape [], got shape {list(loss.shape)}")
    return found(case, plain, logits), found(case, far, moved), found(case, softmax_loss(logits, labels), logits)


def wrong(case: LossCase, message: str, hint: str, got: Tensor | None = None, want: Tensor | None = None) -> Failure:
    logits, labels, _ = case.arrays
    return Failure.wrong(case, message, hint, got, want, Z=logits, y_one_hot=labels)


def cannot(case: LossCase, error: GraphError) -> Failure:
    hint = "Write its shape beside each tensor of your loss: which two do not fit?" if error.inputs else ""
    return Failure.wrong(case, f"The graph of the loss cannot be evaluated: {error}", hint, all_numbers(error.inputs))


def judge_loss(case: LossCase, answer: Answer) -> Failure | None:
    try:
        mine, _, want = losses(case, answer)
    except GraphError as error:
        return cannot(case, error)
    if not agree(mine.value.numpy(), want.value.numpy(), case.dtype):
        message = f"The loss is {in_words(float(mine.value))}, expected {in_words(float(want.value))}."
        return wrong(case, message, ratio(float(mine.value), float(want.value), case), mine.value, want.value)
    if answer.facts["spoiled"]:
        names = " and ".join(answer.facts["spoiled"][:2])
        return wrong(case, f"softmax_loss changed the numbers of {names}.", "They belong to the caller: make new tensors.")
    if case.dtype == "float32":
        leaves = [leaf.detach().float() for leaf in case.leaves()]
        loss = evaluate_untrusted(answer.graph, leaves, with_constants(answer))[0]
        if loss.dtype != torch.float32:
            message = f"The loss has dtype {str(loss.dtype).removeprefix('torch.')} for float32 logits."
            return wrong(case, message, "Which tensor in it was made with another dtype than its neighbours?")
    return None


def judge_slope(case: LossCase, answer: Answer) -> Failure | None:
    """The gradient must be right where the value is, and lie on its line where the loss has another size or sign."""
    try:
        mine, _, want = losses(case, answer)
    except GraphError as error:
        return cannot(case, error)
    if not agree(mine.value.numpy(), want.value.numpy(), case.dtype):
        return (
            None if along(mine.slope, want.slope) else wrong(case, ASKEW, "Take the formula from the inside out.", mine.slope, want.slope)
        )
    if not agree(mine.slope.numpy(), want.slope.numpy(), case.dtype):
        message = "The loss has the right value, but another gradient with respect to Z."
        hint = "Which of the numbers in your loss depend on Z, and are no constants? " + diagnose(
            mine.slope.numpy(), want.slope.numpy(), "float64"
        )
        return wrong(case, message, hint.strip(), mine.slope, want.slope)
    if not agree(mine.again.numpy(), want.again.numpy(), case.dtype):
        message = "Value and gradient of the loss are right, but the gradient's own derivative is not."
        return wrong(case, message, "Build the loss from tensors, with operators alone.", mine.again, want.again)
    return None


ASKEW = "The gradient of the loss does not point where it should."


def ratio(got: float, want: float, case: LossCase) -> str:
    """What a factor between two losses may come from."""
    if not math.isfinite(got):
        return "Something overflows, or is divided by zero, although no logit is large."
    for factor, hint in (
        (case.samples, "It is the sum over all samples; the mean was asked for."),
        (1 / case.classes, "It is divided by the number of classes as well: over what does the mean go?"),
        (case.samples / case.classes, "It is divided by the number of classes: over what does the mean go?"),
        (-1, "It has the wrong sign."),
    ):
        if abs(got - factor * want) <= 1e-9 * abs(want):
            return hint
    return "Take the formula from the inside out, for a single sample."


def judge_stable(case: LossCase, answer: Answer) -> Failure | None:
    """What is added to all logits of a sample changes nothing: whatever the loss is, it must stay what it is, up to its sign and size."""
    try:
        mine, far, want = losses(case, answer)
    except GraphError as error:
        return cannot(case, error)
    if case.apart and not math.isfinite(float(mine.value)):
        found, due = float(mine.value), in_words(float(want.value))
        message = f"Where one logit of a sample is {case.apart:g} above the right one, the loss is {found:g}, expected {due}."
        hint = "Which of your steps makes infinity of a number, or zero of one whose logarithm is taken?"
        return wrong(case, message, hint, mine.value, want.value)
    if not agree(mine.value.numpy(), want.value.numpy(), "float64") and not along(mine.slope, want.slope):
        return wrong(case, ASKEW, "Take the formula from the inside out.")
    for what, got, before in (("loss", far.value, mine.value), ("gradient with respect to Z", far.slope, mine.slope)):
        if not agree(got.numpy(), before.numpy(), "float64", ROUNDED):
            shown = f" {in_words(float(before))} becomes {in_words(float(got))}" if got.shape == () else " it changes"
            message = f"With {SHIFT:g} added to all logits of a sample, or taken from them, the {what} must stay as it was, but{shown}."
            hint = (
                "What may be subtracted from all logits of a sample before exp, so that none of them is large? And what must be put back?"
            )
            return wrong(case, message, hint, got, before)
    return None


ROUNDED = 1e-8  # relative; of numbers around a thousand the last digits are lost


def along(got: Tensor, want: Tensor) -> bool:
    """Whether two gradients lie on one line, whatever their sizes and signs; none of them is zero or strange."""
    if got.shape != want.shape or not bool(got.isfinite().all()):
        return False
    sizes = float(got.norm()), float(want.norm())
    return min(sizes) > 0 and math.isfinite(sizes[0]) and abs(float((got / sizes[0] * (want / sizes[1])).sum())) >= ALONG


def loss_question(number: int) -> Question:
    plain = [
        LossCase("on paper", 2, 3, "counting"),
        LossCase("one sample", 1, 4),
        LossCase("plain", 4, 3),
        LossCase("as many classes as samples", 3, 3),
        LossCase("ties", 3, 5, "ties"),
        LossCase("more samples", 7, 10),
        LossCase("single precision", 4, 3, dtype="float32"),
        LossCase("in lazy mode", 3, 4, waiting=True),
    ]
    far = [LossCase("plain", 3, 4), LossCase("one sample", 1, 3), LossCase("ties", 4, 4, "ties"), LossCase("more samples", 6, 10)]
    far += [LossCase("sure and wrong", 2, 3, apart=0.8 * SHIFT), LossCase("surer still, and wrong", 5, 4, apart=2 * SHIFT)]
    parts = (
        Part("loss", 1, tuple(plain), judge_loss, "the formula for one sample, and over what the mean goes"),
        Part("gradient", 1, tuple(plain), judge_slope, "what of your loss depends on Z, and is no constant"),
        Part("large logits", 1, tuple(far), judge_stable, "what exp does with a number of a thousand"),
    )
    return Question(UNIT.name, number, "softmax_loss", parts)


# --- an epoch


def are_two_flags(value: Any, case: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(one) is bool for one in value)


EPOCH = Form(
    "units.eager_tensor.probe:epoch",
    arrays=lambda case: 6,
    facts={
        "spoiled": lambda value, case: is_list_of(str, value),
        "shared": lambda value, case: is_list_of(int, value) and all(place in range(2) for place in value),
        "trainable": are_two_flags,
        "history": are_two_flags,
        "alive": lambda value, case: is_list_of(int, value),
    },
)
STEADY = 3  # tensors that may be alive at the end of one step more than at the end of another
NAMES = ("W1", "W2")


@dataclass(frozen=True)
class EpochCase:
    """Samples with labels, weights of two layers, the size of a batch and a rate."""

    form: ClassVar[Form] = EPOCH

    title: str
    samples: int
    batch: int
    lr: float = 0.1
    sizes: tuple[int, int, int] = (5, 4, 3)  # inputs, hidden units, classes
    rare: bool = False  # whether no sample is of the last class
    dtype: str = "float64"
    tensors: bool = False  # whether X and y are torch tensors
    by_itself: int = 1000  # how many batches are asked about by themselves as well
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        what = "torch tensors, " if self.tensors else ""
        return f"{self.title}: {self.samples} samples, batch={self.batch}, lr={self.lr:g}, {what}{self.dtype}"

    def features(self) -> dict[str, Any]:
        labels = "without the last class" if self.rare else "of all classes"
        return {"batches": len(self.batches), "dtype": self.dtype, "labels": labels}

    @property
    def batches(self) -> list[list[int]]:
        return cut(self.samples, self.batch)

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """X (n, D), y (n,), W1 (D, H), W2 (H, C). On the first sample one hidden unit is above zero, and another one below."""
        rng = generator(self.seed, self.name)
        inputs, units, classes = self.sizes
        labels = rng.integers(classes - self.rare, size=self.samples)
        if not self.rare:
            labels[0] = classes - 1
        x, w1, w2 = (rng.standard_normal(shape) for shape in ((self.samples, inputs), (inputs, units), (units, classes)))
        w1[:, :2] *= np.sign(x[0] @ w1[:, :2]) * (1, -1)
        return x.astype(self.dtype), labels, w1.astype(self.dtype), w2.astype(self.dtype)

    def ask(self) -> Ask:
        settings = {"function": UNIT.entry("nn_epoch"), "batch": self.batch, "lr": self.lr, "tensors": self.tensors}
        return Ask(self.form.probe, {**settings, "batches": self.batches[: self.by_itself]}, self.arrays)

    @cached_property
    def values(self) -> tuple[Tensor, ...]:
        x, y, *weights = map(torch.tensor, self.arrays)
        return x.double(), y, *(weight.double() for weight in weights)

    @cached_property
    def wanted(self) -> tuple[np.ndarray, ...]:
        """The weights after the epoch."""
        x, y, w1, w2 = self.values
        return tuple(weight.numpy() for weight in epoch(x, y, w1, w2, self.lr, self.batches))

    @cached_property
    def first_slope(self) -> tuple[Tensor, ...]:
        """The gradients of the loss of the first batch."""
        x, y, *weights = self.values
        weights = [weight.clone().requires_grad_() for weight in weights]
        return torch.autograd.grad(network_loss(x[self.batches[0]], y[self.batches[0]], *weights), weights)


def after_epoch(case: EpochCase, message: str, hint: str, got: Any = None, want: Any = None) -> Failure:
    x, y, w1, w2 = case.arrays
    return Failure.wrong(case, message, hint, got, want, X=x, y=y, W1=w1, W2=w2)


def judge_update(case: EpochCase, answer: Answer) -> Failure | None:
    """A single batch: one step."""
    for name, returned, want, before in zip(NAMES, answer.arrays, case.wanted, case.arrays[2:], strict=False):
        got = in_full(returned)
        if not agree(got, want, case.dtype, EXACT if case.dtype == "float64" else None):
            return after_epoch(case, f"After one step {name} is wrong.", step_hint(case, got, want, before), got, want)
        if returned.dtype != case.dtype:
            message = f"{name} comes back as {returned.dtype}, and went in as {case.dtype}."
            return after_epoch(case, message, "Which number or array in your step has another dtype than the weights?", got, want)
    return None


def step_hint(case: EpochCase, got: np.ndarray, want: np.ndarray, before: np.ndarray) -> str:
    """How far a step went, beside the one that was to be made."""
    if got.shape != want.shape:
        return diagnose(got, want, case.dtype)
    if agree(got, before, case.dtype):
        return "It is still as it was."
    mine, right = (np.ravel(after - before.astype("float64")) for after in (got, want))
    with np.errstate(all="ignore"):  # what came back may be anything
        factor = float(mine @ right / (right @ right)) if right.any() else math.nan
    if not agree(mine, factor * right, "float32"):
        return "The step does not go along the gradient. Of which loss is it, and for which weights?"
    if agree(np.asarray(factor), np.asarray(-1.0), "float32"):
        return "The step went the same way in the other direction."
    if agree(np.asarray(factor), np.asarray(1 / case.lr), "float32"):
        return "The step is as long as the gradient: what is lr for?"
    if agree(np.asarray(factor), np.asarray(float(case.samples)), "float32"):
        return "The step is as many times too long as there are samples: the loss is a mean."
    return f"The step goes along the gradient, and is {in_words(factor)} times as long as it should be."


def off_the_gradient(case: EpochCase, answer: Answer) -> Failure | None:
    """For what is not about the length of a step: the first one must go along the gradient, to and fro."""
    for name, got, before, slope in zip(NAMES, answer.arrays[4:], case.arrays[2:], case.first_slope, strict=False):
        step = torch.tensor(in_full(got)) - torch.tensor(before, dtype=torch.float64) if got.shape == before.shape else None
        if step is None or not along(step, slope):
            message = f"The step from the first batch does not move {name} along the gradient of its loss."
            return after_epoch(case, message, "Mend a single step first.", got, before)
    return None


def judge_batches(case: EpochCase, answer: Answer) -> Failure | None:
    """An epoch is the same as one call for each batch by itself, one after the other, whatever a step is."""
    if found := off_the_gradient(case, answer):
        return found
    sizes = [len(rows) for rows in case.batches]
    for name, got, want in zip(NAMES, *(map(in_full, answer.arrays[place : place + 2]) for place in (0, 2)), strict=False):
        if not agree(got, want, case.dtype, ROUNDED if case.dtype == "float64" else None):
            message = f"The batches have {sizes} samples: {name} should come out as after a call of nn_epoch for each of them by itself."
            hint = "What becomes of the rows that are left at the end?" if sizes[-1] != case.batch else "Which rows belong to which batch?"
            return after_epoch(case, message, hint, got, want)
    return None


def in_full(array: np.ndarray) -> np.ndarray:
    return array.astype("float64")


def judge_untouched(case: EpochCase, answer: Answer) -> Failure | None:
    """What the caller has stays as it was; what comes back can be trained; and nothing piles up from step to step."""
    if found := off_the_gradient(case, answer):
        return found
    facts = answer.facts
    if facts["spoiled"]:
        names = " and ".join(facts["spoiled"][:4])
        return after_epoch(case, f"nn_epoch changed {names}, which belong to the caller.", "Make new tensors for the new weights.")
    if facts["shared"]:
        names = " and ".join(NAMES[place] for place in facts["shared"])
        message = f"Somebody overwrites what was handed over, after the epoch: then {names} that came back changes as well."
        return after_epoch(case, message, "Whose arrays do you hand back?", np.asarray([len(facts["shared"])], np.float64))
    for name, trainable, history in zip(NAMES, facts["trainable"], facts["history"], strict=True):
        if not trainable:
            message = f"The {name} that came back does not require a gradient: nobody can train it further."
            return after_epoch(case, message, "How is the tensor made that you return?")
        if history:
            message = f"The {name} that came back has inputs: with it, the graphs of all steps stay in memory."
            return after_epoch(case, message, "A new weight is a tensor of numbers, cut off from how it was computed.")
    alive = facts["alive"]
    if len(alive) > 3 and alive[-1] > alive[1] + STEADY:
        message = f"After the steps of the epoch {alive[:12]} tensors were alive: their number grows from step to step."
        return after_epoch(case, message, "What holds on to the graph of the step before?", np.asarray(alive, np.float64))
    return None


def epoch_question(number: int) -> Question:
    single = [
        EpochCase("one step", 4, 4),
        EpochCase("one sample", 1, 1, 0.5),
        EpochCase("a square network", 3, 3, 0.2, (3, 3, 3)),
        EpochCase("torch tensors", 5, 5, tensors=True),
        EpochCase("single precision", 6, 6, 0.3, dtype="float32"),
    ]
    several = [
        EpochCase("two batches", 6, 3),
        EpochCase("a smaller last batch", 7, 3, 0.2),
        EpochCase("a last batch of one", 9, 4, 0.3, (4, 6, 5)),
        EpochCase("one sample at a time", 5, 1, 0.05),
        EpochCase("a batch for more than there is", 3, 100),
        EpochCase("labels without the last class", 8, 3, 0.2, (4, 3, 5), rare=True),
    ]
    left_alone = [
        EpochCase("two batches", 6, 3, by_itself=1),
        EpochCase("many batches", 24, 2, 0.05, by_itself=1),
        EpochCase("torch tensors", 6, 4, tensors=True, by_itself=1),
    ]
    parts = (
        Part("update", 1, tuple(single), judge_update, "the formula of the update: for which weights, with which sign"),
        Part("batches", 1, tuple(several), judge_batches, "which rows belong to the next batch, and how many classes there are"),
        Part("nothing spoiled", 1, tuple(left_alone), judge_untouched, "what is made anew, what is handed back, and what holds on to what"),
    )
    return Question(UNIT.name, number, "nn_epoch", parts)
