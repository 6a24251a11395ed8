"""What the unit's operators mean, said once more in torch. Nothing of it builds graphs, so none of it answers a `gradient`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...graph_data import Forward


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
