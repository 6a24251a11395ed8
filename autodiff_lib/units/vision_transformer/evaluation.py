"""The question of the unit about accuracy: the share of images whose best class is the right one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...checks.compare import agree, in_words, value_in_words
from ...checks.forms import Form, is_flag
from ...checks.question import Answer, Ask, Failure, Part, Question, all_numbers
from ...checks.values import generator
from ...kinds.epoch.judge import ROUNDED, are_batches, cut
from ...messages import brief
from .unit import UNIT

ACCURACY = Form("units.vision_transformer.probe:accuracy", arrays=lambda case: 2, facts={"changed": is_flag, "batches": are_batches})


@dataclass(frozen=True)
class AccuracyCase:
    """Images, a model of the probe's that gets some of them right, and a batch size."""

    form: ClassVar[Form] = ACCURACY

    title: str
    samples: int
    batch_size: int
    classes: int = 5
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.title}: {self.samples} images, batch_size={self.batch_size}, {self.classes} classes"

    def features(self) -> dict[str, Any]:
        return {"batches": -(-self.samples // self.batch_size)}

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Images (n, 3, 4), logits (n, C), and labels (n,): the best class, but for the second image the next best, and for the
        fourth, and every third after it, the worst."""
        rng = generator(self.seed, self.name)
        images = rng.standard_normal((self.samples, 3, 4))
        logits = rng.standard_normal((self.samples, self.classes)) - 0.5  # no two are equal
        order = logits.argsort(axis=1)
        labels = order[:, -1].copy()
        labels[1:2], labels[3::3] = order[1:2, -2], order[3::3, 0]
        return images, logits, labels

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"function": UNIT.entry("accuracy"), "batch_size": self.batch_size}, self.arrays())


def judge_share(case: AccuracyCase, answer: Answer) -> Failure | None:
    """All images are one batch: how batches are put together is asked elsewhere."""
    if answer.facts["changed"]:
        return Failure.wrong(case, "The images or the labels that accuracy was given have changed.", "They belong to the caller.")
    _, logits, labels = case.arrays()
    got, want = answer.arrays[0], np.mean(logits.argmax(1) == labels)
    if got.shape == () and abs(got - want) <= ROUNDED:
        return None
    right = int((logits.argmax(1) == labels).sum())
    message = f"Of {case.samples} images {right} are right, a share of {in_words(float(want))}; got {value_in_words(got)}."
    hint = "Which class does a row of logits name, and with what is it compared?"
    return Failure.wrong(case, message, hint, all_numbers([got]), None, logits=logits, labels=labels)


def judge_batches(case: AccuracyCase, answer: Answer) -> Failure | None:
    """What is said of all must be the mean of what is said of each batch alone, weighted by its size, right or wrong."""
    wanted = cut(case.samples, case.batch_size)
    batches = answer.facts["batches"]
    if batches != wanted:
        message = f"predict was given the images {brief(batches)}, expected {wanted}."
        rows = [float(row) for given in batches for row in (*given, -2)]  # -2 stands between batches
        return Failure.wrong(case, message, "Each image once, in order.", all_numbers([rows]))
    got, alone = answer.arrays
    sizes = [len(rows) for rows in wanted]
    if alone.shape != (len(wanted),):
        message = f"{len(wanted)} batches have as many accuracies, got {value_in_words(alone)}."
        return Failure.wrong(case, message, "accuracy returns one number.", all_numbers([alone]))
    want = float(np.dot(alone, sizes)) / case.samples
    if got.shape == () and agree(got, np.asarray(want), "float64", ROUNDED):
        return None
    shown = ", ".join(f"{in_words(share)} of {size}" for share, size in zip(alone, sizes, strict=True))
    message = f"Alone the batches have the accuracies {shown}; all together {in_words(want)}, got {value_in_words(got)}."
    return Failure.wrong(case, message, "Does an image of a smaller batch count as much as any other?", all_numbers([got]))


def accuracy_question(number: int) -> Question:
    single = tuple(AccuracyCase("one batch", *sizes) for sizes in ((4, 4, 3), (9, 9, 5), (13, 13, 10)))
    rows = [
        ("two batches", 6, 3),
        ("a smaller last batch", 8, 3),
        ("a last batch of one", 13, 4),
        ("one image at a time", 5, 1),
        ("a batch for more than there is", 3, 8),
    ]
    several = tuple(AccuracyCase(*row) for row in rows)
    parts = (
        Part("share", 1.5, single, judge_share, "what is counted, and by what the count is divided"),
        Part("batches", 1.5, several, judge_batches, "which images belong to the next batch, and how much a batch counts"),
    )
    return Question(UNIT.name, number, "accuracy", parts)
