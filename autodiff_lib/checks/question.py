"""What a check is made of: questions, their parts, the cases of a part; answers, and verdicts on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from .forms import Form

MAX_NUMBERS, MAX_ARRAYS = 1000, 100  # of an array, and of an answer, that tell one wrong answer from another

Reason = Literal["passed", "wrong", "error", "timeout", "memory", "killed", "tampered", "missing", "unanswered"]


class Case(Protocol):
    """One named input to a question."""

    @property
    def name(self) -> str:
        """The same in every process: its numbers are drawn from it."""

    @property
    def seed(self) -> str:
        """What its numbers are drawn from, beside its name."""

    @property
    def hidden(self) -> bool:
        """Whether nobody may see its numbers."""

    @property
    def form(self) -> Form:
        """The probe that it is asked of, and what an answer of that consists of."""

    def ask(self) -> Ask:
        """What the probe gets; the same for the same case, in every process."""

    def features(self) -> dict[str, Any]:
        """What tells it from the other cases: attributes, rank, dtype. Failing and passing cases are contrasted by it."""


@dataclass(frozen=True)
class Ask:
    """What crosses to the student's process: a probe's name, plain settings, and arrays. Never an expected value."""

    probe: str
    settings: dict[str, Any] = field(default_factory=dict)
    arrays: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Why there is no answer: an exception of the student's code, or an answer of the wrong kind."""

    kind: str  # name of the exception
    message: str
    where: str = ""  # the student's own line, where one is known


@dataclass(frozen=True)
class Answer:
    """What crosses back: arrays, or a graph as data, or the problem that kept them."""

    arrays: tuple[np.ndarray, ...] = ()
    graph: dict[str, Any] = field(default_factory=dict)  # nothing where none was asked for
    facts: dict[str, Any] = field(default_factory=dict)  # plain counts and flags that the probe saw
    problem: Problem | None = None
    printed: str = ""  # what the student's code printed


Timed = Callable[[Ask], tuple[Answer, float]]
"""Asks somebody's code, and returns the answer with the seconds that it took, as seen by whoever asks."""


@dataclass(frozen=True)
class Beside:
    """What shows where values on the reference's way stand beside those on the way of an answer.

    It is there to look at: nothing is decided by it, and no mistake is recognised by it.
    """

    said: str
    yours: str = ""  # what `got` is the value of
    got: np.ndarray | None = None
    reference: str = ""  # what `expected` is the value of
    expected: np.ndarray | None = None


@dataclass(frozen=True)
class Failure:
    """Why a case failed, with what there is to look at."""

    case: str
    reason: Reason
    message: str
    hint: str = ""
    got: np.ndarray | None = None  # shown where something was `expected`; by itself, what a known mistake is recognised by
    expected: np.ndarray | None = None
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    printed: str = ""
    hidden: bool = False  # whether the case is one whose numbers nobody may see
    mistake: str = ""  # id of the known mistake that answers alike
    direct: str = ""  # what to say of it to somebody who has been given its hint before
    picture: Callable[[], str] | None = None  # HTML of what was asked about, drawn where it is shown
    beside: Beside | None = None  # how far it goes with the reference

    @classmethod
    def wrong(cls, case: Case, message: str, hint: str = "", got: Any = None, expected: Any = None, **inputs: Any) -> Failure:
        """A wrong answer, with arrays or tensors to look at."""
        shown = {name: plain(array) for name, array in inputs.items()}
        return cls(case.name, "wrong", message, hint, got=pictured(got), expected=pictured(expected), inputs=shown)


def pictured(array: Any) -> np.ndarray | None:
    """An array or a tensor to look at, where there is one."""
    return None if array is None else plain(array)


def plain(array: Any) -> np.ndarray:
    return np.asarray(array.detach() if hasattr(array, "detach") else array)


def all_numbers(arrays: Iterable[Any]) -> np.ndarray:
    """The numbers of arrays or tensors in one row: what a wrong answer that is no single array is recognised by."""
    return np.concatenate([np.zeros(0), *(np.ravel(plain(array))[:MAX_NUMBERS] for array in islice(arrays, MAX_ARRAYS))])


def all_or_nothing(passed: int, cases: int) -> float:
    """The whole of a part's points for all of its cases, and none of them for fewer."""
    return 1 if passed == cases else 0


@dataclass(frozen=True)
class Part:
    """A share of a question's points, earned by passing its cases: as much of them as `credit` says."""

    name: str
    points: float
    cases: tuple[Case, ...]
    judge: Callable[[Any, Answer], Failure | None]  # of one of its cases
    look_at: str  # where to read again when nothing more precise is known
    credit: Callable[[int, int], float] = all_or_nothing  # (cases passed, all cases) -> the share of the points that is earned
    passed: set[bytes] = field(default_factory=set, init=False, compare=False, repr=False)  # digests of answers found right; not copied

    @property
    def timed(self) -> bool:
        """Whether its answers depend on how fast the machine is."""
        return any(case.form.contest is not None for case in self.cases)


@dataclass(frozen=True)
class Question:
    """An exercise's check. `name` is the exercise's name and the `grade_id` of its solution cell."""

    unit: str
    number: int
    name: str
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)


@dataclass(frozen=True)
class PartVerdict:
    part: str
    points: float
    max_points: float
    passed: int  # cases passed
    cases: int
    failure: Failure | None  # of the smallest failing case
    contrast: str = ""  # what the failing cases have in common, and no passing one
    told: tuple[str, ...] = ()  # what there is to say of its answers, right or wrong

    @property
    def reason(self) -> Reason:
        return "passed" if self.failure is None else self.failure.reason


@dataclass(frozen=True)
class Verdict:
    """The judge's word on one question."""

    question: str
    number: int
    parts: tuple[PartVerdict, ...]

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def max_points(self) -> float:
        return sum(part.max_points for part in self.parts)

    @property
    def reason(self) -> Reason:
        """The first reason for lost points; `missing` where all that fails is not written yet.

        `unanswered` where one part has no verdict: then nobody knows the question's points.
        """
        reasons = [part.reason for part in self.parts if part.failure is not None]
        if "unanswered" in reasons:
            return "unanswered"
        return next((reason for reason in reasons if reason != "missing"), reasons[0] if reasons else "passed")

    @property
    def untouched(self) -> bool:
        """Whether nothing of the exercise is written."""
        return all(part.reason == "missing" for part in self.parts)
