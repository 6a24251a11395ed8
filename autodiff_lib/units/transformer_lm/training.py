"""The questions of the unit about functions on values: an epoch of stochastic gradient descent, and generation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree, in_words
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, Part, Question, all_numbers
from ...checks.values import generator
from ...kinds.graph_function.judge import EXACT
from ...text import PAD
from .probe import random_logits
from .unit import UNIT

PROBES = "units.transformer_lm.probe"
ROUNDED = 1e-6  # for the loss of an epoch: `torch.tensor(loss)` makes a float32 of it
MAX_LISTED = 200  # characters of a list in a message
MOST = 2**53  # and no token is larger: a float64 could not say which it is
MAX_BATCHES = 1000  # and as many rows in each: more are no answer


def are_tokens(value: Any, case: GenerateCase) -> bool:
    return is_list_of(int, value) and all(abs(token) < MOST for token in value)


def are_batches(value: Any, case: EpochCase) -> bool:
    fits = isinstance(value, list) and len(value) <= MAX_BATCHES
    return fits and all(is_list_of(int, rows) and len(rows) <= MAX_BATCHES for rows in value)


EPOCH = Form(f"{PROBES}:epoch", arrays=lambda case: len(case.names) + 1, facts={"changed": is_flag, "batches": are_batches})
GENERATE = Form(f"{PROBES}:generate", facts={"changed": is_flag, "tokens": are_tokens})


# --- training: one epoch of stochastic gradient descent on another model


@dataclass(frozen=True)
class EpochCase:
    """Samples, a batch size, a rate, and a small model whose weights have names of their own."""

    form: ClassVar[Form] = EPOCH

    title: str
    samples: int
    batch_size: int
    learning_rate: float
    names: tuple[str, ...] = ("A", "b", "c")
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.title}: {self.samples} samples, batch_size={self.batch_size}, learning_rate={self.learning_rate:g}"

    def features(self) -> dict[str, Any]:
        return {"batches": -(-self.samples // self.batch_size)}

    def arrays(self) -> tuple[np.ndarray, ...]:
        """x (n, 3), y (n, 2), and the weights: (3, 2), (2,), ()."""
        rng = generator(self.seed, self.name)
        return tuple(np.asarray(rng.standard_normal(shape)) for shape in ((self.samples, 3), (self.samples, 2), (3, 2), (2,), ()))

    def ask(self) -> Ask:
        settings = {"batch_size": self.batch_size, "learning_rate": self.learning_rate, "names": list(self.names)}
        return Ask(self.form.probe, settings, self.arrays())


def brief(values: Sequence[Any]) -> str:
    """A list that may be long, for a message."""
    text = str(values[:MAX_LISTED])
    return text if len(text) <= MAX_LISTED else f"{text[: MAX_LISTED - 2]} …"


def right_batches(case: EpochCase) -> list[list[int]]:
    return [list(range(start, min(start + case.batch_size, case.samples))) for start in range(0, case.samples, case.batch_size)]


def epoch(case: EpochCase, batches: list[list[int]]) -> tuple[list[Tensor], float]:
    """The right weights and loss after these batches, by torch's autograd."""
    x, y, *weights = (torch.tensor(array) for array in case.arrays())
    total = 0.0
    for rows in batches:
        A, b, c = (weight.detach().requires_grad_() for weight in weights)
        loss = ((x[rows] @ A + b) * c - y[rows]).square().mean() / 2
        grads = torch.autograd.grad(loss, [A, b, c])
        weights = [weight - case.learning_rate * grad for weight, grad in zip((A, b, c), grads, strict=True)]
        total += float(loss.detach()) * len(rows)
    return [weight.detach() for weight in weights], total / case.samples


def has_weights(answer: Answer, weights: Sequence[Tensor]) -> bool:
    return all(agree(got, want.numpy(), "float64", EXACT) for got, want in zip(answer.arrays, weights, strict=False))


def are_samples(case: EpochCase, batches: list[list[int]]) -> bool:
    """Whether an epoch can be made of these batches, and is no longer than an epoch may be."""
    return len(batches) <= case.samples and all(len(rows) <= case.samples and set(rows) <= set(range(case.samples)) for rows in batches)


def judge_update(case: EpochCase, answer: Answer) -> Failure | None:
    """Wrong batches are the other part's business: here, the steps must be those that lead from batch to batch."""
    given = [rows for rows in answer.facts["batches"] if rows]
    if not given:
        return Failure.wrong(case, "run_model was given no samples.", "Where do the gradients come from?")
    weights, _ = epoch(case, right_batches(case))
    if has_weights(answer, weights):
        return None
    if are_samples(case, given):
        weights, _ = epoch(case, given)
    start = case.arrays()[2:]
    for name, got, want, before in zip(case.names, answer.arrays, weights, start, strict=False):
        if not agree(got, want.numpy(), "float64", EXACT):
            hint = diagnose(got, want.numpy(), "float64")
            if agree(got, before, "float64", EXACT):
                hint = "It is still as it was."
            elif got.shape == want.shape and agree(2 * before - got, want.numpy(), "float64", EXACT):
                hint = "It went the same way in the other direction."
            return Failure.wrong(case, f"After the epoch the weight {name} is wrong.", hint, got, want, before=torch.tensor(before))
    return None


def judge_batches(case: EpochCase, answer: Answer) -> Failure | None:
    batches = right_batches(case)
    weights, loss = epoch(case, batches)
    if answer.facts["batches"] != batches:
        message = f"run_model was given the rows {brief(answer.facts['batches'])}, expected {batches}."
        rows = [float(row) for given in answer.facts["batches"] for row in (*given, -2)]  # -2 stands between batches
        return Failure.wrong(case, message, "Each sample once, in order.", all_numbers([rows]))
    got = answer.arrays[-1]
    follows = len(batches) == 1 or has_weights(answer, weights)  # after a wrong step, the next batch has another loss
    if follows and not agree(got, np.asarray(loss), "float64", ROUNDED):
        shown = in_words(float(got), 6) if got.shape == () else f"an array of shape {list(got.shape)}"
        message = f"The loss of the epoch is {shown}, expected {loss:.6g}: the mean over all samples."
        uneven = len({len(rows) for rows in batches}) > 1
        hint = "Does a smaller batch weigh less?" if uneven else "For how many samples does the loss of a batch stand?"
        return Failure.wrong(case, message, hint, got, np.float64(loss))
    return None


def judge_untouched(case: EpochCase, answer: Answer) -> Failure | None:
    if answer.facts["changed"]:
        return Failure.wrong(
            case, "The weights or the samples that sgd_epoch was given have changed.", "Make a new dictionary, and new tensors."
        )
    start, batches = case.arrays()[2:], [rows for rows in answer.facts["batches"] if rows]
    alike = all(np.isfinite(got).all() and got.shape == before.shape for got, before in zip(answer.arrays, start, strict=False))
    right = batches == right_batches(case) or (are_samples(case, batches) and has_weights(answer, epoch(case, batches)[0]))
    if not (batches and alike and right):  # one of the two must be right: otherwise there is nothing that could have been spoiled
        return Failure.wrong(case, "The new weights do not come from run_model.", "Where does the step begin?")
    if all(agree(got, before, "float64", EXACT) for got, before in zip(answer.arrays, start, strict=False)):
        return Failure.wrong(case, "The new weights are the old ones: nothing was done.", "Where does the step begin?")
    return None


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


def epoch_question(number: int) -> Question:
    rows = [
        ("one batch", 4, 4, 0.1),
        ("two batches", 6, 3, 0.5),
        ("a smaller last batch", 7, 3, 0.2),
        ("one sample at a time", 5, 1, 0.05),
        ("a batch for more than there is", 3, 8, 0.3),
    ]
    cases = tuple(EpochCase(*row) for row in rows)
    other = EpochCase("weights of other names", 6, 2, 0.1, ("slope", "offset", "scale"))
    return Question(
        UNIT.name,
        number,
        "sgd_epoch",
        (
            Part("update", 6, (*cases[:-1], other), judge_update, "the formula of the update: for which weights, with which sign"),
            Part("batches and loss", 3, cases, judge_batches, "which rows belong to the next batch, and how batches weigh in a mean"),
            Part("nothing spoiled", 1, (cases[1],), judge_untouched, "what is made anew, and what is changed in its place"),
        ),
    )


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
