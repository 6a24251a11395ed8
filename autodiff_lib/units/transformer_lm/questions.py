"""The questions of the unit: the blocks of a decoder-only transformer and its loss. Those on training and generation are in `training`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import in_words, size_of
from ...checks.forms import Form
from ...checks.question import Answer, Ask, Failure, Part, Question
from ...checks.values import generator
from ...graph_data import GraphError
from ...kinds.graph_function.judge import BUILD, Function, evaluated, judge_gradients, judge_output, leaves_of, of_a_graph
from ...text import causal_mask
from .training import epoch_question, generate_question
from .truth import FUNCTIONS, SHAPES, WEIGHTS
from .unit import UNIT

HARDLY = 1e-9  # a smaller change of the output, relative to its largest number, counts as none
START = 0.05  # how far the loss of an untrained model may be from log V, relative


@dataclass(frozen=True)
class ModelCase:
    """A function that builds a graph, on sizes that are pairwise different or all equal, with one kind of mask."""

    form: ClassVar[Form] = BUILD

    described: Function
    sizes: dict[str, int]
    mask: str = "causal"
    number: float = 0
    seed: str = "public"
    hidden: bool = False

    @property
    def function(self) -> str:
        return self.described.name

    @property
    def name(self) -> str:
        masks = {"causal": "", "open": ", a mask of zeros", "soft": ", a mask of other numbers", "odd": ", a mask with holes"}
        shown = {axis: size for axis, size in self.sizes.items() if any(axis in SHAPES[name] for name in self.described.leaves)}
        said = f", {self.described.number}={self.number:g}"
        return f"{' '.join(f'{axis}={size}' for axis, size in shown.items())}{said}{masks[self.mask]}"

    def features(self) -> dict[str, Any]:
        return {"mask": self.mask, "B": self.sizes["B"], "T": self.sizes["T"]}

    def values(self) -> dict[str, Tensor]:
        """A float64 value for each variable, weights of the size that an initialisation gives them."""
        rng = generator(self.seed, self.function, self.name)
        found = {}
        for name in self.described.leaves:
            shape = tuple(self.sizes[axis] for axis in SHAPES[name])
            scale = 1.5 / math.sqrt(shape[0]) if name in WEIGHTS else 1.0
            found[name] = torch.tensor(rng.standard_normal(shape) * scale)
        for name in ("tokens", "targets"):
            if name in found:
                numbers = rng.integers(0, self.sizes["V"], (self.sizes["B"], self.sizes["T"]))
                found[name] = torch.eye(self.sizes["V"], dtype=torch.float64)[numbers]  # (B, T, V)
        if "mask" in found:
            found["mask"] = self.mask_values(found["mask"], rng)
        return found

    def mask_values(self, soft: Tensor, rng: np.random.Generator) -> Tensor:
        match self.mask:
            case "causal":
                return causal_mask(self.sizes["T"])
            case "open":
                return torch.zeros_like(soft)
            case "odd":  # some keys are hidden, from everybody but themselves
                hidden = torch.tensor(rng.random(soft.shape) < 0.4) & ~torch.eye(len(soft), dtype=torch.bool)
                return torch.where(hidden, -1e9, 0.0).to(torch.float64)
        return soft

    def ask(self) -> Ask:
        return self.described.ask(self.number)


def sizes(B: int, T: int, D: int, K: int, E: int, F: int, V: int) -> dict[str, int]:
    return {"B": B, "T": T, "D": D, "K": K, "E": E, "F": F, "V": V}


def difference(case: ModelCase, answer: Answer, leaves: dict[str, Tensor], **changed: Tensor) -> Tensor:
    """For each token (T,), by how much the output changes when some inputs do, relative to the output's largest number, or to 1."""
    first, second = evaluated(case, answer, leaves), evaluated(case, answer, {**leaves, **changed})
    batch, tokens = case.sizes["B"], case.sizes["T"]
    for value in (first, second):
        if value.ndim != 3 or value.shape[:2] != (batch, tokens) or value.shape != first.shape or not value.numel():
            raise GraphError(f"its value has shape {list(value.shape)}, expected [{batch}, {tokens}, ...]: one row for each token.")
    moved = (first - second).detach().abs().amax(dim=(0, 2))  # (B, T, ...) -> (T,)
    return moved / size_of(first.detach().numpy(), second.detach().numpy())


@of_a_graph
def judge_future(case: ModelCase, answer: Answer) -> Failure | None:
    """A change of one token may change no output before it, and must change all from there on."""
    leaves, length = leaves_of(case), case.sizes["T"]
    leaves["W_Q"] = leaves["W_Q"].detach() / 10  # small scores: no softmax is so sure that it looks at one word only, whatever the scale
    name = "tokens" if "tokens" in leaves else "X"
    for place in range(1, length):
        other = leaves[name].detach().clone()
        other[:, place] = other[:, place].roll(1, dims=-1) if name == "tokens" else other[:, place] + 1.5 * other[:, place].roll(1, dims=-1)
        moved = difference(case, answer, leaves, **{name: other})
        if not moved.isfinite().all():
            message = "The output has entries that are no numbers."
            return Failure.wrong(case, message, "Is there a logarithm, a root or a division in it?", got=moved)
        early = [t for t in range(place) if moved[t] > HARDLY]
        still = [t for t in range(place, length) if moved[t] <= HARDLY]
        if early:
            message = f"Token {place} was changed, and the output for token {early[0]} changed with it, although it comes before."
            hint = "Nobody may look at what comes later: what does the mask do, and where is it added?"
            return Failure.wrong(case, message, hint, got=moved)
        if still:
            message = f"Token {place} was changed, and the output for token {still[0]} stayed as it was."
            return Failure.wrong(case, message, "Every token may look at itself and at those before it.", got=moved)
    return None


@of_a_graph
def judge_order(case: ModelCase, answer: Answer) -> Failure | None:
    """Exchanging the first two tokens must change what is said after them."""
    leaves = leaves_of(case)
    leaves["tokens"][:, 1] = leaves["tokens"][:, 0].roll(1, dims=-1)  # so that they differ
    swapped = leaves["tokens"].clone()
    swapped[:, :2] = leaves["tokens"][:, :2].flip(1)
    moved = difference(case, answer, leaves, tokens=swapped)
    if moved[-1] > 1e-6:
        return None
    message = "The first two tokens were exchanged, and the logits of the last one stayed as they were."
    return Failure.wrong(case, message, "Where does the model learn in which place a word stands?")


@of_a_graph
def judge_start(case: ModelCase, answer: Answer) -> Failure | None:
    """An untrained model finds every word about equally likely: its loss is log V."""
    leaves = {name: value * (0.01 if name == "logits" else 1) for name, value in case.values().items()}
    sure = {**leaves, "logits": leaves["logits"] + 3 * leaves["targets"]}
    got, better = evaluated(case, answer, leaves), evaluated(case, answer, sure)
    want = math.log(case.sizes["V"])
    if got.numel() == 1 and abs(float(got) - want) <= START * want:
        if better.numel() == 1 and float(better) < float(got) - HARDLY:
            return None
        message = "Where the words that really came were made more probable, the loss did not fall."
        return Failure.wrong(case, message, "Which of the probabilities does the loss look at?")
    shown = in_words(float(got)) if got.numel() == 1 else f"a value of shape {list(got.shape)}"
    message = (
        f"Where all {case.sizes['V']} words are about equally likely the loss must be log {case.sizes['V']} = {want:.4g}, got {shown}."
    )
    return Failure.wrong(case, message, "How much does one token cost there, and over how many tokens is the mean?")


# --- the six questions

SMALL = sizes(B=1, T=3, D=4, K=4, E=4, F=6, V=5)
NARROW = sizes(B=2, T=4, D=6, K=3, E=5, F=7, V=9)
WIDE = sizes(B=3, T=5, D=8, K=2, E=7, F=4, V=6)
LONG = sizes(B=2, T=7, D=10, K=12, E=3, F=9, V=8)
EQUAL = sizes(B=4, T=4, D=4, K=4, E=4, F=4, V=4)  # for what goes wrong only where sizes coincide


def model_cases(function: str, masks: Sequence[str] = ("causal",), others: Sequence[dict[str, int]] = (WIDE, LONG)) -> list[ModelCase]:
    """Three sizes and the others with a causal mask, and two of them with each other mask; smallest first."""

    def number(size: dict[str, int]) -> float:
        if function == "cross_entropy_loss":
            return size["B"] * size["T"]
        return size["D"] if function != "causal_self_attention" else size["D"] + 5  # the scale is a number of its own

    cases = [ModelCase(FUNCTIONS[function], size, "causal", number(size)) for size in (SMALL, EQUAL, NARROW, *others)]
    return cases + [
        ModelCase(FUNCTIONS[function], size, mask, number(size)) for size in (EQUAL, NARROW) for mask in masks if mask != "causal"
    ]


LOOK_AT = {  # function -> where to read again, for each of its parts
    "causal_self_attention": (
        "the formula, from the inside out",
        "which arguments the output depends on, and how often",
        "where the mask is added, and before what",
    ),
    "decoder_layer": ("the two lines of the formula", "the two sums: each leads around what stands beside it"),
    "transformer_lm": (
        "the four steps: embed, add the positions, the layer, the head",
        "which weight stands where",
        "what the layer is given as X, and as the mask",
    ),
    "cross_entropy_loss": (
        "which probability is looked at, and over what the mean goes",
        "the derivative of -log(softmax) by the logits",
        "the number of words, and the number of tokens",
    ),
}


def graph_question(number: int, function: str, points: tuple[float, ...], others: Sequence[dict[str, int]] = (WIDE, LONG)) -> Question:
    masks = ("causal", "open", "odd", "soft") if function == "causal_self_attention" else ("causal", "soft")
    if function == "cross_entropy_loss":
        masks = ("causal",)
    cases = model_cases(function, masks, others)
    plain = tuple(case for case in cases if case.mask == "causal")
    look = LOOK_AT[function]
    parts = [
        Part("output", points[0], tuple(cases), judge_output, look[0]),
        Part("gradients", points[1], tuple(cases), judge_gradients, look[1]),
    ]
    if function == "causal_self_attention":
        parts.append(Part("the future", points[2], plain, judge_future, look[2]))
    if function == "transformer_lm":
        parts.append(Part("order and future", points[2], plain[1:], judge_order_and_future, look[2]))
    if function == "cross_entropy_loss":
        parts.append(Part("at the start", points[2], plain, judge_start, look[2]))
    return Question(UNIT.name, number, function, tuple(parts))


def judge_order_and_future(case: ModelCase, answer: Answer) -> Failure | None:
    return judge_order(case, answer) or judge_future(case, answer)


POINTS = {"causal_self_attention": (6, 2, 2), "decoder_layer": (3, 2), "transformer_lm": (3, 1, 1), "cross_entropy_loss": (3, 1, 1)}
"""Function that builds a graph -> points of its parts."""


def graph_questions(others: Sequence[dict[str, int]] = (WIDE, LONG)) -> list[Question]:
    """The questions on what builds a graph, with these sizes beside the three smallest."""
    return [graph_question(number, function, points, others) for number, (function, points) in enumerate(POINTS.items(), start=1)]


def questions() -> list[Question]:
    """The six questions of the unit, in the notebook's order."""
    return [*graph_questions(), epoch_question(5), generate_question(6)]
