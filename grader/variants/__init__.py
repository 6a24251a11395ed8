"""The catalogue of variants: right answers that look different from the solution. None of them may lose a point."""

from __future__ import annotations

from . import evaluator, operators, transformer
from .variant import Variant

CATALOGUE: dict[str, Variant] = {variant.id: variant for unit in (operators, evaluator, transformer) for variant in unit.VARIANTS}
"""Every variant by its id."""
