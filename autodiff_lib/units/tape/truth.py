"""What the unit's exercises must come to: forward functions in torch, and their gradients by torch's autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Forward = Callable[..., Tensor]

OPERATIONS: dict[str, Forward] = {
    "sub_backward": torch.sub,
    "matmul_backward": torch.matmul,
    "mul_backward": torch.mul,
    "div_backward": torch.div,
    "log_backward": torch.log,
    "exp_backward": torch.exp,
    "outer_backward": torch.outer,
    "sum_backward": torch.sum,
    "max_backward": torch.amax,  # of several largest entries each gets its share
}
"""Backward function -> of what it is the gradient."""

LAYERS: dict[str, Forward] = {
    "Linear": lambda x, W, b: F.linear(x, W, b.flatten()),  # (N, in), (out, in), (out, 1) -> (N, out)
    "Identity": torch.clone,
    "Sigmoid": torch.sigmoid,
    "ReLU": torch.relu,
    "Tanh": torch.tanh,
    "SoftmaxCrossEntropy": lambda y, y_hat: F.cross_entropy(y_hat, y),
    "MSELoss": lambda y, y_hat: F.mse_loss(y_hat, y),
}
"""Class -> its forward; the weights of a layer come after its arguments."""


def gradients(forward: Forward) -> Callable[..., tuple[np.ndarray, ...]]:
    """A function of grad_output and the inputs of `forward`: the gradients of these."""

    def backward(grad_output: np.ndarray, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        leaves = [torch.tensor(array).requires_grad_() for array in inputs]
        return pulled_back(forward(*leaves), leaves, grad_output)

    return backward


def pulled_back(value: Tensor, leaves: Sequence[Tensor], grad_output: np.ndarray) -> tuple[np.ndarray, ...]:
    """The gradients of leaves, zeros for those that the value does not depend on."""
    up = torch.tensor(grad_output)
    found = torch.autograd.grad(value, leaves, up, retain_graph=True, allow_unused=True, materialize_grads=True)  # there may be more rounds
    return tuple(gradient.numpy() for gradient in found)
