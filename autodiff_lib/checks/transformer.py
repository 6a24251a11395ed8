"""The questions of unit 3: the blocks of a decoder-only transformer, its loss, its training, and generation.

A block answers with a graph, which the judge evaluates on numbers of its own and compares with a twin made of torch's
ready-made layers: values, then the gradient of every weight. While a block is asked, the blocks inside it are sealed:
each stands in the graph as one node that the judge fills in, so a mistake in the attention costs nothing in the
layer around it. Training and generation are asked on other models than the notebook's.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..graph import Node, Op, Signature, Variable, describe_value, table
from ..graph_data import GraphError, evaluate_untrusted, to_data
from ..text import PAD, causal_mask
from . import reference
from .compare import agree
from .diagnosis import diagnose
from .probe import PROBES, NoReadyMadeModels, WrongKindError, missing_return, stand_ins
from .question import Answer, Ask, Failure, Part, Question
from .values import generator

UNIT = "03_transformer_lm"
EXACT = 1e-10  # relative; two ways to write a formula differ by far less in float64
ROUNDED = 1e-6  # for the loss of an epoch: `torch.tensor(loss)` makes a float32 of it
HARDLY = 1e-9  # a smaller change of the output counts as none, where the input changed by about 1
START = 0.05  # how far the loss of an untrained model may be from log V, relative
MAX_NODES, MAX_NUMBERS = 1000, 2_000_000  # of a graph and of its values; an answer has about 30 nodes, and tasks evaluate it 600 times
MAX_LISTED = 200  # characters of a list in a message

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
    """A function that builds a graph, on sizes that are pairwise different, with one kind of mask."""

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
    with stand_ins(function, {name: sealed(name) for name in INSIDE[function]}), NoReadyMadeModels():
        built = table[function](*arguments, number)
    if not isinstance(built, Node):
        raise WrongKindError(f"{function} must return a Node, got {missing_return(built)}")
    return Answer(graph=to_data([built], list(variables.values())))


# --- judges of graphs


def failure(case: Any, message: str, hint: str = "", got: Any = None, expected: Any = None, **shown: Tensor) -> Failure:
    pictures = [None if array is None else np.asarray(array.detach() if isinstance(array, Tensor) else array) for array in (got, expected)]
    return Failure(case.name, "wrong", message, hint, *pictures, {name: value.detach().numpy() for name, value in shown.items()})


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
    if len(graph["outputs"]) != 1 or len(graph["nodes"]) > MAX_NODES:
        raise GraphError(f"it has {len(graph['nodes'])} nodes and {len(graph['outputs'])} outputs; there may be {MAX_NODES}, and one.")
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


def judge_output(case: ModelCase, answer: Answer) -> Failure | None:
    leaves = leaves_of(case)
    try:
        got = evaluated(case, answer, leaves)
    except GraphError as error:
        return failure(case, f"The graph cannot be evaluated: {error}")
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
    return failure(case, message, hint, got, want, **shown)


def judge_gradients(case: ModelCase, answer: Answer) -> Failure | None:
    leaves = leaves_of(case)
    try:
        got = evaluated(case, answer, leaves)
    except GraphError as error:
        return failure(case, f"The graph cannot be evaluated: {error}")
    want = twin(case, leaves)
    if got.shape != want.shape:
        return failure(case, f"{case.function} has shape {list(got.shape)}, expected {list(want.shape)}.")
    weights = [name for name in leaves if name not in GIVEN]
    upstream = torch.tensor(generator(case.seed, case.name, "upstream").standard_normal(tuple(want.shape)))
    grads, wanted = (reference.pull_back([output], [leaves[name] for name in weights], [upstream]) for output in (got, want))
    for name, grad, expected in zip(weights, grads, wanted, strict=True):
        if not agree(grad.detach().numpy(), expected.detach().numpy(), "float64", EXACT):
            message = f"The gradient with respect to {name}, taken through your graph, is wrong."
            return failure(case, message, diagnose(grad.detach().numpy(), expected.detach().numpy(), "float64"), grad, expected)
    return None


def difference(case: ModelCase, answer: Answer, leaves: dict[str, Tensor], **changed: Tensor) -> Tensor:
    """For each token (T,), by how much the output changes when some inputs do."""
    first, second = evaluated(case, answer, leaves), evaluated(case, answer, {**leaves, **changed})
    if first.ndim != 3 or first.shape != second.shape:
        raise GraphError(f"its value has shape {list(first.shape)}, which is not (batch, tokens, ...).")
    return (first - second).detach().abs().amax(dim=(0, 2))  # (B, T, ...) -> (T,)


def judge_future(case: ModelCase, answer: Answer) -> Failure | None:
    """A change of one token may change no output before it, and must change all from there on."""
    leaves, length = leaves_of(case), case.sizes["T"]
    leaves["W_Q"] = leaves["W_Q"].detach() / 10  # small scores: no softmax is so sure that it looks at one word only, whatever the scale
    name = "tokens" if "tokens" in leaves else "X"
    for place in range(1, length):
        other = leaves[name].detach().clone()
        other[:, place] = other[:, place].roll(1, dims=-1) if name == "tokens" else other[:, place] + 1.5 * other[:, place].roll(1, dims=-1)
        try:
            moved = difference(case, answer, leaves, **{name: other})
        except GraphError as error:
            return failure(case, f"The graph cannot be evaluated: {error}")
        if not moved.isfinite().all():
            message = "The output has entries that are no numbers."
            return failure(case, message, "Is there a logarithm, a root or a division in it?", got=moved)
        early = [t for t in range(place) if moved[t] > HARDLY]
        still = [t for t in range(place, length) if moved[t] <= HARDLY * moved.max()]
        if early:
            message = f"Token {place} was changed, and the output for token {early[0]} changed with it, although it comes before."
            hint = "Nobody may look at what comes later: what does the mask do, and where is it added?"
            return failure(case, message, hint, got=moved)
        if still:
            message = f"Token {place} was changed, and the output for token {still[0]} stayed as it was."
            return failure(case, message, "Every token may look at itself and at those before it.", got=moved)
    return None


def judge_order(case: ModelCase, answer: Answer) -> Failure | None:
    """Exchanging the first two tokens must change what is said after them."""
    leaves = leaves_of(case)
    leaves["tokens"][:, 1] = leaves["tokens"][:, 0].roll(1, dims=-1)  # so that they differ
    swapped = leaves["tokens"].clone()
    swapped[:, :2] = leaves["tokens"][:, :2].flip(1)
    try:
        moved = difference(case, answer, leaves, tokens=swapped)
    except GraphError as error:
        return failure(case, f"The graph cannot be evaluated: {error}")
    if moved[-1] > 1e-6:
        return None
    message = "The first two tokens were exchanged, and the logits of the last one stayed as they were."
    return failure(case, message, "Where does the model learn in which place a word stands?")


def judge_start(case: ModelCase, answer: Answer) -> Failure | None:
    """An untrained model finds every word about equally likely: its loss is log V."""
    leaves = {name: value * (0.01 if name == "logits" else 1) for name, value in case.values().items()}
    sure = {**leaves, "logits": leaves["logits"] + 3 * leaves["targets"]}
    try:
        got, better = evaluated(case, answer, leaves), evaluated(case, answer, sure)
    except GraphError as error:
        return failure(case, f"The graph cannot be evaluated: {error}")
    want = math.log(case.sizes["V"])
    if got.numel() == 1 and abs(float(got) - want) <= START * want:
        if better.numel() == 1 and float(better) < float(got) - HARDLY:
            return None
        message = "Where the words that really came were made more probable, the loss did not fall."
        return failure(case, message, "Which of the probabilities does the loss look at?")
    shown = f"{float(got):.4g}" if got.numel() == 1 else f"a value of shape {list(got.shape)}"
    message = (
        f"Where all {case.sizes['V']} words are about equally likely the loss must be log {case.sizes['V']} = {want:.4g}, got {shown}."
    )
    return failure(case, message, "How much does one token cost there, and over how many tokens is the mean?")


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


def judge_task(case: TaskCase, answer: Answer) -> Failure | None:
    """A model with the student's graph in the place of one of its blocks is trained until it should answer nearly always right."""

    def block(*values: Tensor) -> Tensor:
        value = value_of(answer.graph, values, case.function)
        if value.shape != values[0].shape or not value.requires_grad:  # each block has the shape of its first input
            raise GraphError(f"its value has shape {list(value.shape)}, expected {list(values[0].shape)}, and must depend on the weights.")
        return value

    rng = torch.Generator().manual_seed(int(generator(case.seed, case.name).integers(2**31)))
    task = exclusive_or if case.function == "decoder_layer" else first_word
    try:
        if any(task(case, block, rng) >= TASK_RIGHT for _ in range(TASK_ATTEMPTS)):
            return None
    except GraphError as error:
        return failure(case, f"The graph cannot be evaluated: {error}")
    return failure(case, "The model does not learn a task that needs this part.", "Compare with the formula, term by term.")


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


# --- training: one epoch of stochastic gradient descent on another model


@dataclass(frozen=True)
class EpochCase:
    """Samples, a batch size, a rate, and a small model whose weights have names of their own."""

    title: str
    samples: int
    batch_size: int
    learning_rate: float
    names: tuple[str, ...] = ("A", "b", "c")
    seed: str = "public"

    @property
    def name(self) -> str:
        return f"{self.title}: {self.samples} samples, batch_size={self.batch_size}, learning_rate={self.learning_rate:g}"

    def features(self) -> dict[str, Any]:
        return {"batches": -(-self.samples // self.batch_size)}

    def arrays(self) -> tuple[np.ndarray, ...]:
        """x (n, 3), y (n, 2), and the weights: (3, 2), (2,), ()."""
        rng = generator(self.seed, self.name)
        return tuple(np.asarray(rng.standard_normal(shape)) for shape in ((self.samples, 3), (self.samples, 2), (3, 2), (2,), ()))

    def ask(self) -> Ask:
        settings = {"batch_size": self.batch_size, "learning_rate": self.learning_rate, "names": list(self.names)}
        return Ask("sgd_epoch", settings, self.arrays())


def probe_epoch(ask: Ask) -> Answer:
    """The weights and the loss after an epoch on a model of the probe's, and which rows went into which batch."""
    names = ask.settings["names"]
    x, y, *start = (torch.tensor(array) for array in ask.arrays)
    weights = dict(zip(names, start, strict=True))
    kept = [tensor.clone() for tensor in (x, y, *start)]
    batches: list[list[int]] = []

    def run_model(some_x: Tensor, some_y: Tensor, now: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and gradients of (x @ A + b) * c, by hand."""
        batches.append([int((kept[0] == row).all(dim=1).nonzero()[0]) if (kept[0] == row).all(dim=1).any() else -1 for row in some_x])
        A, b, c = (now[name] for name in names)
        before = some_x @ A + b  # (n, 3) @ (3, 2) -> (n, 2)
        error = (before * c - some_y) / some_y.numel()
        grads = (some_x.mT @ (error * c), (error * c).sum(0), (error * before).sum())  # (3, n) @ (n, 2) -> (3, 2)
        return (error**2).sum() * some_y.numel() / 2, dict(zip(names, grads, strict=True))

    with NoReadyMadeModels():
        result = table["sgd_epoch"](run_model, x, y, weights, ask.settings["batch_size"], ask.settings["learning_rate"])
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise WrongKindError(f"sgd_epoch must return the new weights and the loss, got {missing_return(result)}")
    new, loss = result
    if not isinstance(new, Mapping) or set(new) != set(names):
        got = f"a dictionary with {', '.join(map(str, new))}" if isinstance(new, Mapping) else describe_value(new)
        raise WrongKindError(f"the new weights must be a dictionary with {', '.join(names)}, got {got}")
    same = weights.keys() == set(names) and all(weights[name] is value for name, value in zip(names, start, strict=True))
    changed = not (same and all(torch.equal(now, then) for now, then in zip((x, y, *start), kept, strict=True)))
    values = [torch.as_tensor(value, dtype=torch.float64).detach().numpy() for value in (*(new[name] for name in names), loss)]
    return Answer(arrays=tuple(values), facts={"changed": changed, "batches": batches})


def brief(values: Sequence[Any]) -> str:
    """A list that may be long, for a message."""
    text = str(values[:MAX_LISTED])
    return text if len(text) <= MAX_LISTED else f"{text[: MAX_LISTED - 2]} …"


def right_batches(case: EpochCase) -> list[list[int]]:
    return [list(range(start, min(start + case.batch_size, case.samples))) for start in range(0, case.samples, case.batch_size)]


def epoch(case: EpochCase, batches: list[list[int]]) -> tuple[list[Tensor], float]:
    """The right weights and loss after these batches, by torch's autograd."""
    x, y, *weights = (torch.tensor(array) for array in case.arrays())
    total = 0.0
    for rows in batches:
        A, b, c = (weight.detach().requires_grad_() for weight in weights)
        loss = ((x[rows] @ A + b) * c - y[rows]).square().mean() / 2
        grads = torch.autograd.grad(loss, [A, b, c])
        weights = [weight - case.learning_rate * grad for weight, grad in zip((A, b, c), grads, strict=True)]
        total += float(loss.detach()) * len(rows)
    return [weight.detach() for weight in weights], total / case.samples


def has_weights(answer: Answer, weights: Sequence[Tensor]) -> bool:
    return all(agree(got, want.numpy(), "float64", EXACT) for got, want in zip(answer.arrays, weights, strict=False))


def judge_update(case: EpochCase, answer: Answer) -> Failure | None:
    """Wrong batches are the other part's business: here, the steps must be those that lead from batch to batch."""
    given = [rows for rows in answer.facts["batches"] if rows]
    if not given:
        return failure(case, "run_model was given no samples.", "Where do the gradients come from?")
    weights, _ = epoch(case, right_batches(case))
    if has_weights(answer, weights):
        return None
    if len(given) <= case.samples and all(len(rows) <= case.samples and set(rows) <= set(range(case.samples)) for rows in given):
        weights, _ = epoch(case, given)
    start = case.arrays()[2:]
    for name, got, want, before in zip(case.names, answer.arrays, weights, start, strict=False):
        if not agree(got, want.numpy(), "float64", EXACT):
            hint = diagnose(got, want.numpy(), "float64")
            if got.shape == want.shape and np.array_equal(got, before):
                hint = "It is still as it was."
            elif got.shape == want.shape and agree(2 * before - got, want.numpy(), "float64", EXACT):
                hint = "It went the same way in the other direction."
            return failure(case, f"After the epoch the weight {name} is wrong.", hint, got, want, before=torch.tensor(before))
    return None


def judge_batches(case: EpochCase, answer: Answer) -> Failure | None:
    batches = right_batches(case)
    weights, loss = epoch(case, batches)
    if answer.facts["batches"] != batches:
        message = f"run_model was given the rows {brief(answer.facts['batches'])}, expected {batches}."
        return failure(case, message, "Each sample once, in order.")
    got = answer.arrays[-1]
    follows = len(batches) == 1 or has_weights(answer, weights)  # after a wrong step, the next batch has another loss
    if follows and not agree(got, np.float64(loss), "float64", ROUNDED):
        shown = f"{float(got):.6g}" if got.shape == () else f"an array of shape {list(got.shape)}"
        message = f"The loss of the epoch is {shown}, expected {loss:.6g}: the mean over all samples."
        return failure(case, message, "Does a smaller batch weigh less?", got, np.float64(loss))
    return None


def judge_untouched(case: EpochCase, answer: Answer) -> Failure | None:
    if answer.facts["changed"]:
        return failure(case, "The weights or the samples that sgd_epoch was given have changed.", "Make a new dictionary, and new tensors.")
    if not any(answer.facts["batches"]) or not all(np.isfinite(got).all() for got in answer.arrays):
        return failure(case, "The new weights do not come from run_model.", "Where does the step begin?")
    if all(np.array_equal(got, before) for got, before in zip(answer.arrays, case.arrays()[2:], strict=False)):
        return failure(case, "The new weights are the old ones: nothing was done.", "Where does the step begin?")
    return None


# --- generation, on a model that knows nothing of the notebook's sentences


@dataclass(frozen=True)
class GenerateCase:
    """A prompt for a model of random weights, with a context of its own."""

    title: str
    prompt: tuple[int, ...]
    max_new_tokens: int
    context: int = 8
    vocabulary: int = 11
    ends_at: int = 99  # how many words there are when the model says <pad>
    seed: str = "public"

    @property
    def name(self) -> str:
        return f"{self.title}: a prompt of {len(self.prompt)}, max_new_tokens={self.max_new_tokens}, a context of {self.context}"

    def features(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Embeddings (V, 6), places (context, 6), head (6, V), bias (context, V)."""
        rng = generator(self.seed, self.name)
        shapes = ((self.vocabulary, 6), (self.context, 6), (6, self.vocabulary))
        bias = np.zeros((self.context, self.vocabulary))
        bias[:, PAD] = np.where(np.arange(1, self.context + 1) < self.ends_at, -50, 50)
        return (*(rng.standard_normal(shape) for shape in shapes), bias)

    def ask(self) -> Ask:
        settings = {"prompt": list(self.prompt), "max_new_tokens": self.max_new_tokens, "context": self.context}
        return Ask("generate", settings, self.arrays())


def random_logits(tokens: Sequence[int], arrays: Sequence[Tensor]) -> Tensor:
    """(context, V): a causal model, each place of which depends on all words up to there and on their order.

    It says no word twice: whoever asks it the same question again and again does not get its answer.
    """
    embed, places, head, bias = arrays
    padded = [*tokens, *[PAD] * (len(places) - len(tokens))]
    so_far = torch.cumsum(torch.tanh(embed[padded] + places), dim=0)  # (context, 6)
    said = torch.eye(len(embed), dtype=torch.float64)[padded].cumsum(dim=0).clamp(max=1)  # (context, V)
    return torch.tanh(2 * so_far) @ head - 20 * said + bias  # (context, 6) @ (6, V) -> (context, V)


class NoLayers(NoReadyMadeModels):
    """While open, torch's layers raise, but for the softmax: whoever writes may want to see probabilities."""

    LAYERS: ClassVar = NoReadyMadeModels.LAYERS - {"softmax", "log_softmax"}


def probe_generate(ask: Ask) -> Answer:
    """The tokens that `generate` returns, where `logits_of` is a model of the probe's."""
    context, prompt = ask.settings["context"], list(ask.settings["prompt"])
    names = ("embed", "places", "head", "bias")
    weights = dict(zip(names, (torch.tensor(array) for array in ask.arrays), strict=True))

    def logits_of(tokens: Sequence[int], weights: Mapping[str, Tensor]) -> Tensor:
        if not 0 < len(tokens) <= context:
            raise ValueError(f"logits_of takes 1 to {context} tokens, got {len(tokens)}")
        return random_logits([int(token) for token in tokens], [weights[name] for name in names])

    given = list(prompt)
    with stand_ins("generate", {"logits_of": logits_of, "CONTEXT": context}), NoLayers():
        result = table["generate"](given, weights, ask.settings["max_new_tokens"])
    if isinstance(result, Tensor | np.ndarray):
        result = result.tolist()
    if not isinstance(result, list | tuple):
        raise WrongKindError(f"generate must return a list of tokens, got {missing_return(result)}")
    tokens = []
    for token in result:
        if not isinstance(token, int | np.integer) and not (isinstance(token, Tensor) and token.numel() == 1):
            raise WrongKindError(f"generate must return whole numbers, got {describe_value(token)} among them")
        tokens.append(int(token))
    return Answer(facts={"tokens": tokens, "changed": given != prompt})


def continuation(case: GenerateCase) -> list[int]:
    """The prompt, and what the model says after it."""
    arrays, tokens = [torch.tensor(array) for array in case.arrays()], list(case.prompt)
    for _ in range(min(case.max_new_tokens, case.context - len(tokens))):
        word = int(random_logits(tokens, arrays)[len(tokens) - 1].argmax())
        if word == PAD:
            break
        tokens.append(word)
    return tokens


def judge_words(case: GenerateCase, answer: Answer) -> Failure | None:
    got, want = answer.facts["tokens"], continuation(case)
    if got == want:
        return None
    message = f"From the prompt {list(case.prompt)} came {brief(got)}, expected {want}."
    hint = ""
    if len(got) != len(want) and got[: len(want)] == want[: len(got)]:
        hint = (
            f"The words are right as far as they go, but there are {'too many' if len(got) > len(want) else 'too few'}: when does it stop?"
        )
    elif got == want[len(case.prompt) :]:
        hint = "The prompt belongs to the answer."
    elif tuple(got[: len(case.prompt)]) == case.prompt:
        hint = "Which row of the logits speaks about the word after the last one?"
    return failure(case, message, hint)


def judge_prompt(case: GenerateCase, answer: Answer) -> Failure | None:
    if answer.facts["changed"]:
        return failure(case, "generate changed the prompt that it was given.", "Make a list of your own.")
    return judge_words(case, answer)


PROBES.update(model=probe_model, sgd_epoch=probe_epoch, generate=probe_generate)


# --- the questions

SMALL = sizes(B=1, T=3, D=4, K=4, E=4, F=6, V=5)
NARROW = sizes(B=2, T=4, D=6, K=3, E=5, F=7, V=9)
WIDE = sizes(B=3, T=5, D=8, K=2, E=7, F=4, V=6)
LONG = sizes(B=2, T=7, D=10, K=12, E=3, F=9, V=8)
HIDDEN_SIZES = (sizes(B=4, T=6, D=9, K=5, E=8, F=11, V=7), sizes(B=1, T=9, D=12, K=7, E=2, F=5, V=13))


def model_cases(function: str, seed: str, masks: Sequence[str] = ("causal",)) -> list[ModelCase]:
    """Every size with a causal mask, and one of them with each other mask; smallest first."""
    listed = (SMALL, NARROW, WIDE, LONG) if seed == "public" else (SMALL, NARROW, *HIDDEN_SIZES)

    def number(size: dict[str, int]) -> float:
        if function == "cross_entropy_loss":
            return size["B"] * size["T"]
        return size["D"] if function != "causal_self_attention" else size["D"] + 5  # the scale is a number of its own

    cases = [ModelCase(function, size, "causal", number(size), seed) for size in listed]
    return cases + [ModelCase(function, NARROW, mask, number(NARROW), seed) for mask in masks if mask != "causal"]


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


def epoch_question(number: int, seed: str) -> Question:
    rows = [
        ("one batch", 4, 4, 0.1),
        ("two batches", 6, 3, 0.5),
        ("a smaller last batch", 7, 3, 0.2),
        ("one sample at a time", 5, 1, 0.05),
        ("a batch for more than there is", 3, 8, 0.3),
    ]
    cases = tuple(EpochCase(*row, seed=seed) for row in rows)
    other = EpochCase("weights of other names", 6, 2, 0.1, ("slope", "offset", "scale"), seed)
    return Question(
        UNIT,
        number,
        "sgd_epoch",
        (
            Part("update", 6, (*cases[:-1], other), judge_update, "the formula of the update: for which weights, with which sign"),
            Part("batches and loss", 3, cases, judge_batches, "which rows belong to the next batch, and how batches weigh in a mean"),
            Part("nothing spoiled", 1, (cases[1],), judge_untouched, "what is made anew, and what is changed in its place"),
        ),
    )


def generate_question(number: int, seed: str) -> Question:
    rows = [
        ("one word", (3,), 1),
        ("one word more", (5, 2), 1),
        ("three words", (4, 7), 3),
        ("a long prompt", (1, 2, 3, 4), 1),
        ("none", (6, 1), 0),
    ]
    words = tuple(GenerateCase(*row, seed=seed) for row in rows)
    stops = (
        GenerateCase("it ends after a while", (2, 9), 6, ends_at=5, seed=seed),
        GenerateCase("it ends at once", (8, 8, 1), 4, ends_at=3, seed=seed),
        GenerateCase("the context is full", (1, 4, 2), 20, seed=seed),
        GenerateCase("a small context", (3, 3), 9, context=4, seed=seed),
    )
    again = (GenerateCase("a prompt to keep", (5, 6), 2, seed=seed),)
    parts = (
        Part("words", 6, words, judge_words, "which row of the logits speaks about the next word"),
        Part("stopping", 3, stops, judge_words, "the three reasons to stop"),
        Part("nothing spoiled", 1, again, judge_prompt, "which list the new words are added to"),
    )
    return Question(UNIT, number, "generate", parts)


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
