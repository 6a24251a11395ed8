"""How graphs that students order, evaluate and differentiate are asked for and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_error, is_flag, is_list_of
from ...checks.question import Answer, Ask, Beside, Failure, all_numbers
from ...checks.values import Shape, draw, generator
from ...graph import Node, Variable
from ...graph_data import GraphError, evaluate, evaluate_untrusted, from_data, outputs_of, to_data
from ...graph_drawing import draw_graph
from .. import reference
from ..beside import beside
from .adjoints import adjoints
from .probe import factors_of
from .watch import STEPS_PER_NODE

WIDE_ROWS = 100  # rows of a large matrix that the judge takes at once
BY_POSITION = ("topological_order", "evaluator_run")  # whose answers name nodes by their positions
SLACK = 3  # results that a run may keep beyond those still needed: what its local variables hold
MAX_DRAWN = 60  # nodes up to which a graph is drawn beside what is wrong
MAX_LISTED = 20  # nodes up to which a wrong order is written out


@dataclass(frozen=True)
class GraphCase:
    """A graph over variables: `build` gets the variables and returns the nodes of interest."""

    title: str
    build: Callable[..., Sequence[Node]]
    shapes: tuple[Shape, ...] = ((),)
    names: tuple[str, ...] = ("x",)
    probe: str = ""  # which of `FORMS` it asks for
    settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return self.title + (f", {self.dtype}" if self.dtype != "float64" else "")

    @property
    def form(self) -> Form:
        return FORMS[self.probe]

    def features(self) -> dict[str, Any]:
        return {"dtype": self.dtype}

    @cached_property
    def graph(self) -> dict[str, Any]:
        variables = [Variable(name) for name in self.names]
        return to_data(self.build(*variables), variables)

    @cached_property
    def places(self) -> list[int]:
        """Where each node of the graph stands in the one that is sent: no position there says what comes before what."""
        count = len(self.graph["nodes"])
        return generator(self.seed, self.title, "places").permutation(count).tolist() if self.probe in BY_POSITION else list(range(count))

    @cached_property
    def sent(self) -> dict[str, Any]:
        """The graph as it is sent, with its nodes in their places."""
        nodes: list[Any] = [None] * len(self.places)
        for place, node in zip(self.places, self.graph["nodes"], strict=True):
            nodes[place] = {**node, "inputs": [self.places[operand] for operand in node["inputs"]]} if "inputs" in node else node
        return {"nodes": nodes, "outputs": [self.places[position] for position in self.graph["outputs"]]}

    @cached_property
    def positions(self) -> list[int]:
        """For each place in the graph that is sent, the position of the node in `graph`."""
        return np.argsort(self.places).tolist()

    @cached_property
    def salt(self) -> int | None:
        """What the factors of hidden computations are drawn from."""
        salted = self.hidden and self.probe == "evaluator_run"
        return int(generator(self.seed, self.title, "salt").integers(2**31)) if salted else None

    @cached_property
    def wanted(self) -> list[list[np.ndarray]]:
        """For each run the values that must come; the same for every submission, so found once."""
        if self.probe == "memory":
            return [[np.asarray(wide_sum(self.graph, *map(torch.tensor, self.values().values())))]]
        graph = self.graph if self.salt is None else multiplied(self.graph, factors_of(self.salt, len(self.places))[self.places, 0])
        leaves = ([torch.tensor(array, dtype=torch.float64) for array in self.values(run).values()] for run in range(self.settings["runs"]))
        return [[value.numpy() for value in evaluate(graph, values, reference.forward())] for values in leaves]

    def values(self, run: int = 0) -> dict[int, np.ndarray]:
        """The variables' values in one run, by their number."""
        rng = generator(self.seed, self.title, run)
        drawn = {number: np.asarray(draw("positive", shape, rng), self.dtype) for number, shape in enumerate(self.shapes)}
        return dict.fromkeys(drawn, drawn[0]) if self.settings.get("shared") else drawn

    def ask(self) -> Ask:
        runs = self.settings.get("runs", 1)
        arrays = tuple(array for run in range(runs) for array in self.values(run).values())
        salted = {} if self.salt is None else {"salt": self.salt}
        return Ask(self.form.probe, {"graph": self.sent, "names": list(self.names), **salted, **self.settings}, arrays)


def multiplied(graph: dict[str, Any], factors: Iterable[float]) -> dict[str, Any]:
    """The graph, inputs first as it is, with the value of each of its operators multiplied by a factor."""
    nodes: list[dict[str, Any]] = []
    now: list[int] = []  # where the value of each node stands
    for node, factor in zip(graph["nodes"], factors, strict=True):
        nodes.append({**node, "inputs": [now[operand] for operand in node["inputs"]]} if "op" in node else node)
        if "op" in node:
            nodes.append({"op": "mul_by_const", "inputs": [len(nodes) - 1], "attrs": {"c": float(factor)}})
        now.append(len(nodes) - 1)
    return {"nodes": nodes, "outputs": [now[position] for position in graph["outputs"]]}


def wide_sum(graph: dict[str, Any], column: Tensor, row: Tensor) -> float:
    """The value of such a chain, found for some rows at a time."""
    return sum(float(evaluate(graph, [some, row], reference.forward())[0]) for some in column.split(WIDE_ROWS))


def most_steps(case: GraphCase) -> int:
    """How many computations the watch lets a run make, and more."""
    return 1000 + STEPS_PER_NODE * (len(case.names) + sum(1 + len(node.get("inputs", ())) for node in case.graph["nodes"]))


def are_positions(value: Any, case: GraphCase) -> bool:
    return is_list_of(int, value) and all(0 <= item < len(case.graph["nodes"]) for item in value)


def are_computations(value: Any, case: GraphCase) -> bool:
    return are_positions(value, case) and len(value) <= most_steps(case) and all("op" in case.sent["nodes"][item] for item in value)


def are_runs(value: Any, case: GraphCase) -> bool:
    return isinstance(value, list) and len(value) == case.settings["runs"] and all(map(is_error, value))


def full_runs(case: GraphCase) -> int:
    """How many of the runs are fed all values."""
    return sum(not lacking for lacking in case.settings["missing"]) if "missing" in case.settings else case.settings.get("runs", 1)


def miscounted_values(case: GraphCase, answer: Answer) -> Failure:
    count = len(answer.arrays)
    returned, outputs = count // max(1, full_runs(case)), case.graph["outputs"]
    wanted = ", ".join(node_names(case)[position] for position in outputs[:MAX_LISTED])
    hint = f"One value for each of them is wanted, in this order: {wanted}."
    return failure(case, f"run returned {returned} values for {len(outputs)} eval_nodes.", hint, all_numbers(answer.arrays))


def gradients_wanted(case: GraphCase) -> int:
    once = len(case.graph["outputs"]) - 1 + len(case.settings.get("wrt", ()))
    return 2 * once if case.settings.get("twice") else once


def miscounted_gradients(case: GraphCase, answer: Answer) -> Failure:
    message = f"gradients returned {len(answer.graph['outputs'])} nodes, one for each of {gradients_wanted(case)} was expected."
    hint = "The answer follows the list of nodes that was given: one gradient for each, in that order."
    return failure(case, message, hint, np.asarray([len(answer.graph["outputs"])], np.float64))


def beside_gradients(case: GraphCase, answer: Answer) -> Beside | None:
    """Which gradient on the way to a wrong one is the first that the student's graph has not."""
    graph, names = case.graph, told_apart(node_names(case))
    if len(answer.graph["outputs"]) != gradients_wanted(case):
        return None
    leaves = [torch.tensor(array) for array in case.values().values()]
    variables = [place_of_variable(graph, number) for number in case.settings.get("wrt", ())]
    for source, output in zip([*graph["outputs"][1:], *variables], answer.graph["outputs"], strict=False):
        if source is not None:
            steps = partial(adjoints, graph, names, source)
            own = answer.graph | {"outputs": [output]}
            found = beside(own, case.names, leaves, steps, reference.forward(), f"gradient of {names[source]}")
            if found is not None:
                return found
    return None


def told_apart(names: Sequence[str]) -> list[str]:
    """Names, of which each stands for one node alone: a second `exp(x)` says that it is one."""
    return [name if (count := names[:place].count(name)) == 0 else f"{name} (number {count + 1})" for place, name in enumerate(names)]


def place_of_variable(graph: dict[str, Any], number: int) -> int | None:
    """Where a variable stands in a graph; None where it is not needed."""
    return next((place for place, node in enumerate(graph["nodes"]) if node.get("leaf") == number), None)


FORMS = {
    "topological_order": Form("kinds.evaluator.probe:order", facts={"order": are_positions, "changed": is_flag}),
    "evaluator_run": Form(
        "kinds.evaluator.probe:run",
        arrays=lambda case: full_runs(case) * len(case.graph["outputs"]),
        facts={
            "changed": is_flag,
            "kinds": lambda value, case: is_list_of(str, value),
            "computed": are_computations,
            "alive": lambda value, case: is_list_of(int, value),
            "most_often": lambda value, case: type(value) is int,
            "raised": are_runs,
        },
        agree=lambda case, facts: len(facts["alive"]) == len(facts["computed"]),
        miscounted=miscounted_values,
    ),
    "gradients": Form(
        "kinds.evaluator.probe:gradients",
        outputs=gradients_wanted,
        outputs_of=outputs_of,
        facts={"changed": is_flag},
        miscounted=miscounted_gradients,
        beside=beside_gradients,
    ),
    "memory": Form("kinds.evaluator.probe:memory", arrays=lambda case: 1, miscounted=miscounted_values),
}
"""What a case may ask -> the form of its answers."""


def failure(case: GraphCase, message: str, hint: str = "", got: Any = None, expected: Any = None) -> Failure:
    graph = case.graph
    inputs = {f"{name}": case.values()[number] for number, name in enumerate(case.names)}
    picture = partial(drawn, case) if len(graph["nodes"]) <= MAX_DRAWN else None
    return Failure(case.name, "wrong", message, hint, got, expected, inputs, picture=picture)


def drawn(case: GraphCase) -> str:
    """The graph of a case, as SVG."""
    nodes = from_data(case.graph, [Variable(name) for name in case.names])
    return draw_graph([nodes[position] for position in case.graph["outputs"]]).markup


def node_names(case: GraphCase) -> list[str]:
    return [node.name for node in from_data(case.graph, [Variable(name) for name in case.names])]


def judge_order(case: GraphCase, answer: Answer) -> Failure | None:
    graph, order = case.graph, [case.positions[place] for place in answer.facts["order"]]
    count = len(graph["nodes"])
    hint = "Is something kept from one call to the next?" if "calls" in case.settings else "Outputs and variables belong to the order."
    listed = np.asarray(order)
    if len(set(order)) < len(order):
        twice, times = Counter(order).most_common(1)[0]
        hint = "What keeps a node that is in the list already from being listed again?"
        return failure(case, f"The node {node_names(case)[twice]} is listed {times} times.", hint, listed)
    if len(order) < count:
        absent = sorted(set(range(count)) - set(order))
        message = f"{len(absent)} of {count} nodes are not listed, {node_names(case)[absent[0]]} among them."
        return failure(case, message, hint, listed)
    place = {position: index for index, position in enumerate(order)}
    for position in order:
        for operand in graph["nodes"][position].get("inputs", ()):
            if place[operand] > place[position]:
                names = node_names(case)
                message = f"{names[position]} stands before its input {names[operand]}."
                if count <= MAX_LISTED:
                    message += f" Your order: {', '.join(names[position] for position in order)}."
                return failure(case, message, "A node may be listed once all of its inputs are.", listed)
    if answer.facts["changed"]:
        hint = "The list belongs to the caller: walk through it, or through a copy, and leave it as it is."
        return failure(case, "topological_order changed the list that it was given.", hint, listed)
    return None


def judge_run(case: GraphCase, answer: Answer) -> Failure | None:
    facts, settings = answer.facts, case.settings
    if "missing" in settings:
        return judge_refusals(case, facts["raised"])
    if problem := judge_values(case, answer):
        return problem
    if facts["changed"]:
        hint = "Put what you compute into a dictionary of your own."
        return failure(case, "run changed the dictionary or the values that it was given.", hint)
    if facts["most_often"] > 1:
        message = f"A node was computed {facts['most_often']} times in one run."
        return failure(case, message, "Each node of the order is computed once.", np.asarray(facts["computed"]))
    if unseen := judge_work(case, facts["computed"]):
        return unseen
    wanted = "ndarray" if settings.get("numpy") else "Tensor"
    if set(facts["kinds"]) - {wanted}:
        message = f"run returned a {facts['kinds'][0]} where {wanted}s were fed."
        return failure(case, message, "The line that is there already turns results back.")
    return None


def judge_values(case: GraphCase, answer: Answer) -> Failure | None:
    count = len(case.graph["outputs"])
    for run, wanted in enumerate(case.wanted):
        for position, expected in enumerate(wanted):
            got = answer.arrays[run * count + position]
            if not agree(got, expected, case.dtype):
                again = f" in run {run + 1}, with other values" if run else ""
                hint = diagnose(got, expected, case.dtype)
                if run and agree(got, case.wanted[run - 1][position], case.dtype):
                    hint = "It is the value of the run before: is something kept from one run to the next?"
                return failure(case, f"Value {position + 1} of {count} is wrong{again}.", hint, got, expected)
            if got.dtype != case.dtype:
                return failure(case, f"A value has dtype {got.dtype} where {case.dtype} was fed.")
    return None


def judge_work(case: GraphCase, computed: list[int]) -> Failure | None:
    """Every operator must have been seen at work: what is computed past the watch is neither counted nor known to be forgotten."""
    operators = {position for position, node in enumerate(case.graph["nodes"]) if "op" in node}
    unseen = sorted(operators - {case.positions[place] for place in computed})
    if not unseen:
        return None
    message = f"{len(unseen)} of {len(operators)} operators were not seen at work, {node_names(case)[unseen[0]]} among them."
    return failure(case, message, "Call node.op.compute(node, inputs) for each of them, inside run.")


def refusal_facts(case: GraphCase, error: list[str] | None) -> list[float]:
    """Whether an error was raised, whether it was a ValueError, and for each variable whether it was named; as 1 or 2."""
    kind, message = error or ("", "")
    return [1.0 + fact for fact in (error is not None, kind == "ValueError", *(name in message for name in case.names))]


def judge_refusals(case: GraphCase, raised: list[list[str] | None]) -> Failure | None:
    """A run that lacks values names them. It may name others as well, but not the same ones whatever is lacking."""
    runs = [[case.names[number] for number in numbers] for numbers in case.settings["missing"]]
    refused = [(run, " and ".join(names), error) for run, (names, error) in enumerate(zip(runs, raised, strict=True)) if names]
    facts = np.asarray([refusal_facts(case, error) for _, _, error in refused])
    for run, names, error in refused:
        hint = f"Expected a ValueError that names {names}."
        if error is None:
            hint += " Is something kept from one run to the next?" if run else ""
            return failure(case, f"run returned values although none was fed for {names}.", hint, facts)
        kind, message = error
        if kind != "ValueError" or any(name not in message for name in runs[run]):
            return failure(case, f"run raised {kind}: {message}", hint, facts)
    (_, first, error), (_, last, other) = refused[0], refused[-1]
    if error is not None and first != last and error == other:
        message = f"run raised the same error, whether {first} was missing or {last}: {error[1]}"
        return failure(case, message, "The error should tell which variables have no value, not which there are.", facts)
    return None


def depends(output: Tensor, source: Tensor) -> bool:
    if not output.requires_grad:
        return output is source
    return torch.autograd.grad(output.sum(), source, retain_graph=True, allow_unused=True)[0] is not None


def judge_gradients(case: GraphCase, answer: Answer) -> Failure | None:
    graph = case.graph
    leaves = [torch.tensor(array, requires_grad=True) for array in case.values().values()]
    output, *sources = evaluate(graph, leaves, reference.forward())
    sources += [leaves[number] for number in case.settings.get("wrt", ())]
    first = reference.pull_back([output], sources, [torch.ones_like(output)])
    unused = [place for place, source in enumerate(sources) if not depends(output, source)]
    expected = [*first, *reference.pull_back(first[:1], sources, [torch.ones_like(first[0])])] if case.settings.get("twice") else first
    try:
        grads = evaluate_untrusted(answer.graph, leaves, reference.forward())
    except GraphError as error:
        hint = "A gradient has the shape of its node. Which node is each operator asked for, and whose gradient is it handed?"
        return failure(case, f"The graph of the gradients cannot be evaluated: {error}", hint, all_numbers(error.inputs))
    for position, (grad, want) in enumerate(zip(grads, expected, strict=True)):
        got, wanted = grad.detach().numpy(), want.detach().numpy()
        if not agree(got, wanted, "float64"):
            order = "second derivative" if position >= len(first) else "gradient"
            hint = diagnose(got, wanted, "float64")
            if position < len(first) and position in unused:
                hint = "The output does not depend on this node: its gradient is zeros, of its own shape."
            which = f"node {position % len(first) + 1} of {len(first)}"
            return failure(case, f"The {order} with respect to {which} is wrong.", hint, got, wanted)
    if answer.facts["changed"]:
        hint = "The list belongs to the caller: walk through it, or through a copy, and leave it as it is."
        return failure(case, "gradients changed the list of nodes that it was given.", hint)
    return None


def judge_forgetting(case: GraphCase, answer: Answer) -> Failure | None:
    """Against the ideal for the order in which this evaluator worked: a result lives until its last use."""
    if case.probe == "memory":
        return judge_memory(case, answer)
    if problem := judge_values(case, answer) or judge_work(case, answer.facts["computed"]):
        return problem
    graph, alive = case.graph, answer.facts["alive"]
    computed = [case.positions[place] for place in answer.facts["computed"]]
    kept = set(graph["outputs"])
    last_use = {operand: step for step, position in enumerate(computed) for operand in graph["nodes"][position]["inputs"]}
    for step, count in enumerate(alive):
        needed = sum(position in kept or last_use.get(position, -1) >= step for position in computed[:step])
        if count > needed + SLACK:
            when = f"Before step {step + 1} of {len(computed)}"
            message = f"{when}, {count} computed values were alive; {needed} were still needed."
            return failure(case, message, "A value may go after the last node that has it as an input.", np.asarray(alive))
    return None


def judge_memory(case: GraphCase, answer: Answer) -> Failure | None:
    if not agree(answer.arrays[0], case.wanted[0][0], "float64"):
        return failure(case, "The value at the end of a chain of large matrices is wrong.")
    return None
