"""The one boundary at which the failure of a step in a submission's way becomes a reason, and costs nobody else anything."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from ..submission.jail import JailError

LOG = logging.getLogger("grader")
HOST = (JailError, InterfaceError, InternalError, OperationalError)
"""What is no submission's fault, and would happen to the next one as well: no jail, no gradebook."""

T = TypeVar("T")


def alone(step: str, student: str, do: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """What a step comes to; where it fails, what `otherwise` makes of the reason. The traceback is logged for a person."""
    try:
        return do()
    except HOST:
        raise
    except Exception as error:
        LOG.exception("%a: %s failed", student, step)
        return otherwise(f"{step} it failed ({type(error).__name__}): what was logged says where")  # its message may hold hidden numbers
