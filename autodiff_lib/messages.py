"""Values as messages show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MAX_LISTED = 200  # characters of a list in a message


def describe_value(value: Any) -> str:
    """A value for a message: its type, and its shape or its text where that is short."""
    shape = getattr(value, "shape", None)
    text = repr(float(f"{value:.6g}") if isinstance(value, float) else value)  # last digits differ from processor to processor
    detail = f" of shape {tuple(shape)}" if shape is not None else f" {text}"
    return type(value).__name__ + (detail if len(detail) < 40 else "")


def brief(values: Sequence[Any]) -> str:
    """A list that may be long, for a message."""
    text = str(values[:MAX_LISTED])
    return text if len(text) <= MAX_LISTED else f"{text[: MAX_LISTED - 2]} …"
