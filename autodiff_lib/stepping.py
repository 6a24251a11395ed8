"""What happens in a pass through a graph, step by step: forward in the order that a function returned, then back.

The way back is what `gradients` really did: while it runs, every question to an operator is heard, with the gradient that
was handed over and the contributions that came back. Where nobody has written it yet, the order is walked from its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .checks.probe import attempt, missing_return, stand_ins
from .checks.question import Problem
from .feeding import as_tensors
from .graph import Node, Variable
from .graph_data import inputs_first
from .graph_drawing import MAX_DRAWN, run
from .messages import describe_value
from .registry import restored, table

MAX_STEPS = 3 * MAX_DRAWN  # in either direction; code that goes round in circles has more

DEPTH = ContextVar("DEPTH", default=0)
"""How many ways back are under way, one inside of another: `gradients` may look at steps itself while it runs."""

ABSENT = object()

Order = Callable[[list[Node]], Sequence[Node]]
Gradients = Callable[[Node, list[Node]], Sequence[Node]]


@dataclass(frozen=True)
class Computed:
    """A step forward: a node, its value, and those of its inputs that come later in the order."""

    node: Node
    value: Tensor
    lacking: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Made:
    """A node comes to be, and has no value yet."""

    node: Any


@dataclass(frozen=True)
class Contribution:
    """What a consumer hands to one of its inputs, the `which`-th; `parts` are all that have arrived there so far."""

    operand: Node
    which: int
    parts: tuple[Tensor, ...]
    late: bool  # the operand has handed on its own gradient already

    @property
    def amount(self) -> Tensor:
        return self.parts[-1]


@dataclass(frozen=True)
class HandedOn:
    """A step back: a node is asked for the gradients of its inputs, from `gradient`, which is taken for its own."""

    node: Node
    gradient: Tensor
    arrived: Tensor | None  # the sum of what consumers have handed to the node so far
    early: tuple[Node, ...]  # consumers that have handed on nothing yet
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class End:
    """What came out for a node: by the steps back, by what `gradients` returned, and in an order that is right."""

    node: Node
    arrived: Tensor
    returned: Tensor | None
    right: Tensor


@dataclass(frozen=True)
class Pass:
    """All steps through the graph of `nodes`, and sentences about what went wrong on the way."""

    nodes: list[Node]
    called: dict[Node, str]
    forward: list[Computed] = field(default_factory=list)
    backward: list[HandedOn] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Account:
    """What has been handed on so far, on the way back from `output`."""

    consumers: Mapping[Node, Sequence[Node]]
    parts: dict[Node, tuple[Tensor, ...]]
    asked: set[Node] = field(default_factory=set)

    @classmethod
    def of(cls, output: Node, value: Tensor) -> Account:
        consumers: dict[Node, list[Node]] = {}
        for node in inputs_first([output]):
            for operand in dict.fromkeys(node.inputs):
                consumers.setdefault(operand, []).append(node)
        return cls(consumers, {output: (torch.ones_like(value),)})


@dataclass(frozen=True)
class Call:
    """A question to an operator, as it was heard: the gradient that it was asked with, and its answer."""

    node: Node
    output_grad: Node
    answer: Any


def passed(
    outputs: Sequence[Node],
    values: Mapping[Node, Any],
    wrt: Sequence[Node] | None = None,
    order: Order | Sequence[Node] | None = None,
    gradients: Gradients | None = None,
    names: Mapping[Node, str] | None = None,
) -> Pass:
    """The steps through the graph of `outputs`; the way back begins at the first of them, and there is none where `wrt` is empty.

    `order` and `gradients` are those in the table unless others are given. What is wrong with them is told in `notes`. Raises
    TypeError for outputs or `wrt` that are no lists of nodes, ValueError for a variable without a value and for one of `wrt`
    that is not in the graph, NotImplementedError for an order or an operator that nobody has written.
    """
    if not are_nodes(outputs) or not outputs:
        raise TypeError(f"step: outputs must be a list of nodes, as [y], got {describe_value(outputs)}")
    nodes = inputs_first(outputs)
    computed, _ = as_tensors(values)
    missing = [node.name for node in nodes if not node.inputs and node not in computed]
    if missing:
        raise ValueError(f"step: no value was fed for {', '.join(missing)}; values must hold one for each variable")
    if wrt is not None and not are_nodes(wrt):
        raise TypeError(f"step: wrt must be a list of nodes, as [x], got {describe_value(wrt)}")
    told = Pass(nodes, called(nodes, names or {}))
    wrt = [node for node in inputs_first(outputs[:1]) if not node.inputs] if wrt is None else wrt
    if foreign := [node.name for node in wrt if node not in told.called]:
        raise ValueError(f"step: wrt holds {', '.join(foreign)}, on which the outputs do not depend")
    chosen = table["topological_order"] if order is None else order
    listed = in_order(chosen, outputs, names or {}, told)
    all_computed = compute(computed, told)
    told.forward.extend(forward(listed, computed))
    if listed and wrt and all_computed:
        with one_deeper():
            backward(outputs[0], wrt, computed, listed, gradients or table["gradients"], order, told)
    return told


def called(nodes: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, str]:
    """What each node is called in words: its given name, else its operator, with a number where there are several of it."""
    plain = {node: names.get(node, node.op.name if node.inputs else node.name) for node in nodes}
    alike: dict[str, list[Node]] = {}
    for node, name in plain.items():
        alike.setdefault(name, []).append(node)
    return {node: name if len(alike[name]) == 1 else f"{name} #{alike[name].index(node) + 1}" for node, name in plain.items()}


def stopped(what: str, problem: Problem) -> str:
    """A sentence about code that raised. NotImplementedError where that is an exercise that nobody has written."""
    if problem.kind == "NotImplementedError":
        raise NotImplementedError(problem.message)
    where = f" ({problem.where})" if problem.where else ""
    return f"{what} stopped with {problem.kind}: {problem.message}{where}"


def are_nodes(result: Any, count: int | None = None) -> bool:
    """Whether a result is a list of nodes, `count` of them if that is given."""
    return isinstance(result, list | tuple) and all(isinstance(node, Node) for node in result) and count in (None, len(result))


def name_of(function: Any) -> str:
    return "the list" if isinstance(function, list | tuple) else getattr(function, "__name__", "the order")


# --- forward


def in_order(order: Order | Sequence[Node], outputs: Sequence[Node], names: Mapping[Node, str], told: Pass) -> list[Node]:
    """The graph's nodes as `order` lists them, as often as it does, and are numbered then; what is wrong with the list is noted."""
    name, nodes = name_of(order), set(told.nodes)
    result = attempt(lambda: order(list(outputs))) if callable(order) else order
    if isinstance(result, Problem):
        told.notes.append(stopped(name, result))
        return []
    if not are_nodes(result):
        told.notes.append(f"{name} must return a list of nodes, got {missing_return(result)}")
        return []
    listed = [node for node in result if node in nodes]
    told.called.update(called([*dict.fromkeys(listed), *(node for node in told.nodes if node not in set(listed))], names))
    if len(listed) < len(result):
        foreign = next(node.name for node in result if node not in nodes)
        told.notes.append(f"{name} lists {foreign}, on which the output does not depend")
    if left_out := [told.called[node] for node in told.nodes if node not in set(listed)]:
        told.notes.append(f"{name} leaves out {' and '.join(left_out)}")
    if len(listed) > MAX_STEPS:
        told.notes.append(f"{name} lists {len(listed)} nodes where there are {len(told.nodes)}; the first {MAX_STEPS} are shown")
    return listed[:MAX_STEPS]


def compute(computed: dict[Node, Tensor], told: Pass) -> bool:
    """Add the values of all nodes, whatever the order that is shown; whether there is one for each."""
    for node in told.nodes:
        if node not in computed:
            value = attempt(lambda node=node: node.op.compute(node, [computed[operand] for operand in node.inputs]))  # type: ignore[misc]
            if isinstance(value, Problem):
                told.notes.append(stopped(f"compute of {told.called[node]}", value))
                return False
            if not isinstance(value, Tensor):
                told.notes.append(f"compute of {told.called[node]} must return a tensor, got {missing_return(value)}")
                return False
            computed[node] = value
    return True


def forward(listed: Sequence[Node], computed: Mapping[Node, Tensor]) -> Iterator[Computed]:
    """The steps along the order, up to the first node that has no value."""
    seen: set[Node] = set()
    for node in listed:
        if node not in computed:
            return
        yield Computed(node, computed[node], tuple(operand for operand in dict.fromkeys(node.inputs) if operand not in seen))
        seen.add(node)


# --- back


def backward(
    output: Node,
    wrt: Sequence[Node],
    computed: dict[Node, Tensor],
    listed: Sequence[Node],
    gradients: Gradients,
    order: Order | Sequence[Node] | None,
    told: Pass,
) -> None:
    """Add the steps back from `output`, and what came out for each of `wrt`."""
    calls, returned = heard(gradients, order, output, wrt, told)
    account = Account.of(output, computed[output])
    if calls:
        follow(calls, account, computed, told)
    else:
        walk(listed, account, computed, told)
    values = values_of(returned, computed, "result of gradients", told) if returned else None
    right, aside = Account.of(output, computed[output]), Pass(told.nodes, told.called)
    if walk(inputs_first([output]), right, computed, aside):
        told.ends.extend(
            End(node, total(account, node, computed), values[returned[place]] if values else None, total(right, node, computed))
            for place, node in enumerate(wrt)
        )
    told.notes.extend(note for note in aside.notes if note not in told.notes)


def heard(
    gradients: Gradients, order: Order | Sequence[Node] | None, output: Node, wrt: Sequence[Node], told: Pass
) -> tuple[list[Call], Sequence[Node]]:
    """What `gradients` asks the operators while it runs, and the nodes that it returns; nothing of both where nobody has written it.

    An `order` other than its own stands in for `topological_order` meanwhile.
    """
    asked = 0

    def topological_order(outputs: list[Node]) -> Sequence[Node]:
        nonlocal asked
        asked += 1
        return order(outputs) if callable(order) else list(order or ())

    instead = {} if order is None else {"topological_order": topological_order}
    with restored({"gradients": gradients}), stand_ins("gradients", instead), listening(set(told.nodes)) as calls:
        returned = attempt(lambda: gradients(output, list(wrt)))
    if isinstance(returned, Problem) and returned.kind == "NotImplementedError":
        return [], []
    if isinstance(returned, Problem):
        told.notes.append(stopped("gradients", returned))
        return calls, []
    if order is not None and not asked:
        told.notes.append(f"gradients has not asked for {name_of(order)}: it goes back in an order of its own")
    if not calls and output.inputs:
        told.notes.append("gradients was not seen to ask any operator; the steps back are those of the order")
    if not are_nodes(returned, len(wrt)):
        told.notes.append(f"gradients must return a list with a node for each of the {len(wrt)} asked for, got {missing_return(returned)}")
        return calls, []
    return calls, returned


@contextmanager
def one_deeper() -> Iterator[None]:
    """While open, who listened before hears nothing."""
    before = DEPTH.set(DEPTH.get() + 1)
    try:
        yield
    finally:
        DEPTH.reset(before)


@contextmanager
def listening(nodes: set[Node]) -> Iterator[list[Call]]:
    """While open, what the operators of these nodes are asked for gradients is written down, with their answers.

    What a pass inside of this one asks is its own affair. A `gradient` that an operator has of its own, not by its class, is
    there again afterwards.
    """
    calls: list[Call] = []
    depth = DEPTH.get()

    def listener(gradient: Callable[[Node, Node], Any]) -> Callable[[Node, Node], Any]:
        def gradient_heard(node: Node, output_grad: Node) -> Any:
            if DEPTH.get() != depth:
                return gradient(node, output_grad)
            if len(calls) == MAX_STEPS:
                raise RuntimeError(f"for {len(nodes)} nodes the operators were asked for gradients more than {MAX_STEPS} times")
            answer = gradient(node, output_grad)
            if node in nodes and node.inputs:
                calls.append(Call(node, output_grad, answer))
            return answer

        return gradient_heard

    operators = {id(node.op): node.op for node in nodes}.values()
    before = [vars(op).get("gradient", ABSENT) for op in operators]  # an operator may have a `gradient` of its own, from its __init__
    for op in operators:
        vars(op)["gradient"] = listener(op.gradient)
    try:
        yield calls
    finally:
        for op, own in zip(operators, before, strict=True):
            if own is ABSENT:
                del vars(op)["gradient"]
            else:
                vars(op)["gradient"] = own


def follow(calls: Sequence[Call], account: Account, computed: Mapping[Node, Tensor], told: Pass) -> None:
    """Add the steps that `gradients` took, with the values of what it handed over and got back."""
    known = dict(computed)
    for call in calls:
        if not add_step(call.node, call.output_grad, call.answer, account, known, told):
            return


def walk(listed: Sequence[Node], account: Account, computed: Mapping[Node, Tensor], told: Pass) -> bool:
    """Add the steps along an order, from its end, with what has arrived at each node by then. Whether no operator failed."""
    for node in reversed(listed):
        if node.inputs and node in account.parts:
            g = Variable("g")
            answer = attempt(lambda node=node, g=g: node.op.gradient(node, g))  # type: ignore[misc]
            if isinstance(answer, Problem):
                told.notes.append(stopped(f"gradient of {told.called[node]}", answer))
                return False
            if not add_step(node, g, answer, account, {**computed, g: total(account, node, computed)}, told):
                return False
    return True


def add_step(node: Node, output_grad: Node, answer: Any, account: Account, known: dict[Node, Tensor], told: Pass) -> bool:
    """Add what one node hands on, and enter it into the account; False, and a note, where its answer is none.

    The values of the answer's nodes are added to those that are `known`.
    """
    name = told.called[node]
    if not are_nodes(answer, len(node.inputs)):
        told.notes.append(f"gradient of {name} must return a list with a node for each input, got {missing_return(answer)}")
        return False
    values = values_of([output_grad, *answer], known, f"gradient of {name}", told)
    if values is None:
        return False
    known.update(values)
    arrived = total(account, node, known) if node in account.parts else None
    early = tuple(consumer for consumer in account.consumers.get(node, ()) if consumer not in account.asked)
    account.asked.add(node)
    contributions = []
    for which, (operand, part) in enumerate(zip(node.inputs, answer, strict=True)):
        if known[part].shape != known[operand].shape:
            got, expected = list(known[part].shape), list(known[operand].shape)
            told.notes.append(f"{name} hands {told.called[operand]} a gradient of shape {got}, expected its own shape, {expected}")
            return False
        account.parts[operand] = (*account.parts.get(operand, ()), known[part])
        contributions.append(Contribution(operand, which, account.parts[operand], late=operand in account.asked))
    told.backward.append(HandedOn(node, known[output_grad], arrived, early, tuple(contributions)))
    return True


def total(account: Account, node: Node, computed: Mapping[Node, Tensor]) -> Tensor:
    return sum(account.parts.get(node, ()), torch.zeros_like(computed[node]))


def values_of(nodes: Sequence[Node], known: Mapping[Node, Tensor], what: str, told: Pass) -> dict[Node, Tensor] | None:
    """The values of nodes, and of all that they depend on; None, and a note, where an operator does not compute one."""
    values = attempt(lambda: run(inputs_first(nodes, known), known))
    if isinstance(values, Problem):
        told.notes.append(stopped(f"to compute the {what}", values))
        return None
    for node in nodes:
        if not isinstance(values[node], Tensor):
            told.notes.append(f"the {what} must be a tensor, got {missing_return(values[node])} from {node.op.name}")
            return None
    return values
