"""The question of the unit about `gradient_check`: it must let right rules pass and find wrong ones, and leave all as it was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form, is_list_of
from ...checks.question import Answer, Ask, Failure, Part, Question
from ...checks.values import Shape, draw, generator
from .probe import WRONG, true_slopes
from .unit import UNIT

LEAST, MOST = 1e-10, 0.1  # by how much an entry may be moved for a difference
NEARLY = 1e-6  # relative, for gradients that are right

CHECK = Form(
    "units.eager_tensor.probe:gradient_check",
    arrays=lambda case: 2 * len(case.shapes) + 1,
    facts={"refused": lambda value, case: type(value) is str and len(value) <= 40, "spoiled": lambda value, case: is_list_of(str, value)},
)


@dataclass(frozen=True)
class CheckCase:
    """A function of the probe's, the rule of its gradient, and how it is asked about."""

    form: ClassVar[Form] = CHECK

    rule: str
    shapes: tuple[Shape, ...]
    wrong: str = ""
    backward: bool = False
    tol: float = 1e-6
    inside: bool = False  # whether another operator stands around it
    seed: str = "public"
    hidden: bool = False

    @property
    def name(self) -> str:
        how = f"a rule that is {self.wrong}" if self.wrong else "a right rule"
        inside = ", inside a sum" if self.inside else ""
        sizes = " and ".join(str(list(shape)) for shape in self.shapes)
        return f"{self.rule} of {sizes}{inside}, {how}, tol={self.tol:g}, backward={self.backward}"

    def features(self) -> dict[str, Any]:
        return {"rule": self.wrong or "right", "backward": self.backward, "tol": self.tol, "arguments": len(self.shapes)}

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.name)
        return tuple(draw("away", shape, rng) for shape in self.shapes)

    def ask(self) -> Ask:
        names = ("rule", "wrong", "backward", "tol", "inside")
        return Ask(self.form.probe, {name: getattr(self, name) for name in names}, self.arrays)


def failure(case: CheckCase, message: str, hint: str, got: Any = None, want: Any = None) -> Failure:
    return Failure.wrong(case, message, hint, got, want, **{f"argument {place}": array for place, array in enumerate(case.arrays)})


def judge_right(case: CheckCase, answer: Answer) -> Failure | None:
    """No AssertionError, and the gradients that the rule gave, for whatever it was handed."""
    count = len(case.shapes)
    if answer.facts["refused"]:
        message = "The gradients are right to within tol, and were refused."
        return failure(
            case, message, "How exact is a difference quotient here: how large is the step, and with what is the error compared?"
        )
    wanted = rule_grads(case, answer.arrays[count])
    if wanted is None:
        return failure(
            case,
            "The rule was not asked for gradients, or for an out_grad of another shape than the output's.",
            "Whose gradients are checked?",
        )
    for place, (got, want) in enumerate(zip(answer.arrays, wanted, strict=False)):
        if not agree(got.astype("float64"), want, "float64", NEARLY + 2 * case.tol * bool(case.wrong)):
            message = f"gradient_check returned another array for argument {place} than the gradient that was checked."
            return failure(case, message, diagnose(got, want, "float64"), got, want)
    return None


def rule_grads(case: CheckCase, from_above: np.ndarray) -> list[np.ndarray] | None:
    """What the rule gave for what it was handed. None for what no output can have."""
    inputs = [torch.tensor(array) for array in case.arrays]
    given = torch.tensor(from_above.astype("float64"))
    try:
        return [grad.numpy() for grad in WRONG[case.wrong](true_slopes(case.rule, inputs, given))]
    except RuntimeError:
        return None


def judge_wrong(case: CheckCase, answer: Answer) -> Failure | None:
    """An AssertionError for a rule that is wrong. One is right: a check that refuses whatever it is given finds nothing."""
    if not case.wrong:
        hint = "What do you compare, and when are the two equal enough?"
        return failure(case, "The gradients are right, and were refused like wrong ones.", hint) if answer.facts["refused"] else None
    if answer.facts["refused"] == "AssertionError":
        return None
    message = f"The gradient is {case.wrong}, and gradient_check did not raise an AssertionError."
    hints = {
        "without out_grad": "A rule that forgets out_grad is right for an out_grad of ones. Which one would show it?",
        "exchanged": "Are the gradients of all arguments compared, each with its own?",
        "wrong in one entry": "Is every entry of every argument compared?",
        "too small in one entry": "A difference may have either sign.",
        "right in its sum alone": "Is each entry compared by itself?",
        "off by a ten thousandth": "With what is the error compared?",
    }
    return failure(case, message, hints.get(case.wrong, "What is compared with what, and when is it enough?"))


def judge_left_alone(case: CheckCase, answer: Answer) -> Failure | None:
    """Each entry was moved somewhere, and all are back where they were, or never were the caller's."""
    for place, (array, moves) in enumerate(zip(case.arrays, answer.arrays[len(case.shapes) + 1 :], strict=True)):
        if moves.shape != array.shape or not np.all((moves >= LEAST) & (moves <= MOST)):
            message = f"f was not asked at points near argument {place}, once for each of its entries."
            return failure(case, message, "A difference quotient needs the function at two points for each entry.", moves)
    if answer.facts["spoiled"]:
        names = " and ".join(answer.facts["spoiled"][:3])
        moved = any(name.startswith("argument") for name in answer.facts["spoiled"])
        hint = (
            "x + eps - 2 * eps + eps is not always x. Whose numbers are moved?"
            if moved
            else "On whose tensors does backward put gradients?"
        )
        return failure(
            case, f"After the check {names} had other numbers than before.", hint, np.asarray([len(answer.facts["spoiled"])], float)
        )
    return None


def gradient_check_question(number: int) -> Question:
    two, product = ((2, 3), (2, 3)), ((2, 3), (3, 4))
    right = (
        CheckCase("square", ((2,),)),
        CheckCase("square", ((),)),
        CheckCase("product", two),
        CheckCase("matrix product", product, backward=True),
        CheckCase("sums of exponentials", ((3, 2),), backward=True, inside=True),
        CheckCase("steep", ((3,),)),
        CheckCase("square", ((3,),), "off by a ten thousandth", tol=1e-2),
        CheckCase("product", two, "off by a ten thousandth", backward=True, tol=1e-2),
    )
    wrong = (
        CheckCase("square", ((2,),), "twice as large"),
        CheckCase("square", ((2,),), "of the other sign", backward=True),
        CheckCase("square", ((3,),), "zero"),
        CheckCase("product", two),
        CheckCase("product", two, "wrong in one entry"),
        CheckCase("product", two, "too small in one entry"),
        CheckCase("square", ((2, 3),), "right in its sum alone"),
        CheckCase("matrix product", product, "wrong in one entry", backward=True),
        CheckCase("square", ((3,),), "off by a ten thousandth"),
        CheckCase("steep", ((3,),), "off by a ten thousandth"),
        CheckCase("product", two, "exchanged"),
        CheckCase("product", two, "without out_grad"),
        CheckCase("sums of exponentials", ((3, 2),), "without out_grad", backward=True),
    )
    alone = (CheckCase("square", ((2, 3),)), CheckCase("matrix product", product, backward=True))
    parts = (
        Part("right rules", 1, right, judge_right, "how close a difference quotient comes to a derivative"),
        Part("wrong rules", 1.5, wrong, judge_wrong, "what the rule says, what the differences say, and when the two agree"),
        Part("nothing changed", 0.5, alone, judge_left_alone, "whose numbers are moved for a difference"),
    )
    return Question(UNIT.name, number, "gradient_check", parts)
