"""What a variant is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """A right answer to one exercise that looks different from the solution."""

    id: str
    unit: str
    exercise: str
    what: str  # one line: what is different
    cells: tuple[str, ...]  # what stands in place of the solution cell; the last one defines the exercise
