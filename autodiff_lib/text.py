"""Words on their way into a language model and out of it: sentences, tokens, one-hot vectors, mask, positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

PAD = 0
"""The token `<pad>`: it ends a sentence, and fills it up to the length of the context."""

FUTURE = -1e9
"""What the mask adds to the score of a token that is still to come: after the softmax, nothing is left of it."""

SENTENCES = (
    "cats sleep all day long",
    "owls sleep all morning long",
    "foxes hunt all night long",
    "dogs hunt all day too",
    "rivers meet below the town",
    "roads meet above the town",
    "trains cross the old bridge",
    "boats cross under the bridge",
    "students read many old books",
    "teachers read many young minds",
)
"""Ten sentences of five words, for a model to learn by heart. A word alone does not tell the next one."""


class Tokenizer:
    """Words by number: token 0 is `<pad>`, the others stand in alphabetical order."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.words = ["<pad>", *sorted({word for sentence in sentences for word in sentence.split()})]
        self.number = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text. ValueError for a word that no sentence has."""
        unknown = [word for word in text.split() if word not in self.number]
        if unknown:
            raise ValueError(f"the model does not know {', '.join(map(repr, unknown))}; it knows {', '.join(self.words[1:])}")
        return [self.number[word] for word in text.split()]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens, without padding."""
        return " ".join(self.words[token] for token in tokens if token != PAD)


def one_hot(tokens: Sequence[int] | Sequence[Sequence[int]], size: int) -> Tensor:
    """Rows of zeros with a single 1 at the token: (..., T) integers below `size` become (..., T, size) in float64."""
    return torch.eye(size, dtype=torch.float64)[torch.as_tensor(tokens)]


def causal_mask(length: int) -> Tensor:
    """(T, T): 0 where a query (row) may look at a key (column), `FUTURE` where the key comes later."""
    return torch.full((length, length), FUTURE, dtype=torch.float64).triu(diagonal=1)


def positions(length: int, model_dim: int) -> Tensor:
    """(T, D): a code for each place, waves of different lengths ("Attention is all you need", section 3.5)."""
    place = torch.arange(length, dtype=torch.float64)[:, None]
    wavelength = 10_000 ** (torch.arange(0, model_dim, 2, dtype=torch.float64) / model_dim)
    waves = torch.stack([torch.sin(place / wavelength), torch.cos(place / wavelength)], dim=-1)  # (T, D/2, 2)
    return waves.reshape(length, -1)[:, :model_dim]
