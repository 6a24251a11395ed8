"""Hidden cases, of each unit as its folder makes them: other numbers, shapes and graphs than the notebook shows.

Their numbers are drawn from `secret()`. Set the environment variable to something of your own, once a
term: then not even somebody who has this repository knows them.
"""

from __future__ import annotations

import os
from functools import cache

from autodiff_lib.checks.question import Question

from ..units import part_of

SECRET = "AUTODIFF_SECRET"


def secret() -> str:
    return os.environ.get(SECRET) or "hidden"


@cache
def questions(unit: str, seed: str) -> dict[str, Question]:
    """The questions of a unit with their hidden cases alone."""
    return {question.name: question for question in part_of(unit, "hidden").questions(seed)}
