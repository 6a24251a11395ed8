"""What the names in a notebook's code stand for, found without running it.

Names are resolved as Python does it, scope by scope (`symtable` knows the scopes), so a name that somebody chose for
something of their own is never taken for a library's. What a name stands for is written as a path: `torch.nn.functional`
for `F` after `import torch.nn.functional as F`. What is somebody's own has no path; what it is made of is followed.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import NoneType
from typing import get_args

from ..ipython import as_python, magic

MAX_LINE = 200  # characters of a line that is shown
MAX_DEPTH = 50  # of names that stand for names, and of attributes of attributes; nobody writes more by hand
SHELL = "IPython.shell"  # what get_ipython() gives
WRITES_MODULE = "writefile"  # the magic that makes a file of a cell

DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
OPENS_SCOPE = FUNCTION | ast.ClassDef | COMPREHENSION
UNSURE = ast.If | ast.For | ast.AsyncFor | ast.While | ast.Try | ast.TryStar | ast.With | ast.AsyncWith | ast.Match
BINDS = (
    DEFINITION | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr | ast.For | ast.AsyncFor
    | ast.comprehension | COMPREHENSION | ast.withitem | ast.Name | ast.Attribute | ast.Subscript | ast.ExceptHandler
    | ast.MatchAs | ast.MatchStar | ast.arg
)  # fmt: skip
READS = ast.Name | ast.Attribute | ast.Subscript | ast.Call
OPENING, BINDING, READING = (frozenset(get_args(kinds)) for kinds in (OPENS_SCOPE, BINDS, READS))  # asked of every node: a set is quicker
LEAVES_UNSURE = OPENING | frozenset(get_args(UNSURE))
TABLE_NAMES = {
    ast.Lambda: "lambda",
    ast.ListComp: "listcomp",
    ast.SetComp: "setcomp",
    ast.DictComp: "dictcomp",
    ast.GeneratorExp: "genexpr",
}

PathsOf = Callable[..., set[str]]
"""Of a part of the code, in a scope: what it stands for."""

Values = dict[ast.AST, tuple[ast.AST, "Scope"]]
"""Target of an assignment -> what is assigned to it, and where that is looked up."""

Tables = dict[tuple[str, int], deque[symtable.SymbolTable]]
"""Name and line -> the scopes that open there, in the order of the text."""


@dataclass(frozen=True)
class Parsed:
    """A cell as Python sees it: the lines that IPython makes of it, their tree, and its scopes."""

    lines: tuple[str, ...]
    tree: ast.Module
    table: symtable.SymbolTable


@lru_cache(maxsize=4096)  # the same cells come again and again
def parsed(cell: str) -> Parsed | None:
    """A cell, after IPython's own lines have become Python; None where it is not Python."""
    try:
        text = as_python(cell)
        return Parsed(tuple(text.splitlines()), ast.parse(text), symtable.symtable(text, "<cell>", "exec"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@dataclass(eq=False)
class Scope:
    """A scope, and what is bound in it. The one of a module has no table: each of its cells has its own. That of a comprehension
    needs none: its variables are its own, and from Python 3.12 on its table is merged into the one around it."""

    table: symtable.SymbolTable | None = None
    parent: Scope | None = None
    own: frozenset[str] = frozenset()  # the variables of a comprehension
    bound: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)  # modules of which everything is imported


@dataclass(frozen=True, eq=False)
class Binding:
    """One of the places that bind a name: to a path, or to what is made of `source`, or to nobody knows what."""

    scope: Scope  # in which the names of `source` are looked up
    path: str = ""
    source: ast.AST | None = None
    certain: bool = False  # whether it happens whenever the module runs: then it takes the name from all before it


@dataclass(frozen=True, eq=False)
class Place:
    """A part of the code, the scope in which its names are looked up, and the lines of its cell."""

    node: ast.AST
    scope: Scope
    lines: tuple[str, ...]

    def __str__(self) -> str:
        number = getattr(self.node, "lineno", 0)
        return f"line {number}: {self.lines[number - 1].strip()[:MAX_LINE]}" if 0 < number <= len(self.lines) else "line 1"


class Code:
    """A notebook's cells in the order in which they run, and the modules that come along as files (name -> text)."""

    def __init__(self, cells: Iterable[str], files: Mapping[str, str] | None = None) -> None:
        self.modules: dict[str, Scope] = {"": Scope()}  # own modules by name; the notebook is the one without
        self.cells: list[list[Place] | None] = []  # the statements of each cell; None for one that is not Python
        self.scopes: dict[ast.AST, Scope] = {}
        self.lines: dict[ast.AST, tuple[str, ...]] = {}  # what something is made of -> the lines of its cell
        self.used: dict[ast.AST, list[Place]] = {}
        self.stands_for: dict[ast.AST, set[str]] = {}
        self.owners: dict[tuple[Scope, str], Scope] = {}
        self.names: dict[tuple[Scope, str], set[str]] = {}
        self.hold: dict[tuple[Scope, str], list[Binding]] = {}
        for name, text in (files or {}).items():
            self.read(text, name)
        for cell in cells:
            self.cells.append(self.read(cell))

    @property
    def statements(self) -> list[Place]:
        """Of the notebook, in their order."""
        return [place for places in self.cells for place in places or ()]

    def read(self, cell: str, module: str = "") -> list[Place] | None:
        """Read a cell as a part of a module, with what it hands to magics: its statements; None where it is not Python."""
        found = parsed(cell)
        if found is None:
            return None
        scope, tables = self.modules.setdefault(module, Scope()), children_of(found.table)
        places: list[Place] = []
        for statement in found.tree.body:
            self.enter(statement, scope, tables, found.lines)
            places.append(Place(statement, scope, found.lines))
            for becomes, code in handed_to_magics(statement):
                inner = self.read(code, becomes)
                places += inner or [] if not becomes else []
        return places

    # --- who binds what

    def enter(self, statement: ast.stmt, module: Scope, tables: Tables, lines: tuple[str, ...]) -> None:
        """Note the scopes that a statement opens, and what it binds at any depth."""
        values: Values = {}
        todo: list[tuple[ast.AST, Scope, Tables, bool]] = [(statement, module, tables, True)]
        while todo:
            node, scope, around, certain = todo.pop()
            kind = type(node)
            if kind in BINDING and type(getattr(node, "ctx", None)) is not ast.Load:
                self.bind(node, scope, certain, values, lines)
            inside: set[int] = set()
            within, inner = around, scope
            if kind in OPENING:
                table = taken(around, node)
                inner = Scope(None, scope, own=variables_of(node)) if isinstance(node, COMPREHENSION) else Scope(table, scope)
                self.scopes[node] = inner
                within = around if table is None else children_of(table)
                inside = {id(part) for part in inner_parts(node)}
            certain &= kind not in LEAVES_UNSURE
            for part in reversed(parts_of(node)):
                todo.append((part, inner, within, False) if id(part) in inside else (part, scope, around, certain))

    def bind(self, node: ast.AST, scope: Scope, certain: bool, values: Values, lines: tuple[str, ...]) -> None:
        """Note what a node binds, and for the targets below it what they will be bound to."""

        def note(name: str, path: str = "", source: ast.AST | None = None, read_in: Scope = scope, certain: bool = certain) -> None:
            owner = self.owner(name, scope)
            owner.bound.setdefault(name, []).append(Binding(read_in, path, source, certain and owner is scope))
            if source is not None:
                self.lines[source] = lines

        def assign(target: ast.expr, value: ast.expr) -> None:
            for part, own in pairs(target, value):
                values.setdefault(part, (own, scope))

        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                note(name, source=node)
            case ast.Import(names=aliases):
                for alias in aliases:
                    first = alias.name.split(".")[0]
                    note(alias.asname or first, alias.name if alias.asname else first)
            case ast.ImportFrom(module=source, names=aliases):
                for alias in aliases:
                    if alias.name == "*":
                        scope.stars.append(source or "")
                    else:
                        note(alias.asname or alias.name, f"{source}.{alias.name}")
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    assign(target, value)
            case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value) if value is not None:
                assign(target, value)
            case ast.AugAssign(target=target, value=value):
                assign(target, value)
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                assign(node.target, node.iter)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                assign(node.generators[0].target, node.generators[0].iter)  # which is looked up around it
            case ast.withitem(context_expr=value, optional_vars=target) if target is not None:
                assign(target, value)
            case ast.Name(id=name, ctx=ast.Store()):
                assigned, read_in = values.get(node, (None, scope))
                note(name, source=assigned, read_in=read_in, certain=certain and assigned is not None)
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()) if isinstance(root := root_of(node), ast.Name):
                assigned, read_in = values.get(node, (None, scope))
                note(root.id, source=assigned, read_in=read_in, certain=False)  # a part of it is made of something else from here on
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.arg(arg=name):
                note(name)

    def owner(self, name: str, scope: Scope) -> Scope:
        """The scope to which a name belongs where it is used."""
        if (scope, name) not in self.owners:
            self.owners[scope, name] = self.found_owner(name, scope)
        return self.owners[scope, name]

    def found_owner(self, name: str, scope: Scope) -> Scope:
        """The same, looked for."""
        start = scope
        while scope.parent is not None:
            if name in scope.own:
                return scope
            symbol = symbol_of(name, scope.table)
            if symbol is not None and symbol.is_global():
                break
            if symbol is not None and symbol.is_local() and (scope is start or not is_class(scope)):
                return scope
            scope = scope.parent
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def bindings(self, name: str, scope: Scope) -> list[Binding]:
        """Of the places that bind a name those that may hold once all cells have run."""
        owner = self.owner(name, scope)
        if (owner, name) not in self.hold:
            found = list(owner.bound.get(name, []))
            if is_class(owner) and owner.parent is not None:  # read before it is bound there, it is that of the scopes around
                found += self.bindings(name, owner.parent)
            last = max((number for number, binding in enumerate(found) if binding.certain), default=0)
            self.hold[owner, name] = found[last:]
        return self.hold[owner, name]

    # --- what is used

    def uses(self, place: Place) -> list[Place]:
        """The names and attributes that a part of the code reads, at any depth, each with its scope."""
        if place.node not in self.used:
            ahead, found = [(place.node, place.scope)], []
            for node, scope in ahead:
                kind = type(node)
                if kind in READING and type(getattr(node, "ctx", None)) in (ast.Load, NoneType):
                    found.append(Place(node, scope, place.lines))
                if kind in OPENING:
                    inside = {id(part) for part in inner_parts(node)}
                    ahead += [(part, self.scopes[node] if id(part) in inside else scope) for part in parts_of(node)]
                else:
                    ahead += [(part, scope) for part in parts_of(node)]
            self.used[place.node] = found
        return self.used[place.node]

    def made_of(self, place: Place) -> Iterator[Place]:
        """What a name, or an attribute of an own module, is made of: definitions and expressions elsewhere in the code."""
        if isinstance(place.node, ast.Name):
            yield from self.bound_to(place.node.id, place.scope)
        for path in self.paths(place.node, place.scope):
            module, _, name = path.partition(".")
            if module and module in self.modules:
                yield from self.bound_to(name.split(".")[0], self.modules[module])

    def bound_to(self, name: str, scope: Scope) -> Iterator[Place]:
        for binding in self.bindings(name, scope):
            if binding.source is not None:
                yield Place(binding.source, binding.scope, self.lines[binding.source])

    def paths(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> set[str]:
        """All that an expression may stand for, as far as it belongs to a library, Python or an own module."""
        if node is None or depth > MAX_DEPTH:
            return set()
        if node not in self.stands_for:
            self.stands_for[node] = set()  # for whoever asks again on the way
            self.stands_for[node] = self.found_paths(node, scope, lambda part, where=scope: self.paths(part, where, depth + 1))
        return self.stands_for[node]

    def found_paths(self, node: ast.AST, scope: Scope, of: PathsOf) -> set[str]:
        match node:
            case ast.Name(id=name):
                return self.named(name, scope, of)
            case ast.Attribute(value=value, attr=attr):
                return {f"{path}.{attr}" for path in of(value)}
            case ast.Subscript(value=value, slice=key):
                word, found = self.constant(key, scope), of(value)
                if word is None:
                    return found
                members = {f"{path.removesuffix('.__dict__')}.{word}" for path in found if path.endswith(".__dict__")}
                return members | ({word} if "sys.modules" in found else set()) or found
            case ast.Call(func=called, args=arguments):
                return self.called(called, arguments, scope, of)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts) | ast.Dict(values=parts):
                return set().union(*map(of, parts))
            case ast.IfExp(body=one, orelse=other):
                return of(one) | of(other)
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                return of(value)
        return set()

    def named(self, name: str, scope: Scope, of: PathsOf) -> set[str]:
        key = self.owner(name, scope), name
        if key not in self.names:
            self.names[key] = set()  # for whoever asks again on the way
            found = [{binding.path} if binding.path else of(binding.source, binding.scope) for binding in self.bindings(name, scope)]
            self.names[key] = set().union(*found) if found else self.unbound(name, scope)
        return self.names[key]

    def called(self, called: ast.expr, arguments: list[ast.expr], scope: Scope, of: PathsOf) -> set[str]:
        """What a call gives, where it does nothing but fetch something by its name."""
        for path in of(called):
            words = [self.constant(argument, scope) for argument in arguments]
            match path, words:
                case ("builtins.getattr", [_, str(word), *_]):
                    return {f"{base}.{word}" for base in of(arguments[0])} | set().union(*map(of, arguments[2:]))
                case ("builtins.__import__" | "importlib.import_module" | "importlib.__import__", [str(word), *_]):
                    return {word}
                case ("IPython.get_ipython", _):
                    return {SHELL}
                case ("builtins.vars", [_]):
                    return {f"{base}.__dict__" for base in of(arguments[0])}
        return set()

    def unbound(self, name: str, scope: Scope) -> set[str]:
        """What a name stands for that nothing binds by itself: a part of Python, or of a module that was imported whole."""
        if name == "get_ipython":
            return {"IPython.get_ipython"}
        if hasattr(builtins, name):
            return {f"builtins.{name}"}
        return {f"{module}.{name}" for module in self.owner(name, scope).stars}

    def constant(self, node: ast.AST | None, scope: Scope) -> str | None:
        """A text that stands in the code, in one piece or in several, or under a name; else None."""
        pieces: list[str] = []
        todo = [(node, scope)]
        for _ in range(MAX_DEPTH):
            if not todo:
                return "".join(pieces)
            node, scope = todo.pop()
            match node:
                case ast.Constant(value=str(text)):
                    pieces.append(text)
                case ast.BinOp(left=left, op=ast.Add(), right=right):
                    todo += [(right, scope), (left, scope)]
                case ast.Name(id=name) if len(listed := self.bindings(name, scope)) == 1:
                    todo.append((listed[0].source, listed[0].scope))
                case _:
                    return None
        return None


@lru_cache(maxsize=2**15)  # of trees that are kept as well
def descendants(node: ast.AST) -> tuple[ast.AST, ...]:
    """A node and all below it."""
    return tuple(ast.walk(node))


@lru_cache(maxsize=2**16)
def parts_of(node: ast.AST) -> tuple[ast.AST, ...]:
    """The parts of a node. Those of its arguments and loops count as its own, because they belong to different scopes."""
    if isinstance(node, ast.comprehension | ast.arguments):
        return ()
    parts: list[ast.AST] = []
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr_context):
            continue
        parts += [part, *ast.iter_child_nodes(part)] if isinstance(part, ast.comprehension | ast.arguments) else [part]
    return tuple(parts)


@lru_cache(maxsize=2**14)
def handed_to_magics(statement: ast.stmt) -> tuple[tuple[str, str], ...]:
    """The code that a statement hands to IPython's magics, as `%time` and `%%time` do, with the own module that it becomes."""
    found = []
    for name, *texts in filter(None, map(magic, descendants(statement))):
        if name == WRITES_MODULE and len(texts) == 2 and texts[0].endswith(".py"):
            found.append((texts[0].split()[-1].removesuffix(".py"), texts[1]))
        elif texts and texts[-1].strip():
            found.append(("", texts[-1]))
    return tuple(found)


def pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Each target of an assignment with what is assigned to it: its own part where both are written out, else all of it."""
    if isinstance(target, ast.Tuple | ast.List):
        parts = [part.value if isinstance(part, ast.Starred) else part for part in target.elts]
        written_out = value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(parts) else [value] * len(parts)
        for part, own in zip(parts, written_out, strict=True):
            yield from pairs(part, own)
    else:
        yield target, value


def is_class(scope: Scope) -> bool:
    return scope.table is not None and scope.table.get_type() == "class"


def root_of(node: ast.expr) -> ast.expr:
    """The name at the beginning of `a.b[0].c`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node


def symbol_of(name: str, table: symtable.SymbolTable | None) -> symtable.Symbol | None:
    try:
        return None if table is None else table.lookup(name)
    except KeyError:
        return None


def children_of(table: symtable.SymbolTable | None) -> Tables:
    found: Tables = {}
    for child in table.get_children() if table is not None else ():
        found.setdefault((child.get_name(), child.get_lineno()), deque()).append(child)
    return found


def taken(tables: Tables, node: ast.AST) -> symtable.SymbolTable | None:
    """The scope that a node opens, taken from those that open around it."""
    name = getattr(node, "name", None) or TABLE_NAMES.get(type(node), "")
    there = tables.get((name, getattr(node, "lineno", 0)))
    table = there.popleft() if there else None
    while table is not None and str(table.get_type()).startswith("type"):  # of `def f[T](...)`, around the function's own
        table = next((child for child in table.get_children() if child.get_name() == name), None)
    return table


def variables_of(comprehension: COMPREHENSION) -> frozenset[str]:
    """What `for ... in` binds in it, and what a comprehension inside one of its targets' indices does not."""
    targets = [part for generator in comprehension.generators for part in ast.walk(generator.target)]
    return frozenset(part.id for part in targets if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))


def inner_parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that are looked up in the scope that it opens."""
    match node:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
            return [*body, *(part for part in parts_of(node) if isinstance(part, ast.arg))]
        case ast.Lambda(body=body):
            return [body, *(part for part in parts_of(node) if isinstance(part, ast.arg))]
        case ast.ClassDef(body=body):
            return [*body]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return [part for part in parts_of(node) if part is not node.generators[0].iter]
    return []
