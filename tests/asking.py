"""The questions of a unit, public or hidden, by the seed of their numbers."""

from autodiff_lib import checks
from autodiff_lib.checks.question import Question
from grader.submission import hidden


def questions_of(unit: str, seed: str = "public") -> dict[str, Question]:
    return checks.questions(unit) if seed == "public" else hidden.questions(unit, seed)
