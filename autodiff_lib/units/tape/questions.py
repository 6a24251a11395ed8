"""The questions of the unit: the engine's two methods, backward functions on arrays, layers, and a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...checks.question import Part, Question
from ...checks.values import Shape
from ...kinds.function.judge import judge_call, judge_result
from .functions import Row, call_case, twice_case
from .functions import judge_consistent as judge_function
from .layers import (
    FarCase,
    FarLossCase,
    LayerCase,
    judge_at_zero,
    judge_consistent,
    judge_far,
    judge_far_loss,
    judge_forward,
    judge_gradients,
    judge_passed_on,
    judge_traced,
)
from .recording import judge_entry, judge_spots, judge_tape, record_cases, walk_parts
from .unit import UNIT

# --- the engine


def add_operation_parts() -> tuple[Part, ...]:
    entry, tape, spots = record_cases()
    return (
        Part("entry", 2, tuple(entry), judge_entry, "what an Operation is made of, and in which order"),
        Part("tape", 1, tuple(tape), judge_tape, "what becomes of operation_list"),
        Part("spots", 2, tuple(spots), judge_spots, "for which inputs the buffer keeps the gradient"),
    )


WALK_POINTS = {"order": 1, "divergence": 0.5, "buffer": 1.5, "handed in": 1, "unused outputs": 0.5, "bare gradients": 0.5}


def backward_parts() -> tuple[Part, ...]:
    return tuple(Part(name, WALK_POINTS[name], tuple(cases), judge, look) for name, (cases, judge, look) in walk_parts().items())


# --- backward functions on arrays

SAME: tuple[Shape, ...] = ((2, 3), (5,), (3, 3), (1, 4), ())
BROADCAST: tuple[tuple[Shape, Shape, Shape], ...] = (  # of the result, of a and b
    ((2, 3), (2, 3), (3,)),
    ((2, 3), (2, 3), (1, 3)),
    ((2, 3), (1, 3), (2, 3)),
    ((2, 3), (2, 3), (2, 1)),
    ((2, 3), (2, 1), (1, 3)),
    ((2, 3), (2, 3), ()),
    ((4,), (), (4,)),
    ((3, 3), (3, 3), (3,)),
    ((3, 3), (3, 1), (3, 3)),
    ((2, 3, 4), (3, 1), (2, 1, 4)),
)


def elementwise_parts(name: str) -> tuple[Part, ...]:
    below, small = ("away" if name == "div_backward" else "normal"), "divisors"
    kinds = ("normal", "normal", below)
    alike: list[Row] = [(((2, 2),) * 3, ("factors", "squares", small)), *(((shape,) * 3, kinds) for shape in SAME)]
    others: list[Row] = [(shapes, kinds) for shapes in BROADCAST]
    return binary_parts(name, alike, [*alike[1:4], *others], "whose shape a gradient has, where an array was stretched")


MATRICES: tuple[tuple[Shape, Shape, Shape], ...] = (
    ((2, 4), (2, 3), (3, 4)),
    ((1, 1), (1, 3), (3, 1)),
    ((4, 2), (4, 1), (1, 2)),
    ((3, 3), (3, 3), (3, 3)),
    ((1, 5), (1, 2), (2, 5)),
)
VECTORS: tuple[tuple[Shape, Shape, Shape], ...] = (((2, 3), (2,), (3,)), ((3, 3), (3,), (3,)), ((1, 4), (1,), (4,)), ((4, 1), (4,), (1,)))


def product_parts(name: str) -> tuple[Part, ...]:
    listed, smallest = (MATRICES, ((2, 2),) * 3) if name == "matmul_backward" else (VECTORS, ((2, 2), (2,), (2,)))
    alike: list[Row] = [(smallest, ("factors", "whole", "factors")), *((shapes, ("normal",) * 3) for shapes in listed)]
    return binary_parts(name, alike, alike[1:], "the shapes on both sides of the product")


def binary_parts(name: str, alike: Sequence[Row], others: Sequence[Row], look: str) -> tuple[Part, ...]:
    """The gradient of a alone and that of b alone; then other shapes, float32, and inputs as they were, beside one's own plain answers."""
    cases = tuple(call_case(name, row) for row in alike)
    stretched = name not in ("matmul_backward", "outer_backward")
    more = [twice_case(name, row, dtype, stretched) for dtype in ("float64", "float32") for row in others]
    return (
        Part("gradient of a", 0.4, cases, judge_result(0), "how the result changes where a does and b stays"),
        Part("gradient of b", 0.4, cases, judge_result(1), "how the result changes where b does and a stays"),
        Part("all else", 0.2, tuple(more), judge_function, look),
    )


def unary_parts(name: str) -> tuple[Part, ...]:
    """The slope alone, where ones come in; what comes in alone, where the slope is one; then float32, and inputs as they were."""
    some, flat = ("positive", "ones") if name == "log_backward" else ("normal", "zeros")
    small = "counting" if name == "log_backward" else "whole"
    shapes: tuple[Shape, ...] = ((2, 3), (4,), (3, 3), ())
    slope = [call_case(name, ((shape, shape), ("ones", kind))) for shape, kind in [((2, 2), small), *((shape, some) for shape in shapes)]]
    above = [
        call_case(name, ((shape, shape), (kind, flat))) for shape, kind in [((2, 2), "whole"), *((shape, "normal") for shape in shapes)]
    ]
    rows: list[Row] = [((shape, shape), ("normal", some)) for shape in (*shapes, (2, 3, 4))]
    if name == "log_backward":
        slope.append(call_case(name, (((3, 4), (3, 4)), ("ones", "specks"))))
    rest = [twice_case(name, row, dtype) for dtype in ("float64", "float32") for row in rows]
    return (
        Part("slope", 0.4, tuple(slope), judge_result(0), "how fast the result changes where a does"),
        Part("what comes in", 0.4, tuple(above), judge_result(0), "what is done with grad_output"),
        Part("all else", 0.2, tuple(rest), judge_function, "dtypes, and what belongs to the caller"),
    )


def reduction_part(name: str) -> Part:
    """Of what is not graded: grad_output is one number."""
    shapes: tuple[Shape, ...] = ((2, 2), (2, 3), (5,), (3, 3), (2, 3, 4), ())
    kinds = ("whole", *("normal",) * 5)
    cases = [call_case(name, (((), shape), ("normal", kind))) for shape, kind in zip(shapes, kinds, strict=True)]
    if name == "max_backward":
        cases += [call_case(name, (((), shape), ("normal", kind))) for shape, kind in (((3, 4), "ties"), ((2, 5), "zeros"))]
    cases += [replace(case, dtype="float32") for case in cases]
    return Part("gradient", 0, tuple(cases), judge_call, "which entries the result depends on, and how much on each")


# --- layers

LINEAR = "Linear"
SIZES: tuple[tuple[int, tuple[int, int]], ...] = ((2, (2, 2)), (2, (3, 4)), (1, (3, 2)), (4, (4, 4)), (5, (1, 3)), (3, (2, 1)))
"""Rows of x, and in and out of the layer: a batch of several, of one, and sizes that coincide."""


def linear_parts() -> tuple[Part, ...]:
    def cases(rounds: int, without: tuple[str, ...] = (), square: bool = False) -> tuple[LayerCase, ...]:
        listed = [(rows, (m, m) if square else (n, m)) for rows, (n, m) in SIZES]
        listed = [row for place, row in enumerate(listed) if row not in listed[:place]]
        kinds = ["whole", *("normal",) * (len(listed) - 1)]
        return tuple(
            LayerCase(LINEAR, (rows, sizes[0]), rounds, sizes=sizes, kind=kind, without=without)
            for (rows, sizes), kind in zip(listed, kinds, strict=True)
        )

    back = cases(1)
    number = len(("x",))
    everything = [LayerCase(LINEAR, (rows, sizes[0]), sizes=sizes, began=True, alone=True) for rows, sizes in SIZES]
    everything += [replace(case, calls=2) for case in everything[:3]] + [replace(case, dtype="float32") for case in everything[:4]]
    return (
        Part("product", 1, cases(0, ("b",)), judge_forward, "which matrix stands on which side"),
        Part("bias", 1, cases(0, ("W",), square=True), judge_forward, "what is added to every row"),
        Part("gradient of x", 2, back, judge_traced, "what is recorded for x"),
        Part("dW", 2, back, judge_gradients([number]), "what is recorded for W, and which way round dW is handed in"),
        Part("db", 1.5, back, judge_gradients([number + 1]), "over what the gradient of b is summed"),
        Part("all else", 1.5, tuple(everything), judge_consistent, "what is added to, what is left alone, and what two calls share"),
    )


ROWS: tuple[Shape, ...] = ((2, 2), (2, 3), (1, 4), (3, 3), (5, 2))
POINTS = {  # slope, what comes in, large numbers or zero, all else
    "Identity": (1.5, 1.5, 0, 1),
    "Sigmoid": (1, 1, 1, 1),
    "ReLU": (1, 1, 1, 1),
    "Tanh": (1, 1, 1, 1),
}


def activation_parts(name: str) -> tuple[Part, ...]:
    kinds = ("whole", *("away",) * (len(ROWS) - 1))
    alone = [LayerCase(name, shape, 0, kind=kind) for shape, kind in zip(ROWS, kinds, strict=True)]
    slope = [replace(case, rounds=1, ones=True, kind=kind) for case, kind in zip(alone, ("squares", *kinds[1:]), strict=True)]
    passed_on = [replace(case, rounds=2, ones=False) for case in slope]
    far_shapes: tuple[Shape, ...] = ((1, 4), (3, 4), (4, 4))
    zero = [LayerCase(name, shape, kind="some zero", together=False, alone=True) for shape in far_shapes]
    far = zero if name == "ReLU" else [FarCase(name, shape) for shape in far_shapes]
    rest = [LayerCase(name, shape, kind="away", alone=True) for shape in (*ROWS, (2, 3, 4), (4,))]
    rest += [replace(case, calls=2) for case in rest[:3]] + [replace(case, dtype="float32") for case in rest[:3]]
    of_slope, of_what_comes_in, of_far, of_rest = POINTS[name]
    title, judge = ("at zero", judge_at_zero) if name == "ReLU" else ("large numbers", judge_far)
    look = "what the slope is made of where x is 0" if name == "ReLU" else "which number is put into exp"
    return (
        Part("forward", 1, tuple(alone), judge_forward, "the formula"),
        Part("slope", of_slope, tuple(slope), judge_traced, "what is recorded, and how the output changes where x does"),
        Part("what comes in", of_what_comes_in, tuple(passed_on), judge_passed_on, "what is done with grad_output"),
        *([Part(title, of_far, tuple(far), judge, look)] if of_far else []),
        Part("all else", of_rest, tuple(rest), judge_consistent, "dtypes, what is left alone, and what two calls share"),
    )


def loss_cases(name: str) -> tuple[tuple[LayerCase, ...], ...]:
    """For the value, the gradient, what comes in, all else."""
    shapes: tuple[Shape, ...] = ((1, 2), (2, 3), (3, 3), (5, 4), (4, 2))
    kinds = ("whole", *("normal",) * 4)
    value = tuple(LayerCase(name, shape, 0, kind=kind) for shape, kind in zip(shapes, kinds, strict=True))
    gradient = tuple(replace(case, rounds=1, ones=True) for case in value)
    divergence = tuple(replace(case, rounds=2) for case in value)
    rest = [LayerCase(name, shape, alone=True) for shape in shapes[1:]]
    rest += [replace(case, calls=2) for case in rest[:2]] + [replace(case, dtype="float32") for case in rest[:3]]
    return value, gradient, divergence, tuple(rest)


def loss_parts() -> tuple[Part, ...]:
    name = "SoftmaxCrossEntropy"
    value, gradient, divergence, rest = loss_cases(name)
    far = [FarLossCase(name, (1, classes)) for classes in (2, 3, 5)]
    far += [FarLossCase(name, (rows, 3), kind="peak") for rows in (3, 4)]
    return (
        Part("value", 1, value, judge_forward, "which probability counts, and over what the mean goes"),
        Part("gradient", 1.5, gradient, judge_traced, "softmax less one-hot, and by what it is divided"),
        Part("divergence", 1, divergence, judge_passed_on, "what is done with grad_output"),
        Part("large logits", 1, tuple(far), judge_far_loss, "what is taken from the logits before exp"),
        Part("all else", 0.5, rest, judge_consistent, "dtypes, what is left alone, and what two calls share"),
    )


PARTS = {
    "add_operation": add_operation_parts,
    "backward": backward_parts,
    "sub_backward": lambda: elementwise_parts("sub_backward"),
    "matmul_backward": lambda: product_parts("matmul_backward"),
    "mul_backward": lambda: elementwise_parts("mul_backward"),
    "div_backward": lambda: elementwise_parts("div_backward"),
    "log_backward": lambda: unary_parts("log_backward"),
    "exp_backward": lambda: unary_parts("exp_backward"),
    "outer_backward": lambda: product_parts("outer_backward"),
    "Linear": linear_parts,
    "Identity": lambda: activation_parts("Identity"),
    "Sigmoid": lambda: activation_parts("Sigmoid"),
    "ReLU": lambda: activation_parts("ReLU"),
    "Tanh": lambda: activation_parts("Tanh"),
    "SoftmaxCrossEntropy": loss_parts,
}


def questions() -> list[Question]:
    """The questions of the unit, in the notebook's order."""
    return [Question(UNIT.name, number, name, parts()) for number, (name, parts) in enumerate(PARTS.items(), start=1)]
