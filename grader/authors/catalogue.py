"""All mistakes that students really make, and all right answers that look different: what the units' folders list."""

from __future__ import annotations

from autodiff_lib.units import UNITS

from ..units import Mistake, Variant, part_of

MISTAKES: dict[str, Mistake] = {mistake.id: mistake for unit in UNITS for mistake in part_of(unit, "mistakes").MISTAKES}
VARIANTS: dict[str, Variant] = {variant.id: variant for unit in UNITS for variant in part_of(unit, "variants").VARIANTS}
