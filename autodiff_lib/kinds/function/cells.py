"""How the cells of functions are known, and of classes and methods: by the name that is defined there, as their decorators take it."""

from __future__ import annotations

from collections.abc import Collection

from ...checks.cells import Pattern
from ...checks.names import DEFINITION, Code, Place, descendants


def defined_by(code: Code, place: Place, names: Collection[str]) -> set[str]:
    return {node.name for node in descendants(place.node) if isinstance(node, DEFINITION)} & set(names)


PATTERN = Pattern(lambda unit: unit.functions, defined_by, r"^[ \t]*(?:def|class) (NAMES)\b")
