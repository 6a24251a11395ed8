"""The hidden cases of the unit: other numbers, a longer chain, every computation multiplied by a number of its own, little memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from autodiff_lib.checks.question import Part, Question
from autodiff_lib.graph import Node
from autodiff_lib.kinds.evaluator.judge import GraphCase
from autodiff_lib.registry import table
from autodiff_lib.units.evaluator.questions import DEEP, chain
from autodiff_lib.units.evaluator.questions import questions as public_questions

from .. import in_secret

DEEPER = 3_000  # nodes of a chain
WIDE, WIDE_STEPS = (1000, 750), 20  # a matrix of 8 bytes an element, and steps of three operators
WIDE_BYTES = 8 * WIDE[0] * WIDE[1]
WIDE_ROOM = 14  # so many such matrices have room: a run needs 4 at once, and 62 if all are kept


def wide_chain(column: Node, row: Node) -> Sequence[Node]:
    """The sum of a large matrix after a long chain. No two of its entries are alike, and no step is linear, so there is no short cut."""
    x = column * row * 0.02  # (rows, 1) * (1, columns) -> (rows, columns), from 0 to 1, or little more
    for _ in range(WIDE_STEPS):
        x = x * (x * -0.1 + 1.05)
    return [table["sum_op"](x, dim=(0, 1))]


def questions(seed: str) -> list[Question]:
    return [in_secret(question, seed, secret_part) for question in public_questions()]


def secret_part(part: Part, seed: str) -> Part:
    """A part with a longer chain in the place of the public one; where forgetting is asked for, with large matrices as well."""
    cases = tuple(deeper(case) if case.name == f"a chain of {DEEP} nodes" else case for case in part.cases)
    if part.name == "forgetting":
        shapes = ((WIDE[0], 1), (1, WIDE[1]))
        room = {"block": WIDE_BYTES, "room": WIDE_ROOM * WIDE_BYTES}
        cases += (GraphCase("large matrices", wide_chain, shapes, ("column", "row"), "memory", room),)
    return replace(part, cases=cases)


def deeper(case: Any) -> GraphCase:
    return replace(case, title=f"a chain of {DEEPER} nodes", build=partial(chain, length=DEEPER))
