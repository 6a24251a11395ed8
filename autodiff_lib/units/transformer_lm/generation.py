"""The question of the unit about generation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, Part, Question
from ...checks.values import generator
from ...messages import MAX_LISTED, brief
from ...text import PAD
from .probe import random_logits
from .unit import UNIT

PROBES = "units.transformer_lm.probe"
MOST = 2**53  # and no token is larger: a float64 could not say which it is


def are_tokens(value: Any, case: GenerateCase) -> bool:
    return is_list_of(int, value) and all(abs(token) < MOST for token in value)


GENERATE = Form(f"{PROBES}:generate", facts={"changed": is_flag, "tokens": are_tokens})


# --- generation, on a model that knows nothing of the notebook's sentences


@dataclass(frozen=True)
class GenerateCase:
    """A prompt for a model of random weights, with a context of its own."""

    form: ClassVar[Form] = GENERATE

    title: str
    prompt: tuple[int, ...]
    max_new_tokens: int
    context: int = 8
    vocabulary: int = 11
    ends_at: int = 99  # how many words there are when the model says <pad>
    says: tuple[int, ...] = ()  # after the prompt, whatever came before; nothing for a model that says no word twice
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.title}: a prompt of {len(self.prompt)}, max_new_tokens={self.max_new_tokens}, a context of {self.context}"

    def features(self) -> dict[str, Any]:
        return {}

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Embeddings (V, 6), places (context, 6), head (6, V), bias (context, V).

        Where the model has something to say, each word is the best by far in the row of the word before it.
        """
        rng = generator(self.seed, self.name)
        shapes = ((self.vocabulary, 6), (self.context, 6), (6, self.vocabulary))
        bias = np.zeros((self.context, self.vocabulary))
        bias[:, PAD] = np.where(np.arange(1, self.context + 1) < self.ends_at, -50, 50)
        for place, word in enumerate(self.says, start=len(self.prompt) - 1):
            bias[place, word] = 100
        return (*(rng.standard_normal(shape) for shape in shapes), bias)

    def ask(self) -> Ask:
        settings = {"prompt": list(self.prompt), "max_new_tokens": self.max_new_tokens, "context": self.context}
        return Ask(self.form.probe, settings, self.arrays())


OTHER_ROWS: tuple[Callable[[int], int], ...] = (lambda words: words, lambda words: words - 2, lambda words: -1, lambda words: 0)
"""Number of words -> a row of the logits that somebody may take for the one of the last word."""


def continuation(case: GenerateCase, row: Callable[[int], int] = lambda words: words - 1) -> list[int]:
    """The prompt, and what the model says after it; or what it would say if another row were read."""
    arrays, tokens = [torch.tensor(array) for array in case.arrays()], list(case.prompt)
    for _ in range(min(case.max_new_tokens, case.context - len(tokens))):
        word = int(random_logits(tokens, arrays)[min(row(len(tokens)), case.context - 1)].argmax())
        if word == PAD:
            break
        tokens.append(word)
    return tokens


def judge_words(case: GenerateCase, answer: Answer) -> Failure | None:
    got, want = answer.facts["tokens"], continuation(case)
    if got == want:
        return None
    message = f"From the prompt {list(case.prompt)} came {brief(got)}, expected {want}."
    same = next((place for place, (mine, right) in enumerate(zip(got, want, strict=False)) if mine != right), len(case.prompt))
    hint = f"The first word that differs is number {same + 1}: which one is the most probable after those before it?"
    if not got or got == want[len(case.prompt) :]:
        hint = "The prompt belongs to the answer."
    elif len(got) != len(want) and got[: len(want)] == want[: len(got)]:
        hint = (
            f"The words are right as far as they go, but there are {'too many' if len(got) > len(want) else 'too few'}: when does it stop?"
        )
    elif same < len(case.prompt):
        hint = "The answer begins with the prompt, as it was."
    elif got in (continuation(case, row) for row in OTHER_ROWS):
        hint = "Which row of the logits speaks about the word after the last one?"
    elif same < len(want) and want[same] in want[:same] and got[same] not in got[:same]:
        hint = f"Word number {same + 1} should be one that was there before: what keeps it from coming again?"
    return Failure.wrong(case, message, hint, np.asarray(got[:MAX_LISTED], np.float64))


def judge_room(case: GenerateCase, answer: Answer) -> Failure | None:
    """How many words there are, and that the prompt comes first. Each must be the best in some row: in which one is asked elsewhere."""
    got, want = answer.facts["tokens"], continuation(case)
    if len(got) == len(want) and got[: len(case.prompt)] == list(case.prompt) and is_said_by_the_model(case, got):
        return None
    return judge_words(case, answer)


def is_said_by_the_model(case: GenerateCase, tokens: list[int]) -> bool:
    """Whether each word after the prompt is the most probable one in one of the rows that the model gives for the words before it."""
    arrays = [torch.tensor(array) for array in case.arrays()]
    known = all(0 <= token < case.vocabulary for token in tokens)
    places = range(len(case.prompt), len(tokens))
    return known and all(tokens[place] in random_logits(tokens[:place], arrays).argmax(-1) for place in places)


def judge_prompt(case: GenerateCase, answer: Answer) -> Failure | None:
    if answer.facts["changed"]:
        return Failure.wrong(case, "generate changed the prompt that it was given.", "Make a list of your own.")
    return judge_words(case, answer)


# --- the questions


def generate_question(number: int) -> Question:
    rows = [
        ("one word", (3,), 1),
        ("one word more", (5, 2), 1),
        ("three words", (4, 7), 3),
        ("a long prompt", (1, 2, 3, 4), 1),
        ("none", (6, 1), 0),
    ]
    said = [
        ("the word before once more", (3, 6), (6,)),
        ("one word again and again", (4,), (4, 4, 4)),
        ("two words in turn", (2, 8), (2, 8, 2)),
        ("a word of the prompt", (9, 5, 1), (9, 7)),
    ]
    words = tuple(GenerateCase(*row) for row in rows)
    words += tuple(GenerateCase(title, prompt, len(says), says=says) for title, prompt, says in said)
    ends = (
        GenerateCase("it ends after a while", (2, 9), 6, ends_at=5),
        GenerateCase("it ends at once", (8, 8, 1), 4, ends_at=3),
    )
    room = (
        GenerateCase("the context is full", (1, 4, 2), 20),
        GenerateCase("a small context", (3, 3), 9, context=4),
        GenerateCase("just enough room", (2, 5), 3, context=5),
        GenerateCase("one word of room", (4, 1, 6), 5, context=4),
        GenerateCase("the prompt fills the context", (7, 2, 9, 7), 3, context=4),
        GenerateCase("one word fills the context", (5,), 1, context=1),
    )
    again = (GenerateCase("a prompt to keep", (5, 6), 2),)
    parts = (
        Part("words", 5, words, judge_words, "which row of the logits speaks about the next word"),
        Part("the end", 2, ends, judge_words, "what the model says when it is done"),
        Part("room", 2, room, judge_room, "how many words the context has room for, and how many were asked for"),
        Part("nothing spoiled", 1, again, judge_prompt, "which list the new words are added to"),
    )
    return Question(UNIT.name, number, "generate", parts)
