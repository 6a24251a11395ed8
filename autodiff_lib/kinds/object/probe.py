"""Classes that are written method by method, asked by playing with their objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...checks.question import Answer, Ask
from ...registry import table
from ..function.probe import as_arrays


def play(ask: Ask) -> Answer:
    """What is shown while the steps are played with the class to which a method belongs."""
    exercise = table[ask.settings["exercise"]]
    owner = getattr(exercise, "owner", exercise)  # a method that nobody has written raises when it is called
    if not isinstance(owner, type):
        owner()
    return Answer(arrays=as_arrays(played(owner, ask.settings["steps"], ask.arrays), "what is shown must be arrays or numbers"))


def played(kind: type, steps: Sequence[Sequence[Any]], arrays: Sequence[np.ndarray]) -> list[Any]:
    """Play the steps with objects of a class: each is one of

    ["new", name, arguments]: an object of the class
    ["call", name, object, method, arguments]: what a method returns
    ["show", object, attribute]: an attribute, among what is returned here; the object itself without a name

    An argument `"$x"` is what is called x, an argument `"#0"` a copy of the first array; others are what they are.
    """
    named: dict[str, Any] = {}
    shown: list[Any] = []

    def value(argument: Any) -> Any:
        if isinstance(argument, str) and argument[:1] in "$#":
            return named[argument[1:]] if argument[0] == "$" else arrays[int(argument[1:])].copy("K")
        return argument

    for do, *step in steps:
        if do == "new":
            name, arguments = step
            named[name] = kind(*map(value, arguments))
        elif do == "call":
            name, owner, method, arguments = step
            named[name] = getattr(named[owner], method)(*map(value, arguments))
        else:
            owner, attribute = step
            shown.append(getattr(named[owner], attribute) if attribute else named[owner])
    return shown
