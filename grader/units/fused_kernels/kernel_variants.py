"""Right kernels of unit 5 that look different."""

from __future__ import annotations

from autodiff_lib.units.fused_kernels.kernels import UNIT_NAME

from .. import variants_of

variant = variants_of(UNIT_NAME)

KERNEL_VARIANTS = [
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
