"""An epoch of training and generation, asked on models of the probe's.

Their weights have other names and their words mean nothing, so that knowing the notebook's own model by heart is of no use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ...checks.probe import WrongKindError, missing_return, no_ready_made_model, stand_ins
from ...checks.question import Answer, Ask
from ...messages import describe_value
from ...registry import table
from ...text import PAD


def epoch(ask: Ask) -> Answer:
    """The weights and the loss after an epoch on a model of the probe's, and which rows went into which batch."""
    names = ask.settings["names"]
    x, y, *start = (torch.tensor(array) for array in ask.arrays)
    weights = dict(zip(names, start, strict=True))
    kept = [tensor.clone() for tensor in (x, y, *start)]
    batches: list[list[int]] = []

    def run_model(some_x: Tensor, some_y: Tensor, now: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and gradients of (x @ A + b) * c, by hand."""
        batches.append([int((kept[0] == row).all(dim=1).nonzero()[0]) if (kept[0] == row).all(dim=1).any() else -1 for row in some_x])
        A, b, c = (now[name] for name in names)
        before = some_x @ A + b  # (n, 3) @ (3, 2) -> (n, 2)
        error = (before * c - some_y) / some_y.numel()
        grads = (some_x.mT @ (error * c), (error * c).sum(0), (error * before).sum())  # (3, n) @ (n, 2) -> (3, 2)
        return (error**2).sum() * some_y.numel() / 2, dict(zip(names, grads, strict=True))

    with no_ready_made_model():
        result = table["sgd_epoch"](run_model, x, y, weights, ask.settings["batch_size"], ask.settings["learning_rate"])
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise WrongKindError(f"sgd_epoch must return the new weights and the loss, got {missing_return(result)}")
    new, loss = result
    if not isinstance(new, Mapping) or set(new) != set(names):
        got = f"a dictionary with {', '.join(map(str, new))}" if isinstance(new, Mapping) else describe_value(new)
        raise WrongKindError(f"the new weights must be a dictionary with {', '.join(names)}, got {got}")
    same = weights.keys() == set(names) and all(weights[name] is value for name, value in zip(names, start, strict=True))
    changed = not (same and all(torch.equal(now, then) for now, then in zip((x, y, *start), kept, strict=True)))
    values = [torch.as_tensor(value, dtype=torch.float64).detach().numpy() for value in (*(new[name] for name in names), loss)]
    return Answer(arrays=tuple(values), facts={"changed": changed, "batches": batches})


def random_logits(tokens: Sequence[int], arrays: Sequence[Tensor]) -> Tensor:
    """(context, V): a causal model, each place of which depends on all words up to there and on their order.

    Of itself it says no word twice: whoever asks it the same question again and again does not get its answer.
    """
    embed, places, head, bias = arrays
    padded = [*tokens, *[PAD] * (len(places) - len(tokens))]
    so_far = torch.cumsum(torch.tanh(embed[padded] + places), dim=0)  # (context, 6)
    said = torch.eye(len(embed), dtype=torch.float64)[padded].cumsum(dim=0).clamp(max=1)  # (context, V)
    return torch.tanh(2 * so_far) @ head - 20 * said + bias  # (context, 6) @ (6, V) -> (context, V)


PROBABILITIES = {"softmax", "log_softmax"}  # whoever writes may want to see them


def generate(ask: Ask) -> Answer:
    """The tokens that `generate` returns, where `logits_of` is a model of the probe's."""
    context, prompt = ask.settings["context"], list(ask.settings["prompt"])
    names = ("embed", "places", "head", "bias")
    weights = dict(zip(names, (torch.tensor(array) for array in ask.arrays), strict=True))

    def logits_of(tokens: Sequence[int], weights: Mapping[str, Tensor]) -> Tensor:
        if not 0 < len(tokens) <= context:
            raise ValueError(f"logits_of takes 1 to {context} tokens, got {len(tokens)}")
        return random_logits([int(token) for token in tokens], [weights[name] for name in names])

    given = list(prompt)
    with stand_ins("generate", {"logits_of": logits_of, "CONTEXT": context}), no_ready_made_model(but=PROBABILITIES):
        result = table["generate"](given, weights, ask.settings["max_new_tokens"])
    if isinstance(result, Tensor | np.ndarray):
        result = result.tolist()
    if not isinstance(result, list | tuple):
        raise WrongKindError(f"generate must return a list of tokens, got {missing_return(result)}")
    tokens = []
    for token in result:
        if not isinstance(token, int | np.integer) and not (isinstance(token, Tensor) and token.numel() == 1):
            raise WrongKindError(f"generate must return whole numbers, got {describe_value(token)} among them")
        tokens.append(int(token))
    return Answer(facts={"tokens": tokens, "changed": given != prompt})
