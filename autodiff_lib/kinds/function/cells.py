"""How the cells of functions are known, and of classes and methods: by the name that is defined there, as their decorators take it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from ...checks.cells import Pattern
from ...checks.names import DEFINITION, Code, Place, descendants

BEGINNING = r"^(?:[ \t]*@[^\n]*\n[ \t]*)?(?:def|class)[ \t]+(NAMES)\b"
"""Of a definition that stands at the beginning of a line, or below a decorator: what is inside of another one has a name of its own."""


def defined_by(code: Code, place: Place, names: Collection[str]) -> set[str]:
    return {node.name for node in definitions(place.node)} & set(names)


def definitions(statement: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Those that a statement makes, under an `if` as well; inside of another one, those with a decorator, which may register them."""
    inside = {inner for node in descendants(statement) if isinstance(node, DEFINITION) for inner in descendants(node) if inner is not node}
    for node in descendants(statement):
        if isinstance(node, DEFINITION) and (node not in inside or node.decorator_list):
            yield node


PATTERN = Pattern(lambda unit: unit.functions, defined_by, BEGINNING)
