"""Tensors: nodes that hold values, so that an operator runs as soon as it is called, or when somebody asks for the value.

The operators are those of the one table. An operator that is called with a tensor makes a tensor: `Op.__call__` asks the
class of its inputs. What makes, computes, cuts off and differentiates tensors is written in unit 6, method by method.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor as Values

from .graph import Node, Op, operator
from .messages import describe_value
from .registry import table

DTYPES = {name: getattr(torch, name) for name in ("float16", "bfloat16", "float32", "float64", "int32", "int64", "bool")}
MOST_PRINTED = 1000  # entries of a tensor that are all printed; of more, the first and the last

lazy_mode: ContextVar[bool] = ContextVar("lazy_mode", default=False)
"""Whether tensors wait for somebody to ask for their values: of each thread, as `lazy` sets it."""

watching: ContextVar[weakref.WeakSet[Value] | None] = ContextVar("watching", default=None)
"""Where new tensors are written down, while `living` is open."""


@contextmanager
def lazy(on: bool = True) -> Iterator[None]:
    """While open, operators make tensors without values; a value is computed when it is asked for. `lazy(False)` is the opposite."""
    before = lazy_mode.set(on)
    try:
        yield
    finally:
        lazy_mode.reset(before)


@contextmanager
def living() -> Iterator[weakref.WeakSet[Value]]:
    """While open, the tensors that are made are written down; what is returned holds those that are still alive."""
    alive: weakref.WeakSet[Value] = weakref.WeakSet()
    before = watching.set(alive)
    try:
        yield alive
    finally:
        watching.reset(before)


def not_yet(name: str) -> Any:
    def method(*args: Any, **kwargs: Any) -> Any:
        """The exercise of unit 6: written there, or not yet."""
        return table[f"06_eager_tensor.{name}"](*args, **kwargs)

    return method


class Value(Node):
    """A node of a graph that holds its value, or will: `op` applied to `inputs`, with `attrs`, as any node.

    `cached_data` is a torch tensor, None as long as nobody has asked. `requires_grad` says whether a gradient with respect
    to it is of use: of a leaf as it was made, of others where it is so of an input.
    """

    __slots__ = ("__weakref__", "cached_data", "grad", "requires_grad")

    inputs: tuple[Value, ...]
    requires_grad: bool
    grad: Tensor | None

    def _init(
        self,
        op: Op,
        inputs: Sequence[Node],
        attrs: dict[str, Any] | None = None,
        cached_data: Values | None = None,
        requires_grad: bool | None = None,
        name: str | None = None,
    ) -> None:
        """Fill a value that `__new__` has made. TypeError where an input has no value and will have none.

        Everything that is computed goes through here, so it is kept short.
        """
        any_does = False
        for operand in inputs:
            if not isinstance(operand, Value):
                raise TypeError(f"{op.name}: tensors and nodes without values do not mix, got {operand!r}: make a Tensor of its value")
            any_does = any_does or operand.requires_grad
        self.op, self.inputs, self.attrs, self._name = op, tuple(inputs), attrs or {}, name  # type: ignore[arg-type]
        self.cached_data, self.grad = cached_data, None
        self.requires_grad = any_does if requires_grad is None else requires_grad
        if (alive := watching.get()) is not None:
            alive.add(self)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made of numbers, and by no operator."""
        return not self.inputs

    realize_cached_data = not_yet("realize_cached_data")


class Tensor(Value):
    """Numbers with a history: `Tensor([1.0, 2.0])`, and whatever operators make of tensors.

    `array` is a number, a list, a NumPy array, a torch tensor or a Tensor, and is copied. Lists and whole numbers become
    float32, as in PyTorch; arrays of floats keep their dtype, unless one is named. TypeError for what holds no numbers.
    """

    __slots__ = ()

    def __init__(self, array: Any, dtype: str | torch.dtype | None = None, requires_grad: bool = True, name: str | None = None) -> None:
        called = name or ("tensor" if requires_grad else "constant")
        self._init(table["placeholder"], (), cached_data=numbers(array, dtype), requires_grad=requires_grad, name=called)

    @classmethod
    def make_const(cls, data: Values, requires_grad: bool = False) -> Tensor:
        """A leaf with these very numbers, which are not copied, and no history."""
        made = cls.__new__(cls)
        made._init(table["placeholder"], (), None, data, requires_grad, "tensor" if requires_grad else "constant")
        return made

    # --- what unit 6 writes

    make_from_op: Any = classmethod(not_yet("make_from_op"))
    detach = not_yet("detach")
    backward = not_yet("backward")

    # --- its value

    @property
    def data(self) -> Tensor:
        """The same numbers without history. Assigning another tensor of this shape and dtype puts its numbers here."""
        return cast(Tensor, self.detach())

    @data.setter
    def data(self, other: Tensor) -> None:
        mine, new = self.value(), other.value()
        if (mine.shape, mine.dtype) != (new.shape, new.dtype):
            raise ValueError(f"data has shape {tuple(mine.shape)} and dtype {mine.dtype}, got {tuple(new.shape)} and {new.dtype}")
        self.cached_data = new

    def value(self) -> Values:
        """The torch tensor, computed if it is not there yet."""
        return self.realize_cached_data() if self.cached_data is None else self.cached_data

    def numpy(self) -> np.ndarray:
        """A copy of the numbers."""
        return self.value().detach().cpu().numpy().copy()

    def item(self) -> float:
        """The number of a tensor that has one entry. ValueError for any other."""
        if self.value().numel() != 1:
            raise ValueError(f"a tensor of shape {self.shape} is no single number; numpy() has all of them")
        return cast(float, self.value().item())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape. Of a tensor without a value that an attribute of its operator tells, it is told without computing."""
        if self.cached_data is None and "shape" in self.attrs:
            return without_gaps(self.attrs["shape"], self.inputs[0])
        return tuple(self.value().shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> torch.dtype:
        return self.value().dtype

    @property
    def device(self) -> torch.device:
        return self.value().device

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor of shape () is a number, and has no length")
        return self.shape[0]

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        if self.value().numel() != 1:
            raise ValueError(f"a tensor of shape {self.shape} is neither true nor false: is `is not None` meant, or one of its numbers?")
        return bool(self.value())

    def __repr__(self) -> str:
        some = self.numpy() if self.dtype != torch.bfloat16 else self.value().float().numpy()
        text = np.array2string(some, precision=4, threshold=MOST_PRINTED, separator=", ", prefix="Tensor(")
        notes = [] if self.dtype == torch.float32 else [f"dtype={str(self.dtype).removeprefix('torch.')}"]
        notes += [f"op={self.op.name}"] if self.inputs else []
        return f"Tensor({', '.join([text, *notes])})"

    # --- operators as one writes them

    def __add__(self, other: Any) -> Tensor:
        return call("EWiseAdd", self, other) if is_tensor(other, "+") else call("AddScalar", self, other)

    def __sub__(self, other: Any) -> Tensor:
        return call("sub", self, other) if is_tensor(other, "-") else call("AddScalar", self, -other)

    def __mul__(self, other: Any) -> Tensor:
        return call("EWiseMul", self, other) if is_tensor(other, "*") else call("MulScalar", self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return call("EWiseDiv", self, other) if is_tensor(other, "/") else call("DivScalar", self, other)

    def __pow__(self, other: Any) -> Tensor:
        return call("EWisePow", self, other) if is_tensor(other, "**") else call("PowerScalar", self, other)

    def __matmul__(self, other: Any) -> Tensor:
        return call("MatMul", self, other)

    def __neg__(self) -> Tensor:
        return call("Negate", self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Tensor:
        is_tensor(other, "-")
        return -self + other

    def __rtruediv__(self, other: Any) -> Tensor:
        is_tensor(other, "/")
        return call("PowerScalar", self, -1) * other

    def __gt__(self, other: Any) -> Values:
        """Where the numbers are greater, as a torch tensor: comparing has no gradient."""
        return self.value() > values_of(other)

    def __lt__(self, other: Any) -> Values:
        return self.value() < values_of(other)

    def __ge__(self, other: Any) -> Values:
        return self.value() >= values_of(other)

    def __le__(self, other: Any) -> Values:
        return self.value() <= values_of(other)

    def sum(self, axes: int | tuple[int, ...] | None = None) -> Tensor:
        return call("Summation", self, axes)

    def reshape(self, *shape: Any) -> Tensor:
        return call("Reshape", self, listed(shape))

    def broadcast_to(self, *shape: Any) -> Tensor:
        return call("BroadcastTo", self, listed(shape))

    def transpose(self, axes: tuple[int, int] | None = None) -> Tensor:
        return call("Transpose", self, axes)

    @property
    def T(self) -> Tensor:  # noqa: N802 - as in NumPy
        """With the last two axes swapped."""
        return call("Transpose", self)


def call(name: str, *arguments: Any) -> Any:
    """What the operator of this name makes; it is looked up at the call, since students write it again and again."""
    return table[name](*arguments)


def listed(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """`(2, 3)` of `(2, 3)` as of `((2, 3),)`."""
    return tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape


def is_tensor(value: Any, symbol: str) -> bool:
    """True for a tensor, False for a number; TypeError for what can stand on neither side of `symbol`."""
    if isinstance(value, Value):
        return True
    if type(value) is float or isinstance(value, Real):  # the second alone is right, and slow
        return False
    raise TypeError(f"'{symbol}' takes tensors and plain numbers, got {describe_value(value)}: make a Tensor of it")


def values_of(other: Any) -> Any:
    return other.value() if isinstance(other, Tensor) else other


def without_gaps(shape: Sequence[int] | int, of: Value) -> tuple[int, ...]:
    """A shape in which one size may be -1, with that size as the entries of `of` leave it."""
    sizes = [shape] if isinstance(shape, int) else [*shape]
    if -1 in sizes:
        rest = int(np.prod([size for size in sizes if size != -1]))
        sizes[sizes.index(-1)] = int(np.prod(cast(Tensor, of).shape)) // max(1, rest)
    return tuple(sizes)


def numbers(array: Any, dtype: str | torch.dtype | None) -> Values:
    """A torch tensor of its own with these numbers. TypeError where there are none, ValueError for a dtype that is none."""
    if isinstance(dtype, str) and dtype not in DTYPES:
        raise ValueError(f"there is no dtype '{dtype}'; there are {', '.join(DTYPES)}")
    wanted = DTYPES[dtype] if isinstance(dtype, str) else dtype
    if isinstance(array, Tensor):
        array = array.value()
    if isinstance(array, Values):
        made = array.detach().clone()
    else:
        plain = np.asarray(array)
        if plain.dtype.kind not in "biuf":
            raise TypeError(f"a Tensor holds numbers, got {describe_value(array)}")
        made = torch.tensor(plain if isinstance(array, np.ndarray | np.generic) else plain.astype("float32"))
    if wanted is None and not made.is_floating_point():
        wanted = torch.float32
    return made if wanted is None else made.to(wanted)


# --- given operators, under the names that Needle has for them


@operator("EWiseAdd(a, b, /)")
class EWiseAdd(Op):
    """a + b, element by element; the shapes broadcast."""

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        return inputs[0] + inputs[1]

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, b = node.inputs
        return [unbroadcast(output_grad, a), unbroadcast(output_grad, b)]


@operator("AddScalar(a, /, scalar)")
class AddScalar(Op):
    """a + scalar."""

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        return inputs[0] + node.scalar

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad]


@operator("EWiseMul(a, b, /)")
class EWiseMul(Op):
    """a * b, element by element; the shapes broadcast."""

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        return inputs[0] * inputs[1]

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        a, b = node.inputs
        return [unbroadcast(output_grad * b, a), unbroadcast(output_grad * a, b)]


@operator("MulScalar(a, /, scalar)")
class MulScalar(Op):
    """scalar * a."""

    def compute(self, node: Node, inputs: list[Values]) -> Values:
        return inputs[0] * node.scalar

    def gradient(self, node: Node, output_grad: Node) -> list[Node]:
        return [output_grad * node.scalar]


unbroadcast = table["unbroadcast"]
