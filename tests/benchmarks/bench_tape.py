"""Unit 7's tape: one training step of an MLP on a batch of 64, beside eager torch.

    python tests/benchmarks/bench_tape.py [--steps 2000] [--threads 1]

A step is forward, loss, backward, and an update with momentum, in float64, by the MLP of the unit's solution and by torch's autograd
with the same numbers. A tape computes the gradient of all that stands on it, that of the images as well; torch is measured with that
gradient, which is the same work, and without. They take turns in one process, and the table shows medians. All must have learned the
same. It ends with `ratio N.NN`: the tape over torch for the same gradients, for the network for which that is largest.
"""

# ruff: noqa: N806 - X and Y, as in the notebook

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from turns import keeping, medians, solved

from autodiff_lib.units.tape.given import Autograd

BATCH, RATE, MOMENTUM, WARM_UP = 64, 0.01, 0.9, 50
COMPARED = 20  # the step after which both must have learned the same: later, rounding leads them apart
TAPE, EAGER, LESS = "tape, NumPy", "eager torch, the same gradients", "eager torch, those of the weights alone"


@dataclass(frozen=True)
class Network:
    """What is trained: sizes from the input to the output, with a ReLU between any two linear layers."""

    what: str
    sizes: tuple[int, ...]


NETWORKS = (Network("8 x 8", (64, 32, 10)), Network("28 x 28", (784, 128, 10)), Network("28 x 28, deep", (784, 128, 128, 128, 10)))


def ways(unit: ModuleType, network: Network) -> dict[str, Callable[[], float]]:
    """Ways to take one step on the same batch; each returns the loss before it."""
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(BATCH, network.sizes[0])), np.eye(10)[random.integers(0, 10, BATCH)]
    engine = Autograd()
    first, *hiddens, last = network.sizes
    activations = [*(unit.ReLU(engine) for _ in hiddens), unit.Identity(engine)]
    mlp = unit.MLP(first, last, hiddens, activations, unit.SoftmaxCrossEntropy(engine), RATE, engine, MOMENTUM)
    batch, labels = torch.tensor(X), torch.tensor(Y)

    def eager(images: torch.Tensor) -> Callable[[], float]:
        free = [torch.tensor(w.copy(), requires_grad=True) for w, _, _ in mlp.parameters]
        velocities = [torch.zeros_like(w) for w in free]
        wanted = [*free, *([images] if images.requires_grad else [])]

        def step() -> float:
            h = images
            for place in range(0, len(free), 2):
                h = h @ free[place].T + free[place + 1].T  # (N, in) @ (in, out) -> (N, out)
                h = torch.relu(h) if place + 2 < len(free) else h
            loss = torch.nn.functional.cross_entropy(h, labels)
            grads = torch.autograd.grad(loss, wanted)
            with torch.no_grad():
                for w, grad, velocity in zip(free, grads, velocities, strict=False):
                    velocity.mul_(MOMENTUM).sub_(RATE * grad)
                    w.add_(velocity)
            return float(loss.detach())

        return step

    return {TAPE: lambda: mlp.step(X, Y), EAGER: eager(batch.clone().requires_grad_()), LESS: eager(batch)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="that are measured, of each network")
    parser.add_argument("--threads", type=int, default=1, help="of torch; NumPy's are those of the variable OMP_NUM_THREADS")
    options = parser.parse_args()
    unit = solved("07_tape")
    torch.set_num_threads(options.threads)
    print(f"one step, batch of {BATCH}, {options.threads} thread(s), medians of {options.steps}")
    print("| layers | tape ms | torch ms | weights alone ms | tape / torch | over weights alone |\n|:--|--:|--:|--:|--:|--:|")
    ratios = {}
    for network in NETWORKS:
        actions = ways(unit, network)
        losses: dict[str, list[float]] = {name: [] for name in actions}
        times = medians({name: keeping(step, losses[name]) for name, step in actions.items()}, options.steps, WARM_UP, network.what)
        learned = [losses[name][COMPARED] for name in actions]
        assert max(learned) - min(learned) < 1e-9, f"{network.what}: they do not learn the same: {learned}"
        ratios[network.what] = times[TAPE] / times[EAGER]
        layers, measured = " - ".join(map(str, network.sizes)), " | ".join(f"{time:.3f}" for time in times.values())
        print(f"| {layers} | {measured} | {ratios[network.what]:.2f} | {times[TAPE] / times[LESS]:.2f} |", flush=True)
    print(f"ratio {max(ratios.values()):.2f}")


if __name__ == "__main__":
    main()
