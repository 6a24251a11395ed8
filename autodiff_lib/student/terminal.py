"""What the commands for a terminal have in common: letters that a console lacks, errors as sentences, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import TextIOWrapper

from .checking import COULD_NOT
from .fresh import NoAnswerError

STOPPED = 130
"""The exit code of whoever is interrupted."""


def done(action: Callable[[], int]) -> int:
    """The exit code of an action; where it cannot be done, it says why."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console may lack a letter
    try:
        return action()
    except (NoAnswerError, ValueError, OSError) as error:  # what is missing of a handout is a ValueError
        print(error, file=sys.stderr)
        return COULD_NOT
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED
