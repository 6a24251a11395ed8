"""The program of Gradescope's autograder: grades submission/ with the same engine and judge, writes results/results.json.

It fails, and Gradescope says so, where it cannot grade at all: there is never a score that no judge gave.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from ..classes import work
from ..submission import hidden
from ..submission.jail import Jail, JailError
from ..submission.limits import Limits, limits_of
from ..submission.reading import open_reader
from . import gradescope
from .autograder import SECRET_FILE, UNIT_FILE
from .feedback import of_result

TOTAL_SECONDS = 480  # Gradescope ends an autograder after ten minutes unless told otherwise, and then there is no result


def main(root: Path) -> None:
    """Grade what lies in `root`, which is /autograder there."""
    unit = (root / "source" / UNIT_FILE).read_text().strip()
    secret = root / "source" / SECRET_FILE
    if secret.is_file():
        os.environ[hidden.SECRET] = secret.read_text()
    limits = limits_of(unit, root / "source")
    jail, problem = started(unit, replace(limits, total_seconds=min(limits.total_seconds, TOTAL_SECONDS)))
    try:
        with open_reader(unit, limits) as reader:
            result = work.judged(work.pack(root / "submission", "submission", unit), jail, reader)
    finally:
        jail.stop()
    gradescope.write(root / "results" / "results.json", of_result(result))
    print(f"{unit}: {result.points:g} points, {len(result.ungraded)} questions ungraded")
    if problem:
        print(f"graded without a jail: {problem}")


def started(unit: str, limits: Limits) -> tuple[Jail, str]:
    """A jail; or, where this host cannot have one, the unjailed way, and why. Decided before anything of the student's has run."""
    try:
        jail = Jail(unit, limits)
        jail.start()
        return jail, ""
    except JailError as error:
        problem = str(error)
    jail = Jail(unit, limits, jailed=False)
    jail.start()
    return jail, problem


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
