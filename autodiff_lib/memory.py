"""How much memory torch's operations take: the most bytes that lived at once, counted and not measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch._dynamo  # noqa: F401  # what the first operation under a mode would import: it takes seconds, and no check should
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode


class Peak(TorchDispatchMode):
    """While open, adds up the memory of all tensors that are made. `bytes` is the most that lived at once.

    Tensors made before count nothing, nor do views. What an operation uses inside of itself and gives back is not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.living: dict[StorageWeakRef, int] = {}  # storage -> its size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {StorageWeakRef(tensor.untyped_storage()) for tensor in tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        for tensor in tensors(result):
            storage = tensor.untyped_storage()
            reference = StorageWeakRef(storage)
            if reference not in before or reference in self.living:
                self.living[reference] = storage.nbytes()
        self.living = {reference: size for reference, size in self.living.items() if not reference.expired()}
        self.bytes = max(self.bytes, sum(self.living.values()))
        return result


def tensors(values: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple | dict):
        for value in values.values() if isinstance(values, dict) else values:
            yield from tensors(value)
