"""Runs in the kernel of a student's notebook: asks its checks, and tells what they say as data."""

from __future__ import annotations

from collections.abc import Sequence

from IPython.display import display

from .. import checks
from ..checks import session
from ..checks.report import Score, headline, text
from ..checks.ungraded import Report

MIME = "application/vnd.autodiff.checks+json"


def tell(unit: str, names: Sequence[str] = ()) -> None:
    """Show what the checks of a unit say, all or those named, as one piece of JSON that `fresh` looks for."""
    check = checks.of_unit(unit)
    found = []
    for name in names or checks.questions(unit):
        score = check(name)
        assert isinstance(score, Score | Report)  # a check with a name
        verdict = score.verdict
        found.append(
            {
                "name": name,
                "points": verdict.points,
                "max_points": verdict.max_points,
                "reason": verdict.reason,
                "headline": " ".join(headline(verdict)[::2]),
                "text": text(verdict, score.question),
            }
        )
    display({MIME: {"exercises": found, "flags": [*session.seen(unit).flags]}}, raw=True)
