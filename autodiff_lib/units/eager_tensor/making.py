"""The questions of the unit on how tensors come about: when they are computed, and what they remember."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, Part, Question
from ...checks.values import generator
from ...graph import Node
from ...graph_data import evaluate
from ...kinds import reference
from ...kinds.evaluator.judge import GraphCase, node_names
from ...kinds.evaluator.judge import failure as graph_failure
from ...registry import table
from .graph_cases import LONG, diamond, ladder, short_and_long
from .unit import UNIT

FACTOR = 3.0

# --- make_from_op

OPERANDS = ("a", "b")


def are_operands(value: Any, case: Any) -> bool:
    return is_list_of(int, value) and all(place in range(len(OPERANDS)) for place in value)


MADE = Form(
    "units.eager_tensor.probe:make",
    arrays=lambda case: 1,
    facts={
        **dict.fromkeys(("kind", "op", "attrs", "requires", "there"), is_flag),
        "inputs": lambda value, case: is_list_of(int, value) and len(value) <= 10,
        "computed": lambda value, case: is_list_of(int, value) and len(value) == 2,
        "spoiled": are_operands,
        "shared": are_operands,
    },
)


@dataclass(frozen=True)
class MakeCase:
    """An operator, factor * a + b, on two tensors, of which some need a gradient."""

    form: ClassVar[Form] = MADE

    requires: tuple[bool, bool] = (True, True)
    lazy: bool = False
    subclass: bool = False
    dtype: str = "float64"
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        mode = "lazy" if self.lazy else "eager"
        needs = {0: "no input needs a gradient", 1: "one input needs a gradient", 2: "both inputs need a gradient"}[sum(self.requires)]
        first = ", the first" if self.requires == (True, False) else ""
        return f"{mode}, {needs}{first}{', of a class of its own' if self.subclass else ''}, {self.dtype}"

    def features(self) -> dict[str, Any]:
        return {"mode": "lazy" if self.lazy else "eager", "inputs that need a gradient": sum(self.requires)}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.name)
        return tuple(rng.integers(-5, 6, (2, 3)).astype(self.dtype) + rng.standard_normal((2, 3)).astype(self.dtype) for _ in range(2))

    def ask(self) -> Ask:
        settings = {"requires": list(self.requires), "lazy": self.lazy, "subclass": self.subclass, "factor": FACTOR}
        return Ask(self.form.probe, settings, self.arrays)


def wrong(case: Any, message: str, hint: str, got: Any = None, want: Any = None) -> Failure:
    a, b = case.arrays
    return Failure.wrong(case, message, hint, got, want, a=a, b=b)


def wrong_value(case: Any, answer: Answer) -> Failure | None:
    a, b = (array.astype("float64") for array in case.arrays)
    got, want = answer.arrays[0], FACTOR * a + b
    if not agree(got.astype("float64"), want, case.dtype):
        return wrong(case, f"The value of {FACTOR:g} * a + b is wrong.", diagnose(got, want, case.dtype), got, want)
    if got.dtype != case.dtype:
        return wrong(case, f"The value has dtype {got.dtype} for {case.dtype} inputs.", "Who changes a dtype here?")
    return None


def judge_node(case: MakeCase, answer: Answer) -> Failure | None:
    """What a tensor that needs a gradient knows of how it was made."""
    if problem := wrong_value(case, answer):
        return problem
    facts = answer.facts
    marks = np.asarray([float(facts[name]) for name in ("kind", "op", "attrs", "requires")] + [float(len(facts["inputs"]))])
    said = [
        (facts["kind"], "The tensor is not of the class for which it was made.", "make_from_op is a class method: what is `cls`?"),
        (facts["op"], "The op of the tensor is not the operator that was called.", "What does `_init` take, in which order?"),
        (
            facts["inputs"] == [0, 1],
            f"The inputs of the tensor are number {facts['inputs']} of those that were given, expected [0, 1].",
            "",
        ),
        (facts["attrs"], "The attrs of the tensor are not those of the call.", "Which numbers does the operator need besides its inputs?"),
        (
            facts["requires"] == any(case.requires),
            f"requires_grad is {facts['requires']}, expected {any(case.requires)}.",
            "A tensor needs a gradient if one of its inputs does.",
        ),
    ]
    return next((wrong(case, message, hint, marks) for right, message, hint in said if not right), None)


def judge_time(case: MakeCase, answer: Answer) -> Failure | None:
    """When the operator was at work: at once, or not before somebody asks; and never twice."""
    if problem := wrong_value(case, answer):
        return problem
    at_once, later = answer.facts["computed"]
    counts = np.asarray([at_once, later, answer.facts["there"]], np.float64)
    if case.lazy and (at_once or answer.facts["there"]):
        message = f"In lazy mode the operator computed {at_once} times when the tensor was made, expected none."
        return wrong(case, message, "Who wants to know the value at that moment?", counts)
    if not case.lazy and not (at_once and answer.facts["there"]):
        message = "The tensor has no value when it is made, although the mode is not lazy."
        return wrong(case, message, "When is a value due outside of lazy mode?", counts)
    if max(at_once, later) > 1:
        return wrong(case, f"The operator computed {later} times for one value.", "Where is a value kept once it is known?", counts)
    return None


def judge_history(case: MakeCase, answer: Answer) -> Failure | None:
    """A value that nobody differentiates holds on to nothing; one that is still to be computed needs its inputs."""
    if problem := wrong_value(case, answer):
        return problem
    inputs, spoiled, shared = (answer.facts[name] for name in ("inputs", "spoiled", "shared"))
    if spoiled or shared:
        names = " and ".join(OPERANDS[place] for place in spoiled or shared)
        did = f"changed the numbers of {names}" if spoiled else f"put the value into the array of {names}: who writes into one changes both"
        hint = "Whoever holds an input wants its numbers again. What op.compute returns is an array already."
        return wrong(case, f"make_from_op {did}.", hint, np.asarray([len(spoiled), 1 + len(shared)], np.float64))
    listed = np.asarray([*inputs, -5], np.float64)
    if case.lazy or any(case.requires):
        if inputs != [0, 1]:
            why = "its value is still to be computed" if case.lazy else "it needs a gradient"
            return wrong(case, f"The tensor has lost its inputs, although {why}.", "When is nobody interested in them any more?", listed)
        return None
    if inputs or answer.facts["requires"]:
        message = "No input needs a gradient, and yet the tensor holds on to its inputs, so they stay in memory."
        return wrong(case, message, "What cuts a tensor off from how it was computed?", listed)
    return None


def make_question(number: int) -> Question:
    node = (
        MakeCase(),
        MakeCase((False, True)),
        MakeCase((True, False), lazy=True),
        MakeCase((False, False), lazy=True),
        MakeCase(subclass=True),
        MakeCase(dtype="float32"),
    )
    time = (MakeCase(), MakeCase(lazy=True), MakeCase((False, False)), MakeCase((False, False), lazy=True))
    history = (
        MakeCase((False, False)),
        MakeCase((False, False), lazy=True),
        MakeCase((True, False)),
        MakeCase((False, False), dtype="float32"),
    )
    parts = (
        Part("the tensor", 1, node, judge_node, "what a tensor knows of how it was made"),
        Part("now or later", 1, time, judge_time, "what lazy mode changes"),
        Part("no history without need", 1, history, judge_history, "when a tensor needs its inputs, and when it does not"),
    )
    return Question(UNIT.name, number, "make_from_op", parts)


# --- realize_cached_data


def are_rounds(value: Any, case: RealizeCase) -> bool:
    count = len(case.graph["outputs"])
    return isinstance(value, list) and len(value) == count and all(is_list_of(int, one) for one in value)


def are_nodes(value: Any, case: RealizeCase) -> bool:
    return is_list_of(int, value) and all(place in range(len(case.graph["nodes"])) for place in value)


REALIZED = Form(
    "units.eager_tensor.probe:realize",
    arrays=lambda case: len(case.graph["outputs"]),
    facts={
        "rounds": are_rounds,
        "kept": lambda value, case: (
            isinstance(value, list) and len(value) == len(case.graph["outputs"]) and all(type(one) is bool for one in value)
        ),
        "spoiled": are_nodes,
        "shared": are_nodes,
    },
)


@dataclass(frozen=True)
class RealizeCase(GraphCase):
    """A graph of tensors without values, of which some are asked for, one after the other; or a chain, which the probe makes by itself."""

    form: ClassVar[Form] = REALIZED  # type: ignore[assignment]

    known: tuple[int, ...] = ()  # nodes of interest, by their number, that have a value already, and no right one
    chain: int = 0

    @cached_property
    def known_values(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.title, "known")
        return tuple(np.asarray(rng.standard_normal(self.shapes[0]), self.dtype) for _ in self.known)

    def ask(self) -> Ask:
        if self.chain:
            return Ask(self.form.probe, {"chain": self.chain}, tuple(self.values().values()))
        places = [self.sent["outputs"][number] for number in self.known]
        settings = {"chain": 0, "graph": self.sent, "names": list(self.names), "known": places}
        return Ask(self.form.probe, settings, (*self.values().values(), *self.known_values))

    @cached_property
    def known_graph(self) -> dict[str, Any]:
        """The graph, in which what is known is a leaf."""
        nodes = list(self.graph["nodes"])
        for number, place in enumerate(self.graph["outputs"][number] for number in self.known):
            nodes[place] = {"leaf": len(self.names) + number}
        return {**self.graph, "nodes": nodes}

    @cached_property
    def wanted_values(self) -> list[np.ndarray]:
        leaves = [torch.tensor(array, dtype=torch.float64) for array in (*self.values().values(), *self.known_values)]
        return [value.numpy() for value in evaluate(self.known_graph, leaves, reference.forward())]

    @cached_property
    def wanted_rounds(self) -> list[set[int]]:
        """For each of the nodes that are asked for, what is left to be computed."""
        nodes, done = self.known_graph["nodes"], set()
        rounds: list[set[int]] = []
        for output in self.graph["outputs"]:
            needed, todo = set(), [output]
            while todo:
                place = todo.pop()
                if place not in needed and place not in done and "op" in nodes[place]:
                    needed.add(place)
                    todo += nodes[place]["inputs"]
            done |= needed
            rounds.append(needed)
        return rounds


def judge_values(case: RealizeCase, answer: Answer) -> Failure | None:
    for number, (array, want) in enumerate(zip(answer.arrays, case.wanted_values, strict=True), start=1):
        if not agree(array.astype("float64"), want, case.dtype):
            message = f"Value {number} of {len(case.wanted_values)} is wrong."
            return graph_failure(case, message, diagnose(array, want, case.dtype), array, want)
        if array.dtype != case.dtype:
            return graph_failure(case, f"Value {number} has dtype {array.dtype}, expected {case.dtype}.", "Who changes a dtype here?")
    return None


def judge_once(case: RealizeCase, answer: Answer) -> Failure | None:
    """What is computed: all that is needed, each once, and nothing again."""
    if problem := judge_values(case, answer):
        return problem
    names, outputs = node_names(case), case.graph["outputs"]
    for number, (seen, wanted, kept) in enumerate(zip(answer.facts["rounds"], case.wanted_rounds, answer.facts["kept"], strict=True)):
        counts = np.asarray([len(seen), len(wanted), number], np.float64)
        asked = f"When {names[outputs[number]]} was asked for" + (", as number {number + 1}," if number else "")
        if len(set(seen)) < len(seen):
            twice = next(place for place in seen if seen.count(place) > 1)
            message = f"{asked} {len(seen)} computations were made, of {names[twice] if twice < len(names) else 'one'} more than one."
            return graph_failure(case, message, "Two tensors may have the same input: who looks whether it has its value by now?", counts)
        if extra := sorted(set(seen) - wanted):
            which = names[extra[0]] if extra[0] < len(names) else "something else"
            message = f"{asked} {which} was computed, which had a value already or was not needed."
            return graph_failure(case, message, "Where is a value kept once it is known?", counts)
        if wanted - set(seen):
            message = f"{asked} {len(wanted)} operators had to compute, and {len(seen)} were seen at work."
            return graph_failure(case, message, "Each value comes from `op.compute` of its own tensor.", counts)
        if not kept:
            return graph_failure(case, f"{asked} its value was not kept as its cached_data.", "Who asks next will want it again.", counts)
    for fact, said in (("spoiled", "was changed while others were computed"), ("shared", "lies in the array of another value")):
        if answer.facts[fact]:
            listed = " and that of ".join(names[place] for place in answer.facts[fact][:3])
            marks = np.asarray([1.0 + len(answer.facts[name]) for name in ("spoiled", "shared")])
            hint = "What op.compute returns is an array of its own. Whose array did you write it into?"
            return graph_failure(case, f"The value of {listed} {said}.", hint, marks)
    return None


def judge_long(case: RealizeCase, answer: Answer) -> Failure | None:
    if problem := judge_values(case, answer):
        return problem
    (computed,) = answer.facts["rounds"][0] if len(answer.facts["rounds"][0]) == 1 else (-1,)
    if computed != case.chain:
        message = f"For a chain of {case.chain} tensors {computed} computations were seen."
        return Failure.wrong(case, message, "Each tensor of the chain is computed once.", np.asarray([computed], np.float64))
    return None


def realize_question(number: int) -> Question:
    exp = table["exp"]

    def both_orders(x: Node) -> Sequence[Node]:
        a = x * 2
        return [a - exp(a), exp(a) - a]

    rows: list[tuple[str, Callable[..., Sequence[Node]], dict[str, Any]]] = [
        ("x1 * x2 + x1", lambda x1, x2: [x1 * x2 + x1], {"shapes": ((2, 3), (2, 3)), "names": ("x1", "x2")}),
        ("a leaf", lambda x: [x], {"shapes": ((2,),)}),
        ("what is subtracted from what", both_orders, {"shapes": ((3,),)}),
        ("a short and a long way", lambda x: short_and_long(x)[:1], {}),
        ("single precision", lambda x: short_and_long(x)[:1], {"shapes": ((2,),), "dtype": "float32"}),
    ]
    values = tuple(RealizeCase(title, build, **given) for title, build, given in rows)
    counted = (
        RealizeCase("x * x + x * x, the same tensor twice", lambda x: [(a := x * x) + a], shapes=((2,),)),
        RealizeCase("a diamond, and what is inside", diamond, shapes=((2,),)),
        RealizeCase("a ladder", ladder),
        RealizeCase("the same tensor, asked for twice", lambda x: [a := exp(x), a], shapes=((2, 3),)),
        RealizeCase("first inside, then outside", lambda x: [a := exp(x * 2), a * a + a], shapes=((2,),)),
        RealizeCase("a tensor whose value is known", lambda x: [a := exp(x * 2), a * 3], shapes=((2,),), known=(0,)),
    )
    long = (RealizeCase(f"a chain of {LONG} tensors", lambda x: [x], shapes=((2,),), chain=LONG),)
    parts = (
        Part("values", 1, values, judge_values, "what a value is made of, and in which order"),
        Part("each once", 0.5, counted, judge_once, "which tensors have a value already when another one asks"),
        Part("large graphs", 0.5, long, judge_long, "how many calls are open at once"),
    )
    return Question(UNIT.name, number, "realize_cached_data", parts)


# --- detach

DETACHED = Form(
    "units.eager_tensor.probe:detach", arrays=lambda case: 1, facts=dict.fromkeys(("new", "free", "requires", "untouched", "same"), is_flag)
)


@dataclass(frozen=True)
class DetachCase:
    """A tensor, factor * a + b, with or without a value."""

    form: ClassVar[Form] = DETACHED

    waiting: bool = False
    dtype: str = "float64"
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"a tensor that {'waits for its value' if self.waiting else 'has a value'}, {self.dtype}"

    def features(self) -> dict[str, Any]:
        return {"value": "still to come" if self.waiting else "there", "dtype": self.dtype}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.name)
        return tuple(rng.standard_normal((2, 3)).astype(self.dtype) for _ in range(2))

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"waiting": self.waiting, "factor": FACTOR}, self.arrays)


def judge_same_numbers(case: DetachCase, answer: Answer) -> Failure | None:
    """The very numbers of the tensor, in the one array that both hold."""
    if (problem := wrong_value(case, answer)) or answer.facts["same"]:
        return problem
    message = "What detach returned holds a copy: when the array of the tensor is overwritten, its numbers stay."
    return wrong(case, message, "The same numbers, not a copy of them: which given method makes a tensor around an array?", np.ones(1))


def judge_apart(case: DetachCase, answer: Answer) -> Failure | None:
    facts = answer.facts
    marks = np.asarray([1.0 + facts[name] for name in ("new", "free", "requires", "untouched")])
    if answer.arrays[0].shape != case.arrays[0].shape or answer.arrays[0].dtype.kind != "f":
        return wrong(
            case, "What detach returns has no numbers of the tensor's shape.", "What does it have in common with the tensor?", marks
        )
    said = [
        (facts["new"], "detach returned the tensor itself.", "Whoever holds the tensor still needs its history."),
        (facts["free"], "What detach returned still has inputs.", "From what is it to be cut off?"),
        (not facts["requires"], "What detach returned requires a gradient.", "Through what would a gradient go on?"),
        (facts["untouched"], "detach has changed the tensor itself.", "Others still need its history."),
    ]
    return next((wrong(case, message, hint, marks) for right, message, hint in said if not right), None)


def detach_question(number: int) -> Question:
    cases = (DetachCase(), DetachCase(waiting=True), DetachCase(dtype="float32"))
    parts = (
        Part("numbers", 0.5, cases, judge_same_numbers, "what the two tensors have in common"),
        Part("no history", 0.5, cases, judge_apart, "what they have not in common"),
    )
    return Question(UNIT.name, number, "detach", parts)
