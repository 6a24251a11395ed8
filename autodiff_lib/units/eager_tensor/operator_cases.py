"""The table of cases for the unit's operators: shapes, attributes, kinds of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...checks.question import Part, Question
from ...checks.values import Shape
from ...kinds.tensor.judge import RuleCase, ValueCase, judge_rule, judge_value
from .unit import UNIT

Row = tuple[tuple[Shape, ...], dict[str, Any], tuple[str, ...]]
"""Shapes of the operands, attributes, kinds of values."""

# Sizes are pairwise different in most rows, so that each axis can be told from the others, and all equal in some: what
# finds an axis by its size, or takes two operands of one shape for something else, goes wrong only there.

RANKS: tuple[Shape, ...] = ((5,), (3, 3), (2, 3, 4), (2, 1, 3, 4))
STRETCHED: tuple[tuple[Shape, Shape], ...] = (
    ((2,), (2,)),
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1), (1, 3)),
    ((3, 3), (3, 3)),
    ((3, 3), (3,)),
    ((3, 3), (3, 1)),
    ((4, 1, 3), (2, 1)),
    ((2, 1, 3, 1), (5, 1, 4)),
)
PRODUCTS: tuple[tuple[Shape, Shape], ...] = (
    ((2, 3), (3, 4)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((1, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (1, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((2, 1, 2, 3), (1, 4, 3, 2)),
    ((3, 3), (3, 3)),
    ((3, 3, 3), (3, 3)),
    ((3, 3), (3, 3, 3)),
    ((3, 3, 3), (3, 3, 3)),
    ((1, 3, 3), (3, 3, 3)),
    ((2, 2, 2, 2), (2, 2, 2, 2)),
    ((2, 3, 4, 5), (2, 3, 5, 6)),
)
SUMS: dict[Shape, Sequence[Any]] = {
    (4,): (None, 0, -1, (0,)),
    (2, 3): (None, 0, 1, -1, -2, (0, 1), (1,), (-1, 0)),
    (3, 3): (None, 0, 1, -1, (0, 1)),
    (2, 3, 4): (None, 0, 1, -1, (0, 2), (1, 2), (-1, 0), (2, 1)),
    (3, 3, 3): (0, 1, -1, (0, 1), (0, 2)),
    (2, 1, 3, 4): (1, (1, 3), (-1, -3), (0, 1, 2), None),
}
STRETCHES: tuple[tuple[Shape, Any], ...] = (
    ((3,), (2, 3)),
    ((1, 3), (2, 3)),
    ((2, 1), (2, 3)),
    ((1,), 4),
    ((), (2, 3)),
    ((2, 3), (2, 3)),
    ((3,), (3, 3)),
    ((3, 1), (3, 3)),
    ((1, 3), (3, 3)),
    ((3, 3), (3, 3, 3)),
    ((3, 1), (3, 3, 3)),
    ((1, 1), (2, 3, 1)),
    ((2, 1, 4), (2, 3, 4)),
    ((3, 1), (2, 3, 4)),
    ((2, 1, 3, 1), (2, 4, 3, 5)),
)
SHAPED: tuple[tuple[Shape, Any], ...] = (
    ((2, 3), (3, 2)),
    ((2, 3), (6,)),
    ((6,), (2, 3)),
    ((2, 3), -1),
    ((3, 3), (3, 3)),
    ((3, 3), (9, 1)),
    ((1,), ()),
    ((), (1, 1)),
    ((2, 3, 4), (4, -1)),
    ((2, 3, 4), (4, 3, 2)),
    ((2, 3, 4), (2, 2, 3, 2)),
    ((2, 1, 3, 4), (6, 4)),
)
SWAPS: dict[Shape, Sequence[Any]] = {
    (2, 3): (None, (0, 1), (1, 0), (-1, -2)),
    (3, 3): (None, (0, 1)),
    (2, 3, 4): (None, (0, 1), (0, 2), (1, 2), (-1, 0), (-3, -2)),
    (3, 3, 3): (None, (0, 1), (0, 2)),
    (2, 3, 4, 5): (None, (0, 2), (-1, 0), (1, -1), (1, 1)),
}


def elementwise(*kinds: str, attrs: Sequence[dict[str, Any]] = ({},)) -> Iterator[Row]:
    """One operand, ranks 1 to 4, every kind of values."""
    for setting in attrs:
        for kind in kinds:
            yield ((2, 3),), setting, (kind,)
        for shape in RANKS:
            yield (shape,), setting, kinds[:1]


def pairs(shapes: Sequence[tuple[Shape, Shape]], *kinds: str) -> Iterator[Row]:
    for pair in shapes:
        yield pair, {}, kinds


def rows(operator: str) -> Iterator[Row]:
    match operator:
        case "PowerScalar":
            yield from elementwise("positive", attrs=({"scalar": 2}, {"scalar": 0.5}, {"scalar": -1.5}))
            for scalar in (3, 4, 1):
                yield from ((((2, 3),), {"scalar": scalar}, (kind,)) for kind in ("normal", "ties", "huge"))
            for scalar in (0, 1, 2):  # the rule meets the exponent 0 as soon as it is asked twice, and its formula 0 * 0**-1 there
                yield from ((((3, 2),), {"scalar": scalar}, (kind,)) for kind in ("normal", "ties", "zeros"))
            yield from ((((3, 2),), {"scalar": scalar}, ("away",)) for scalar in (-1, -2))
            yield from ((((2, 3),), {"scalar": scalar}, ("specks",)) for scalar in (0.5, -1))
        case "EWisePow":
            yield from pairs(STRETCHED, "positive", "normal")
            yield ((2, 3), (2, 3)), {}, ("positive", "ties")
            yield ((2, 3), (2, 3)), {}, ("specks", "positive")
        case "EWiseDiv":
            yield from pairs(STRETCHED, "normal", "away")
            yield ((2, 3), (2, 3)), {}, ("huge", "away")
            yield ((2, 3), (2, 3)), {}, ("ties", "away")
            yield ((2, 3), (2, 3)), {}, ("normal", "small")
        case "DivScalar":
            yield from elementwise("normal", "huge", "ties", attrs=({"scalar": 4}, {"scalar": -0.3}))
            yield ((2, 3),), {"scalar": 1e-6}, ("normal",)
        case "MatMul":
            yield from pairs(PRODUCTS, "normal", "normal")
            yield from pairs(PRODUCTS[:3], "huge", "normal")
            yield from pairs(PRODUCTS[:3], "ties", "ties")
        case "Summation":
            yield from (((shape,), {"axes": axes}, ("normal",)) for shape, listed in SUMS.items() for axes in listed)
            yield from ((((2, 3),), {"axes": 0}, (kind,)) for kind in ("huge", "ties"))
        case "BroadcastTo":
            yield from (((shape,), {"shape": target}, ("normal",)) for shape, target in STRETCHES)
            yield from ((((3,),), {"shape": (2, 3)}, (kind,)) for kind in ("huge", "zeros"))
        case "Reshape":
            yield from (((shape,), {"shape": target}, ("normal",)) for shape, target in SHAPED)
        case "Negate":
            yield from elementwise("normal", "huge", "ties", "zeros")
        case "Transpose":
            yield from (((shape,), {"axes": axes}, ("normal",)) for shape, listed in SWAPS.items() for axes in listed)
        case "Log":
            yield from elementwise("positive", "specks")
        case "Exp":
            yield from elementwise("normal", "ties", "zeros", "small")
        case "ReLU":
            yield from elementwise("normal", "ties", "zeros", "huge", "small", "specks")
        case _:
            raise KeyError(f"no cases for the operator '{operator}'")


BY_COLUMNS: dict[str, Row] = {
    "PowerScalar": (((2, 3),), {"scalar": 2}, ("normal",)),
    "EWisePow": (((2, 3), (2, 3)), {}, ("positive", "normal")),
    "EWiseDiv": (((2, 3), (2, 3)), {}, ("normal", "away")),
    "DivScalar": (((2, 3),), {"scalar": 4}, ("normal",)),
    "MatMul": (((2, 3, 4), (4, 5)), {}, ("normal", "normal")),
    "Summation": (((2, 3),), {"axes": 1}, ("normal",)),
    "BroadcastTo": (((2, 1),), {"shape": (2, 3)}, ("normal",)),
    "Reshape": (((2, 3),), {"shape": (3, 2)}, ("normal",)),
    "Negate": (((2, 3),), {}, ("normal",)),
    "Transpose": (((2, 3),), {"axes": None}, ("normal",)),
    "Log": (((2, 3),), {}, ("positive",)),
    "Exp": (((2, 3),), {}, ("normal",)),
    "ReLU": (((2, 3),), {}, ("away",)),
}
"""Operator -> a row for operands that are stored by columns: to flatten them, `view`, which cannot copy, is not enough."""

REPEATED: dict[str, Row] = {
    "EWisePow": (((2, 3), (2, 3)), {}, ("positive", "positive")),
    "EWiseDiv": (((2, 3), (2, 3)), {}, ("away", "away")),
    "MatMul": (((3, 3), (3, 3)), {}, ("normal", "normal")),
}
"""Binary operator -> a row in which one tensor is both of its operands."""

VALUE_ONLY: dict[str, tuple[Row, ...]] = {
    "EWiseDiv": ((((2, 3), (2, 3)), {}, ("away", "some zero")),),
    "Exp": ((((2, 3),), {}, ("huge",)),),
    "Log": ((((2, 3),), {}, ("some zero",)),),
}
"""Operator -> rows on which its value is certain, and its derivatives are nothing to agree on to nine digits."""

ON_PAPER: dict[str, tuple[str, ...]] = {
    "PowerScalar": ("counting",),
    "EWisePow": ("counting", "factors"),
    "EWiseDiv": ("factors", "divisors"),
    "MatMul": ("whole", "whole"),
    "Log": ("squares",),
}
"""Operator -> the whole numbers of its smallest case, where they are not just any."""

POINTS: dict[str, tuple[float, float]] = {  # operator -> points for compute, points for gradient
    "PowerScalar": (0.25, 0.75),
    "EWisePow": (0.25, 0.75),
    "EWiseDiv": (0.25, 0.75),
    "DivScalar": (0.25, 0.25),
    "MatMul": (0.75, 1.75),
    "Summation": (0.5, 1),
    "BroadcastTo": (0.5, 1),
    "Reshape": (0.25, 0.75),
    "Negate": (0.25, 0.25),
    "Transpose": (0.25, 0.75),
    "Log": (0.25, 0.25),
    "Exp": (0.25, 0.25),
    "ReLU": (0.5, 1),
}

LOOK_AT = {
    "PowerScalar": ("the definition of the power", "the power rule: the number occurs in it twice, and output_grad is a factor"),
    "EWisePow": ("the definition of the power", "the derivative of a**b by a, and by b; then the shapes"),
    "EWiseDiv": ("the definition of a / b", "the derivative of a / b by a, and by b; then the shapes"),
    "DivScalar": ("the definition of a / scalar", "the derivative of a / scalar, for a number"),
    "MatMul": ("the sum over the shared axis", "the two formulas for matrices, and then which axes of a batch were stretched"),
    "Summation": ("what axes may be: a number, several, none", "where the summed axes stood, and what size they had"),
    "BroadcastTo": ("which shape comes out", "which axes were stretched, and which are new"),
    "Reshape": ("in which order the numbers stay", "what undoes a reshape"),
    "Negate": ("the sign", "the sign"),
    "Transpose": ("which two axes trade places, and which do without being named", "what undoes a swap of two axes"),
    "Log": ("the natural logarithm", "the derivative of the logarithm"),
    "Exp": ("the exponential function", "the derivative of exp, which is known already"),
    "ReLU": ("what happens below zero, and above", "where relu is flat, and where it passes its input on; and what its own slope is"),
}


def smallest_first(operator: str, cases: Sequence[Any]) -> tuple[Any, ...]:
    """Cases by their size; and the very first one with numbers that a student can calculate with by hand."""
    first, *others = sorted(cases, key=lambda case: case.size)
    return replace(first, on_paper=ON_PAPER.get(operator, ("whole",))), *others


def compute_cases(operator: str) -> tuple[ValueCase, ...]:
    """Every row in float64, the first of each shape in float32, one stored by columns, and the odd ones."""
    cases = [ValueCase(operator, *row) for row in rows(operator)]
    shapes = {case.shapes: case for case in reversed(cases)}
    cases += [ValueCase(operator, case.shapes, case.attrs, case.kinds, "float32") for case in shapes.values()]
    cases.append(ValueCase(operator, *BY_COLUMNS[operator], by_columns=True))
    if operator in REPEATED:
        cases.append(ValueCase(operator, *REPEATED[operator], repeated=True))
    cases += [ValueCase(operator, *row) for row in VALUE_ONLY.get(operator, ())]
    return smallest_first(operator, cases)


def rule_cases(operator: str) -> tuple[RuleCase, ...]:
    """Every row in float64, the first of each rank in float32, and one tensor as both operands. The last plain one is looked at closely,
    and asked once more without values."""
    kinked = operator == "ReLU"  # at zero it has more than one slope
    cases = sorted((RuleCase(operator, *row, kinked=kinked) for row in rows(operator)), key=lambda case: case.size)
    last = max(place for place, case in enumerate(cases) if set(case.kinds) <= {"normal", "away", "positive"})
    ranks = {tuple(map(len, case.shapes)): case for case in reversed(cases) if set(case.kinds) <= {"normal", "away", "positive"}}
    single = [replace(case, dtype="float32") for case in ranks.values()]
    cases.append(replace(cases[last], waiting=True))
    cases[last] = replace(cases[last], closely=True)
    cases += single
    if operator in REPEATED:
        cases.append(RuleCase(operator, *REPEATED[operator], repeated=True))
    return smallest_first(operator, cases)


def operator_question(operator: str, number: int) -> Question:
    for_compute, for_gradient = POINTS[operator]
    look_compute, look_gradient = LOOK_AT[operator]
    parts = (
        Part("compute", for_compute, compute_cases(operator), judge_value, look_compute),
        Part("gradient", for_gradient, rule_cases(operator), judge_rule, look_gradient),
    )
    return Question(UNIT.name, number, operator, parts)
