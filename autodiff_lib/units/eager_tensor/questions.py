"""The questions of the unit, in the notebook's order."""

from __future__ import annotations

from collections.abc import Callable

from ...checks.question import Question
from .checking import gradient_check_question
from .graph_cases import backward_question, compute_gradient_question, find_topo_sort_question
from .making import detach_question, make_question, realize_question
from .operator_cases import operator_question
from .training import epoch_question, loss_question
from .unit import UNIT

OTHERS: dict[str, Callable[[int], Question]] = {
    "make_from_op": make_question,
    "realize_cached_data": realize_question,
    "detach": detach_question,
    "find_topo_sort": find_topo_sort_question,
    "compute_gradient_of_variables": compute_gradient_question,
    "backward": backward_question,
    "gradient_check": gradient_check_question,
    "softmax_loss": loss_question,
    "nn_epoch": epoch_question,
}
"""What is no operator -> what makes its question, by its number."""


def questions() -> list[Question]:
    return [
        OTHERS[name](number) if name in OTHERS else operator_question(name, number) for number, name in enumerate(UNIT.exercises, start=1)
    ]
