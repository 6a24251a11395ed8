"""The questions of unit 3: the blocks of a decoder-only transformer, its loss, its training, and generation.

A block answers with a graph, which the judge evaluates on numbers of its own and compares with a twin made of torch's
ready-made layers: values, then the gradient of every weight. While a block is asked, the blocks inside it are sealed:
each stands in the graph as one node that the judge fills in, so a mistake in the attention costs nothing in the
layer around it. Training and generation are in `training`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..graph import Node, Op, Signature, Variable, table
from ..graph_data import GraphError, evaluate_untrusted, to_data
from ..text import causal_mask
from . import reference
from .compare import agree, in_words, size_of
from .diagnosis import diagnose
from .forms import FORMS, Form
from .probe import PROBES, WrongKindError, missing_return, no_ready_made_model, stand_ins
from .question import Answer, Ask, Failure, Part, Question, all_numbers, plain
from .training import EXACT, UNIT, epoch_question, generate_question
from .values import generator

HARDLY = 1e-9  # a smaller change of the output, relative to its largest number, counts as none
START = 0.05  # how far the loss of an untrained model may be from log V, relative
MAX_NODES, MAX_NUMBERS = 1000, 2_000_000  # of a graph and of its values; an answer has about 30 nodes, and tasks evaluate it 600 times

ATTENTION = ("W_Q", "W_K", "W_V", "W_O")
LAYER = (*ATTENTION, "W_ff1", "W_ff2")
WEIGHTS = ("W_embed", *LAYER, "W_head")

SHAPES = {  # argument -> its axes: batch, tokens, model, query and key, value, feed-forward, vocabulary
    "X": "BTD", "W_Q": "DK", "W_K": "DK", "W_V": "DE", "W_O": "ED", "W_ff1": "DF", "W_ff2": "FD", "mask": "TT",
    "tokens": "BTV", "positions": "TD", "W_embed": "VD", "W_head": "DV", "logits": "BTV", "targets": "BTV",
}  # fmt: skip
ARGUMENTS = {  # function -> the variables of its graph; the last argument of each is a number
    "causal_self_attention": ("X", *ATTENTION, "mask"),
    "decoder_layer": ("X", *LAYER, "mask"),
    "transformer_lm": ("tokens", "positions", *WEIGHTS, "mask"),
    "cross_entropy_loss": ("logits", "targets"),
}
GIVEN = {"mask", "tokens", "targets"}  # what nobody needs a gradient of
INSIDE = {  # function -> the blocks that are sealed while it is asked
    "causal_self_attention": [],
    "decoder_layer": ["causal_self_attention"],
    "transformer_lm": ["decoder_layer", "causal_self_attention"],
    "cross_entropy_loss": [],
}


# --- the twin: the same blocks from torch's ready-made layers


def attention(X: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor, W_O: Tensor, mask: Tensor, model_dim: float) -> Tensor:
    mixed = F.scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V, attn_mask=mask, scale=1 / math.sqrt(model_dim))  # (B, T, E)
    return mixed @ W_O  # (B, T, E) @ (E, D) -> (B, T, D)


def decoder(
    X: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor, W_O: Tensor, W_ff1: Tensor, W_ff2: Tensor, mask: Tensor, model_dim: float
) -> Tensor:
    h = F.layer_norm(X + attention(X, W_Q, W_K, W_V, W_O, mask, model_dim), X.shape[-1:])
    return F.layer_norm(h + F.linear(F.relu(F.linear(h, W_ff1.mT)), W_ff2.mT), X.shape[-1:])


def language_model(tokens: Tensor, positions: Tensor, *weights: Tensor, model_dim: float) -> Tensor:
    W_embed, *layer, W_head, mask = weights
    X = F.embedding(tokens.argmax(-1), W_embed) + positions  # (B, T, D)
    return decoder(X, *layer, mask, model_dim) @ W_head  # (B, T, D) @ (D, V) -> (B, T, V)


def cross_entropy(logits: Tensor, targets: Tensor, num_tokens: float) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(0, 1), reduction="sum") / num_tokens


TWINS: dict[str, tuple[Callable[..., Tensor], str]] = {  # function -> its twin, and the name of its number
    "causal_self_attention": (attention, "model_dim"),
    "decoder_layer": (decoder, "model_dim"),
    "transformer_lm": (language_model, "model_dim"),
    "cross_entropy_loss": (cross_entropy, "num_tokens"),
}
FORWARD = {function: {**reference.FORWARD, **{name: TWINS[name][0] for name in inside}} for function, inside in INSIDE.items()}
"""Function -> what its graph may be made of: the reference's operators, and the blocks that are sealed inside of it."""


# --- cases


@dataclass(frozen=True)
class ModelCase:
    """A function that builds a graph, on sizes that are pairwise different or all equal, with one kind of mask."""

    function: str
    sizes: dict[str, int]
    mask: str = "causal"
    number: float = 0
    seed: str = "public"

    @property
    def name(self) -> str:
        masks = {"causal": "", "open": ", a mask of zeros", "soft": ", a mask of other numbers", "odd": ", a mask with holes"}
        shown = {axis: size for axis, size in self.sizes.items() if any(axis in SHAPES[name] for name in ARGUMENTS[self.function])}
        said = f", {TWINS[self.function][1]}={self.number:g}"
        return f"{' '.join(f'{axis}={size}' for axis, size in shown.items())}{said}{masks[self.mask]}"

    def features(self) -> dict[str, Any]:
        return {"mask": self.mask, "B": self.sizes["B"], "T": self.sizes["T"]}

    def values(self) -> dict[str, Tensor]:
        """A float64 value for each variable, weights of the size that an initialisation gives them."""
        rng = generator(self.seed, self.function, self.name)
        found = {}
        for name in ARGUMENTS[self.function]:
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
        return Ask("model", {"function": self.function, "number": self.number})


def sizes(B: int, T: int, D: int, K: int, E: int, F: int, V: int) -> dict[str, int]:
    return {"B": B, "T": T, "D": D, "K": K, "E": E, "F": F, "V": V}


# --- the probe


def sealed(function: str) -> Callable[..., Node]:
    """What stands for a block inside another one: it makes a single node, for the judge to fill in."""
    operands, number = ARGUMENTS[function], TWINS[function][1]
    op = Op()
    op.signature = Signature(function, operands, {number: None})
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    call = inspect.Signature([inspect.Parameter(name, kind) for name in (*operands, number)])

    def block(*args: Any, **kwargs: Any) -> Node:
        try:
            given = call.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise WrongKindError(f"{function}{call} was called with other arguments: {error}") from None
        return op(*(given[name] for name in operands), **{number: given[number]})

    return block


def probe_model(ask: Ask) -> Answer:
    """The graph that the student's function builds over variables."""
    function, number = ask.settings["function"], ask.settings["number"]
    variables = {name: Variable(name) for name in ARGUMENTS[function]}
    arguments: list[Any] = list(variables.values())
    if function == "transformer_lm":
        weights = {name: variables[name] for name in WEIGHTS}
        arguments = [variables["tokens"], variables["positions"], weights, variables["mask"]]
    with stand_ins(function, {name: sealed(name) for name in INSIDE[function]}), no_ready_made_model():
        built = table[function](*arguments, number)
    if not isinstance(built, Node):
        raise WrongKindError(f"{function} must return a Node, got {missing_return(built)}")
    return Answer(graph=to_data([built], list(variables.values())))


# --- judges of graphs

FORMS["model"] = Form(outputs=lambda case: 1)


def leaves_of(case: ModelCase) -> dict[str, Tensor]:
    return {name: value.requires_grad_(name not in GIVEN) for name, value in case.values().items()}


def twin(case: ModelCase, leaves: Mapping[str, Tensor]) -> Tensor:
    function, number = TWINS[case.function]
    return function(*leaves.values(), **{number: case.number})


def evaluated(case: ModelCase, answer: Answer, leaves: Mapping[str, Tensor]) -> Tensor:
    """The value of the student's graph. GraphError where it has none."""
    return value_of(answer.graph, list(leaves.values()), case.function)


def value_of(graph: Mapping[str, Any], leaves: Sequence[Tensor], function: str) -> Tensor:
    """The value of a graph that answers for a function. GraphError where it has none, and where it takes too much time or memory."""
    if len(graph["nodes"]) > MAX_NODES:
        raise GraphError(f"it has {len(graph['nodes'])} nodes; there may be {MAX_NODES}.")
    left = MAX_NUMBERS

    def pay(numbers: int) -> None:
        nonlocal left
        left -= numbers
        if left < 0:
            raise ValueError(f"the values of the graph would take more than {MAX_NUMBERS} numbers")

    def counted(name: str, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def apply(*inputs: Tensor, **attrs: Any) -> Tensor:
            if name in TWINS:
                pay(block_numbers(name, inputs))
            value = forward(*inputs, **attrs)
            pay(value.numel() * (max(1, inputs[0].shape[-1] // 16) if name == "matmul" else 1))  # long products take time
            return value

        return apply

    return evaluate_untrusted(graph, leaves, {name: counted(name, forward) for name, forward in FORWARD[function].items()})[0]


def block_numbers(name: str, inputs: Sequence[Tensor]) -> int:
    """How many numbers the values inside a block take. ValueError for inputs of another rank than the block's."""
    named = dict(zip(ARGUMENTS[name], inputs, strict=True))
    wrong = [argument for argument, value in named.items() if value.ndim != len(SHAPES[argument])]
    if wrong:
        raise ValueError(f"{wrong[0]} must have the axes {', '.join(SHAPES[wrong[0]])}")
    B, T, _ = named["X"].shape
    return B * T * (T + sum(value.shape[-1] for value in inputs))


Judge = Callable[[Any, Answer], Failure | None]


def of_a_graph(judge: Judge) -> Judge:
    """A judge who says so where the graph cannot be evaluated, instead of raising GraphError."""

    @wraps(judge)
    def judged(case: ModelCase | TaskCase, answer: Answer) -> Failure | None:
        try:
            return judge(case, answer)
        except GraphError as error:
            hint = "Write its shape beside each node of your graph: which two do not fit?" if error.inputs else ""
            return Failure.wrong(case, f"The graph cannot be evaluated: {error}", hint, all_numbers(error.inputs))

    return judged


@of_a_graph
def judge_output(case: ModelCase, answer: Answer) -> Failure | None:
    leaves = leaves_of(case)
    got = evaluated(case, answer, leaves)
    want = twin(case, leaves)
    if agree(got.detach().numpy(), want.detach().numpy(), "float64", EXACT):
        return None
    shown = {name: leaves[name] for name in ("X", "logits", "mask") if name in leaves}
    message, hint = f"{case.function} has a wrong value.", diagnose(got.detach().numpy(), want.detach().numpy(), "float64")
    used = {node.get("leaf") for node in answer.graph["nodes"]}
    unused = [name for number, name in enumerate(leaves) if number not in used]
    if unused:
        message = f"{case.function} does not use {' and '.join(unused)}."
        hint = "Where in the formula does each argument stand?"
    return Failure.wrong(case, message, hint, got, want, **shown)


@of_a_graph
def judge_gradients(case: ModelCase, answer: Answer) -> Failure | None:
    leaves = leaves_of(case)
    got = evaluated(case, answer, leaves)
    want = twin(case, leaves)
    if got.shape != want.shape:
        message = f"{case.function} has shape {list(got.shape)}, expected {list(want.shape)}."
        return Failure.wrong(case, message, diagnose(plain(got), plain(want), "float64"), got, want)
    weights = [name for name in leaves if name not in GIVEN]
    upstream = torch.tensor(generator(case.seed, case.name, "upstream").standard_normal(tuple(want.shape)))
    grads, wanted = (reference.pull_back([output], [leaves[name] for name in weights], [upstream]) for output in (got, want))
    for name, grad, expected in zip(weights, grads, wanted, strict=True):
        if not agree(grad.detach().numpy(), expected.detach().numpy(), "float64", EXACT):
            message = f"The gradient with respect to {name}, taken through your graph, is wrong."
            return Failure.wrong(case, message, diagnose(grad.detach().numpy(), expected.detach().numpy(), "float64"), grad, expected)
    return None


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


# --- tasks: the judge trains the student's graph on something that needs it


@dataclass(frozen=True)
class TaskCase:
    """Something to learn that only this part of the model makes possible. The judge trains, with an engine and a seed of its own."""

    function: str
    seed: str = "hidden"
    number: float = 16  # model_dim

    @property
    def name(self) -> str:
        return "a model learns exclusive or" if self.function == "decoder_layer" else "a model learns to repeat the first word"

    def features(self) -> dict[str, Any]:
        return {}

    def ask(self) -> Ask:
        return Ask("model", {"function": self.function, "number": self.number})


TASK_STEPS, TASK_RATE, TASK_RIGHT = 150, 0.006, 0.95
TASK_ATTEMPTS = 4  # from other initial weights, because even a right model is unlucky now and then


@of_a_graph
def judge_task(case: TaskCase, answer: Answer) -> Failure | None:
    """A model with the student's graph in the place of one of its blocks is trained until it should answer nearly always right."""

    def block(*values: Tensor) -> Tensor:
        value = value_of(answer.graph, values, case.function)
        if value.shape != values[0].shape or not value.requires_grad:  # each block has the shape of its first input
            raise GraphError(f"its value has shape {list(value.shape)}, expected {list(values[0].shape)}, and must depend on the weights.")
        return value

    rng = torch.Generator().manual_seed(int(generator(case.seed, case.name).integers(2**31)))
    task = exclusive_or if case.function == "decoder_layer" else first_word
    if any(task(case, block, rng) >= TASK_RIGHT for _ in range(TASK_ATTEMPTS)):
        return None
    return Failure.wrong(case, "The model does not learn a task that needs this part.", "Compare with the formula, term by term.")


def exclusive_or(case: TaskCase, block: Callable[..., Tensor], rng: torch.Generator) -> float:
    """At every token, whether two of its entries differ in sign: no linear layer can tell, relu can."""
    dims = sizes(B=128, T=2, D=16, K=16, E=16, F=32, V=2)
    X = torch.randn(128, 2, 16, generator=rng, dtype=torch.float64).sign()  # (B, T, D)
    wanted = (X[..., 0] * X[..., 1] > 0).long().flatten()
    weights = initial_weights((*LAYER, "W_head"), dims, rng)
    *layer, W_head = weights

    def logits() -> Tensor:
        return (block(X, *layer, causal_mask(2)) @ W_head).flatten(0, 1)  # (B, T, D) @ (D, 2) -> (B * T, 2)

    return trained_accuracy(logits, weights, wanted)


def first_word(case: TaskCase, block: Callable[..., Tensor], rng: torch.Generator) -> float:
    """Three words, then a question: the answer is the first word. It takes attention to fetch it, and positions to find it."""
    words = torch.cartesian_prod(*[torch.arange(5)] * 3)
    sentences = torch.cat([words, torch.full((len(words), 1), 5)], dim=1)
    tokens = torch.eye(6, dtype=torch.float64)[sentences]  # (B, T, V)
    places, mask = torch.randn(4, 16, generator=rng, dtype=torch.float64), causal_mask(4)
    weights = initial_weights(WEIGHTS, sizes(B=len(words), T=4, D=16, K=16, E=16, F=32, V=6), rng)
    W_embed, *layer, W_head = weights

    def logits() -> Tensor:
        if case.function == "transformer_lm":
            return block(tokens, places, *weights, mask)[:, -1]
        X = tokens @ W_embed + places  # (B, T, V) @ (V, D) -> (B, T, D)
        h = F.layer_norm(X + block(X, *layer[:4], mask), (16,))
        return (F.layer_norm(h + F.relu(h @ layer[4]) @ layer[5], (16,)) @ W_head)[:, -1]  # (B, T, D) @ (D, V) -> (B, T, V)

    return trained_accuracy(logits, weights, words[:, 0])


def initial_weights(names: Sequence[str], dims: dict[str, int], rng: torch.Generator) -> list[Tensor]:
    shapes = [[dims[axis] for axis in SHAPES[name]] for name in names]
    return [(torch.randn(shape, generator=rng, dtype=torch.float64) / math.sqrt(shape[0])).requires_grad_() for shape in shapes]


def trained_accuracy(logits: Callable[[], Tensor], weights: list[Tensor], wanted: Tensor) -> float:
    """Train with Adam; the share of right answers."""
    optimizer = torch.optim.Adam(weights, lr=TASK_RATE)
    for _ in range(TASK_STEPS):
        optimizer.zero_grad()
        F.cross_entropy(logits(), wanted).backward()
        optimizer.step()
    return float((logits().argmax(-1) == wanted).double().mean())


PROBES.update(model=probe_model)


# --- the questions

SMALL = sizes(B=1, T=3, D=4, K=4, E=4, F=6, V=5)
NARROW = sizes(B=2, T=4, D=6, K=3, E=5, F=7, V=9)
WIDE = sizes(B=3, T=5, D=8, K=2, E=7, F=4, V=6)
LONG = sizes(B=2, T=7, D=10, K=12, E=3, F=9, V=8)
EQUAL = sizes(B=4, T=4, D=4, K=4, E=4, F=4, V=4)  # for what goes wrong only where sizes coincide
HIDDEN_SIZES = (sizes(B=4, T=6, D=9, K=5, E=8, F=11, V=7), sizes(B=1, T=9, D=12, K=7, E=2, F=5, V=13))


def model_cases(function: str, seed: str, masks: Sequence[str] = ("causal",)) -> list[ModelCase]:
    """Every size with a causal mask, and two of them with each other mask; smallest first."""
    listed = (SMALL, EQUAL, NARROW, WIDE, LONG) if seed == "public" else (SMALL, EQUAL, NARROW, *HIDDEN_SIZES)

    def number(size: dict[str, int]) -> float:
        if function == "cross_entropy_loss":
            return size["B"] * size["T"]
        return size["D"] if function != "causal_self_attention" else size["D"] + 5  # the scale is a number of its own

    cases = [ModelCase(function, size, "causal", number(size), seed) for size in listed]
    return cases + [ModelCase(function, size, mask, number(size), seed) for size in (EQUAL, NARROW) for mask in masks if mask != "causal"]


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


def graph_question(number: int, function: str, points: tuple[float, ...], seed: str) -> Question:
    masks = ("causal", "open", "odd", "soft") if function == "causal_self_attention" else ("causal", "soft")
    if function == "cross_entropy_loss":
        masks = ("causal",)
    cases = model_cases(function, seed, masks)
    plain = tuple(case for case in cases if case.mask == "causal")
    look = LOOK_AT[function]
    tasks: tuple[TaskCase, ...] = ()
    if seed != "public" and function != "cross_entropy_loss":
        tasks = (TaskCase(function, seed),)
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
    if tasks:
        parts[0] = Part("output", points[0], (*cases, *tasks), judge_output_or_task, look[0])
    return Question(UNIT, number, function, tuple(parts))


def judge_order_and_future(case: ModelCase, answer: Answer) -> Failure | None:
    return judge_order(case, answer) or judge_future(case, answer)


def judge_output_or_task(case: ModelCase | TaskCase, answer: Answer) -> Failure | None:
    return judge_task(case, answer) if isinstance(case, TaskCase) else judge_output(case, answer)


def questions(seed: str = "public") -> list[Question]:
    """The six questions of the unit, in the notebook's order."""
    return [
        graph_question(1, "causal_self_attention", (6, 2, 2), seed),
        graph_question(2, "decoder_layer", (3, 2), seed),
        graph_question(3, "transformer_lm", (3, 1, 1), seed),
        graph_question(4, "cross_entropy_loss", (3, 1, 1), seed),
        epoch_question(5, seed),
        generate_question(6, seed),
    ]
