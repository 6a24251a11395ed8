"""What an exercise may not be answered with: found by looking at the code, without running it.

Ready-made versions of the exercise, torch's autograd, the library's own insides, and the roundabout ways to
them. A helper that uses one of these is as good as the thing itself, so names are followed through the notebook.
The probes refuse ready-made operators as well, while they run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .intake import Submission, expected_cells

EVERYWHERE = {
    "autograd", "requires_grad_", "backward", "func", "functorch", "vjp", "jacrev", "jacobian",
    "graphlib", "TopologicalSorter", "networkx", "toposort",
    "graph_data", "graph_drawing", "inputs_first", "evaluation_order", "evaluate_untrusted",
    "probe", "wire", "watch", "judge", "reference", "inmate",
    "exec", "eval", "compile", "__import__", "import_module", "importlib", "ctypes", "gc", "inspect", "_getframe",
    "__globals__", "__builtins__", "__subclasses__", "__code__", "__dict__", "globals", "vars", "modules",
}  # fmt: skip
READY_MADE = {
    "softmax": {"softmax", "log_softmax", "softmin", "_softmax", "Softmax", "LogSoftmax", "scaled_dot_product_attention"},
    "layernorm": {"layer_norm", "native_layer_norm", "LayerNorm", "group_norm", "GroupNorm", "batch_norm", "instance_norm"},
}
OURS = {"ad", "autodiff_lib"}  # ad.softmax makes a node: that is no ready-made answer


def findings(submission: Submission) -> dict[str, str]:
    """Exercise -> what in its cell, or in a helper that it uses, is refused."""
    given = {"".join(text.split()) for text in released_sources(submission.unit)}
    trees = []
    for cell in submission.cells:
        if "".join(cell.source.split()) not in given:
            tree = parsed(cell.source)
            if tree is not None:
                trees.append((cell.exercise, tree))
    found: dict[str, str] = {}
    for exercise in expected_cells(submission.unit)[0]:
        refused = EVERYWHERE | READY_MADE.get(exercise, set())
        tainted = tainted_names([tree for other, tree in trees if other is None], refused)
        for tree in (tree for other, tree in trees if other == exercise):
            name = next((name for name in references(tree) if name in refused | tainted), None)
            if name is not None:
                found[exercise] = name
    return found


def released_sources(unit: str) -> list[str]:
    from .nbgrader_course import source

    return [
        cell.source for cell in source(unit).cells if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("solution")
    ]


def parsed(text: str) -> ast.Module | None:
    kept = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines())
    try:
        return ast.parse(kept)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def tainted_names(trees: list[ast.Module], refused: set[str]) -> set[str]:
    """Names that top-level statements of helper cells bind with the help of something refused."""
    tainted: set[str] = set()
    while True:
        before = len(tainted)
        for tree in trees:
            for statement in tree.body:
                if any(name in refused | tainted for name in references(statement)):
                    tainted |= set(bound(statement))
        if len(tainted) == before:
            return tainted


def references(tree: ast.AST) -> Iterator[str]:
    """Every name, attribute, imported module and short text in a piece of code."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name):
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
            case ast.Constant(value=str(text)) if len(text) < 60 and "\n" not in text and " " not in text and "(" not in text:
                yield from text.split(".")
            case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]) if not isinstance(name, ast.Constant):
                yield "eval"  # a name that is put together at run time is as good as eval


def bound(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.split(".")[0]
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
