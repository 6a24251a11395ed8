"""The student's side of the course: what the notebooks and `autodiff-course` do with a handout. Nothing of it is seen by a jail."""

from .. import notebook_files  # noqa: F401 - before another imports nbformat, and a second goes by
from .panel import hand_in, progress

__all__ = ["hand_in", "progress"]
