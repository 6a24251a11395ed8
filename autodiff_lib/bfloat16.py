"""bfloat16, which NumPy does not have: the upper half of a float32, two bytes an entry.

An array of it is one of NumPy's with a dtype of its own, `BFLOAT16`, that nothing can be computed with: it travels, is
told from an array of integers, and is made a float32 array, exactly, before anybody looks at its numbers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

NAME = "bfloat16"
BFLOAT16 = np.dtype([(NAME, "<u2")])


@lru_cache(64)  # asked of every array that travels
def name_of(dtype: np.dtype) -> str:
    """The name of a dtype, NumPy's or this one."""
    return NAME if dtype == BFLOAT16 else dtype.name


def rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """An array of numbers in the dtype of this name, each rounded to the nearest, ties to even."""
    if dtype != NAME:
        return array.astype(dtype)
    with np.errstate(over="ignore"):  # beyond float32 is beyond bfloat16
        return as_array(torch.from_numpy(np.ascontiguousarray(array, "float32").reshape(array.shape)).to(torch.bfloat16))


def widened(array: np.ndarray) -> np.ndarray:
    """The same numbers as float32, where they are bfloat16; any other array as it is."""
    if array.dtype != BFLOAT16:
        return array
    return (array[NAME].astype("uint32") << 16).view("float32") if array.ndim else widened(array[None])[0, ...]


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor of its own with the numbers of an array."""
    if array.dtype != BFLOAT16:
        return torch.from_numpy(array.copy("K"))
    return torch.from_numpy(array[NAME].astype("int16", order="K")).view(torch.bfloat16)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """An array of its own with the numbers of a tensor, wherever it lies."""
    plain = tensor.detach().cpu()
    if plain.dtype != torch.bfloat16:
        return np.array(plain.numpy())
    return np.array(plain.view(torch.int16).numpy()).view("uint16").view(BFLOAT16)
