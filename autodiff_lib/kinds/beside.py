"""Where a wrong graph leaves the way of the reference: both are evaluated beside each other, on the same numbers.

The reference tells the values on its way by their names, and of which ones each is made. A right graph may go another
way: it may fold two products into one, turn a matrix on its side, scale sooner or later. So no node is blamed for having
no counterpart. A node is named where it can be shown that it stands in the place of one of these values: with that
value put there instead, what the student built on it comes out right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import torch
from torch import Tensor

from ..checks.question import Beside, plain
from ..graph import REQUIRED, Op
from ..graph_data import Forward, GraphError, evaluate_untrusted, evaluation_order
from ..registry import table
from .steps import RESULT, Step, Steps, alike, followed, stands_for, the, without_repeats

MAX_NODES = 150  # of a graph in which a node is looked for; an answer has about 30
MAX_NUMBERS = 2_000_000  # of all values, all the times that the graph is evaluated: what is not found by then is not said
DEEP, LONG = 3, 110  # how far an expression is written out: operators inside of each other, and characters


Values = list[Tensor | None]
"""The value of each operator's node in a graph, by its position; None for leaves, and where there is none."""


def beside(
    graph: dict[str, Any],
    names: Sequence[str],
    leaves: Sequence[Tensor],
    steps_of: Callable[..., Steps],
    forward: Forward,
    result: str = RESULT,
) -> Beside | None:
    """Which values of a wrong graph are the reference's, and which of its nodes stands in the place of another one of them.

    `names` are those of the leaves, of which `steps_of` makes the steps, and `result` is what the last one is called. None
    where nothing of that is sure, and for a graph whose value is right on these numbers.
    """
    if len(graph["nodes"]) > MAX_NODES or len(graph["outputs"]) != 1:
        return None
    try:
        way = Way(graph, leaves, steps_of, forward)
    except GraphError:  # the graph runs in a circle
        return None
    found = way.first_that_differs() if way.output in way.order else None
    if found is None:
        return None
    name, node = found
    known, called = way.known_by_name(), result if name == RESULT else name
    written = the(known[node]) if node in known else expression(graph, node, names, known)
    got, want = way.values[node], way.steps[name].value
    has = f"has {written}, {'which cannot be evaluated' if got is None else 'with another value'}"
    there = [way.as_it_is_there(earlier) for earlier in way.before(name) if earlier in way.present]
    if there:
        said = f"Your graph has the reference's {listed(there)}. In the place of {the(called)} it {has}."
    else:
        said = f"In the place of the reference's {called} your graph {has}."
    return Beside(said, written, None if got is None else plain(got), called, plain(want))


class Way:
    """A graph with the values of all its nodes, beside the reference's steps."""

    def __init__(self, graph: dict[str, Any], leaves: Sequence[Tensor], steps_of: Callable[..., Steps], forward: Forward) -> None:
        self.graph, self.leaves, self.forward = graph, leaves, forward
        self.order = [position for position in evaluation_order(graph) if "op" in graph["nodes"][position]]
        self.output = graph["outputs"][0]
        self.steps_of = steps_of
        self.steps = without_repeats(followed(steps_of(*leaves)))
        self.changed: dict[str, dict[str, Step]] = {}  # step -> what becomes of all of them where it is another
        self.tried: dict[tuple[int, str, int, bool], Values] = {}
        self.left = MAX_NUMBERS
        self.values = self.evaluated(graph, leaves)
        self.counterparts = {
            position: name for position in self.order for name in self.inner() if stands_for(self.values[position], self.steps[name])
        }  # node -> the step whose value it has
        self.present = set(self.counterparts.values())

    def inner(self) -> list[str]:
        """The names of all steps but the last."""
        return [name for name in self.steps if name != RESULT]

    def before(self, name: str) -> list[str]:
        names = list(self.steps)
        return names[: names.index(name)]

    # --- a node in the place of a step

    def first_that_differs(self) -> tuple[str, int] | None:
        """A step, and the node that stands in its place: with the step's value there, the graph comes to the right result.

        Where that step is made of others that are not there either, the mistake may be in them, or another one may. So it goes
        on from there: to a step before it, with whose value in the place of a node those that are missing come about, where
        that node serves nothing but the one that was found.
        """
        if self.comes_to([RESULT], self.values, self.steps):
            return None
        if self.output in self.counterparts:  # it ends too early
            return RESULT, self.output
        own = [position for position in self.order if position not in self.counterparts]
        found = self.place_of(self.inner(), own, {RESULT})
        if found is None and (last := self.steps[RESULT].made_of) and self.present.issuperset(last):
            return RESULT, self.output
        found = found or self.place_of(self.inner(), [*self.counterparts], {RESULT})
        while found is not None and (missing := {name for name in self.steps[found[0]].made_of if name not in self.present}):
            names = [name for name in self.before(found[0]) if name not in self.present]
            below = self.serving(found[1])
            own, others = ([one for one in self.order if one in below and (one in self.counterparts) == has] for has in (False, True))
            earlier = self.place_of(names, own, missing) or self.place_of(names, others, missing)
            if earlier is None:
                break
            found = earlier
        return found

    def serving(self, position: int) -> set[int]:
        """The nodes that the output needs for this one alone."""
        nodes = self.graph["nodes"]
        without = [node if one != position else {"leaf": 0} for one, node in enumerate(nodes)]
        return needed(nodes, position) - needed(without, self.output)

    def place_of(self, names: Sequence[str], positions: Sequence[int], wanted: Collection[str]) -> tuple[str, int] | None:
        """The first step that, in the place of one of these nodes, makes the wanted ones come about; and the first of those nodes.

        They must come about in the same way as in the reference, when the step is another one as well: some operators change
        nothing where they are applied once more, and some changes make no difference to what comes of them.
        """
        for name in names:
            rest = [step for step in wanted if step != name]
            for position in positions:
                if not rest or self.counterparts.get(position) == name:
                    continue
                for form, value in enumerate(self.steps[name].forms()):
                    if self.may_have_shape(position, value) and all(
                        self.comes_to(rest, self.with_step(position, name, form, changed), self.reference(name, changed))
                        for changed in (True, False)
                    ):
                        return name, position
        return None

    def may_have_shape(self, position: int, value: Tensor) -> bool:
        """Whether it is worth a try: where the result has the right shape, a node has the shape of what it stands for."""
        own, result = self.values[position], self.values[self.output]
        return own is None or result is None or result.shape != self.steps[RESULT].value.shape or own.shape == value.shape

    def comes_to(self, wanted: Collection[str], values: Values, steps: Mapping[str, Step]) -> bool:
        """Whether all these are among the values; the result at the end, and as it is."""

        def is_there(name: str) -> bool:
            if name != RESULT:
                return any(stands_for(value, steps[name]) for value in values)
            end = values[self.output]
            return end is not None and alike(end, steps[name].value)

        return all(map(is_there, wanted))

    def reference(self, name: str, changed: bool) -> Mapping[str, Step]:
        """All steps as they are, or as they become where one is changed to something else."""
        if not changed:
            return self.steps
        if name not in self.changed:
            random = torch.Generator().manual_seed(list(self.steps).index(name))
            value = self.steps[name].value
            other = value + 0.1 + 0.4 * torch.rand(value.shape, generator=random, dtype=value.dtype)
            self.changed[name] = followed(self.steps_of(*self.leaves), name, other)
        return self.changed[name]

    # --- values

    def evaluated(self, graph: dict[str, Any], leaves: Sequence[Tensor]) -> Values:
        """As far as it goes: what comes after an operator that cannot be applied has no value."""
        made: list[Tensor] = []

        def noted(apply: Callable[..., Tensor]) -> Callable[..., Tensor]:
            def applied(*inputs: Tensor, **attrs: Any) -> Tensor:
                if self.left < 0:
                    raise ValueError(f"the graph takes more than {MAX_NUMBERS} numbers to look through")
                made.append(apply(*inputs, **attrs))
                self.left -= made[-1].numel()
                return made[-1]

            return applied

        with suppress(GraphError):
            evaluate_untrusted(graph, leaves, {name: noted(apply) for name, apply in self.forward.items()})
        values: Values = [None] * len(graph["nodes"])
        order = (position for position in self.order if "op" in graph["nodes"][position])
        for position, value in zip(order, made, strict=False):
            values[position] = value
        return values

    def with_step(self, position: int, name: str, form: int, changed: bool) -> Values:
        """The values of the nodes that the output needs, where one of them is given a form of a step's value."""
        key = position, name, form, changed
        if key not in self.tried:
            nodes = [*self.graph["nodes"]]
            nodes[position] = {"leaf": len(self.leaves)}
            there = needed(nodes, self.output)
            nodes = [node if one in there else nodes[position] for one, node in enumerate(nodes)]
            value = self.reference(name, changed)[name].forms()[form]
            self.tried[key] = self.evaluated(self.graph | {"nodes": nodes}, [*self.leaves, value])
        return self.tried[key]

    def known_by_name(self) -> dict[int, str]:
        """Nodes that have the very value of a step, which may stand for them where an expression is written out."""
        found = self.counterparts.items()
        return {node: name for node, name in found if alike(cast(Tensor, self.values[node]), self.steps[name].value)}

    def as_it_is_there(self, name: str) -> str:
        """A step by its name, and how it differs from the reference's where it does."""
        values = [cast(Tensor, self.values[node]) for node, step in self.counterparts.items() if step == name]
        if any(alike(value, self.steps[name].value) for value in values):
            return name
        return f"transposed {name}" if any(alike(value.mT, self.steps[name].value) for value in values if value.ndim >= 2) else name


def needed(nodes: Sequence[Mapping[str, Any]], output: int) -> set[int]:
    """The nodes on which one depends, itself among them."""
    found, todo = {output}, [output]
    while todo:
        for operand in nodes[todo.pop()].get("inputs", ()):
            if operand not in found:
                found.add(operand)
                todo.append(operand)
    return found


def listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def expression(graph: dict[str, Any], node: int, names: Sequence[str], known: Mapping[int, str]) -> str:
    """A node of a graph as it was written, with leaves and known nodes by their names."""

    def written(position: int, deep: int) -> str:
        entry = graph["nodes"][position]
        if "leaf" in entry:
            return names[entry["leaf"]] if entry["leaf"] < len(names) else "…"
        if position in known and position != node:
            return known[position]
        if deep == DEEP:
            return "…"
        inputs = [written(operand, deep + 1) for operand in entry["inputs"]]
        return f"{entry['op']}({', '.join([*inputs, *settings(entry)])})"

    text = written(node, 0)
    return text if len(text) <= LONG else f"{text[: LONG - 2]} …"


def settings(entry: Mapping[str, Any]) -> list[str]:
    """The attributes of a node as a call has them: by name where they have a default, and only where they differ from it."""
    op = table.get(entry["op"])
    declared = op.signature.attrs if isinstance(op, Op) else {}
    found = []
    for key, value in entry["attrs"].items():
        listed = tuple(value) if isinstance(value, list) else value
        shown = f"{listed:.4g}" if isinstance(listed, float) else f"{listed}"  # more digits differ from processor to processor
        if declared.get(key, listed) is REQUIRED:
            found.append(shown)
        elif key not in declared or declared[key] != listed:
            found.append(f"{key}={shown}")
    return found
