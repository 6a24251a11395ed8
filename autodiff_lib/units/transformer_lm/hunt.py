"""A hunt: the distribution from which a language model draws its next token."""

from __future__ import annotations

from typing import Any

import torch

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import torch


    def nucleus(logits, p, temperature=1.0):
        """The probabilities to draw the next token with: (..., V) -> (..., V).

        Of the most probable tokens as few as have at least p together, up to rounding,
        and never less than one: they share all that there is, the others get 0. A
        temperature above 1 makes tokens more alike first. The logits stay as they are.
        """
        probability = torch.softmax(logits / temperature, dim=-1)
        ranked, tokens = probability.sort(dim=-1, descending=True)
        before = ranked.cumsum(dim=-1) - ranked
        keep = before < p - 1e-5
        keep[..., 0] = True
        kept = torch.where(keep, ranked, 0.0)
        kept = kept / kept.sum(dim=-1, keepdim=True)
        return torch.zeros_like(kept).scatter(-1, tokens, kept)
''')
ROW_BY_ROW = dedented("""
    import torch


    def nucleus(logits, p, temperature=1.0):
        rows = (logits / temperature).exp().flatten(0, -2) if logits.dim() > 1 else (logits / temperature).exp()[None]
        result = torch.zeros_like(rows)
        for row, out in zip(rows, result):
            row = row / row.sum()
            together = 0.0
            for token in sorted(range(len(row)), key=lambda token: -float(row[token])):
                out[token] = row[token]
                together += float(row[token])
                if together >= p - 1e-5:
                    break
            out /= out.sum()
        return result.reshape(logits.shape)
""")
BY_RANK = dedented("""
    import torch


    def nucleus(logits, p, temperature=1.0):
        scaled = logits / temperature
        order = scaled.argsort(dim=-1, descending=True)
        rank = order.argsort(dim=-1)
        ranked = torch.softmax(scaled.gather(-1, order), dim=-1)
        count = 1 + (ranked.cumsum(dim=-1)[..., :-1] < p - 1e-5).sum(dim=-1, keepdim=True)
        chosen = scaled.masked_fill(rank >= count, float("-inf"))
        return torch.softmax(chosen, dim=-1)
""")


def test(nucleus: Any) -> None:
    """On tokens that are not in order, alone and in a batch, warm and cold."""
    share = torch.tensor([[0.1, 0.6, 0.3], [0.25, 0.05, 0.7]])
    cases = [  # what, logits, p, temperature, what comes out
        ("the whole distribution", share[0].log(), 1.0, 1.0, share[0]),
        ("one token that is not enough alone", share[0].log(), 0.75, 1.0, torch.tensor([0, 2 / 3, 1 / 3])),
        ("a batch", share.log(), 0.75, 1.0, torch.tensor([[0, 2 / 3, 1 / 3], [0.25 / 0.95, 0, 0.7 / 0.95]])),
        ("a temperature of 0.5", share[0].log(), 1.0, 0.5, share[0] ** 2 / (share[0] ** 2).sum()),
    ]
    for what, logits, p, temperature, expected in cases:
        before = logits.clone()
        got = nucleus(logits, p, temperature)
        assert got.shape == expected.shape, f"{what}: shape {[*got.shape]}, expected {[*expected.shape]}"
        assert torch.allclose(got, expected, atol=1e-5), f"{what}: got {rounded(got)}, expected {rounded(expected)}"
        assert torch.equal(logits, before), f"{what}: the logits were changed"


def rounded(numbers: torch.Tensor) -> str:
    return str([[round(number, 3) for number in row] for row in numbers.reshape(-1, numbers.shape[-1]).tolist()])


HUNT = Material(
    name="nucleus",
    right=RIGHT,
    variants=(ROW_BY_ROW, BY_RANK),
    mistakes=(
        Mistake(
            "crossing-dropped",
            "the token with which the others reach p is left out",
            "Did it ever take more than one token to reach p? Are those that were kept enough?",
            "before = ranked.cumsum(dim=-1) - ranked",
            "before = ranked.cumsum(dim=-1)",
        ),
        Mistake(
            "ranks",
            "the probabilities come out in order of rank, and not of tokens",
            "Is the first token always the most probable one?",
            "return torch.zeros_like(kept).scatter(-1, tokens, kept)",
            "return kept",
        ),
        Mistake(
            "axis",
            "shares are summed from row to row of a batch, and not from token to token",
            "What if there are several rows? Each is a distribution of its own.",
            "before = ranked.cumsum(dim=-1) - ranked",
            "before = ranked.cumsum(dim=0) - ranked",
        ),
        Mistake(
            "whole-batch",
            "all rows of a batch share one whole",
            "What if there are several rows? What must each of them add up to?",
            "kept = kept / kept.sum(dim=-1, keepdim=True)",
            "kept = kept / kept.sum()",
        ),
        Mistake(
            "temperature",
            "a temperature above 1 makes the tokens less alike, and not more",
            "Which temperature was it? What should another one do?",
            "probability = torch.softmax(logits / temperature, dim=-1)",
            "probability = torch.softmax(logits * temperature, dim=-1)",
        ),
        Mistake(
            "in-place",
            "the logits are divided in their place, so that whoever gave them has others afterwards",
            "What is in the logits after the call, where the temperature is not 1?",
            "probability = torch.softmax(logits / temperature, dim=-1)",
            "probability = torch.softmax(logits.div_(temperature), dim=-1)",
        ),
    ),
    test=test,
    advice="Which inputs has it not met yet? Tokens in another order, several that are kept, batches, other temperatures.",
)
