"""What the graphs of the unit are judged by: one property each, seen on values under which nothing else shows.

Scale and mixing of the attention are judged as in any attention, by `kinds.graph_function.properties`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checks.compare import in_words, size_of, value_in_words
from ...checks.question import Answer, Failure, all_numbers, plain
from ...graph_data import GraphError
from ...kinds.graph_function.judge import EXACT, evaluated, of_a_graph, twin, wrong_value
from ...kinds.graph_function.properties import HARDLY, MOVED, Leaves, alike, drawn, moved, unit, value
from .cases import HugeCase, ImageCase

START = 1e-6  # how far the loss of a model that knows nothing may be from log C, relative: a guard against log(0) changes it by less
SLOPE = 1e-8  # relative, for the gradient of a loss at huge logits: what cancels there leaves rounding errors behind


def zeroed(leaves: Leaves, *names: str) -> Leaves:
    return leaves | {name: torch.zeros_like(leaves[name]) for name in names}


# --- linear


@of_a_graph
def judge_product(case: ImageCase, answer: Answer) -> Failure | None:
    """Without a bias."""
    leaves = zeroed(case.values(), "b")
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    return None if alike(got, want, EXACT) else wrong_value(case, answer, leaves, got, want)


@of_a_graph
def judge_bias(case: ImageCase, answer: Answer) -> Failure | None:
    """Where X is zero, b is all that is left."""
    leaves = zeroed(case.values(), "X")
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    if alike(got, want, EXACT):
        return None
    message = "Where X is zero, each row of the result must be b, and is something else."
    return Failure.wrong(case, message, "To what is b added, and how often?", got, want, b=leaves["b"])


# --- self_attention


@of_a_graph
def judge_projections(case: ImageCase, answer: Answer) -> Failure | None:
    """W_Q and W_K count by the product of one with the other's transpose alone, and what is said is linear in W_V.

    So it is in any attention, whatever becomes of the scores and the weights.
    """
    leaves = case.values()
    leaves["W_Q"] = leaves["W_Q"] / 10  # small scores: no softmax is sure
    before, width = value(case, answer, leaves), case.sizes["K"]
    mix = unit(width) + 0.4 * drawn(case, "mix", width, width) / math.sqrt(width)
    other = {"W_Q": leaves["W_Q"] @ mix, "W_K": (torch.linalg.inv(mix) @ leaves["W_K"].mT).mT}  # (K, K) @ (K, D) -> (K, D)
    after = value(case, answer, leaves | other)
    if not alike(after, before):
        message = "W_Q and W_K were changed so that W_Q @ W_K.T stays as it is, and the output changed."
        hint = "Which matrix is multiplied by which in the formula, and which is turned on its side?"
        return Failure.wrong(case, message, hint, after, before, X=leaves["X"])
    for name in other:
        still = value(case, answer, leaves | {name: other[name]})
        if moved(still, before) <= MOVED:
            message = f"{name} was changed, and the output stayed as it was."
            wanted = twin(case, leaves | {name: other[name]})
            return Failure.wrong(case, message, "Where in the formula does each matrix stand?", still, wanted, X=leaves["X"])
    nothing = value(case, answer, zeroed(leaves, "W_V"))  # what is there beside the values is asked elsewhere
    turned = drawn(case, "values", case.sizes["E"], case.sizes["E"])
    said = value(case, answer, leaves | {"W_V": leaves["W_V"] @ turned}) - nothing
    if moved(before, nothing) <= MOVED:
        message = "W_V was set to zero, and the output stayed as it was."
        return Failure.wrong(case, message, "What does a row say, when it is asked?", nothing, torch.zeros_like(nothing), X=leaves["X"])
    if before.shape[-1] != case.sizes["E"] or not alike(said, (before - nothing) @ turned):  # (B, T, E) @ (E, E)
        message = "W_V was multiplied by a matrix, and what the values bring was not."
        hint = "What is mixed at the end, and is anything done with it afterwards?"
        return Failure.wrong(case, message, hint, said, twin(case, leaves) @ turned, X=leaves["X"])
    return None


@of_a_graph
def judge_attention(case: ImageCase, answer: Answer) -> Failure | None:
    """The numbers, where queries and keys are the same, and rows are said as they are: which matrix is which is asked elsewhere."""
    leaves = case.values()
    leaves |= {"W_K": leaves["W_Q"], "W_V": unit(case.sizes["D"])}
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    return None if alike(got, want, EXACT) else wrong_value(case, answer, leaves, got, want)


# --- encoder_layer


@of_a_graph
def judge_listening(case: ImageCase, answer: Answer) -> Failure | None:
    """The network gets what the attention says, and nothing else: where that is nothing, X does not matter."""
    leaves = case.values()
    leaves["W_Q"] = leaves["W_Q"] / 10
    other = leaves | {"X": drawn(case, "other rows", *leaves["X"].shape)}
    silent = zeroed(leaves, "W_V")
    before, after = value(case, answer, silent), value(case, answer, silent | {"X": other["X"]})
    if not alike(after, before):
        message = "Where the attention answers zeros, another X was given, and the output changed."
        return Failure.wrong(case, message, "What does the network get, and what is added to it?", after, before, X=other["X"])
    changed_first = leaves | {"X": torch.cat([other["X"][:, :1], leaves["X"][:, 1:]], dim=1)}
    before, after = value(case, answer, leaves)[:, 1:], value(case, answer, changed_first)[:, 1:]
    if moved(before, after) <= MOVED:
        message = "The first row was changed, and the output for all others stayed as it was."
        return Failure.wrong(case, message, "Who lets the rows look at each other?", after, twin(case, changed_first)[:, 1:])
    return None


@of_a_graph
def judge_network(case: ImageCase, answer: Answer) -> Failure | None:
    """What the two matrices make of what they get, without biases: up to a factor, and beside what leads around them.

    All rows of an image are alike, and said as they are, so that attention or none comes to the same.
    """
    leaves = zeroed(case.values(), "W_Q", "W_K", "b_1", "b_2") | {"W_V": unit(case.sizes["D"])}
    leaves["X"] = leaves["X"][:, :1].expand_as(leaves["X"])
    silent = zeroed(leaves, "W_2")
    got, want = value(case, answer, leaves) - value(case, answer, silent), twin(case, leaves) - twin(case, silent)
    largest = float(got.abs().max())
    if largest > MOVED and alike(got / largest, want / float(want.abs().max())):
        return None
    message = "What the two linear layers and the ReLU between them make of the attention's answer is wrong."
    return Failure.wrong(case, message, "Which layer is first, and what stands between the two?", got, want, X=leaves["X"])


@of_a_graph
def judge_biases(case: ImageCase, answer: Answer) -> Failure | None:
    """Where X is zero the biases are all that is left; they are positive here, and so is W_2: relu changes nothing."""
    leaves = zeroed(case.values(), "X")
    leaves |= {name: leaves[name].abs() for name in ("b_1", "W_2", "b_2")}
    got, want = value(case, answer, leaves), twin(case, leaves)
    if alike(got, want, EXACT):
        return None
    message = "Where X is zero only the two biases count, and what is left of them is wrong."
    return Failure.wrong(case, message, "How does each bias enter, and what happens to it on its way out?", got, want)


# --- vision_transformer


def logits(case: ImageCase, answer: Answer, leaves: Leaves) -> Tensor:
    """The value of the student's graph, (B, C) of finite numbers. GraphError for another one."""
    found = evaluated(case, answer, leaves)
    wanted = (case.sizes["B"], case.sizes["C"])
    if found.shape != wanted:
        raise GraphError(f"its value has shape {list(found.shape)}, expected {list(wanted)}: a row of scores for each image.")
    if not found.isfinite().all():
        raise GraphError("its value has entries that are no numbers: is there a logarithm, a root or a division in it?")
    return found


@of_a_graph
def judge_embedding(case: ImageCase, answer: Answer) -> Failure | None:
    """Rows and places count by their sum: what is added to b_embed may be taken from every place."""
    leaves = case.values()
    step = drawn(case, "step", case.sizes["D"])
    other = {"b_embed": leaves["b_embed"] + step, "positions": leaves["positions"] - step}
    before, after = logits(case, answer, leaves), logits(case, answer, leaves | other)
    if not alike(after, before):
        message = "Numbers were added to b_embed and taken from every row of positions, and the logits changed."
        hint = "What is done with the embedded rows and the positions, before the encoder?"
        return Failure.wrong(case, message, hint, after, before, positions=leaves["positions"])
    for name in ("W_embed", "b_embed"):
        still = logits(case, answer, leaves | {name: drawn(case, name, *leaves[name].shape)})
        if moved(still, before) <= MOVED:
            message = f"{name} was changed, and the logits stayed as they were."
            return Failure.wrong(case, message, "What is the input of the encoder made of?", still)
    return None


@of_a_graph
def judge_order(case: ImageCase, answer: Answer) -> Failure | None:
    """An image that stands on its head is another one: with positions, the order of the rows changes the logits."""
    leaves = case.values()
    leaves["W_Q"] = leaves["W_Q"] / 3  # no softmax is so sure that only one row counts
    before = logits(case, answer, leaves)
    upside_down = leaves | {"X": leaves["X"].flip(1)}
    after = logits(case, answer, upside_down)
    if moved(after, before) > MOVED:
        return None
    message = "The rows of the images were put in reverse order, and the logits stayed as they were."
    return Failure.wrong(case, message, "Where does the model learn in which place a row stands?", after, twin(case, upside_down))


@of_a_graph
def judge_mean(case: ImageCase, answer: Answer) -> Failure | None:
    """Each row counts alike, wherever it stands, if its place comes along; and a row that is there twice is no news."""
    leaves = case.values()
    before = logits(case, answer, leaves)
    turned = leaves | {name: leaves[name].flip(-2) for name in ("X", "positions")}
    after = logits(case, answer, turned)
    if not alike(after, before):
        message = "Rows and positions were put in reverse order together, and the logits changed: the rows do not count alike."
        return Failure.wrong(case, message, "Over what does the mean go?", after, before)
    twice = leaves | {name: torch.cat([leaves[name]] * 2, dim=-2) for name in ("X", "positions")}
    after = logits(case, answer, twice)
    if not alike(after, before):
        message = "Each row and its position were given twice, and the logits changed: a mean does not notice that."
        return Failure.wrong(case, message, "What becomes of the rows after the encoder: by how many are they divided?", after, before)
    other = leaves | {"X": torch.cat([leaves["X"][:, :-1], drawn(case, "last row", *leaves["X"][:, -1:].shape)], dim=1)}
    still = logits(case, answer, other)
    if moved(still, before) <= MOVED:
        return Failure.wrong(case, "The last row was changed, and the logits stayed as they were.", "Over what does the mean go?", still)
    return None


@of_a_graph
def judge_head(case: ImageCase, answer: Answer) -> Failure | None:
    """The logits of a sum of two heads are the sum of their logits."""
    leaves = case.values()
    names = ("W_head", "b_head")
    first = {name: leaves[name] for name in names}
    second = {name: drawn(case, f"another {name}", *leaves[name].shape) for name in names}
    both = {name: first[name] + second[name] for name in names}
    one, two, joined = (logits(case, answer, leaves | head) for head in (first, second, both))
    if not alike(joined, one + two):
        message = "The logits with the sum of two heads are not the sum of the logits with each of them."
        return Failure.wrong(case, message, "What is the last step, and what comes after it?", joined, one + two)
    for name in names:
        still = logits(case, answer, leaves | {name: second[name]})
        if moved(still, one) <= MOVED:
            message = f"{name} was changed, and the logits stayed as they were."
            return Failure.wrong(case, message, "What is the last step made of?", still, twin(case, leaves | {name: second[name]}))
    return None


# --- softmax_loss: logits are logarithms of probabilities, except where that is what is asked


def loss_of(case: ImageCase, answer: Answer, leaves: Leaves) -> Tensor:
    """The value of the student's graph, (). GraphError for another one."""
    found = evaluated(case, answer, leaves)
    if found.shape != () or not found.isfinite():
        said = f"shape {list(found.shape)}, expected []" if found.shape != () else f"no number, {float(found)}"
        raise GraphError(f"its value is {said}: a loss is a single number.")
    return found


def normalised(case: ImageCase) -> Leaves:
    """Logits (B, C) of which a softmax changes nothing but the logarithm, and one-hot labels (B, C)."""
    leaves = case.values()
    return leaves | {"Z": F.log_softmax(leaves["Z"], dim=-1)}


def knowing_nothing(leaves: Leaves) -> Leaves:
    """All classes equally likely."""
    return leaves | {"Z": torch.full_like(leaves["Z"], -math.log(leaves["Z"].shape[-1]))}


def surer(leaves: Leaves, by: float = 1.0) -> Leaves:
    """The right classes, made more probable."""
    return leaves | {"Z": leaves["Z"] + by * leaves["y_one_hot"]}


def stays(case: ImageCase, answer: Answer, leaves: Leaves, before: Tensor) -> Failure | None:
    """A failure where the loss does not notice how probable the right classes are."""
    if moved(loss_of(case, answer, surer(leaves)), before) > MOVED:
        return None
    message = "Where the right classes were made more probable, the loss stayed as it was."
    return Failure.wrong(case, message, "Which of the probabilities does the loss look at?", before)


@of_a_graph
def judge_shift(case: ImageCase, answer: Answer) -> Failure | None:
    """A number added to all logits of an image makes no class more probable than another."""
    leaves = case.values()
    shifted = leaves | {"Z": leaves["Z"] + 2 * drawn(case, "shifts", case.sizes["B"], 1)}
    before, after = (loss_of(case, answer, given) for given in (leaves, shifted))
    if not alike(after, before):
        said = f"the loss went from {in_words(float(before))} to {in_words(float(after))}"
        message = f"To all logits of each image a number was added, and {said}."
        return Failure.wrong(case, message, "What makes probabilities of logits, and along which axis?", after, before)
    return stays(case, answer, leaves, before)


@of_a_graph
def judge_start(case: ImageCase, answer: Answer) -> Failure | None:
    """A model that finds every class equally likely has the loss log C. On which side of zero is asked elsewhere."""
    leaves = knowing_nothing(case.values())
    got, want = evaluated(case, answer, leaves), math.log(case.sizes["C"])
    if got.shape == () and abs(abs(float(got)) - want) <= START * want:
        return stays(case, answer, leaves, got)
    classes = case.sizes["C"]
    message = f"Where all {classes} classes are equally likely the loss must be log {classes} = {want:.4g}, got {value_in_words(got)}."
    return Failure.wrong(case, message, "How much does one image cost there, and over how many is the mean?", all_numbers([got]))


@of_a_graph
def judge_sign(case: ImageCase, answer: Answer) -> Failure | None:
    """The loss falls where the right classes are made more probable, and rises where they are made less so."""
    leaves = normalised(case)
    less, before, more = (loss_of(case, answer, surer(leaves, by)) for by in (-1.0, 0.0, 1.0))
    change = HARDLY * size_of(*map(plain, (less, before, more)))
    if less > before + change and before > more + change:
        return None
    message = (
        f"The right classes were made less probable, and more: the loss was {in_words(float(before))}, "
        f"and is {in_words(float(less))} and {in_words(float(more))}. It should rise, and fall."
    )
    hint = "Which sign has the logarithm of a probability, and which one a loss?"
    return Failure.wrong(case, message, hint, torch.stack([less, before, more]))


def beside_start(case: ImageCase, answer: Answer, leaves: Leaves) -> float:
    """By what the student's losses must be multiplied to be right where all classes are equally likely. GraphError for no number."""
    start = float(loss_of(case, answer, knowing_nothing(leaves)))
    if abs(start) <= MOVED:
        raise GraphError("its value is zero where all classes are equally likely, and where it is not, something else.")
    return math.log(case.sizes["C"]) / start


STEP = 40.0  # by how much the logit of the right class is moved, far below the largest one: no softmax notices it


@of_a_graph
def judge_stable(case: HugeCase, answer: Answer) -> Failure | None:
    """Where the right class is far below the largest of huge logits, each step of its logit costs as much as the one before.

    The gradient says so as well. By what factor the loss is wrong everywhere is asked elsewhere.
    """
    leaves = case.values()
    right, Z = leaves["y_one_hot"], leaves["Z"].requires_grad_()
    before = evaluated(case, answer, leaves | {"Z": Z})
    after = [evaluated(case, answer, leaves | {"Z": Z.detach() - step * STEP * right}) for step in (1, 2)]
    losses = torch.stack([before.detach(), *after])
    first, second = losses.diff(dim=0)
    same = losses.ndim == 1 and bool(losses.isfinite().all()) and alike(first, second)
    if not same or not before.requires_grad or abs(float(first)) <= MOVED:
        shown = ", ".join(in_words(float(loss), 6) for loss in losses.flatten()[:3])
        message = f"Among such logits the right class was made less probable, in two equal steps, and the loss was {shown}."
        hint = "What do exp(1000) and log(0) come to? Which number may be taken from all logits of an image first?"
        return Failure.wrong(case, message, hint, losses, Z=Z)
    (slope,) = torch.autograd.grad(before, Z, allow_unused=True)
    slope = torch.zeros_like(Z) if slope is None else slope
    if not slope.isfinite().all() or not alike(-STEP * (slope * right).sum(), first, SLOPE):
        message = "Among such logits the loss changes as it should, and its gradient says something else."
        return Failure.wrong(case, message, "Which node of your graph is inf there, or zero under a fraction or a root?", slope, Z=Z)
    return None


@of_a_graph
def judge_loss(case: ImageCase, answer: Answer) -> Failure | None:
    """The numbers, beside the loss of a model that knows nothing: what that must be is asked elsewhere."""
    leaves = normalised(case)
    got, want = beside_start(case, answer, leaves) * loss_of(case, answer, leaves), twin(case, leaves)
    return None if alike(got, want, EXACT) else wrong_value(case, answer, leaves, got, want)
