"""`python -m autodiff_lib.check UNIT [NAME]`: the checks of a unit in a terminal, all, of one exercise, or of a group.

The engine and the reports are those of `check()` in the notebook, which runs on a fresh kernel first. No jail can run it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .student import checking, terminal


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 0 where all is right, 1 where something is not, 2 where it could not be done."""
    options = parser().parse_args(words)
    return terminal.done(lambda: checking.check(checking.notebook_of(options.unit, Path.cwd()), options.unit, options.name))


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m autodiff_lib.check",
        description="Run a unit's notebook, as it is saved, on a fresh kernel, and ask its checks.\n"
        "Exit code 0: all is right; 1: something is not; 2: it could not be done.",
        epilog=checking.listed_names(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("unit", metavar="UNIT", help="as 01_operators")
    found.add_argument("name", metavar="NAME", nargs="?", help="an exercise, as div, or a group of some, with whole reports")
    return found


if __name__ == "__main__":
    sys.exit(main())
