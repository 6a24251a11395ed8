"""How the cells of operators are known: by the signature that is handed to a decorator, or to `operator`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from ...checks.cells import Pattern
from ...checks.names import DEFINITION, Code, Place, descendants
from ...units import names_of


def defined_by(code: Code, place: Place, names: Collection[str]) -> set[str]:
    definitions = [node for node in descendants(place.node) if isinstance(node, DEFINITION)]
    decorators = {decorator for node in definitions for decorator in node.decorator_list}
    return set(names) & {text.partition("(")[0].strip() for text in signatures(code, place, decorators)}


def signatures(code: Code, place: Place, decorators: Collection[ast.expr]) -> Iterator[str]:
    """The texts that a statement hands to its decorators, or to `operator`."""
    for use in code.uses(place):
        call = use.node
        if isinstance(call, ast.Call) and (call in decorators or "autodiff_lib.operator" in code.paths(call.func, use.scope)):
            for value in (*call.args, *(keyword.value for keyword in call.keywords)):
                text = code.constant(value, use.scope)
                if text is not None and "(" in text:
                    yield text


PATTERN = Pattern(
    lambda unit: names_of(unit.operators),
    defined_by,
    r"""(?:operator\([^\n]*?["']\s*(?=(?:NAMES)\s*\()|^[ \t]*(?:def|class) )(NAMES)\b""",
)
