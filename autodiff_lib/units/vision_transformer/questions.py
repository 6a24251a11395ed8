"""The questions of the unit: the blocks of a vision transformer and its loss; an epoch of training, and what it has brought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...checks.question import Part, Question
from ...kinds.epoch.judge import epoch_question
from ...kinds.graph_function.properties import judge_mixing, judge_scale, with_whole
from .cases import EQUAL, HUGE, LONG, NARROW, SMALL, WIDE, HugeCase, HugeWholeCase, Sizes, WholeCase, changed, image_cases
from .evaluation import accuracy_question
from .properties import (
    judge_attention,
    judge_bias,
    judge_biases,
    judge_embedding,
    judge_head,
    judge_listening,
    judge_loss,
    judge_mean,
    judge_network,
    judge_order,
    judge_product,
    judge_projections,
    judge_shift,
    judge_sign,
    judge_stable,
    judge_start,
)
from .unit import UNIT

NUMBERS = "all else, exactly"
"""The last part of each function that builds a graph: the numbers, as far as no other part is about them. In secret, something
must be learned for it as well."""

RANKS = ("BN", "BTN", "PBTN")
"""Axes of X for a linear layer: one row for each image, rows of images, and one axis more."""


def without_scale(size: Sizes) -> float:
    """A model_dim whose root changes nothing."""
    return 1


def linear_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    """For the bias alone N and M are equal, so that a matrix on its side costs nothing there."""
    listed = (SMALL, NARROW, *others)
    return (
        Part("product", 1, image_cases("linear", listed), judge_product, "which matrix stands on which side"),
        Part("bias", 1, image_cases("linear", changed(listed, M="N")), judge_bias, "what is added to every row"),
        Part(NUMBERS, 1, (), judge_product, "how many axes X may have"),
    )


def attention_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    """Projections and scale are each seen alone; for mixing and numbers there is no scale."""
    name, listed = "self_attention", (SMALL, NARROW, *others)
    square, passed_on = changed(listed, D="T", K="T", E="T"), changed((NARROW, *others), E="D")
    plain = image_cases(name, changed((SMALL, EQUAL, NARROW, *others), E="D"), without_scale)
    return (
        Part("mixing", 1, image_cases(name, passed_on, without_scale), judge_mixing, "who asks, and who is asked"),
        Part(
            "projections",
            1,
            image_cases(name, changed((NARROW, *others), E="D")),
            judge_projections,
            "which matrix stands where in the formula",
        ),
        Part("scale", 2, image_cases(name, square), judge_scale, "what the scores are divided by, and when"),
        Part(NUMBERS, 2, plain, judge_attention, "the formula, from the inside out"),
    )


def encoder_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    name, listed = "encoder_layer", (SMALL, EQUAL, NARROW, *others)
    alike = changed(listed, E="D")
    return (
        Part("listening", 1, image_cases(name, listed[1:]), judge_listening, "what the network gets"),
        Part("network", 1, image_cases(name, alike), judge_network, "the two linear layers, and what stands between them"),
        Part("biases", 1, image_cases(name, listed), judge_biases, "the two biases"),
        Part(NUMBERS, 1, (), judge_network, "the two lines of the formula"),
    )


def model_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    name, listed = "vision_transformer", (SMALL, EQUAL, NARROW, *others)
    return (
        Part("embedding", 2, image_cases(name, listed), judge_embedding, "what the input of the encoder is made of"),
        Part("order", 1, image_cases(name, listed[1:]), judge_order, "where the places of the rows come in"),
        Part("mean", 1, image_cases(name, listed), judge_mean, "what becomes of the rows after the encoder"),
        Part("head", 1, image_cases(name, listed), judge_head, "the last of the steps"),
        Part(NUMBERS, 1, (), judge_head, "the steps in their order, and which weight is where"),
    )


def loss_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    name, listed = "softmax_loss", (SMALL, EQUAL, NARROW, *others)
    cases = image_cases(name, listed)
    huge = tuple(replace(case, top=top, others=rest) for top, rest in HUGE for case in image_cases(name, listed, kind=HugeCase))
    return (
        Part("shift", 1, cases, judge_shift, "what makes probabilities of logits"),
        Part("mean", 1, image_cases(name, listed[1:]), judge_start, "over what the mean goes"),
        Part("sign", 1, cases, judge_sign, "the sign in front of it"),
        Part("huge logits", 1, huge, judge_stable, "what is taken from the logits before exp"),
        Part(NUMBERS, 1, cases, judge_loss, "which probability is looked at, and what becomes of it"),
    )


PARTS: dict[str, Callable[[Sequence[Sizes]], tuple[Part, ...]]] = {
    "linear": linear_parts,
    "self_attention": attention_parts,
    "encoder_layer": encoder_parts,
    "vision_transformer": model_parts,
    "softmax_loss": loss_parts,
}
"""Function that builds a graph -> its parts, by the sizes that are asked for beside the smallest."""


def graph_questions(others: Sequence[Sizes] = (WIDE, LONG)) -> list[Question]:
    """The questions on what builds a graph, with these sizes beside the smallest."""
    questions = []
    for number, (name, parts) in enumerate(PARTS.items(), start=1):
        *properties, numbers = parts(others)
        axes = RANKS if name == "linear" else ("",)
        listed = (SMALL, EQUAL, NARROW, *others)
        wholes = image_cases(name, listed, kind=WholeCase, axes=axes)
        if name == "softmax_loss":
            wholes += image_cases(name, listed, kind=HugeWholeCase)
        questions.append(Question(UNIT.name, number, name, (*properties, with_whole(numbers, properties, wholes))))
    return questions


def questions() -> list[Question]:
    """The seven questions of the unit, in the notebook's order."""
    epoch = epoch_question(UNIT.name, 6, UNIT.entry("sgd_epoch"), (1, 1, 1))
    return [*graph_questions(), epoch, accuracy_question(7)]
