"""The student's engine is asked with entries of the probe's, and the student's layers on a tape of the probe's.

So neither depends on the other. Gradients on the way are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...checks.probe import WrongKindError, attempt, missing_return, stand_ins
from ...checks.question import Answer, Ask
from ...kinds.function.probe import as_arrays
from ...registry import table
from .given import Autograd, GradientBuffer, Loss, Operation, WeightedLayer
from .unit import UNIT

NOTHING = np.zeros(0)
"""Stands where an array should be, and is none."""

MAX_SEEN = 100  # entries that are looked at

# --- the engine's two methods, with entries that are described


def described(ask: Ask) -> tuple[list[np.ndarray], list[list[np.ndarray]], list[np.ndarray], list[np.ndarray]]:
    """Of a tape that an ask describes, copies: its arrays; for each entry the slope of each of its inputs; the gradients that are
    handed in; and what else the ask has."""
    left = [array.copy("K") for array in ask.arrays]

    def taken(count: int) -> list[np.ndarray]:
        found, left[:count] = left[:count], []
        return found

    arrays = taken(ask.settings["arrays"])
    slopes = [taken(len(entry["inputs"])) for entry in ask.settings["entries"]]
    return arrays, slopes, taken(ask.settings["handed"]), left


def engine_of(exercise: str) -> Any:
    """An engine of the class that has the student's method."""
    written = table[UNIT.entry(exercise)]
    return getattr(written, "owner", written)()  # what nobody has written raises when it is called


def backward_operation(
    number: int, inputs: Sequence[np.ndarray], slopes: Sequence[np.ndarray], returns: str, called: list[tuple[int, np.ndarray]]
) -> Callable[..., Any]:
    """That of entry `number`: it notes that it was called. TypeError where it is not given grad_output and the inputs of its entry."""

    def backward(grad_output: Any, *given: Any) -> Any:
        called.append((number, np.array(grad_output)))
        if len(given) != len(inputs) or not all(map(same_array, given, inputs)):
            raise TypeError(
                f"backward_operation takes grad_output, then the entry's {len(inputs)} inputs; it got {len(given)} more arguments"
                + ("" if len(given) != len(inputs) else ", and other arrays than the inputs")
            )
        up = np.asarray(grad_output)
        found = [np.asarray(slope * (up if up.shape == slope.shape else up.sum())) for slope in slopes]
        if returns == "one array for all":
            found = found[:1] * len(found)
        return found[0] if returns == "bare" else list(found) if returns == "list" else tuple(found)

    return backward


def same_array(one: Any, other: Any) -> bool:
    """Whether two things are one array, or the same part of one."""
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return one is other
    facts = [(array.__array_interface__["data"][0], array.shape, array.strides, array.dtype) for array in (one, other)]
    return facts[0] == facts[1]


def operations(ask: Ask, called: list[tuple[int, np.ndarray]]) -> tuple[list[Operation], list[np.ndarray], list[np.ndarray], list[Any]]:
    """The entries that an ask describes; their arrays, the gradients that are handed in, and what else the ask has."""
    arrays, slopes, handed, more = described(ask)
    entries = []
    for number, (entry, own) in enumerate(zip(ask.settings["entries"], slopes, strict=True)):
        inputs = [arrays[place] for place in entry["inputs"]]
        gradients = [None if place is None else handed[place] for place in entry["handed"]]
        function = backward_operation(number, inputs, own, entry["returns"], called)
        entries.append(Operation(inputs, arrays[entry["output"]], gradients, function))
    return entries, arrays, handed, more


PARTS = ("inputs", "outputs", "gradients_to_update", "backward_operation")


def record(ask: Ask) -> Answer:
    """What `add_operation` leaves on the tape and in the buffer, after a call for each entry.

    Arrays: what the first entry has as inputs, output and gradients handed in; for each call the output of the entry in its
    place; what stands in the spots of the arrays that are tracked, in order.
    """
    called: list[tuple[int, np.ndarray]] = []
    entries, arrays, handed, more = operations(ask, called)
    engine = engine_of("add_operation")
    for place, there in zip(ask.settings["filled"], more, strict=True):
        engine.gradient_buffer.add_spot(arrays[place])
        engine.gradient_buffer.set_param(arrays[place], there)
    for entry in entries:
        inputs, gradients = [*entry.inputs], [*entry.gradients_to_update]
        engine.add_operation(inputs, entry.outputs, gradients, entry.backward_operation)
        inputs.clear()  # they are the caller's, who goes on using them
        gradients.clear()
    buffer, tape = engine.gradient_buffer, engine.operation_list
    if not isinstance(tape, list):
        raise WrongKindError(f"operation_list must be a list of entries, got {missing_return(tape)}")
    seen = tape[:MAX_SEEN]
    origins = [origin(entry, entries) for entry in seen]
    first, asked = seen[0] if seen else None, entries[0]
    held = [*listed(first, "inputs", len(asked.inputs)), getattr(first, "outputs", None)]
    held += listed(first, "gradients_to_update", len(asked.inputs))
    found = [entries[place].outputs if place >= 0 else NOTHING for place in origins[: len(entries)]]
    found += [NOTHING] * (len(entries) - len(found))
    spots = [buffer.get_param(arrays[place]) if buffer.is_in_memory(arrays[place]) else NOTHING for place in ask.settings["tracked"]]
    wrong = [part for part in PARTS if not has(first, part, getattr(asked, part))]
    changed = not all(map(np.array_equal, [*arrays, *handed], [*described(ask)[0], *described(ask)[2]]))
    kept = [number for number, array in enumerate(arrays) if buffer.is_in_memory(array)]
    facts = {"count": len(tape), "wrong": wrong, "called": len(called), "spots": kept, "changed": changed}
    return Answer(arrays=tuple(as_plain([*held, *found, *spots])), facts=facts)


def listed(entry: Any, part: str, count: int) -> list[Any]:
    """What an entry of the tape has as a list, as many as there should be."""
    found = getattr(entry, part, None)
    there = list(found[:count]) if isinstance(found, list | tuple) else []
    return there + [None] * (count - len(there))


def has(entry: Any, part: str, wanted: Any) -> bool:
    """Whether an entry has the very thing in one of its parts."""
    found = getattr(entry, part, NOTHING)
    if not isinstance(wanted, list):
        return same_array(found, wanted)
    return isinstance(found, list | tuple) and len(found) == len(wanted) and all(map(same_array, found, wanted))


def origin(entry: Any, entries: Sequence[Operation]) -> int:
    """Of which call an entry is, by any of its parts; -1 where nothing tells."""
    fits = [sum(has(entry, part, getattr(one, part)) for part in PARTS if part != "gradients_to_update") for one in entries]
    return fits.index(max(fits)) if max(fits) else -1


def as_plain(values: Iterable[Any]) -> Iterator[np.ndarray]:
    return (np.array(value) if isinstance(value, np.ndarray) else NOTHING for value in values)


def walk(ask: Ask) -> Answer:
    """What `backward` does with entries of ours: which functions it calls, with what, and where their gradients go.

    Arrays: the grad_output that was handed on first; the gradients in the spots of the arrays that are tracked; those handed in.
    """
    called: list[tuple[int, np.ndarray]] = []
    entries, arrays, handed, (divergence,) = operations(ask, called)
    engine = engine_of("backward")
    buffer = engine.gradient_buffer
    for entry in entries:
        for array, own in zip(entry.inputs, entry.gradients_to_update, strict=True):
            if own is None:
                buffer.add_spot(array)
        if outputs_have_spots():
            buffer.add_spot(entry.outputs)
    engine.operation_list = list(entries)
    before = divergence.copy()
    engine.backward(float(divergence) if ask.settings["number"] else divergence)
    spots = [buffer.get_param(arrays[place]) if buffer.is_in_memory(arrays[place]) else NOTHING for place in ask.settings["tracked"]]
    changed = not np.array_equal(divergence, before) or not all(map(np.array_equal, arrays, described(ask)[0]))
    first = called[0][1] if called else NOTHING
    facts = {"calls": [number for number, _ in called[:MAX_SEEN]], "changed": changed}
    return Answer(arrays=tuple(as_plain([first, *spots, *handed])), facts=facts)


def outputs_have_spots() -> bool:
    """Whether the student's add_operation makes spots for outputs as well: then `backward` may count on them."""
    array, output = np.zeros(1), np.zeros(1)

    def recorded() -> bool:
        engine = engine_of("add_operation")
        engine.add_operation([array], output, [None], lambda grad_output, array: grad_output)
        return bool(engine.gradient_buffer.is_in_memory(output))

    return attempt(recorded) is True  # a wrong add_operation is no matter of backward's


# --- backward functions


def twice(ask: Ask) -> Answer:
    """What the student's function makes of copies of the arrays, and then what it makes of plain ones: in float64, and stretched to the
    shape of the first where the settings say so. `facts` say which arrays the first call has changed."""
    name, given = ask.settings["function"], [array.copy("K") for array in ask.arrays]
    first = returned(table[name](*given))
    changed = [place for place, (now, then) in enumerate(zip(given, ask.arrays, strict=True)) if not np.array_equal(now, then)]
    plain = [np.asarray(array, float) for array in ask.arrays]
    shape = plain[0].shape
    second = returned(table[name](*(np.broadcast_to(one, shape).copy() if ask.settings["stretched"] else one.copy() for one in plain)))
    if len(first) != len(second):
        raise WrongKindError(f"{name.split('.')[-1]} returned {len(first)} arrays, and then {len(second)}")
    return Answer(arrays=as_arrays([*first, *second], f"{name.split('.')[-1]} must return arrays"), facts={"changed": changed})


def returned(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


# --- layers, on a tape of the probe's


class Recorder(Autograd):
    """A tape that keeps what is recorded; where an array stands in memory decides which gradients belong together, as in the buffer."""

    def add_operation(self, inputs: Sequence[Any], output: Any, gradients_to_update: Sequence[Any], backward_operation: Any) -> None:
        inputs, gradients = list(inputs), list(gradients_to_update)
        if len(inputs) != len(gradients):
            raise ValueError(f"add_operation got {len(inputs)} inputs and {len(gradients)} gradients, expected as many of each")
        self.operation_list.append(Operation(inputs, output, gradients, backward_operation))

    def backward(self, divergence: Any) -> None:
        """For a loss, which ends the tape."""
        Pulled(self, [(place_of(self.operation_list[-1].outputs), np.asarray(divergence))]).hand_in()


def place_of(value: Any) -> tuple[str, int]:
    """By what a gradient is found: where an array begins in memory, or which object a number is."""
    return ("array", GradientBuffer().get_memory_loc(value)) if isinstance(value, np.ndarray) else ("object", id(value))


class Pulled:
    """The gradients on a recorder's tape, where some gradients come in at its end: each is asked for from where it is needed."""

    def __init__(self, recorder: Recorder, coming_in: Sequence[tuple[tuple[str, int], np.ndarray]]) -> None:
        self.entries, self.coming_in = list(recorder.operation_list), coming_in
        self.keys = [[place_of(value) for value in entry.inputs] for entry in self.entries]
        self.changed: set[str] = set()
        self.pieces = cache(self.pieces_of)

    def of(self, key: tuple[str, int], after: int = -1) -> Any:
        """What entries behind one bring to a place in memory; nothing, 0, where they bring nothing."""
        found = [gradient for place, gradient in self.coming_in if place == key]
        for number in range(after + 1, len(self.entries)):
            handed_in = self.entries[number].gradients_to_update
            wanted = [position for position, place in enumerate(self.keys[number]) if place == key and handed_in[position] is None]
            found += [self.pieces(number)[position] for position in wanted]
        return sum(found[1:], start=found[0]) if found else 0

    def pieces_of(self, number: int) -> list[Any]:
        """The gradients that an entry's function returns; zeros where nothing comes to its output."""
        entry = self.entries[number]
        up = self.of(place_of(entry.outputs), number)
        if isinstance(up, int):
            return [np.zeros_like(value) for value in entry.inputs]
        given, kept = np.array(up), np.array(up)
        found = entry.backward_operation(given, *entry.inputs)
        if not np.array_equal(given, kept, equal_nan=True):
            self.changed.add("grad_output")
        pieces = list(found) if isinstance(found, tuple | list) else [found]
        if len(pieces) != len(entry.inputs):
            raise WrongKindError(f"a recorded backward function returned {len(pieces)} gradients for {len(entry.inputs)} inputs")
        return [np.array(piece) for piece in as_arrays(pieces, "a recorded backward function must return arrays")]

    def hand_in(self) -> None:
        """Add what belongs into gradients that were handed in."""
        for number, entry in enumerate(self.entries):
            for own, piece in zip(entry.gradients_to_update, self.pieces(number), strict=True):
                if own is not None:
                    own += piece


def layer(ask: Ask) -> Answer:
    """What a layer returns for one or more inputs on one tape, and what comes back to them when gradients come to its outputs.

    The ask's arrays are W, b, dW and db of a layer that has weights; the inputs of each call; and a gradient for each output, or
    several rounds of these, each with a new layer and a new tape. Arrays: the outputs; then for each round the gradients of the
    inputs that have one, and dW and db. Where calls are to be made `alone` as well, with a layer and a tape for each, in float64,
    with dW and db at zero: for each its output, its gradient, dW and db.
    """
    settings, arrays = ask.settings, list(ask.arrays)
    kind = table[UNIT.entry(settings["exercise"])]
    weights, arrays = arrays[: settings["weights"]], arrays[settings["weights"] :]
    per_call, calls, rounds = settings["inputs"], settings["calls"], settings["rounds"]
    inputs, arrays = [arrays[per_call * n : per_call * (n + 1)] for n in range(calls)], arrays[per_call * calls :]
    found: list[Any] = []
    touched: set[str] = set()
    with stand_ins(UNIT.entry(settings["exercise"]), BORROWED):
        for number in range(max(1, rounds) if settings["together"] else 0):
            made = Round(kind, settings["sizes"], weights, inputs)
            found += made.outputs if number == 0 else []
            found += made.back(arrays[calls * number : calls * (number + 1)], settings["traced"]) if rounds else []
            touched |= made.touched()
        if settings["alone"]:
            plain = [np.asarray(array, float) for array in weights[:2]] + [np.zeros(array.shape) for array in weights[2:]]
            for given, up in zip(inputs, arrays[-calls:], strict=True):
                made = Round(kind, settings["sizes"], plain, [[np.asarray(array, float) for array in given]])
                found += [*made.outputs, *made.back([np.asarray(up, float)], settings["traced"])]
    demand = f"{settings['exercise']}'s forward must return an array"
    return Answer(arrays=as_arrays(found, demand), facts={"touched": sorted(touched)})


class Round:
    """A layer of its own on a tape of its own."""

    def __init__(self, kind: Any, sizes: Sequence[int], weights: Sequence[np.ndarray], inputs: Sequence[Sequence[np.ndarray]]) -> None:
        self.recorder = Recorder()
        self.layer = kind(*sizes, self.recorder)
        self.names = ("W", "b", "dW", "db")[: len(weights)]
        self.before = dict(zip(self.names, weights, strict=True))
        for name, value in self.before.items():
            put(self.layer, name, value)
        self.weights = {name: getattr(self.layer, name) for name in self.names}
        self.inputs = [[array.copy("K") for array in given] for given in inputs]
        self.asked = inputs
        self.outputs: list[Any] = []
        self.ends: list[tuple[str, int]] = []  # where a gradient of each output comes in
        self.changed: set[str] = set()
        for given in self.inputs:
            there = len(self.recorder.operation_list)
            value = self.layer.forward(*given)
            recorded = self.recorder.operation_list[there:]
            self.ends.append(place_of(recorded[-1].outputs if recorded and isinstance(self.layer, Loss) else value))
            self.outputs.append(value)

    def back(self, gradients: Sequence[np.ndarray], traced: int) -> list[Any]:
        """What comes back to the traced input of each call, and dW and db where there are some."""
        if not self.recorder.operation_list and place_of(self.inputs[0][traced]) != self.ends[0]:
            raise WrongKindError("forward recorded nothing on its tape: nothing leads back from what it returned")
        pulled = Pulled(self.recorder, list(zip(self.ends, gradients, strict=True)))
        found = [pulled.of(place_of(given[traced])) for given in self.inputs]
        pulled.hand_in()
        self.changed |= pulled.changed
        brought = [np.zeros_like(given[traced]) if isinstance(one, int) else one for one, given in zip(found, self.inputs, strict=True)]
        return [*brought, *(getattr(self.layer, name) for name in self.names[2:])]

    def touched(self) -> set[str]:
        """What is no longer what it was, and should be."""
        found = set(self.changed)
        pairs = (pair for now, then in zip(self.inputs, self.asked, strict=True) for pair in zip(now, then, strict=True))
        found |= set() if all(np.array_equal(now, then) for now, then in pairs) else {"input"}
        for name in self.names:
            now = getattr(self.layer, name)
            is_gradient = name.startswith("d")  # to which is added, in place
            same = now is self.weights[name] if is_gradient else np.array_equal(now, self.before[name])
            found |= set() if same else {name}
        return found


def put(layer: Any, name: str, value: np.ndarray) -> None:
    """Numbers into the array that a layer has, or, of another dtype, an array in its place."""
    there = getattr(layer, name, None)
    if isinstance(there, np.ndarray) and there.shape == value.shape and there.dtype == value.dtype:
        there[...] = value
    else:
        setattr(layer, name, value.copy())


def vjp(forward: Callable[..., Tensor]) -> Callable[..., tuple[np.ndarray, ...]]:
    """A backward function, as torch has it."""

    def backward(grad_output: Any, *inputs: Any) -> tuple[np.ndarray, ...]:
        given = [torch.tensor(np.asarray(value)).requires_grad_() for value in inputs]
        with torch.enable_grad():
            value = forward(*given)
        up = np.broadcast_to(np.asarray(grad_output), tuple(value.shape))
        pulled = torch.autograd.grad((value * torch.tensor(up).to(value.dtype)).sum(), given)  # for `grad_outputs` torch imports a lot
        return tuple(gradient.numpy() for gradient in pulled)

    return backward


BORROWED: Mapping[str, Any] = {
    f"{name}_backward": vjp(getattr(torch, operator))
    for name, operator in {
        "add": "add", "sub": "sub", "matmul": "matmul", "mul": "mul", "div": "div", "log": "log", "exp": "exp", "outer": "outer",
        "sum": "sum", "max": "amax",
    }.items()
}  # fmt: skip
"""What stands in for the notebook's backward functions while a layer is asked."""


# --- asked beyond the exercises


def tokens(ask: Ask) -> Answer:
    """What a `TokenBuffer` keeps for arrays that share memory, each of which is given its own gradient."""
    x, *gradients = (array.copy("K") for array in ask.arrays)
    buffer = table[UNIT.entry("TokenBuffer")]()
    others = {"x": x, "x.T": x.T, "x[:2]": x[:2], "x.reshape": x.reshape(-1), "a copy of x": x.copy()}
    for array in others.values():
        buffer.add_spot(array)
    for array, own in zip(others.values(), gradients, strict=True):
        for _ in range(2):
            buffer.update_param(array, own)
    kept = [np.array(buffer.get_param(array)) for array in others.values()]
    reused = False
    for number in range(50):  # an array that is given up leaves its place in memory, and its id, to the next one
        array = np.full(3, float(number))
        reused |= bool(buffer.is_in_memory(array))
        buffer.add_spot(array)
        del array
    buffer.clear()
    facts = {"reused": reused, "cleared": not any(buffer.is_in_memory(array) for array in others.values())}
    return Answer(arrays=tuple(kept), facts=facts)


class BorrowedLinear(WeightedLayer):
    """A linear layer by torch's gradients, for a network whose own layers are asked elsewhere."""

    def forward(self, *arrays: np.ndarray) -> np.ndarray:
        (x,) = arrays
        y = np.asarray(x @ self.W.T + self.b.T)  # (N, in) @ (in, out) -> (N, out)
        pulls = vjp(lambda x, W, b: x @ W.mT + b.mT)
        engine = self.autograd_engine
        engine.add_operation([x, self.W, self.b], y, [None, self.dW, self.db], pulls)
        return y


class BorrowedLayer(Loss):
    """An activation or a loss by torch's function."""

    def __init__(self, autograd_engine: Autograd, function: Callable[..., Tensor]) -> None:
        super().__init__(autograd_engine)
        self.function = function

    def forward(self, *arrays: np.ndarray) -> np.ndarray:
        value = self.function(*map(torch.tensor, arrays)).numpy()
        engine = self.autograd_engine
        engine.add_operation(list(arrays), value, [None] * len(arrays), vjp(self.function))
        return value


def train(ask: Ask) -> Answer:
    """What a network of the student's `MLP` says, and its weights after some steps. Arrays: those of each layer, x and y; the same
    weights afterwards, the losses, what forward says at the end. `facts` say whether the tape is another one after each step."""
    sizes, settings = ask.settings["sizes"], ask.settings
    *weights, x, y = (array.copy("K") for array in ask.arrays)
    engine = Recorder()
    with stand_ins(UNIT.entry("MLP"), {"Linear": BorrowedLinear}):
        activations = [BorrowedLayer(engine, torch.tanh) for _ in sizes[1:]]
        criterion = BorrowedLayer(engine, lambda y, y_hat: ((y - y_hat) ** 2).mean())
        made = table[UNIT.entry("MLP")](
            sizes[0], sizes[-1], list(sizes[1:-1]), activations, criterion, settings["lr"], engine, settings["momentum"]
        )
        layers = list(made.linear_layers)
        if len(layers) != len(sizes) - 1:
            raise WrongKindError(f"linear_layers must have {len(sizes) - 1} layers for the sizes {sizes}, got {len(layers)}")
        for number, one in enumerate(layers):
            one.W[...], one.b[...] = weights[2 * number : 2 * number + 2]
        losses, entries = [], []
        for _ in range(settings["steps"]):
            losses.append(float(made.step(x, y)))
            entries.append(len(engine.operation_list))
        after = [array for one in layers for array in (one.W, one.b)]
        said = made.forward(x)
    results = as_arrays([*after, np.array(losses), said], "weights and what forward returns must be arrays")
    return Answer(arrays=results, facts={"grows": len({*entries}) > 1})
