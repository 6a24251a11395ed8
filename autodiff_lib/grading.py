"""Whether a grader runs a notebook: nobody is there to predict, to press a button or to look at a picture."""

from __future__ import annotations

import os

BY_NBGRADER = "NBGRADER_EXECUTION"  # a variable that nbgrader gives to the kernels in which it runs notebooks


def graded() -> bool:
    """In a jail this variable is not there: the grader puts its own answers in the place of what would ask."""
    return BY_NBGRADER in os.environ
