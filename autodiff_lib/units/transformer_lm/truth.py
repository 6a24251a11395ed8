"""What the unit's functions must come to: twins made of torch's ready-made layers, and what each is called with."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch.nn.functional as F
from torch import Tensor

from ...kinds.graph_function.judge import Function
from ...kinds.steps import RESULT, Step, Steps

ATTENTION = ("W_Q", "W_K", "W_V", "W_O")
LAYER = (*ATTENTION, "W_ff1", "W_ff2")
WEIGHTS = ("W_embed", *LAYER, "W_head")

SHAPES = {  # argument -> its axes: batch, tokens, model, query and key, value, feed-forward, vocabulary
    "X": "BTD", "W_Q": "DK", "W_K": "DK", "W_V": "DE", "W_O": "ED", "W_ff1": "DF", "W_ff2": "FD", "mask": "TT",
    "tokens": "BTV", "positions": "TD", "W_embed": "VD", "W_head": "DV", "logits": "BTV", "targets": "BTV",
}  # fmt: skip


def attention(X: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor, W_O: Tensor, mask: Tensor, model_dim: float) -> Tensor:
    mixed = F.scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V, attn_mask=mask, scale=1 / math.sqrt(model_dim))  # (B, T, E)
    return mixed @ W_O  # (B, T, E) @ (E, D) -> (B, T, D)


def decoder(
    X: Tensor,
    W_Q: Tensor,
    W_K: Tensor,
    W_V: Tensor,
    W_O: Tensor,
    W_ff1: Tensor,
    W_ff2: Tensor,
    mask: Tensor,
    model_dim: float,
    without: Collection[str] = (),
) -> Tensor:
    """A decoder layer (B, T, D). `without` names steps that are left out: a residual connection, a norm, or relu."""
    attended = attention(X, W_Q, W_K, W_V, W_O, mask, model_dim)  # (B, T, D)
    h = attended if "first residual" in without else X + attended
    h = h if "first norm" in without else F.layer_norm(h, X.shape[-1:])
    inner = h @ W_ff1  # (B, T, D) @ (D, F) -> (B, T, F)
    thought = (inner if "relu" in without else F.relu(inner)) @ W_ff2  # (B, T, F) @ (F, D) -> (B, T, D)
    result = thought if "second residual" in without else h + thought
    return result if "second norm" in without else F.layer_norm(result, X.shape[-1:])


def language_model(tokens: Tensor, positions: Tensor, *weights: Tensor, model_dim: float) -> Tensor:
    W_embed, *layer, W_head, mask = weights
    X = F.embedding(tokens.argmax(-1), W_embed) + positions  # (B, T, D)
    W_Q, W_K, W_V, W_O, W_ff1, W_ff2 = layer
    return decoder(X, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim) @ W_head  # (B, T, D) @ (D, V) -> (B, T, V)


def cross_entropy(logits: Tensor, targets: Tensor, num_tokens: float) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(0, 1), reduction="sum") / num_tokens


# --- the same once more, formula by formula: the values on the way, which a wrong graph is held beside


def attention_steps(X: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor, W_O: Tensor, mask: Tensor, model_dim: float) -> Steps:
    queries = yield Step("queries", X @ W_Q)  # (B, T, D) @ (D, K) -> (B, T, K)
    keys = yield Step("keys", X @ W_K)
    values = yield Step("values", X @ W_V)  # (B, T, E)
    scores = yield Step("scores", queries @ keys.mT / math.sqrt(model_dim), ("queries", "keys"))  # (B, T, T)
    masked = yield Step("masked scores", scores + mask, ("scores",))
    weights = yield Step("weights", masked.softmax(-1), ("masked scores",))
    mixed = yield Step("mixed values", weights @ values, ("weights", "values"))  # (B, T, T) @ (B, T, E) -> (B, T, E)
    yield Step(RESULT, mixed @ W_O, ("mixed values",))


def decoder_steps(
    X: Tensor,
    W_Q: Tensor,
    W_K: Tensor,
    W_V: Tensor,
    W_O: Tensor,
    W_ff1: Tensor,
    W_ff2: Tensor,
    mask: Tensor,
    model_dim: float,
) -> Steps:
    attended = yield Step("attention", attention(X, W_Q, W_K, W_V, W_O, mask, model_dim))  # (B, T, D)
    first = yield Step("first sum", X + attended, ("attention",))
    h = yield Step("h", F.layer_norm(first, X.shape[-1:]), ("first sum",))
    inner = yield Step("h @ W_ff1", h @ W_ff1, ("h",))  # (B, T, D) @ (D, F) -> (B, T, F)
    bent = yield Step("ReLU", inner.relu(), ("h @ W_ff1",))
    thought = yield Step("network's output", bent @ W_ff2, ("ReLU",))  # (B, T, F) @ (F, D) -> (B, T, D)
    second = yield Step("second sum", h + thought, ("h", "network's output"))
    yield Step(RESULT, F.layer_norm(second, X.shape[-1:]), ("second sum",))


def model_steps(tokens: Tensor, positions: Tensor, *weights: Tensor, model_dim: float) -> Steps:
    W_embed, *layer, W_head, mask = weights
    W_Q, W_K, W_V, W_O, W_ff1, W_ff2 = layer
    embedded = yield Step("embedded words", tokens @ W_embed)  # (B, T, V) @ (V, D) -> (B, T, D)
    placed = yield Step("words with positions", embedded + positions, ("embedded words",))
    decoded = yield Step("layer's output", decoder(placed, W_Q, W_K, W_V, W_O, W_ff1, W_ff2, mask, model_dim), ("words with positions",))
    yield Step(RESULT, decoded @ W_head, ("layer's output",))  # (B, T, D) @ (D, V) -> (B, T, V)


def loss_steps(logits: Tensor, targets: Tensor, num_tokens: float) -> Steps:
    p = yield Step("probabilities", logits.softmax(-1))  # (B, T, V)
    log_p = yield Step("log-probabilities", p.log(), ("probabilities",), of_either_sign=True)
    right = yield Step("targets * log p", targets * log_p, ("log-probabilities",), of_either_sign=True)
    total = yield Step("sum over all tokens", right.sum(), ("targets * log p",), of_either_sign=True)
    yield Step(RESULT, -total / num_tokens, ("sum over all tokens",))


def block_numbers(named: Mapping[str, Tensor]) -> int:
    """How many numbers the values inside a block take. ValueError for inputs of another rank than the block's."""
    wrong = [argument for argument, value in named.items() if value.ndim != len(SHAPES[argument])]
    if wrong:
        raise ValueError(f"{wrong[0]} must have the axes {', '.join(SHAPES[wrong[0]])}")
    B, T, _ = named["X"].shape
    return B * T * (T + sum(value.shape[-1] for value in named.values()))


SELF_ATTENTION = Function("causal_self_attention", ("X", *ATTENTION, "mask"), "model_dim", attention, block_numbers, steps=attention_steps)
DECODER = Function("decoder_layer", ("X", *LAYER, "mask"), "model_dim", decoder, block_numbers, (SELF_ATTENTION,), steps=decoder_steps)
MODEL = Function(
    "transformer_lm",
    ("tokens", "positions", WEIGHTS, "mask"),
    "model_dim",
    language_model,
    block_numbers,
    (DECODER, SELF_ATTENTION),
    steps=model_steps,
)
LOSS = Function("cross_entropy_loss", ("logits", "targets"), "num_tokens", cross_entropy, block_numbers, steps=loss_steps)
FUNCTIONS = {function.name: function for function in (SELF_ATTENTION, DECODER, MODEL, LOSS)}
"""The unit's functions that build graphs, by their names."""
