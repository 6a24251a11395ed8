"""How kernels are judged: by the values that they write, by what they touch, and by the bytes that they move.

The counts come from the process that ran the kernel, so the judge adds them up himself and asks whether they can be
true: every element that a program writes depends on elements that it must have read, none that nobody wrote has a
value, and none is there twice. Bytes are least where each program reads what it needs once, and writes once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from math import prod
from typing import Any, ClassVar

import numpy as np

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import TAMPERED, Form, is_list_of
from ...checks.question import Answer, Ask, Failure, all_numbers
from ...checks.values import Shape, draw, generator
from ...tile_memory import clashes, contiguous

FUSED = 1.2  # times the least bytes
ROUNDED = {"float16": 4e-2, "float64": 1e-3}
"""Tolerance where it is not the usual one: kernels turn float64 into float32, and round what lies between two products to float16.

The simulator keeps float32 in float64 where the case is one of float64, so there rounding decides nothing."""

THREE_DIGITS = 2e-2
ROUGH = "Right to about three digits: does tl.dot take float32 through TF32, or is something kept in float16?"

Masks = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Array:
    """What a pointer points to. `kind` says what numbers it holds; without one the kernel fills it."""

    name: str
    shape: Shape
    kind: str = ""
    scale: float = 1
    padding: int = 0  # elements behind each row
    columns_first: bool = False  # whether it lies in memory column by column
    dtype: str = ""  # that of the case, where it is empty
    made: Callable[..., np.ndarray] | None = None  # of the arrays given before it, in float64, where it is not drawn

    @property
    def is_given(self) -> bool:
        return bool(self.kind) or self.made is not None

    @property
    def strides(self) -> tuple[int, ...]:
        """In elements."""
        if not self.columns_first:
            return contiguous(self.shape, self.padding)
        *front, rows, columns = self.shape
        *outer, row, column = contiguous((*front, columns, rows), self.padding)
        return (*outer, column, row)


def is_noted(value: Any, case: Any) -> bool:
    names = {array.name for array in case.arrays}
    return isinstance(value, list) and all(is_stray(one, names) for one in value)


def is_stray(value: Any, names: set[str]) -> bool:
    """[name of an array, "read" or "written", line, lanes]"""
    return isinstance(value, list) and len(value) == 4 and is_list_of(str, value[:3]) and value[0] in names and type(value[3]) is int


LAUNCH = Form(
    "kinds.kernel.probe:launch",
    arrays=lambda case: len(case.filled) + 2 * len(case.arrays),
    facts={"outside": is_noted, "unknown": lambda value, case: isinstance(value, str)},
)


@dataclass(frozen=True)
class KernelCase:
    """One launch of a kernel, and what must come of it.

    `truth` makes of the given arrays, in float64, those that the kernel fills. `needed` makes of masks of what a program
    writes (one for each array that is filled) masks of what it must have read (one for each given array).
    """

    form: ClassVar[Form] = LAUNCH

    name: str
    kernel: str  # its name in the table
    arrays: tuple[Array, ...]
    arguments: tuple[Any, ...]  # numbers, and "$name" for a pointer to that array
    constants: dict[str, Any]
    grid: tuple[int, ...]
    truth: Callable[..., tuple[np.ndarray, ...]]
    needed: Callable[..., Masks]
    dtype: str = "float32"
    told: dict[str, Any] = field(default_factory=dict)  # what tells it from the other cases
    seed: str = "public"
    hidden: bool = False

    @property
    def given(self) -> tuple[Array, ...]:
        return tuple(array for array in self.arrays if array.is_given)

    @property
    def filled(self) -> tuple[Array, ...]:
        return tuple(array for array in self.arrays if not array.is_given)

    @property
    def programs(self) -> int:
        return prod(self.grid)

    def dtype_of(self, array: Array) -> str:
        return array.dtype or self.dtype

    @cached_property
    def values(self) -> tuple[np.ndarray, ...]:
        """The given arrays."""
        found: list[np.ndarray] = []
        for array in self.given:
            if array.made is not None:
                value = array.made(*(one.astype("float64") for one in found))
            else:
                value = array.scale * draw(array.kind, array.shape, generator(self.seed, self.kernel, self.name, array.name))
            found.append(value.astype(self.dtype_of(array)))
        return tuple(found)

    @cached_property
    def wanted(self) -> tuple[np.ndarray, ...]:
        """What the kernel must write, in float64."""
        with np.errstate(all="ignore"):
            return self.truth(*(array.astype("float64") for array in self.values))

    def ask(self) -> Ask:
        places = {array.name: place for place, array in enumerate(self.given)}
        arrays = [
            {
                "name": array.name,
                "shape": list(array.shape),
                "dtype": self.dtype_of(array),
                "strides": list(array.strides),
                "before": 3,
                "behind": 5,
                "given": places.get(array.name),
            }
            for array in self.arrays
        ]
        seed = int(generator(self.seed, self.name, "order").integers(2**31))
        launch = {
            "arguments": list(self.arguments),
            "constants": self.constants,
            "grid": list(self.grid),
            "seed": seed,
            "precise": self.dtype == "float64",
        }
        return Ask(self.form.probe, {"kernel": self.kernel, "arrays": arrays, **launch}, self.values)

    def features(self) -> dict[str, Any]:
        return {**self.told, "dtype": self.dtype}


@dataclass(frozen=True)
class Seen:
    """An answer, taken apart."""

    filled: tuple[np.ndarray, ...]
    reads: dict[str, np.ndarray]  # (programs, *shape)
    writes: dict[str, np.ndarray]


def seen(case: KernelCase, answer: Answer) -> Seen | None:
    """None where no honest probe says so: of impossible forms, or a value where nobody wrote."""
    filled, counts = answer.arrays[: len(case.filled)], answer.arrays[len(case.filled) :]
    for array, got in zip(case.filled, filled, strict=True):
        if got.dtype != case.dtype_of(array) or got.shape != array.shape:
            return None
    for place, array in enumerate(case.arrays):
        if any(one.dtype != np.uint32 or one.shape != (case.programs, *array.shape) for one in counts[2 * place : 2 * place + 2]):
            return None
    names = [array.name for array in case.arrays]
    found = Seen(filled, dict(zip(names, counts[::2], strict=True)), dict(zip(names, counts[1::2], strict=True)))
    for array, got in zip(case.filled, filled, strict=True):
        if np.any((found.writes[array.name].sum(0) == 0) & ~np.isnan(got)):
            return None
    return found


Judge = Callable[[KernelCase, Answer], Failure | None]


def of_a_launch(judge: Callable[[KernelCase, Answer, Seen], Failure | None]) -> Judge:
    """A judge of answers that can be true."""

    @wraps(judge)
    def judged(case: KernelCase, answer: Answer) -> Failure | None:
        if unknown := answer.facts["unknown"][:100]:
            message = f"{unknown} is more than the simulator of tiles knows, and Triton is not installed where this was checked."
            return Failure(case.name, "unanswered", f"{message} You lose no points by it: a person will look, or write it without.")
        found = seen(case, answer)
        return Failure(case.name, "tampered", TAMPERED) if found is None else judge(case, answer, found)

    return judged


@of_a_launch
def judge_values(case: KernelCase, answer: Answer, found: Seen) -> Failure | None:
    inputs = {array.name: value for array, value in zip(case.given, case.values, strict=True)}
    for array, got, want in zip(case.filled, found.filled, case.wanted, strict=True):
        dtype = case.dtype_of(array)
        if not agree(got, want, dtype, ROUNDED.get(case.dtype)):
            nearly = case.dtype == "float32" and agree(got, want, dtype, THREE_DIGITS)
            hint = ROUGH if nearly else diagnose(got, want, dtype)
            return Failure(case.name, "wrong", f"{array.name} is wrong.", hint, got, want, inputs)
    return None


@of_a_launch
def judge_memory(case: KernelCase, answer: Answer, found: Seen) -> Failure | None:
    """Whether nothing outside is touched, every element is written, and each by one program alone."""
    counts = (*found.reads.values(), *found.writes.values())
    numbers = all_numbers(one.sum(0) for one in counts)
    for name, action, where, lanes in answer.facts["outside"]:
        line = f" ({where[:200]})" if where else ""
        what = "A read" if action == "read" else "A write"
        advice = "Which lanes have an address beyond the end, along which axis, and what does the mask say of them?"
        return Failure(case.name, "wrong", f"{what} goes outside of {name}{line}", advice, got=np.append(numbers, lanes))
    for array in case.given:
        if found.writes[array.name].any():
            return Failure(case.name, "wrong", f"{array.name} is written to, which is only to be read.", got=numbers)
    for array in case.filled:
        writers = (found.writes[array.name] > 0).sum(0)
        if (failure := miswritten(case, array, writers)) is not None:
            return failure
    for array in case.arrays:
        torn = clashes(found.reads[array.name], found.writes[array.name])
        if torn.any():
            message = f"One program reads {element(array, torn)} and another one writes it: whichever comes first decides."
            advice = "Programs run in any order, and at once. Each can only use what it made itself."
            return Failure(case.name, "wrong", message, advice, got=numbers)
    return None


def miswritten(case: KernelCase, array: Array, writers: np.ndarray) -> Failure | None:
    """What is wrong with how many programs write each element."""
    for wrong, what, advice in (
        (writers > 1, "is written by more than one program: whichever comes last decides.", "Which part of the result is whose?"),
        (writers == 0, "is never written.", "Which programs are there, and which part of the result does each of them store?"),
    ):
        if wrong.any():
            message = f"{element(array, wrong)} {what}"
            advice = f"{advice} The pictures count the programs that write."
            return Failure(case.name, "wrong", message, advice, writers, np.ones_like(writers))
    return None


def element(array: Array, where: np.ndarray) -> str:
    """The first element that is meant, as `out[2, 0]`."""
    return f"{array.name}[{', '.join(map(str, map(int, np.argwhere(where)[0])))}]" if where.ndim else array.name


@of_a_launch
def judge_bytes(case: KernelCase, answer: Answer, found: Seen) -> Failure | None:
    """Whether each program reads what it needs, and all together move at most 1.2 times the bytes that they must."""
    for array in case.filled:
        if (failure := miswritten(case, array, (found.writes[array.name] > 0).sum(0))) is not None:
            return failure
    needs = needed_reads(case, found)
    for array in case.given:
        unread = (needs[array.name] > 0) & (found.reads[array.name] == 0)
        if unread.any():
            message = f"What a program writes depends on {element(array, unread.any(0))}, and it never reads that."
            numbers = all_numbers([found.reads[one.name].sum(0) for one in case.given])
            return Failure(case.name, "wrong", message, "Follow the loop: where does it begin, and where does it end?", got=numbers)
    size = {array.name: np.dtype(case.dtype_of(array)).itemsize for array in case.arrays}
    least = {array.name: size[array.name] * int(needs[array.name].sum()) for array in case.given}
    least |= {array.name: size[array.name] * prod(array.shape) for array in case.filled}
    moved = {name: size[name] * int(found.reads[name].sum(dtype=np.int64) + found.writes[name].sum(dtype=np.int64)) for name in size}
    ratio = sum(moved.values()) / sum(least.values())
    if ratio <= FUSED:
        return None
    most = max(size, key=lambda name: moved[name] - least[name])
    message = f"It moves {sum(moved.values())} bytes, {ratio:.2f} times the least; fused is at most {FUSED} times."
    often = f"{most} is moved {moved[most] / max(1, least[most]):.2f} times as often as it must be"
    return Failure(case.name, "wrong", message, f"{often}: what can be read once and kept, or need not be read at all?")


def needed_reads(case: KernelCase, found: Seen) -> dict[str, np.ndarray]:
    """For each given array, which elements each program needs for what it writes: (programs, *shape)."""
    per_program: list[Sequence[np.ndarray]] = []
    for program in range(case.programs):
        written = tuple(found.writes[array.name][program] > 0 for array in case.filled)
        per_program.append(case.needed(*written))
    return {array.name: np.stack([masks[place] for masks in per_program]) for place, array in enumerate(case.given)}
