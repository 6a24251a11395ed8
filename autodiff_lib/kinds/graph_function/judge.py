"""How functions that build graphs are judged: the judge evaluates the graph on numbers of its own, beside a twin made of torch's layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Protocol

from torch import Tensor

from ...checks.diagnosis import diagnose
from ...checks.forms import Form
from ...checks.question import Answer, Ask, Beside, Case, Failure, all_numbers, plain
from ...graph_data import Forward, GraphError, evaluate_untrusted, outputs_of
from .. import reference
from ..beside import beside
from ..steps import Steps

EXACT = 1e-10  # relative; two ways to write a formula differ by far less in float64
MAX_NODES, MAX_NUMBERS = 1000, 2_000_000  # of a graph and of its values; an answer has about 30 nodes, and tasks evaluate it 600 times


def beside_the_steps(case: FunctionCase, answer: Answer) -> Beside | None:
    """How far a wrong graph goes with the reference, on all of the case's own numbers: what a judge leaves out shows as well."""
    function = case.described
    if function.steps is None:
        return None
    steps = partial(function.steps, **settings(case))
    return beside(answer.graph, function.leaves, list(case.values().values()), steps, counted(function))


BUILD = Form("kinds.graph_function.probe:build", outputs=lambda case: 1, outputs_of=outputs_of, beside=beside_the_steps)


@dataclass(frozen=True)
class Function:
    """A function that builds a graph: what it is called with, and the twin to which its graph must come."""

    name: str
    arguments: tuple[str | tuple[str, ...], ...]  # variables; those of a tuple are handed over as one dictionary
    number: str  # the name of the last argument, which is a number; empty where there is none
    twin: Callable[..., Tensor]  # of the values of all leaves, and of the number by its name
    numbers: Callable[[Mapping[str, Tensor]], int]  # how many numbers its values take inside of another. ValueError for impossible ones
    inside: tuple[Function, ...] = ()  # the functions that it calls, which are sealed
    entry: str = ""  # its name in the table, where that is another one
    steps: Callable[..., Steps] | None = None  # of what the twin is called with: the values on the way to its result

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of all variables, in the order of the arguments."""
        return tuple(name for given in self.arguments for name in ([given] if isinstance(given, str) else given))

    def ask(self, number: float | None) -> Ask:
        sealed = {inner.name: [list(inner.leaves), inner.number] for inner in self.inside}
        arguments = [given if isinstance(given, str) else list(given) for given in self.arguments]
        function = self.entry or self.name
        return Ask(BUILD.probe, {"function": function, "arguments": arguments, "number": number if self.number else None, "sealed": sealed})


class FunctionCase(Case, Protocol):
    """A function on values for its variables."""

    @property
    def described(self) -> Function:
        """The function."""

    @property
    def number(self) -> float:
        """The value of its last argument."""

    def values(self) -> dict[str, Tensor]:
        """A float64 value for each variable."""


def settings(case: FunctionCase) -> dict[str, float]:
    """The number that the function is called with, by its name."""
    return {case.described.number: case.number} if case.described.number else {}


def twin(case: FunctionCase, leaves: Mapping[str, Tensor]) -> Tensor:
    return case.described.twin(*leaves.values(), **settings(case))


def evaluated(case: FunctionCase, answer: Answer, leaves: Mapping[str, Tensor]) -> Tensor:
    """The value of the student's graph. GraphError where it has none."""
    return value_of(answer.graph, list(leaves.values()), case.described)


def value_of(graph: dict[str, Any], leaves: Sequence[Tensor], function: Function) -> Tensor:
    """The value of a graph that answers for a function. GraphError where it has none, and where it takes too much time or memory."""
    if len(graph["nodes"]) > MAX_NODES:
        raise GraphError(f"it has {len(graph['nodes'])} nodes; there may be {MAX_NODES}.")
    return evaluate_untrusted(graph, leaves, counted(function))[0]


def counted(function: Function) -> Forward:
    """The operators, and the functions that this one calls, which raise ValueError once their values have taken too much."""
    left = MAX_NUMBERS
    sealed = {inner.name: inner for inner in function.inside}

    def pay(numbers: int) -> None:
        nonlocal left
        left -= numbers
        if left < 0:
            raise ValueError(f"the values of the graph would take more than {MAX_NUMBERS} numbers")

    def paid(name: str, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def apply(*inputs: Tensor, **attrs: Any) -> Tensor:
            if name in sealed:
                pay(sealed[name].numbers(dict(zip(sealed[name].leaves, inputs, strict=True))))
            value = forward(*inputs, **attrs)
            pay(value.numel() * (max(1, inputs[0].shape[-1] // 16) if name == "matmul" else 1))  # long products take time
            return value

        return apply

    forward = {**reference.forward(), **{name: inner.twin for name, inner in sealed.items()}}
    return {name: paid(name, value) for name, value in forward.items()}


Judge = Callable[[Any, Answer], Failure | None]


def of_a_graph(judge: Judge) -> Judge:
    """A judge who says so where the graph cannot be evaluated, instead of raising GraphError."""

    @wraps(judge)
    def judged(case: Case, answer: Answer) -> Failure | None:
        try:
            return judge(case, answer)
        except GraphError as error:
            hint = "Write its shape beside each node of your graph: which two do not fit?" if error.inputs else ""
            return Failure.wrong(case, f"The graph cannot be evaluated: {error}", hint, all_numbers(error.inputs))

    return judged


def wrong_value(case: FunctionCase, answer: Answer, leaves: Mapping[str, Tensor], got: Tensor, want: Tensor) -> Failure:
    """What is said of a value that is not the twin's: which arguments the graph does not use, or how the numbers are related."""
    shown = {name: leaves[name] for name in ("X", "logits", "mask") if name in leaves}
    message, hint = f"{case.described.name} has a wrong value.", diagnose(plain(got), plain(want), "float64")
    used = {node.get("leaf") for node in answer.graph["nodes"]}
    unused = [name for number, name in enumerate(leaves) if number not in used]
    if unused:
        message = f"{case.described.name} does not use {' and '.join(unused)}."
        hint = "Where in the formula does each argument stand?"
    return Failure.wrong(case, message, hint, got, want, **shown)
