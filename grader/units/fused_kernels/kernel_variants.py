"""Right kernels of unit 5 that look different."""

from __future__ import annotations

from autodiff_lib.units.fused_kernels.kernels import UNIT_NAME

from .. import Variant, variants_of

variant = variants_of(UNIT_NAME)


def BASE_2(*exponents: str) -> list[tuple[str, str]]:  # noqa: N802
    """Edits by which exp becomes a power of two."""
    return [(f"tl.exp({exponent})", f"tl.exp2(1.4426950408889634 * ({exponent}))") for exponent in exponents]


GRAD_Q = """
@triton.jit
@ad.exercise
def attention_grad_q_kernel(
    q_ptr, k_ptr, v_ptr, d_out_ptr, lse_ptr, delta_ptr, d_q_ptr, T, S, scale, q_head, k_head, row,
    CAUSAL: tl.constexpr, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
):
    first, head = tl.program_id(0) * BLOCK_M, tl.program_id(1)
    i = first + tl.arange(0, BLOCK_M)[:, None]
    d = tl.arange(0, D)[None, :]
    mine = head * q_head + i * row + d
    q = tl.load(q_ptr + mine, mask=i < T, other=0.0).to(tl.float32)
    g = tl.load(d_out_ptr + mine, mask=i < T, other=0.0).to(tl.float32)
    lse = tl.load(lse_ptr + head * T + i, mask=i < T, other=0.0)
    delta = tl.load(delta_ptr + head * T + i, mask=i < T, other=0.0)
    lse = tl.where(lse == float("-inf"), 0.0, lse)
    total = tl.zeros((BLOCK_M, D), tl.float32)
    stop = S
    if CAUSAL:
        stop = tl.maximum(0, tl.minimum(S, tl.minimum(first + BLOCK_M, T) + S - T))
    for start in range(0, stop, BLOCK_N):
        j = start + tl.arange(0, BLOCK_N)
        theirs = head * k_head + j[:, None] * row + d
        k = tl.load(k_ptr + theirs, mask=j[:, None] < stop, other=0.0).to(tl.float32)
        v = tl.load(v_ptr + theirs, mask=j[:, None] < stop, other=0.0).to(tl.float32)
        s = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        hidden = j[None, :] >= S
        if CAUSAL:
            hidden |= j[None, :] > i + (S - T)
        p = tl.where(hidden, 0.0, tl.exp(s - lse))
        total += tl.dot(p * (tl.dot(g, tl.trans(v), input_precision="ieee") - delta), k, input_precision="ieee")
    tl.store(d_q_ptr + mine, total * scale, mask=i < T)
"""

FIRST = [
    variant(
        "scale_kernel",
        "pointers-first",
        "moves the pointers, and takes the last block to be a mask of what is left; parameters annotated",
        """
        @triton.jit
        @ad.exercise
        def scale_kernel(x_ptr, out_ptr, n: int, factor: float, BLOCK: "tl.constexpr"):
            begin = BLOCK * tl.program_id(axis=0)
            lane = tl.arange(0, BLOCK)
            left = n - begin
            values = tl.load(x_ptr + begin + lane, lane < left, other=0)
            tl.store(out_ptr + begin + lane, values * factor, lane < left)
        """,
    ),
    variant(
        "add_kernel",
        "row-by-row",
        "walks over the rows of its block with a loop, a row at a time",
        """
        @triton.jit
        @ad.exercise
        def add_kernel(x_ptr, y_ptr, out_ptr, M, N, x_row, y_row, out_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
            columns = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
            first = tl.program_id(0) * BLOCK_M
            for row in range(first, tl.minimum(M, first + BLOCK_M)):
                x = tl.load(x_ptr + row * x_row + columns, mask=columns < N)
                y = tl.load(y_ptr + row * y_row + columns, mask=columns < N)
                tl.store(out_ptr + row * out_row + columns, x + y, mask=columns < N)
        """,
    ),
    variant(
        "row_sum_kernel",
        "a-number-at-a-time",
        "sums each block to a number at once, and counts its blocks",
        """
        @triton.jit
        @ad.exercise
        def row_sum_kernel(x_ptr, out_ptr, N, x_row, BLOCK: tl.constexpr):
            row_ptr = x_ptr + tl.program_id(0) * x_row
            total = 0.0
            for number in range(tl.cdiv(N, BLOCK)):
                columns = number * BLOCK + tl.arange(0, BLOCK)
                x = tl.load(row_ptr + columns, mask=columns < N)
                total += tl.sum(tl.where(columns < N, x, 0.0).to(tl.float32))
            tl.store(out_ptr + tl.program_id(0), total)
        """,
    ),
    variant(
        "row_softmax_kernel",
        "by-logarithms",
        "exp(x - log sum exp), in a helper kernel, with a global constant, in base 2",
        """
        LOG2E = tl.constexpr(1.4426950408889634)


        @triton.jit
        def log_sum(x):
            top = tl.max(x)
            return top + tl.log2(tl.sum(tl.exp2(x - top)))


        @triton.jit
        @ad.exercise
        def row_softmax_kernel(x_ptr, out_ptr, N, x_row, out_row, BLOCK: tl.constexpr):
            columns = tl.arange(0, BLOCK)
            x = tl.load(x_ptr + tl.program_id(0) * x_row + columns, mask=columns < N, other=float("-inf"))
            x = x.to(tl.float32) * LOG2E
            out = tl.exp2(x - log_sum(x)).to(out_ptr.dtype.element_ty)
            tl.store(out_ptr + tl.program_id(0) * out_row + columns, out, mask=columns < N)
        """,
    ),
    variant(
        "matmul_kernel",
        "walking-pointers",
        "moves two blocks of pointers along K, wraps rows and columns around with %, and hands tl.dot its accumulator",
        """
        @triton.jit
        @ad.exercise
        def matmul_kernel(
            a_ptr, b_ptr, out_ptr, M, N, K, a_row, a_column, b_row, b_column, out_row,
            BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
        ):
            rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
            columns = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
            k = tl.arange(0, BLOCK_K)
            a_ptrs = a_ptr + (rows[:, None] % M) * a_row + k[None, :] * a_column
            b_ptrs = b_ptr + k[:, None] * b_row + (columns[None, :] % N) * b_column
            acc = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
            for step in range(0, tl.cdiv(K, BLOCK_K)):
                left = K - step * BLOCK_K
                a = tl.load(a_ptrs, mask=k[None, :] < left, other=0.0)
                b = tl.load(b_ptrs, mask=k[:, None] < left, other=0.0)
                acc = tl.dot(a, b, acc, input_precision="ieee")
                a_ptrs += BLOCK_K * a_column
                b_ptrs += BLOCK_K * b_row
            out_ptrs = out_ptr + rows[:, None] * out_row + columns[None, :]
            tl.store(out_ptrs, acc.to(out_ptr.dtype.element_ty), mask=(rows[:, None] < M) & (columns[None, :] < N))
        """,
    ),
    variant(
        "matmul_layernorm_kernel",
        "one-pass",
        "the mean of the squares less the square of the mean, which needs no second mask; rsqrt",
        """
        @triton.jit
        @ad.exercise
        def matmul_layernorm_kernel(
            a_ptr, b_ptr, out_ptr, M, N, K, a_row, a_column, b_row, b_column, out_row, eps,
            BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
        ):
            rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
            columns = tl.arange(0, BLOCK_N)
            inside = (rows < M)[:, None] & (columns < N)[None, :]
            acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
            for start in tl.range(0, K, BLOCK_K):
                k = start + tl.arange(0, BLOCK_K)
                a = tl.load(a_ptr + rows[:, None] * a_row + k[None, :] * a_column, (rows < M)[:, None] & (k < K)[None, :], 0.0)
                b = tl.load(b_ptr + k[:, None] * b_row + columns[None, :] * b_column, (k < K)[:, None] & (columns < N)[None, :], 0.0)
                acc += tl.dot(a, b, allow_tf32=False)
            mean = acc.sum(axis=1, keep_dims=True) / N
            square = tl.sum(acc * acc, 1, keep_dims=True) / N
            out = (acc - mean) * tl.rsqrt(square - mean * mean + eps)
            tl.store(out_ptr + rows[:, None] * out_row + columns[None, :], out, inside)
        """,
    ),
    variant(
        "matmul_softmax_kernel",
        "masked-powers",
        "leaves the product as it is, and sets the powers behind N to zero",
        """
        @triton.jit
        @ad.exercise
        def matmul_softmax_kernel(
            a_ptr, b_ptr, out_ptr, M, N, K, a_row, a_column, b_row, b_column, out_row,
            BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
        ):
            rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
            columns = tl.arange(0, BLOCK_N)
            acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
            start = 0
            while start < K:
                k = start + tl.arange(0, BLOCK_K)
                a = tl.load(a_ptr + rows[:, None] * a_row + k[None, :] * a_column, (rows < M)[:, None] & (k < K)[None, :], 0.0)
                b = tl.load(b_ptr + k[:, None] * b_row + columns[None, :] * b_column, (k < K)[:, None] & (columns < N)[None, :], 0.0)
                acc += tl.dot(a, b, input_precision="tf32x3")
                start += BLOCK_K
            powers = tl.exp(acc - tl.max(acc, axis=1, keep_dims=True))
            powers *= columns[None, :] < N
            powers /= tl.sum(powers, axis=1, keep_dims=True)
            tl.store(out_ptr + rows[:, None] * out_row + columns[None, :], powers, (rows < M)[:, None] & (columns < N)[None, :])
        """,
    ),
    variant(
        "attention_kernel",
        "large-negative-numbers",
        "hides with -1e30 and tells rows that have seen nothing by their maximum; counts its blocks; scales the queries",
        """
        @triton.jit
        @ad.exercise
        def attention_kernel(
            q_ptr, k_ptr, v_ptr, out_ptr, lse_ptr, T, S, scale, q_head, k_head, row,
            CAUSAL: tl.constexpr, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
        ):
            first = tl.program_id(0) * BLOCK_M
            head = tl.program_id(1)
            i = first + tl.arange(0, BLOCK_M)[:, None]
            d = tl.arange(0, D)[None, :]
            q = tl.load(q_ptr + head * q_head + i * row + d, mask=i < T, other=0.0).to(tl.float32) * scale
            top = tl.full((BLOCK_M, 1), -1e30, tl.float32)
            total = tl.zeros((BLOCK_M, 1), tl.float32)
            out = tl.zeros((BLOCK_M, D), tl.float32)
            stop = S
            if CAUSAL:
                stop = tl.maximum(0, tl.minimum(S, tl.minimum(first + BLOCK_M, T) + S - T))
            for block in range(tl.cdiv(stop, BLOCK_N)):
                j = block * BLOCK_N + tl.arange(0, BLOCK_N)
                there = head * k_head + j[:, None] * row + d
                k = tl.load(k_ptr + there, mask=j[:, None] < stop, other=0.0).to(tl.float32)
                v = tl.load(v_ptr + there, mask=j[:, None] < stop, other=0.0).to(tl.float32)
                s = tl.dot(q, k.trans(), input_precision="ieee")
                hidden = j[None, :] >= S
                if CAUSAL:
                    hidden |= j[None, :] > i + (S - T)
                s = tl.where(hidden, -1e30, s)
                higher = tl.maximum(top, tl.max(s, axis=1, keep_dims=True))
                weight = tl.where(hidden, 0.0, tl.exp(s - higher))
                total = total * tl.exp(top - higher) + tl.sum(weight, axis=1, keep_dims=True)
                out = out * tl.exp(top - higher) + tl.dot(weight, v, input_precision="ieee")
                top = higher
            nothing = total == 0
            tl.store(out_ptr + head * q_head + i * row + d, tl.where(nothing, 0.0, out / total), mask=i < T)
            lse = tl.where(nothing, float("-inf"), top + tl.log(total))
            tl.store(lse_ptr + head * T + i, lse, mask=i < T)
        """,
    ),
    variant(
        "attention_grad_kv_kernel",
        "transposed-scores",
        "makes the scores with keys along the rows, and needs no transposed product",
        """
        @triton.jit
        @ad.exercise
        def attention_grad_kv_kernel(
            q_ptr, k_ptr, v_ptr, d_out_ptr, lse_ptr, delta_ptr, d_k_ptr, d_v_ptr, T, S, scale, q_head, k_head, row,
            CAUSAL: tl.constexpr, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
        ):
            head, d = tl.program_id(1), tl.arange(0, D)
            j = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
            mine = head * k_head + j[:, None] * row + d[None, :]
            k = tl.load(k_ptr + mine, mask=j[:, None] < S, other=0.0).to(tl.float32)
            v = tl.load(v_ptr + mine, mask=j[:, None] < S, other=0.0).to(tl.float32)
            d_k = tl.zeros((BLOCK_N, D), tl.float32)
            d_v = tl.zeros((BLOCK_N, D), tl.float32)
            begin = 0
            if CAUSAL:
                begin = tl.maximum(0, tl.program_id(0) * BLOCK_N + T - S)
            for start in range(begin, T, BLOCK_M):
                i = start + tl.arange(0, BLOCK_M)
                theirs = head * q_head + i[:, None] * row + d[None, :]
                q = tl.load(q_ptr + theirs, mask=i[:, None] < T, other=0.0).to(tl.float32)
                g = tl.load(d_out_ptr + theirs, mask=i[:, None] < T, other=0.0).to(tl.float32)
                lse = tl.load(lse_ptr + head * T + i, mask=i < T, other=float("inf")).to(tl.float32)
                delta = tl.load(delta_ptr + head * T + i, mask=i < T, other=0.0).to(tl.float32)
                s = tl.dot(k, tl.trans(q), input_precision="ieee") * scale
                seen = (j < S)[:, None] & (i < T)[None, :]
                if CAUSAL:
                    seen &= j[:, None] <= i[None, :] + S - T
                p = tl.where(seen, tl.exp(tl.where(seen, s - lse[None, :], 0.0)), 0.0)
                d_v += tl.dot(p, g, input_precision="ieee")
                d_s = p * (tl.dot(v, tl.trans(g), input_precision="ieee") - delta[None, :])
                d_k += tl.dot(d_s, q, input_precision="ieee") * scale
            tl.store(d_k_ptr + mine, d_k, mask=j[:, None] < S)
            tl.store(d_v_ptr + mine, d_v, mask=j[:, None] < S)
        """,
    ),
]


def others(exercise: str, slug: str, what: str, *edits: tuple[str, str], text: str = "") -> list[Variant]:
    """The first variant of an exercise, or this text, with edits."""
    cell = text or next(one.cells[-1] for one in FIRST if one.exercise == exercise)
    for old, new in edits:
        if old not in cell:
            raise ValueError(f"variant {slug} of {exercise}: there is no {old!r} to edit")
        cell = cell.replace(old, new)
    return [variant(exercise, slug, what, cell)]


KERNEL_VARIANTS = [
    *FIRST,
    variant(
        "scale_kernel",
        "grid-stride",
        "walks over the blocks in steps of the number of programs, and multiplies from the left",
        """
        @triton.jit
        @ad.exercise
        def scale_kernel(x_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
            for block in range(tl.program_id(0), tl.cdiv(n, BLOCK), tl.num_programs(0)):
                i = block * BLOCK + tl.arange(0, BLOCK)
                there = i < n
                x = tl.load(x_ptr + i, mask=there, other=float("nan"))
                tl.store(out_ptr + i, (factor * x).to(out_ptr.dtype.element_ty), mask=there)
        """,
    ),
    variant(
        "add_kernel",
        "flat-lanes",
        "numbers its lanes in one row, and finds row and column by // and %",
        """
        @triton.jit
        @ad.exercise
        def add_kernel(x_ptr, y_ptr, out_ptr, M, N, x_row, y_row, out_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
            lane = tl.arange(0, BLOCK_M * BLOCK_N)
            i = tl.program_id(0) * BLOCK_M + lane // BLOCK_N
            j = tl.program_id(1) * BLOCK_N + lane % BLOCK_N
            there = (i < M) & (j < N)
            total = tl.load(x_ptr + i * x_row + j, mask=there, other=0.0)
            total += tl.load(y_ptr + i * y_row + j, mask=there, other=0.0)
            tl.store(out_ptr + i * out_row + j, total, mask=there)
        """,
    ),
    variant(
        "row_sum_kernel",
        "while",
        "moves its pointers in a while loop, and adds a number of Python",
        """
        @triton.jit
        @ad.exercise
        def row_sum_kernel(x_ptr, out_ptr, N, x_row, BLOCK: tl.constexpr):
            lane = tl.arange(0, BLOCK)
            x_ptrs = x_ptr + tl.program_id(0) * x_row + lane
            left = N
            total = tl.full((BLOCK,), 0.0, tl.float32)
            while left > 0:
                total = total + tl.load(x_ptrs, mask=lane < left, other=0)
                x_ptrs += BLOCK
                left -= BLOCK
            tl.store(out_ptr + tl.program_id(0), total.sum())
        """,
    ),
    variant(
        "row_softmax_kernel",
        "masked-powers",
        "fills up with the smallest of all, masks the powers as well, and multiplies by one over the sum",
        """
        @triton.jit
        @ad.exercise
        def row_softmax_kernel(x_ptr, out_ptr, N, x_row, out_row, BLOCK: tl.constexpr):
            row = tl.program_id(0)
            j = tl.arange(0, BLOCK)
            x = tl.load(x_ptr + row * x_row + j, mask=j < N, other=0.0).to(tl.float32)
            x = tl.where(j < N, x, -1e30)
            powers = tl.where(j < N, tl.exp(x - tl.max(x, 0)), 0.0)
            tl.store(out_ptr + row * out_row + j, powers * (1.0 / tl.sum(powers, 0)), mask=j < N)
        """,
    ),
    variant(
        "matmul_kernel",
        "transposed",
        "makes the transpose of its tile, from the last block of K to the first",
        """
        @triton.jit
        @ad.exercise
        def matmul_kernel(
            a_ptr, b_ptr, out_ptr, M, N, K, a_row, a_column, b_row, b_column, out_row,
            BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
        ):
            i = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M))[None, :]
            j = (tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N))[:, None]
            turned = tl.zeros((BLOCK_N, BLOCK_M), dtype=tl.float32)
            blocks = tl.cdiv(K, BLOCK_K)
            for number in range(blocks):
                k = (blocks - 1 - number) * BLOCK_K + tl.arange(0, BLOCK_K)
                a = tl.load(a_ptr + i * a_row + k[:, None] * a_column, mask=(i < M) & (k[:, None] < K), other=0.0)
                b = tl.load(b_ptr + k[None, :] * b_row + j * b_column, mask=(k[None, :] < K) & (j < N), other=0.0)
                turned += tl.dot(b, a, input_precision="ieee")
            tl.store(out_ptr + i * out_row + j, turned, mask=(i < M) & (j < N))
        """,
    ),
    *others(
        "matmul_layernorm_kernel",
        "two-pass",
        "takes the mean of the squares of what is left, and a helper for the mean",
        ("square = tl.sum(acc * acc, 1, keep_dims=True) / N", "left = tl.where(inside, acc - mean, 0.0)"),
        ("(acc - mean) * tl.rsqrt(square - mean * mean + eps)", "left / tl.sqrt(eps + tl.sum(left * left, 1, keep_dims=True) / N)"),
    ),
    *others("matmul_softmax_kernel", "base-2", "takes powers of two", *BASE_2("acc - tl.max(acc, axis=1, keep_dims=True)")),
    *others(
        "attention_kernel",
        "base-2",
        "takes powers of two, and looks at the blocks of keys from the last to the first",
        *BASE_2("s - higher", "top - higher"),
        ("j = block * BLOCK_N", "j = (tl.cdiv(stop, BLOCK_N) - 1 - block) * BLOCK_N"),
    ),
    variant(
        "attention_grad_q_kernel",
        "scale-at-the-end",
        "scales once at the end, and turns everything into float32 first",
        GRAD_Q,
    ),
    *others("attention_grad_q_kernel", "base-2", "takes powers of two", *BASE_2("s - lse"), text=GRAD_Q),
    *others(
        "attention_grad_kv_kernel",
        "base-2",
        "takes powers of two, and begins with the first query",
        *BASE_2("tl.where(seen, s - lse[None, :], 0.0)"),
    ),
]
