"""What an answer must consist of before anybody judges it: declared once for each probe, and the same for notebook and grading.

A judge may count on it: there is a graph or there is none, with so many outputs; so many arrays of numbers; and
every fact in the form in which its probe tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..bfloat16 import BFLOAT16
from .question import Answer, Beside, Case, Failure, Timed
from .wire import unsendable

MAX_LISTED = 1_000_000  # entries of a list of facts
TAMPERED = "There is no answer: it does not have the form that the question asks for."


Contest = Callable[[Any, Timed, Timed, float], Answer]
"""(case, who asks the student's code, who asks ours, seconds that it may take) -> the answer, with what was measured as facts."""


def nothing(case: Any) -> int:
    return 0


def no_way(case: Any, answer: Answer) -> Beside | None:
    """For answers of which nothing is known but where they end."""
    return None


@dataclass(frozen=True)
class Form:
    """What the answers of a probe consist of, case by case. Only those that an honest answer can get wrong have a `miscounted`."""

    probe: str  # `folders.module:function`, below this library
    arrays: Callable[[Any], int] = nothing
    outputs: Callable[[Any], int] = nothing  # of the graph; none means that there is no graph
    outputs_of: Callable[[dict[str, Any]], int] = len  # how many a graph has. ValueError where it is none
    facts: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    bfloat16: bool = False  # whether its arrays may be of that dtype, so that a judge makes them float32 first
    agree: Callable[[Any, Mapping[str, Any]], bool] = lambda case, facts: True  # whether facts that are right one by one fit together
    miscounted: Callable[[Any, Answer], Failure] | None = None  # what to say of another number of outputs or arrays
    contest: Contest | None = None  # how an answer comes about in which time is measured
    told: Callable[[Any, Answer], str] = lambda case, answer: ""  # what there is to say of an answer, right or wrong
    beside: Callable[[Any, Answer], Beside | None] = no_way  # how far a wrong answer to a public case goes with the reference


def misformed(case: Case, answer: Answer) -> Failure | None:
    """The failure of an answer that no judge need look at."""
    form = case.form
    tampered = Failure(case.name, "tampered", TAMPERED)
    facts = answer.facts
    if set(facts) != set(form.facts) or not all(check(facts[name], case) for name, check in form.facts.items()):
        return tampered
    if not form.bfloat16 and any(array.dtype == BFLOAT16 for array in answer.arrays):
        return tampered
    outputs, arrays = form.outputs(case), form.arrays(case)
    if bool(answer.graph) != bool(outputs) or unsendable(answer.arrays) or not form.agree(case, facts):
        return tampered
    try:
        there = form.outputs_of(answer.graph) if outputs else 0
    except ValueError:
        return tampered
    for count, wanted in ((len(answer.arrays), arrays), (there, outputs)):
        if count != wanted:
            return tampered if form.miscounted is None else form.miscounted(case, answer)
    return None


def is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MAX_LISTED and set(map(type, value)) <= {kind}


def is_flag(value: Any, case: Any) -> bool:
    return type(value) is bool


def is_error(value: Any) -> bool:
    """The name of an exception and its message, or nothing where none was raised."""
    return value is None or (is_list_of(str, value) and len(value) == 2)
