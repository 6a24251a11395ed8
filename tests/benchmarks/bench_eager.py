"""The eager tensors that students write, against torch's: an epoch of a network, the time of a node, and what stays in memory.

    python tests/benchmarks/bench_eager.py [--samples 6000] [--rounds 9] [--sizes 1000,10000,100000] [--repeat 5]

The network is 784-100-10 at batch 100, in single precision, on images of noise. Torch runs the same program, with the loss as the
exercise has it, and once more with its own `cross_entropy`, a single operator; all in turn, in one process. The ratio is that to
the same program. The chain of products is one small tensor, forward and back. Medians. Python's search for
circles is off while tensors are counted: what nobody holds is gone by itself.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor
from turns import medians, solved

from autodiff_lib import eager

LR, BATCH = 0.1, 100
SHAPES = ((784, 100), (100, 10))
CHAIN = (4, 4)


def start() -> list[Tensor]:
    random = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=random) / shape[0] ** 0.5 for shape in SHAPES]


def noise(samples: int) -> tuple[Tensor, Tensor]:
    """Images (n, 784) and labels (n,)."""
    random = torch.Generator().manual_seed(1)
    return torch.randn(samples, SHAPES[0][0], generator=random), torch.randint(SHAPES[1][1], (samples,), generator=random)


def as_written(logits: Tensor, y: Tensor) -> Tensor:
    """The loss of the exercise: the same operators, in torch."""
    shifted = logits - logits.detach().amax(1, keepdim=True)
    right = (shifted * torch.eye(SHAPES[1][1])[y]).sum(1)
    return (shifted.exp().sum(1).log() - right).sum() / len(y)


def torch_epoch(images: Tensor, labels: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> list[Tensor]:
    weights = [weight.requires_grad_() for weight in start()]
    for first in range(0, len(images), BATCH):
        logits = torch.relu(images[first : first + BATCH] @ weights[0]) @ weights[1]
        loss(logits, labels[first : first + BATCH]).backward()
        with torch.no_grad():
            for weight in weights:
                if weight.grad is not None:
                    weight -= LR * weight.grad
                    weight.grad = None
    return [weight.detach() for weight in weights]


def epochs(unit: ModuleType, samples: int, rounds: int) -> float:
    """Print the time of a step, and return how many times it is that of the same program in torch."""
    images, labels = noise(samples)

    def ours() -> list[Tensor]:
        return [weight.value() for weight in unit.nn_epoch(images, labels, *map(eager.Tensor, start()), lr=LR, batch=BATCH)]

    def torchs() -> list[Tensor]:
        return torch_epoch(images, labels, as_written)

    def fused() -> list[Tensor]:
        return torch_epoch(images, labels, F.cross_entropy)

    apart = max(float((one - other).abs().max()) for other_side in (torchs, fused) for one, other in zip(ours(), other_side(), strict=True))
    found = medians({"ours": ours, "torch": torchs, "its own cross_entropy": fused}, rounds, progress="epochs")
    print(f"an epoch of 784-100-10, {samples} samples, batch {BATCH}; after it weights differ by {apart:.0e} at most")
    for name, took in found.items():
        print(f"{name:>22} {took / -(-samples // BATCH):8.3f} ms a step, ours is {found['ours'] / took:.2f} times that")
    return found["ours"] / found["torch"]


def product(x: eager.Tensor | Tensor, length: int) -> eager.Tensor | Tensor:
    y = x
    for _ in range(length):
        y = y * x  # type: ignore[operator, assignment]
    return y


def seconds(action: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    begun = time.perf_counter()
    action()
    took = time.perf_counter() - begun
    gc.enable()
    return took


def nodes(size: int, repeat: int) -> dict[str, float]:
    """Microseconds for each product of a chain of `size`: eager, lazy and torch, forward and back."""
    times: dict[str, list[float]] = {name: [] for name in ("forward", "backward", "lazy", "torch", "torch back")}
    for _ in range(repeat):
        made: list[eager.Tensor | Tensor] = []
        times["forward"].append(seconds(lambda made=made: made.append(product(eager.Tensor(torch.ones(CHAIN)), size))))  # type: ignore[misc]
        times["backward"].append(seconds(lambda made=made: made.pop().backward()))  # type: ignore[misc]

        def lazily() -> None:
            with eager.lazy():
                product(eager.Tensor(torch.ones(CHAIN)), size).backward()

        times["lazy"].append(seconds(lazily))
        times["torch"].append(seconds(lambda made=made: made.append(product(torch.ones(CHAIN, requires_grad=True), size))))  # type: ignore[misc]
        times["torch back"].append(seconds(lambda made=made: made.pop().backward(torch.ones(CHAIN))))  # type: ignore[misc]
    return {name: 1e6 * statistics.median(values) / size for name, values in times.items()}


def alive(unit: ModuleType, steps: int) -> list[int]:
    """How many tensors there are after each of some steps."""
    images, labels = noise(BATCH)
    weights = tuple(map(eager.Tensor, start()))
    counts = []
    gc.collect()
    gc.disable()
    with eager.living() as tensors:
        for _ in range(steps):
            weights = unit.nn_epoch(images, labels, *weights, lr=LR, batch=BATCH)
            counts.append(len(tensors))
    gc.enable()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=9, help="epochs of each side")
    parser.add_argument("--sizes", default="1000,10000,100000", help="products in the chains")
    parser.add_argument("--repeat", type=int, default=5, help="measurements of each chain")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    unit = solved("06_eager_tensor")
    torch.set_num_threads(options.threads)
    ratio = epochs(unit, options.samples, options.rounds)
    print("\nmicroseconds for each product, medians")
    print(f"{'products':>9} {'forward':>9} {'backward':>9} {'lazy, both':>11} {'torch':>9} {'its back':>9}")
    nodes(1000, 2)  # warm up
    for size in map(int, options.sizes.split(",")):
        found = nodes(size, options.repeat)
        ours = f"{found['forward']:9.2f} {found['backward']:9.2f} {found['lazy']:11.2f}"
        print(f"{size:>9} {ours} {found['torch']:9.2f} {found['torch back']:9.2f}", flush=True)
    counts = alive(unit, 20)
    print(f"\ntensors alive after each of {len(counts)} steps: {counts[0]} at first, {max(counts)} at most, {counts[-1]} at last")
    print(f"ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
