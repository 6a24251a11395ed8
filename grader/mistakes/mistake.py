"""What a mistake is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A known wrong implementation of one exercise: the solution with `edits` made in it, in order."""

    id: str
    unit: str
    exercise: str
    what: str  # what is wrong, so that it completes "your answers are exactly those of code in which ..."
    hint: str  # what a teacher says on seeing it: a question or a pointer, never the fix
    edits: tuple[tuple[str, str], ...]  # (text of the solution cell, what the student wrote instead)

    def cell(self, solution: str) -> str:
        """The wrong solution cell. ValueError where the solution no longer has the text to edit."""
        for old, new in self.edits:
            if old not in solution:
                raise ValueError(f"mistake {self.id}: the solution of {self.exercise} has no text {old!r}; mend its edits")
            solution = solution.replace(old, new)
        return solution
