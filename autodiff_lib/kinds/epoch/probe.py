"""An epoch of training, asked on a model of the probe's.

Its weights have other names, so that knowing the notebook's own model by heart is of no use.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...checks.probe import WrongKindError, missing_return, no_ready_made_model
from ...checks.question import Answer, Ask
from ...messages import describe_value
from ...registry import table


def epoch(ask: Ask) -> Answer:
    """The weights and the loss after an epoch on a model of the probe's, and which rows went into which batch."""
    function, names = ask.settings["function"], ask.settings["names"]
    called = function.split(".")[-1]
    x, y, *start = (torch.tensor(array) for array in ask.arrays)
    weights = dict(zip(names, start, strict=True))
    kept = [tensor.clone() for tensor in (x, y, *start)]
    batches: list[list[int]] = []

    def run_model(some_x: Tensor, some_y: Tensor, now: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and gradients of (x @ a + b) * c, by hand."""
        batches.append([int((kept[0] == row).all(dim=1).nonzero()[0]) if (kept[0] == row).all(dim=1).any() else -1 for row in some_x])
        a, b, c = (now[name] for name in names)
        before = some_x @ a + b  # (n, 3) @ (3, 2) -> (n, 2)
        error = (before * c - some_y) / some_y.numel()
        grads = (some_x.mT @ (error * c), (error * c).sum(0), (error * before).sum())  # (3, n) @ (n, 2) -> (3, 2)
        return (error**2).sum() * some_y.numel() / 2, dict(zip(names, grads, strict=True))

    with no_ready_made_model():
        result = table[function](run_model, x, y, weights, ask.settings["batch_size"], ask.settings["learning_rate"])
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise WrongKindError(f"{called} must return the new weights and the loss, got {missing_return(result)}")
    new, loss = result
    if not isinstance(new, Mapping) or set(new) != set(names):
        got = f"a dictionary with {', '.join(map(str, new))}" if isinstance(new, Mapping) else describe_value(new)
        raise WrongKindError(f"the new weights must be a dictionary with {', '.join(names)}, got {got}")
    same = weights.keys() == set(names) and all(weights[name] is value for name, value in zip(names, start, strict=True))
    changed = not (same and all(torch.equal(now, then) for now, then in zip((x, y, *start), kept, strict=True)))
    values = [torch.as_tensor(value, dtype=torch.float64).detach().numpy() for value in (*(new[name] for name in names), loss)]
    return Answer(arrays=tuple(values), facts={"changed": changed, "batches": batches})
