"""How an epoch of stochastic gradient descent is judged: the steps, the batches, and what was left alone, each beside torch's autograd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...checks.compare import agree, value_in_words
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_flag, is_list_of
from ...checks.question import Answer, Ask, Failure, Part, Question, all_numbers
from ...checks.values import generator
from ...messages import brief
from ..graph_function.judge import EXACT

ROUNDED = 1e-6  # for the loss of an epoch: `torch.tensor(loss)` makes a float32 of it
MAX_BATCHES = 1000  # and as many rows in each: more are no answer


def are_batches(value: Any, case: Any) -> bool:
    fits = isinstance(value, list) and len(value) <= MAX_BATCHES
    return fits and all(is_list_of(int, rows) and len(rows) <= MAX_BATCHES for rows in value)


EPOCH = Form("kinds.epoch.probe:epoch", arrays=lambda case: len(case.names) + 1, facts={"changed": is_flag, "batches": are_batches})


@dataclass(frozen=True)
class EpochCase:
    """Samples, a batch size, a rate, and a small model whose weights have names of their own."""

    form: ClassVar[Form] = EPOCH

    function: str  # its name in the table
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
        settings: dict[str, Any] = {"function": self.function, "names": list(self.names)}
        settings |= {"batch_size": self.batch_size, "learning_rate": self.learning_rate}
        return Ask(self.form.probe, settings, self.arrays())


def right_batches(case: EpochCase) -> list[list[int]]:
    return cut(case.samples, case.batch_size)


def cut(samples: int, batch_size: int) -> list[list[int]]:
    """The rows of each batch, in order, of which the last one may be smaller."""
    return [list(range(start, min(start + batch_size, samples))) for start in range(0, samples, batch_size)]


def epoch(case: EpochCase, batches: list[list[int]]) -> tuple[list[Tensor], float]:
    """The right weights and loss after these batches, by torch's autograd."""
    x, y, *weights = (torch.tensor(array) for array in case.arrays())
    total = 0.0
    for rows in batches:
        a, b, c = (weight.detach().requires_grad_() for weight in weights)
        loss = ((x[rows] @ a + b) * c - y[rows]).square().mean() / 2  # (n, 3) @ (3, 2) -> (n, 2)
        grads = torch.autograd.grad(loss, [a, b, c])
        weights = [weight - case.learning_rate * grad for weight, grad in zip((a, b, c), grads, strict=True)]
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
            shown = {"before": torch.tensor(before)}
            if len(right_batches(case)) == 1:
                shown["gradient"] = (shown["before"] - want) / case.learning_rate
            return Failure.wrong(case, f"After the epoch the weight {name} is wrong.", hint, got, want, **shown)
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
        message = f"The loss of the epoch is {value_in_words(got, 6)}, expected {loss:.6g}: the mean over all samples."
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


def epoch_question(unit: str, number: int, function: str, points: Sequence[float]) -> Question:
    """The question on the `sgd_epoch` of a unit, which stands in the table as `function`; points for its three parts."""
    name = function.split(".")[-1]
    update, batches, nothing_spoiled = points
    rows = [
        ("one batch", 4, 4, 0.1),
        ("two batches", 6, 3, 0.5),
        ("a smaller last batch", 7, 3, 0.2),
        ("one sample at a time", 5, 1, 0.05),
        ("a batch for more than there is", 3, 8, 0.3),
    ]
    cases = tuple(EpochCase(function, *row) for row in rows)
    other = EpochCase(function, "weights of other names", 6, 2, 0.1, ("slope", "offset", "scale"))
    return Question(
        unit,
        number,
        name,
        (
            Part("update", update, (*cases[:-1], other), judge_update, "the formula of the update: for which weights, with which sign"),
            Part("batches and loss", batches, cases, judge_batches, "which rows belong to the next batch, and how batches weigh in a mean"),
            Part("nothing spoiled", nothing_spoiled, (cases[1],), judge_untouched, "what is made anew, and what is changed in its place"),
        ),
    )
