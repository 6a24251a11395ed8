"""The simulator of tiles: it computes as Triton does, and sees what a GPU hides."""

import math

import numpy as np
import pytest
import torch

from autodiff_lib import kernels, tile_memory
from autodiff_lib.kinds.kernel.watch import is_here, run_interpreted
from autodiff_lib.tile_language import KernelCodeError, NotSimulatedError
from autodiff_lib.tile_memory import Memory, Region
from autodiff_lib.tiles import Kernel, run_programs, tl, triton, watch

needs_triton = pytest.mark.skipif(not is_here(), reason=f"NO TRITON HERE (pip install '.[kernels]'): {kernels.ENGINE}")
HALF = tl.constexpr(0.5)
LOOSE = 0.5


@triton.jit
def copy(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + i, tl.load(x_ptr + i, mask=i < n), mask=i < n)


@triton.jit
def copy_too_much(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.store(out_ptr + i, x)


@triton.jit
def sum_without_other(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(x_ptr + i, mask=i < n), axis=0))


@triton.jit
def last_one_wins(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    tl.store(out_ptr, tl.program_id(0))


@triton.jit
def passed_on(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    program = tl.program_id(0)
    before = tl.load(out_ptr + program - 1, mask=program > 0, other=0.0)
    tl.store(out_ptr + program, before + 1)


@triton.jit
def halved(x):
    return x * HALF


@triton.jit
def with_a_helper(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out_ptr + i, halved(tl.load(x_ptr + i, mask=i < n)), mask=i < n)


@triton.jit
def column_sums(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    """Of a matrix (BLOCK, BLOCK), of which n rows and columns are there; with what kernels are made of."""
    i, j = tl.arange(0, BLOCK)[:, None], tl.arange(0, BLOCK)[None, :]
    x = tl.load(x_ptr + i * n + j, mask=(i < n) & (j < n), other=0.0)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, BLOCK, 16):
        total += tl.sum(tl.where((i >= start) & (i < start + 16), x, 0.0), axis=0)
    columns = tl.arange(0, BLOCK)
    total = tl.maximum(total, -1e9) if BLOCK > 16 else total
    tl.store(out_ptr + columns, tl.exp(-tl.abs(total)) + total % 3 - (columns // 2).to(tl.float32) / 3, mask=columns < n)


def numbers(n):
    return torch.linspace(-2, 2, n, dtype=torch.float32)


def test_a_kernel_runs_on_tensors_and_moves_each_byte_once():
    x, out = numbers(20), torch.empty(20)
    done = watch(copy, (2,), x, out, 20, BLOCK=16)
    assert torch.equal(x, out)
    assert (done.bytes_read, done.bytes_written, done.outside) == (80, 80, ())
    assert "x_ptr    read        80 bytes" in str(done)


def test_launching_looks_like_triton_and_takes_views():
    x, out = numbers(40), torch.zeros(40)
    copy[lambda given: (triton.cdiv(given["n"], given["BLOCK"]),)](x[10:], out[5:], 20, BLOCK=16, num_warps=4)
    assert torch.equal(out[5:25], x[10:30])
    assert torch.equal(out[25:], torch.zeros(15))


def test_what_lies_outside_is_never_touched_and_is_told_with_its_line():
    x, out = numbers(20), torch.empty(20)
    done = watch(copy_too_much, (2,), x, out, 20, BLOCK=16)
    assert torch.equal(x, out), "what lies inside is done all the same"
    assert {(one.name, one.action, one.where.partition(": ")[2]) for one in done.outside} == {
        ("x_ptr", "read", "x = tl.load(x_ptr + i)"),
        ("out_ptr", "written", "tl.store(out_ptr + i, x)"),
    }
    with pytest.raises(IndexError, match="has read outside of what x_ptr points to .*tl.load"):
        copy_too_much[(2,)](x, out, 20, BLOCK=16)


def test_a_wild_address_reaches_no_other_array():
    regions = [Region.laid_out(name, np.zeros(4, np.float32), (1,)) for name in "ab"]
    memory = Memory(regions, 1)
    far = np.array([regions[0].base + 4 * step for step in (-1, 4, 10**6, 2**37)])
    memory.write(far, np.ones(4, np.float32), np.ones(4, bool))
    assert [one.action for one in memory.outside] == ["written"]
    assert not any(region.array().any() for region in regions)
    assert np.isnan(memory.read(far, np.ones(4, bool), None, np.dtype("float32"))).all()


def test_padding_is_outside():
    region = Region.laid_out("x", np.ones((2, 3)), tile_memory.contiguous((2, 3), padding=2), before=1, behind=1)
    memory = Memory([region], 1)
    row = region.pointer + 8 * np.arange(5)
    assert np.array_equal(np.isnan(memory.read(row, np.ones(5, bool), None, np.dtype("float64"))), [False] * 3 + [True] * 2)
    assert len(memory.outside) == 1
    assert region.counted(region.reads).tolist() == [[[1, 1, 1], [0, 0, 0]]]


def test_masked_lanes_without_other_hold_poison():
    out = torch.zeros(1)
    sum_without_other[(1,)](numbers(16), out, 16, BLOCK=16)
    assert torch.allclose(out, numbers(16).sum(), atol=1e-5)
    sum_without_other[(1,)](numbers(16), out, 15, BLOCK=16)
    assert out.isnan().all()


@pytest.mark.parametrize("kernel", [last_one_wins, passed_on])
def test_a_result_that_depends_on_the_order_of_programs_is_seen_and_changes_with_it(kernel):
    results = set()
    for seed in range(5):
        out = torch.zeros(8)
        done = watch(kernel, (8,), numbers(8), out, 8, BLOCK=8, seed=seed)
        assert {one.name: one.clashes > 0 for one in done.traffic} == {"x_ptr": False, "out_ptr": True}
        results.add(tuple(out.tolist()))
    assert len(results) > 1


def test_kernels_call_kernels_and_use_constants():
    out = torch.zeros(16)
    with_a_helper[(1,)](numbers(16), out, 16, BLOCK=16)
    assert torch.equal(out, numbers(16) / 2)


def uses_numpy(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, np.exp(1.0))


def uses_torch_by_another_name(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, math.sqrt(2))


def uses_a_variable(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, LOOSE)


def uses_a_function(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, numbers(3))


def uses_a_builtin(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, sum((1, 2)))


def uses_a_dictionary(x_ptr, BLOCK: tl.constexpr):
    kept = {"m": 0.0}
    tl.store(x_ptr, kept["m"])


def uses_a_list(x_ptr, BLOCK: tl.constexpr):
    kept = [0.0, BLOCK]
    tl.store(x_ptr, kept[0])


def uses_a_comprehension(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, tl.sum([2 * i for i in range(BLOCK)]))


def uses_an_import(x_ptr, BLOCK: tl.constexpr):
    import numpy

    tl.store(x_ptr, numpy.exp(1.0))


NAMED = {
    uses_numpy: "`np`, the module numpy,",
    uses_torch_by_another_name: "`math`, the module math,",
    uses_a_variable: "`LOOSE`, a variable of the notebook",
    uses_a_function: "`numbers`, a function without @triton.jit,",
    uses_a_builtin: "`sum`",
    uses_a_dictionary: "a dictionary",
    uses_a_list: "a list",
    uses_a_comprehension: "a function or a comprehension|a list",
    uses_an_import: "an import",
}


@pytest.mark.parametrize(("function", "what"), NAMED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_no_gpu_knows_is_refused_with_its_line(function, what):
    with pytest.raises(KernelCodeError, match=rf"({what}).*\(line \d+: "):
        watch(Kernel(function), (1,), torch.zeros(1), BLOCK=16)


def test_a_name_that_somebody_chose_is_no_library():
    def of_one_numpy(np, BLOCK: tl.constexpr):
        torch = tl.load(np)
        tl.store(np, torch + 1)

    x = torch.zeros(1)
    Kernel(of_one_numpy)[(1,)](x, BLOCK=16)
    assert x.item() == 1


def block(shape, dtype=None):
    return tl.full(shape, 3, tl.float32 if dtype is None else dtype)


IMPOSSIBLE = {
    "12 numbers; it must be a power of two": lambda: tl.arange(0, 12),
    "powers of two": lambda: tl.zeros((16, 12), tl.float32),
    "takes blocks of 16 or more": lambda: tl.dot(block((8, 16)), block((16, 16))),
    r"takes blocks \(M, K\) and \(K, N\)": lambda: tl.dot(block((16, 32)), block((16, 32))),
    "takes two blocks of one type": lambda: tl.dot(block((16, 16)), block((16, 16), tl.float16)),
    "do not fit together": lambda: block((16,)) + block((32,)),
    "takes float32 or float64, got float16": lambda: tl.exp(block((16,), tl.float16)),
    "whole numbers alone": lambda: block((16,)) // 2,
    "neither true nor false": lambda: bool(block((16,)) > 2),
    "no single entries": lambda: block((16,))[0],
    "walk through the entries": lambda: list(block((16,))),
    "which has no such axis": lambda: tl.sum(block((16,)), axis=1),
    "more than 1048576": lambda: tl.zeros((2048, 1024), tl.float32),
    "not to be used here": lambda: tl.softmax(block((16,))),
    "there is only tl": lambda: np.asarray(block((16,))),
}


@pytest.mark.parametrize(("said", "action"), IMPOSSIBLE.items(), ids=IMPOSSIBLE)
def test_what_triton_refuses_is_refused_and_says_why(said, action):
    with pytest.raises(KernelCodeError, match=said):
        action()


def test_what_the_simulator_lacks_is_told_from_what_there_is_not():
    with pytest.raises(NotSimulatedError, match=r"tl\.atomic_add"):
        tl.atomic_add  # noqa: B018
    with pytest.raises(AttributeError, match="tl has no 'lode'; it has"):
        tl.lode  # noqa: B018


KEPT = {  # the type of what is computed, by Triton's rules
    "float16 times a number": (lambda: block((16,), tl.float16) * 2.5, "float16"),
    "float16 through a number": (lambda: block((16,), tl.float16) / 2, "float32"),
    "float16 and float32": (lambda: block((16,), tl.float16) + block((16,)), "float32"),
    "int32 and float16": (lambda: tl.arange(0, 16) + block((16,), tl.float16), "float16"),
    "int32 times a float": (lambda: tl.arange(0, 16) * 0.5, "float32"),
    "int32 through int32": (lambda: tl.arange(0, 16) / tl.arange(1, 17), "float32"),
    "int32 and int64": (lambda: tl.arange(0, 16) + block((16,), tl.int64), "int64"),
    "how many are true": (lambda: tl.sum(tl.arange(0, 16) > 3), "int32"),
    "a product of float16": (lambda: tl.dot(block((16, 16), tl.float16), block((16, 16), tl.float16)), "float32"),
    "a product of float64": (lambda: tl.dot(block((16, 16), tl.float64), block((16, 16), tl.float64)), "float64"),
}


@pytest.mark.parametrize(("action", "dtype"), KEPT.values(), ids=KEPT)
def test_types_are_tritons(action, dtype):
    assert action().dtype.name == dtype


def test_whole_numbers_are_divided_towards_zero():
    x = tl.arange(0, 16) - 8
    assert (x // 3).values.tolist() == [int(v / 3) for v in range(-8, 8)]
    assert (x % 3).values.tolist() == [int(math.fmod(v, 3)) for v in range(-8, 8)]


def test_float32_goes_through_tf32_unless_it_says_ieee():
    x = tl.full((16, 16), 1 + 2**-11 + 2**-20, tl.float32)
    one = tl.full((16, 16), 1.0, tl.float32)
    assert float(tl.dot(x, one).values[0, 0]) == 16 * (1 + 2**-10), "rounded to ten bits"
    for exact in ({"input_precision": "ieee"}, {"input_precision": "tf32x3"}, {"allow_tf32": False}):
        assert float(tl.dot(x, one, **exact).values[0, 0]) == 16 * (1 + 2**-11 + 2**-20)


def test_bfloat16_is_refused_by_its_name():
    with pytest.raises(TypeError, match="x_ptr is a tensor of torch.bfloat16; only"):
        copy[(1,)](torch.zeros(4, dtype=torch.bfloat16), torch.zeros(4), 4, BLOCK=16)


@needs_triton
@pytest.mark.parametrize("kernel", [copy, copy_too_much, sum_without_other, last_one_wins, passed_on, with_a_helper, column_sums])
def test_tritons_interpreter_sees_the_same(kernel):
    found = []
    for run in (simulated, run_interpreted):
        square = np.random.default_rng(0).standard_normal(20 * 20).astype("float32")
        regions = [Region.laid_out("x_ptr", square, (1,)), Region.laid_out("out_ptr", np.full(32, np.nan, "float32"), (1,))]
        found.append(run(kernel.fn, (3,), regions, [*regions, 20], {"BLOCK": 32}, 1))
    ours, theirs = found
    for mine, other in zip(ours.regions, sorted(theirs.regions, key=lambda region: region.name == "out_ptr"), strict=True):
        assert np.array_equal(mine.reads, other.reads)
        assert np.array_equal(mine.writes, other.writes)
        assert np.allclose(mine.array(), other.array(), rtol=1e-5, equal_nan=True)
    assert [(one.name, one.action, one.program, one.where) for one in ours.outside] == [
        (one.name, one.action, one.program, one.where) for one in theirs.outside
    ]


def simulated(function, grid, regions, arguments, keywords, seed):
    from autodiff_lib.tiles import own_line

    memory = Memory(regions, math.prod(grid), own_line)
    run_programs(function, grid, memory, arguments, keywords, seed)
    return memory
