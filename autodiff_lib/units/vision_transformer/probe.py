"""How many images a model gets right, asked on images and a model of the probe's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...checks.probe import WrongKindError, missing_return, no_ready_made_model
from ...checks.question import Answer, Ask
from ...registry import table

PROBABILITIES = {"softmax", "log_softmax"}  # whoever counts may want to see them


def accuracy(ask: Ask) -> Answer:
    """What `accuracy` says of all images, and of those of each batch alone; and which images went into which batch."""
    X, logits, labels = (torch.tensor(array) for array in ask.arrays)
    function, batch_size = table[ask.settings["function"]], ask.settings["batch_size"]
    kept = [X.clone(), labels.clone()]
    batches: list[list[int]] = []

    def predict(images: Tensor) -> Tensor:
        """Logits (n, C) of images that are there, and zeros for any other."""
        same = (images[:, None] == kept[0][None]).flatten(2).all(dim=2)  # (n, N)
        rows = [int(row.nonzero()[0]) if row.any() else -1 for row in same]
        batches.append(rows)
        return torch.stack([logits[row] if row >= 0 else torch.zeros_like(logits[0]) for row in rows]) if rows else logits[:0]

    with no_ready_made_model(but=PROBABILITIES):
        whole = number(function(predict, X, labels, batch_size))
        seen = list(batches)
        changed = not all(torch.equal(now, then) for now, then in zip((X, labels), kept, strict=True))
        alone = []
        for first in range(0, len(X), batch_size):
            part = slice(first, first + batch_size)
            count = len(kept[0][part])
            alone.append(number(function(predict, kept[0][part].clone(), kept[1][part].clone(), count)))
    return Answer(arrays=(np.array(whole), np.array(alone)), facts={"changed": changed, "batches": seen})


def number(result: Any) -> float:
    """A single number that somebody returned. WrongKindError for anything else."""
    try:
        return float(result)
    except (TypeError, ValueError, RuntimeError):
        raise WrongKindError(f"accuracy must return a single number, got {missing_return(result)}") from None
