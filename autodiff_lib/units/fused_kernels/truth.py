"""What the unit's exercises must come to, said once more in torch, and what their speed is compared with."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...graph_data import Forward
from ...kinds.steps import RESULT, Step, Steps


def matmul_layernorm(a: Tensor, b: Tensor, normalized_shape: int | tuple[int, ...], eps: float) -> Tensor:
    shape = normalized_shape if isinstance(normalized_shape, tuple) else (normalized_shape,)
    return F.layer_norm(torch.matmul(a, b), shape, eps=eps)  # (..., M, K) @ (..., K, N) -> (..., M, N)


def matmul_softmax(a: Tensor, b: Tensor, dim: int = -1) -> Tensor:
    return torch.softmax(torch.matmul(a, b), dim)  # (..., M, K) @ (..., K, N) -> (..., M, N)


FORWARD: Forward = {"matmul_layernorm": matmul_layernorm, "matmul_softmax": matmul_softmax}


# --- the same once more, formula by formula: the values on the way, which a wrong answer is held beside


def matmul_layernorm_steps(a: Tensor, b: Tensor, normalized_shape: tuple[int, ...], eps: float) -> Steps:
    product = yield Step("product", a @ b)
    dim = tuple(range(-len(normalized_shape), 0))
    centred = yield Step("product less its mean", product - product.mean(dim, keepdim=True), ("product",))
    variance = centred.square().mean(dim, keepdim=True)
    yield Step(RESULT, centred / (variance + eps).sqrt(), ("product less its mean",))


def matmul_softmax_steps(a: Tensor, b: Tensor, dim: int = -1) -> Steps:
    product = yield Step("product", a @ b)
    powers = yield Step("powers", (product - product.amax(dim, keepdim=True)).exp(), ("product",))
    yield Step(RESULT, powers / powers.sum(dim, keepdim=True), ("powers",))


STEPS = {"matmul_layernorm": matmul_layernorm_steps, "matmul_softmax": matmul_softmax_steps}
"""Operator -> the values on the way to its own."""


def blocked_softmax_steps(a: Tensor, b: Tensor, rows: int | None = None) -> Steps:
    return matmul_softmax_steps(a, b)


def attention_steps(q: Tensor, k: Tensor, v: Tensor, causal: bool = False, block: int = 256) -> Steps:
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # (..., T, D) @ (..., D, S) -> (..., T, S)
    if causal:
        T, S = scores.shape[-2:]
        scores = scores.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(1 + S - T), -math.inf)
    scores = yield Step("scores", scores)
    powers = (scores - scores.amax(-1, keepdim=True).nan_to_num(neginf=0.0)).exp()
    mixed = yield Step("undivided mixed values", powers @ v, ("scores",))  # (..., T, S) @ (..., S, E) -> (..., T, E)
    yield Step(RESULT, (mixed / powers.sum(-1, keepdim=True)).nan_to_num(), ("undivided mixed values",))


def loop_counts(operation: str, order: str, B: int, M: int, K: int, N: int) -> tuple[int, int, int]:
    """Loads, stores and flops of the notebook's loops, for a (B, M, K) and b (B, K, N)."""
    rows, entries = B * M, B * M * N
    loads, stores = {
        ("softmax", "unfused"): (3, 3),  # the maximum, exp, the quotient; the product, exp, the quotient
        ("layernorm", "unfused"): (3, 2),  # the mean, the variance, the quotient; the product, the quotient
        ("softmax", "fused"): (0, 1),
        ("layernorm", "fused"): (0, 1),
    }[operation, order]
    flops, once_a_row = {
        ("softmax", "unfused"): (5, 0),  # larger; sub, exp, add; div
        ("softmax", "fused"): (5, 0),
        ("layernorm", "unfused"): (6, 4),  # add; sub, mul, add; sub, div. Two quotients, eps, sqrt
        ("layernorm", "fused"): (5, 6),  # add, mul, add; sub, div. Two quotients, mul, sub, eps, sqrt
    }[operation, order]
    return entries * (2 * K + loads), entries * stores, entries * (2 * K + flops) + rows * once_a_row


def blocked_softmax(a: Tensor, b: Tensor, rows: int | None = None) -> Tensor:
    return matmul_softmax(a, b)


def online_softmax(x: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """The largest entry of each row of x (..., N), and the sum of exp(x - largest): 0 in a row of -inf."""
    largest = x.amax(-1)
    shift = largest.nan_to_num(neginf=0.0)
    return largest, torch.exp(x - shift.unsqueeze(-1)).sum(-1)


def one_pass_attention(q: Tensor, k: Tensor, v: Tensor, causal: bool = False, block: int = 256) -> Tensor:
    """q (..., T, D), k (..., S, D), v (..., S, E) -> (..., T, E); zeros for a query that sees no key."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (..., T, D) @ (..., D, S) -> (..., T, S)
    if causal:
        T, S = scores.shape[-2:]
        scores = scores.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(1 + S - T), -math.inf)
    return torch.softmax(scores, -1).nan_to_num() @ v  # (..., T, S) @ (..., S, E) -> (..., T, E)


IN_CACHE = 256  # queries and keys: their weights and their sums are a megabyte together


def attention_in_cache(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """As much work as attention is, done on the first queries and keys again and again, so that nothing leaves the cache.

    How fast that is tells what a machine can do, whatever its memory is like. The result means nothing.
    """
    queries, keys, values = q[:IN_CACHE], k[:IN_CACHE].T, v[:IN_CACHE]
    mixed = queries
    for _ in range(q.shape[0] * k.shape[0] // IN_CACHE**2):
        mixed = torch.softmax(queries @ keys, -1) @ values  # (256, D) @ (D, 256), and (256, 256) @ (256, E)
    return mixed


def attention_of_torch(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """torch's own: q (T, D), k (S, D), v (S, E) -> (T, E)."""
    return F.scaled_dot_product_attention(q[None, None], k[None, None], v[None, None])[0, 0]
