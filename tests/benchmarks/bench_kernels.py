"""The kernels of unit 5, compiled for the GPU of this machine: are they right there too, and how fast are they.

    python tests/benchmarks/bench_kernels.py [--rounds 30] [--cases-only]

It launches every case of the unit, and each once more in bfloat16, and compares what was written, what lies around it
included. The tables show medians of the GPU's own clock, all versions in turns, and the memory that each takes beside
its inputs. It ends with `ratio N.NN`: `scaled_dot_product_attention` over the solution's kernel, 16 heads of 4096 tokens,
64 wide, float16. Without a GPU it launches the cases in Triton's interpreter, and shows no tables.
"""

# ruff: noqa: N803, N806 - sizes, as in the formulas

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, scaled_dot_product_attention
from turns import solved

from autodiff_lib import kernels
from autodiff_lib.kinds.kernel.judge import Array, KernelCase
from autodiff_lib.units.fused_kernels.kernels import KERNELS, bytes_cases, memory_cases, values_cases

UNIT = "05_fused_kernels"
GUARD = 64  # elements before and behind each array, which nobody may touch
CLOSE = {"float32": 2e-3, "float16": 2e-2, "bfloat16": 1e-1}
HEADS, WIDTH, LENGTHS, LAST = 16, 64, (1024, 2048, 4096, 8192), 4096

Action = Callable[[], object]


# --- are they right


def on_device(array: Array, dtype: str, values: np.ndarray | None) -> tuple[Tensor, Tensor]:
    """Memory of nan with the array inside it, and the array."""
    strides = array.strides
    span = 1 + sum((size - 1) * stride for size, stride in zip(array.shape, strides, strict=True))
    memory = torch.full((span + 2 * GUARD,), math.nan, dtype=getattr(torch, dtype), device=kernels.DEVICE)
    view = memory.as_strided(array.shape, strides, GUARD)
    if values is not None:
        view.copy_(torch.from_numpy(values.astype("float64")))
    return memory, view


def launched(kernel: Any, case: KernelCase, dtype: str) -> str:
    """What is wrong with a launch, where anything is. Where a case is one of float64, float32 is taken: GPUs have no `tl.dot` for it."""
    given = iter(case.values)
    memories, views, wanted = {}, {}, iter(case.wanted)
    for array in case.arrays:
        exact = array.dtype in {"float32", "float64"}  # sums are kept in float32, whatever the case has
        memories[array.name], views[array.name] = on_device(array, "float32" if exact else dtype, next(given) if array.is_given else None)
    arguments = [views[value[1:]] if isinstance(value, str) else value for value in case.arguments]
    kernel[case.grid](*arguments, **case.constants)
    for array in case.filled:
        found, right = views[array.name].double().cpu().numpy(), next(wanted)
        scale = max(1.0, float(np.abs(np.where(np.isfinite(right), right, 0)).max(initial=0)))
        if not np.allclose(found, right, rtol=CLOSE[dtype], atol=CLOSE[dtype] * scale, equal_nan=True):
            return f"{array.name} differs by {np.nanmax(np.abs(found - right)):.2g}"
    for array in case.arrays:
        views[array.name].fill_(math.nan)
        if not memories[array.name].isnan().all():
            return f"something was written around {array.name}"
    return ""


def tried(module: ModuleType) -> int:
    """Launch all cases; how many went wrong."""
    wrong, done = 0, Counter[str]()
    for name in KERNELS:
        for case in (*values_cases()[name], *memory_cases()[name], *bytes_cases()[name]):
            usual = "float32" if case.dtype == "float64" else case.dtype
            rough = any(array.kind in {"huge", "ties"} or array.scale > 1 for array in case.given)  # bfloat16 does not hold these
            for dtype in (usual,) if rough or kernels.DEVICE == "cpu" else (usual, "bfloat16"):
                done[dtype] += 1
                if said := launched(getattr(module, name), case, dtype):
                    wrong += 1
                    print(f"WRONG {name}, {case.name} as {dtype}: {said}")
    print(f"{sum(done.values())} launches ({', '.join(f'{count} in {dtype}' for dtype, count in done.items())}), {wrong} wrong\n")
    return wrong


# --- how fast are they


def medians(actions: dict[str, Action], rounds: int) -> dict[str, float]:
    """Microseconds on the GPU of each action, in turns, with its cache emptied before each; the first rounds do not count."""
    cache = torch.empty(2**28, dtype=torch.int8, device="cuda")
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds + 3):
        for name, action in actions.items():
            cache.zero_()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            action()
            end.record()
            torch.cuda.synchronize()
            times[name].append(1e3 * start.elapsed_time(end))
    return {name: statistics.median(found[3:]) for name, found in times.items()}


def peak(action: Action) -> float:
    """MiB that live at once beside what was there."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    kept = action()
    torch.cuda.synchronize()
    del kept
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def show(title: str, actions: dict[str, Action], rounds: int, moved: int = 0, flops: float = 0) -> dict[str, float]:
    """Rows of the table. `moved`: bytes that must move at least; `flops`: operations."""
    times = medians(actions, rounds)
    first = next(iter(times.values()))
    for name, time in times.items():
        rate = f"{moved / time / 1e3:.0f} GB/s" if moved else f"{flops / time / 1e6:.0f} TFLOP/s"
        print(f"| {title} | {name} | {time:.0f} | {first / time:.2f} | {peak(actions[name]):.0f} | {rate} |", flush=True)
    return times


def softmax_rows(module: ModuleType, x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    warps = 4 if x.shape[1] <= 2048 else 8
    block = kernels.triton.next_power_of_2(x.shape[1])
    module.row_softmax_kernel[(len(x),)](x, out, x.shape[1], x.stride(0), out.stride(0), BLOCK=block, num_warps=warps)
    return out


def fused_product(kernel: Any, a: Tensor, b: Tensor, *eps: float) -> Tensor:
    (M, K), N = a.shape, b.shape[1]
    out = torch.empty(M, N, dtype=a.dtype, device=a.device)
    blocks = {"BLOCK_M": 16 if N > 512 else 32, "BLOCK_N": kernels.triton.next_power_of_2(N), "BLOCK_K": 32}
    grid = (kernels.triton.cdiv(M, blocks["BLOCK_M"]),)
    kernel[grid](a, b, out, M, N, K, *a.stride(), *b.stride(), out.stride(0), *eps, **blocks, num_warps=8)
    return out


def fused_attention(module: ModuleType, q: Tensor, k: Tensor, v: Tensor, causal: bool) -> tuple[Tensor, Tensor]:
    H, T, D = q.shape
    out, lse = torch.empty_like(q), torch.empty(H, T, dtype=torch.float32, device=q.device)
    numbers = (T, T, D**-0.5, q.stride(0), k.stride(0), q.stride(1))
    options = {"CAUSAL": causal, "D": D, "BLOCK_M": 128, "BLOCK_N": 64, "num_warps": 4}
    module.attention_kernel[(kernels.triton.cdiv(T, 128), H)](q, k, v, out, lse, *numbers, **options)
    return out, lse


def fused_gradients(module: ModuleType, q: Tensor, k: Tensor, v: Tensor, d_out: Tensor, causal: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Forwards and backwards."""
    H, T, D = q.shape
    out, lse = fused_attention(module, q, k, v, causal)
    delta = (out.float() * d_out.float()).sum(-1)  # (H, T)
    d_q, d_k, d_v = (torch.empty_like(one) for one in (q, k, v))
    numbers = (T, T, D**-0.5, q.stride(0), k.stride(0), q.stride(1))
    options = {"CAUSAL": causal, "D": D, "BLOCK_M": 64, "BLOCK_N": 64, "num_warps": 4}
    grid = (kernels.triton.cdiv(T, 64), H)
    module.attention_grad_q_kernel[grid](q, k, v, d_out, lse, delta, d_q, *numbers, **options)
    module.attention_grad_kv_kernel[grid](q, k, v, d_out, lse, delta, d_k, d_v, *numbers, **options)
    return d_q, d_k, d_v


def naive_attention(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    s = q @ k.mT * q.shape[-1] ** -0.5  # (H, T, D) @ (H, D, T) -> (H, T, T)
    if causal:
        s = s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool, device=s.device).triu(1), -math.inf)
    return torch.softmax(s, -1) @ v  # (H, T, T) @ (H, T, D) -> (H, T, D)


def through_torch(forwards: Callable[..., Tensor], q: Tensor, k: Tensor, v: Tensor, d_out: Tensor) -> tuple[Tensor, ...]:
    """Forwards and backwards."""
    leaves = [one.detach().requires_grad_() for one in (q, k, v)]
    return torch.autograd.grad(forwards(*leaves), leaves, d_out)


def library(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    return scaled_dot_product_attention(q[None], k[None], v[None], is_causal=causal)[0]


def tables(module: ModuleType, rounds: int) -> float:
    half = partial(torch.randn, device="cuda", dtype=torch.float16)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, Triton {kernels.triton.__version__}\n")
    print("| what | version | median µs | first over it | MiB beside its inputs | |")
    print("|:--|:--|--:|--:|--:|--:|")
    x, y = half(2**28), torch.empty(2**28, device="cuda", dtype=torch.float16)
    show("copy of 512 MiB", {"torch": partial(y.copy_, x)}, rounds, moved=4 * 2**28)
    for N in (1024, 4096, 16384):
        x = half(8192, N)
        unfused: Action = lambda x=x: (e := torch.exp(x - x.max(-1, keepdim=True).values)) / e.sum(-1, keepdim=True)  # type: ignore[misc]  # noqa: E731
        versions = {"four operations": unfused, "torch.softmax": partial(torch.softmax, x, -1), "kernel": partial(softmax_rows, module, x)}
        show(f"row softmax, 8192 x {N}", versions, rounds, moved=4 * 8192 * N)
    for N in (256, 1024):
        a, b = half(65536, WIDTH), half(WIDTH, N)
        moved = 2 * (a.numel() + b.numel() + 65536 * N)
        show(
            f"matmul and softmax, 65536 x {WIDTH} x {N}",
            {"unfused": lambda a=a, b=b: torch.softmax(a @ b, -1), "kernel": partial(fused_product, module.matmul_softmax_kernel, a, b)},  # type: ignore[misc]
            rounds,
            moved,
        )
        show(
            f"matmul and layernorm, 65536 x {WIDTH} x {N}",
            {
                "unfused": lambda a=a, b=b, N=N: layer_norm(a @ b, (N,)),  # type: ignore[misc]
                "kernel": partial(fused_product, module.matmul_layernorm_kernel, a, b, 1e-5),
            },
            rounds,
            moved,
        )
    ratio = 0.0
    for T in LENGTHS:
        q, k, v, d_out = (half(HEADS, T, WIDTH) for _ in range(4))
        for causal in (False, True):
            versions = {
                "unfused": partial(naive_attention, q, k, v, causal),
                "scaled_dot_product_attention": partial(library, q, k, v, causal),
                "kernel": partial(fused_attention, module, q, k, v, causal),
            }
            flops = 4 * HEADS * T * T * WIDTH * (0.5 if causal else 1)
            times = show(f"attention, {T} tokens{', causal' if causal else ''}", versions, rounds, flops=flops)
            if T == LAST and not causal:
                ratio = times["scaled_dot_product_attention"] / times["kernel"]
        versions = {
            "unfused": partial(through_torch, partial(naive_attention, causal=True), q, k, v, d_out),
            "scaled_dot_product_attention": partial(through_torch, partial(library, causal=True), q, k, v, d_out),
            "kernels": partial(fused_gradients, module, q, k, v, d_out, True),
        }
        show(f"attention and its gradients, {T} tokens, causal", versions, max(3, rounds // 3), flops=7 * HEADS * T * T * WIDTH)
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--cases-only", action="store_true", help="no tables")
    options = parser.parse_args()
    module = solved(UNIT)
    print(kernels.ENGINE)
    wrong = tried(module)
    if kernels.DEVICE == "cuda" and not options.cases_only:
        print(f"\nratio {tables(module, options.rounds):.2f}")
    sys.exit(min(wrong, 1))


if __name__ == "__main__":
    main()
