"""Hidden cases: the same tables with other numbers, and with shapes and graphs that the notebook does not show.

Their numbers are drawn from `secret()`. Set the environment variable to something of your own, once a
term: then not even somebody who has this repository knows them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

from autodiff_lib.checks import evaluator, operators
from autodiff_lib.checks import questions as public_questions
from autodiff_lib.checks.question import Question

SECRET = "AUTODIFF_SECRET"
HIDDEN = {operators.UNIT: operators.questions, evaluator.UNIT: evaluator.questions}


def secret() -> str:
    return os.environ.get(SECRET) or "hidden"


@cache
def questions(unit: str, seed: str) -> dict[str, Question]:
    """The questions of a unit with their public cases first, then the hidden ones."""
    joined = {}
    for public, hidden in zip(public_questions(unit).values(), HIDDEN[unit](seed), strict=True):
        parts = tuple(replace(part, cases=(*part.cases, *other.cases)) for part, other in zip(public.parts, hidden.parts, strict=True))
        joined[public.name] = replace(public, parts=parts)
    return joined
