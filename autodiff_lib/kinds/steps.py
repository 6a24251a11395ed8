"""The values on the reference's way to its result, by their names: what a wrong answer is held beside, to show how far it goes."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..checks.compare import agree
from ..checks.question import Beside, plain

RESULT = "result"  # the name of the reference's last value


@dataclass(frozen=True)
class Step:
    """A value on the reference's way, and the names of the earlier ones that it is made of."""

    name: str
    value: Tensor
    made_of: tuple[str, ...] = ()
    of_either_sign: bool = False  # whether a right graph may as well hold it with the other sign

    def forms(self) -> list[Tensor]:
        """What may stand for it in a right graph: it may be turned on its side."""
        signs = [self.value, -self.value] if self.of_either_sign else [self.value]
        return [*signs, *(value.mT for value in signs if value.ndim >= 2)]


Steps = Generator[Step, Tensor, None]
"""The values on the reference's way in their order, the last one the `RESULT`. Each is handed back, perhaps changed: go on from there."""


def followed(steps: Steps, changed: str = "", other: Tensor | None = None) -> dict[str, Step]:
    """The reference's steps by their names, where one may be changed to another value."""
    found: dict[str, Step] = {}
    with suppress(StopIteration):
        step = next(steps)
        while True:
            found[step.name] = step if step.name != changed or other is None else replace(step, value=other)
            step = steps.send(found[step.name].value)
    return found


def without_repeats(steps: Mapping[str, Step]) -> dict[str, Step]:
    """Without those that change nothing on these numbers, as a mask of zeros does."""
    found: dict[str, Step] = {}
    same: dict[str, str] = {}
    for name, step in steps.items():
        made_of = tuple(same.get(earlier, earlier) for earlier in step.made_of)
        twin = next((earlier for earlier in made_of if alike(found[earlier].value, step.value)), None)
        if twin is not None and name != RESULT:
            same[name] = twin
        else:
            found[name] = replace(step, made_of=made_of)
    return found


def alike(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and agree(plain(got), plain(want), "float64")


def stands_for(value: Tensor | None, step: Step) -> bool:
    return value is not None and any(alike(value, form) for form in step.forms())


def ends_at_a_step(got: np.ndarray, steps: Mapping[str, Step], inputs: Sequence[np.ndarray], dtype: str) -> Beside | None:
    """What to say of an array that has the value of a step before the result. None where it has that of none, or of several.

    `inputs` are what it was made of: what has one of their values may have come from there.
    """
    if any(agree(got, given, dtype) for given in inputs) or agree(got, plain(steps[RESULT].value), dtype):
        return None
    reached = [name for name, step in steps.items() if agree(got, plain(step.value), dtype)]
    if len(reached) != 1:
        return None
    return Beside(f"What came back equals {the(reached[0])}, a step on the way to the result and not the result.")


def the(name: str) -> str:
    """A step by its name in a sentence: words have an article, formulas have none."""
    words = name.partition(" of ")[0]  # of a node, which is a formula
    return f"the {name}" if len(words) > 1 and words.replace(" ", "").replace("'", "").replace("-", "").isalpha() else name
