"""The questions of the unit about graphs: their order, the gradients of all tensors in them, and `backward`.

The operators of these graphs are given ones, so nothing of another exercise can cost points here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...checks.question import Part, Question
from ...graph import Node
from ...kinds.tensor.graph_judge import (
    GradientsCase,
    OrderCase,
    RefusalCase,
    judge_again,
    judge_gradients,
    judge_history,
    judge_large_order,
    judge_left_alone,
    judge_order,
    judge_refusals,
)
from ...registry import table
from .unit import UNIT

DEEP = 100_000  # tensors of a chain that is put in order
LONG = 10_000  # of one that is computed, or differentiated
DOUBLINGS = 40
add, mul, exp = (table[name] for name in ("EWiseAdd", "EWiseMul", "exp"))  # none of them adds numbers in place

Row = tuple[str, Callable[..., Sequence[Node]], dict[str, Any]]
"""A title, the function that builds the graph, and how its leaves differ from a single scalar x."""

PAIR = {"shapes": ((2, 3), (2, 3)), "names": ("x1", "x2")}
ROW = {"shapes": ((2, 3), (3,)), "names": ("x", "row")}
SQUARE_ROW = {"shapes": ((3, 3), (3,)), "names": ("x", "row")}
COLUMN = {"shapes": ((3, 3), (3, 1)), "names": ("x", "column")}
WITH_CONSTANT = {"shapes": ((2, 3), (2, 3)), "names": ("x", "const")}  # of the second no gradient is needed


def square_and_itself(x: Node) -> Sequence[Node]:
    """a * a + a: whoever adds in place to what is somebody else's as well is wrong here."""
    square = mul(x, x)
    return [add(square, x), square]


def diamond(x: Node) -> Sequence[Node]:
    a = x * 2
    b = a + 3
    return [mul(a, b), a, b]


def short_and_long(x: Node) -> Sequence[Node]:
    """`a` is used at once, and again after a long way round."""
    a = exp(x)
    b = a
    for _ in range(4):
        b = b * 0.5 + 1
    return [mul(a, b), a, b]


def ladder(x: Node) -> Sequence[Node]:
    """Each rung is needed by the next two."""
    a, b = x, x * 2
    for _ in range(12):
        a, b = b, mul(a, b) * 0.1
    return [b]


def doubling(x: Node) -> Sequence[Node]:
    for _ in range(DOUBLINGS):
        x = add(x, x)
    return [x]


def three_times(x: Node) -> Sequence[Node]:
    a = exp(x)
    return [add(add(a, a), a), a]


def both_ways(x: Node, other: Node) -> Sequence[Node]:
    """One and the same gradient comes to both sides of a sum, and more to one of them."""
    a, b = x * 2, other * 3
    return [add(add(a, b), mul(a, a)), a, b]


def inner_sum(x: Node, other: Node) -> Sequence[Node]:
    """As before, but the gradient of the sum is made on the way. In any order, the sum is the first to hand one to `a` or to `b`."""
    a, b = x * 2, other * 3
    total = add(a, b)
    return [mul(mul(exp(a), total), exp(b)), a, b, total]


def less_its_sums(x: Node) -> Sequence[Node]:
    return [x - table["expand_as"](table["sum_op"](x, dim=0), x, dim=0)]


ORDERED: list[Row] = [
    ("a single leaf", lambda x: [x], {}),
    ("x1 * x2 + x1", lambda x1, x2: [x1 * x2 + x1], PAIR),
    ("x * x", lambda x: [mul(x, x)], {}),
    ("x1 - x2", lambda x1, x2: [x1 - x2], PAIR),
    ("a diamond", lambda x: diamond(x)[:1], {}),
    ("a short and a long way", lambda x: short_and_long(x)[:1], {}),
    ("two outputs, neither inside the other", lambda x: [x * 2, exp(x)], {}),
    ("outputs that need each other", lambda x: [(a := x * 3) + exp(a), a, x, a], {"shapes": ((3,),)}),
    ("two leaves of one name", lambda x, other: [x * exp(other) + other], {"shapes": ((2,), (2,)), "names": ("x", "x")}),
    ("a ladder", ladder, {}),
    ("a row on a square", lambda x, row: [mul(add(x, row), row)], SQUARE_ROW),
]


def find_topo_sort_question(number: int) -> Question:
    function = {"function": UNIT.entry("find_topo_sort")}
    small = [OrderCase(title, build, settings=function, **given) for title, build, given in ORDERED]
    twice = {**function, "calls": 2}
    alone = tuple(OrderCase(title, build, settings=twice, **given) for title, build, given in (ORDERED[1], ORDERED[7], ORDERED[9]))
    large = [
        OrderCase(f"{DOUBLINGS} doublings", doubling, settings=function),
        OrderCase(f"a chain of {DEEP} tensors", lambda x: [x], settings=function, chain=DEEP),
    ]
    parts = (
        Part("order", 2, tuple(small), judge_order, "when a tensor may be listed: after which others?"),
        Part("nothing left behind", 0.5, alone, judge_left_alone, "what is kept between calls, and whose list it is"),
        Part("large graphs", 1.5, tuple(large), judge_large_order, "how often each tensor is visited, and how many calls are open at once"),
    )
    return Question(UNIT.name, number, "find_topo_sort", parts)


GRADED: list[tuple[str, Callable[..., Sequence[Node]], dict[str, Any], tuple[int, ...]]] = [
    ("x1 * x2 + x1", lambda x1, x2: [x1 * x2 + x1], PAIR, (0, 1)),
    ("x * x", lambda x: [mul(x, x)], {}, (0,)),
    ("x + x", lambda x: [add(x, x)], {"shapes": ((3, 3),)}, (0,)),
    ("x - x", lambda x: [x - x], {"shapes": ((2, 3),)}, (0,)),
    ("a leaf of itself", lambda x: [x], {"shapes": ((2,),)}, (0,)),
    ("the output itself", lambda x: [x * 2] * 2, {"shapes": ((2, 3),)}, ()),
    ("a * a + a, and what is inside", square_and_itself, {"shapes": ((2,),)}, (0,)),
    ("a + a + a", three_times, {"shapes": ((3,),)}, (0,)),
    ("a diamond", diamond, {}, (0,)),
    ("a short and a long way", short_and_long, {}, (0,)),
    ("one gradient for both sides of a sum", both_ways, {"shapes": ((2,), (2,)), "names": ("x", "other")}, (0, 1)),
    ("one gradient for both sides of an inner sum", inner_sum, {"shapes": ((2,), (2,)), "names": ("x", "other")}, (0, 1)),
    ("a row on a matrix", lambda x, row: [mul(add(x, row), row)], ROW, (1, 0)),
    ("a row on a square", lambda x, row: [mul(add(x, row), row)], SQUARE_ROW, (1, 0)),
    ("a column on a square", lambda x, column: [mul(add(x, column), column)], COLUMN, (0, 1)),
    ("a square less its column sums", less_its_sums, {"shapes": ((3, 3),)}, (0,)),
    ("a constant on the way", lambda x, const: [add(mul(x, const), exp(const))], WITH_CONSTANT, (0,)),
    ("a ladder", ladder, {}, (0,)),
    ("four axes", lambda x: [mul(exp(x), x)], {"shapes": ((2, 1, 3, 2),)}, (0,)),
]


def compute_gradient_question(number: int) -> Question:
    function = {"function": UNIT.entry("compute_gradient_of_variables")}

    def case(title: str, build: Callable[..., Sequence[Node]], given: dict[str, Any], wrt: tuple[int, ...], **more: Any) -> GradientsCase:
        return GradientsCase(title, build, settings=function, wrt=wrt, guarded="chain" not in more, **given, **more)

    once = [case(*row) for row in GRADED]
    once.append(case("a short and a long way", short_and_long, {"shapes": ((2, 3),)}, (0,), dtype="float32"))
    once.append(case("a row on a matrix", lambda x, row: [mul(add(x, row), row)], ROW, (1, 0), dtype="float32"))
    once.append(case("a diamond, in lazy mode", diamond, {}, (0,), waiting=True))
    once.append(case("a row on a matrix, in lazy mode", lambda x, row: [mul(add(x, row), row)], ROW, (1, 0), waiting=True))
    rows: list[tuple[str, Callable[..., Sequence[Node]], dict[str, Any], tuple[int, ...]]] = [
        ("x * x * x", lambda x: [mul(mul(x, x), x)], {"shapes": ((2,),)}, (0,)),
        ("a diamond", lambda x: diamond(x)[:1], {}, (0,)),
        ("x1 * exp(x1 * x2)", lambda x1, x2: [mul(x1, exp(mul(x1, x2)))], PAIR, (0, 1)),
        ("a row on a square", lambda x, row: [mul(mul(x, row), row)], SQUARE_ROW, (1, 0)),
    ]
    again = [case(*row, again=True, create_graph=True) for row in rows]
    forgotten = [
        case("a diamond, with what is inside", diamond, {}, (0,)),
        case("x1 * exp(x1 * x2)", lambda x1, x2: [mul(x1, a := exp(mul(x1, x2))), a], PAIR, (0, 1)),
        case("x * x, for the second time", lambda x: [mul(x, x)], {"shapes": ((2,),)}, (0,), times=2),
        case("a + a + a, for the third time", three_times, {"shapes": ((3,),)}, (0,), times=3),
        case("exp(x), with an out_grad of ones", lambda x: [exp(x)], {"shapes": ((2, 3),)}, (0,), ones=True),
        case("x1 * x2, with an out_grad of ones", lambda x1, x2: [mul(x1, x2)], PAIR, (0, 1), ones=True),
    ]
    large = [
        case(f"{DOUBLINGS} doublings", doubling, {}, (0,)),
        case(f"a chain of {LONG} tensors", lambda x: [x], {}, (0,), chain=LONG),
    ]
    parts = (
        Part("gradients", 2, tuple(once), judge_gradients, "the sum over consumers, and on which tensors it is put"),
        Part("second derivatives", 1, tuple(again), judge_again, "what gradients with a graph are made of"),
        Part("nothing left behind", 0.5, tuple(forgotten), judge_history, "what an earlier call has left, and what a gradient holds on to"),
        Part("large graphs", 1.5, tuple(large), judge_gradients, "how often each tensor is visited, and how many calls are open at once"),
    )
    return Question(UNIT.name, number, "compute_gradient_of_variables", parts)


def backward_question(number: int) -> Question:
    function = {"function": UNIT.entry("backward")}
    rows = [GRADED[place] for place in (0, 1, 6, 8, 12, 16)]

    def cases(**more: Any) -> tuple[GradientsCase, ...]:
        listed = [GradientsCase(title, build, settings=function, wrt=wrt, **given, **more) for title, build, given, wrt in rows]
        single = GradientsCase("x * x", lambda x: [mul(x, x)], settings=function, wrt=(0,), shapes=((2, 3),), dtype="float32", **more)
        title, build, given, wrt = GRADED[0]
        graph = GradientsCase(f"{title}, with its graph", build, settings=function, wrt=wrt, create_graph=True, **given, **more)
        waiting = GradientsCase(f"{title}, in lazy mode", build, settings=function, wrt=wrt, waiting=True, **given, **more)
        return *listed, single, graph, waiting

    zero = GradientsCase("x * x, with an out_grad of 0", lambda x: [mul(x, x)], settings=function, wrt=(0,), nothing=True)
    parts = (
        Part("without out_grad", 0.75, cases(seeded=False), judge_history, "of what the gradients are, where nothing is handed over"),
        Part("with out_grad", 0.75, (*cases(), zero), judge_history, "what is done with all that is handed over"),
        Part("refusals", 0.5, (RefusalCase(UNIT.entry("backward")),), judge_refusals, "the last sentence of its description"),
    )
    return Question(UNIT.name, number, "backward", parts)
