"""Hidden cases: the same tables with other numbers, and with shapes and graphs that the notebook does not show.

Their numbers are drawn from `secret()`. Set the environment variable to something of your own, once a
term: then not even somebody who has this repository knows them.
"""

from __future__ import annotations

import os
from functools import cache

from autodiff_lib.checks import QUESTIONS
from autodiff_lib.checks.question import Question

SECRET = "AUTODIFF_SECRET"


def secret() -> str:
    return os.environ.get(SECRET) or "hidden"


@cache
def questions(unit: str, seed: str) -> dict[str, Question]:
    """The questions of a unit with their hidden cases alone."""
    return {question.name: question for question in QUESTIONS[unit](seed)}
