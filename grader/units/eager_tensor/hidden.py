"""The hidden cases of the unit: the public ones with other numbers, and chains of another length.

Of values and gradients every second: the public ones have all been right; other numbers find out whether they are computed,
and half of the cases tell that as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autodiff_lib.checks.question import Part, Question
from autodiff_lib.units.eager_tensor.questions import questions as public_questions

from .. import in_secret

EVERY_SECOND = {"compute", "gradient"}
SHORTER = 2_003  # tensors of a chain: long enough to break a recursion, and whatever takes long for each of them


def questions(seed: str) -> list[Question]:
    return [in_secret(question, seed, secret_part) for question in public_questions()]


def secret_part(part: Part, seed: str) -> Part:
    cases = part.cases[::2] if part.name in EVERY_SECOND else part.cases
    return replace(part, cases=tuple(map(of_another_length, cases)))


def of_another_length(case: Any) -> Any:
    """A chain with fewer tensors; any other case as it is."""
    if not getattr(case, "chain", 0):
        return case
    return replace(case, title=f"a chain of {SHORTER} tensors", chain=SHORTER)
