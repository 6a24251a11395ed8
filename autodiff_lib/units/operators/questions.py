"""The questions of the unit: every operator's `compute` and `gradient`, over one table of cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ...checks.question import Part, Question
from ...checks.values import Shape
from ...kinds.operator.judge import ComputeCase, GradientCase, judge_compute, judge_gradient
from .unit import UNIT

AnyCase = TypeVar("AnyCase", ComputeCase, GradientCase)

KINKED = ("relu",)  # at zero it has more than one slope

# --- the table of cases: operator -> (shapes, attributes, kinds of values)

Row = tuple[tuple[Shape, ...], dict[str, Any], tuple[str, ...]]

# Sizes are pairwise different in most rows, so that each axis can be told from the others, and all equal in some: what
# finds an axis by its size, or takes two operands of one shape for something else, goes wrong only there.


def elementwise(*kinds: str, attrs: tuple[dict[str, Any], ...] = ({},)) -> Iterator[Row]:
    """One operand, ranks 1 to 4, every kind of values."""
    for setting in attrs:
        for kind in kinds:
            yield ((2, 3),), setting, (kind,)
        for shape in ((5,), (3, 3), (2, 3, 4), (2, 1, 3, 4)):
            yield (shape,), setting, kinds[:1]


def along_axes(*kinds: str, attrs: Mapping[Any, Sequence[Mapping[str, Any]]]) -> Iterator[Row]:
    """One operand, every listed attribute setting for each shape."""
    for shape, settings in attrs.items():
        for setting in settings:
            for kind in kinds:
                yield (shape,), dict(setting), (kind,)


def pairs(*shapes: tuple[Shape, Shape], kinds: tuple[tuple[str, str], ...]) -> Iterator[Row]:
    for pair in shapes:
        for kind in kinds:
            yield pair, {}, kind


STRETCHED = (
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
PRODUCTS = (
    ((2, 3), (3, 4)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((3, 3), (3, 3)),
    ((3, 3, 3), (3, 3)),
    ((3, 3), (3, 3, 3)),
    ((3, 3, 3), (3, 3, 3)),
    ((2, 2, 2, 2), (2, 2, 2, 2)),
    ((2, 3, 4, 5), (2, 3, 5, 6)),
)


def rows(operator: str) -> Iterator[Row]:
    match operator:
        case "div":
            yield from pairs(*STRETCHED, kinds=(("normal", "away"),))
            yield (((2, 3), (2, 3)), {}, ("huge", "away"))
            yield (((2, 3), (2, 3)), {}, ("ties", "away"))
            yield (((2, 3), (2, 3)), {}, ("normal", "small"))
        case "div_by_const":
            yield from elementwise("normal", "huge", "ties", attrs=({"c": 4}, {"c": -0.3}))
            yield (((2, 3),), {"c": 1e-6}, ("normal",))
        case "transpose":
            swaps = [{"dim0": 0, "dim1": 1}, {"dim0": -1, "dim1": -2}]
            far = [{"dim0": 0, "dim1": 2}, {"dim0": -1, "dim1": 0}]
            whole = [*far, {"dim0": 1, "dim1": -1}, {"dim0": 1, "dim1": 1}]
            yield from along_axes("normal", attrs={(2, 3): swaps, (2, 3, 4): swaps + far, (2, 3, 4, 5): whole})
            yield from along_axes("normal", attrs={(3, 3): swaps[:1], (3, 3, 3): [*swaps, *far]})
        case "relu":
            yield from elementwise("normal", "ties", "zeros", "huge", "small")
        case "sqrt":
            yield from elementwise("positive", "specks")
        case "power":
            yield from elementwise("positive", attrs=({"exponent": 2}, {"exponent": 0.5}, {"exponent": -1.5}))
            yield from along_axes("normal", "ties", "huge", attrs={(2, 3): [{"exponent": 3}, {"exponent": 4}, {"exponent": 1}]})
            yield from along_axes("away", attrs={(3, 2): [{"exponent": -1}, {"exponent": 0}]})
            yield from along_axes("specks", attrs={(2, 3): [{"exponent": 0.5}, {"exponent": -1}]})
        case "mean":
            flat: list[dict[str, Any]] = [{"dim": 0}, {"dim": -1}, {"dim": 1, "keepdim": True}, {"dim": (0, 1)}]
            deep: list[dict[str, Any]] = [{"dim": 1}, {"dim": -2, "keepdim": True}, {"dim": (0, 2)}, {"dim": (-1, 0), "keepdim": True}]
            yield from along_axes("normal", attrs={(5,): [{"dim": 0}], (2, 3): flat, (2, 3, 4): [*flat, *deep], (2, 3, 4, 5): deep})
            yield from along_axes("huge", "ties", attrs={(2, 3): [{"dim": 0}]})
            square: list[dict[str, Any]] = [{"dim": 0}, {"dim": 1}, {"dim": -1, "keepdim": True}, {"dim": (0, 1)}]
            yield from along_axes("normal", attrs={(3, 3): square, (3, 3, 3): [*square, {"dim": (0, 2)}]})
        case "matmul":
            yield from pairs(*PRODUCTS, kinds=(("normal", "normal"),))
            yield from pairs(*PRODUCTS[:3], kinds=(("huge", "normal"), ("ties", "ties")))
        case "softmax":
            every = {(4,): [0, -1], (2, 3): [0, 1, -1], (2, 3, 4): [0, 1, -2, -1], (2, 3, 4, 5): [1, -1]}
            dims = {shape: [{"dim": dim} for dim in axes] for shape, axes in every.items()}
            yield from along_axes("normal", attrs=dims)
            yield from along_axes("huge", "ties", "zeros", "peak", attrs={(2, 3): [{"dim": -1}, {"dim": 0}]})
            yield (((3, 4),), {}, ("normal",))
            yield (((2, 3, 4),), {"dim": 1}, ("peak",))
            square = [{"dim": 0}, {"dim": -1}]
            yield from along_axes("normal", "level", attrs={(3, 3): square})
            yield from along_axes("normal", attrs={(3, 3, 3): [*square, {"dim": 1}]})
        case "layernorm":
            last: list[dict[str, Any]] = [{"normalized_shape": (3,)}, {"normalized_shape": (3,), "eps": 0.5}]
            deep = [{"normalized_shape": (4,)}, {"normalized_shape": (3, 4)}, {"normalized_shape": (2, 3, 4), "eps": 0.1}]
            both = [*last, {"normalized_shape": (2, 3)}]
            yield from along_axes("normal", attrs={(3,): last[:1], (2, 3): both, (2, 3, 4): deep})
            yield from along_axes("normal", attrs={(2, 3, 4, 5): [{"normalized_shape": (5,)}, {"normalized_shape": (4, 5)}]})
            yield from along_axes("huge", "ties", "flat", attrs={(4, 3): last})
            one, two = {"normalized_shape": (3,)}, {"normalized_shape": (3, 3)}
            yield from along_axes("normal", attrs={(3, 3): [one, two], (3, 3, 3): [one, two]})
            yield from along_axes("normal", attrs={(2, 2, 2, 2): [{"normalized_shape": (2, 2)}, {"normalized_shape": (2,)}]})
        case _:
            raise KeyError(f"no cases for the operator '{operator}'")


BY_COLUMNS: dict[str, Row] = {
    "div": (((2, 3), (2, 3)), {}, ("normal", "away")),
    "div_by_const": (((2, 3),), {"c": 4}, ("normal",)),
    "transpose": (((2, 3),), {"dim0": 0, "dim1": 1}, ("normal",)),
    "relu": (((2, 3),), {}, ("away",)),
    "sqrt": (((2, 3),), {}, ("positive",)),
    "power": (((2, 3),), {"exponent": 2}, ("normal",)),
    "mean": (((2, 3),), {"dim": (0, 1)}, ("normal",)),
    "matmul": (((2, 3, 4), (4, 5)), {}, ("normal", "normal")),
    "softmax": (((2, 3, 4),), {"dim": -1}, ("normal",)),
    "layernorm": (((2, 3),), {"normalized_shape": (2, 3)}, ("normal",)),
}
"""Operator -> a row for operands that are stored by columns: to flatten them, `view`, which cannot copy, is not enough."""


REPEATED: dict[str, Row] = {
    "div": (((2, 3), (2, 3)), {}, ("away", "away")),
    "matmul": (((3, 3), (3, 3)), {}, ("normal", "normal")),
}
"""Binary operator -> a row in which one node is both of its operands."""


VALUE_ONLY: dict[str, tuple[Row, ...]] = {
    "div": ((((2, 3), (2, 3)), {}, ("away", "some zero")),),
    "layernorm": tuple((((4, 3),), {"normalized_shape": (3,)}, (kind,)) for kind in ("level", "nearly level")),
}
"""Operator -> rows on which its value is certain, and its derivatives are nothing to agree on to nine digits."""


ON_PAPER: dict[str, tuple[str, ...]] = {
    "div": ("factors", "divisors"),
    "sqrt": ("squares",),
    "power": ("counting",),
    "matmul": ("whole", "whole"),
}
"""Operator -> the whole numbers of its smallest case, where they are not just any."""


def with_one_on_paper(operator: str, cases: Iterable[AnyCase]) -> tuple[AnyCase, ...]:
    """Smallest first; and the very first one with numbers that a student can calculate with by hand."""
    first, *others = sorted(cases, key=lambda case: case.size)
    return replace(first, on_paper=ON_PAPER.get(operator, ("whole",))), *others


def compute_cases(operator: str) -> tuple[ComputeCase, ...]:
    """Every row in float64, the first of each shape in float32, one stored by columns, and the odd ones; smallest first."""
    cases = [ComputeCase(operator, *row) for row in rows(operator)]
    shapes = {case.shapes: case for case in reversed(cases)}
    cases += [ComputeCase(operator, case.shapes, case.attrs, case.kinds, "float32") for case in shapes.values()]
    cases.append(ComputeCase(operator, *BY_COLUMNS[operator], by_columns=True))
    if operator in REPEATED:
        cases.append(ComputeCase(operator, *REPEATED[operator], repeated=True))
    cases += [ComputeCase(operator, *row) for row in VALUE_ONLY.get(operator, ())]
    return with_one_on_paper(operator, cases)


def gradient_cases(operator: str) -> tuple[GradientCase, ...]:
    """Every row in float64, and one node as both operands; smallest first. The last that has plain values is looked at closely."""
    cases = sorted((GradientCase(operator, *row) for row in rows(operator)), key=lambda case: case.size)
    if operator in KINKED:
        cases = [replace(case, kinked=True) for case in cases]
    last = max(place for place, case in enumerate(cases) if set(case.kinds) <= {"normal", "away", "positive"})
    cases[last] = replace(cases[last], closely=True)
    if operator in REPEATED:
        cases.append(GradientCase(operator, *REPEATED[operator], repeated=True))
    return with_one_on_paper(operator, cases)


POINTS = {  # operator -> points for compute, points for gradient
    "div": (1, 2),
    "div_by_const": (0.5, 0.5),
    "transpose": (1, 1),
    "relu": (1, 1),
    "sqrt": (1, 1),
    "power": (1, 2),
    "mean": (1, 2),
    "matmul": (1, 4),
    "softmax": (2, 3),
    "layernorm": (2, 4),
}

LOOK_AT = {
    "div": ("the definition of a / b", "the derivative of a / b by a, and by b; then the shapes"),
    "div_by_const": ("the definition of a / c", "the derivative of a / c, for a number c"),
    "transpose": ("which two axes trade places", "what undoes a swap of two axes"),
    "relu": ("what happens below zero, and above", "where relu is flat, and where it passes its input on"),
    "sqrt": ("the definition of the root", "the derivative of the root, written with the root itself"),
    "power": ("the definition of the power", "the power rule: the exponent occurs in it twice"),
    "mean": ("which axes are averaged, and whether they stay", "how many entries share one mean, and what shape the gradient must have"),
    "matmul": ("the sum over the shared axis", "the two formulas above the exercise, and the shapes of each factor"),
    "softmax": ("what is subtracted before exp, and along which axis", "the formula above the exercise: it has two terms"),
    "layernorm": (
        "mean, variance and eps, over all normalised axes",
        "that mean and variance depend on a as well: the formula has three terms",
    ),
}


def question(operator: str) -> Question:
    number = 1 + list(POINTS).index(operator)
    for_compute, for_gradient = POINTS[operator]
    look_compute, look_gradient = LOOK_AT[operator]
    return Question(
        UNIT.name,
        number,
        operator,
        (
            Part("compute", for_compute, compute_cases(operator), judge_compute, look_compute),
            Part("gradient", for_gradient, gradient_cases(operator), judge_gradient, look_gradient),
        ),
    )


def questions() -> list[Question]:
    """The ten questions of the unit, in the notebook's order."""
    return [question(operator) for operator in POINTS]
