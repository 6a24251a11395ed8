"""What the unit's operators mean, said once more in torch. Nothing of it builds graphs, so none of it answers a `gradient`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...graph_data import Forward
from ...kinds.steps import RESULT, Step, Steps


def mean(a: Tensor, dim: int | tuple[int, ...], keepdim: bool) -> Tensor:
    return torch.mean(a, dim, keepdim)


def layernorm(a: Tensor, normalized_shape: int | tuple[int, ...], eps: float) -> Tensor:
    shape = normalized_shape if isinstance(normalized_shape, tuple) else (normalized_shape,)
    return F.layer_norm(a, shape, eps=eps)


FORWARD: Forward = {
    "div": torch.div,
    "div_by_const": lambda a, c: a / c,
    "transpose": torch.transpose,
    "relu": torch.relu,
    "sqrt": torch.sqrt,
    "power": lambda a, exponent: torch.pow(a, exponent),
    "mean": mean,
    "matmul": torch.matmul,
    "softmax": torch.softmax,
    "layernorm": layernorm,
    "logsumexp": torch.logsumexp,
}


# --- the same once more, as the notebook's formulas go: the values on the way, which a wrong answer is held beside


def mean_steps(a: Tensor, dim: int | tuple[int, ...], keepdim: bool) -> Steps:
    total = yield Step("sum", a.sum(dim, keepdim))
    yield Step(RESULT, total * (total.numel() / a.numel()), ("sum",))


def softmax_steps(a: Tensor, dim: int) -> Steps:
    shifted = yield Step("entries less the largest of their row", a - a.amax(dim, keepdim=True))
    powers = yield Step("powers", shifted.exp(), ("entries less the largest of their row",))
    yield Step("sum of the powers", powers.sum(dim, keepdim=True), ("powers",))
    yield Step("unshifted powers", a.exp())
    yield Step(RESULT, powers / powers.sum(dim, keepdim=True), ("powers",))


def layernorm_steps(a: Tensor, normalized_shape: tuple[int, ...], eps: float) -> Steps:
    dim = tuple(range(-len(normalized_shape), 0))
    deviations = yield Step("entries less their mean", a - a.mean(dim, keepdim=True))
    variance = yield Step("variance", deviations.square().mean(dim, keepdim=True), ("entries less their mean",))
    sigma = yield Step("standard deviation", (variance + eps).sqrt(), ("variance",))
    yield Step(RESULT, deviations / sigma, ("entries less their mean", "standard deviation"))


STEPS = {"mean": mean_steps, "softmax": softmax_steps, "layernorm": layernorm_steps}
"""Operator -> the values on the way to its own."""


def div_to_a(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    stretched = yield Step("output_grad / b", g / b)
    yield Step(RESULT, stretched.sum_to_size(a.shape), ("output_grad / b",))


def div_to_b(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    stretched = yield Step("-output_grad * a / b**2", -g * a / b**2)
    yield Step(RESULT, stretched.sum_to_size(b.shape), ("-output_grad * a / b**2",))


def power_to_a(a: Tensor, g: Tensor, exponent: float) -> Steps:
    lower = yield Step("a**(exponent - 1)", a ** (exponent - 1))
    slope = yield Step("exponent * a**(exponent - 1)", exponent * lower, ("a**(exponent - 1)",))
    yield Step(RESULT, g * slope, ("exponent * a**(exponent - 1)",))


def mean_to_a(a: Tensor, g: Tensor, dim: int | tuple[int, ...], keepdim: bool) -> Steps:
    share = yield Step("share of each entry", g * (g.numel() / a.numel()))
    listed = dim if isinstance(dim, tuple) else (dim,)
    kept = [1 if axis in {one % a.ndim for one in listed} else size for axis, size in enumerate(a.shape)]
    yield Step(RESULT, share.reshape(kept).expand_as(a), ("share of each entry",))


def matmul_to_a(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    product = yield Step("product, before it has the shape of a", g @ b.mT)  # (..., M, N) @ (..., N, K) -> (..., M, K)
    yield Step(RESULT, product.sum_to_size(a.shape), ("product, before it has the shape of a",))


def matmul_to_b(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    product = yield Step("product, before it has the shape of b", a.mT @ g)  # (..., K, M) @ (..., M, N) -> (..., K, N)
    yield Step(RESULT, product.sum_to_size(b.shape), ("product, before it has the shape of b",))


def softmax_to_a(a: Tensor, g: Tensor, dim: int) -> Steps:
    s = torch.softmax(a, dim)
    weighted = yield Step("products with output_grad", g * s)
    average = yield Step("sum along the axis", weighted.sum(dim, keepdim=True), ("products with output_grad",))
    difference = yield Step("difference", g - average, ("sum along the axis",))
    yield Step(RESULT, s * difference, ("difference",))


def layernorm_to_a(a: Tensor, g: Tensor, normalized_shape: tuple[int, ...], eps: float) -> Steps:
    dim = tuple(range(-len(normalized_shape), 0))
    deviations = a - a.mean(dim, keepdim=True)
    sigma = yield Step("standard deviation", (deviations.square().mean(dim, keepdim=True) + eps).sqrt())
    y = deviations / sigma
    first = yield Step("first mean", g.mean(dim, keepdim=True))
    weighted = yield Step("products with output_grad", g * y)
    second = yield Step("second mean", weighted.mean(dim, keepdim=True), ("products with output_grad",))
    third = yield Step("third term", y * second, ("second mean",))
    bracket = yield Step("bracket", g - first - third, ("first mean", "third term"))
    yield Step(RESULT, bracket / sigma, ("standard deviation", "bracket"))


GRADIENT_STEPS = {
    "div": (div_to_a, div_to_b),
    "power": (power_to_a,),
    "mean": (mean_to_a,),
    "matmul": (matmul_to_a, matmul_to_b),
    "softmax": (softmax_to_a,),
    "layernorm": (layernorm_to_a,),
}
"""Operator -> for each operand the values on the way to its gradient. What needs one step only has none."""
