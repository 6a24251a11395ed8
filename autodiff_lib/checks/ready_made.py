"""What an exercise may not be answered with: found by looking at the code, with the same words in a notebook and while grading.

A *finding* is a use of something ready-made in the definition of an exercise, or in what it is made of: resolved to a
path, so comments, texts and names that somebody chose are none. It costs this exercise. A *flag* is what a person should
look at: a way to reach things that cannot be followed from here. It costs nothing. What is ready-made refuses itself as
well while an exercise is asked (`probe`), however it was reached.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from ..ipython import RUNS_MAGIC
from ..units import UNITS, room
from .cells import defined_by
from .names import DEFINITION, SHELL, Code, Place
from .question import Failure, PartVerdict, Question, Verdict

EVERYWHERE = {
    "torch.autograd", "torch.func", "functorch", "autograd", "jax.grad", "jax.value_and_grad", "jax.vjp",  # they differentiate
    "graphlib", "networkx", "toposort",  # they sort
    "autodiff_lib.checks", "autodiff_lib.kinds", "autodiff_lib.units",  # they sort and evaluate, as the judge does
    "autodiff_lib.lectures", "autodiff_lib.hunts", "autodiff_lib.predictions", "autodiff_lib.student",  # answers, and a student's own
    "autodiff_lib.check",  # which runs those
    "autodiff_lib.graph_data", "autodiff_lib.graph_drawing", "autodiff_lib.stepping", "autodiff_lib.step_drawing",
    "autodiff_lib.tape_stepping", "autodiff_lib.tape_drawing",
}  # fmt: skip
"""Modules of which no exercise needs anything."""

NO_LIBRARY = {"builtins", "autodiff_lib", "IPython"}  # roots of paths below which nothing is ready-made by its name ready-made
ROUNDABOUT = {
    "builtins.exec", "builtins.eval", "builtins.compile", "builtins.__import__", "builtins.globals", "builtins.__builtins__",
    "importlib", "types.FunctionType", "types.CodeType", "marshal", "pickle", "inspect", "ctypes", "_ctypes", "cffi", "mmap",
    "gc.get_objects", "gc.get_referrers", "gc.get_referents", "sys.modules", "sys._getframe", "sys.settrace", "sys.setprofile",
    "sys.meta_path", "sys.path_hooks", "socket", "signal", "resource", "subprocess", "multiprocessing", "threading", "concurrent",
    "os.system", "os.fork", "os.kill", "os.fstat", "os.dup", "os.dup2", "os.write", "os.closerange", "os._exit",
    *(f"torch.{name}" for name in ("_C", "_VF", "ops", "overrides", "utils._python_dispatch", "library", "jit", "load")),
    "autodiff_lib.checks", "autodiff_lib.kinds", "autodiff_lib.units", "autodiff_lib.graph_data", "autodiff_lib.graph_drawing",
    "autodiff_lib.stepping", "autodiff_lib.step_drawing", "autodiff_lib.tape_stepping", "autodiff_lib.tape_drawing",
    "autodiff_lib.feeding", "autodiff_lib.ipython", "IPython.core",
}  # fmt: skip
"""Ways to what cannot be followed from the code: text that is run, frames, other processes, the insides of a library."""

INSIDE = {"__code__", "__globals__", "__closure__", "__subclasses__", "__builtins__", "cell_contents", "f_locals", "f_globals", "f_back"}
"""Attributes of functions, frames and classes that lead from one thing to another."""

LOOKS = {f"builtins.{name}" for name in ("help", "print", "dir", "repr", "str", "type", "id", "isinstance", "hasattr")}
"""What may be given a whole module, because nothing that is in it comes back."""

HARMLESS = {"autodiff_lib.checks.of_unit", "autodiff_lib.checks.of_lecture", "autodiff_lib.checks.live_values", "autodiff_lib.checks"}
MAX_FLAGS = 20


@dataclass(frozen=True)
class Finding:
    """Something ready-made, and the line of the exercise, or of what it is made of, that uses it."""

    what: str
    where: str

    def __str__(self) -> str:
        return (
            f"`{self.what}` is not to be used here, directly or through a helper ({self.where}): "
            "the exercise asks you to write it yourself."
        )


@dataclass(frozen=True)
class Look:
    """What was seen in a notebook's code."""

    findings: dict[str, Finding] = field(default_factory=dict)  # by exercise
    flags: tuple[str, ...] = ()  # sentences for a person
    defined: tuple[str, ...] = ()  # exercises of which the definition was seen


def look(cells: Sequence[str], unit: str, files: Mapping[str, str] | None = None) -> Look:
    """Look at a notebook's cells, in the order in which they run, and at the modules beside it (name -> text)."""
    code = Code(cells, files)
    definitions = last_definitions(code, unit)
    findings = {exercise: found for exercise, places in definitions.items() if (found := finding(code, places, exercise, unit))}
    unread = [number for number, places in enumerate(code.cells, start=1) if places is None]
    flags = [f"its cell {number} is not Python, so nobody knows what it was meant to do" for number in unread]
    flags += suspicious(code, unit)
    cut = ["and more of the kind"] if len(flags) > MAX_FLAGS else []
    defined = tuple(exercise for exercise, places in definitions.items() if places)
    return Look(findings, (*flags[:MAX_FLAGS], *cut), defined)


def refused(question: Question, finding: Finding) -> Verdict:
    """No points for an exercise that is answered with something ready-made."""
    failure = Failure("the code", "wrong", str(finding))
    parts = tuple(PartVerdict(part.name, 0, part.points, 0, len(part.cases), failure) for part in question.parts)
    return Verdict(question.name, question.number, parts)


def finding(code: Code, definitions: list[Place], exercise: str, unit: str) -> Finding | None:
    """The first use of something ready-made in the definitions of an exercise, and in what they are made of."""
    others = set(UNITS[unit].functions) - {exercise}  # each is judged by itself
    stand_ins = UNITS[unit].stands_in.get(exercise, frozenset()) | others
    later = [part for place in definitions if isinstance(place.node, DEFINITION) for part in code.bound_to(place.node.name, place.scope)]
    todo, seen, named = [*definitions, *later], set(), set()
    for place in todo:
        if place.node in seen:
            continue
        seen.add(place.node)
        for use in code.uses(place):
            if isinstance(use.node, ast.Name):
                owner, name = code.owner(use.node.id, use.scope), use.node.id
                if (owner, name) in named or (name in stand_ins and owner.parent is None):
                    continue
                named.add((owner, name))
            for path in sorted(map(meant, code.paths(use.node, use.scope))):
                if is_refused(path, exercise, unit) and path.split(".")[0] not in code.modules:
                    return Finding(path, str(use))
            todo += code.made_of(use)
    return None


def is_refused(path: str, exercise: str, unit: str) -> bool:
    if path in HARMLESS or is_given(path, unit):
        return False
    if begins(path, EVERYWHERE | UNITS[unit].refused):
        return True
    root, *rest = path.split(".")
    only = UNITS[unit].only.get(exercise)
    if only is not None and root not in only | {"builtins"}:
        return True
    return root not in NO_LIBRARY and not UNITS[unit].ready_made.get(exercise, frozenset()).isdisjoint(rest)


def meant(path: str) -> str:
    """The path without what it takes through modules of ours: `autodiff_lib.figures.np.linalg` is `numpy.linalg`."""
    for module in starts_of(path)[:-1] if path.startswith("autodiff_lib.") else ():
        name, _, rest = path[len(module) + 1 :].partition(".")
        if name in (imported := imports_of(module)):
            return meant(f"{imported[name]}.{rest}" if rest else imported[name])
    return path


@lru_cache(maxsize=256)
def imports_of(module: str) -> dict[str, str]:
    """What a module of ours has from other libraries: name -> what it is there."""
    file = Path(__file__).parents[2].joinpath(*module.split("."))
    source = next((one for one in (file.with_suffix(".py"), file / "__init__.py") if one.is_file()), None)
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if source else ():
        if isinstance(node, ast.Import):
            found |= {
                one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0] for one in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return {name: library for name, library in found.items() if library.partition(".")[0] not in NO_LIBRARY}


def begins(path: str, modules: Collection[str]) -> bool:
    """Whether a path is one of these, or leads through one."""
    return any(start in modules for start in starts_of(path))


@lru_cache(maxsize=4096)
def is_there(module: str) -> bool:
    """Whether a module can be imported here, found without importing anything."""
    root, *inner = starts_of(module)
    try:
        spec = importlib.util.find_spec(root)
        for name in inner:
            if spec is None or spec.submodule_search_locations is None:
                return False
            spec = importlib.machinery.PathFinder.find_spec(name, spec.submodule_search_locations)
    except (ImportError, ValueError):
        return module == "__main__"
    return spec is not None


@lru_cache(maxsize=4096)
def starts_of(path: str) -> tuple[str, ...]:
    """`a`, `a.b` and `a.b.c`, of `a.b.c`."""
    return tuple(accumulate(path.split("."), lambda start, name: f"{start}.{name}"))


# --- where an exercise is defined


def last_definitions(code: Code, unit: str) -> dict[str, list[Place]]:
    """The statements that put each exercise into the table: of those that always do, the last one, and what comes after it."""
    found: dict[str, list[Place]] = {exercise: [] for exercise in UNITS[unit].exercises}
    for place in code.statements:
        for exercise in defined_by(code, place, UNITS[unit]):
            if isinstance(place.node, DEFINITION | ast.Expr | ast.Assign):
                found[exercise].clear()
            found[exercise].append(place)
    return found


# --- what a person should look at


def suspicious(code: Code, unit: str) -> list[str]:
    """A sentence for each line that leads to what cannot be followed from here."""
    found: dict[str, str] = {}  # line -> sentence
    for use in (use for statement in code.statements for use in code.uses(statement)):
        what = roundabout(code, use, unit)
        if what is not None:
            found.setdefault(str(use), f"it uses `{what}` ({use})")
            if len(found) > MAX_FLAGS:
                break
    return list(found.values())


def roundabout(code: Code, use: Place, unit: str) -> str | None:
    """What is roundabout about a use, if anything."""
    node = use.node
    if isinstance(node, ast.Attribute) and node.attr in INSIDE:
        return node.attr
    for path in sorted(map(meant, code.paths(node, use.scope))):
        if path.partition(".")[0] not in code.modules and not is_there(path.partition(".")[0]):
            return f"{path}, of a module that is not here"
        if path.startswith(SHELL + ".") and path.split(".")[2] not in RUNS_MAGIC:  # of these, the code is looked at like any other
            return f"get_ipython().{path.split('.')[2]}"
        if path not in HARMLESS and begins(path, ROUNDABOUT) and not is_given(path, unit):
            return path
        if path.endswith(".__dict__") and is_library(code, path):
            return path
    if not isinstance(node, ast.Call):
        return None
    called = code.paths(node.func, use.scope)
    if "builtins.getattr" in called and len(node.args) > 1:
        named = code.constant(node.args[1], use.scope) is not None
        return None if named else "getattr with a name that is put together while it runs"
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    modules = (path for part in given for path in sorted(code.paths(part, use.scope)) if is_module(code, path))
    whole = None if called & LOOKS else next(modules, None)
    return f"{whole}, handed on as a whole" if whole else None


def is_given(path: str, unit: str) -> bool:
    """Whether a path is what a unit gives to its own notebook, or something that is defined there. Nothing of it is an exercise."""
    given = f"autodiff_lib.units.{room(unit)}.given"
    return path == given or (path.startswith(given + ".") and path[len(given) + 1 :].partition(".")[0] in defined_in(given))


@lru_cache(maxsize=256)
def defined_in(module: str) -> frozenset[str]:
    """The functions, classes and constants that a module of ours defines; not what it imports."""
    file = Path(__file__).parents[2].joinpath(*module.split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    defined = {node.name for node in tree.body if isinstance(node, DEFINITION)}
    assigned = (target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets)
    return frozenset(defined | {target.id for target in assigned if isinstance(target, ast.Name)})


def is_library(code: Code, path: str) -> bool:
    root = path.partition(".")[0]
    return root not in NO_LIBRARY and root not in code.modules


def is_module(code: Code, path: str) -> bool:
    """Whether a path is a module of a library: what is fetched from one that was handed on cannot be followed."""
    return is_library(code, path) and is_there(path)
