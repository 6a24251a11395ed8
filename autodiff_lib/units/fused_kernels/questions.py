"""The questions of the unit: two fused operators, counts of loops, row blocks, the running maximum, attention in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...checks.question import Answer, Failure, Part, Question
from ...checks.values import Shape
from ...kinds.operator.judge import ComputeCase, GradientCase, judge_compute, judge_gradient
from ...kinds.speed.judge import SpeedCase, judge_speed
from . import truth
from .cases import CountCase, MemoryCase, TensorCase, judge_count, judge_memory, judge_value
from .kernels import kernel_questions
from .unit import UNIT

# --- the operators

Row = tuple[tuple[Shape, Shape], dict[str, Any], tuple[str, str]]

PLAIN, HUGE, TIES = ("normal", "normal"), ("huge", "normal"), ("ties", "ties")
PAIRS: tuple[tuple[Shape, Shape], ...] = (
    ((2, 3), (3, 4)),
    ((1, 3), (3, 5)),
    ((3, 2), (2, 1)),
    ((3, 1), (1, 4)),
    ((3, 3), (3, 3)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((1, 3, 4), (2, 4, 5)),
    ((3, 3, 3), (3, 3, 3)),
    ((2, 1, 3, 4), (5, 4, 2)),
)
"""Sizes of a and b: one row, one column, one term, square, batches that fit and batches that broadcast."""


def layernorm_rows() -> Iterator[Row]:
    for a, b in PAIRS:
        yield (a, b), {"normalized_shape": (b[-1],)}, PLAIN
    yield ((2, 3), (3, 4)), {"normalized_shape": (4,), "eps": 0.5}, PLAIN
    yield ((2, 3), (3, 4)), {"normalized_shape": (2, 4)}, PLAIN
    yield ((2, 3, 4), (4, 5)), {"normalized_shape": (3, 5)}, PLAIN
    yield ((2, 3, 4), (2, 4, 5)), {"normalized_shape": (2, 3, 5), "eps": 0.1}, PLAIN
    yield ((3, 3), (3, 3)), {"normalized_shape": (3, 3)}, PLAIN
    yield ((2, 3), (3, 4)), {"normalized_shape": (4,)}, HUGE
    yield ((4, 3), (3, 4)), {"normalized_shape": (4,)}, TIES


def softmax_rows() -> Iterator[Row]:
    for a, b in PAIRS:
        yield (a, b), {}, PLAIN
    for dim in (0, 1, -1, -2):
        yield ((2, 3), (3, 4)), {"dim": dim}, PLAIN
    for dim in (0, 1, -1):
        yield ((2, 3, 4), (4, 5)), {"dim": dim}, PLAIN
    yield ((3, 3), (3, 3)), {"dim": 0}, PLAIN
    yield ((2, 3), (3, 4)), {}, HUGE
    yield ((4, 3), (3, 4)), {"dim": 0}, HUGE
    yield ((4, 3), (3, 4)), {}, TIES


WIDE: tuple[Shape, Shape] = ((1, 5), (5, 1023))


def operator_parts(operator: str) -> tuple[Part, Part]:
    """Every row in float64; some in float32, one of 1023 columns, one whose product is far from zero."""
    rows = tuple(layernorm_rows() if operator == "matmul_layernorm" else softmax_rows())
    wide: Row = (WIDE, {"normalized_shape": (1023,)} if operator == "matmul_layernorm" else {}, PLAIN)
    computed = [ComputeCase(operator, *row) for row in (*rows, wide)]
    computed += [replace(case, dtype="float32") for case in computed[:10]]
    if operator == "matmul_layernorm":
        computed.append(ComputeCase(operator, ((2, 3), (3, 4)), {"normalized_shape": (4,)}, ("normal", "level")))
    else:
        computed.append(ComputeCase(operator, ((4, 3), (3, 4)), {}, TIES, "float16"))
    gradients = [GradientCase(operator, *row) for row in (*rows, wide)]
    gradients[6] = replace(gradients[6], closely=True)
    look_compute, look_gradient = LOOK_AT[operator]
    return (
        Part("compute", 1, tuple(sorted(computed, key=size_of)), judge_compute, look_compute),
        Part("gradient", 2, tuple(sorted(gradients, key=size_of)), judge_gradient, look_gradient),
    )


def size_of(case: Any) -> int:
    return case.size


LOOK_AT = {
    "matmul_layernorm": (
        "mean, variance and eps, over all normalised axes of the product",
        "the gradient of the product first, by the formula of layer normalisation; then those of its two factors",
    ),
    "matmul_softmax": (
        "what is subtracted before exp, and along which axis",
        "the gradient of the product first, by the formula of softmax; then those of its two factors",
    ),
}

# --- counts

SIZES = ((1, 1, 1, 1), (1, 2, 3, 4), (3, 2, 1, 5), (2, 3, 5, 1), (4, 64, 32, 128))


def count_parts() -> tuple[Part, ...]:
    cases = tuple(
        CountCase(truth.loop_counts, operation, order, sizes)
        for sizes in SIZES
        for operation in ("softmax", "layernorm")
        for order in ("unfused", "fused")
    )
    return (
        Part("loads", 1, cases, judge_count(0, "loads"), "each array[...] on the right of an equals sign, and how often it is met"),
        Part("stores", 0.5, cases, judge_count(1, "stores"), "each array[...] on the left of an equals sign, and how often it is met"),
        Part("flops", 0.5, cases, judge_count(2, "flops"), "each + - * /, exp, sqrt and larger, and how often it is met"),
    )


# --- row blocks

BLOCKED: tuple[tuple[Shape, Shape, int | None], ...] = (
    ((1, 3), (3, 4), 1),
    ((5, 3), (3, 4), 2),
    ((5, 3), (3, 4), 7),
    ((4, 2), (2, 1), 3),
    ((6, 3), (3, 6), 3),
    ((7, 3), (3, 5), None),
    ((2, 5, 3), (2, 3, 4), 2),
    ((2, 5, 3), (3, 4), 2),
    ((5, 3), (2, 3, 4), 3),
    ((2, 1, 5, 3), (3, 3, 4), 2),
    ((1, 5), (5, 1023), 4),
    ((257, 3), (3, 2), 64),
)
"""Shapes of a and b, and rows of a block: 1, none of a multiple, more than there are, batches."""


def blocked_parts() -> tuple[Part, ...]:
    def case(a: Shape, b: Shape, rows: int | None, kinds: tuple[str, str] = PLAIN, dtype: str = "float64") -> TensorCase:
        return TensorCase("blocked_softmax", truth.blocked_softmax, (a, b), {"rows": rows}, kinds, dtype, steps=truth.blocked_softmax_steps)

    plain = [case(*row) for row in BLOCKED]
    more = [case(*BLOCKED[1], HUGE), case(*BLOCKED[1], TIES, "float16"), case(*BLOCKED[7], HUGE)]
    single = [case(*row, dtype="float32") for row in BLOCKED[:8]]
    memory = [memory_of_blocks(*row) for row in (((96, 4), (4, 64), 8), ((70, 4), (4, 96), 5), ((2, 60, 4), (2, 4, 64), 3))]
    return (
        Part("values", 2, (*plain, *more, *single), judge_value(), "where a block begins and ends, also the last one"),
        Part("memory", 2, tuple(memory), judge_memory, "what is still in memory while the next block is computed"),
    )


def memory_of_blocks(a: Shape, b: Shape, rows: int) -> MemoryCase:
    block = rows * b[-1] * (a[0] if len(a) == 3 else 1)
    return MemoryCase(
        "blocked_softmax",
        truth.blocked_softmax,
        (a, b),
        {"rows": rows},
        numbers=5 * block,
        told=f"{rows} rows of the product have {block}, and five blocks of that size are enough for all the steps of a softmax",
        instead="Make the result once, and write each block into its place.",
    )


# --- online softmax, and attention

ONLINE: tuple[tuple[Shape, int], ...] = (((2, 5), 2), ((3, 4), 4), ((3, 1), 2), ((1, 1023), 100), ((2, 3, 7), 3), ((4, 4), 1), ((3, 6), 10))


def online_parts() -> tuple[Part, ...]:
    def case(shape: Shape, block: int, kind: str = "normal", dtype: str = "float64", **more: Any) -> TensorCase:
        return TensorCase("online_softmax", truth.online_softmax, (shape,), {"block": block}, (kind,), dtype, **more)

    plain = tuple(case(*row) for row in ONLINE) + tuple(case(*row, dtype="float32") for row in ONLINE[:5])
    large = (case((3, 6), 2, "huge"), case((4, 5), 2, "peak"), case((3, 6), 2, offset=-1000), case((3, 6), 2, "huge", "float32"))
    first = ((3, 6), 2, 4), ((3, 4), 4, 0), ((5, 7), 3, 6), ((2, 3, 8), 2, 6)  # only the last block has any numbers
    empty = tuple(case(shape, block, empty=columns) for shape, block, columns in first)
    empty += tuple(case(shape, block, dtype="float32", empty=columns) for shape, block, columns in first[2:])
    return (
        Part("maximum", 0.25, (*plain, *large), judge_value(0, "The maximum"), "what the maximum of a row is after two blocks"),
        Part("sum", 0.5, (*plain, *large), judge_value(1, "The sum"), "what becomes of the sum so far when the maximum grows"),
        Part("nothing to see", 0.25, empty, judge_empty, "what is subtracted in a row of which nothing has been seen yet"),
    )


def judge_empty(case: TensorCase, answer: Answer) -> Failure | None:
    """Both results, where rows or blocks hold nothing but -inf."""
    return judge_value(0, "The maximum")(case, answer) or judge_value(1, "The sum")(case, answer)


Sizes = tuple[Shape, Shape, Shape, int]
ATTENDED: tuple[Sizes, ...] = (
    ((1, 3), (4, 3), (4, 2), 2),
    ((3, 4), (5, 4), (5, 2), 2),
    ((4, 3), (1, 3), (1, 5), 4),
    ((5, 1), (3, 1), (3, 2), 2),
    ((4, 4), (4, 4), (4, 4), 2),
    ((2, 3, 4), (2, 7, 4), (2, 7, 3), 3),
    ((3, 2), (6, 2), (6, 1), 10),
    ((3, 5), (257, 5), (257, 2), 64),
)
SEEING: tuple[Sizes, ...] = (
    ((4, 3), (4, 3), (4, 2), 2),
    ((3, 4), (5, 4), (5, 2), 2),
    ((5, 4), (3, 4), (3, 2), 2),
    ((2, 6, 2), (2, 6, 2), (2, 6, 3), 4),
    ((7, 2), (1, 2), (1, 2), 3),
    ((9, 3), (9, 3), (9, 2), 1),
)
"""Shapes of q, k and v, and keys of a block; in two of them some queries see no key."""


def attention_parts() -> tuple[Part, ...]:
    def case(sizes: Sizes, causal: bool, kinds: tuple[str, str, str] = ("normal",) * 3, dtype: str = "float64") -> TensorCase:
        *shapes, block = sizes
        keywords = {"causal": causal, "block": block}
        steps = truth.attention_steps
        return TensorCase("one_pass_attention", truth.one_pass_attention, tuple(shapes), keywords, kinds, dtype, steps=steps)

    large = ("huge", "huge", "normal")
    plain = [case(sizes, False) for sizes in ATTENDED] + [case(sizes, False, dtype="float32") for sizes in ATTENDED[:6]]
    masked = [case(sizes, True) for sizes in SEEING] + [case(sizes, True, dtype="float32") for sizes in SEEING[:4]]
    shapes = ((256, 4), (320, 4), (320, 4))
    numbers = shapes[0][0] * shapes[1][0] // 4
    memory = [
        MemoryCase(
            "one_pass_attention",
            truth.one_pass_attention,
            shapes,
            {"causal": causal, "block": 16},
            numbers=numbers,
            told=f"a quarter of the {shapes[0][0]} x {shapes[1][0]} weights",
            mean_of=2,
            instead="Scores and weights of one block of keys are enough; then nothing of them is needed again.",
        )
        for causal in (False, True)
    ]
    fast = SpeedCase(
        "one_pass_attention",
        truth.attention_in_cache,
        ((3072, 16),) * 3,  # narrow: what takes time is the way of the weights, not the products
        0.3,
        "3072 tokens, 16 wide",
        "as much work on 256 of the tokens, again and again, which never leaves the cache",
        truth.attention_of_torch,
        rows=256,
        tensors=True,
    )
    return (
        Part("values", 0.75, (*plain, case(ATTENDED[1], False, large)), judge_value(), "what is rescaled when the maximum grows"),
        Part("mask", 0.75, tuple(masked), judge_value(), "which keys query t sees, and what a query gets that sees none"),
        Part("memory", 0.75, tuple(memory), judge_memory, "what is as long as queries times keys"),
        Part("speed", 0.75, (fast,), judge_speed, "what is made anew for each block"),
    )


PARTS = {
    "matmul_layernorm": lambda: operator_parts("matmul_layernorm"),
    "matmul_softmax": lambda: operator_parts("matmul_softmax"),
    "loop_counts": count_parts,
    "blocked_softmax": blocked_parts,
    "online_softmax": online_parts,
    "one_pass_attention": attention_parts,
}


def questions() -> list[Question]:
    """The questions of the unit, operators first and then functions, as the unit lists them."""
    ours = [Question(UNIT.name, number, name, parts()) for number, (name, parts) in enumerate(PARTS.items(), start=1)]
    return [*ours, *kernel_questions(len(ours) + 1)]
