"""nbformat, imported without a grammar that no notebook's schema needs.

nbformat imports jsonschema, and jsonschema imports `rfc3987_syntax` where it is installed, which takes longer than all
the rest. While jsonschema is imported it is not found; afterwards whoever wants it can import it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

GRAMMAR = "rfc3987_syntax"


@contextmanager
def not_found(module: str) -> Iterator[None]:
    """While open, nobody who has not imported the module can do so."""
    modules = cast(dict[str, Any], sys.modules)
    if module in modules:
        yield
        return
    modules[module] = None
    try:
        yield
    finally:
        del modules[module]


with not_found(GRAMMAR):
    import jsonschema  # noqa: F401 - nbformat's, which is imported with it
    import nbformat
    from nbformat import NotebookNode

__all__ = ["NotebookNode", "nbformat"]
