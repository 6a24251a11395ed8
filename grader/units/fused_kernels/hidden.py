"""The hidden cases of the unit: every second of the public ones with other numbers, and of the counts with other sizes.

What a function keeps in memory, and what a kernel touches and moves, does not depend on the numbers, and has been counted. Of
kernels the values alone are asked for again. The public ones have all been right; other numbers find out whether they are
computed, and half of the cases tell that as well.
"""

from __future__ import annotations

from dataclasses import replace

from autodiff_lib.checks.question import Question
from autodiff_lib.units.fused_kernels.questions import questions as public_questions
from autodiff_lib.units.fused_kernels.unit import KERNELS

from .. import in_secret


def questions(seed: str) -> list[Question]:
    return [in_secret(of_values(question), seed) for question in public_questions()]


def of_values(question: Question) -> Question:
    """Half of the cases, without the parts that count."""
    parts = [part for part in question.parts if part.name == "values" or (question.name not in KERNELS and part.name != "memory")]
    return replace(question, parts=tuple(replace(part, cases=part.cases[::2]) for part in parts))
