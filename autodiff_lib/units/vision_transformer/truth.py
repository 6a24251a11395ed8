"""What the unit's functions must come to: twins made of torch's ready-made layers, and what each is called with."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from ...kinds.graph_function.judge import Function
from ...kinds.steps import RESULT, Step, Steps
from .unit import UNIT

ATTENTION = ("W_Q", "W_K", "W_V")
NETWORK = ("W_1", "b_1", "W_2", "b_2")
LAYER = (*ATTENTION, *NETWORK)
WEIGHTS = ("W_embed", "b_embed", "positions", *LAYER, "W_head", "b_head")

SHAPES = {  # argument -> its axes: batch, rows, pixels, model, query and key, value, feed-forward, classes; N and M of any layer
    "linear": {"X": "BTN", "W": "NM", "b": "M"},
    "self_attention": {"X": "BTD", "W_Q": "DK", "W_K": "DK", "W_V": "DE"},
    "encoder_layer": {"X": "BTD", "W_Q": "DK", "W_K": "DK", "W_V": "DE", "W_1": "EF", "b_1": "F", "W_2": "FD", "b_2": "D"},
    "vision_transformer": {
        "X": "BTP", "W_embed": "PD", "b_embed": "D", "positions": "TD", "W_Q": "DK", "W_K": "DK", "W_V": "DE",
        "W_1": "EF", "b_1": "F", "W_2": "FD", "b_2": "D", "W_head": "DC", "b_head": "C",
    },
    "softmax_loss": {"Z": "BC", "y_one_hot": "BC"},
}  # fmt: skip


def linear(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return F.linear(X, W.mT, b)  # (..., N) @ (N, M) -> (..., M)


def attention(X: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor, model_dim: float) -> Tensor:
    return F.scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V, scale=1 / math.sqrt(model_dim))  # (B, T, E)


def encoder(
    X: Tensor,
    W_Q: Tensor,
    W_K: Tensor,
    W_V: Tensor,
    W_1: Tensor,
    b_1: Tensor,
    W_2: Tensor,
    b_2: Tensor,
    model_dim: float,
) -> Tensor:
    attended = attention(X, W_Q, W_K, W_V, model_dim)  # (B, T, E)
    return linear(F.relu(linear(attended, W_1, b_1)), W_2, b_2)  # (B, T, E) -> (B, T, F) -> (B, T, D)


def vision_transformer(X: Tensor, W_embed: Tensor, b_embed: Tensor, positions: Tensor, *weights: Tensor, model_dim: float) -> Tensor:
    *layer, W_head, b_head = weights
    W_Q, W_K, W_V, W_1, b_1, W_2, b_2 = layer
    embedded = linear(X, W_embed, b_embed) + positions  # (B, T, P) @ (P, D) -> (B, T, D)
    pooled = encoder(embedded, W_Q, W_K, W_V, W_1, b_1, W_2, b_2, model_dim).mean(dim=1)  # (B, T, D) -> (B, D)
    return linear(pooled, W_head, b_head)  # (B, D) @ (D, C) -> (B, C)


def softmax_loss(Z: Tensor, y_one_hot: Tensor, batch_size: float) -> Tensor:
    return F.cross_entropy(Z, y_one_hot, reduction="sum") / batch_size


# --- the same once more, formula by formula: the values on the way, which a wrong graph is held beside


def linear_steps(X: Tensor, W: Tensor, b: Tensor) -> Steps:
    product = yield Step("product", X @ W)  # (..., N) @ (N, M) -> (..., M)
    yield Step(RESULT, product + b, ("product",))


def attention_steps(X: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor, model_dim: float) -> Steps:
    queries = yield Step("queries", X @ W_Q)  # (B, T, D) @ (D, K) -> (B, T, K)
    keys = yield Step("keys", X @ W_K)
    values = yield Step("values", X @ W_V)  # (B, T, E)
    scores = yield Step("scores", queries @ keys.mT / math.sqrt(model_dim), ("queries", "keys"))  # (B, T, T)
    weights = yield Step("weights", scores.softmax(-1), ("scores",))
    yield Step(RESULT, weights @ values, ("weights", "values"))  # (B, T, T) @ (B, T, E) -> (B, T, E)


def encoder_steps(
    X: Tensor,
    W_Q: Tensor,
    W_K: Tensor,
    W_V: Tensor,
    W_1: Tensor,
    b_1: Tensor,
    W_2: Tensor,
    b_2: Tensor,
    model_dim: float,
) -> Steps:
    attended = yield Step("attention", attention(X, W_Q, W_K, W_V, model_dim))  # (B, T, E)
    inner = yield Step("first layer", linear(attended, W_1, b_1), ("attention",))  # (B, T, E) -> (B, T, F)
    bent = yield Step("ReLU", inner.relu(), ("first layer",))
    yield Step(RESULT, linear(bent, W_2, b_2), ("ReLU",))  # (B, T, F) -> (B, T, D)


def model_steps(X: Tensor, W_embed: Tensor, b_embed: Tensor, positions: Tensor, *weights: Tensor, model_dim: float) -> Steps:
    *layer, W_head, b_head = weights
    W_Q, W_K, W_V, W_1, b_1, W_2, b_2 = layer
    embedded = yield Step("embedded rows", linear(X, W_embed, b_embed))  # (B, T, P) -> (B, T, D)
    placed = yield Step("rows with positions", embedded + positions, ("embedded rows",))
    encoded = yield Step("encoder's output", encoder(placed, W_Q, W_K, W_V, W_1, b_1, W_2, b_2, model_dim), ("rows with positions",))
    pooled = yield Step("mean over the rows", encoded.mean(1), ("encoder's output",))  # (B, T, D) -> (B, D)
    yield Step(RESULT, linear(pooled, W_head, b_head), ("mean over the rows",))  # (B, D) -> (B, C)


def loss_steps(Z: Tensor, y_one_hot: Tensor, batch_size: float) -> Steps:
    log_p = yield Step("log-probabilities", Z.log_softmax(-1), of_either_sign=True)  # (B, C)
    right = yield Step("y_one_hot * log p", y_one_hot * log_p, ("log-probabilities",), of_either_sign=True)
    total = yield Step("sum over all images", right.sum(), ("y_one_hot * log p",), of_either_sign=True)
    yield Step(RESULT, -total / batch_size, ("sum over all images",))


def row_numbers(named: Mapping[str, Tensor]) -> int:
    """How many numbers the values inside a linear layer take. ValueError for inputs of another rank than the layer's."""
    if named["X"].ndim < 1 or named["W"].ndim != 2 or named["b"].ndim != 1:
        raise ValueError("W must have the axes N, M, b the axis M, and X one axis or more")
    return 2 * named["X"][..., :1].numel() * named["W"].shape[1]


def block_numbers(named: Mapping[str, Tensor]) -> int:
    """How many numbers the values inside a block take. ValueError for inputs of another rank than the block's."""
    wrong = [argument for argument, value in named.items() if value.ndim != len(SHAPES["vision_transformer"][argument])]
    if wrong:
        raise ValueError(f"{wrong[0]} must have the axes {', '.join(SHAPES['vision_transformer'][wrong[0]])}")
    B, T, _ = named["X"].shape
    return B * T * (T + sum(value.shape[-1] for value in named.values()))


def none_inside(named: Mapping[str, Tensor]) -> int:
    """For functions that no other one calls."""
    return 0


LINEAR = Function("linear", ("X", "W", "b"), "", linear, row_numbers, entry=UNIT.entry("linear"), steps=linear_steps)
SELF_ATTENTION = Function(
    "self_attention",
    ("X", *ATTENTION),
    "model_dim",
    attention,
    block_numbers,
    entry=UNIT.entry("self_attention"),
    steps=attention_steps,
)
ENCODER = Function(
    "encoder_layer",
    ("X", *LAYER),
    "model_dim",
    encoder,
    block_numbers,
    (SELF_ATTENTION, LINEAR),
    UNIT.entry("encoder_layer"),
    encoder_steps,
)
MODEL = Function(
    "vision_transformer",
    ("X", WEIGHTS),
    "model_dim",
    vision_transformer,
    none_inside,
    (ENCODER, SELF_ATTENTION, LINEAR),
    UNIT.entry("vision_transformer"),
    model_steps,
)
LOSS = Function(
    "softmax_loss",
    ("Z", "y_one_hot"),
    "batch_size",
    softmax_loss,
    none_inside,
    entry=UNIT.entry("softmax_loss"),
    steps=loss_steps,
)
FUNCTIONS = {function.name: function for function in (LINEAR, SELF_ATTENTION, ENCODER, MODEL, LOSS)}
"""The unit's functions that build graphs, by their names."""
