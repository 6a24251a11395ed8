"""What Autolab reads: the feedback for people, and as its last line the scores as JSON.

Autolab's problems must have the names of the questions. An ungraded question is left out, so that Autolab leaves
it open, and then there is no line for the scoreboard either: its total is not known.
"""

from __future__ import annotations

import json
from pathlib import Path

from .feedback import Feedback


def report(feedback: Feedback) -> str:
    scores = {item.name: item.points for item in feedback.items if item.points is not None}
    scoreboard = {} if feedback.ungraded else {"scoreboard": [feedback.points]}
    told = "\n\n".join([*feedback.notes, *(item.text for item in feedback.items)])
    return f"{told}\n\n{json.dumps({'scores': scores, **scoreboard})}\n"


def write(path: Path, feedback: Feedback) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report(feedback), encoding="utf-8")
