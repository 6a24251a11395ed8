"""Gradescope's results.json: https://gradescope-autograders.readthedocs.io/en/latest/specs/

Gradescope needs a number for the whole. An ungraded question is a test without a score, which says so, and the
first line above all tests names it: the number then is that of the graded questions alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .feedback import Feedback, Item


def results(feedback: Feedback) -> dict[str, Any]:
    """What results.json holds. The student sees every test at once, and what the grader prints never."""
    return {
        "score": feedback.points,
        "execution_time": round(feedback.seconds),
        "output": "\n\n".join(feedback.notes) or "The notebook was graded as it was submitted.",
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [test(item) for item in feedback.items],
    }


def test(item: Item) -> dict[str, Any]:
    entry = {"name": item.name, "number": str(item.number), "max_score": item.max_points, "output": item.text, "visibility": "visible"}
    if item.points is None:
        return {**entry, "name": f"{item.name} (ungraded)"}
    return {**entry, "score": item.points, "status": "passed" if item.passed else "failed"}


def write(path: Path, feedback: Feedback) -> None:
    """Write it at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(results(feedback), indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)
