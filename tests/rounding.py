"""Other processors: the same arithmetic, rounded otherwise.

Processors agree on a sum or a product of two numbers, to the last bit. They differ in the order in which they add up many,
and in the last places of exp, log, powers and roots.
"""

import hashlib
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from autodiff_lib.checks.question import Answer
from autodiff_lib.checks.wire import unpack_answer

PLACES = 4  # units in the last place by which a number is moved


class LastPlaces(TorchFunctionMode):
    """While open, what torch's functions return is moved by a few units in the last place, where processors differ."""

    MOVED: ClassVar = {
        "sum", "mean", "var", "std", "softmax", "log_softmax", "layer_norm", "sum_to_size", "matmul", "__matmul__", "__rmatmul__",
        "exp", "log", "pow", "__pow__", "__rpow__", "tanh", "cross_entropy", "scaled_dot_product_attention",
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng(0)

    def answer(self, message: bytes) -> Answer:
        """The answer in a message, with all numbers of its arrays moved; in the same way for the same message."""
        random = np.random.default_rng(int.from_bytes(hashlib.sha256(message).digest()[:8], "little"))
        answer = unpack_answer(message, 0)
        return replace(answer, arrays=tuple(moved(array, random) for array in answer.arrays))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in self.MOVED and isinstance(result, Tensor) and result.is_floating_point():
            steps = torch.as_tensor(self.random.integers(-PLACES, PLACES + 1, tuple(result.shape)))
            return result * (1 + steps * torch.finfo(result.dtype).eps).to(result.dtype)
        return result


def moved(array: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each number off by a few units in its own last place, or, as after a sum that cancels, in that of the largest, or of 1.

    Sums of float16 are kept in float32, and rounded once: they are off in their own last place alone.
    """
    if array.dtype.kind != "f":
        return array
    sizes = np.where(np.isfinite(array), np.abs(array), 0.0)
    if array.dtype != np.float16:
        sizes = np.where(random.random(array.shape) < 0.5, sizes, np.max(sizes, initial=1.0))
    steps = random.integers(-PLACES, PLACES + 1, array.shape)
    return np.asarray(array + steps * sizes * np.finfo(array.dtype).eps, array.dtype)


class OtherOrder(TorchFunctionMode):
    """While open, torch's sums begin at the other end."""

    REDUCTIONS: ClassVar = {"sum", "mean", "var", "std", "softmax", "log_softmax", "layer_norm", "sum_to_size", "logsumexp"}
    PRODUCTS: ClassVar = {"matmul", "__matmul__", "__rmatmul__"}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = getattr(func, "__name__", ""), dict(kwargs or {})
        if name in self.REDUCTIONS and args and isinstance(args[0], Tensor):
            out = given.pop("out", None)
            result = func(turned(args[0]), *args[1:], **given)
            result = turned(result) if isinstance(result, Tensor) else result
            return result if out is None else out.copy_(result)
        if name in self.PRODUCTS and all(isinstance(operand, Tensor) and operand.ndim for operand in args):
            left, right = reversed(args) if name == "__rmatmul__" else args
            return torch.matmul(left.flip(-1), right.flip(max(0, right.ndim - 2)), **given)
        return func(*args, **given)


def turned(tensor: Tensor) -> Tensor:
    """Every axis from its end to its beginning."""
    return tensor.flip(tuple(range(tensor.ndim)))
