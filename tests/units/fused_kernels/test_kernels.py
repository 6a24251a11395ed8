"""The kernels of unit 5: what is asked of them, what their judge believes, and that Triton itself says the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autodiff_lib import kernels, registry
from autodiff_lib.checks import probe
from autodiff_lib.checks.judge import failure_of, judged
from autodiff_lib.kinds.kernel.judge import judge_bytes, judge_memory, judge_values
from autodiff_lib.kinds.kernel.probe import interpreted, launched, plain_function
from autodiff_lib.kinds.kernel.watch import is_here
from autodiff_lib.tiles import tl, triton
from autodiff_lib.units import UNITS
from autodiff_lib.units.fused_kernels.kernels import (
    KERNELS,
    UNIT_NAME,
    attention,
    attention_case,
    bytes_cases,
    gradient_case,
    gradients,
    kernel_questions,
    matmul_case,
    memory_cases,
    row_softmax_case,
    row_sum_case,
    scale_case,
    values_cases,
    visible,
)

CASES = {kernel: (*values_cases()[kernel], *memory_cases()[kernel], *bytes_cases()[kernel]) for kernel in KERNELS}
needs_triton = pytest.mark.skipif(not is_here(), reason=f"NO TRITON HERE (pip install '.[kernels]'): {kernels.ENGINE}")
has_kernels = pytest.mark.skipif(
    UNIT_NAME not in UNITS or not set(KERNELS) <= set(UNITS[UNIT_NAME].functions), reason="the notebook of the unit has no kernels"
)


@pytest.mark.parametrize("kernel", KERNELS)
def test_launches_are_small_differ_in_name_and_have_sizes_that_fill_their_blocks_and_that_do_not(kernel):
    question = next(question for question in kernel_questions(7) if question.name == kernel)
    for part in question.parts:
        assert len({case.name for case in part.cases}) == len(part.cases)
    assert all(case.programs <= 16 and sum(value.size for value in case.values) < 40_000 for case in CASES[kernel])
    assert {case.dtype for case in CASES[kernel]} == {"float16", "float32", "float64"}


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_said_to_be_needed_is_just_what_the_truth_depends_on(kernel):
    """Other numbers where nothing is needed change nothing of what is written; other numbers where it is needed do."""
    rng = np.random.default_rng(0)
    for case in bytes_cases()[kernel]:
        values = [value.astype("float64") for value in case.values]
        written = tuple(blot(out.shape, rng) for out in case.wanted)
        needed = case.needed(*written)
        drawn = range(len(values))

        def result(changed, case=case, values=values, written=written):
            given = [np.where(changed.get(place, False), rng.standard_normal(value.shape), value) for place, value in enumerate(values)]
            return np.concatenate([out[where] for out, where in zip(case.truth(*given), written, strict=True)])

        before = result({})
        assert np.allclose(result({place: ~needed[place] for place in drawn}), before)
        for place in drawn:
            assert not needed[place].any() or not np.allclose(result({place: needed[place]}), before)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_and_its_gradients_are_torchs(causal):
    case = gradient_case("attention_grad_kv_kernel", 2, 7, 9, causal=causal, dtype="float64")
    q, k, v, d_out, lse, delta = map(torch.from_numpy, case.values)
    for tensor in (q, k, v):
        tensor.requires_grad_()
    mask = torch.from_numpy(visible(7, 9, causal))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask)
    out.backward(d_out)
    assert np.allclose(case.wanted[0], k.grad)
    assert np.allclose(case.wanted[1], v.grad)
    assert np.allclose(gradients(*case.values, causal)[0], q.grad)
    assert np.allclose(delta, (out * d_out).sum(-1).detach())
    assert np.allclose(attention(*case.values[:3], causal), out.detach())
    assert np.allclose(lse, torch.logsumexp((q @ k.mT / 4).masked_fill(~mask, -torch.inf), -1).detach())


def test_rows_that_see_nothing_are_zeros_and_their_sum_is_of_nothing():
    out, lse = attention_case(1, 37, 14, causal=True).wanted
    assert not out[0, :23].any()
    assert np.isneginf(lse[0]).tolist() == [True] * 23 + [False] * 14


def blot(shape, rng):
    """Some neighbouring rows of an array, of the last of its heads."""
    mask = np.zeros(shape, bool)
    rows = mask[-1] if len(shape) > 1 and shape[0] <= 2 else mask
    begin = int(rng.integers(len(rows) // 2))
    rows[begin : begin + 5] = True
    return mask


@triton.jit
def row_softmax(x_ptr, out_ptr, N, x_row, out_row, BLOCK: tl.constexpr):
    row, columns = tl.program_id(0), tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * x_row + columns, mask=columns < N, other=-float("inf")).to(tl.float32)
    powers = tl.exp(x - tl.max(x))
    tl.store(out_ptr + row * out_row + columns, powers / tl.sum(powers), mask=columns < N)


@pytest.fixture
def asked(fresh_table):
    """Answers of a kernel that stands in the table."""

    def ask(case, kernel=row_softmax):
        registry.table[case.kernel] = kernel
        return probe.run(case.ask())

    return ask


JUDGES = (judge_values, judge_memory, judge_bytes)
CASE = row_softmax_case(3, 7, "float64", padding=(2, 1))
OUT, READS_OF_X, WRITES_OF_X, READS_OF_OUT, WRITES_OF_OUT = range(5)


def forged(answer, place, change):
    arrays = list(answer.arrays)
    arrays[place] = change(arrays[place].copy())
    return replace(answer, arrays=tuple(arrays))


def put(value, *place):
    def change(array):
        array[place] = value
        return array

    return change


FORGED = {  # what is changed in the answer of a right kernel -> the verdicts on values, memory and bytes
    "nothing": (OUT, lambda array: array, (None, None, None)),
    "a value that nobody wrote": (WRITES_OF_OUT, put(0, slice(None), 1, 2), ("tampered",) * 3),
    "values without any trace": (WRITES_OF_OUT, lambda array: 0 * array, ("tampered",) * 3),
    "counts of another shape": (READS_OF_X, lambda array: array[:1], ("tampered",) * 3),
    "counts that are no counts": (READS_OF_X, lambda array: array.astype("float64"), ("tampered",) * 3),
    "values of another type": (OUT, lambda array: array.astype("float32"), ("tampered",) * 3),
    "nothing was read": (READS_OF_X, lambda array: 0 * array, (None, None, "wrong")),
    "one entry was not read": (READS_OF_X, put(0, slice(None), 2, 6), (None, None, "wrong")),
    "read by another program": (READS_OF_X, lambda array: array[::-1], (None, None, "wrong")),
    "everything was read twice": (READS_OF_X, lambda array: 2 * array, (None, None, "wrong")),
    "two programs write one entry": (WRITES_OF_OUT, put(1, slice(0, 2), 0, 0), (None, "wrong", "wrong")),
    "the input was written": (WRITES_OF_X, put(1, 0, 0, 0), (None, "wrong", "wrong")),
    "another program reads what one writes": (READS_OF_OUT, put(1, 2, 0, 0), (None, "wrong", None)),
}


@pytest.mark.parametrize(("place", "change", "reasons"), FORGED.values(), ids=FORGED)
def test_the_judge_adds_up_the_trace_himself(place, change, reasons, asked):
    answer = forged(asked(CASE), place, change)
    found = [judge(CASE, answer) for judge in JUDGES]
    said = tuple(None if failure is None else failure.reason for failure in found)
    assert said[:2] == reasons[:2]
    assert said[2] == reasons[2] or (place == WRITES_OF_X and said[2] is None), "a byte more is within the limit"


@pytest.mark.parametrize(
    "facts", [{}, {"outside": [["y_ptr", "read", ""]], "unknown": ""}, {"outside": [], "unknown": 1}, {"outside": [1]}]
)
def test_facts_of_another_form_are_no_answer(facts, asked):
    assert failure_of(kernel_questions(1)[3].parts[0], CASE, replace(asked(CASE), facts=facts)).reason == "tampered"


def test_a_trace_that_goes_outside_is_told_with_its_line(asked):
    @triton.jit
    def without_mask(x_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
        i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(out_ptr + i, factor * tl.load(x_ptr + i), mask=i < n)

    case = scale_case(20, 16)
    answer = asked(case, without_mask)
    assert [judge(case, answer) for judge in (judge_values, judge_bytes)] == [None, None]
    failure = judge_memory(case, answer)
    assert failure.message.startswith("A read goes outside of x_ptr (line ")
    assert "tl.load(x_ptr + i)" in failure.message


def test_names_of_libraries_in_a_kernel_are_no_answer(asked):
    @triton.jit
    def by_numpy(x_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
        tl.store(out_ptr, np.exp(1.0))

    failure = failure_of(kernel_questions(1)[0].parts[0], scale_case(20, 16), asked(scale_case(20, 16), by_numpy))
    assert failure.reason == "wrong"
    assert failure.message.startswith("`np`, the module numpy, in a kernel: a GPU knows only tl")


def test_what_the_simulator_lacks_is_answered_by_triton_or_waits_for_a_person(asked):
    @triton.jit
    def by_reduction(x_ptr, out_ptr, N, x_row, BLOCK: tl.constexpr):
        columns = tl.arange(0, BLOCK)
        x = tl.load(x_ptr + tl.program_id(0) * x_row + columns, mask=columns < N, other=0.0)
        tl.store(out_ptr + tl.program_id(0), tl.sum(tl.flip(x, 0)))

    case = row_sum_case(3, 7, 16, "float64")
    found = [judge(case, asked(case, by_reduction)) for judge in JUDGES]
    assert [failure and failure.reason for failure in found] == [None if is_here() else "unanswered"] * 3


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 1e-6)])
def test_with_float64_all_is_kept_in_float64_so_that_rounding_decides_nothing(dtype, error, asked):
    case = row_softmax_case(5, 20, dtype)
    found = abs(asked(case).arrays[OUT] - case.wanted[0]).max()
    assert found < error
    assert found > 1e-9 or dtype == "float64"


def test_tf32_is_seen_and_named(asked):
    @triton.jit
    def in_tf32(a_ptr, b_ptr, out_ptr, M, N, K, a0, a1, b0, b1, o0, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
        i, j = tl.arange(0, BLOCK_M)[:, None], tl.arange(0, BLOCK_N)[None, :]
        k = tl.arange(0, BLOCK_K)
        tile = tl.dot(tl.load(a_ptr + i * a0 + k[None, :] * a1), tl.load(b_ptr + k[:, None] * b0 + j * b1))
        tl.store(out_ptr + i * o0 + j, tile)

    case = matmul_case(16, 16, 16)
    failure = judge_values(case, asked(case, in_tf32))
    assert failure.hint.startswith("Right to about three digits: does tl.dot take float32 through TF32")


def test_a_stub_and_an_unwritten_kernel_are_missing(asked):
    @triton.jit
    def stub(x_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
        raise NotImplementedError("exercise scale_kernel is not done yet")

    def unwritten(*arguments, **keywords):
        raise NotImplementedError("nobody has written it")

    for kernel in (stub, unwritten):
        verdict, _ = judged(replace_entry(kernel, asked), probe.answers)
        assert verdict.reason == "missing"


def replace_entry(kernel, asked):
    asked(scale_case(20, 16), kernel)
    return kernel_questions(1)[0]


@has_kernels
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_solutions_hold_with_other_numbers(kernel, solved):
    question = next(question for question in kernel_questions(1) if question.name == kernel)
    parts = tuple(replace(part, cases=tuple(replace(case, seed="another") for case in part.cases)) for part in question.parts)
    verdict, _ = judged(replace(question, parts=parts), probe.answers)
    assert [part.failure for part in verdict.parts] == [None] * 3


@has_kernels
@needs_triton
@pytest.mark.parametrize("kernel", KERNELS)
def test_tritons_interpreter_sees_the_same_in_the_solutions(kernel, solved):
    function = plain_function(registry.table[kernel])
    for case in (values_cases()[kernel][-1], memory_cases()[kernel][0], bytes_cases()[kernel][-1]):
        ask = case.ask()
        ours, theirs = launched(function, ask.settings, ask.arrays), interpreted(function, ask.settings, ask.arrays)
        other = {region.name: region for region in theirs.regions}
        for region in ours.regions:
            assert np.array_equal(region.reads, other[region.name].reads)
            assert np.array_equal(region.writes, other[region.name].writes)
            close = {"rtol": 1e-2, "atol": 1e-3} if case.dtype == "float16" else {"rtol": 1e-4, "atol": 1e-5}
            assert np.allclose(region.array(), other[region.name].array(), equal_nan=True, **close)
        assert not theirs.outside


@has_kernels
def test_a_library_in_a_kernel_is_found_in_the_code_as_well(solution_cells):
    from autodiff_lib.checks.ready_made import look

    cells = ["import numpy as np\nimport autodiff_lib as ad\nfrom autodiff_lib.kernels import tl, triton"]
    cell = solution_cells[UNIT_NAME]["scale_kernel"]
    assert not look([*cells, cell], UNIT_NAME).findings
    assert look([*cells, cell.replace("factor * x,", "factor * np.abs(x),")], UNIT_NAME).findings["scale_kernel"].what == "numpy.abs"
