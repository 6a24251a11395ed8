"""What the notebook need not spell out: an entry of the tape, the buffer of gradients, and the classes whose methods are exercises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

Backward = Callable[..., Any]


@dataclass(eq=False)
class Operation:
    """An entry of the tape: what went in, what came out, and what takes a gradient back.

    `backward_operation(grad_output, *inputs)` returns a gradient for each input. `gradients_to_update` has an entry for each
    input: None where the gradient belongs into the buffer, else the array that it is added to, as a layer's dW.
    """

    inputs: list[np.ndarray]
    outputs: np.ndarray
    gradients_to_update: list[np.ndarray | None]
    backward_operation: Backward


class GradientBuffer:
    """The gradients of arrays that belong to nobody, each in a spot of its own, found by where the array begins in memory."""

    def __init__(self) -> None:
        self.memory: dict[int, np.ndarray] = {}

    def get_memory_loc(self, np_array: np.ndarray) -> int:
        """The address of the array's first number. TypeError for what is no array: a number has no address that stays."""
        if not isinstance(np_array, np.ndarray):
            got = type(np_array).__name__
            raise TypeError(f"the gradient buffer keeps gradients of arrays, got a {got}; np.asarray makes an array of a number")
        return cast(int, np_array.__array_interface__["data"][0])

    def is_in_memory(self, np_array: np.ndarray) -> bool:
        return self.get_memory_loc(np_array) in self.memory

    def add_spot(self, np_array: np.ndarray) -> None:
        """Zeros of the array's shape; where it has a spot already, nothing."""
        if not self.is_in_memory(np_array):
            floats = np.issubdtype(np_array.dtype, np.inexact)
            self.memory[self.get_memory_loc(np_array)] = np.zeros(np_array.shape, np_array.dtype if floats else float)

    def update_param(self, np_array: np.ndarray, gradient: Any) -> None:
        """Add to what stands in the array's spot. KeyError where it has none."""
        spot = self.get_param(np_array)
        spot += gradient

    def set_param(self, np_array: np.ndarray, gradient: Any) -> None:
        """Put a copy of the gradient into the array's spot, in place of what stood there. KeyError where it has none."""
        self.get_param(np_array)[...] = gradient

    def get_param(self, np_array: np.ndarray) -> np.ndarray:
        """What stands in the array's spot, to be read. KeyError where it has none."""
        if not self.is_in_memory(np_array):
            raise KeyError(f"no spot in the gradient buffer for this array of shape {np_array.shape}: add_spot makes one")
        return self.memory[self.get_memory_loc(np_array)]

    def clear(self) -> None:
        self.memory = {}


class Autograd:
    """The tape. `add_operation` and `backward` are exercises: until they are written, a call raises NotImplementedError."""

    def __init__(self, gradient_buffer: GradientBuffer | None = None) -> None:
        self.gradient_buffer = GradientBuffer() if gradient_buffer is None else gradient_buffer
        self.operation_list: list[Operation] = []

    def zero_grad(self) -> None:
        """An empty tape, and an empty buffer: what has to be done before the next batch is recorded."""
        self.gradient_buffer.clear()
        self.operation_list = []

    def add_operation(
        self,
        inputs: Sequence[np.ndarray],
        output: np.ndarray,
        gradients_to_update: Sequence[np.ndarray | None],
        backward_operation: Backward,
    ) -> None:
        raise NotImplementedError("exercise add_operation is not done yet")

    def backward(self, divergence: Any) -> None:
        raise NotImplementedError("exercise backward is not done yet")


def unbroadcast(gradient: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The gradient of an array of `shape` that was broadcast to the shape of `gradient`: the sum over all of its copies.

    ValueError where no array of `shape` can have been broadcast to that shape.
    """
    shape = tuple(shape)
    added = gradient.ndim - len(shape)
    if added < 0 or any(size not in (1, wide) for size, wide in zip(shape, gradient.shape[added:], strict=True)):
        raise ValueError(f"unbroadcast: an array of shape {shape} cannot be broadcast to {gradient.shape}, the gradient's shape")
    stretched = [added + axis for axis, size in enumerate(shape) if size != gradient.shape[added + axis]]
    axes = (*range(added), *stretched)
    return gradient.sum(axis=axes).reshape(shape) if axes else gradient


class Layer:
    """What records its operations on a tape. Calling it calls `forward`, which each kind of layer has for itself."""

    def __init__(self, autograd_engine: Autograd) -> None:
        self.autograd_engine = autograd_engine

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        return self.forward(*arrays)

    def forward(self, *arrays: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} has no forward of its own")


class WeightedLayer(Layer):
    """A layer with `W` (out_features, in_features), `b` (out_features, 1), and their gradients `dW` and `db`, which begin at zero.

    The weights are uniform between -1 and 1 over the root of in_features; another `seed` draws others.
    """

    def __init__(self, in_features: int, out_features: int, autograd_engine: Autograd, seed: int = 0) -> None:
        super().__init__(autograd_engine)
        random, bound = np.random.default_rng(seed), 1 / np.sqrt(in_features)
        self.W = random.uniform(-bound, bound, (out_features, in_features))
        self.b = random.uniform(-bound, bound, (out_features, 1))
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def zero_grad(self) -> None:
        """Zeros into dW and db, which stay the arrays that they are."""
        self.dW[...] = 0
        self.db[...] = 0


class Loss(Layer):
    """A layer whose result is one number, () for arrays of any shape: there the way back begins."""

    def backward(self) -> None:
        """Take the derivative of the loss by itself, which is 1, back over the tape."""
        self.autograd_engine.backward(np.array(1.0))
