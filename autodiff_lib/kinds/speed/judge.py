"""How speed is judged: by how many times as fast the student's function is as one of ours that does the same.

A case passes where the ratio reaches what is asked, at the end of its interval that is better for the student; it has no
verdict where the machine is too busy to say. So nobody loses a point by noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar, cast

import numpy as np

from ...checks.forms import Form
from ...checks.question import Answer, Ask, Failure, Problem, Timed
from ...checks.values import Shape, draw
from .contest import WRONG, Interval, Round, difference, held
from .probe import called


def share_of_cases(passed: int, cases: int) -> float:
    """As much of the points as of the cases."""
    return passed / cases


def contest(case: SpeedCase, theirs: Timed, ours: Timed, seconds: float) -> Answer:
    """The ends and the middle of the interval; none of them where it is not known."""
    found = held(case.rounds(), case.at_least, seconds, theirs, ours)
    if isinstance(found, Problem):
        return Answer(problem=found)
    return Answer(facts={"low": found.low, "middle": found.middle, "high": found.high} if found.settles(case.at_least) else UNKNOWN)


def told(case: SpeedCase, answer: Answer) -> str:
    """What there is to say of an answer, right or wrong; nothing of one that has no ratio."""
    return "" if answer.problem is not None else f"{case.name}: {in_words(answer)}; {case.at_least:g} times is asked for."


def in_words(answer: Answer) -> str:
    low, middle, high = (answer.facts[name] for name in ("low", "middle", "high"))
    return f"{middle:.2f} times as fast ({low:.2f} to {high:.2f})"


TOO_BUSY = "This machine is too busy to say how fast it is. You lose no points by it: close what else is running, and check again."
UNKNOWN = {"low": 0.0, "middle": 0.0, "high": 0.0}
CALL = Form(
    "kinds.speed.probe:call",
    facts=dict.fromkeys(UNKNOWN, lambda value, case: type(value) is float and 0 <= value < math.inf),
    contest=contest,
    told=told,
)


@dataclass(frozen=True)
class SpeedCase:
    """A function on arrays, or on torch tensors, and a function of ours that does as much and takes `at_least` times as long."""

    form: ClassVar[Form] = CALL

    function: str  # its name in the table
    baseline: Callable[..., Any]  # of a module of the library
    shapes: tuple[Shape, ...]
    at_least: float
    name: str  # what is timed, for the report
    beside: str = "a plain version"  # what the baseline is
    truth: Callable[..., Any] | None = None  # makes the right results, where those of the baseline are none
    rows: int = 0  # of these that are looked at, if each comes of one row of the first array: drawn once the answer is there; 0 for all
    keywords: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    dtype: str = "float32"
    tensors: bool = False
    seed: str = "public"
    hidden: bool = False

    @cached_property
    def compared(self) -> str:
        """The name of the baseline, as asks have it."""
        return f"{self.baseline.__module__.removeprefix('autodiff_lib.')}:{self.baseline.__qualname__}"

    def arrays(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        kinds = self.kinds or ("normal",) * len(self.shapes)
        return tuple(draw(kind, shape, rng).astype(self.dtype) for kind, shape in zip(kinds, self.shapes, strict=True))

    def ask(self) -> Ask:
        return self.asked(self.form.probe, self.function, self.arrays(np.random.default_rng()))

    def asked(self, probe: str, function: str, arrays: tuple[np.ndarray, ...]) -> Ask:
        return Ask(probe, {"function": function, "keywords": self.keywords, "tensors": self.tensors}, arrays)

    def rounds(self) -> Iterator[Round]:
        """Rounds on fresh numbers, which nobody can know beforehand."""
        rng = np.random.default_rng()
        while True:
            arrays = self.arrays(rng)
            mine, ours = self.asked(self.form.probe, self.function, arrays), self.asked("kinds.speed.baseline:call", self.compared, arrays)
            yield mine, ours, None if self.truth is None else partial(self.wrong, ours)

    def wrong(self, asked: Ask, results: Sequence[np.ndarray]) -> str:
        """What is wrong with results, by the truth; empty where nothing is."""
        truth = cast(Callable[..., Any], self.truth)
        first, *others = asked.arrays
        if not self.rows:
            return difference(results, called(truth, asked).arrays)
        if any(result.shape[:1] != first.shape[:1] for result in results):
            return WRONG
        rows = np.random.default_rng().choice(len(first), self.rows, replace=False)
        return difference([result[rows] for result in results], called(truth, replace(asked, arrays=(first[rows], *others))).arrays)

    def features(self) -> dict[str, Any]:
        return {}


def judge_speed(case: SpeedCase, answer: Answer) -> Failure | None:
    if answer.facts == UNKNOWN:
        return Failure(case.name, "unanswered", TOO_BUSY)
    found = Interval(**answer.facts)
    if found.low >= case.at_least or (found.narrow and found.high >= case.at_least):
        return None
    message = f"It is {in_words(answer)}, where {case.at_least:g} times is asked for, in turns with {case.beside}."
    return Failure(case.name, "wrong", message, "What is read or written more often than it must be?")
