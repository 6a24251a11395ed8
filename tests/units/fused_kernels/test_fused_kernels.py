"""Unit 5: arrays that count, memory that is counted, the questions and what costs points where."""

# ruff: noqa: N806 - sizes, as in the formulas

import itertools
import math

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import checks, counting, memory
from autodiff_lib.checks.judge import judge
from autodiff_lib.checks.question import Answer, Question, Verdict
from autodiff_lib.kinds.operator.judge import GradientCase
from autodiff_lib.registry import table
from autodiff_lib.units.fused_kernels import truth
from autodiff_lib.units.fused_kernels.questions import PAIRS, SIZES
from grader.authors.trials import on_any_machine
from grader.book.nbgrader_course import source
from tests import corpora
from tests.asking import questions_of

UNIT = "05_fused_kernels"
OURS = ["matmul_layernorm", "matmul_softmax", "loop_counts", "blocked_softmax", "online_softmax", "one_pass_attention"]
SEEDS = ["public", *corpora.one_of_today(["some secret", "another"])]


def verdict_on(exercise: str, seed: str = "public") -> Verdict:
    return checks.verdict(on_any_machine(questions_of(UNIT, seed)[exercise]))


def lost(verdict: Verdict) -> dict[str, str]:
    """Part -> why it lost its points."""
    return {part.part: f"{part.failure.case}: {part.failure.message}" for part in verdict.parts if part.failure is not None}


# --- arrays that count


@pytest.mark.parametrize(
    ("compute", "loads", "flops"),
    [
        (lambda a: a[0] + 1.0, 1, 1),
        (lambda a: 1.0 - a[0], 1, 1),
        (lambda a: a[0] * a[1] + a[2] / a[0], 4, 3),
        (lambda a: counting.exp(a[0]) + counting.sqrt(a[1]), 2, 3),
        (lambda a: counting.larger(a[0], -math.inf), 1, 1),
        (lambda a: counting.larger(1.0, 2.0), 0, 0),
        (lambda a: (a[0] - a[0]) * 0.0, 2, 2),
    ],
)
def test_each_read_and_each_operation_is_counted_once(compute, loads, flops):
    tally = counting.Tally()
    compute(tally.array([1.0, 2.0, 3.0]))
    assert (tally.loads, tally.stores, tally.flops) == (loads, 0, flops)


def test_writing_is_a_store_and_a_slice_is_refused():
    tally = counting.Tally()
    out = tally.empty((2, 3))
    out[1, 2] = 5.0
    assert (tally.loads, tally.stores, float(out.values[1, 2])) == (0, 1, 5.0)
    for place in (0, (0, slice(2)), slice(1), (0, 1, 2)):
        with pytest.raises(IndexError, match=r"one entry at a time: write array\[i, j\]"):
            out[place]
    assert np.isnan(out[0, 0]), "nothing was written there"


@pytest.fixture(scope="module")
def loops() -> dict[str, object]:
    """What the notebook's cells with loops define."""
    scope = {"counting": counting, "itertools": itertools, "math": math, "torch": torch}
    for cell in source(UNIT).cells:
        if cell.id in ("product-loop", "softmax-unfused", "softmax-fused", "layernorm-unfused", "layernorm-fused", "run-loops"):
            exec(cell.source, scope)
    return scope


@pytest.mark.parametrize(("operation", "order"), list(itertools.product(("softmax", "layernorm"), ("unfused", "fused"))))
def test_the_notebooks_loops_do_what_the_truth_says_and_as_often(operation, order, loops):
    for B, M, K, N in [*SIZES[:-1], (2, 3, 4, 5)]:
        a, b = torch.rand(B, M, K, dtype=torch.float64), torch.rand(B, K, N, dtype=torch.float64)
        result, tally = loops["run_loops"](loops[f"{operation}_{order}"], a, b)
        assert (tally.loads, tally.stores, tally.flops) == truth.loop_counts(operation, order, B, M, K, N)
        expected = truth.matmul_softmax(a, b) if operation == "softmax" else truth.matmul_layernorm(a, b, (N,), 1e-5)
        assert torch.allclose(result, expected)


# --- memory


def test_the_peak_is_what_lives_at_once_and_neither_views_nor_what_was_there_before():
    before = torch.zeros(1000, dtype=torch.float64)
    with memory.Peak() as peak:
        before[:500].add_(1)
    assert peak.bytes == 0
    with memory.Peak() as peak:
        one = before + 1
        two = one * 2
        del one, two
        three = torch.ones(500, dtype=torch.float64)
        assert three[:3].sum() == 3
    assert 16_000 <= peak.bytes < 16_100
    with memory.Peak() as peak:
        for _ in range(5):
            torch.exp(before)
    assert peak.bytes == 8000
    with memory.Peak() as peak:
        kept = [torch.exp(before) for _ in range(5)]
    assert peak.bytes == 5 * before.nbytes == sum(one.nbytes for one in kept)


def test_memory_written_through_out_is_not_counted_twice():
    a, out = torch.ones(100, 100), torch.empty(100, 100)
    with memory.Peak() as peak:
        torch.exp(a, out=out)
    assert peak.bytes == 0


# --- the questions


@pytest.mark.parametrize("seed", SEEDS)
def test_the_solution_earns_all_points_but_those_for_time(seed, solved):
    verdicts = [verdict_on(exercise, seed) for exercise in OURS]
    assert [(verdict.question, lost(verdict)) for verdict in verdicts] == [(name, {}) for name in OURS]


def test_no_secret_makes_the_solution_fail(solved):
    for secret in corpora.secrets_of_today():
        for exercise in OURS:
            assert lost(verdict_on(exercise, secret)) == {}, (secret, exercise)


def test_the_points_are_as_the_notebook_says(solved):
    questions = questions_of(UNIT)
    assert [questions[name].points for name in OURS] == [3, 3, 2, 4, 1, 3]


def test_nothing_written_earns_nothing(fresh_table):
    for exercise in OURS:
        verdict = verdict_on(exercise)
        assert (verdict.points, verdict.reason) == (0, "missing")


def timed_parts(question: Question) -> list[str]:
    return [part.name for part in question.parts if part.timed]


def test_time_is_asked_for_in_attention_and_nowhere_in_secret():
    assert {name: timed for name in OURS if (timed := timed_parts(questions_of(UNIT)[name]))} == {"one_pass_attention": ["speed"]}
    assert not any(timed_parts(question) for question in questions_of(UNIT, "some secret").values())


def test_gradients_are_asked_with_one_row_one_column_squares_broadcast_batches_and_1023_columns():
    for name in OURS[:2]:
        shapes = {case.shapes for part in questions_of(UNIT)[name].parts for case in part.cases if isinstance(case, GradientCase)}
        assert {*PAIRS, ((1, 5), (5, 1023))} <= shapes


LAZY = {
    "loop_counts": ["return 0, 0, 0", "return None", "return B * M * N"],
    "blocked_softmax": ["return a @ b", "return (a @ b) * 0", "return a"],
    "online_softmax": ["return x, x", "return x.amax(-1)", "return x.sum(-1) * 0, x.sum(-1) * 0"],
    "one_pass_attention": ["return v", "return q * 0", "return v.mean(-2, keepdim=True).expand(*q.shape[:-1], v.shape[-1])"],
}
HEADS = {
    "loop_counts": "operation, order, B, M, K, N",
    "blocked_softmax": "a, b, rows=None",
    "online_softmax": "x, block",
    "one_pass_attention": "q, k, v, causal=False, block=128",
}


@pytest.mark.parametrize(("exercise", "line"), [(exercise, line) for exercise, lines in LAZY.items() for line in lines])
def test_a_lazy_answer_earns_nothing(exercise, line, solved):
    exec(f"@ad.exercise\ndef {exercise}({HEADS[exercise]}):\n    {line}\n", {"ad": ad, "torch": torch})
    verdict = verdict_on(exercise)
    assert verdict.points == 0
    assert verdict.reason in ("wrong", "error", "tampered")


@pytest.mark.parametrize("exercise", ["matmul_layernorm", "matmul_softmax"])
def test_zero_gradients_earn_nothing_for_the_gradient(exercise, solved):
    Right = type(table[exercise])

    class Zeros(Right):
        def gradient(self, node, output_grad):
            return [ad.zeros_like(operand) for operand in node.inputs]

    table[exercise] = Zeros()
    verdict = verdict_on(exercise)
    assert set(lost(verdict)) == {"gradient"}


READY_MADE = {
    "blocked_softmax": "return torch.nn.functional.scaled_dot_product_attention(a, b.mT, torch.eye(b.shape[-1], dtype=a.dtype), scale=1)",
    "online_softmax": "return x.amax(-1), torch.exp(torch.logsumexp(x, -1) - x.amax(-1))",
    "one_pass_attention": "return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) @ v",
}


@pytest.mark.parametrize("exercise", READY_MADE)
def test_what_is_ready_made_refuses_itself(exercise, solved):
    exec(f"@ad.exercise\ndef {exercise}({HEADS[exercise]}):\n    {READY_MADE[exercise]}\n", {"ad": ad, "torch": torch})
    found = lost(verdict_on(exercise))
    assert any("is not to be used here" in message for message in found.values()), found
    assert verdict_on(exercise).points == 0


@pytest.mark.parametrize(("factor", "points"), [(1.0, 2), (1 + 4e-16, 2), (1 + 1e-6, 0), (math.nan, 0)])
def test_counts_that_came_out_of_a_quotient_may_have_its_rounding_error(factor, points, solved):
    right = table["loop_counts"]
    table["loop_counts"] = lambda *given, **named: [factor * count for count in right(*given, **named)]
    assert verdict_on("loop_counts").points == points


def test_memory_that_nobody_would_count_is_refused(solved):
    body = "    p = (a.numpy() @ b.numpy())\n    return torch.softmax(torch.from_numpy(p), -1)\n"
    exec(f"@ad.exercise\ndef blocked_softmax(a, b, rows=None):\n{body}", {"ad": ad, "torch": torch})
    assert "numpy is not to be used here" in lost(verdict_on("blocked_softmax"))["memory"]


def test_the_message_about_memory_says_how_much_it_was_and_which_mistake_it_is(solved):
    exec("@ad.exercise\ndef blocked_softmax(a, b, rows=None):\n    return torch.softmax(a @ b, -1)\n", {"ad": ad, "torch": torch})
    (part,) = [part for part in verdict_on("blocked_softmax").parts if part.part == "memory"]
    assert "At its peak it held 6144 numbers beside its inputs and its result, where 2560 are allowed" in part.failure.message
    assert part.failure.mistake == "blocked_softmax-all-at-once"


def test_an_input_that_was_changed_costs_the_values(solved):
    body = "    a.mul_(1)\n    a += 1\n    a -= 1\n    a[0, 0] = 0\n    return torch.softmax(a @ b, -1)\n"
    exec(f"@ad.exercise\ndef blocked_softmax(a, b, rows=None):\n{body}", {"ad": ad, "torch": torch})
    assert "values" in lost(verdict_on("blocked_softmax"))


def test_answers_of_other_forms_are_told_from_honest_ones(solved):
    question = on_any_machine(questions_of(UNIT)["one_pass_attention"])

    def forged(cases):
        return (Answer(arrays=case.wanted, facts={"changed": [], "peak": -1}) for case in cases)

    assert judge(question, forged).reason == "tampered"


# --- the truth


def test_a_query_that_sees_no_key_gets_nothing():
    q, k, v = (torch.rand(*shape, dtype=torch.float64) for shape in ((5, 3), (3, 3), (3, 2)))
    result = truth.one_pass_attention(q, k, v, causal=True)
    assert torch.equal(result[:2], torch.zeros(2, 2).double())
    assert torch.allclose(result[2], v[0]), "the third sees the first key alone"
    assert torch.allclose(result[4], truth.attention_of_torch(q, k, v)[4]), "the last one sees all"


def test_the_online_softmax_of_nothing_is_nothing():
    x = torch.tensor([[-math.inf, -math.inf], [-math.inf, 2.0]])
    largest, total = truth.online_softmax(x, 1)
    assert largest.tolist() == [-math.inf, 2.0]
    assert total.tolist() == [0.0, 1.0]
