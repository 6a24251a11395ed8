"""All that the library relies on of IPython, and that its documentation does not promise.

What of it a jail relies on is in `grader/submission/inmate.py`. `tests/test_contracts.py` holds each name to what it is
used for, and says which one a new version has changed.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any

from IPython import get_ipython
from IPython.core.inputtransformer2 import TransformerManager

RUNS_MAGIC = {"run_line_magic", "run_cell_magic"}
"""Methods of the shell: what a magic becomes is a call of one of them, with its name and the texts that it gets."""


def as_python(cell: str) -> str:
    """A cell's text with %magics, !commands and help? as calls. SyntaxError where even that cannot be told."""
    return TransformerManager().transform_cell(cell)


def magic(node: ast.AST) -> list[str]:
    """The name and the texts of the magic that a part of a cell's code runs, of `as_python`; nothing where it runs none."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=method)) if method in RUNS_MAGIC:
            return [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
    return []


def cells_run() -> list[str]:
    """The cells of the session in the order in which they ran; none outside of IPython."""
    shell = get_ipython()
    return [] if shell is None else [text for text in shell.user_ns.get("In", []) if isinstance(text, str) and text.strip()]


def shows_html() -> bool:
    """Whether what a cell ends in is shown as HTML: in a notebook, and not in a terminal."""
    return hasattr(get_ipython(), "kernel")


def text_behind(code: CodeType) -> str:
    """The text of the cell that some code was compiled from; empty where nobody knows it."""
    return "".join(linecache.getlines(code.co_filename))


def remember(filename: str, text: str) -> None:
    """Make some text known as that of a file of this name, so that tracebacks show its lines."""
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)


def keep_going(excused: Callable[[BaseException], str], succeeded: Callable[[], None]) -> None:
    """Let a cell that ends in an exception which is `excused`, by the sentence that it returns, count as one that ran.

    The sentence is shown instead of the traceback, and Run All goes on. `succeeded` is called after each cell without an
    error. Outside of a notebook nothing is done. The first call is the one that counts: that of the notebook's own unit,
    before it loads the units that it needs.
    """
    shell = get_ipython()
    if shell is None or not shows_html():
        return
    forgiven: list[BaseException] = []

    def handle(shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
        if sentence := excused(error):
            print(sentence)
            forgiven.append(error)
        else:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    def afterwards(result: Any) -> None:
        if any(result.error_in_exec is error for error in forgiven):
            result.error_in_exec = None
        elif result.success:
            succeeded()
        forgiven.clear()

    if any(one.__name__ == afterwards.__name__ for one in shell.events.callbacks["post_run_cell"]):
        return
    shell.set_custom_exc((Exception,), handle)
    shell.events.register("post_run_cell", afterwards)
