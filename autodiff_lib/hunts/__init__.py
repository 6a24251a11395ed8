"""Find the bug: `hunt = hunts.of_unit("01_operators")` is code with one mistake; the student's test for it is judged as well.

What is hunted is no exercise, so that its right version may be known. A unit's own material is the `hunt.py` of its folder.
While grading nothing is hunted, and of this folder a jail sees this file alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

LATER = {"of_unit": "autodiff_lib.hunts.hunt", "units_with_hunts": "autodiff_lib.hunts.hunt"}
"""Name -> the module that has it."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
