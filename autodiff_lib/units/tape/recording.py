"""The cases of the engine's two methods: entries of a tape, described by their arrays and slopes, and what must become of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, all_numbers
from ...checks.values import Shape, draw, generator
from ...messages import brief
from .probe import PARTS
from .truth import pulled_back


@dataclass(frozen=True)
class Entry:
    """An entry of a tape: its output is the sum of its inputs, each times a slope of its own; arrays are known by their numbers."""

    inputs: tuple[int, ...]
    output: int
    handed: tuple[int | None, ...] = ()  # for each input the gradient that is handed in, by its number; none for () as well
    returns: str = "tuple"  # or list; bare, of one input; one array for all

    @property
    def gradients(self) -> tuple[int | None, ...]:
        return self.handed or (None,) * len(self.inputs)


def plain(entry: Entry) -> dict[str, Any]:
    return {"inputs": list(entry.inputs), "output": entry.output, "handed": list(entry.gradients), "returns": entry.returns}


@dataclass(frozen=True)
class TapeCase:
    """A tape, and the numbers for it."""

    form: ClassVar[Form]

    name: str
    shapes: tuple[Shape, ...]  # of its arrays
    entries: tuple[Entry, ...]
    whole: bool = False  # whether its numbers are for a pencil
    seed: str = "public"
    hidden: bool = False

    @cached_property
    def tracked(self) -> list[int]:
        """Arrays whose gradients belong into the buffer, in the order in which they are recorded."""
        pairs = (pair for entry in self.entries for pair in zip(entry.inputs, entry.gradients, strict=True))
        return list(dict.fromkeys(array for array, handed in pairs if handed is None))

    @cached_property
    def handed_shapes(self) -> list[Shape]:
        """Of the gradients that are handed in."""
        pairs = (pair for entry in self.entries for pair in zip(entry.inputs, entry.gradients, strict=True))
        found = {handed: self.shapes[array] for array, handed in pairs if handed is not None}
        return [found[number] for number in sorted(found)]

    def drawn(self, what: str, shape: Shape) -> np.ndarray:
        return draw("whole" if self.whole else "normal", shape, generator(self.seed, self.name, what))

    @cached_property
    def arrays(self) -> list[np.ndarray]:
        return [self.drawn(f"array {number}", shape) for number, shape in enumerate(self.shapes)]

    @cached_property
    def slopes(self) -> list[list[np.ndarray]]:
        """For each entry those of its inputs; the same for all where its function returns one array for all."""
        found = []
        for number, entry in enumerate(self.entries):
            alone = entry.returns == "one array for all"
            names = [f"slope {number} {0 if alone else place}" for place in range(len(entry.inputs))]
            found.append([self.drawn(name, self.shapes[array]) for name, array in zip(names, entry.inputs, strict=True)])
        return found

    @cached_property
    def handed(self) -> list[np.ndarray]:
        """What is in the gradients that are handed in, before."""
        return [self.drawn(f"handed in {number}", shape) for number, shape in enumerate(self.handed_shapes)]

    def ask_with(self, *more: np.ndarray, **settings: Any) -> Ask:
        slopes = [slope for own in self.slopes for slope in own]
        told = {"arrays": len(self.arrays), "handed": len(self.handed), "tracked": self.tracked, **settings}
        return Ask(self.form.probe, {"entries": [*map(plain, self.entries)], **told}, (*self.arrays, *slopes, *self.handed, *more))

    def features(self) -> dict[str, Any]:
        return {"entries": len(self.entries), "gradients handed in": "some" if self.handed else "none"}


# --- add_operation

RECORD = Form(
    "units.tape.probe:record",
    arrays=lambda case: case.held + len(case.entries) + len(case.tracked),
    facts={
        "count": lambda value, case: type(value) is int and value >= 0,
        "wrong": lambda value, case: is_list_of(str, value) and set(value) <= set(PARTS),
        "called": lambda value, case: type(value) is int and value >= 0,
        "spots": lambda value, case: is_list_of(int, value) and set(value) <= set(range(len(case.shapes))),
        "changed": is_flag,
    },
)


@dataclass(frozen=True)
class RecordCase(TapeCase):
    """Calls of add_operation, one for each entry; some arrays may have spots with numbers in them before."""

    form: ClassVar[Form] = RECORD

    filled: tuple[int, ...] = ()

    @cached_property
    def spots(self) -> list[np.ndarray]:
        """What must stand in the spots of the tracked arrays."""
        filled = dict(zip(self.filled, self.before, strict=True))
        return [filled.get(number, np.zeros(self.shapes[number])) for number in self.tracked]

    @cached_property
    def before(self) -> list[np.ndarray]:
        return [self.drawn(f"spot {number}", self.shapes[number]) for number in self.filled]

    @property
    def held(self) -> int:
        """How many things the first entry holds."""
        return 2 * len(self.entries[0].inputs) + 1

    def ask(self) -> Ask:
        return self.ask_with(*self.before, filled=list(self.filled))


def judge_entry(case: RecordCase, answer: Answer) -> Failure | None:
    """What the first entry holds must be the very things that were handed over."""
    if answer.facts["count"] == 0:
        return Failure.wrong(case, "After add_operation, operation_list is empty.", "Where does an Operation go?")
    first = case.entries[0]
    gradients = [np.zeros(0) if number is None else case.handed[number] for number in first.gradients]
    wanted = [*(case.arrays[number] for number in first.inputs), case.arrays[first.output], *gradients]
    wrong = answer.facts["wrong"]
    if not wrong and all(agree(got, want, "float64") for got, want in zip(answer.arrays, wanted, strict=False)):
        return None
    what = wrong[0] if wrong else PARTS[0]
    message = f"The entry's {what} {'is' if what == PARTS[-1] else 'are'} not what add_operation was given."
    hint = "The very arrays belong into it, and no copies: the buffer finds them by their places in memory."
    number = [float(PARTS.index(part)) for part in wrong]
    return Failure.wrong(case, message, hint if what != PARTS[-1] else "", all_numbers([number]))


def judge_tape(case: RecordCase, answer: Answer) -> Failure | None:
    """As many entries as calls, in their order."""
    count, wanted = answer.facts["count"], len(case.entries)
    if count != wanted:
        message = f"After {wanted} calls of add_operation operation_list has {count} entries, expected {wanted}."
        return Failure.wrong(case, message, "What does a call do to what is on the tape already?", np.array([count], float))
    found = answer.arrays[case.held : case.held + wanted]
    outputs = [case.arrays[entry.output] for entry in case.entries]
    if all(agree(got, want, "float64") for got, want in zip(found, outputs, strict=True)):
        return None
    places = [next((n for n, want in enumerate(outputs) if agree(got, want, "float64")), -1) for got in found]
    told = ", ".join("none of them" if place < 0 else str(place + 1) for place in places)
    message = f"{wanted} calls were made, and the entries on the tape are those of the calls {told}, in this order."
    return Failure.wrong(case, message, "At which end of the list does an entry belong?", np.array(places, float))


def judge_spots(case: RecordCase, answer: Answer) -> Failure | None:
    """A spot for each array whose gradient is not handed in, with zeros, or with what stood there."""
    found = answer.arrays[case.held + len(case.entries) :]
    if answer.facts["called"] or answer.facts["changed"]:
        what = "called a backward_operation" if answer.facts["called"] else "changed an array that it was given"
        return Failure.wrong(case, f"add_operation {what}.", "It writes down what has been computed, and computes nothing.")
    for number, got, want in zip(case.tracked, found, case.spots, strict=True):
        if agree(got, want, "float64"):
            continue
        name = f"array {number}, which has None for its gradient"
        if got.shape == (0,) and want.shape != (0,):
            entry = next(entry for entry in case.entries if number in entry.inputs)
            message = f"The buffer has no spot for {name} (input {entry.inputs.index(number) + 1} of {len(entry.inputs)})."
            hint = "For which inputs must gradients be kept, and who keeps the others?"
            return Failure.wrong(case, message, hint, np.array(answer.facts["spots"], float))
        if number in case.filled:
            message = f"A gradient stood in the spot of {name}, and has changed."
            return Failure.wrong(case, message, "An array may go into several operations; add_spot knows what to do then.", got, want)
        return Failure.wrong(case, f"The spot of {name} is wrong.", "A spot begins with zeros of the array's shape.", got, want)
    return None


# --- backward

WALK = Form(
    "units.tape.probe:walk",
    arrays=lambda case: 1 + len(case.tracked) + len(case.handed),
    facts={"calls": lambda value, case: is_list_of(int, value), "changed": is_flag},
)


@dataclass(frozen=True)
class WalkCase(TapeCase):
    """One walk over a tape, with ones as divergence, or other numbers, or a plain number."""

    form: ClassVar[Form] = WALK

    divergence: str = "ones"  # or numbers, or number
    unused: frozenset[int] = field(default_factory=frozenset)  # entries whose outputs nobody uses

    @cached_property
    def coming_in(self) -> np.ndarray:
        shape = self.shapes[self.entries[-1].output]
        return np.ones(shape) if self.divergence == "ones" else self.drawn("divergence", shape)

    def ask(self) -> Ask:
        return self.ask_with(self.coming_in, number=self.divergence == "number")

    @cached_property
    def wanted(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What must stand in the buffer for the tracked arrays, and in the gradients that were handed in, by torch's autograd."""
        leaves = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in self.shapes]
        now: dict[int, Tensor] = {}  # what each array is where it is used: a leaf, or the output of an entry plus a leaf
        uses: list[tuple[Tensor, int]] = []  # (what an input was made of, the gradient that is handed in for it)
        for entry, slopes in zip(self.entries, self.slopes, strict=True):
            total = torch.zeros(self.shapes[entry.output], dtype=torch.float64)
            for array, own, slope in zip(entry.inputs, entry.gradients, slopes, strict=True):
                value = now.get(array, leaves[array])
                if own is not None:
                    value = torch.zeros(self.shapes[array], dtype=torch.float64, requires_grad=True)
                    uses.append((value, own))
                scaled = torch.tensor(slope) * value
                total = total + (scaled if scaled.shape == total.shape else scaled.sum())
            now[entry.output] = total + leaves[entry.output]
        made = pulled_back(now[self.entries[-1].output], [*leaves, *(value for value, _ in uses)], self.coming_in)
        handed = [array.copy() for array in self.handed]
        for (_, number), gradient in zip(uses, made[len(leaves) :], strict=True):
            handed[number] += gradient
        return [made[number] for number in self.tracked], handed


def judge_order(case: WalkCase, answer: Answer) -> Failure | None:
    """Each entry once, from the end of the tape."""
    calls, wanted = answer.facts["calls"], list(reversed(range(len(case.entries))))
    if calls == wanted:
        return None
    message = f"The backward_operations of the entries were called in the order {brief(calls)}, expected {wanted}."
    return Failure.wrong(case, message, "Whose gradient is known first?", all_numbers([list(map(float, calls[:50]))]))


def judge_divergence(case: WalkCase, answer: Answer) -> Failure | None:
    """What is handed to the last entry's function is what `backward` was given."""
    if not answer.facts["calls"]:
        return Failure.wrong(case, "backward called no backward_operation.", "What is in operation_list?")
    got, want = answer.arrays[0], case.coming_in
    if not agree(got, want, "float64"):
        message = "The first backward_operation was not given the divergence as its grad_output."
        hint = diagnose(got, want, "float64") or "What is the gradient of the last output?"
        return Failure.wrong(case, message, hint, got, want)
    if answer.facts["changed"]:
        message = "The divergence, or an array on the tape, was changed."
        return Failure.wrong(case, message, "They belong to the caller; the buffer has arrays of its own.", np.ones(1))
    return None


def judge_buffer(case: WalkCase, answer: Answer) -> Failure | None:
    """The gradients of arrays that belong to nobody."""
    for number, got, want in zip(case.tracked, answer.arrays[1:], case.wanted[0], strict=False):
        if not agree(got, want, "float64"):
            uses = [n for n, entry in enumerate(case.entries) for place in entry.inputs if place == number]
            where = (
                f"entry {uses[0]}"
                if len(uses) == 1
                else f"entries {', '.join(map(str, uses))}"
                if len(set(uses)) > 1
                else "one entry twice"
            )
            message = f"The gradient of array {number}, which goes into {where}, is wrong in the buffer."
            return Failure.wrong(case, message, diagnose(got, want, "float64"), got, want)
    return None


def judge_handed(case: WalkCase, answer: Answer) -> Failure | None:
    """What is added to the gradients that were handed in."""
    for number, got, want in zip(range(len(case.handed)), answer.arrays[1 + len(case.tracked) :], case.wanted[1], strict=False):
        if agree(got, want, "float64"):
            continue
        before = case.handed[number]
        hint = diagnose(got, want, "float64")
        if agree(got, before, "float64"):
            hint = "It is as it was: what is added must go into the very array that was handed in."
        elif agree(got, want - before, "float64"):
            hint = "What stood in it before is gone: it is to be added to."
        return Failure.wrong(case, f"Gradient {number} that was handed in is wrong after backward.", hint, got, want, before=before)
    return None


def judge_unused(case: WalkCase, answer: Answer) -> Failure | None:
    """An output that nobody used changes nothing: its entry is left out, or called with zeros."""
    calls = [number for number in dict.fromkeys(answer.facts["calls"]) if number not in case.unused]  # once each is asked elsewhere
    wanted = [number for number in reversed(range(len(case.entries))) if number not in case.unused]
    if calls != wanted:
        message = f"The entries whose outputs were used were called in the order {brief(calls)}, expected {wanted}."
        return Failure.wrong(case, message, "What is known of an output that nobody has used?", all_numbers([list(map(float, calls[:50]))]))
    return judge_buffer(case, answer) or judge_handed(case, answer)


Judge = Callable[[Any, Answer], Failure | None]

# --- the tapes

ROW, SQUARE, SCALAR = (2, 3), (3, 3), ()


def record_cases() -> tuple[Sequence[RecordCase], Sequence[RecordCase], Sequence[RecordCase]]:
    """For the entry, for the tape, for the spots."""
    one = Entry((0,), 1)
    layer = Entry((0, 1), 2, (None, 0))
    entry = (
        RecordCase("one input", (ROW, ROW), (one,), whole=True),
        RecordCase("x and W, whose gradient is handed in", (ROW, (4, 3), (2, 4)), (layer,)),
        RecordCase("W, whose gradient is handed in, and x", (SQUARE, SQUARE, SQUARE), (Entry((0, 1), 2, (0, None)),)),
        RecordCase("three inputs", (SQUARE, SQUARE, (3,), SQUARE), (Entry((0, 1, 2), 3, (None, 0, 1)),)),
        RecordCase("one array twice", (ROW, ROW), (Entry((0, 0), 1),)),
    )
    chain = tuple(Entry((number,), number + 1) for number in range(3))
    network = (Entry((0, 1), 2, (None, 0)), Entry((2,), 3), Entry((3, 4), 5, (None, 1)), Entry((5,), 6))
    shapes = (ROW, (4, 3), (2, 4), (2, 4), (3, 4), (2, 3), SCALAR)
    tape = (
        RecordCase("two calls", (ROW, ROW, ROW), chain[:2], whole=True),
        RecordCase("three calls", (ROW,) * 4, chain),
        RecordCase("a network", shapes, network),
    )
    spots = (
        RecordCase("a and b, of which b has a gradient already", (ROW, ROW, ROW), (Entry((0, 1), 2),), whole=True, filled=(1,)),
        RecordCase("x, and W, whose gradient is handed in", (ROW, (4, 3), (2, 4), (2, 4)), (layer, Entry((2,), 3)), filled=(2,)),
        RecordCase(
            "W, whose gradient is handed in, and x, then y", (SQUARE,) * 4, (Entry((0, 1), 2, (0, None)), Entry((2, 1), 3)), filled=(2,)
        ),
        RecordCase("W, whose gradient is handed in, then a and b", (SQUARE,) * 4, (Entry((0, 1, 2), 3, (0, None, None)),), filled=(2,)),
        RecordCase("a network, later on", shapes, network, filled=(3,)),
    )
    return entry, tape, spots


def alone(*pairs: tuple[int, int]) -> tuple[Entry, ...]:
    """Entries of one input each."""
    return tuple(Entry((array,), output, returns="list") for array, output in pairs)


def walk_parts() -> dict[str, tuple[Sequence[WalkCase], Judge, str]]:
    """For each part of `backward` its cases, its judge, and where to look."""
    single = Entry((0, 1), 2)
    chain = tuple(Entry((number, number + 5), number + 1) for number in range(4))
    order = (
        WalkCase("two entries", (ROW,) * 5, (Entry((0, 3), 1), Entry((1, 4), 2)), whole=True),
        WalkCase("four entries", (ROW,) * 9, chain),
        WalkCase(
            "four entries to one number", (SQUARE,) * 3 + (SCALAR, SCALAR), tuple(Entry((n,), n + 1, returns="list") for n in range(4))
        ),
    )
    divergence = (
        WalkCase("one entry", (ROW,) * 3, (single,), whole=True, divergence="numbers"),
        WalkCase("one entry, one number", (ROW, ROW, SCALAR), (single,), divergence="numbers"),
        WalkCase("one entry, one plain number", (ROW, ROW, SCALAR), (single,), divergence="number"),
        WalkCase("an array that is used twice", (SQUARE, SQUARE), (Entry((0, 0), 1),), divergence="numbers"),
    )
    diamond = (Entry((0,), 1, returns="list"), Entry((0, 1), 2), Entry((1, 2), 3))
    buffer = (
        WalkCase("a and b", (ROW,) * 3, (single,), whole=True),
        WalkCase("the same array twice", (ROW, ROW), (Entry((0, 0), 1),)),
        WalkCase("one gradient for both", (SQUARE,) * 3, (Entry((0, 1), 2, returns="one array for all"),)),
        WalkCase("x in two entries", (ROW,) * 4, (Entry((0, 1), 2), Entry((0, 2), 3))),
        WalkCase("x in three entries", (SQUARE,) * 4, diamond),
        WalkCase(
            "one gradient for both, and more of it",
            (SQUARE,) * 4,
            (Entry((0,), 1, returns="list"), Entry((0, 1), 2, returns="one array for all"), Entry((2, 1), 3)),
        ),
        WalkCase(
            "x, and what it became, in one sum",
            (SQUARE,) * 3,
            (Entry((0,), 1, returns="list"), Entry((0, 1), 2, returns="one array for all")),
        ),
        WalkCase("to one number", (ROW, ROW, ROW, SCALAR), (single, Entry((2,), 3, returns="list"))),
    )
    handed = (
        WalkCase("x and W", (ROW, (4, 3), (2, 4)), (Entry((0, 1), 2, (None, 0)),), whole=True),
        WalkCase("W and x", (SQUARE,) * 3, (Entry((0, 1), 2, (0, None)),)),
        WalkCase("x, W and b", (SQUARE, SQUARE, (3,), SQUARE), (Entry((0, 1, 2), 3, (None, 0, 1)),)),
        WalkCase("two layers", (ROW, (4, 3), (2, 4), (3, 4), (2, 3)), (Entry((0, 1), 2, (None, 0)), Entry((3, 2), 4, (1, None)))),
        WalkCase("one W in two layers", (SQUARE,) * 4, (Entry((0, 1), 2, (None, 0)), Entry((1, 2), 3, (0, None)))),
    )
    unused = (
        WalkCase(
            "x goes into two entries, of which one is used",
            (ROW,) * 3,
            (Entry((0,), 1, returns="list"), Entry((0,), 2, returns="list")),
            whole=True,
            unused=frozenset({0}),
        ),
        WalkCase("the third of four entries is not used", (ROW,) * 5, alone((0, 1), (1, 2), (0, 3), (2, 4)), unused=frozenset({2})),
        WalkCase("the second of four entries is not used", (ROW,) * 5, alone((0, 1), (0, 2), (1, 3), (3, 4)), unused=frozenset({1})),
        WalkCase("an unused entry with a W", (SQUARE,) * 5, (Entry((0, 1), 2, (None, 0)), Entry((0, 3), 4)), unused=frozenset({0})),
    )
    bare = (
        WalkCase("one input, one row", ((1, 3), (1, 3)), (Entry((0,), 1, returns="bare"),), whole=True),
        WalkCase("one input, three rows", (SQUARE, SQUARE), (Entry((0,), 1, returns="bare"),)),
        WalkCase("one input, two rows", (ROW, ROW), (Entry((0,), 1, returns="bare"),)),
        WalkCase("one number", (SCALAR, SCALAR), (Entry((0,), 1, returns="bare"),)),
    )
    return {
        "order": (order, judge_order, "where on the tape the walk begins"),
        "divergence": (divergence, judge_divergence, "what the last entry's function is handed"),
        "buffer": (buffer, judge_buffer, "what becomes of a gradient whose entry in gradients_to_update is None"),
        "handed in": (handed, judge_handed, "what becomes of a gradient whose entry in gradients_to_update is an array"),
        "unused outputs": (unused, judge_unused, "what the buffer has for an output that nobody used"),
        "bare gradients": (bare, judge_buffer, "what comes back from a function of one input"),
    }
