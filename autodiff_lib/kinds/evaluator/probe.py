"""The evaluator and what it is made of, asked on graphs over variables, and watched at work.

While one exercise is asked a trusted function stands in for the student's `topological_order`, so nothing of one can cost
points in another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...checks.probe import WrongKindError, attempt, closed, stand_ins
from ...checks.question import Answer, Ask, Problem
from ...graph import Node, Variable
from ...graph_data import evaluate, evaluation_order, from_data, inputs_first, to_data
from ...messages import describe_value
from ...registry import table
from .watch import Budget, budgeted, computations, in_little_memory, shallow_stack, unwatch

FACTORS = (0.9, 1.1)  # in hidden cases every computation is multiplied by a number of its own, between these
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


def order(ask: Ask) -> Answer:
    """The order, as positions in the case's graph."""
    _, nodes, outputs = graph_of(ask)
    place = {id(node): position for position, node in enumerate(nodes)}
    for _ in range(ask.settings.get("calls", 1)):  # the last answer counts
        given = list(outputs)
        with fair_play("topological_order", nodes):
            found = table["topological_order"](given)
    if not isinstance(found, list | tuple):
        raise WrongKindError(f"topological_order must return a list of nodes, got {describe_value(found)}")
    found = [*found]
    for entry in found:
        if id(entry) not in place:
            raise WrongKindError(f"topological_order returned something that is not in the graph: {describe_value(entry)}")
    changed = [id(node) for node in given] != [id(node) for node in outputs]
    return Answer(facts={"order": [place[id(node)] for node in found], "changed": changed})


def run(ask: Ask) -> Answer:
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
        for number in range(settings["runs"]):
            fed = fed_again(fed, feed(ask, number, variables), settings.get("in_place"))
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

    def refused() -> list[str] | None:
        try:
            evaluator.run(fed)
        except ValueError as error:
            return ["ValueError", str(error)]
        return None

    raised = attempt(refused)
    return [raised.kind, raised.message] if isinstance(raised, Problem) else raised


def gradients(ask: Ask) -> Answer:
    """The graphs of the gradients of the first node of interest, with respect to the others; twice where asked."""
    variables, nodes, (output, *sources) = graph_of(ask)
    sources = [*sources, *(variables[number] for number in ask.settings.get("wrt", ()))]
    written = table["gradients"]
    given, given_again = list(sources), list(sources)
    with fair_play("gradients", nodes) as budget:
        grads = listed(written(output, given))
        if ask.settings.get("twice") and grads and all(isinstance(grad, Node) for grad in grads):
            budget.left *= 4  # the second graph stands on the first
            grads += listed(written(grads[0], given_again))
    changed = any([*map(id, passed)] != [*map(id, sources)] for passed in (given, given_again))
    return Answer(graph=to_data(grads, variables), facts={"changed": changed})


def listed(grads: Any) -> list[Any]:
    """What `gradients` returned, as a plain list: a class of the student's may tell another length than it has."""
    if not isinstance(grads, list | tuple):
        raise WrongKindError(f"gradients must return a list of nodes, got {describe_value(grads)}")
    return [*grads]


def memory(ask: Ask) -> Answer:
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
        said = json.loads(in_little_memory(as_text, ask.settings["room"], ask.settings["block"]))
    return Answer(problem=Problem(*said)) if isinstance(said, list) else Answer(arrays=(np.asarray(said, np.float64),))


def factors_of(salt: int, count: int) -> np.ndarray:
    """Two factors for each place of a graph: of the first computation in a run, and of any other."""
    return np.random.default_rng(salt).uniform(*FACTORS, (count, 2))
