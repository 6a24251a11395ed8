"""What an exercise may not be answered with: found by looking at the code, without running it.

Ready-made versions of the exercise, torch's autograd, the library's own insides, and the roundabout ways to
them. The look starts at the exercise's definition and follows the names that it uses through the notebook, so
a helper counts, and an experiment beside it does not. A helper may have any name, `softmax` too: what counts is
what it does. The probes refuse ready-made operators as well, while they run.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from functools import cache

from autodiff_lib import exercises
from autodiff_lib.checks.transformer import INSIDE
from autodiff_lib.graph import Op, table

from .intake import Submission, expected_cells, experiments, parsed, squeezed

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
IN_UNIT = {
    "03_transformer_lm": {
        "nn", "functional", "scaled_dot_product_attention", "MultiheadAttention", "cross_entropy", "CrossEntropyLoss", "nll_loss",
        "TransformerDecoderLayer", "TransformerEncoderLayer", "optim", "enable_grad", "set_grad_enabled", "inference_mode",
    },
}  # fmt: skip
"""Unit -> what none of its exercises may use."""

REPLACED = {**INSIDE, "generate": ["logits_of", "CONTEXT"]}
"""Exercise -> names under which something of the probe's stands while it is asked, whatever the notebook binds to them."""

OURS = {"ad", "autodiff_lib"}
OPERATORS = {name for name, op in table.items() if isinstance(op, Op)}  # ad.softmax makes a node: that is no ready-made answer
BY_NAME = {"getattr", "hasattr", "attrgetter", "methodcaller", "__getattribute__"}
HARMLESS = {"math", "numpy", "typing"}  # modules whose `import *` binds nothing that is refused

DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def findings(submission: Submission) -> dict[str, str]:
    """Exercise -> what in its definition, or in a helper that it reaches, is refused."""
    cells = [cell for cell in submission.cells if squeezed(cell.source) not in experiments(submission.unit)]
    statements = [statement for cell in cells if (tree := parsed(cell.source)) for statement in tree.body]
    makers: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in filter(None, map(binding, ast.walk(statement))):  # at any depth: a function may bind a `global`
            makers.setdefault(name, []).append(statement)
    own = own_definitions(statements)
    uses = cache(lambda statement: list(references(statement)))  # every exercise asks about the same statements
    signs = cache(lambda statement: list(signatures(statement)))
    found: dict[str, str] = {}
    for exercise in expected_cells(submission.unit)[0]:
        refused = EVERYWHERE | READY_MADE.get(exercise, set()) | IN_UNIT.get(submission.unit, set())
        todo = [statement for statement in statements if defines(statement, signs(statement), exercise, submission.unit)]
        seen: set[int] = set()
        while todo and exercise not in found:
            statement = todo.pop()
            if id(statement) in seen:
                continue
            seen.add(id(statement))
            for name, bare in uses(statement):
                if name in refused and not (bare and name in own):
                    found[exercise] = name
                    break
                if name not in REPLACED.get(exercise, ()):
                    todo += makers.get(name, [])
    return found


def defines(statement: ast.stmt, signed: list[str], exercise: str, unit: str) -> bool:
    """Whether a statement, with the texts that it signs operators by, puts an exercise into the table."""
    if not any(signature.startswith(exercise + "(") for signature in exercises.OPERATORS.get(unit, [])):
        return any(isinstance(node, DEFINITION) and node.name == exercise for node in ast.walk(statement))
    return any(signature.strip().startswith(exercise + "(") for signature in signed)


def signatures(statement: ast.stmt) -> Iterator[str]:
    """Texts that a statement hands to a decorator, or to `operator`."""
    for node in ast.walk(statement):
        calls = [call for call in node.decorator_list if isinstance(call, ast.Call)] if isinstance(node, DEFINITION) else []
        match node:
            case ast.Call(func=ast.Name(id="operator") | ast.Attribute(attr="operator")):
                calls.append(node)
        for call in calls:
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            yield from (value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str))


def references(statement: ast.stmt) -> Iterator[tuple[str, bool]]:
    """The global names, attributes and modules that a statement uses, and whether each is a bare name."""
    for node, local in scoped(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name not in local:
                yield name, True
            case ast.Attribute(value=ast.Name(id=base), attr=attr) if base in OURS and attr in OPERATORS:
                continue
            case ast.Attribute(attr=name):
                yield name, False
            case ast.Import(names=aliases):
                yield from ((part, False) for alias in aliases for part in alias.name.split("."))
            case ast.ImportFrom(module=module, names=aliases):
                yield from ((part, False) for part in (module or "").split("."))
                yield from ((alias.name, False) for alias in aliases)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=arguments) if called in BY_NAME:
                for argument in arguments:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield from ((part, False) for part in argument.value.split("."))
                    elif called == "getattr" and argument is arguments[-1 if len(arguments) == 2 else 1]:
                        yield "eval", False  # a name that is put together at run time is as good as eval


# --- which name is whose


def binding(node: ast.AST) -> str | None:
    """The name that a node binds, or takes away, in the scope in which it runs."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.alias(name=name, asname=asname):
            return asname or name.split(".")[0]
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name) | ast.MatchMapping(rest=name):
            return name
    return None


def own_definitions(statements: list[ast.stmt]) -> set[str]:
    """Names of the notebook that it binds by `def` or `class`, and never in another way.

    Built-in names are not among them: they are there as well, as soon as the definition is taken away.
    """
    if any(star and module not in HARMLESS for statement in statements for module, star in imported_from(statement)):
        return set()  # nobody knows what a star binds
    run = [node for node in same_scope(statements) if binding(node)]
    defined = {node.name for node in run if isinstance(node, DEFINITION)}
    otherwise = {binding(node) for node in run if not isinstance(node, DEFINITION)}
    otherwise |= {name for statement in statements for name in declared_global(ast.walk(statement))}
    return defined - otherwise - set(vars(builtins))


def imported_from(statement: ast.stmt) -> Iterator[tuple[str | None, bool]]:
    """The modules that a statement imports from, and whether by a star."""
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom):
            yield node.module, any(alias.name == "*" for alias in node.names)


def declared_global(nodes: Iterable[ast.AST]) -> Iterator[str]:
    return (name for node in nodes if isinstance(node, ast.Global) for name in node.names)


def scoped(statement: ast.stmt) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """A statement and all below it, each part with the names that are local to the functions around it."""
    todo: list[tuple[ast.AST, frozenset[str]]] = [(statement, frozenset())]
    for node, local in todo:
        yield node, local
        if isinstance(node, COMPREHENSION):
            todo += parts_of_comprehension(node, local)
            continue
        apart = {id(part) for part in inner(node)}
        within = local_in(node, local) if isinstance(node, FUNCTION) else local
        todo += [(child, within if id(child) in apart else local) for child in ast.iter_child_nodes(node)]


def parts_of_comprehension(node: COMPREHENSION, local: frozenset[str]) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """Its loop variables are its own, except in what it first loops over."""
    first = node.generators[0]
    targets = (part for generator in node.generators for part in ast.walk(generator.target))
    within = local | {name for part in targets if (name := binding(part))}
    for child in ast.iter_child_nodes(node):
        for part in ast.iter_child_nodes(child) if isinstance(child, ast.comprehension) else [child]:
            yield part, local if part is first.iter else within


def local_in(function: FUNCTION, around: frozenset[str]) -> frozenset[str]:
    """The names that are local inside a function, `around` being those of the functions around it."""
    listed = function.args
    arguments = [*listed.posonlyargs, *listed.args, *listed.kwonlyargs, listed.vararg, listed.kwarg]
    run = [*same_scope(inner(function))]
    own = {argument.arg for argument in arguments if argument is not None} | {name for node in run if (name := binding(node))}
    return (around | own) - {*declared_global(run)}


def same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them that bind names where they do: not the insides of functions and classes."""
    todo = [*nodes]
    for node in todo:
        yield node
        apart = {id(part) for part in inner(node)}
        todo += [child for child in ast.iter_child_nodes(node) if id(child) not in apart]


def inner(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that bind names in a scope of their own."""
    match node:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body) | ast.ClassDef(body=body):
            return body
        case ast.Lambda(body=part) | ast.comprehension(target=part):
            return [part]
    return []
