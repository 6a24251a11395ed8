"""The questions of unit 2: the order, the evaluator, the gradients, and forgetting.

A case is a graph as data, over variables with values. Its operators are given ones, so nothing of
unit 1 can cost points here; and while `Evaluator` or `gradients` are asked, a trusted function stands
in for the student's `topological_order`, so nothing of one exercise can cost points in another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from functools import cached_property, partial
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..graph import Node, Variable, describe_value, table
from ..graph_data import GraphError, evaluate, evaluate_untrusted, evaluation_order, from_data, inputs_first, to_data
from . import reference
from .compare import agree
from .diagnosis import diagnose
from .forms import FORMS, Form, is_error, is_flag, is_list_of
from .operators import draw, generator
from .probe import PROBES, WrongKindError, attempt, closed, stand_ins
from .question import Answer, Ask, Failure, Part, Problem, Question, all_numbers
from .values import Shape
from .watch import STEPS_PER_NODE, Budget, budgeted, computations, in_little_memory, shallow_stack, unwatch

UNIT = "02_evaluator"
DEEP, DEEP_HIDDEN = 2_000, 3_000  # nodes of a chain: both break a recursion, and work is counted, not timed
DOUBLINGS = 40
WIDE, WIDE_STEPS = (1000, 750), 20  # a matrix of 8 bytes an element, and steps of three operators
WIDE_BYTES = 8 * WIDE[0] * WIDE[1]
WIDE_ROOM = 14  # so many such matrices have room: a run needs 4 at once, and 62 if all are kept
WIDE_ROWS = 100  # rows of it that the judge takes at once
FACTORS = (0.9, 1.1)  # in hidden cases every computation is multiplied by a number of its own, between these
BY_POSITION = ("topological_order", "evaluator_run")  # probes whose answers name nodes by their positions
SLACK = 3  # results that a run may keep beyond those still needed: what its local variables hold
MAX_LISTED = 20  # nodes up to which a wrong order is written out
exp = table["exp"]


# --- cases


@dataclass(frozen=True)
class GraphCase:
    """A graph over variables: `build` gets the variables and returns the nodes of interest."""

    title: str
    build: Callable[..., Sequence[Node]]
    shapes: tuple[Shape, ...] = ((),)
    names: tuple[str, ...] = ("x",)
    probe: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    seed: str = "public"

    @property
    def name(self) -> str:
        return self.title + (f", {self.dtype}" if self.dtype != "float64" else "")

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
        hidden = self.probe == "evaluator_run" and self.seed != "public"
        return int(generator(self.seed, self.title, "salt").integers(2**31)) if hidden else None

    @cached_property
    def wanted(self) -> list[list[np.ndarray]]:
        """For each run the values that must come; the same for every submission, so found once."""
        if self.probe == "memory":
            return [[np.asarray(wide_sum(self.graph, *map(torch.tensor, self.values().values())))]]
        graph = self.graph if self.salt is None else multiplied(self.graph, factors_of(self.salt, len(self.places))[self.places, 0])
        leaves = ([torch.tensor(array, dtype=torch.float64) for array in self.values(run).values()] for run in range(self.settings["runs"]))
        return [[value.numpy() for value in evaluate(graph, values, reference.FORWARD)] for values in leaves]

    def values(self, run: int = 0) -> dict[int, np.ndarray]:
        """The variables' values in one run, by their number."""
        rng = generator(self.seed, self.title, run)
        drawn = {number: np.asarray(draw("positive", shape, rng), self.dtype) for number, shape in enumerate(self.shapes)}
        return dict.fromkeys(drawn, drawn[0]) if self.settings.get("shared") else drawn

    def ask(self) -> Ask:
        runs = self.settings.get("runs", 1)
        arrays = tuple(array for run in range(runs) for array in self.values(run).values())
        salted = {} if self.salt is None else {"salt": self.salt}
        return Ask(self.probe, {"graph": self.sent, "names": list(self.names), **salted, **self.settings}, arrays)


def factors_of(salt: int, count: int) -> np.ndarray:
    """Two factors for each place of a graph: of the first computation in a run, and of any other."""
    return np.random.default_rng(salt).uniform(*FACTORS, (count, 2))


def multiplied(graph: dict[str, Any], factors: Sequence[float]) -> dict[str, Any]:
    """The graph, inputs first as it is, with the value of each of its operators multiplied by a factor."""
    nodes: list[dict[str, Any]] = []
    now: list[int] = []  # where the value of each node stands
    for node, factor in zip(graph["nodes"], factors, strict=True):
        nodes.append({**node, "inputs": [now[operand] for operand in node["inputs"]]} if "op" in node else node)
        if "op" in node:
            nodes.append({"op": "mul_by_const", "inputs": [len(nodes) - 1], "attrs": {"c": float(factor)}})
        now.append(len(nodes) - 1)
    return {"nodes": nodes, "outputs": [now[position] for position in graph["outputs"]]}


def short_and_long(x: Node) -> Sequence[Node]:
    """`a` is used at once, and again after a long way round."""
    a = exp(x)
    b = a
    for _ in range(4):
        b = b * 0.5 + 1
    return [a * b]


def doubling(x: Node) -> Sequence[Node]:
    for _ in range(DOUBLINGS):
        x = x + x
    return [x]


def chain(x: Node, length: int) -> Sequence[Node]:
    for _ in range(length):
        x = x + 1
    return [x]


def diamond(x: Node) -> Sequence[Node]:
    a = x * 2
    b = a + 3
    return [a * b]


def ladder(x: Node) -> Sequence[Node]:
    """Each rung is needed by the next two."""
    a, b = x, x * 2
    for _ in range(12):
        a, b = b, a * b * 0.1
    return [b]


def of_one_name(x: Node, other_x: Node) -> Sequence[Node]:
    return [x * exp(other_x) + other_x]


def sum_and_product(x1: Node, x2: Node) -> Sequence[Node]:
    return [x1 * x2 + x1]


def outputs_of_outputs(x: Node) -> Sequence[Node]:
    a = x * 3
    b = exp(a)
    return [a + b, a, b, x, a]


def row_on_matrix(x: Node, row: Node) -> Sequence[Node]:
    return [(x + row) * row]


def less_its_sums(x: Node) -> Sequence[Node]:
    return [x - table["expand_as"](table["sum_op"](x, dim=0), x, dim=0)]


def less_itself(x: Node) -> Sequence[Node]:
    """Two inputs that are one node: what it gets as the second must not be taken for what it gets as the first."""
    return [x - x]


def inside_twice(x: Node) -> Sequence[Node]:
    a = exp(x)
    return [(a - a) * x + (a + a), a]


def never_greater(x: Node) -> Sequence[Node]:
    return [table["greater"](x, x) + x * x - x]


Row = tuple[str, Callable[..., Sequence[Node]], dict[str, Any]]
"""A title, the function that builds the graph, and how its variables differ from a single scalar x."""

TWO = {"shapes": ((2, 3), (2, 3)), "names": ("x1", "x2")}
ROW = {"shapes": ((2, 3), (3,)), "names": ("x", "row")}
ON_A_SQUARE = {"shapes": ((3, 3), (3,)), "names": ("x", "row")}
COLUMN = {"shapes": ((3, 3), (3, 1)), "names": ("x", "column")}
UNFED = {"shapes": ((), ()), "names": ("kappa", "omega")}  # no part of a word that an error message may hold
SMALL: list[Row] = [
    ("a single variable", lambda x: [x], {}),
    ("x1 * x2 + x1", sum_and_product, TWO),
    ("x * x", lambda x: [x * x], {}),
    ("a diamond", diamond, {}),
    ("a short and a long way", short_and_long, {}),
    ("two variables of one name", of_one_name, {"shapes": ((2,), (2,)), "names": ("x", "x")}),
    ("outputs that need each other", outputs_of_outputs, {"shapes": ((3,),)}),
    ("a row on a matrix", row_on_matrix, ROW),
    ("two outputs, neither inside the other", lambda x: [x * 2, exp(x)], {}),
    ("a ladder", ladder, {}),
    ("x - x", less_itself, {"shapes": ((2, 3),)}),
    ("x + x", lambda x: [x + x], {"shapes": ((3, 3),)}),
    ("a node inside the graph, twice", inside_twice, {"shapes": ((2,),)}),
    ("x where it is greater than itself", never_greater, {"shapes": ((3,),)}),
]
ORDERED: list[Row] = [
    ("x1 - x2", lambda x1, x2: [x1 - x2], TWO),
    ("x1 where it is greater than x2", lambda x1, x2: [table["greater"](x1, x2) * x1], TWO),
    ("a matrix less its column sums", less_its_sums, {"shapes": ((2, 3),)}),
    ("a square less its column sums", less_its_sums, {"shapes": ((3, 3),)}),
    ("a row on a square", row_on_matrix, ON_A_SQUARE),
    ("a column on a square", row_on_matrix, COLUMN),
]
"""Graphs whose operators mind the order of their inputs."""
LARGE: list[Row] = [
    (f"{DOUBLINGS} doublings", doubling, {}),
    (f"a chain of {DEEP} nodes", partial(chain, length=DEEP), {}),
]
HUGE = [(f"a chain of {DEEP_HIDDEN} nodes", partial(chain, length=DEEP_HIDDEN), {})]


def large_graphs(seed: str) -> list[Row]:
    return LARGE if seed == "public" else [LARGE[0], *HUGE]


def cases(rows: list[Row], probe: str, seed: str, **settings: Any) -> list[GraphCase]:
    return [GraphCase(title, build, probe=probe, settings=settings, seed=seed, **given) for title, build, given in rows]


# --- probes: they run in the student's process

SORTS = (inputs_first, TopologicalSorter.prepare, TopologicalSorter.static_order)
EVALUATE = (evaluate, evaluation_order)
"""Ready-made answers to the exercises of this unit, here and in the standard library."""


def graph_of(ask: Ask) -> tuple[list[Node], list[Node], list[Node]]:
    """The case's variables, all its nodes by position, and its nodes of interest."""
    variables = [Variable(name) for name in ask.settings["names"]]
    nodes = from_data(ask.settings["graph"], variables)
    for variable in variables:
        if variable not in nodes:
            nodes.append(variable)  # one that the graph does not use
    return variables, nodes, [nodes[position] for position in ask.settings["graph"]["outputs"]]


@contextmanager
def fair_play(exercise: str, nodes: list[Node]) -> Iterator[Budget]:
    """Counted work, bounded recursion, and a trusted `topological_order` for the other exercises. What is ready-made is closed."""
    trusted = {} if exercise == "topological_order" else {"topological_order": inputs_first}
    sorts = SORTS if exercise == "topological_order" else ()
    try:
        with stand_ins(exercise, trusted), shallow_stack(), closed(*sorts, *EVALUATE):
            yield budgeted(nodes)
    finally:
        unwatch(nodes)


def probe_order(ask: Ask) -> Answer:
    """The order, as positions in the case's graph."""
    _, nodes, outputs = graph_of(ask)
    place = {id(node): position for position, node in enumerate(nodes)}
    for _ in range(ask.settings.get("calls", 1)):  # the last answer counts
        given = list(outputs)
        with fair_play("topological_order", nodes):
            order = table["topological_order"](given)
    if not isinstance(order, list | tuple):
        raise WrongKindError(f"topological_order must return a list of nodes, got {describe_value(order)}")
    order = [*order]
    for entry in order:
        if id(entry) not in place:
            raise WrongKindError(f"topological_order returned something that is not in the graph: {describe_value(entry)}")
    changed = [id(node) for node in given] != [id(node) for node in outputs]
    return Answer(facts={"order": [place[id(node)] for node in order], "changed": changed})


def probe_run(ask: Ask) -> Answer:
    """The values of all runs, one after the other, and what was seen of the work."""
    variables, nodes, outputs = graph_of(ask)
    settings, exercise = ask.settings, ask.settings["exercise"]
    place = {id(node): position for position, node in enumerate(nodes)}
    arrays: list[np.ndarray] = []
    facts: dict[str, Any] = {"changed": False, "kinds": [], "computed": [], "alive": [], "most_often": 0, "raised": []}
    salted = factors_of(settings["salt"], len(nodes)) if "salt" in settings else None
    factors = None if salted is None else dict(zip(nodes, salted.tolist(), strict=True))
    with (
        fair_play(exercise, nodes) as budget,
        computations(nodes, budget, factors) as log,
    ):  # whoever looks compute up early is seen as well
        evaluator = table[exercise](outputs)
        other = table[exercise]([outputs[-1]]) if settings.get("interleaved") else None
        fed: dict[Node, Any] = {}
        for run in range(settings["runs"]):
            fed = fed_again(fed, feed(ask, run, variables), settings.get("in_place"))
            kept = {variable: (value, value.copy() if settings.get("numpy") else value.clone()) for variable, value in fed.items()}
            before = list(fed)
            log.restart()
            if len(fed) < len(variables):
                facts["raised"].append(refusal(evaluator, fed))
                continue
            results = evaluator.run(fed)
            facts["raised"].append(None)
            facts["computed"], facts["alive"] = [place[id(node)] for node in log.computed], log.alive
            facts["most_often"] = max(facts["most_often"], log.most_often())
            log.restart()
            if other is not None:
                other.run({variable: value + 1 for variable, value in fed.items()})
            if not isinstance(results, list | tuple):
                raise WrongKindError(f"run must return a list of values, got {describe_value(results)}")
            results = [*results]
            untouched = all(value is fed.get(v) and bool((value == copy).all()) for v, (value, copy) in kept.items())
            facts["changed"] |= not (untouched and list(fed) == before)
            facts["kinds"] += [type(result).__name__ for result in results]
            for result in results:
                if not isinstance(result, Tensor | np.ndarray):
                    raise WrongKindError(f"run must return values, got {describe_value(result)}")
                arrays.append(result.detach().numpy().copy() if isinstance(result, Tensor) else result.copy())
    return Answer(arrays=tuple(arrays), facts=facts)


def feed(ask: Ask, run: int, variables: list[Node]) -> dict[Node, Any]:
    """The values of one run, without those that it is to lack."""
    lacking = ask.settings["missing"][run] if "missing" in ask.settings else []
    arrays = dict(zip(variables, ask.arrays[run * len(variables) :], strict=False))
    kept = {variable: arrays[variable].copy() for number, variable in enumerate(variables) if number not in lacking}
    fed = kept if ask.settings.get("numpy") else {variable: torch.from_numpy(array) for variable, array in kept.items()}
    return dict.fromkeys(fed, fed[variables[0]]) if ask.settings.get("shared") else fed


def fed_again(before: dict[Node, Any], fresh: dict[Node, Any], in_place: str | None) -> dict[Node, Any]:
    """The values of the next run: in a new dictionary, in the one of the run before, or in the tensors of the run before."""
    if in_place is None or not before:
        return fresh
    if in_place == "tensors":
        for variable, value in fresh.items():
            before[variable][...] = value
    else:
        before.update(fresh)
    return before


def refusal(evaluator: Any, fed: dict[Node, Any]) -> list[str] | None:
    """The error that a run raises, its kind and message; every kind of ValueError is a ValueError."""

    def run() -> list[str] | None:
        try:
            evaluator.run(fed)
        except ValueError as error:
            return ["ValueError", str(error)]
        return None

    raised = attempt(run)
    return [raised.kind, raised.message] if isinstance(raised, Problem) else raised


def probe_gradients(ask: Ask) -> Answer:
    """The graphs of the gradients of the first node of interest, with respect to the others; twice where asked."""
    variables, nodes, (output, *sources) = graph_of(ask)
    sources = [*sources, *(variables[number] for number in ask.settings.get("wrt", ()))]
    gradients = table["gradients"]
    given, given_again = list(sources), list(sources)
    with fair_play("gradients", nodes) as budget:
        grads = listed(gradients(output, given))
        if ask.settings.get("twice") and grads and all(isinstance(grad, Node) for grad in grads):
            budget.left *= 4  # the second graph stands on the first
            grads += listed(gradients(grads[0], given_again))
    changed = any([*map(id, passed)] != [*map(id, sources)] for passed in (given, given_again))
    return Answer(graph=to_data(grads, variables), facts={"changed": changed})


def listed(grads: Any) -> list[Any]:
    """What `gradients` returned, as a plain list: a class of the student's may tell another length than it has."""
    if not isinstance(grads, list | tuple):
        raise WrongKindError(f"gradients must return a list of nodes, got {describe_value(grads)}")
    return [*grads]


def probe_memory(ask: Ask) -> Answer:
    """Run a graph whose values are large, where there is room for some of them."""
    variables, nodes, outputs = graph_of(ask)
    fed = dict(zip(variables, map(torch.from_numpy, ask.arrays), strict=True))

    def value() -> float:
        (result,) = table["FrugalEvaluator"](outputs).run(fed)
        return float(result)

    def as_text() -> str:
        result = attempt(value)
        return json.dumps(astuple(result) if isinstance(result, Problem) else result)

    with fair_play("FrugalEvaluator", nodes):
        said = json.loads(in_little_memory(as_text, WIDE_ROOM * WIDE_BYTES, WIDE_BYTES))
    return Answer(problem=Problem(*said)) if isinstance(said, list) else Answer(arrays=(np.asarray(said, np.float64),))


PROBES.update(memory=probe_memory, topological_order=probe_order, evaluator_run=probe_run, gradients=probe_gradients)


# --- judges


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


FORMS.update(
    topological_order=Form(facts={"order": are_positions, "changed": is_flag}),
    evaluator_run=Form(
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
    gradients=Form(outputs=gradients_wanted, facts={"changed": is_flag}, miscounted=miscounted_gradients),
    memory=Form(arrays=lambda case: 1, miscounted=miscounted_values),
)


def failure(case: GraphCase, message: str, hint: str = "", got: Any = None, expected: Any = None) -> Failure:
    graph = case.graph
    inputs = {f"{name}": case.values()[number] for number, name in enumerate(case.names)}
    small = len(graph["nodes"]) <= 60
    shown = (graph, case.names) if small else None
    return Failure(case.name, "wrong", message, hint, got, expected, inputs, graph=shown)


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
    if first != last and error == other:
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
    output, *sources = evaluate(graph, leaves, reference.FORWARD)
    sources += [leaves[number] for number in case.settings.get("wrt", ())]
    first = reference.pull_back([output], sources, [torch.ones_like(output)])
    unused = [place for place, source in enumerate(sources) if not depends(output, source)]
    expected = [*first, *reference.pull_back(first[:1], sources, [torch.ones_like(first[0])])] if case.settings.get("twice") else first
    try:
        grads = evaluate_untrusted(answer.graph, leaves, reference.FORWARD)
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


# --- the questions


def order_cases(seed: str) -> tuple[tuple[GraphCase, ...], tuple[GraphCase, ...]]:
    again = cases([("x * x, for the second time", lambda x: [x * x], {})], "topological_order", seed, calls=2)
    return (*cases(SMALL, "topological_order", seed), *again), tuple(cases(large_graphs(seed), "topological_order", seed))


def run_cases(exercise: str, seed: str) -> tuple[tuple[GraphCase, ...], tuple[GraphCase, ...], tuple[GraphCase, ...]]:
    """Values, contract, large graphs."""
    plain = cases(SMALL + ORDERED, "evaluator_run", seed, exercise=exercise, runs=2)
    single = {"exercise": exercise, "runs": 1}
    plain.append(GraphCase("a short and a long way", short_and_long, ((2, 3),), ("x",), "evaluator_run", single, "float32", seed))
    rows = [
        ("a variable that is not needed", lambda x, unused: [exp(x)], {"names": ("x", "unused"), "shapes": ((2,), (3,))}, {}),
        ("one output three times", lambda x: [x * 2, x, x * 2, x], {}, {}),
        ("the same node twice", lambda x: [(y := exp(x)), x * y, y], {}, {}),
        ("NumPy arrays", sum_and_product, TWO, {"numpy": True}),
        ("the same dictionary, with other values in it", outputs_of_outputs, {"shapes": ((3,),)}, {"in_place": "dictionary"}),
        ("the same tensors, with other numbers in them", outputs_of_outputs, {"shapes": ((3,),)}, {"in_place": "tensors"}),
        ("the same arrays, with other numbers in them", sum_and_product, TWO, {"in_place": "tensors", "numpy": True}),
        ("one tensor for two variables", lambda x1, x2: [x1 * 2 - x2, x2, x1], TWO, {"shared": True}),
        ("two evaluators in turn", outputs_of_outputs, {"shapes": ((3,),)}, {"interleaved": True, "runs": 3}),
        ("no value for one variable, then for the other", sum_and_product, UNFED, {"missing": [[0], [1]]}),
        ("no value for two variables", sum_and_product, UNFED, {"missing": [[0, 1], [0, 1]]}),
        ("all values, then one left out", sum_and_product, UNFED, {"missing": [[], [1]]}),
    ]
    contract = [
        GraphCase(title, build, probe="evaluator_run", settings={"exercise": exercise, "runs": 2, **settings}, seed=seed, **given)
        for title, build, given, settings in rows
    ]
    large = cases(large_graphs(seed), "evaluator_run", seed, exercise=exercise, runs=1)
    return tuple(plain), tuple(contract), tuple(large)


def gradient_cases(seed: str) -> tuple[tuple[GraphCase, ...], tuple[GraphCase, ...]]:
    def inside(x: Node) -> Sequence[Node]:
        a = x * 2
        b = exp(a)
        y = a * b + a
        return [y, a, b, y, x]

    rows = [
        ("x1 * x2 + x1", sum_and_product, TWO, {"wrt": [0, 1]}),
        ("the output itself", lambda x: [x * 2] * 2, {"shapes": ((2, 3),)}, {}),
        ("a variable of itself", lambda x: [x], {"shapes": ((2,),)}, {"wrt": [0]}),
        ("x * x", lambda x: [x * x], {}, {"wrt": [0]}),
        ("x - x", less_itself, {"shapes": ((2, 3),)}, {"wrt": [0]}),
        ("x + x", lambda x: [x + x], {"shapes": ((3, 3),)}, {"wrt": [0]}),
        ("a node inside the graph, twice", inside_twice, {"shapes": ((2,),)}, {"wrt": [0]}),
        ("x where it is greater than itself", never_greater, {"shapes": ((3,),)}, {"wrt": [0]}),
        ("a diamond", diamond, {}, {"wrt": [0]}),
        ("a short and a long way", short_and_long, {}, {"wrt": [0]}),
        ("an unused variable", lambda x, unused: [exp(x)], {"names": ("x", "unused"), "shapes": ((2,), (3, 2))}, {"wrt": [1, 0]}),
        ("the same variable twice", sum_and_product, TWO, {"wrt": [1, 0, 1]}),
        ("two variables of one name", of_one_name, {"shapes": ((2,), (2,)), "names": ("x", "x")}, {"wrt": [0, 1]}),
        ("nodes inside the graph", inside, {"shapes": ((3,),)}, {}),
        ("a row on a matrix", row_on_matrix, ROW, {"wrt": [1, 0]}),
        ("a row on a square", row_on_matrix, ON_A_SQUARE, {"wrt": [1, 0]}),
        ("a column on a square", row_on_matrix, COLUMN, {"wrt": [1, 0]}),
        ("a square less its column sums", less_its_sums, {"shapes": ((3, 3),)}, {"wrt": [0]}),
        ("a ladder", ladder, {}, {"wrt": [0]}),
        ("second derivatives of x * x * x", lambda x: [x * x * x], {"shapes": ((2,),)}, {"wrt": [0], "twice": True}),
        ("second derivatives of x where it is greater than itself", never_greater, {"shapes": ((2,),)}, {"wrt": [0], "twice": True}),
        ("second derivatives of a diamond", diamond, {}, {"wrt": [0], "twice": True}),
        ("second derivatives of x1 * exp(x1 * x2)", lambda x1, x2: [x1 * exp(x1 * x2)], TWO, {"wrt": [0, 1], "twice": True}),
    ]
    small = [GraphCase(title, build, probe="gradients", settings=settings, seed=seed, **given) for title, build, given, settings in rows]
    return tuple(small), tuple(cases(large_graphs(seed), "gradients", seed, wrt=[0]))


def wide_chain(column: Node, row: Node) -> Sequence[Node]:
    """The sum of a large matrix after a long chain. No two of its entries are alike, and no step is linear, so there is no short cut."""
    x = column * row * 0.02  # (rows, 1) * (1, columns) -> (rows, columns), from 0 to 1, or little more
    for _ in range(WIDE_STEPS):
        x = x * (x * -0.1 + 1.05)
    return [table["sum_op"](x, dim=(0, 1))]


def wide_sum(graph: dict[str, Any], column: Tensor, row: Tensor) -> float:
    """The value of such a chain, found for some rows at a time."""
    return sum(float(evaluate(graph, [some, row], reference.FORWARD)[0]) for some in column.split(WIDE_ROWS))


def judge_memory(case: GraphCase, answer: Answer) -> Failure | None:
    if not agree(answer.arrays[0], case.wanted[0][0], "float64"):
        return failure(case, "The value at the end of a chain of large matrices is wrong.")
    return None


def squares(x: Node) -> Sequence[Node]:
    """Every step uses the value before it twice at once, and keeps the numbers between 0 and 1."""
    for _ in range(8):
        x = exp(x * x * -0.5)
    return [x]


def long_way(x: Node) -> Sequence[Node]:
    """Two values have their last use together, again and again."""
    for _ in range(8):
        a = exp(-x)
        x = a * ((a * 0.5 + 1) * 0.5 + 1)
    return [x]


def questions(seed: str = "public") -> list[Question]:
    """The four questions of the unit, in the notebook's order."""
    orders, large_orders = order_cases(seed)
    values, contract, large_runs = run_cases("Evaluator", seed)
    frugal_values, frugal_contract, frugal_large = run_cases("FrugalEvaluator", seed)
    frugal = (*frugal_values, *frugal_contract, frugal_large[0])
    grads, large_grads = gradient_cases(seed)
    forgetful = [("a chain of squares", squares, {}), ("a long way", long_way, {})]
    forgetting = cases(forgetful, "evaluator_run", seed, exercise="FrugalEvaluator", runs=1)
    if seed != "public":
        large = {"shapes": ((WIDE[0], 1), (1, WIDE[1])), "names": ("column", "row")}
        forgetting += cases([("large matrices", wide_chain, large)], "memory", seed)
    parts = {
        "topological_order": (
            Part("order", 2, orders, judge_order, "when a node may be listed: after which others?"),
            Part("large graphs", 1, large_orders, judge_order, "the two graphs at the top of the notebook"),
        ),
        "Evaluator": (
            Part("values", 2, values, judge_run, "the loop over self.order"),
            Part("contract", 1, contract, judge_run, "the list of what run has to do"),
            Part("large graphs", 1, large_runs, judge_run, "the two graphs at the top of the notebook"),
        ),
        "gradients": (
            Part("gradients", 3, grads, judge_gradients, "the sum over consumers, and the three special cases"),
            Part("large graphs", 1, large_grads, judge_gradients, "how often each node is visited"),
        ),
        "FrugalEvaluator": (
            Part("values", 1, frugal, judge_run, "what is deleted, and what is still needed"),
            Part("forgetting", 1, tuple(forgetting), judge_forgetting, "after which node a value has had its last use"),
        ),
    }
    return [Question(UNIT, number, name, listed) for number, (name, listed) in enumerate(parts.items(), start=1)]
