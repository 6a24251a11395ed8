"""The catalogue of mistakes: wrong answers that students really give, each made from the solution by an edit."""

from __future__ import annotations

from .mistake import Mistake
from .operators import MISTAKES as OPERATORS

CATALOGUE: dict[str, Mistake] = {mistake.id: mistake for mistake in OPERATORS}
"""Every mistake by its id."""
