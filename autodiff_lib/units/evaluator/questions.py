"""The questions of the unit: the order, the evaluator, the gradients, and forgetting.

The operators of their graphs are given ones, so nothing of another unit can cost points here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...checks.question import Part, Question
from ...graph import Node
from ...kinds.evaluator.judge import GraphCase, judge_forgetting, judge_gradients, judge_order, judge_run
from ...registry import table
from .unit import UNIT

DEEP = 2_000  # nodes of a chain: it breaks a recursion, and work is counted, not timed
DOUBLINGS = 40
exp = table["exp"]


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


def cases(rows: list[Row], probe: str, **settings: Any) -> list[GraphCase]:
    return [GraphCase(title, build, probe=probe, settings=settings, **given) for title, build, given in rows]


# --- the questions


def order_cases() -> tuple[tuple[GraphCase, ...], tuple[GraphCase, ...]]:
    again = cases([("x * x, for the second time", lambda x: [x * x], {})], "topological_order", calls=2)
    return (*cases(SMALL, "topological_order"), *again), tuple(cases(LARGE, "topological_order"))


def run_cases(exercise: str) -> tuple[tuple[GraphCase, ...], tuple[GraphCase, ...], tuple[GraphCase, ...]]:
    """Values, contract, large graphs."""
    plain = cases(SMALL + ORDERED, "evaluator_run", exercise=exercise, runs=2)
    single = {"exercise": exercise, "runs": 1}
    plain.append(GraphCase("a short and a long way", short_and_long, ((2, 3),), ("x",), "evaluator_run", single, "float32"))
    rows: list[tuple[str, Callable[..., Sequence[Node]], dict[str, Any], dict[str, Any]]] = [
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
        GraphCase(title, build, probe="evaluator_run", settings={"exercise": exercise, "runs": 2, **settings}, **given)
        for title, build, given, settings in rows
    ]
    large = cases(LARGE, "evaluator_run", exercise=exercise, runs=1)
    return tuple(plain), tuple(contract), tuple(large)


def gradient_cases() -> tuple[tuple[GraphCase, ...], tuple[GraphCase, ...]]:
    def inside(x: Node) -> Sequence[Node]:
        a = x * 2
        b = exp(a)
        y = a * b + a
        return [y, a, b, y, x]

    rows: list[tuple[str, Callable[..., Sequence[Node]], dict[str, Any], dict[str, Any]]] = [
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
    small = [GraphCase(title, build, probe="gradients", settings=settings, **given) for title, build, given, settings in rows]
    return tuple(small), tuple(cases(LARGE, "gradients", wrt=[0]))


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


def questions() -> list[Question]:
    """The four questions of the unit, in the notebook's order."""
    orders, large_orders = order_cases()
    values, contract, large_runs = run_cases("Evaluator")
    frugal_values, frugal_contract, frugal_large = run_cases("FrugalEvaluator")
    frugal = (*frugal_values, *frugal_contract, frugal_large[0])
    grads, large_grads = gradient_cases()
    forgetful: list[Row] = [("a chain of squares", squares, {}), ("a long way", long_way, {})]
    forgetting = cases(forgetful, "evaluator_run", exercise="FrugalEvaluator", runs=1)
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
    return [Question(UNIT.name, number, name, listed) for number, (name, listed) in enumerate(parts.items(), start=1)]
