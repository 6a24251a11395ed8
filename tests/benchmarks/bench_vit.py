"""Unit 4's vision transformer: how far it gets and how fast, and one training step beside eager torch.

    python tests/benchmarks/bench_vit.py [--seconds 60] [--images 20000] [--threads 2] [--steps 300] [--only step]

Accuracies are of held-out images after so many seconds of processor time of training, of scikit-learn's digits and, where
`AUTODIFF_DATA` names a folder with its files, of MNIST; there that of the extension as well, on all images and for four
times as long, with patches, residuals, norms and heads, and a rate that falls in the end. A step is forward, backward and
update on a batch of 50 images, in float32; the two take turns in one process, and the table shows medians, and the most
memory that a step takes beyond what it leaves. It ends with `ratio N.NN`: the student's engine over eager.
"""

# ruff: noqa: N803, N806 - X, as in the formulas

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm
from turns import keeping, medians, solved

import autodiff_lib as ad
from autodiff_lib import data
from autodiff_lib.units.vision_transformer.given import Model, initial_weights, score
from autodiff_lib.units.vision_transformer.truth import softmax_loss, vision_transformer

UNIT = "04_vision_transformer"
RATE, BATCH, WARM_UP = 0.1, 50, 30
COMPARED = 3  # the step after which both must have learned the same: later, rounding in single precision leads them apart
STUDENT, EAGER = "student's engine", "eager torch"

SQUARE, HEADS = 7, 4  # of the extension: pixels along a patch

Weights = dict[str, Tensor]


def minimal(unit: ModuleType, images: data.Images) -> tuple[Model, Weights]:
    """The notebook's model, and its weights before training."""
    start = initial_weights(unit.shapes_of(*images.X_train.shape[1:]))
    X, nodes = ad.Variable("X"), {name: ad.Variable(name) for name in start}
    return Model(X, ad.Variable("y"), unit.vision_transformer(X, nodes, unit.D), nodes), start


def extended(unit: ModuleType, images: data.Images) -> tuple[Model, Weights]:
    """That of the bonus, on images in patches: residuals, norms and heads, and the mean over all words."""
    rows, pixels = images.X_train.shape[1:]
    start = initial_weights(unit.extended_shapes(rows, pixels, HEADS))
    X, pick, nodes = ad.Variable("X"), ad.Variable("pick"), {name: ad.Variable(name) for name in start}
    logits = unit.extended_transformer(X, pick, nodes, HEADS, residual=True)
    return Model(X, ad.Variable("y"), logits, nodes, {pick: torch.full((1, rows), 1 / rows)}), start


def in_patches(unit: ModuleType, images: data.Images) -> data.Images:
    def cut(X: Tensor) -> Tensor:
        return torch.cat([unit.patches(some, SQUARE) for some in X.split(1000)])

    return replace(images, X_train=cut(images.X_train), X_test=cut(images.X_test))


def learn(
    unit: ModuleType, made: tuple[Model, Weights], images: data.Images, seconds: float, places: bool = True, falling: bool = False
) -> tuple[float, int, float]:
    """Accuracy, epochs begun, and seconds of processor time, after training for so long.

    Without `places`, the positions stay zero. A `falling` rate is a fifth of itself in the last third.
    """
    (model, weights), one_hot = made, torch.eye(10)
    weights = {**weights, "positions": weights["positions"] * places}
    order = torch.Generator().manual_seed(0)

    def run(X: Tensor, y: Tensor, now: Weights) -> tuple[Tensor, Weights]:
        loss, grads = model.run(X, y, now)
        return loss, {**grads, "positions": grads["positions"] * places}

    start, epochs, taken = time.process_time(), 0, 0.0
    with tqdm(total=round(seconds), desc=images.name, unit="s") as bar:
        while taken < seconds:
            epochs += 1
            for some in torch.randperm(len(images.X_train), generator=order).split(40 * BATCH):
                rate = RATE / 5 if falling and 3 * taken > 2 * seconds else RATE
                weights, _ = unit.sgd_epoch(run, images.X_train[some], one_hot[images.y_train[some]], weights, BATCH, rate)
                taken = time.process_time() - start
                bar.update(min(round(taken), round(seconds)) - bar.n)
                if taken >= seconds:
                    break
    return score(model, weights, images.X_test, images.y_test), epochs, taken


def steps(unit: ModuleType, images: data.Images) -> dict[str, Callable[[], float]]:
    """Ways to take one step on the same batch; each returns the loss before it."""
    model, now = minimal(unit, images)
    X, y = images.X_train[:BATCH], torch.eye(10)[images.y_train[:BATCH]]
    free = [weight.clone().requires_grad_() for weight in now.values()]

    def student() -> float:
        nonlocal now
        now, loss = unit.sgd_epoch(model.run, X, y, now, BATCH, RATE)
        return loss

    def eager() -> float:
        loss = softmax_loss(vision_transformer(X, *free, model_dim=unit.D), y, BATCH)
        grads = torch.autograd.grad(loss, free)
        with torch.no_grad():
            for weight, grad in zip(free, grads, strict=True):
                weight -= RATE * grad
        return float(loss.detach())

    return {STUDENT: student, EAGER: eager}


def peak(step: Callable[[], float]) -> float:
    """The most memory of tensors that a step holds beyond what was there before it, in KiB."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    held = most = 0
    for event in sorted(profiled.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most / 1024


def measure_steps(unit: ModuleType, images: data.Images, count: int, threads: int) -> None:
    torch.set_num_threads(threads)
    ways = steps(unit, images)
    losses: dict[str, list[float]] = {name: [] for name in ways}
    times = medians({name: keeping(step, losses[name]) for name, step in ways.items()}, count, WARM_UP, "steps")
    compared = {name: found[COMPARED] for name, found in losses.items()}
    assert max(compared.values()) - min(compared.values()) < 1e-3, f"the two do not learn the same: {compared}"
    what = f"one step, {BATCH} images of {' x '.join(map(str, images.X_train.shape[1:]))}, {threads} thread(s)"
    print(f"\n| {what} | median ms | against eager | peak KiB |\n|:--|--:|--:|--:|")
    for name, median in times.items():
        print(f"| {name} | {median:.3f} | {median / times[EAGER]:.2f} | {peak(ways[name]):.0f} |")
    print(f"ratio {times[STUDENT] / times[EAGER]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of processor time, for each training on MNIST")
    parser.add_argument("--images", type=int, default=20_000, help="of MNIST to train on")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--steps", type=int, default=300, help="measured steps of each")
    parser.add_argument("--only", choices=["step", "accuracy"], help="measure only this")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    unit, digits = solved(UNIT), data.digits()
    mnist = data.mnist() if os.environ.get(data.FOLDER) else None
    some = mnist.first(options.images) if mnist else None
    if options.only != "step":
        trainings: list[tuple[str, data.Images, float, Callable[[ModuleType, data.Images], tuple[Model, Weights]], dict[str, bool]]] = []
        for images, seconds in ((digits, 10.0), (some, options.seconds)):
            if images is not None:
                trainings.append(("with positions", images, seconds, minimal, {}))
                trainings.append(("without", images, seconds, minimal, {"places": False}))
        if mnist is not None:
            trainings.append(("the extension", in_patches(unit, mnist), 4 * options.seconds, extended, {"falling": True}))
        lines = []
        for said, images, seconds, made, how in trainings:
            accuracy, epochs, taken = learn(unit, made(unit, images), images, seconds, **how)
            lines.append(f"| {images.name}, {len(images.X_train)} images, {said} | {taken:.0f} | {epochs} | {accuracy:.1%} |")
        print("\n| model | CPU s | epochs | held out |\n|:--|--:|--:|--:|\n" + "\n".join(lines))
    if options.only != "accuracy":
        measure_steps(unit, some or digits, options.steps, options.threads)


if __name__ == "__main__":
    main()
