"""The kernels of the unit: the launches that are asked for, and what must come of each.

`kernel_questions(first)` makes their questions. Sizes are no multiples of blocks in most cases, rows are padded and
matrices transposed in some, so that a pointer that strays is seen; grids have 16 programs at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...checks.question import Part, Question
from ...kinds.kernel.judge import Array, KernelCase, Masks, judge_bytes, judge_memory, judge_values
from .unit import KERNELS, UNIT

UNIT_NAME = UNIT.name
LARGE = 20  # times whole numbers from -2 to 2: products that float32 and TF32 hold exactly, and whose exp overflows
EPS = 1e-5


def cdiv(n: int, block: int) -> int:
    return -(-n // block)


def power_of_2(n: int) -> int:
    return max(16, 1 << (n - 1).bit_length())


def wide(dtype: str) -> str:
    """In what sums are kept: at least float32."""
    return "float64" if dtype == "float64" else "float32"


def described(*words: str) -> str:
    return ", ".join(filter(None, words))


# --- one row after the other


def scale_case(n: int, block: int, dtype: str = "float32", kind: str = "normal") -> KernelCase:
    return KernelCase(
        name=f"{n} entries in blocks of {block}, {dtype}",
        kernel="scale_kernel",
        arrays=(Array("x_ptr", (n,), kind), Array("out_ptr", (n,))),
        arguments=("$x_ptr", "$out_ptr", n, -1.5),
        constants={"BLOCK": block},
        grid=(cdiv(n, block),),
        truth=lambda x: (-1.5 * x,),
        needed=lambda out: (out,),
        dtype=dtype,
        told={"full blocks": n % block == 0},
    )


def add_case(
    rows: int, columns: int, blocks: tuple[int, int], dtype: str = "float32", padding: tuple[int, int, int] = (0, 0, 0)
) -> KernelCase:
    shape = (rows, columns)
    x, y, out = (
        Array(name, shape, kind, padding=more)
        for name, kind, more in zip(("x_ptr", "y_ptr", "out_ptr"), ("normal", "normal", ""), padding, strict=True)
    )
    return KernelCase(
        name=described(f"{list(shape)} in blocks of {list(blocks)}", "padded rows" if any(padding) else "", dtype),
        kernel="add_kernel",
        arrays=(x, y, out),
        arguments=("$x_ptr", "$y_ptr", "$out_ptr", rows, columns, x.strides[0], y.strides[0], out.strides[0]),
        constants={"BLOCK_M": blocks[0], "BLOCK_N": blocks[1]},
        grid=(cdiv(rows, blocks[0]), cdiv(columns, blocks[1])),
        truth=lambda x, y: (x + y,),
        needed=lambda out: (out, out),
        dtype=dtype,
        told={"padded rows": any(padding)},
    )


def any_along(mask: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    return np.asarray(mask.any(axis))


def rows_needed(written: np.ndarray, columns: int) -> np.ndarray:
    """Of a matrix of as many rows, those of which anything is written: (rows, columns)."""
    rows = any_along(written.reshape(len(written), -1), 1)
    return np.broadcast_to(rows[:, None], (len(rows), columns))


def row_sum_case(
    rows: int, columns: int, block: int, dtype: str = "float32", kind: str = "normal", scale: float = 1, padding: int = 0
) -> KernelCase:
    x = Array("x_ptr", (rows, columns), kind, scale, padding)
    return KernelCase(
        name=described(
            f"{[rows, columns]} in blocks of {block}", "large values" if scale > 1 else "", "padded rows" if padding else "", dtype
        ),
        kernel="row_sum_kernel",
        arrays=(x, Array("out_ptr", (rows,), dtype=wide(dtype))),
        arguments=("$x_ptr", "$out_ptr", columns, x.strides[0]),
        constants={"BLOCK": block},
        grid=(rows,),
        truth=lambda x: (x.sum(1),),
        needed=lambda out: (rows_needed(out, columns),),
        dtype=dtype,
        told={"full blocks": columns % block == 0, "padded rows": bool(padding)},
    )


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def row_softmax_case(
    rows: int, columns: int, dtype: str = "float32", kind: str = "normal", padding: tuple[int, int] = (0, 0)
) -> KernelCase:
    x, out = Array("x_ptr", (rows, columns), kind, padding=padding[0]), Array("out_ptr", (rows, columns), padding=padding[1])
    block = power_of_2(columns)
    return KernelCase(
        name=described(f"{[rows, columns]} in a block of {block}", said(kind), "padded rows" if any(padding) else "", dtype),
        kernel="row_softmax_kernel",
        arrays=(x, out),
        arguments=("$x_ptr", "$out_ptr", columns, x.strides[0], out.strides[0]),
        constants={"BLOCK": block},
        grid=(rows,),
        truth=lambda x: (softmax(x),),
        needed=lambda out: (rows_needed(out, columns),),
        dtype=dtype,
        told={"full blocks": columns == block, "padded rows": any(padding)},
    )


def said(kind: str) -> str:
    return {"huge": "values up to ±1000", "ties": "large values", "zeros": "all zeros", "level": "rows of equal entries"}.get(kind, "")


# --- matrix products, alone and with what follows


def product_case(
    kernel: str,
    after: Callable[[np.ndarray], np.ndarray],
    M: int,
    N: int,
    K: int,
    dtype: str = "float32",
    *,
    kind: str = "normal",
    scale: float = 1,
    transposed: tuple[bool, bool] = (False, False),
    padding: int = 0,
    by_rows: bool = True,
    blocks: tuple[int, int] = (16, 16),
) -> KernelCase:
    """a (M, K) @ b (K, N), and what comes after it. `by_rows`: each program has whole rows of the product."""
    a, b = Array("a_ptr", (M, K), kind, scale, padding, transposed[0]), Array("b_ptr", (K, N), kind, scale, 2 * padding, transposed[1])
    out = Array("out_ptr", (M, N), padding=3 * padding)
    block_m, block_n, block_k = blocks[0], power_of_2(N) if by_rows else blocks[1], 16
    one_row = (*a.strides, *b.strides, out.strides[0])
    turned = {(False, False): "", (True, False): "a transposed", (False, True): "b transposed", (True, True): "both transposed"}[transposed]

    def needed(written: np.ndarray) -> Masks:
        columns = np.broadcast_to(written.any(), (N,)) if by_rows else written.any(0)
        return rows_needed(written, K), np.broadcast_to(columns, (K, N))

    return KernelCase(
        name=described(
            f"{[M, K]} @ {[K, N]}", "small values" if scale < 1 else said(kind), turned, "padded rows" if padding else "", dtype
        ),
        kernel=kernel,
        arrays=(a, b, out),
        arguments=("$a_ptr", "$b_ptr", "$out_ptr", M, N, K, *one_row, *([EPS] if "layernorm" in kernel else [])),
        constants={"BLOCK_M": block_m, "BLOCK_N": block_n, "BLOCK_K": block_k},
        grid=(cdiv(M, block_m),) if by_rows else (cdiv(M, block_m), cdiv(N, block_n)),
        truth=lambda a, b: (after(a @ b),),  # (M, K) @ (K, N) -> (M, N)
        needed=needed,
        dtype=dtype,
        told={"layout": turned or "rows", "K a multiple of 16": K % 16 == 0, "padded rows": bool(padding)},
    )


def layernorm(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS)


def matmul_case(M: int, N: int, K: int, dtype: str = "float32", **more: Any) -> KernelCase:
    return product_case("matmul_kernel", lambda x: x, M, N, K, dtype, by_rows=False, **more)


def matmul_layernorm_case(M: int, N: int, K: int, dtype: str = "float32", **more: Any) -> KernelCase:
    return product_case("matmul_layernorm_kernel", layernorm, M, N, K, dtype, **more)


def matmul_softmax_case(M: int, N: int, K: int, dtype: str = "float32", **more: Any) -> KernelCase:
    return product_case("matmul_softmax_kernel", softmax, M, N, K, dtype, **more)


# --- attention


def visible(T: int, S: int, causal: bool) -> np.ndarray:
    """Which of S keys each of T queries sees, the last query all of them: (T, S)."""
    return np.arange(S) <= np.arange(T)[:, None] + (S - T) if causal else np.ones((T, S), bool)


def scores(q: np.ndarray, k: np.ndarray, causal: bool) -> np.ndarray:
    """Scaled, with -inf where nothing is to be seen: (H, T, D), (H, S, D) -> (H, T, S)."""
    product = q @ k.swapaxes(-2, -1) / np.sqrt(q.shape[-1])  # (H, T, D) @ (H, D, S) -> (H, T, S)
    return np.where(visible(product.shape[-2], product.shape[-1], causal), product, -np.inf)


def log_sum_exp(x: np.ndarray) -> np.ndarray:
    """Along the last axis; -inf where all is -inf."""
    top = x.max(-1)
    shift = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - shift[..., None]).sum(-1)) + shift


def weights(x: np.ndarray) -> np.ndarray:
    """softmax along the last axis; zeros where all is -inf."""
    total = log_sum_exp(x)[..., None]
    return np.exp(x - np.where(np.isfinite(total), total, 0))


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool) -> np.ndarray:
    return weights(scores(q, k, causal)) @ v  # (H, T, S) @ (H, S, D) -> (H, T, D)


def gradients(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, d_out: np.ndarray, lse: np.ndarray, delta: np.ndarray, causal: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of <attention, d_out>, with respect to q, k and v, from the saved log-sum-exp and the row sums of d_out * out: (H, T) both."""
    P = np.exp(scores(q, k, causal) - np.where(np.isfinite(lse), lse, 0)[..., None])  # (H, T, S)
    dP = d_out @ v.swapaxes(-2, -1)  # (H, T, D) @ (H, D, S) -> (H, T, S)
    dS = P * (dP - delta[..., None]) / np.sqrt(q.shape[-1])
    return dS @ k, dS.swapaxes(-2, -1) @ q, P.swapaxes(-2, -1) @ d_out  # (H, T, D), (H, S, D), (H, S, D)


def attention_arrays(H: int, T: int, S: int, D: int, kind: str, scale: float, padding: int) -> tuple[Array, Array, Array, tuple[Any, ...]]:
    """q, k and v, and the numbers that a kernel is given."""
    q, k, v = (Array(name, (H, size, D), kind, scale, padding) for name, size in (("q_ptr", T), ("k_ptr", S), ("v_ptr", S)))
    return q, k, v, (T, S, D**-0.5, q.strides[0], k.strides[0], q.strides[1])


def attention_name(H: int, T: int, S: int, D: int, causal: bool, kind: str, padding: int, dtype: str) -> str:
    sizes = f"{H} heads, {T} queries, {S} keys, {D} wide"
    return described(sizes, "causal" if causal else "", said(kind), "padded rows" if padding else "", dtype)


def keys_needed(written: np.ndarray, S: int, D: int, causal: bool) -> np.ndarray:
    """The keys that the written rows of the queries see: (H, T, ...) -> (H, S, D)."""
    rows = any_along(written.reshape(*written.shape[:2], -1), -1)  # (H, T)
    keys = any_along(rows[..., None] & visible(rows.shape[1], S, causal), 1)  # (H, T, S) -> (H, S)
    return np.broadcast_to(keys[..., None], (*keys.shape, D))


def seeing_rows(written: np.ndarray, S: int, D: int, causal: bool) -> np.ndarray:
    """The written rows that see any key, for what those that see none need not read: (H, T, ...) -> (H, T, D)."""
    rows = any_along(written.reshape(*written.shape[:2], -1), -1) & any_along(visible(written.shape[1], S, causal), 1)
    return np.broadcast_to(rows[..., None], (*rows.shape, D))


def queries_needed(written: np.ndarray, T: int, D: int, causal: bool) -> np.ndarray:
    """The queries that see the written rows of the keys: (H, S, ...) -> (H, T, D)."""
    rows = any_along(written.reshape(*written.shape[:2], -1), -1)  # (H, S)
    queries = any_along(rows[:, None, :] & visible(T, rows.shape[1], causal), 2)  # (H, T, S) -> (H, T)
    return np.broadcast_to(queries[..., None], (*queries.shape, D))


def attention_case(
    H: int,
    T: int,
    S: int,
    D: int = 16,
    *,
    causal: bool = False,
    dtype: str = "float32",
    kind: str = "normal",
    scale: float = 1,
    padding: int = 0,
    block: int = 16,
) -> KernelCase:
    """`block` is how many keys come in at once."""
    q, k, v, numbers = attention_arrays(H, T, S, D, kind, scale, padding)

    def needed(out: np.ndarray, lse: np.ndarray) -> Masks:
        written = out | lse[..., None]
        keys = keys_needed(written, S, D, causal)
        return seeing_rows(written, S, D, causal), keys, keys_needed(out, S, D, causal)

    return KernelCase(
        name=attention_name(H, T, S, D, causal, kind, padding, dtype),
        kernel="attention_kernel",
        arrays=(q, k, v, Array("out_ptr", (H, T, D), padding=padding), Array("lse_ptr", (H, T), dtype=wide(dtype))),
        arguments=("$q_ptr", "$k_ptr", "$v_ptr", "$out_ptr", "$lse_ptr", *numbers),
        constants={"CAUSAL": causal, "D": D, "BLOCK_M": 16, "BLOCK_N": block},
        grid=(cdiv(T, 16), H),
        truth=lambda q, k, v: (attention(q, k, v, causal), log_sum_exp(scores(q, k, causal))),
        needed=needed,
        dtype=dtype,
        told={"causal": causal, "as many keys as queries": T == S, "padded rows": bool(padding)},
    )


def gradient_case(
    kernel: str,
    H: int,
    T: int,
    S: int,
    D: int = 16,
    *,
    causal: bool = False,
    dtype: str = "float32",
    kind: str = "normal",
    scale: float = 1,
    padding: int = 0,
) -> KernelCase:
    """The gradient of attention: for q a program has some queries, for k and v it has some keys."""
    q, k, v, numbers = attention_arrays(H, T, S, D, kind, scale, padding)
    d_out = Array("d_out_ptr", (H, T, D), "normal", padding=padding)
    lse = Array("lse_ptr", (H, T), dtype=wide(dtype), made=lambda q, k, v, d_out: log_sum_exp(scores(q, k, causal)))
    delta = Array("delta_ptr", (H, T), dtype=wide(dtype), made=lambda q, k, v, d_out, lse: (attention(q, k, v, causal) * d_out).sum(-1))
    of_queries = kernel == "attention_grad_q_kernel"
    sized = [("d_q_ptr", T)] if of_queries else [("d_k_ptr", S), ("d_v_ptr", S)]
    filled = [Array(name, (H, size, D), padding=padding) for name, size in sized]

    def needed_of_queries(d_q: np.ndarray) -> Masks:
        keys, rows = keys_needed(d_q, S, D, causal), seeing_rows(d_q, S, D, causal)
        return rows, keys, keys, rows, rows[..., 0], rows[..., 0]

    def needed_of_keys(d_k: np.ndarray, d_v: np.ndarray) -> Masks:
        for_k, for_v = queries_needed(d_k, T, D, causal), queries_needed(d_v, T, D, causal)
        seen = any_along(visible(T, S, causal), 0)[None, :, None]  # keys that somebody sees
        return for_k | for_v, (d_k | d_v) & seen, d_k & seen, for_k | for_v, (for_k | for_v)[..., 0], for_k[..., 0]

    def truth(*saved: np.ndarray) -> tuple[np.ndarray, ...]:
        q, k, v, d_out, lse, delta = saved
        d_q, d_k, d_v = gradients(q, k, v, d_out, lse, delta, causal)
        return (d_q,) if of_queries else (d_k, d_v)

    return KernelCase(
        name=attention_name(H, T, S, D, causal, kind, padding, dtype),
        kernel=kernel,
        arrays=(q, k, v, d_out, lse, delta, *filled),
        arguments=(*(f"${name}_ptr" for name in ("q", "k", "v", "d_out", "lse", "delta")), *(f"${one.name}" for one in filled), *numbers),
        constants={"CAUSAL": causal, "D": D, "BLOCK_M": 16, "BLOCK_N": 16},
        grid=(cdiv(T if of_queries else S, 16), H),
        truth=truth,
        needed=needed_of_queries if of_queries else needed_of_keys,
        dtype=dtype,
        told={"causal": causal, "as many keys as queries": T == S, "padded rows": bool(padding)},
    )


# --- the questions


def values_cases() -> dict[str, tuple[KernelCase, ...]]:
    """Of each kernel, the launches whose values are looked at, in ascending size."""
    return {
        "scale_kernel": (
            scale_case(1, 16, "float64"),
            scale_case(20, 16, "float64"),
            scale_case(64, 16),
            scale_case(50, 16, "float16"),
            scale_case(1023, 128),
        ),
        "add_kernel": (
            add_case(3, 5, (16, 16), "float64"),
            add_case(20, 37, (16, 16), "float64"),
            add_case(37, 20, (16, 32), "float64", (2, 5, 3)),
            add_case(32, 32, (16, 16)),
            add_case(1, 50, (16, 16), "float16"),
            add_case(50, 1, (16, 16)),
        ),
        "row_sum_kernel": (
            row_sum_case(3, 7, 16, "float64"),
            row_sum_case(4, 40, 16, "float64"),
            row_sum_case(3, 20, 16, "float64", padding=6),
            row_sum_case(16, 1, 16),
            row_sum_case(1, 1023, 128),
            row_sum_case(2, 150, 32, "float16", "positive", 800),
            row_sum_case(16, 16, 16),
        ),
        "row_softmax_kernel": (
            row_softmax_case(3, 7, "float64"),
            row_softmax_case(5, 20, "float64", padding=(4, 7)),
            row_softmax_case(4, 16, "float64"),
            row_softmax_case(5, 33, "float64", "huge"),
            row_softmax_case(3, 30, "float32", "level"),
            row_softmax_case(2, 40, "float64", "peak"),
            row_softmax_case(16, 1),
            row_softmax_case(1, 1023),
            row_softmax_case(6, 50, "float16"),
            row_softmax_case(2, 50, "float16", "huge"),
        ),
        "matmul_kernel": (
            matmul_case(16, 16, 16, "float64"),
            matmul_case(5, 7, 3, "float64"),
            matmul_case(20, 37, 40, "float64", padding=3),
            matmul_case(18, 21, 35, "float64", transposed=(True, False)),
            matmul_case(18, 21, 35, "float64", transposed=(False, True)),
            matmul_case(30, 20, 50),
            matmul_case(32, 32, 32),
            matmul_case(1, 50, 33),
            matmul_case(50, 1, 17),
            matmul_case(24, 40, 50, "float16"),
        ),
        "matmul_layernorm_kernel": (
            matmul_layernorm_case(5, 7, 3, "float64"),
            matmul_layernorm_case(20, 37, 40, "float64", padding=3),
            matmul_layernorm_case(18, 21, 35, "float64", transposed=(False, True)),
            matmul_layernorm_case(17, 12, 20, "float64", kind="zeros"),
            matmul_layernorm_case(16, 16, 16, "float64"),
            matmul_layernorm_case(18, 20, 20, "float64", scale=0.05),
            matmul_layernorm_case(30, 50, 34),
            matmul_layernorm_case(7, 1, 20),
            matmul_layernorm_case(1, 100, 33),
            matmul_layernorm_case(20, 40, 40, "float16", scale=6),
        ),
        "matmul_softmax_kernel": (
            matmul_softmax_case(5, 7, 3, "float64"),
            matmul_softmax_case(20, 37, 40, "float64", padding=3),
            matmul_softmax_case(18, 21, 35, "float64", transposed=(False, True)),
            matmul_softmax_case(16, 16, 16, "float64"),
            matmul_softmax_case(20, 30, 20, "float64", kind="ties", scale=LARGE),
            matmul_softmax_case(30, 50, 34),
            matmul_softmax_case(7, 1, 20),
            matmul_softmax_case(1, 100, 33),
            matmul_softmax_case(20, 40, 40, "float16"),
        ),
        "attention_kernel": (
            attention_case(1, 16, 16, dtype="float64"),
            attention_case(2, 5, 7, dtype="float64"),
            attention_case(2, 20, 37, dtype="float64"),
            attention_case(1, 40, 40, causal=True, dtype="float64"),
            attention_case(2, 18, 41, causal=True, dtype="float64", padding=4),
            attention_case(1, 37, 14, causal=True, dtype="float64"),
            attention_case(1, 20, 50, dtype="float64", kind="ties", scale=LARGE),
            attention_case(1, 1, 1023, block=128),
            attention_case(3, 7, 256, block=64),
            attention_case(2, 50, 1),
            attention_case(1, 40, 50, 32, causal=True),
            attention_case(2, 30, 50, dtype="float16"),
        ),
        "attention_grad_q_kernel": gradient_cases("attention_grad_q_kernel"),
        "attention_grad_kv_kernel": gradient_cases("attention_grad_kv_kernel"),
    }


def gradient_cases(kernel: str) -> tuple[KernelCase, ...]:
    return (
        gradient_case(kernel, 1, 16, 16, dtype="float64"),
        gradient_case(kernel, 2, 20, 37, dtype="float64"),
        gradient_case(kernel, 1, 18, 41, causal=True, dtype="float64", padding=4),
        gradient_case(kernel, 1, 37, 14, causal=True, dtype="float64"),
        gradient_case(kernel, 1, 20, 30, dtype="float64", kind="ties", scale=3),
        gradient_case(kernel, 1, 30, 40, 32, causal=True),
        gradient_case(kernel, 1, 20, 30, dtype="float16"),
    )


def memory_cases() -> dict[str, tuple[KernelCase, ...]]:
    """Those whose bounds are looked at."""
    gradient = {
        kernel: (gradient_case(kernel, 2, 20, 37, padding=4),) for kernel in ("attention_grad_q_kernel", "attention_grad_kv_kernel")
    }
    return {
        "scale_kernel": (scale_case(20, 16), scale_case(64, 16), scale_case(1, 16)),
        "add_kernel": (add_case(20, 37, (16, 16)), add_case(37, 20, (16, 32), padding=(2, 5, 3)), add_case(32, 32, (16, 16))),
        "row_sum_kernel": (row_sum_case(4, 40, 16), row_sum_case(3, 20, 16, padding=6), row_sum_case(16, 16, 16)),
        "row_softmax_kernel": (row_softmax_case(5, 20), row_softmax_case(5, 20, padding=(4, 7)), row_softmax_case(16, 16)),
        "matmul_kernel": (matmul_case(20, 37, 40), matmul_case(18, 21, 35, padding=3), matmul_case(32, 32, 32)),
        "matmul_layernorm_kernel": (matmul_layernorm_case(20, 37, 40), matmul_layernorm_case(18, 21, 35, padding=3)),
        "matmul_softmax_kernel": (matmul_softmax_case(20, 37, 40), matmul_softmax_case(18, 21, 35, padding=3)),
        "attention_kernel": (attention_case(2, 20, 37, padding=4), attention_case(1, 40, 40, causal=True), attention_case(2, 50, 1)),
        **gradient,
    }


def bytes_cases() -> dict[str, tuple[KernelCase, ...]]:
    """Those whose bytes are counted: rows and columns fill their blocks, for who wraps around with % reads more and is right."""
    gradient = {
        kernel: (gradient_case(kernel, 1, 32, 48), gradient_case(kernel, 1, 80, 80, causal=True))
        for kernel in ("attention_grad_q_kernel", "attention_grad_kv_kernel")
    }
    return {
        "scale_kernel": (scale_case(64, 16), scale_case(100, 16)),
        "add_kernel": (add_case(32, 32, (16, 16)), add_case(32, 64, (16, 32))),
        "row_sum_kernel": (row_sum_case(8, 64, 16), row_sum_case(5, 112, 32)),
        "row_softmax_kernel": (row_softmax_case(8, 64), row_softmax_case(5, 100)),
        "matmul_kernel": (matmul_case(32, 48, 64), matmul_case(32, 48, 50)),
        "matmul_layernorm_kernel": (matmul_layernorm_case(32, 64, 48), matmul_layernorm_case(32, 20, 50)),
        "matmul_softmax_kernel": (matmul_softmax_case(32, 64, 48), matmul_softmax_case(32, 20, 50)),
        "attention_kernel": (
            attention_case(1, 32, 48),
            attention_case(1, 80, 80, causal=True),
            attention_case(2, 20, 37),
            attention_case(1, 80, 40, causal=True),
        ),
        **gradient,
    }


POINTS = {
    "scale_kernel": 1, "add_kernel": 1, "row_sum_kernel": 1, "row_softmax_kernel": 1, "matmul_kernel": 2, "matmul_layernorm_kernel": 2,
    "matmul_softmax_kernel": 2, "attention_kernel": 4, "attention_grad_q_kernel": 4, "attention_grad_kv_kernel": 6,
}  # fmt: skip
LOOK_AT = {
    "scale_kernel": "which entries each program has, and what the last one does with those that are not there",
    "add_kernel": "how a block of rows and columns becomes a block of addresses",
    "row_sum_kernel": "the loop over the blocks of a row, and what is kept from one to the next",
    "row_softmax_kernel": "what the lanes behind the end of the row hold, before the maximum and before the sum",
    "matmul_kernel": "the two pointers that walk along K, and the last block of K",
    "matmul_layernorm_kernel": "which columns count for the mean and for the variance",
    "matmul_softmax_kernel": "which columns count for the maximum and for the sum",
    "attention_kernel": "what changes in the running maximum, the running sum and the accumulator when a block of keys comes in",
    "attention_grad_q_kernel": "the formula of the scores' gradient, block by block",
    "attention_grad_kv_kernel": "the formula of the scores' gradient, and which queries see a key",
}


def kernel_parts(kernel: str) -> tuple[Part, ...]:
    """What is asked of a kernel: half of its points for values, a quarter each for bounds and for bytes."""
    points, look_at = POINTS[kernel], LOOK_AT[kernel]
    return (
        Part("values", points / 2, values_cases()[kernel], judge_values, look_at),
        Part("memory", points / 4, memory_cases()[kernel], judge_memory, look_at),
        Part("bytes", points / 4, bytes_cases()[kernel], judge_bytes, look_at),
    )


def kernel_questions(first: int) -> list[Question]:
    """The questions of the kernels, numbered from `first`."""
    return [Question(UNIT_NAME, number, kernel, kernel_parts(kernel)) for number, kernel in enumerate(KERNELS, start=first)]
