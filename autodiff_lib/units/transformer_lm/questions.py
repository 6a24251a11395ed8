"""The questions of the unit: the blocks of a decoder-only transformer and its loss. Generation is in `generation`."""

from __future__ import annotations

from collections.abc import Sequence

from ...checks.question import Part, Question
from ...kinds.epoch.judge import epoch_question
from ...kinds.graph_function.properties import judge_mixing, judge_scale, with_whole
from .cases import EQUAL, LONG, NARROW, SMALL, WIDE, model_cases, whole_cases
from .generation import generate_question
from .properties import (
    judge_attention,
    judge_embedding,
    judge_first_residual,
    judge_head,
    judge_layer,
    judge_loss,
    judge_mask_or_future,
    judge_mean,
    judge_model,
    judge_network,
    judge_norms,
    judge_order_and_future,
    judge_projections,
    judge_second_residual,
    judge_shift,
    judge_sign,
    judge_start,
)
from .unit import UNIT

NUMBERS = "all else, exactly"
"""The last part of each function that builds a graph: the numbers, as far as no other part is about them. In secret, something
must be learned for it as well."""

Sizes = dict[str, int]


def changed(listed: Sequence[Sizes], **axes: str) -> list[Sizes]:
    """Sizes in which some axes are as long as another one."""
    return [size | {axis: size[other] for axis, other in axes.items()} for size in listed]


def without_scale(size: Sizes) -> float:
    """A model_dim whose root changes nothing."""
    return 1


def attention_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    """Projections, scale and mask are each seen alone; for mixing and numbers there is neither scale nor mask."""
    name, listed = "causal_self_attention", (SMALL, NARROW, *others)
    square, passed_on = changed(listed, D="T", K="T", E="T"), changed((SMALL, EQUAL, NARROW, *others), E="D")
    plain = model_cases(name, (SMALL, EQUAL, NARROW, *others))
    masked = model_cases(name, square, ("soft", "odd"))
    return (
        Part("mixing", 1, model_cases(name, passed_on[2:], ("open",), without_scale), judge_mixing, "who asks, and who is asked"),
        Part("projections", 2, model_cases(name, (NARROW, *others)), judge_projections, "which matrix stands where in the formula"),
        Part("scale", 2, model_cases(name, square), judge_scale, "what the scores are divided by, and when"),
        Part("the mask", 3, plain + masked, judge_mask_or_future, "where the mask is added, and before what"),
        Part(NUMBERS, 2, model_cases(name, passed_on, ("open",), without_scale), judge_attention, "the formula, from the inside out"),
    )


def decoder_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    cases = model_cases("decoder_layer", (SMALL, EQUAL, NARROW, *others))
    soft = model_cases("decoder_layer", (EQUAL, NARROW), ("soft",))
    return (
        Part("first residual", 1, cases, judge_first_residual, "the first sum: it leads around the attention"),
        Part("second residual", 1, cases, judge_second_residual, "the second sum: it leads around the network"),
        Part("norms", 1, cases, judge_norms, "what stands around the two sums"),
        Part("network", 1, cases, judge_network, "the two matrices of the network, and what stands between them"),
        Part(NUMBERS, 1, cases + soft, judge_layer, "the two lines of the formula"),
    )


def model_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    """Weights that are exchanged fit each other's places where the ends of the model are asked about."""
    name, listed = "transformer_lm", (SMALL, EQUAL, NARROW, *others)
    alike = changed(listed, K="D", E="D")
    return (
        Part("embedding", 1, model_cases(name, alike), judge_embedding, "what the input of the layer is made of"),
        Part("head", 1, model_cases(name, alike), judge_head, "the last of the four steps"),
        Part("order and future", 1, model_cases(name, listed[1:]), judge_order_and_future, "what the layer is given as X, and as the mask"),
        Part(NUMBERS, 2, model_cases(name, changed(listed, V="D"), ("soft",)), judge_model, "the four steps, and which weight is where"),
    )


def loss_parts(others: Sequence[Sizes]) -> tuple[Part, ...]:
    """At the start there are sentences of one word: what is a mean over sentences and what over words is asked elsewhere."""
    cases = model_cases("cross_entropy_loss", (SMALL, EQUAL, NARROW, *others))
    short = model_cases("cross_entropy_loss", [size | {"T": 1, "B": size["T"]} for size in (SMALL, EQUAL, NARROW, *others)])
    return (
        Part("shift", 1, cases, judge_shift, "what makes probabilities of logits"),
        Part("mean", 1, cases, judge_mean, "over what the mean goes"),
        Part("sign", 1, cases, judge_sign, "the sign in front of the sum"),
        Part("at the start", 1, short, judge_start, "the number of words, and the number of tokens"),
        Part(NUMBERS, 1, cases, judge_loss, "which probability is looked at, and what becomes of it"),
    )


PARTS = {
    "causal_self_attention": attention_parts,
    "decoder_layer": decoder_parts,
    "transformer_lm": model_parts,
    "cross_entropy_loss": loss_parts,
}
"""Function that builds a graph -> its parts, by the sizes that are asked for beside the smallest."""


def graph_questions(others: Sequence[Sizes] = (WIDE, LONG)) -> list[Question]:
    """The questions on what builds a graph, with these sizes beside the three smallest."""
    questions = []
    for number, (name, parts) in enumerate(PARTS.items(), start=1):
        *properties, numbers = parts(others)
        numbers = with_whole(numbers, properties, whole_cases(name, (SMALL, EQUAL, NARROW, *others)))
        questions.append(Question(UNIT.name, number, name, (*properties, numbers)))
    return questions


def questions() -> list[Question]:
    """The six questions of the unit, in the notebook's order."""
    return [*graph_questions(), epoch_question(UNIT.name, 5, "sgd_epoch", (6, 3, 1)), generate_question(6)]
