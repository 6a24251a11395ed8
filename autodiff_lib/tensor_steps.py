"""A function of a tensor worked through: what is made and when, what is computed, which rule is asked, and what differences say.

The steps are those that really happen: while the function runs, and the way back, whoever fills in a tensor, computes a value
or is asked for a gradient is written down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

import torch

from . import step_drawing as drawing
from .eager import Tensor, Value
from .graph import Node, Op
from .graph_data import inputs_first
from .graph_drawing import Drawing, summarise
from .registry import table
from .step_drawing import GRADIENTS, VALUES, Step, code, shown
from .stepping import Computed, Made, Pass, called

APART = 1e-3  # how far an entry is moved: large enough to be seen in the numbers
DIGITS = 6


@dataclass(frozen=True)
class Asked:
    """An operator was asked for gradients."""

    node: Node
    answer: Sequence[Node]


@dataclass
class Record:
    """What happened, in its order."""

    events: list[Made | Computed | Asked] = field(default_factory=list)


def step_tensor(function: Callable[[Any], Any], x: Any, name: str = "x") -> Drawing:
    """`y = function(x)` with its gradient, to step through with ◀ and ▶, a slider or the arrow keys.

    `function` takes a tensor and returns one that operators have made of it; `x` is a tensor of a few float64 numbers. The
    tensors are made, computed and differentiated by the methods of unit 6 that you have written; then the gradient is compared
    with central differences, entry by entry. Raises TypeError where `x` or the result is no such tensor, NotImplementedError
    for what nobody has written.
    """
    if not isinstance(x, Tensor) or x.dtype != torch.float64:
        raise TypeError("step_tensor: x must be a tensor of float64 numbers, as Tensor([2.0, 3.0], dtype='float64')")
    leaf = Tensor(x, name=name)
    with recorded() as forward:
        y = function(leaf)
        if not isinstance(y, Tensor) or not y.inputs:
            raise TypeError(f"step_tensor: the function must return a tensor that an operator has made, got {y!r}")
        y.realize_cached_data()
    out_grad = Tensor.make_const(torch.ones_like(y.value()))
    with recorded() as backward:
        y.backward(out_grad, create_graph=True)
        if leaf.grad is None:
            raise TypeError("step_tensor: the result does not depend on x, or backward has put nothing into its grad")
        gradient = leaf.grad.realize_cached_data()
    nodes = inputs_first([y, leaf.grad])
    told = Pass(nodes, called(nodes, {leaf: name, y: "y", out_grad: "out_grad"}))
    steps = [
        made_of_numbers(leaf, told),
        *described(forward, told),
        *way_back(y, out_grad, told),
        *described(backward, told),
        assigned(leaf, told),
        *differences(function, leaf, told),
        compared(function, leaf, gradient, told),
    ]
    title = f"{summarise(nodes)}, in {len(steps)} steps"
    intro = f"From {code(name)} to {code('y')}, the way back, and the differences. Above each box stand the numbers of its steps."
    markup = drawing.page(drawing.svg(told, [y], steps, title, growing=True), steps, title, intro)
    key = f"steps-{hashlib.sha256(markup.encode()).hexdigest()[:12]}"
    lines = [f"{number:3}. {drawing.plain(one.text)}" for number, one in enumerate(steps, start=1)]
    return Drawing(markup.replace("@KEY@", key), "\n".join([title, *lines]))


# --- what happens


@contextmanager
def recorded() -> Iterator[Record]:
    """While open, it is written down which tensors are filled in, and what operators compute and are asked."""
    record = Record()
    fill_in = Value._init

    def filled_in(self: Value, *args: Any, **kwargs: Any) -> None:
        fill_in(self, *args, **kwargs)
        record.events.append(Made(self))

    with ExitStack() as stack:
        for op in {id(entry): entry for entry in table.values() if isinstance(entry, Op)}.values():
            stack.enter_context(heard(op, record))
        stack.callback(setattr, Value, "_init", fill_in)
        Value._init = filled_in  # type: ignore[method-assign]
        yield record


@contextmanager
def heard(op: Op, record: Record) -> Iterator[None]:
    """While open, this operator's answers are written down. What it has of its own, not by its class, is there again afterwards."""
    own: dict[str, Any] = {name: vars(op)[name] for name in ("compute", "gradient") if name in vars(op)}
    compute, gradient = op.compute, op.gradient

    def computed(node: Node, inputs: Any) -> Any:
        value = compute(node, inputs)
        record.events.append(Computed(node, value))
        return value

    def asked(node: Node, output_grad: Node) -> Any:
        place = len(record.events)
        answer = gradient(node, output_grad)
        record.events.insert(place, Asked(node, answer))  # before what is made on the way to the answer
        return answer

    vars(op).update(compute=computed, gradient=asked)
    try:
        yield
    finally:
        del vars(op)["compute"], vars(op)["gradient"]
        vars(op).update(own)


# --- the steps in words


def bold(node: Node, told: Pass) -> str:
    return f"<b>{escape(told.called[node])}</b>"


def described(record: Record, told: Pass) -> Iterator[Step]:
    """The steps about what is in the picture."""
    for event in record.events:
        if event.node not in told.called:
            continue
        if isinstance(event, Made):
            if event.node.inputs:
                yield made(event, told)
        elif isinstance(event, Computed):
            text = f"{code(f'{event.node.op.name}.compute')} runs, and {bold(event.node, told)} holds {code(shown(event.value))}."
            yield Step(text, VALUES, event)
        else:
            answer = " and ".join(bold(node, told) for node in event.answer if node in told.called)
            rule = f"{code(f'{event.node.op.name}.gradient')} is asked; its {code('node')} is {bold(event.node, told)}."
            yield Step(f"{rule} It makes tensors, and hands back {answer}.", GRADIENTS)


def made(event: Made, told: Pass) -> Step:
    node = event.node
    inputs = ", ".join(bold(operand, told) for operand in node.inputs)
    attrs = f", attrs {code(str(node.attrs))}" if node.attrs else ""
    return Step(f"{bold(node, told)} is made: op {code(node.op.name)}, inputs ({inputs}){attrs}. It has no value yet.", VALUES, event)


def made_of_numbers(leaf: Tensor, told: Pass) -> Step:
    text = f"{bold(leaf, told)} is made of numbers: no inputs, and it holds {code(shown(leaf.value()))}. It requires a gradient."
    return Step(text, VALUES, Computed(leaf, leaf.value()))


def way_back(y: Tensor, out_grad: Tensor, told: Pass) -> Iterator[Step]:
    order = table["06_eager_tensor.find_topo_sort"]([y])
    listed = ", ".join(bold(node, told) for node in order)
    backward = f"{code('y.backward()')} begins with {bold(out_grad, told)}, ones of the shape of {bold(y, told)}."
    yield Step(backward, GRADIENTS, Computed(out_grad, out_grad.value()))
    yield Step(f"{code('find_topo_sort([y])')} is {listed}. The way back goes through it from its end.", GRADIENTS)


def assigned(leaf: Tensor, told: Pass) -> Step:
    grad = leaf.grad
    if grad is None:
        raise ValueError("the gradient has been taken away while it was looked at")
    text = f"{code(f'{told.called[leaf]}.grad')} is {bold(grad, told)}, by the rule: {code(shown(grad.value()))}."
    return Step(text, GRADIENTS, Computed(grad, grad.value()))


def differences(function: Callable[[Any], Any], leaf: Tensor, told: Pass) -> Iterator[Step]:
    """A step for each entry."""
    for place, (above, below) in enumerate(sides(function, leaf)):
        what = f"{told.called[leaf]}[{place}]" if leaf.value().numel() > 1 else told.called[leaf]
        sums = f"({above:.{DIGITS}f} - {below:.{DIGITS}f}) / {2 * APART:g}"
        moved = f"{code(what)} is moved by {APART:g}, up and down, and the entries of {code('y')} are added up each time"
        yield Step(f"{moved}: {code(f'{sums} = {slope(above, below):.{DIGITS}f}')}.", GRADIENTS)


def compared(function: Callable[[Any], Any], leaf: Tensor, gradient: torch.Tensor, told: Pass) -> Step:
    found = torch.tensor([slope(*both) for both in sides(function, leaf)], dtype=torch.float64).reshape(gradient.shape)
    error = float((found - gradient).abs().max())
    agree = error <= 10 * APART**2 * max(1.0, float(gradient.abs().max()))
    numbers = f"By differences {code(listed(found))}, by the rule {code(listed(gradient))}"
    verdict = "They agree: what is left comes from the size of the step." if agree else "They differ: one of the two is wrong."
    return Step(f"{'' if agree else '✗ '}{numbers}. {verdict}", GRADIENTS if agree else drawing.WRONG)


def listed(values: torch.Tensor) -> str:
    return f"[{', '.join(f'{value:.{DIGITS}f}' for value in values.flatten().tolist())}]"


def slope(above: float, below: float) -> float:
    return (above - below) / (2 * APART)


def sides(function: Callable[[Any], Any], leaf: Tensor) -> Iterator[tuple[float, float]]:
    """For each entry, the sum of the function's entries where this one is a little larger, and where it is a little smaller."""
    for place in range(leaf.value().numel()):
        found = []
        for step in (APART, -APART):
            moved = leaf.value().clone()
            moved.view(-1)[place] += step
            found.append(float(function(Tensor.make_const(moved)).value().sum()))
        yield found[0], found[1]
