"""Time per node of the engine that students write, on graphs of growing size, against torch's eager autograd.

    python tests/benchmarks/bench_graph.py [--sizes 1000,10000,100000,1000000] [--repeat 5]

The graph is a chain with forks: each step multiplies by a number, adds what was there two steps before,
and scales the sum down. Both sides compute it on one small tensor, forward and backward, in turn, in one
process. `build` is what a declared graph pays once; `run` is what every training step pays. Medians.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from turns import solved

import autodiff_lib as ad

SHAPE = (4, 4)


def declared(x: ad.Node, steps: int) -> ad.Node:
    before, now = x, x * 0.5
    for _ in range(steps):
        before, now = now, (now * 0.9 + before) * 0.5
    return now


def eager(x: Tensor, steps: int) -> Tensor:
    before, now = x, x * 0.5
    for _ in range(steps):
        before, now = now, (now * 0.9 + before) * 0.5
    return now


def seconds(action: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    action()
    elapsed = time.perf_counter() - start
    gc.enable()
    return elapsed


def measure(size: int, repeat: int) -> dict[str, float]:
    """Microseconds per node: building the graph, building its gradients, running both; and torch, forward and backward."""
    steps = size // 3
    value = torch.ones(SHAPE)
    times: dict[str, list[float]] = {"build": [], "gradients": [], "run": [], "torch": []}
    for _ in range(repeat):
        x = ad.Variable("x")
        made: list[ad.Node] = []
        times["build"].append(seconds(lambda x=x, made=made: made.append(declared(x, steps))))
        times["gradients"].append(seconds(lambda x=x, made=made: made.extend(ad.gradients(made[0], [x]))))
        evaluator = ad.FrugalEvaluator(made)
        times["run"].append(seconds(lambda x=x, evaluator=evaluator: evaluator.run({x: value})))

        def torch_step() -> None:
            leaf = value.clone().requires_grad_()
            eager(leaf, steps).sum().backward()

        times["torch"].append(seconds(torch_step))
    return {name: 1e6 * statistics.median(values) / size for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", help="forward nodes of the graphs")
    parser.add_argument("--repeat", type=int, default=5, help="measurements of each size; a million nodes are measured twice at most")
    options = parser.parse_args()
    solved("02_evaluator")
    torch.set_num_threads(1)
    measure(1000, 3)  # warm up
    print("microseconds per forward node, medians")
    print(f"{'nodes':>9} {'build':>8} {'gradients':>10} {'run':>8} {'torch':>8} {'run / torch':>12}")
    ratios = {}
    for size in map(int, options.sizes.split(",")):
        found = measure(size, min(options.repeat, 2) if size >= 10**6 else options.repeat)
        ratios[size] = found["run"] / found["torch"]
        numbers = f"{found['build']:8.2f} {found['gradients']:10.2f} {found['run']:8.2f} {found['torch']:8.2f}"
        print(f"{size:>9} {numbers} {ratios[size]:12.2f}", flush=True)
    print(f"ratio {ratios.get(100_000, next(reversed(ratios.values()))):.2f}")


if __name__ == "__main__":
    main()
