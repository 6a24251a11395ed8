"""Triton's language in NumPy: blocks, pointers, and the functions of `tl`, as far as the course needs them.

Types are chosen as Triton chooses them. Masked lanes without `other` hold poison, and float32 products go through
TF32 unless they ask for "ieee", as on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from types import ModuleType
from typing import Any

import numpy as np

from .tile_memory import Memory

MAX_BLOCK = 2**20  # elements, as in Triton
MIN_DOT = 16  # rows, columns and depth of what a tensor core multiplies


DOUBLE = np.dtype("float64")
PRECISE: ContextVar[bool] = ContextVar("PRECISE", default=False)
"""Whether what a kernel keeps in float32 is kept in float64 here, so that rounding decides nothing."""


class KernelCodeError(TypeError):
    """A kernel says something that no GPU understands; the message names it."""


class NotSimulatedError(NotImplementedError):
    """Triton has this, the simulator has not."""


@dataclass(frozen=True, eq=False)
class DType:
    """A type of numbers: there is one object for each, in `DTYPES`."""

    name: str

    @cached_property
    def own(self) -> np.dtype:
        return np.dtype("bool" if self.name == "int1" else self.name)

    @property
    def numpy(self) -> np.dtype:
        """What its numbers are kept in."""
        return DOUBLE if self.name == "float32" and PRECISE.get() else self.own

    @property
    def scalar(self) -> DType:
        return self

    @property
    def primitive_bitwidth(self) -> int:
        return 1 if self.name == "int1" else 8 * self.own.itemsize

    def is_floating(self) -> bool:
        return self.name.startswith("float")

    def is_int(self) -> bool:
        return not self.is_floating()

    @cached_property
    def kind(self) -> tuple[str, DType]:
        return ("float" if self.is_floating() else "int"), self


@dataclass(frozen=True)
class PointerType:
    element_ty: DType

    @property
    def scalar(self) -> PointerType:
        return self


DTYPES = {name: DType(name) for name in ("int1", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))}
DTYPES |= {name: DType(name) for name in ("float16", "float32", "float64")}
BOOL, INT32, INT64, FLOAT16, FLOAT32 = (DTYPES[name] for name in ("int1", "int32", "int64", "float16", "float32"))


OF_NUMPY = {dtype.own: dtype for dtype in DTYPES.values()}


def dtype_of(array: np.ndarray) -> DType:
    return OF_NUMPY[array.dtype]


class constexpr:  # noqa: N801 - Triton's name
    """The type of parameters that are known when a kernel is compiled, and of constants that a kernel may use."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Block:
    """A block of numbers, or of pointers (addresses in bytes); with no axes it is one number."""

    __slots__ = ("dtype", "values")
    __array_ufunc__ = None  # NumPy does not compute with blocks

    def __init__(self, values: Any, dtype: Any = None) -> None:
        self.values = np.asarray(values)
        self.dtype = dtype_of(self.values) if dtype is None else dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def type(self) -> Any:
        return self.dtype

    @property
    def numel(self) -> int:
        return self.values.size

    @property
    def T(self) -> Block:  # noqa: N802 - Triton's name
        return trans(self)

    def to(self, dtype: Any, **options: Any) -> Block:
        return cast(self, dtype, **options)

    def __repr__(self) -> str:
        return f"<block {list(self.shape)} of {self.dtype}>" if self.shape else f"<{self.dtype} {self.values}>"

    def __getitem__(self, key: Any) -> Block:
        parts = key if isinstance(key, tuple) else (key,)
        if not all(part is None or part == slice(None) for part in parts):
            raise KernelCodeError("a block has no single entries: only [:, None] and the like, which add an axis of length 1")
        return Block(self.values[key], self.dtype)

    def __bool__(self) -> bool:
        if self.values.size != 1:
            raise KernelCodeError(f"a block of shape {list(self.shape)} is neither true nor false: use tl.where, & for `and`, | for `or`")
        return bool(self.values)

    def __index__(self) -> int:
        if self.values.size != 1 or not isinstance(self.dtype, DType) or self.dtype.is_floating():
            raise KernelCodeError(f"a whole number is needed here, got {self!r}")
        return int(self.values)

    def __iter__(self) -> Iterator[Block]:
        raise KernelCodeError("a kernel cannot walk through the entries of a block: what it does, it does to all of them")

    def __array__(self, *arguments: Any, **keywords: Any) -> np.ndarray:
        raise KernelCodeError("NumPy and torch cannot compute with a block: in a kernel there is only tl")

    def __neg__(self) -> Block:
        return minus(0, self)

    def __pos__(self) -> Block:
        return self

    def __invert__(self) -> Block:
        return Block(np.invert(self.values), self.dtype)

    __hash__ = None  # type: ignore[assignment]


BLOCK_OR_BOOL = (Block, bool)


def kind(x: Any) -> tuple[str, DType | None]:
    """("float" or "int", the type) of an operand; numbers of Python have no type of their own."""
    if isinstance(x, Block):
        if isinstance(x.dtype, PointerType):
            raise KernelCodeError("a pointer can be moved by + and - with whole numbers, and loaded from or stored to; nothing else")
        return x.dtype.kind
    if isinstance(x, int):
        return "int", None
    if isinstance(x, float):
        return "float", None
    raise KernelCodeError(f"a block or a number is needed, got {type(x).__name__}")


def together(*operands: Any, division: bool = False) -> tuple[DType, list[np.ndarray]]:
    """The type in which operands are computed with one another, as Triton chooses it, and their values in that type."""
    a, b = operands[0], operands[-1]
    if type(a) is type(b) is Block and type(a.dtype) is DType and a.dtype is b.dtype and len(operands) == 2 and not division:
        return a.dtype, [a.values, b.values]  # as it mostly is
    kinds, bools = tuple(map(kind, operands)), all(isinstance(x, BLOCK_OR_BOOL) for x in operands)
    dtype = common_type(kinds, division, bools)
    values, own = [x.values if isinstance(x, Block) else x for x in operands], dtype.numpy
    return dtype, [np.asarray(x).astype(own, copy=False) for x in values]


@cache
def common_type(kinds: tuple[tuple[str, DType | None], ...], division: bool, bools: bool) -> DType:
    """Of operands of these kinds; `bools` says that all numbers of Python among them are bools."""
    floats = [dtype for name, dtype in kinds if name == "float" and dtype is not None]
    ints = [dtype for name, dtype in kinds if name == "int" and dtype is not None]
    if floats:
        widest = max(floats, key=lambda one: one.primitive_bitwidth)
        return FLOAT32 if division and widest == FLOAT16 else widest
    if any(name == "float" for name, _ in kinds):
        return FLOAT32
    if not ints:
        return INT32
    dtype = dtype_of(np.empty(0, np.result_type(*(one.numpy for one in ints))))
    return INT32 if dtype == BOOL and len(ints) < len(kinds) and not bools else dtype


def fitting(compute: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """What is computed of arrays that NumPy broadcasts."""
    try:
        return compute(*arrays)
    except ValueError:
        broadcasted(*arrays)
        raise


def broadcasted(*arrays: np.ndarray) -> list[np.ndarray]:
    if all(array.shape == arrays[0].shape for array in arrays):
        return list(arrays)
    try:
        shape = np.broadcast(*arrays).shape
        return [array if array.shape == shape else stretched(array, shape) for array in arrays]
    except ValueError:
        shapes = " and ".join(str(list(array.shape)) for array in arrays)
        raise KernelCodeError(f"blocks of shape {shapes} do not fit together: give each its missing axes, as in x[:, None]") from None


def stretched(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A copy, which for a few hundred numbers takes less time than a view."""
    result = np.empty(shape, array.dtype)
    result[...] = array
    return result


def arithmetic(compute: Callable[..., np.ndarray]) -> Callable[[Any, Any], Block]:
    def operator(a: Any, b: Any) -> Block:
        dtype, arrays = together(a, b)
        result, own = fitting(compute, *arrays), dtype.numpy
        return Block(result if result.dtype is own else result.astype(own), dtype)

    return operator


def comparison(compute: Callable[..., np.ndarray]) -> Callable[[Any, Any], Block]:
    return lambda a, b: Block(fitting(compute, *together(a, b)[1]), BOOL)


def divided(a: Any, b: Any) -> Block:
    """The quotient as Triton gives it: of whole numbers in float32, as of float16."""
    if all(kind(x)[0] == "int" for x in (a, b)):
        a, b = cast(a, FLOAT32), cast(b, FLOAT32)
    dtype, (x, y) = together(a, b, division=True)
    return Block(fitting(np.divide, x, y), dtype)


def quotient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rounded towards zero, as processors do it."""
    if x.dtype.kind == "f":
        raise KernelCodeError("// is for whole numbers alone, got floats: use tl.floor(x / y)")
    whole = np.abs(x) // np.abs(y)
    return np.where((x < 0) != (y < 0), -whole, whole)


def remainder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.fmod(x, y)


def moved(pointer: Any, offset: Any, sign: int = 1) -> Block:
    """A pointer and a number of elements."""
    if isinstance(offset, Block) and isinstance(offset.dtype, PointerType):
        pointer, offset = offset, pointer
    name, _ = kind(offset)
    if name != "int":
        raise KernelCodeError("a pointer moves by whole numbers of elements, got a float")
    steps = offset.values if isinstance(offset, Block) else offset
    way = np.multiply(steps, sign * pointer.dtype.element_ty.numpy.itemsize, dtype=np.int64, casting="unsafe")  # bytes
    return Block(fitting(np.add, pointer.values, way), pointer.dtype)


def is_pointer(x: Any) -> bool:
    return isinstance(x, Block) and isinstance(x.dtype, PointerType)


plus, minus = arithmetic(np.add), arithmetic(np.subtract)
OPERATORS: dict[str, Callable[[Any, Any], Block]] = {
    "add": lambda a, b: moved(a, b) if is_pointer(a) or is_pointer(b) else plus(a, b),
    "sub": lambda a, b: moved(a, b, -1) if is_pointer(a) else minus(a, b),
    "mul": arithmetic(np.multiply),
    "truediv": divided,
    "floordiv": arithmetic(quotient),
    "mod": arithmetic(remainder),
    "and": arithmetic(np.bitwise_and),
    "or": arithmetic(np.bitwise_or),
    "xor": arithmetic(np.bitwise_xor),
    "lshift": arithmetic(np.left_shift),
    "rshift": arithmetic(np.right_shift),
}
COMPARISONS = {
    "lt": comparison(np.less),
    "le": comparison(np.less_equal),
    "gt": comparison(np.greater),
    "ge": comparison(np.greater_equal),
    "eq": comparison(np.equal),
    "ne": comparison(np.not_equal),
}
for _name, _operator in OPERATORS.items():
    setattr(Block, f"__{_name}__", lambda self, other, operator=_operator: operator(self, other))
    setattr(Block, f"__r{_name}__", lambda self, other, operator=_operator: operator(other, self))
for _name, _operator in COMPARISONS.items():
    setattr(Block, f"__{_name}__", lambda self, other, operator=_operator: operator(self, other))


# --- the language


def as_block(x: Any) -> Block:
    """A block as it is; a number of Python as a block without axes."""
    if isinstance(x, Block):
        return x
    name, _ = kind(x)
    if isinstance(x, bool):
        return Block(np.bool_(x))
    return Block(FLOAT32.numpy.type(x), FLOAT32) if name == "float" else Block(np.int32(x) if -(2**31) <= x < 2**31 else np.int64(x))


def checked_shape(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    for size in sizes:
        if type(size) is not int:
            raise KernelCodeError(f"the shape of a block is known before it runs: only numbers and tl.constexpr parameters, got {size!r}")
        if size < 1 or size & (size - 1):
            raise KernelCodeError(f"the sizes of a block are powers of two, got {list(sizes)}; mask what is too much")
    if math.prod(sizes) > MAX_BLOCK:
        raise KernelCodeError(f"a block of shape {list(sizes)} has more than {MAX_BLOCK} entries")
    return sizes


def checked_dtype(dtype: Any) -> DType:
    named = getattr(dtype, "name", None)
    if named not in DTYPES:
        raise KernelCodeError(f"a type of blocks is needed, as tl.float32, got {dtype!r}")
    return DTYPES[named]


@dataclass
class Program:
    """The program that runs: one of a launch."""

    place: tuple[int, int, int]
    grid: tuple[int, int, int]
    memory: Memory


RUNNING: ContextVar[Program | None] = ContextVar("RUNNING", default=None)


def running() -> Program:
    program = RUNNING.get()
    if program is None:
        raise RuntimeError("only a kernel that was launched can ask for this: kernel[grid](...)")
    return program


def program_id(axis: int) -> Block:
    return Block(np.int32(running().place[axis]))


def num_programs(axis: int) -> Block:
    return Block(np.int32(running().grid[axis]))


def arange(start: int, end: int) -> Block:
    for bound in (start, end):
        if type(bound) is not int:
            raise KernelCodeError(f"the bounds of tl.arange are numbers or tl.constexpr parameters, got {bound!r}")
    if end <= start or (end - start) & (end - start - 1):
        raise KernelCodeError(f"tl.arange({start}, {end}) has {end - start} numbers; it must be a power of two")
    checked_shape(end - start)
    return Block(np.arange(start, end, dtype=np.int32))


def full(shape: Any, value: Any, dtype: Any) -> Block:
    dtype = checked_dtype(dtype)
    return Block(np.full(checked_shape(shape), value.values if isinstance(value, Block) else value, dtype.numpy), dtype)


def zeros(shape: Any, dtype: Any) -> Block:
    return full(shape, 0, dtype)


def zeros_like(input: Block) -> Block:
    return Block(np.zeros_like(input.values), input.dtype)


def lanes(pointer: Any, mask: Any, *values: Any) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Addresses, mask and values of an access, all in one shape."""
    if not is_pointer(pointer):
        raise KernelCodeError(f"a pointer is needed, got {pointer!r}")
    mask = as_block(True if mask is None else mask)
    if mask.dtype != BOOL:
        mask = mask != 0
    blocks = [mask, *map(as_block, values)]
    if not pointer.shape and any(block.shape for block in blocks):
        raise KernelCodeError("the pointer is a single one, and its mask or value is a block: add a block of offsets to the pointer")
    addresses, mask_values, *rest = broadcasted(pointer.values, *(block.values for block in blocks))
    return addresses, mask_values, rest


def load(pointer: Any, mask: Any = None, other: Any = None, **hints: Any) -> Block:
    """What lies at the addresses. Lanes where `mask` is false are not read: they get `other`, and without one they hold poison."""
    if other is not None and mask is None:
        raise KernelCodeError("tl.load has an `other` and no `mask`, so nothing tells where it stands")
    addresses, live, rest = lanes(pointer, mask, *([] if other is None else [other]))
    dtype = pointer.dtype.element_ty
    return Block(running().memory.read(addresses, live, rest[0].astype(dtype.numpy) if rest else None, dtype.numpy), dtype)


def store(pointer: Any, value: Any, mask: Any = None, **hints: Any) -> None:
    addresses, live, (values,) = lanes(pointer, mask, value)
    running().memory.write(addresses, values.astype(pointer.dtype.element_ty.numpy), live)


def dot(
    input: Block, other: Block, acc: Block | None = None, input_precision: str | None = None, allow_tf32: bool | None = None,
    out_dtype: Any = FLOAT32, **options: Any,
) -> Block:  # fmt: skip
    """input (M, K) @ other (K, N), plus acc (M, N). float32 goes through TF32, 10 bits, unless `input_precision="ieee"`."""
    x, y = input.values, other.values
    if x.ndim != y.ndim or x.ndim not in (2, 3) or x.shape[-1] != y.shape[-2]:
        raise KernelCodeError(f"tl.dot takes blocks (M, K) and (K, N), got {list(x.shape)} and {list(y.shape)}")
    if input.dtype.numpy != other.dtype.numpy:
        raise KernelCodeError(f"tl.dot takes two blocks of one type, got {input.dtype.name} and {other.dtype.name}: cast one with .to(...)")
    if min(*x.shape[-2:], y.shape[-1]) < MIN_DOT:
        shapes = f"{list(x.shape)} and {list(y.shape)}"
        raise KernelCodeError(f"tl.dot takes blocks of {MIN_DOT} or more along each axis, as tensor cores do, got {shapes}")
    if input.dtype == FLOAT32 and x.dtype == np.float32 and allow_tf32 is not False and input_precision in (None, "tf32"):
        x, y = as_tf32(x), as_tf32(y)
    dtype = INT32 if input.dtype.is_int() else input.dtype if input.dtype.primitive_bitwidth == 64 else checked_dtype(out_dtype)
    wide = FLOAT32.numpy if dtype == FLOAT16 else dtype.numpy
    product = (x.astype(wide) @ y.astype(wide)).astype(dtype.numpy)  # (M, K) @ (K, N) -> (M, N)
    return Block(product, dtype) if acc is None else OPERATORS["add"](acc, Block(product, dtype))


def as_tf32(x: np.ndarray) -> np.ndarray:
    """float32 rounded to the 10 bits of TF32, to the nearest even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + (0x0FFF + ((bits >> 13) & 1))) & np.uint32(0xFFFFE000)
    return np.where(np.isfinite(x), rounded.astype(np.uint32).view(np.float32), x)


def where(condition: Any, x: Any, y: Any) -> Block:
    dtype, (first, second) = together(x, y)
    return Block(fitting(np.where, as_block(condition).values, first, second), dtype)


def cast(input: Any, dtype: Any, fp_downcast_rounding: Any = None, bitcast: bool = False) -> Block:
    block, dtype = as_block(input), checked_dtype(dtype)
    return Block(block.values.view(dtype.numpy) if bitcast else block.values.astype(dtype.numpy), dtype)


def elementwise(name: str, compute: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], Block]:
    def function(x: Any) -> Block:
        block = as_block(x)
        if not block.dtype.is_floating() or block.dtype == FLOAT16:
            raise KernelCodeError(f"tl.{name} takes float32 or float64, got {block.dtype.name}: cast it with .to(tl.float32)")
        return Block(np.asarray(compute(block.values)).astype(block.dtype.numpy), block.dtype)

    function.__name__ = name
    return function


def absolute(x: Any) -> Block:
    block = as_block(x)
    return Block(np.abs(block.values), block.dtype)


def reduction(name: str, compute: Callable[..., Any]) -> Callable[..., Block]:
    def function(input: Any, axis: int | None = None, keep_dims: bool = False, **options: Any) -> Block:
        block = as_block(input)
        if name in ("sum", "cumsum") and block.dtype.is_int() and block.dtype.primitive_bitwidth < 32:
            block = cast(block, INT32)
        if axis is not None and not -block.values.ndim <= axis < block.values.ndim:
            raise KernelCodeError(f"tl.{name} along axis {axis} of a block of shape {list(block.shape)}, which has no such axis")
        result = compute(block.values, axis=axis, **({} if name == "cumsum" else {"keepdims": keep_dims}))
        dtype = INT32 if name.startswith("arg") else block.dtype
        return Block(np.asarray(result).astype(dtype.numpy, copy=False), dtype)

    function.__name__ = name
    return function


def cumsum(values: np.ndarray, axis: int | None = 0) -> np.ndarray:
    return np.cumsum(values, axis=0 if axis is None else axis, dtype=values.dtype)


def larger(x: Any, y: Any, **options: Any) -> Block:
    return arithmetic(np.maximum)(x, y)


def smaller(x: Any, y: Any, **options: Any) -> Block:
    return arithmetic(np.minimum)(x, y)


def clamp(x: Any, min: Any, max: Any, **options: Any) -> Block:
    return smaller(larger(x, min), max)


def fma(x: Any, y: Any, z: Any) -> Block:
    return OPERATORS["add"](OPERATORS["mul"](x, y), z)


def trans(input: Block, *dims: Any) -> Block:
    order = dims[0] if len(dims) == 1 and isinstance(dims[0], tuple | list) else dims
    if not order and input.values.ndim != 2:
        raise KernelCodeError(f"tl.trans without an order takes a block with two axes, got {list(input.shape)}")
    return Block(input.values.transpose(order or None), input.dtype)


def reshape(input: Block, *shape: Any, can_reorder: bool = False) -> Block:
    sizes = checked_shape(shape[0] if len(shape) == 1 else shape)
    if math.prod(sizes) != input.numel:
        raise KernelCodeError(f"a block of shape {list(input.shape)} cannot have the shape {list(sizes)}")
    return Block(input.values.reshape(sizes), input.dtype)


def ravel(input: Block) -> Block:
    return Block(input.values.reshape(-1), input.dtype)


def broadcast_to(input: Any, *shape: Any) -> Block:
    block, sizes = as_block(input), checked_shape(shape[0] if len(shape) == 1 else shape)
    return Block(broadcasted(block.values, np.empty(sizes))[0], block.dtype)


def broadcast(input: Any, other: Any) -> tuple[Block, Block]:
    one, two = as_block(input), as_block(other)
    first, second = broadcasted(one.values, two.values)
    return Block(first, one.dtype), Block(second, two.dtype)


def expand_dims(input: Any, axis: Any) -> Block:
    block = as_block(input)
    return Block(np.expand_dims(block.values, axis), block.dtype)


def cdiv(x: Any, div: Any) -> Any:
    return (x + div - 1) // div


def as_it_is(input: Any, *hints: Any, **more: Any) -> Any:
    return input


def nothing(*arguments: Any, **keywords: Any) -> None:
    """What only a compiler or a printer cares for."""


def static_assert(condition: Any, message: str = "") -> None:
    if not condition:
        raise AssertionError(message)


def counting(*bounds: Any, **hints: Any) -> range:
    return range(*bounds)


def ready_made(name: str, why: str) -> Callable[..., Any]:
    def function(*arguments: Any, **keywords: Any) -> Any:
        raise KernelCodeError(f"tl.{name} is not to be used here: {why}")

    return function


ELEMENTWISE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    **{name: getattr(np, name) for name in ("exp", "exp2", "log", "log2", "sqrt", "sin", "cos", "floor", "ceil")},
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sqrt_rn": np.sqrt,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
}
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "cumsum": cumsum,
}
LANGUAGE: dict[str, Any] = {
    **DTYPES,
    "constexpr": constexpr,
    "tensor": Block,
    "dtype": DType,
    **{name: elementwise(name, compute) for name, compute in ELEMENTWISE.items()},
    **{name: reduction(name, compute) for name, compute in REDUCTIONS.items()},
    "program_id": program_id, "num_programs": num_programs, "arange": arange, "full": full, "zeros": zeros, "zeros_like": zeros_like,
    "load": load, "store": store, "dot": dot, "where": where, "cast": cast, "abs": absolute, "maximum": larger, "minimum": smaller,
    "clamp": clamp, "fma": fma, "trans": trans, "permute": trans, "reshape": reshape, "view": reshape, "ravel": ravel,
    "broadcast_to": broadcast_to, "broadcast": broadcast, "expand_dims": expand_dims, "cdiv": cdiv, "fdiv": divided, "div_rn": divided,
    "multiple_of": as_it_is, "max_contiguous": as_it_is, "max_constancy": as_it_is, "assume": nothing, "debug_barrier": nothing,
    "device_print": nothing, "static_print": nothing, "device_assert": nothing, "static_assert": static_assert,
    "range": counting, "static_range": counting,
    "softmax": ready_made("softmax", "the exercises ask you to write it yourself"),
}  # fmt: skip
METHODS = {*ELEMENTWISE, *REDUCTIONS, "abs", "trans", "permute", "reshape", "view", "ravel", "broadcast_to", "expand_dims", "cast"}
for _name in METHODS:
    setattr(Block, _name, lambda self, *arguments, function=LANGUAGE[_name], **keywords: function(self, *arguments, **keywords))

NOT_SIMULATED = {
    "PropagateNan", "argsort", "associative_scan", "atomic_add", "atomic_and", "atomic_cas", "atomic_load", "atomic_max", "atomic_min",
    "atomic_or", "atomic_poll", "atomic_store", "atomic_xchg", "atomic_xor", "bfloat16", "bitonic_merge", "cat", "condition", "core",
    "cumprod", "dot_scaled", "extra", "flip", "float8e4b15", "float8e4b8", "float8e4nv", "float8e5", "float8e5b16", "gather", "histogram",
    "inline_asm_elementwise", "interleave", "join", "load_tensor_descriptor", "make_block_ptr", "make_tensor_descriptor", "map_elementwise",
    "math", "philox", "rand", "rand4x", "randint", "randint4x", "randn", "randn4x", "random", "reduce", "reduce_or", "slice", "sort",
    "split", "squeeze", "standard", "store_tensor_descriptor", "swizzle2d", "topk", "tuple", "umulhi", "unsqueeze", "xor_sum",
}  # fmt: skip
"""Names of Triton's language that the simulator lacks."""


class Language(ModuleType):
    """What `tl` is."""

    def __getattr__(self, name: str) -> Any:
        if name in NOT_SIMULATED:
            raise NotSimulatedError(f"tl.{name}")
        raise AttributeError(f"tl has no {name!r}; it has {', '.join(sorted(LANGUAGE))}")


tl = Language("tl")
tl.__dict__.update(LANGUAGE)
