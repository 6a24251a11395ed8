"""The catalogue of mistakes: wrong answers that students really give, each made from the solution by an edit."""

from __future__ import annotations

from . import evaluator, operators, transformer
from .mistake import Mistake

CATALOGUE: dict[str, Mistake] = {mistake.id: mistake for unit in (operators, evaluator, transformer) for mistake in unit.MISTAKES}
"""Every mistake by its id."""
