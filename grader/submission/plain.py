"""Dataclasses as JSON and back. What comes back is taken only in the form that the dataclass declares."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


class FormError(ValueError):
    """A value that has not the form that was expected; the message says where."""


def dumps(value: Any, indent: int | None = None) -> str:
    """A dataclass as JSON; bytes in it as base64."""
    return json.dumps(asdict(value), indent=indent, default=lambda content: base64.b64encode(content).decode())


def loads(kind: type[T], text: str | bytes) -> T:
    """A dataclass from JSON. FormError for whatever else the text is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormError(f"it is not JSON: {type(error).__name__}") from None
    return built(kind, value, kind.__name__)


def is_text(text: str | bytes) -> bool:
    """Whether all that stands in some JSON can be written as UTF-8, in which there are no halves of characters."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def built(kind: Any, value: Any, where: str) -> Any:
    """The value, made of plain ones, as `kind`: a dataclass, a list, tuple or dictionary of such, or a plain one itself."""
    if isinstance(kind, type) and is_dataclass(kind):
        declared = forms(kind)
        if not isinstance(value, dict) or not value.keys() <= declared.keys():
            raise FormError(f"{where} must have the fields {', '.join(declared)}")
        if absent := [name for name in needed(kind) if name not in value]:
            raise FormError(f"{where} lacks {', '.join(absent)}")
        return kind(**{name: built(declared[name], inner, f"{where}.{name}") for name, inner in value.items()})
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (list, tuple) and isinstance(value, list):
        return origin(built(inside[0], inner, where) for inner in value)
    if origin is dict and isinstance(value, dict):
        return {name: built(inside[1], inner, where) for name, inner in value.items()}
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return value
    if kind is bytes and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            raise FormError(f"{where} is not base64") from None
    if kind in (str, bool, int) and type(value) is kind:
        return value
    raise FormError(f"{where} must be of the form {kind}, got {type(value).__name__}")


@cache
def forms(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def needed(kind: type) -> tuple[str, ...]:
    """The fields that have no default."""
    return tuple(one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING)
