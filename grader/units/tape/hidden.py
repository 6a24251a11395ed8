"""The hidden cases of the unit: the public ones with other numbers."""

from __future__ import annotations

from autodiff_lib.checks.question import Question
from autodiff_lib.units.tape.questions import questions as public_questions

from .. import in_secret


def questions(seed: str) -> list[Question]:
    return [in_secret(question, seed) for question in public_questions()]
