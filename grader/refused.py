"""What an exercise may not be answered with: found by looking at the code, without running it.

Ready-made versions of the exercise, torch's autograd, the library's own insides, and the roundabout ways to
them. The look starts at the exercise's definition and follows the names that it uses through the notebook, so
a helper counts, and an experiment beside it does not. The probes refuse ready-made operators as well, while they run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .intake import Submission, definition, expected_cells, parsed

EVERYWHERE = {
    "reference", "probe", "judge", "watch", "staleness", "autograd", "requires_grad_", "backward", "functorch", "vjp", "jacrev", "jacobian",
    "graphlib", "TopologicalSorter", "networkx", "toposort",
    "graph_data", "graph_drawing", "inputs_first", "evaluation_order", "evaluate_untrusted", "wire", "inmate",
    "exec", "eval", "compile", "__import__", "import_module", "importlib", "ctypes", "gc", "inspect", "_getframe",
    "__globals__", "__builtins__", "__subclasses__", "__code__", "__dict__", "globals", "modules",
}  # fmt: skip
"""Refused as a global name, an attribute or a module."""

READY_MADE = {
    "softmax": {"softmax", "log_softmax", "softmin", "_softmax", "Softmax", "LogSoftmax", "scaled_dot_product_attention"},
    "layernorm": {"layer_norm", "native_layer_norm", "LayerNorm", "group_norm", "GroupNorm", "batch_norm", "instance_norm"},
}
OURS = {"ad", "autodiff_lib"}  # ad.softmax makes a node: that is no ready-made answer
BY_NAME = {"getattr", "hasattr", "attrgetter", "methodcaller", "__getattribute__"}


def findings(submission: Submission) -> dict[str, str]:
    """Exercise -> what in its definition, or in a helper that it reaches, is refused."""
    statements = [statement for cell in submission.cells if (tree := parsed(cell.source)) for statement in tree.body]
    makers: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in bound(statement):
            makers.setdefault(name, []).append(statement)
    found: dict[str, str] = {}
    for exercise in expected_cells(submission.unit)[0]:
        refused = EVERYWHERE | READY_MADE.get(exercise, set())
        pattern = definition(exercise, submission.unit)
        todo = [statement for statement in statements if pattern.search(ast.unparse(statement))]
        seen: set[int] = set()
        while todo and exercise not in found:
            statement = todo.pop()
            if id(statement) in seen:
                continue
            seen.add(id(statement))
            for name in references(statement):
                if name in refused:
                    found[exercise] = name
                    break
                todo += makers.get(name, [])
    return found


def references(statement: ast.stmt) -> Iterator[str]:
    """The global names, attributes and modules that a statement uses."""
    local = set(local_names(statement))
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in local:
                yield name
            case ast.Attribute(value=ast.Name(id=base), attr=attr) if base in OURS and attr in READY_MADE:
                continue
            case ast.Attribute(attr=name):
                yield name
            case ast.Import(names=aliases):
                yield from (part for alias in aliases for part in alias.name.split("."))
            case ast.ImportFrom(module=module, names=aliases):
                yield from (module or "").split(".")
                yield from (alias.name for alias in aliases)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=arguments) if called in BY_NAME:
                for argument in arguments:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield from argument.value.split(".")
                    elif called == "getattr" and argument is arguments[-1 if len(arguments) == 2 else 1]:
                        yield "eval"  # a name that is put together at run time is as good as eval


def local_names(statement: ast.stmt) -> Iterator[str]:
    """Names that functions inside the statement bind for themselves."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            yield from (argument.arg for argument in listed if argument is not None)
            body = node.body if isinstance(node.body, list) else []
            for inner in (inner for part in body for inner in ast.walk(part)):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id


def bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement binds for the cells after it."""
    for node in ast.walk(statement):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.split(".")[0]
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
