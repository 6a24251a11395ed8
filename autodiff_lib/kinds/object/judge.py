"""How classes are judged: the same steps are played with a class of ours, and what is shown must be the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ...checks.compare import agree
from ...checks.diagnosis import diagnose
from ...checks.forms import Form
from ...checks.question import Answer, Ask, Failure
from ...checks.values import Shape, draw, generator
from .probe import played

PLAY = Form("kinds.object.probe:play", arrays=lambda case: len(case.wanted))


@dataclass(frozen=True)
class PlayCase:
    """Steps with objects of a class (see `probe.played`), on arrays of given shapes, and the class of ours."""

    form: ClassVar[Form] = PLAY

    name: str
    exercise: str  # the name of the class, or of a method of it, in the table
    truth: type
    steps: tuple[tuple[Any, ...], ...]
    shapes: tuple[Shape, ...] = ()
    seed: str = "public"
    hidden: bool = False

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        rng = generator(self.seed, self.exercise, self.name)
        return tuple(draw("normal", shape, rng) for shape in self.shapes)

    @cached_property
    def wanted(self) -> tuple[np.ndarray, ...]:
        return tuple(map(np.asarray, played(self.truth, self.steps, self.arrays)))

    def ask(self) -> Ask:
        return Ask(self.form.probe, {"exercise": self.exercise, "steps": [list(step) for step in self.steps]}, self.arrays)

    def features(self) -> dict[str, Any]:
        return {}


def judge_play(case: PlayCase, answer: Answer) -> Failure | None:
    shows = [step for step in case.steps if step[0] == "show"]
    inputs = {f"array {place}": array for place, array in enumerate(case.arrays)}
    for (_, owner, attribute), got, want in zip(shows, answer.arrays, case.wanted, strict=True):
        if not agree(got, want, "float64"):
            what = f"{owner}.{attribute}" if attribute else owner
            return Failure(
                case.name, "wrong", f"{what} is wrong at the end of: {said(case)}.", diagnose(got, want, "float64"), got, want, inputs
            )
    return None


def said(case: PlayCase) -> str:
    """The steps as somebody would write them."""
    written = []
    for do, *step in case.steps:
        if do == "new":
            written.append(f"{step[0]} = {case.truth.__name__}({', '.join(map(plainly, step[1]))})")
        elif do == "call":
            written.append(f"{step[0]} = {step[1]}.{step[2]}({', '.join(map(plainly, step[3]))})")
    return "; ".join(written)


def plainly(argument: Any) -> str:
    if isinstance(argument, str) and argument[:1] in "$#":
        return argument[1:] if argument[0] == "$" else f"array {argument[1:]}"
    return repr(argument)
