"""What the graphs of the unit are judged by: one property each, seen on values under which nothing else shows.

Each judge changes the values of a case until only its own property can make a difference, so that a mistake costs the
part that it is about. Where a value must stay as it was, another must move: an answer that does nothing has no property.
"""

from __future__ import annotations

import math
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...checks.compare import in_words, size_of, value_in_words
from ...checks.question import Answer, Failure, all_numbers, plain
from ...graph_data import GraphError
from ...kinds.graph_function.judge import EXACT, evaluated, of_a_graph, twin, wrong_value
from ...kinds.graph_function.properties import HARDLY, MOVED, Leaves, alike, drawn, moved, unit, value
from .cases import ModelCase
from .truth import decoder

NEARLY = 1e-4  # where one number is made so large that the others beside it nearly vanish
HUGE, TINY = 1e6, 1e-6
START = 1e-6  # how far the loss of a model that knows nothing may be from log V, relative: a guard against log(0) changes it by less


# --- causal_self_attention


@of_a_graph
def judge_projections(case: ModelCase, answer: Answer) -> Failure | None:
    """W_Q and W_K count by the product of one with the other's transpose alone, W_V and W_O by their product.

    So it is in any attention, whatever becomes of the scores and the weights.
    """
    leaves = case.values()
    leaves |= {"W_Q": leaves["W_Q"] / 10, "mask": torch.zeros_like(leaves["mask"])}  # small scores: no softmax is sure
    before = value(case, answer, leaves)
    for first, second, product in (("W_Q", "W_K", "W_Q @ W_K.T"), ("W_V", "W_O", "W_V @ W_O")):
        width = leaves[first].shape[1]
        mix = unit(width) + 0.4 * drawn(case, first, width, width) / math.sqrt(width)
        back = torch.linalg.inv(mix) @ (leaves[second] if first == "W_V" else leaves[second].mT)  # (N, N) @ (N, D) -> (N, D)
        other = {first: leaves[first] @ mix, second: back if first == "W_V" else back.mT}
        after = value(case, answer, leaves | other)
        if not alike(after, before):
            message = f"{first} and {second} were changed so that {product} stays as it is, and the output changed."
            hint = "Which matrix is multiplied by which in the formula, and which is turned on its side?"
            return Failure.wrong(case, message, hint, after, before, X=leaves["X"])
        for name in (first, second):
            still = value(case, answer, leaves | {name: other[name]})
            if moved(still, before) <= MOVED:
                message = f"{name} was changed, and the output stayed as it was."
                wanted = twin(case, leaves | {name: other[name]})
                return Failure.wrong(case, message, "Where in the formula does each matrix stand?", still, wanted, X=leaves["X"])
    return None


@of_a_graph
def judge_mask(case: ModelCase, answer: Answer) -> Failure | None:
    """Where words are tiny all scores vanish beside the mask: what it changes is what its softmax changes."""
    leaves = case.values()
    leaves |= {name: unit(case.sizes["D"]) for name in ("W_Q", "W_K", "W_V", "W_O")}
    leaves["X"] = leaves["X"] * TINY
    none = leaves | {"mask": torch.zeros_like(leaves["mask"])}
    got, want = value(case, answer, leaves) / TINY, twin(case, leaves) / TINY
    by, due = got - value(case, answer, none) / TINY, want - twin(case, none) / TINY
    if alike(by, due, 1e-8):
        return None
    message = (
        f"Where all words are tiny, here by a factor of {1 / TINY:.0e}, the mask alone decides on the weights. "
        "What it changed in the output is not what it should be."
    )
    return Failure.wrong(case, message, "The mask is added: to what, and as it is?", got, want, mask=leaves["mask"])


def difference(case: ModelCase, answer: Answer, leaves: Leaves, **changed: Tensor) -> Tensor:
    """For each token (T,), by how much the output changes when some inputs do, relative to the output's largest number, or to 1."""
    first, second = value(case, answer, leaves), value(case, answer, leaves | changed)
    if second.shape != first.shape:
        raise GraphError(f"its value has shape {list(second.shape)}, and {list(first.shape)} for other numbers in its inputs.")
    change = (first - second).abs().amax(dim=(0, 2))  # (B, T, ...) -> (T,)
    return change / size_of(first.detach().numpy(), second.detach().numpy())


@of_a_graph
def judge_future(case: ModelCase, answer: Answer) -> Failure | None:
    """A change of one token may change no output before it, and must change all from there on."""
    leaves, length = case.values(), case.sizes["T"]
    leaves["W_Q"] = leaves["W_Q"] / 10  # small scores: no softmax is so sure that it looks at one word only, whatever the scale
    name = "tokens" if "tokens" in leaves else "X"
    for place in range(1, length):
        other = leaves[name].clone()
        other[:, place] = other[:, place].roll(1, dims=-1) if name == "tokens" else other[:, place] + 1.5 * other[:, place].roll(1, dims=-1)
        change = difference(case, answer, leaves, **{name: other})
        early = [t for t in range(place) if change[t] > HARDLY]
        still = [t for t in range(place, length) if change[t] <= HARDLY]
        if early:
            message = f"Token {place} was changed, and the output for token {early[0]} changed with it, although it comes before."
            hint = "Nobody may look at what comes later: what does the mask do, and where is it added?"
            return Failure.wrong(case, message, hint, got=change)
        if still:
            message = f"Token {place} was changed, and the output for token {still[0]} stayed as it was."
            return Failure.wrong(case, message, "Every token may look at itself and at those before it.", got=change)
    return None


def judge_mask_or_future(case: ModelCase, answer: Answer) -> Failure | None:
    return judge_future(case, answer) if case.mask == "causal" else judge_mask(case, answer)


@of_a_graph
def judge_attention(case: ModelCase, answer: Answer) -> Failure | None:
    """The numbers, where W_O changes nothing and queries and keys are the same: which matrix is which is asked elsewhere."""
    leaves = case.values()
    leaves |= {"W_K": leaves["W_Q"], "W_O": unit(case.sizes["D"])}
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    return None if alike(got, want, EXACT) else wrong_value(case, answer, leaves, got, want)


# --- decoder_layer


def standard(rows: Tensor) -> Tensor:
    """Rows (..., D) with the mean 0 and the variance 1; of rows that do not vary, zeros."""
    spread = rows.std(dim=-1, correction=0, keepdim=True)
    centred = rows - rows.mean(dim=-1, keepdim=True)
    return torch.where(spread > HARDLY * size_of(plain(rows)), centred / spread.clamp_min(1e-300), 0.0)


def level(rows: Tensor) -> Tensor:
    """Rows (..., D) whose entries are all equal: added to others, they change nothing that a norm leaves."""
    return (1 + rows[..., :1].abs()).expand_as(rows)


def centred(matrix: Tensor) -> Tensor:
    """A matrix that makes zeros of a row whose entries are all equal."""
    return matrix - matrix.mean(dim=0, keepdim=True)


def awake(matrix: Tensor) -> Tensor:
    """A matrix (D, F) of which relu never stops all columns: the second is the first with the other sign."""
    return torch.cat([matrix[:, :1], -matrix[:, :1], matrix[:, 2:]], dim=1)


@of_a_graph
def judge_first_residual(case: ModelCase, answer: Answer) -> Failure | None:
    """Where the attention says nothing the words still get through, and where it says something, that does as well."""
    leaves = case.values()
    silent = leaves | {"W_O": torch.zeros_like(leaves["W_O"])}
    other = silent | {"X": drawn(case, "other words", *leaves["X"].shape)}
    before, after = value(case, answer, silent), value(case, answer, other)
    if moved(before, after) <= MOVED:
        message = "Where the attention answers zeros, another X was given, and the output stayed as it was."
        return Failure.wrong(case, message, "What leads around the attention?", after, twin(case, other), X=other["X"])
    if moved(value(case, answer, leaves), before) <= MOVED:
        message = "The output stayed as it was when the attention was made to answer zeros."
        return Failure.wrong(case, message, "What are the two terms of the first sum?", before, twin(case, silent), X=leaves["X"])
    return None


@of_a_graph
def judge_second_residual(case: ModelCase, answer: Answer) -> Failure | None:
    """Where the network says nothing, what the attention said still gets through, and where it says something, that does as well.

    X is level, so that no norm lets it show.
    """
    words = case.values()
    leaves = words | {"W_Q": torch.zeros_like(words["W_Q"]), "X": level(words["X"]), "W_ff1": awake(words["W_ff1"])}
    silent = leaves | {"W_ff2": torch.zeros_like(leaves["W_ff2"])}
    got, want = value(case, answer, silent), twin(case, silent)
    if not alike(standard(got), standard(want), MOVED):
        plainer = silent | {"X": words["X"]}  # to look at: level words would hide what stands in the place of h
        got, want = value(case, answer, plainer), twin(case, plainer)
        message = "Where the network answers zeros, the output does not vary as h does."
        return Failure.wrong(case, message, "What leads around the network?", got, want, X=words["X"])
    if moved(value(case, answer, leaves), got) <= MOVED:
        message = "The output stayed as it was when the network was made to answer zeros."
        return Failure.wrong(case, message, "What are the two terms of the second sum?", got, twin(case, leaves), X=leaves["X"])
    return None


@of_a_graph
def judge_norms(case: ModelCase, answer: Answer) -> Failure | None:
    """Rows leave the layer with the mean 0 and the variance 1, and the network notices no number added to all entries of a word."""
    leaves = case.values()
    leaves |= {name: centred(leaves[name]) for name in ("W_Q", "W_K", "W_V")}  # nor does the attention
    leaves |= {"W_ff1": awake(leaves["W_ff1"]), "W_ff2": 100 * leaves["W_ff2"]}  # the second norm has something to do, h or no h
    got = value(case, answer, leaves)
    mean, variance = got.mean(dim=-1), got.var(dim=-1, correction=0)
    if float(mean.abs().max()) > MOVED or float((variance - 1).abs().max()) > 0.01:
        worst = int((variance - 1).abs().argmax() if float(mean.abs().max()) <= MOVED else mean.abs().argmax())
        message = (
            f"A row of the output has the mean {in_words(float(mean.flatten()[worst]))} "
            f"and the variance {in_words(float(variance.flatten()[worst]))}, expected 0 and 1."
        )
        return Failure.wrong(case, message, "What stands around the second sum?", got, twin(case, leaves), X=leaves["X"])
    shifted = leaves | {"X": leaves["X"] + 2 * drawn(case, "shifts", *leaves["X"].shape[:2], 1)}
    after = value(case, answer, shifted)
    if not alike(after, got):
        message = "To all entries of each word a number was added, which a norm takes away again, and the output changed."
        return Failure.wrong(case, message, "What stands around the first sum, and along which axis?", after, got, X=shifted["X"])
    still = value(case, answer, leaves | {"W_ff1": -leaves["W_ff1"]})
    if moved(still, got) <= MOVED:
        message = "W_ff1 was changed, and the output stayed as it was: between the norms there is nothing."
        return Failure.wrong(case, message, "What does the network do with h?", still, twin(case, leaves | {"W_ff1": -leaves["W_ff1"]}))
    return None


@of_a_graph
def judge_network(case: ModelCase, answer: Answer) -> Failure | None:
    """A network that shouts: beside it, what leads around it is not heard. What leads around the attention it does not hear itself."""
    leaves = case.values()
    leaves |= {"X": level(leaves["X"]), "W_Q": torch.zeros_like(leaves["W_Q"])}
    leaves |= {"W_ff1": centred(awake(leaves["W_ff1"])), "W_ff2": leaves["W_ff2"] * HUGE}
    got, want = value(case, answer, leaves), twin(case, leaves)
    if alike(standard(got), standard(want), NEARLY):
        return None
    message = "What the network makes of h is wrong."
    return Failure.wrong(case, message, "Which matrix is first, and what stands between the two?", got, want, X=leaves["X"])


STEPS = ("first residual", "second residual", "first norm", "second norm", "relu")


@of_a_graph
def judge_layer(case: ModelCase, answer: Answer) -> Failure | None:
    """The numbers, for all that is there: a sum, a norm or a relu that is not is the other parts' business, one or two of them."""
    leaves = case.values()
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    if alike(got, want, EXACT):
        return None
    for left_out in (*combinations(STEPS, 1), *combinations(STEPS, 2)):
        if alike(got, decoder(**leaves, model_dim=case.number, without=left_out), EXACT):
            return None
    return wrong_value(case, answer, leaves, got, want)


# --- transformer_lm


@of_a_graph
def judge_embedding(case: ModelCase, answer: Answer) -> Failure | None:
    """Words and places count by their sum: what is added to every row of W_embed may be taken from every place."""
    leaves = case.values()
    step = drawn(case, "step", case.sizes["D"])
    other = {"W_embed": leaves["W_embed"] + step, "positions": leaves["positions"] - step}
    before, after = value(case, answer, leaves), value(case, answer, leaves | other)
    if not alike(after, before):
        message = "Numbers were added to every row of W_embed and taken from every row of positions, and the logits changed."
        hint = "What is done with the rows of W_embed and the positions, before the layer?"
        return Failure.wrong(case, message, hint, after, before, positions=leaves["positions"])
    for name in other:
        still = value(case, answer, leaves | {name: drawn(case, name, *leaves[name].shape)})
        if moved(still, before) <= MOVED:
            message = f"{name} was changed, and the logits stayed as they were."
            return Failure.wrong(case, message, "What is the input of the layer made of?", still)
    return None


@of_a_graph
def judge_head(case: ModelCase, answer: Answer) -> Failure | None:
    """The logits of a sum of two heads are the sum of their logits."""
    leaves = case.values()
    first, second = leaves["W_head"], drawn(case, "another head", *leaves["W_head"].shape)
    one, two, both = (value(case, answer, leaves | {"W_head": head}) for head in (first, second, first + second))
    if alike(both, one + two) and moved(one, two) > MOVED and one.shape[-1] == case.sizes["V"]:
        return None
    message = f"The logits, of shape {list(both.shape)}, are not what W_head makes of the result of the layer."
    return Failure.wrong(case, message, "What is the last step, and what comes after it?", both, one + two)


@of_a_graph
def judge_order(case: ModelCase, answer: Answer) -> Failure | None:
    """Exchanging the first two tokens must change what is said after them."""
    leaves = case.values()
    leaves["tokens"][:, 1] = leaves["tokens"][:, 0].roll(1, dims=-1)  # so that they differ
    swapped = leaves["tokens"].clone()
    swapped[:, :2] = leaves["tokens"][:, :2].flip(1)
    change = difference(case, answer, leaves, tokens=swapped)
    if change[-1] > MOVED:
        return None
    message = "The first two tokens were exchanged, and the logits of the last one stayed as they were."
    return Failure.wrong(case, message, "Where does the model learn in which place a word stands?")


def judge_order_and_future(case: ModelCase, answer: Answer) -> Failure | None:
    return judge_order(case, answer) or judge_future(case, answer)


@of_a_graph
def judge_model(case: ModelCase, answer: Answer) -> Failure | None:
    """The numbers, where places are all alike, the head passes on what it is given, and the mask is the same on its side."""
    leaves = case.values()
    leaves |= {"positions": torch.zeros_like(leaves["positions"]), "W_head": unit(case.sizes["D"])}
    leaves["mask"] = leaves["mask"] + leaves["mask"].mT
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    return None if alike(got, want, EXACT) else wrong_value(case, answer, leaves, got, want)


# --- cross_entropy_loss: logits are logarithms of probabilities, except where that is what is asked


def known_words(case: ModelCase) -> Leaves:
    """Logits (B, T, V) of which a softmax changes nothing but the logarithm, and targets (B, T, V)."""
    leaves = case.values()
    return leaves | {"logits": F.log_softmax(leaves["logits"], dim=-1)}


def knowing_nothing(leaves: Leaves) -> Leaves:
    """All words equally likely."""
    return leaves | {"logits": torch.full_like(leaves["logits"], -math.log(leaves["logits"].shape[-1]))}


def loss_of(case: ModelCase, answer: Answer, leaves: Leaves) -> Tensor:
    """The value of the student's graph, (). GraphError for another one."""
    found = evaluated(case, answer, leaves)
    if found.shape != () or not found.isfinite():
        said = f"shape {list(found.shape)}, expected []" if found.shape != () else f"no number, {float(found)}"
        raise GraphError(f"its value is {said}: a loss is a single number.")
    return found


def surer(leaves: Leaves, by: float = 1.0) -> Leaves:
    """The words that really came, made more probable."""
    return leaves | {"logits": leaves["logits"] + by * leaves["targets"]}


@of_a_graph
def judge_shift(case: ModelCase, answer: Answer) -> Failure | None:
    """A number added to all logits of a token makes no word more probable than another."""
    leaves = case.values()
    shifted = leaves | {"logits": leaves["logits"] + 2 * drawn(case, "shifts", *leaves["logits"].shape[:2], 1)}
    before, after = (loss_of(case, answer, given) for given in (leaves, shifted))
    if not alike(after, before):
        message = (
            f"To all logits of each token a number was added, and the loss went from {in_words(float(before))} to {in_words(float(after))}."
        )
        return Failure.wrong(case, message, "What makes probabilities of logits, and along which axis?", after, before)
    return stays(case, answer, leaves, before)


def stays(case: ModelCase, answer: Answer, leaves: Leaves, before: Tensor) -> Failure | None:
    """A failure where the loss does not notice what the words that really came are thought to be."""
    if moved(loss_of(case, answer, surer(leaves)), before) > MOVED:
        return None
    message = "Where the words that really came were made more probable, the loss stayed as it was."
    return Failure.wrong(case, message, "Which of the probabilities does the loss look at?", before)


@of_a_graph
def judge_mean(case: ModelCase, answer: Answer) -> Failure | None:
    """The same tokens, cut into sentences in another way: each counts as it did."""
    leaves = known_words(case)
    before = loss_of(case, answer, leaves)
    for count, length in ((case.sizes["B"] * case.sizes["T"], 1), (1, case.sizes["B"] * case.sizes["T"])):
        other = {name: leaf.flatten(0, 1).flip(0).unflatten(0, (count, length)) for name, leaf in leaves.items()}
        after = loss_of(case, answer, other)
        if not alike(after, before):
            message = (
                f"The same tokens as {count} sentences of {length}, in reverse, have the loss {in_words(float(after))}; "
                f"as {case.sizes['B']} of {case.sizes['T']} they have {in_words(float(before))}."
            )
            return Failure.wrong(case, message, "Over which axes does the mean go? Each token counts alike.", after, before)
    return stays(case, answer, leaves, before)


@of_a_graph
def judge_sign(case: ModelCase, answer: Answer) -> Failure | None:
    """The loss falls where the words that really came are made more probable, and rises where they are made less so."""
    leaves = known_words(case)
    less, before, more = (loss_of(case, answer, surer(leaves, by)) for by in (-1.0, 0.0, 1.0))
    change = HARDLY * size_of(*map(plain, (less, before, more)))
    if less > before + change and before > more + change:
        return None
    message = (
        f"The words that really came were made less probable, and more: the loss was {in_words(float(before))}, "
        f"and is {in_words(float(less))} and {in_words(float(more))}. It should rise, and fall."
    )
    return Failure.wrong(
        case, message, "Which sign has the logarithm of a probability, and which one a loss?", torch.stack([less, before, more])
    )


@of_a_graph
def judge_start(case: ModelCase, answer: Answer) -> Failure | None:
    """A model that finds every word equally likely has the loss log V. On which side of zero is asked elsewhere."""
    leaves = knowing_nothing(known_words(case))
    got, want = evaluated(case, answer, leaves), math.log(case.sizes["V"])
    if got.shape == () and abs(abs(float(got)) - want) <= START * want:
        return stays(case, answer, leaves, got)
    words = case.sizes["V"]
    message = f"Where all {words} words are equally likely the loss must be log {words} = {want:.4g}, got {value_in_words(got)}."
    joined = {name: leaf.flatten(0, 1)[None] for name, leaf in leaves.items()}  # as one sentence: tells a mean over places from a sum
    both = all_numbers([got, evaluated(case, answer, joined)])
    return Failure.wrong(case, message, "How much does one token cost there, and over how many tokens is the mean?", both)


@of_a_graph
def judge_loss(case: ModelCase, answer: Answer) -> Failure | None:
    """The numbers, beside the loss of a model that knows nothing: what that must be is asked elsewhere."""
    leaves = known_words(case)
    got, want = evaluated(case, answer, leaves), twin(case, leaves)
    start = evaluated(case, answer, knowing_nothing(leaves))
    beside = got / start * math.log(case.sizes["V"])  # inf or nan where there is no start
    if got.shape == start.shape == () and abs(float(start)) > MOVED and alike(beside, want, EXACT):
        return None
    return wrong_value(case, answer, leaves, got, want)
