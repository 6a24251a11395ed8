"""What the notebook need not spell out: weights before training, a model with its steps, and the loop of its training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

import autodiff_lib as ad

from ...data import Images
from ...graph import Node
from ...quicker import quicker
from ...registry import table
from .unit import UNIT

AT_ONCE = 500  # images whose logits are asked for together


def initial_weights(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> dict[str, Tensor]:
    """Normal numbers by name, in float32: W scaled such that a product with n terms keeps its variance.

    Positions stay as they are, and biases are 0.
    """
    random = torch.Generator().manual_seed(seed)
    normal = {name: torch.randn(tuple(shape), generator=random) for name, shape in shapes.items()}
    scale = {"b": lambda w: 0.0, "W": lambda w: 1 / math.sqrt(len(w)), "p": lambda w: 1.0}
    return {name: scale[name[0]](w) * w for name, w in normal.items()}


@dataclass(frozen=True)
class Model:
    """A graph of logits (B, C) over the images `X` (B, T, P), with what its training needs."""

    X: Node
    y: Node  # (B, C), one-hot
    logits: Node
    nodes: Mapping[str, Node]  # of the weights, by name
    fixed: Mapping[Node, Tensor] = field(default_factory=dict)  # what is fed besides
    steps: dict[int, Any] = field(default_factory=dict, repr=False)  # size of a batch -> the evaluator of loss and gradients

    @cached_property
    def forward(self) -> Any:
        return ad.FrugalEvaluator([self.logits])

    def step(self, batch_size: int) -> Any:
        """The graph of the loss with all gradients on top of it, made `quicker`; built once for each size of a batch."""
        if batch_size not in self.steps:
            loss = table[UNIT.entry("softmax_loss")](self.logits, self.y, batch_size)
            outputs = [loss, *ad.gradients(loss, list(self.nodes.values()))]
            self.steps[batch_size] = ad.FrugalEvaluator(quicker(outputs))
        return self.steps[batch_size]

    def feed(self, weights: Mapping[str, Tensor]) -> dict[Node, Tensor]:
        return {**self.fixed, **ad.feed(self.nodes, weights)}

    def run(self, X: Tensor, y: Tensor, weights: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the gradients by name."""
        loss, *grads = self.step(len(X)).run({self.X: X, self.y: y, **self.feed(weights)})
        return loss, dict(zip(self.nodes, grads, strict=True))

    def predict(self, X: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        logits: Tensor = self.forward.run({self.X: X, **self.feed(weights)})[0]
        return logits


def score(model: Model, weights: Mapping[str, Tensor], X: Tensor, labels: Tensor) -> float:
    """The share of images that it gets right, by the student's `accuracy`."""
    share: float = table[UNIT.entry("accuracy")](lambda batch: model.predict(batch, weights), X, labels, AT_ONCE)
    return share


def train(
    model: Model,
    weights: Mapping[str, Tensor],
    images: Images,
    epochs: int,
    learning_rate: float = 0.1,
    batch_size: int = 50,
    seed: int = 0,
    title: str = "epochs",
) -> tuple[dict[str, Tensor], dict[str, list[float]]]:
    """Trained weights, and for each epoch of the student's `sgd_epoch` its loss and the accuracies. Each has an order of its own."""
    order, one_hot = torch.Generator().manual_seed(seed), torch.eye(int(images.y_train.max()) + 1)
    history: dict[str, list[float]] = {"loss": [], "training": [], "held out": []}
    for _ in (bar := tqdm(range(epochs), desc=title)):
        mixed = torch.randperm(len(images.X_train), generator=order)
        X, labels = images.X_train[mixed], images.y_train[mixed]
        weights, loss = table[UNIT.entry("sgd_epoch")](model.run, X, one_hot[labels], weights, batch_size, learning_rate)
        history["loss"].append(loss)
        history["training"].append(score(model, weights, X[:AT_ONCE], labels[:AT_ONCE]))
        history["held out"].append(score(model, weights, images.X_test, images.y_test))
        bar.set_postfix(loss=f"{loss:.3f}", held_out=f"{history['held out'][-1]:.1%}")
    return dict(weights), history
