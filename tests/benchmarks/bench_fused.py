"""Fusion on this machine: matrix product with softmax, and attention, unfused and fused, in time, memory and bytes per second.

    python tests/benchmarks/bench_fused.py [--rounds 9] [--threads 1] [--no-compile]

All versions take turns in one process, in float32; the tables show medians. Bytes per second are those that the version
has to move at least, beside a measured copy of a long array. It ends with `ratio N.NN`: unfused over the student's blocks,
for the product and softmax of 1024 rows at 4096 columns with K = 64.
"""

# ruff: noqa: N803, N806 - sizes, as in the formulas

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from types import ModuleType

import torch
from torch import Tensor
from turns import medians, solved

from autodiff_lib.memory import Peak
from autodiff_lib.units.fused_kernels.truth import attention_of_torch, one_pass_attention

UNIT = "05_fused_kernels"
K, ROWS, COLUMNS, LAST = 64, 1024, (512, 1024, 2048, 4096, 8192), 4096
LENGTHS = (1024, 2048, 4096)
TINY = 16  # sides of the matrices for the element loops
COPIED = 2**28  # bytes: more than any cache holds

Action = Callable[[], object]


def peak(action: Action) -> float:
    """MiB that live at once, the result included."""
    with Peak() as found:
        action()
    return found.bytes / 2**20


def copy_speed(rounds: int) -> float:
    """Gigabytes per second of a copy: read once, written once."""
    source, target = torch.ones(COPIED // 4), torch.empty(COPIED // 4)
    milliseconds = medians({"copy": lambda: target.copy_(source)}, rounds)["copy"]
    return 2 * COPIED / milliseconds / 1e6


def show(title: str, actions: dict[str, Action], least: dict[str, int], counted: set[str], rounds: int, copy: float) -> dict[str, float]:
    """Rows of a table; `least` are the bytes that each version moves at least, `counted` those whose memory torch can see."""
    times = medians(actions, rounds)
    first = next(iter(times.values()))
    for name, milliseconds in times.items():
        speed = least[name] / milliseconds / 1e6
        memory = f"{peak(actions[name]):.1f}" if name in counted else "-"
        print(f"| {title} | {name} | {milliseconds:.2f} | {first / milliseconds:.2f} | {memory} | {speed:.1f} | {speed / copy:.0%} |")
    return times


def unfused_softmax(a: Tensor, b: Tensor) -> Tensor:
    """The product, whole, and then its softmax: a (M, K), b (K, N) -> (M, N)."""
    return torch.softmax(a @ b, -1)  # (M, K) @ (K, N)


def show_loops(module: ModuleType, rounds: int, copy: float) -> None:
    a, b = torch.rand(1, TINY, TINY), torch.rand(1, TINY, TINY)
    loops: dict[str, Action] = {"unfused": partial(unfused_softmax, a, b)}
    loops |= {name: partial(module.run_loops, getattr(module, name), a, b) for name in ("softmax_unfused", "softmax_fused")}
    show(f"softmax, {TINY} x {TINY} x {TINY}", loops, dict.fromkeys(loops, 3 * 4 * TINY * TINY), {"unfused"}, min(rounds, 5), copy)


def show_product(versions: dict[str, Callable[..., Tensor]], N: int, rounds: int, copy: float) -> float:
    """Rows of the table for N columns; unfused over the student's blocks."""
    a, b = torch.randn(ROWS, K), torch.randn(K, N)
    actions: dict[str, Action] = {name: partial(version, a, b) for name, version in versions.items()}
    operands, result = 4 * K * (ROWS + N), 4 * ROWS * N
    least = {name: operands + (3 if name == "unfused" else 1) * result for name in actions}
    times = show(f"softmax, {ROWS} x {K} x {N}", actions, least, {"unfused", "blocks"}, rounds, copy)
    return times["unfused"] / times["blocks"]


def show_attention(versions: dict[str, Callable[..., Tensor]], T: int, rounds: int, copy: float) -> None:
    q, k, v = (torch.randn(T, K) for _ in range(3))
    actions: dict[str, Action] = {name: partial(version, q, k, v) for name, version in versions.items()}
    least = {name: 4 * 4 * T * K + (4 * 4 * T * T if name == "unfused" else 0) for name in actions}
    show(f"attention, {T} tokens", actions, least, set(actions), rounds, copy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out: it needs a C++ compiler")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    module, rounds = solved(UNIT), options.rounds
    copy = copy_speed(rounds)
    print(f"torch {torch.__version__}, {options.threads} thread(s); a copy moves {copy:.1f} GB/s\n")
    print("| what | version | median ms | unfused over it | MiB at the peak | GB/s at least | of a copy |")
    print("|:--|:--|--:|--:|--:|--:|--:|")
    show_loops(module, rounds, copy)
    products = {"unfused": unfused_softmax, "blocks": module.blocked_softmax}
    if not options.no_compile:
        products["torch.compile"] = torch.compile(unfused_softmax, dynamic=True)
    ratios = {N: show_product(products, N, rounds, copy) for N in COLUMNS}
    versions = {"unfused": one_pass_attention, "one pass": module.one_pass_attention, "scaled_dot_product_attention": attention_of_torch}
    for T in LENGTHS:
        show_attention(versions, T, rounds, copy)
    print(f"\nratio {ratios[LAST]:.2f}")


if __name__ == "__main__":
    main()
