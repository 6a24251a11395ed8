"""What happens on a tape, step by step: entry after entry is recorded, then the way back writes into two ledgers.

One ledger is the engine's buffer, where gradients have spots that keys lead to; arrays with one key share a spot. The other one
are the arrays that were handed in, as a layer's dW. The way back is what the engine's own `backward` really did: while it runs,
every call of a backward function is heard, and what stands in the ledgers before and after. Where nobody has written it yet,
the tape is walked from its end. Afterwards, tape and ledgers are what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .checks.probe import attempt, missing_return
from .checks.question import Problem
from .messages import describe_value
from .stepping import stopped

MAX_ENTRIES = 24  # that are drawn
MAX_CALLS = 3 * MAX_ENTRIES  # of backward functions; an engine that goes round in circles makes more


@dataclass(frozen=True)
class Spot:
    """A line of a ledger: a key of the buffer with all arrays that it leads to, or an array that was handed in."""

    names: tuple[str, ...]
    handed_in: bool


@dataclass(frozen=True)
class Entry:
    """An entry of the tape, in words and numbers."""

    number: int
    operation: str
    inputs: tuple[str, ...]
    output: str
    value: Tensor  # of the output
    of_output: Spot
    of_inputs: tuple[Spot, ...]  # where the gradient of each input belongs


@dataclass(frozen=True)
class Recorded:
    """A step forward: an entry is put on the tape; `made` are the lines of ledgers that nobody has needed before."""

    entry: Entry
    made: tuple[Spot, ...]


@dataclass(frozen=True)
class Change:
    """What stood in a line of a ledger, None where there was none, and what stands there now."""

    spot: Spot
    before: Tensor | None
    after: Tensor


@dataclass(frozen=True)
class Asked:
    """A step back: the backward function of an entry is called with a gradient, and what it returns goes into the ledgers."""

    entry: Entry
    gradient: Tensor
    answers: tuple[Tensor | None, ...]  # a gradient for each input; None where it is none
    begun: tuple[Change, ...] = ()  # what was written before the first call: the divergence
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class End:
    """What stands in a line of a ledger in the end, and what belongs there."""

    spot: Spot
    found: Tensor
    right: Tensor


@dataclass(frozen=True)
class TapePass:
    """All that happens on a tape, and sentences about what went wrong."""

    entries: list[Entry]
    spots: list[Spot]
    start: Mapping[Spot, Tensor]  # what stands in the ledgers before the way back
    recorded: list[Recorded]
    asked: list[Asked] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Call:
    """A call of a backward function, as it was heard."""

    entry: Entry
    gradient: Tensor
    answers: tuple[Tensor | None, ...]
    before: Mapping[Spot, Tensor]  # what stood in the ledgers
    complaint: str  # what it returned, where that is no gradient


@dataclass
class Ledgers:
    """Where the lines of both ledgers are kept: by key, an array that has it; by line, the array that was handed in."""

    buffer: Any  # the engine's, or None
    by_key: dict[Any, Spot]
    internal: dict[Spot, np.ndarray]
    external: dict[Spot, np.ndarray]

    def state(self) -> dict[Spot, Tensor]:
        """A copy of all that stands in them."""
        found = {spot: as_tensor(array) for spot, array in self.external.items()}
        if self.buffer is not None:
            for spot, array in self.internal.items():
                if self.buffer.is_in_memory(array):
                    found[spot] = as_tensor(self.buffer.get_param(array))
        return found


def passed(tape: Any, divergence: Any = 1.0, names: Mapping[str, np.ndarray] | None = None) -> TapePass:
    """What happens on a tape, an engine with its `operation_list` or a list of such entries, and back from `divergence`.

    Raises TypeError for what is neither, ValueError for an empty tape and for one of more than `MAX_ENTRIES`.
    """
    operations = tape if isinstance(tape, list | tuple) else getattr(tape, "operation_list", None)
    if not isinstance(operations, list | tuple) or not all(hasattr(one, "backward_operation") for one in operations):
        raise TypeError(f"step_tape: tape must be an engine, or a list of its operations, got {describe_value(tape)}")
    if not 0 < len(operations) <= MAX_ENTRIES:
        raise ValueError(f"step_tape: the tape has {len(operations)} entries, expected 1 to {MAX_ENTRIES}: record something small")
    engine = tape if operations is not tape else None
    operations = list(operations)  # an engine may take its own list apart
    ledgers, entries = read(operations, engine, names or {})
    start = ledgers.state()
    zeros = {spot: torch.zeros(array.shape, dtype=as_tensor(array).dtype) for spot, array in ledgers.internal.items()}
    used = {spot for entry in entries for spot in entry.of_inputs}
    start = {spot: start.get(spot, zeros.get(spot, torch.zeros(()))) for spot in (*ledgers.internal, *ledgers.external) if spot in used}
    spots = list(dict.fromkeys(spot for entry in entries for spot in (*entry.of_inputs, entry.of_output)))
    spots = [spot for spot in spots if spot in used or spot is entries[-1].of_output]
    told = TapePass(entries, spots, start, list(recording(entries)))
    walked, right = walk(operations, entries, as_tensor(divergence), dict(start))
    heard = hear(engine, operations, entries, divergence, ledgers, told) if engine is not None else None
    told.asked.extend(walked if heard is None else heard[0])
    final = right if heard is None else heard[1]
    judged = [spot for spot in spots if spot in used]  # what stands in the last output's, an engine may decide
    told.ends.extend(End(spot, final[spot], right[spot]) for spot in judged if spot in right and spot in final)
    return told


def as_tensor(array: Any) -> Tensor:
    return torch.tensor(np.array(array))


def recording(entries: Sequence[Entry]) -> Iterator[Recorded]:
    seen: set[Spot] = set()
    for entry in entries:
        yield Recorded(entry, tuple(dict.fromkeys(spot for spot in entry.of_inputs if spot not in seen)))
        seen.update(entry.of_inputs)


# --- names and keys


def read(operations: list[Any], engine: Any, names: Mapping[str, np.ndarray]) -> tuple[Ledgers, list[Entry]]:
    """The lines of the ledgers, and the entries, each with the lines that are its own."""
    buffer = getattr(engine, "gradient_buffer", None)
    named = [*((array, name) for name, array in names.items())]
    named += [(one.outputs, f"#{number}") for number, one in enumerate(operations, 1) if not found_in(one.outputs, named)]

    def key(array: Any) -> Any:
        return buffer.get_memory_loc(array) if buffer is not None else place(array)[0]

    arrays: dict[Any, dict[str, np.ndarray]] = {}  # key -> name -> array
    for one in operations:
        internal = [array for array, own in zip(one.inputs, one.gradients_to_update, strict=True) if own is None]
        for array in (*internal, one.outputs):
            arrays.setdefault(key(array), {}).setdefault(name_of(array, named), array)
    by_key = {at: Spot(tuple(there), handed_in=False) for at, there in arrays.items()}
    ledgers = Ledgers(buffer, by_key, {by_key[at]: next(iter(there.values())) for at, there in arrays.items()}, {})
    entries = []
    for number, one in enumerate(operations, 1):
        of_inputs = []
        for array, own in zip(one.inputs, one.gradients_to_update, strict=True):
            if own is None:
                of_inputs.append(by_key[key(array)])
            else:
                spot = Spot((found_in(own, named) or f"gradient of {name_of(array, named)}",), handed_in=True)
                ledgers.external[spot] = own
                of_inputs.append(spot)
        inputs = tuple(name_of(array, named) for array in one.inputs)
        output, value = name_of(one.outputs, named), as_tensor(one.outputs)
        entries.append(Entry(number, operation_name(one), inputs, output, value, by_key[key(one.outputs)], tuple(of_inputs)))
    return ledgers, entries


def place(array: np.ndarray) -> tuple[Any, ...]:
    """Where an array is in memory, and how it is read there: the same for two views of the same kind."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"step_tape: inputs and outputs of a tape are arrays, got {describe_value(array)}")
    return array.__array_interface__["data"][0], array.shape, array.strides


def found_in(array: Any, named: Sequence[tuple[np.ndarray, str]]) -> str:
    """What an array is called, by itself, else by its place; empty where it has no name."""
    by_itself = next((name for other, name in named if other is array), "")
    return by_itself or next((name for other, name in named if place(other) == place(array)), "")


def name_of(array: Any, named: Sequence[tuple[np.ndarray, str]]) -> str:
    return found_in(array, named) or f"array {array.shape}"


def operation_name(operation: Any) -> str:
    """`matmul` for `matmul_backward`, and `Identity` for a function without a name inside of that class."""
    function = operation.backward_operation
    name, inside = getattr(function, "__name__", type(function).__name__), getattr(function, "__qualname__", "")
    if name == "<lambda>":
        owner = inside.split(".")[0]
        return owner if owner[:1].isupper() else "function"
    return name.removesuffix("_backward") or name


# --- back


def walk(
    operations: Sequence[Any], entries: Sequence[Entry], divergence: Tensor, now: dict[Spot, Tensor]
) -> tuple[list[Asked], dict[Spot, Tensor]]:
    """The steps back, each entry once and from the end, and what stands in the ledgers then. Stops where a backward function fails."""
    last, asked = entries[-1], []
    begun = (Change(last.of_output, now.get(last.of_output), divergence.expand(last.value.shape).to(last.value.dtype)),)
    now[last.of_output] = begun[0].after
    for entry, operation in zip(reversed(entries), reversed(operations), strict=True):
        gradient = now.get(entry.of_output)
        if gradient is None:
            continue  # no entry has used this output
        returned = attempt(partial(operation.backward_operation, gradient.numpy().copy(), *operation.inputs))
        if isinstance(returned, Problem):
            break
        answers = answered(returned, len(entry.inputs))
        changes = []
        for spot, answer in zip(entry.of_inputs, answers, strict=True):
            if answer is not None and spot in now:
                after = attempt(partial(torch.add, now[spot], answer.to(now[spot].dtype)))
                if not isinstance(after, Problem) and after.shape == now[spot].shape:
                    changes.append(Change(spot, now[spot], after))
                    now[spot] = after
        asked.append(Asked(entry, gradient, answers, begun if entry is last else (), tuple(changes)))
    return asked, now


def answered(returned: Any, count: int) -> tuple[Tensor | None, ...]:
    """A gradient for each input, as tensors; None in the place of what is none."""
    given = list(returned) if isinstance(returned, list | tuple) else [returned]
    tensors = [attempt(partial(as_tensor, one)) if isinstance(one, np.ndarray | np.number | float | int) else None for one in given]
    found = [tensor if isinstance(tensor, Tensor) else None for tensor in tensors]
    return tuple([*found, *[None] * count][:count])


def hear(
    engine: Any, operations: Sequence[Any], entries: Sequence[Entry], divergence: Any, ledgers: Ledgers, told: TapePass
) -> tuple[list[Asked], dict[Spot, Tensor]] | None:
    """The steps that the engine's own `backward` takes, and what it leaves in the ledgers; None where nobody has written it."""
    calls: list[Call] = []
    with listening(engine, operations, entries, ledgers, calls):
        result = attempt(lambda: engine.backward(np.array(divergence)))
        final = ledgers.state()
    if isinstance(result, Problem) and result.kind == "NotImplementedError":
        return None
    if isinstance(result, Problem):
        told.notes.append(stopped("backward", result))
    elif not calls:
        told.notes.append("backward has called no backward function")
    asked = []
    for place_of, call in enumerate(calls):
        after = calls[place_of + 1].before if place_of + 1 < len(calls) else final
        if call.complaint:
            name = f"entry {call.entry.number}, {call.entry.operation}"
            told.notes.append(f"the backward function of {name}, returned {call.complaint}, expected arrays")
        begun = tuple(differences(told.start, call.before)) if place_of == 0 else ()
        asked.append(Asked(call.entry, call.gradient, call.answers, begun, tuple(differences(call.before, after))))
    return asked, final


def differences(before: Mapping[Spot, Tensor], after: Mapping[Spot, Tensor]) -> Iterator[Change]:
    for spot, value in sorted(after.items(), key=lambda one: one[0].handed_in):
        if spot not in before or not torch.equal(before[spot].nan_to_num(), value.nan_to_num()):
            yield Change(spot, before.get(spot), value)


@contextmanager
def listening(engine: Any, operations: Sequence[Any], entries: Sequence[Entry], ledgers: Ledgers, calls: list[Any]) -> Iterator[None]:
    """While open, calls of backward functions are written down; afterwards tape and ledgers are as they were before."""
    functions = [one.backward_operation for one in operations]
    handed_in = [(array, array.copy()) for array in ledgers.external.values()]
    memory = {at: spot.copy() for at, spot in ledgers.buffer.memory.items()}
    listed = list(engine.operation_list)

    def listener(entry: Entry, function: Any) -> Any:
        def heard(grad_output: Any, *inputs: Any) -> Any:
            if len(calls) == MAX_CALLS:
                raise RuntimeError(f"for {len(entries)} entries there were more than {MAX_CALLS} calls of backward functions")
            before, gradient = ledgers.state(), as_tensor(grad_output)
            returned = function(grad_output, *inputs)
            complaint = "" if isinstance(returned, list | tuple | np.ndarray | np.number) else missing_return(returned)
            # copied at once: what is returned may be the very array that is added to next
            calls.append(Call(entry, gradient, answered(returned, len(entry.inputs)), before, complaint))
            return returned

        return heard

    for one, entry, function in zip(operations, entries, functions, strict=True):
        one.backward_operation = listener(entry, function)
    try:
        yield
    finally:
        for one, function in zip(operations, functions, strict=True):
            one.backward_operation = function
        for array, before in handed_in:
            array[...] = before
        ledgers.buffer.memory = memory
        engine.operation_list = listed
