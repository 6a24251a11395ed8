"""What the unit's operators, its loss and its epoch must come to, said once more in torch. Nothing of it builds graphs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...graph_data import Forward
from ...kinds.steps import RESULT, Step, Steps

Axes = int | tuple[int, ...] | None


def summation(a: Tensor, axes: Axes) -> Tensor:
    return a.sum() if axes is None else a.sum(axes)


def transpose(a: Tensor, axes: tuple[int, int] | None) -> Tensor:
    one, other = (-2, -1) if axes is None else axes
    return a.transpose(one, other)


def power(a: Tensor, b: Tensor) -> Tensor:
    """a**b. Torch's own second derivative is 0 where b is 0, which is wrong: for positive a there are exp and log."""
    positive = torch.where(a > 0, a, 1)
    return torch.where(a > 0, torch.exp(b * torch.log(positive)), torch.pow(a, b))


FORWARD: Forward = {
    "EWiseAdd": torch.add,
    "AddScalar": lambda a, scalar: a + scalar,
    "EWiseMul": torch.mul,
    "MulScalar": lambda a, scalar: a * scalar,
    "PowerScalar": lambda a, scalar: torch.pow(a, scalar),
    "EWisePow": power,
    "EWiseDiv": torch.div,
    "DivScalar": lambda a, scalar: a / scalar,
    "MatMul": torch.matmul,
    "Summation": summation,
    "BroadcastTo": lambda a, shape: a.broadcast_to(shape),
    "Reshape": lambda a, shape: a.reshape(shape),
    "Negate": torch.neg,
    "Transpose": transpose,
    "Log": torch.log,
    "Exp": torch.exp,
    "ReLU": torch.relu,
}


# --- the values on the way to a gradient, and to the loss


def power_to_a(a: Tensor, g: Tensor, scalar: float) -> Steps:
    lower = yield Step("a**(scalar - 1)", a ** (scalar - 1))
    slope = yield Step("scalar * a**(scalar - 1)", scalar * lower, ("a**(scalar - 1)",))
    yield Step(RESULT, g * slope, ("scalar * a**(scalar - 1)",))


def pow_to_a(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    lower = yield Step("a**(b - 1)", a ** (b - 1))
    slope = yield Step("b * a**(b - 1)", b * lower, ("a**(b - 1)",))
    yield Step(RESULT, g * slope, ("b * a**(b - 1)",))


def pow_to_b(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    logarithm = yield Step("log(a)", a.log())
    slope = yield Step("a**b * log(a)", a**b * logarithm, ("log(a)",))
    yield Step(RESULT, g * slope, ("a**b * log(a)",))


def matmul_to_a(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    product = yield Step("product, before it has the shape of a", g @ b.mT)  # (..., M, N) @ (..., N, K) -> (..., M, K)
    yield Step(RESULT, product.sum_to_size(a.shape), ("product, before it has the shape of a",))


def matmul_to_b(a: Tensor, b: Tensor, g: Tensor) -> Steps:
    product = yield Step("product, before it has the shape of b", a.mT @ g)  # (..., K, M) @ (..., M, N) -> (..., K, N)
    yield Step(RESULT, product.sum_to_size(b.shape), ("product, before it has the shape of b",))


GRADIENT_STEPS = {
    "PowerScalar": (power_to_a,),
    "EWisePow": (pow_to_a, pow_to_b),
    "MatMul": (matmul_to_a, matmul_to_b),
}
"""Operator -> for each operand the values on the way to its gradient. What needs one step only has none."""


def softmax_loss(z: Tensor, y: Tensor) -> Tensor:
    """The mean over the samples of what the right class is surprised by; logits (n, C), one-hot (n, C) -> ()."""
    return F.cross_entropy(z, y)


def loss_steps(z: Tensor, y: Tensor) -> Steps:
    normaliser = yield Step("logarithm of the sum of exponentials", torch.logsumexp(z, 1))
    right = yield Step("logit of the right class", (z * y).sum(1))
    names = ("logarithm of the sum of exponentials", "logit of the right class")
    losses = yield Step("loss of each sample", normaliser - right, names)
    total = yield Step("sum over the samples", losses.sum(), ("loss of each sample",))
    yield Step(RESULT, total / len(z), ("sum over the samples",))


def network_loss(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """Of samples (n, D) with labels (n,), under weights (D, H) and (H, C)."""
    return F.cross_entropy(torch.relu(x @ w1) @ w2, y)


def epoch(x: Tensor, y: Tensor, w1: Tensor, w2: Tensor, lr: float, batches: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The weights after a step of gradient descent on each of these batches of rows."""
    for rows in batches:
        now = [weight.detach().requires_grad_() for weight in (w1, w2)]
        grads = torch.autograd.grad(network_loss(x[list(rows)], y[list(rows)], *now), now)
        w1, w2 = (weight.detach() - lr * grad for weight, grad in zip(now, grads, strict=True))
    return w1, w2
