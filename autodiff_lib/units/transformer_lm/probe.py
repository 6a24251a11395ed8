"""Generation, asked on a model of the probe's, whose words mean nothing: knowing the notebook's own by heart is of no use."""

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
