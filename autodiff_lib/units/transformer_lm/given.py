"""What the notebook need not spell out: weights before training, and small models of the student's layers for its experiments."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

import autodiff_lib as ad

from ... import text
from ...graph import Node
from ...rewriting import Rule, rebuilt

SMALL = ("W_embed", "W_head")


def initial_weights(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> dict[str, Tensor]:
    """Normal numbers by name, in float64, scaled such that a product with n terms keeps its variance.

    The first matrix and the last are a tenth of that.
    """
    random = torch.Generator().manual_seed(seed)
    normal = {name: torch.randn(tuple(shape), generator=random, dtype=torch.float64) for name, shape in shapes.items()}
    scaled = {name: W / math.sqrt(len(W)) for name, W in normal.items()}
    return {name: 0.1 * W if name in SMALL else W for name, W in scaled.items()}


@dataclass(frozen=True)
class Tower:
    """A model of several of the student's layers: its graph, and what is fed to it."""

    logits: Node  # (B, T, V)
    tokens: Node  # (B, T, V)
    positions: Node  # (T, D)
    mask: Node  # (T, T)
    weights: dict[str, Node]  # by name
    shapes: dict[str, tuple[int, int]]  # of the weights


def tower(words: int, layers: int = 1, dim: int = 32, rule: Rule | None = None) -> Tower:
    """A new one for V = `words`. Where `rule` says so, something else stands in it."""
    tokens, positions, mask = (ad.Variable(name) for name in ("tokens", "positions", "mask"))
    layer = dict.fromkeys(("W_Q", "W_K", "W_V", "W_O"), (dim, dim)) | {"W_ff1": (dim, 2 * dim), "W_ff2": (2 * dim, dim)}
    inside = {f"{name} of layer {number}": shape for number in range(layers) for name, shape in layer.items()}
    shapes = {"W_words": (words, dim), **inside, "W_answers": (dim, words)}
    nodes = {name: ad.Variable(name) for name in shapes}
    first, *inner, last = nodes.values()
    h = tokens @ first + positions  # (B, T, V) @ (V, D) -> (B, T, D)
    for number in range(layers):
        h = ad.decoder_layer(h, *inner[6 * number : 6 * number + 6], mask, dim)
    if rule is not None:
        h = rebuilt(ad.topological_order([h]), rule)[h]
    return Tower(h @ last, tokens, positions, mask, nodes, shapes)


@dataclass(frozen=True)
class Trained:
    """A tower, and what it has become."""

    tower: Tower
    weights: dict[str, Tensor]
    positions: Tensor  # (T, D)
    losses: list[float]

    def answers(self, x: Tensor, positions: Tensor | None = None) -> Tensor:
        """The most probable word at each place of x (B, T, V): (B, T). For texts of another length `positions` (T, D) takes part."""
        places = self.positions if positions is None else positions
        fed = {self.tower.tokens: x, self.tower.positions: places, self.tower.mask: text.causal_mask(x.shape[1])}
        (logits,) = ad.FrugalEvaluator([self.tower.logits]).run({**fed, **ad.feed(self.tower.weights, self.weights)})
        return logits.argmax(dim=-1)


def train_tower(
    x: Tensor,
    y: Tensor,
    picked: Tensor,
    layers: int = 1,
    dim: int = 32,
    rule: Rule | None = None,
    seen: Callable[[int], Tensor] = text.causal_mask,
    places: float | Tensor = 1.0,
    learning_rate: float = 0.1,
    steps: int = 150,
) -> Trained:
    """A tower that learns, by the student's `sgd_epoch`, to say y (B, P, V) in picked places of x (B, T, V).

    `picked` (P, T) takes P rows of the logits, and `seen(T)` makes the mask. Where `places` is a number, the positions are waves times
    that number; where it is a tensor (T, D), they begin as that and are learned like all other weights.
    """
    model = tower(x.shape[-1], layers, dim, rule)
    targets, asked = ad.Variable("targets"), ad.Variable("asked")
    nodes, weights = dict(model.weights), initial_weights(model.shapes)
    fixed = {asked: picked, model.mask: seen(x.shape[1])}
    if isinstance(places, Tensor):
        nodes["positions"], weights["positions"] = model.positions, places
    else:
        fixed[model.positions] = places * text.positions(x.shape[1], dim)
    loss = ad.cross_entropy_loss(asked @ model.logits, targets, y.shape[0] * y.shape[1])  # (P, T) @ (B, T, V) -> (B, P, V)
    step = ad.FrugalEvaluator([loss, *ad.gradients(loss, list(nodes.values()))])

    def run_task(x: Tensor, y: Tensor, weights: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        now, *grads = step.run({model.tokens: x, targets: y, **fixed, **ad.feed(nodes, weights)})
        return now, dict(zip(nodes, grads, strict=True))

    losses = []
    for _ in tqdm(range(steps), desc="steps"):
        weights, now = ad.sgd_epoch(run_task, x, y, weights, len(x), learning_rate)
        losses.append(now)
    learned = weights.pop("positions") if isinstance(places, Tensor) else fixed[model.positions]
    return Trained(model, weights, learned, losses)


def curve(x: Tensor, y: Tensor, picked: Tensor, **how: Any) -> list[float]:
    """The losses of `train_tower` alone."""
    return train_tower(x, y, picked, **how).losses
