"""What is ready-made is found under every name; what somebody only wrote, said or called so costs nothing."""

# ruff: noqa: E501

import sys
from textwrap import dedent, indent

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from autodiff_lib import checks
from autodiff_lib.checks import ready_made, session
from autodiff_lib.checks.ready_made import look
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, solutions, source
from tests.clumsy.words import KINDS, with_words

OPERATORS, ENGINE, LM = "01_operators", "02_evaluator", "03_transformer_lm"
SETUP = "import torch\nimport autodiff_lib as ad\nfrom autodiff_lib import checks"


def seen(unit, *cells, files=None):
    return look([SETUP, *(dedent(cell).strip() + "\n" for cell in cells)], unit, files)


def softmax(body):
    head = '@ad.operator("softmax(a, /, dim=-1)")\nclass SoftmaxOp(ad.Op):\n    def compute(self, node, inputs):\n'
    return head + indent(dedent(body).strip(), " " * 8)


def order(body):
    return "@ad.exercise\ndef topological_order(nodes):\n" + indent(dedent(body).strip(), " " * 4)


MINE = "def softmax(a, dim):\n    return a.exp() / a.exp().sum(dim, keepdim=True)"
CALLED = softmax("return softmax(inputs[0], node.dim)")
DIRECT = softmax("return torch.softmax(inputs[0], node.dim)")
SORTS = order("return list(TopologicalSorter({n: n.inputs for n in nodes}).static_order())")

FREE = {
    "a function called softmax": (OPERATORS, MINE, CALLED),
    "one that calls itself": (OPERATORS, "def softmax(a, dim):\n    return softmax(a, dim)", CALLED),
    "one that is defined where it can be": (OPERATORS, "if True:\n    " + MINE.replace("\n", "\n    "), CALLED),
    "a variable of that name elsewhere": (
        OPERATORS,
        MINE,
        "def plot():\n    softmax = 1\n    return [softmax for softmax in [softmax]]",
        CALLED,
    ),
    "an import of all of math": (OPERATORS, "from math import *", MINE, CALLED),
    "a function inside the method": (
        OPERATORS,
        softmax("def softmax(a):\n    return a.exp() / a.exp().sum(node.dim, keepdim=True)\nreturn softmax(inputs[0])"),
    ),
    "a method of one's own": (OPERATORS, softmax("return self.softmax(inputs[0])\n\ndef softmax(self, a):\n    return a.exp()")),
    "attributes of one's own": (OPERATORS, softmax("self.backward = self.reference = self.modules = inputs\nreturn self.backward[0]")),
    "a class of one's own with compile": (
        ENGINE,
        "class Graph:\n    def compile(self):\n        return []",
        order("return Graph().compile()"),
    ),
    "a class inside the function": (ENGINE, order("class modules:\n    order = []\nreturn modules.order")),
    "an error by the name of a module": (ENGINE, order("try:\n    return []\nexcept ValueError as gc:\n    raise gc")),
    "a variable of a comprehension": (ENGINE, order("return [modules for modules in nodes]")),
    "a variable of a comprehension by the name of what is imported": (
        ENGINE,
        "from graphlib import TopologicalSorter",
        order("return [TopologicalSorter.static_order() for TopologicalSorter in nodes]"),
    ),
    "a function inside a comprehension": (ENGINE, order("return [(lambda modules: modules)(gc) for gc in nodes]")),
    "a comment": (ENGINE, order("# wire the pieces together: socket, fileno, exec\nreturn []")),
    "a docstring": (ENGINE, order('"""graphlib.TopologicalSorter, networkx, autograd: not here."""\nreturn []')),
    "a text": (ENGINE, order("return ['aten', 'graphlib', '__globals__'][3:]")),
    "constants with odd names": (ENGINE, "_A, _B, _C = 1, 2, 3", order("return [_A, _C][2:]")),
    "the class of nodes": (
        ENGINE,
        "from autodiff_lib.graph import Node",
        order("return [node for node in nodes if isinstance(node, Node)]"),
    ),
    "a module that is imported and not used": (ENGINE, "import gc, graphlib, inspect", order("return []")),
    "a cell that collects garbage": (ENGINE, "import gc\ngc.collect()", order("return []")),
    "a comparison with torch elsewhere": (
        OPERATORS,
        MINE,
        CALLED,
        "free = torch.ones(2).requires_grad_()\ntorch.softmax(free, 0).sum().backward()\ntorch.autograd.grad(free.sum(), free)",
    ),
    "a name that was something else before": (OPERATORS, "softmax = torch.softmax", MINE, CALLED),
    "an answer that was another one before": (OPERATORS, DIRECT, MINE, CALLED),
    "another exercise that is not one's own": (OPERATORS, DIRECT.replace("softmax(a, /", "relu(a, /", 1), MINE, CALLED),
    "the course's own softmax on nodes": (LM, "@ad.exercise\ndef cross_entropy_loss(logits, targets, n):\n    return ad.softmax(logits)"),
    "attributes that are fetched by name": (ENGINE, order("return list(getattr(nodes, 'inputs', ()))")),
    "IPython's own lines": (ENGINE, "%matplotlib inline\n%time x = 1\nprint?", "%%time\ny = 2", order("return []")),
    "a helper file": (OPERATORS, "import helper", softmax("return helper.smooth(inputs[0])")),
}


if sys.version_info >= (3, 12):
    FREE["a variable of a function with a type of its own"] = (
        OPERATORS,
        "quick = torch.softmax\ndef smooth[T](quick: T) -> T:\n    return quick",
        softmax("return smooth(inputs[0])"),
    )


@pytest.mark.parametrize("name", FREE)
def test_own_work_may_have_any_name(name):
    found = seen(*FREE[name], files={"helper": "def smooth(a):\n    'torch.softmax'\n    return a.exp()  # softmax"})
    assert {exercise: str(finding) for exercise, finding in found.findings.items() if exercise != "relu"} == {}
    assert found.flags == ()


HELPER = {
    "helper": "import torch\nfrom graphlib import *\ndef smooth(a, dim):\n    return torch.softmax(a, dim)\nquick = torch.nn.Softmax(0)"
}
FOUND = {
    "the function itself": ("softmax", "torch.softmax", OPERATORS, DIRECT),
    "from a module of torch's": ("softmax", "torch.nn.functional.softmax", OPERATORS, "import torch.nn.functional as F", DIRECT.replace("torch.", "F.")),
    "torch, as a module of the course has it": (
        *("softmax", "torch.softmax", OPERATORS),
        *("from autodiff_lib import text", softmax("return text.torch.softmax(inputs[0], node.dim)")),
    ),
    "a layer": ("softmax", "torch.nn.Softmax", OPERATORS, "from torch import nn", softmax("return nn.Softmax(0)(inputs[0])")),
    "an operator below torch's functions": ("softmax", "torch.ops.aten._softmax", OPERATORS, softmax("return torch.ops.aten._softmax(inputs[0])")),
    "an assignment": ("softmax", "torch.softmax", OPERATORS, "softmax = torch.softmax", CALLED),
    "an assignment of several": ("softmax", "torch.softmax", OPERATORS, "other, softmax = 1, torch.softmax", CALLED),
    "a list of things": ("softmax", "torch.softmax", OPERATORS, "softmax = [torch.exp, torch.softmax][1]", CALLED),
    "an import": ("softmax", "torch.softmax", OPERATORS, "from torch import softmax", CALLED),
    "an import under another name": ("softmax", "torch.softmax", OPERATORS, "from torch import softmax as s", softmax("return s(inputs[0])")),
    "an import inside": ("softmax", "torch.softmax", OPERATORS, softmax("from torch import softmax\nreturn softmax(inputs[0], node.dim)")),
    "an assignment inside": ("softmax", "torch.softmax", OPERATORS, softmax("s = torch.softmax\nreturn s(inputs[0], node.dim)")),
    "all of torch": ("softmax", "torch.softmax", OPERATORS, "from torch import *", CALLED),
    "a helper": ("softmax", "torch.softmax", OPERATORS, "def softmax(a, dim):\n    return torch.softmax(a, dim)", CALLED),
    "a helper of a helper": (
        "softmax", "torch.softmax", OPERATORS,
        "def smooth(a, dim):\n    return torch.softmax(a, dim)", MINE.replace("a.exp() /", "smooth(a, dim) +"), CALLED,
    ),
    "a helper below the exercise": ("softmax", "torch.softmax", OPERATORS, CALLED, "def softmax(a, dim):\n    return torch.softmax(a, dim)"),
    "a decorator": ("softmax", "torch.softmax", OPERATORS, "def swap(f):\n    return torch.softmax", "@swap\n" + MINE, CALLED),
    "a default value": ("softmax", "torch.softmax", OPERATORS, "def softmax(a, dim, f=torch.softmax):\n    return f(a, dim)", CALLED),
    "an assignment after the definition": ("softmax", "torch.softmax", OPERATORS, MINE, "softmax = torch.softmax", CALLED),
    "a loop after the definition": ("softmax", "torch.softmax", OPERATORS, MINE, "for softmax in [torch.softmax]:\n    pass", CALLED),
    "a walrus after the definition": ("softmax", "torch.softmax", OPERATORS, MINE, "[softmax := tool for tool in [torch.softmax]]", CALLED),
    "a global in a function": (
        "softmax", "torch.softmax", OPERATORS, MINE, "def swap():\n    global softmax\n    softmax = torch.softmax", CALLED,
    ),
    "a base class": ("softmax", "torch.softmax", OPERATORS, "class Base(ad.Op):\n    compute = torch.softmax", softmax("pass").replace("ad.Op", "Base")),
    "a method that is put in later": ("softmax", "torch.softmax", OPERATORS, CALLED, MINE, "SoftmaxOp.compute = lambda s, n, i: torch.softmax(i[0], 0)"),
    "getattr with the name": ("softmax", "torch.softmax", OPERATORS, softmax("return getattr(torch, 'softmax')(inputs[0])")),
    "getattr with the name in pieces": ("softmax", "torch.softmax", OPERATORS, "A = 'soft'", softmax("return getattr(torch, A + 'max')(inputs[0])")),
    "getattr under another name": ("softmax", "torch.softmax", OPERATORS, "g = getattr", softmax("return g(torch, 'softmax')(inputs[0])")),
    "a line for IPython": ("softmax", "torch.softmax", OPERATORS, "%time s = getattr(torch, 'softmax')", softmax("return s(inputs[0])")),
    "a cell for IPython": ("softmax", "torch.softmax", OPERATORS, "%%time\ns = torch.softmax", softmax("return s(inputs[0])")),
    "a cell with a line for the shell": ("softmax", "torch.softmax", OPERATORS, "_ = !true\ns = torch.softmax", softmax("return s(inputs[0])")),
    "a file that a cell writes": (
        "softmax", "torch.softmax", OPERATORS,
        "%%writefile mine.py\nimport torch\nrun = torch.softmax", "import mine", softmax("return mine.run(inputs[0])"),
    ),
    "a helper file": ("softmax", "torch.softmax", OPERATORS, "import helper", softmax("return helper.smooth(inputs[0], node.dim)")),
    "a name of a helper file": ("softmax", "torch.nn.Softmax", OPERATORS, "from helper import quick as q", softmax("return q(inputs[0])")),
    "all of a helper file": ("softmax", "torch.softmax", OPERATORS, "from helper import *", softmax("return smooth(inputs[0], node.dim)")),
    "a signature that is no decorator's": (
        "softmax", "torch.softmax", OPERATORS,
        "class Plain(ad.Op):\n    compute = torch.softmax", 'ad.operator("softmax(a, /, dim=-1)")(Plain)',
    ),
    "a signature under a name": (
        "softmax", "torch.softmax", OPERATORS, "S = r'softmax(a, /, dim=-1)'", DIRECT.replace('"softmax(a, /, dim=-1)"', "signature=S"),
    ),
    "a cell too deep to be written down again": ("softmax", "torch.softmax", OPERATORS, softmax("return torch.softmax(inputs[0], " + "-" * 800 + "node.dim)")),
    "a sort": ("topological_order", "graphlib.TopologicalSorter", ENGINE, "from graphlib import TopologicalSorter", SORTS),
    "a sort imported whole": ("topological_order", "graphlib.TopologicalSorter", ENGINE, "from graphlib import *", SORTS),
    "a sort beside a variable of its name": (
        "topological_order", "graphlib.TopologicalSorter", ENGINE,
        "from graphlib import TopologicalSorter", SORTS.replace("return", "[1 for TopologicalSorter in ()]\n    return"),
    ),
    "what a comprehension first loops over": (
        "topological_order", "graphlib.TopologicalSorter", ENGINE, "from graphlib import TopologicalSorter",
        order("return [s for TopologicalSorter in [TopologicalSorter({})] for s in TopologicalSorter.static_order()]"),
    ),
    "a module that is imported by its name": ("topological_order", "graphlib", ENGINE, "import importlib", order("return importlib.import_module('graphlib')")),
    "the library's own sort": (
        "topological_order", "autodiff_lib.graph_data.inputs_first", ENGINE, "from autodiff_lib.graph_data import inputs_first as f", order("return f(nodes)"),
    ),
    "the judge's reference": (
        "topological_order", "autodiff_lib.kinds.reference.apply", ENGINE, "from autodiff_lib.kinds import reference", order("return reference.apply"),
    ),
    "torch's autograd": ("gradients", "torch.autograd.grad", ENGINE, "@ad.exercise\ndef gradients(y, xs):\n    return torch.autograd.grad(y, xs)"),
    "a layer in a language model": ("decoder_layer", "torch.nn.Linear", LM, "import torch.nn as nn\n@ad.exercise\ndef decoder_layer(X, *rest):\n    return nn.Linear"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("autodiff_lib.figures.np.linalg.inv", "numpy.linalg.inv"),
        ("autodiff_lib.figures.Tensor", "torch.Tensor"),
        ("autodiff_lib.units.transformer_lm.given.torch.optim.SGD", "torch.optim.SGD"),
        ("autodiff_lib.figures.draw_graph", "autodiff_lib.figures.draw_graph"),
        ("autodiff_lib.exp", "autodiff_lib.exp"),
        ("autodiff_lib.nowhere.np", "autodiff_lib.nowhere.np"),
        ("torch.autodiff_lib.figures", "torch.autodiff_lib.figures"),
    ],
)
def test_a_way_through_modules_of_the_course_is_the_one_that_it_is_short_for(path, what):
    assert ready_made.meant(path) == what


@pytest.mark.parametrize("module", sorted(module for module in ready_made.EVERYWHERE if module.startswith("autodiff_lib.")))
def test_no_exercise_may_use_what_the_course_has_for_itself(module):
    found = seen(OPERATORS, f"import {module}", softmax(f"return {module}.anything(inputs[0])")).findings
    assert {name: finding.what for name, finding in found.items()} == {"softmax": f"{module}.anything"}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_ready_made_is_found_under_every_name(name):
    exercise, what, unit, *cells = FOUND[name]
    found = seen(unit, *cells, files=HELPER).findings
    assert {name: finding.what for name, finding in found.items()} == {exercise: what}


def test_a_finding_names_its_line():
    found = seen(OPERATORS, "def smooth(a):\n    b = a\n    return torch.softmax(b, 0)", softmax("return smooth(inputs[0])"))
    assert str(found.findings["softmax"]) == (
        "`torch.softmax` is not to be used here, directly or through a helper (line 3: return torch.softmax(b, 0)): "
        "the exercise asks you to write it yourself."
    )


def test_a_finding_costs_its_own_exercise_alone():
    answers = dict(solutions(ENGINE), topological_order="from graphlib import TopologicalSorter\n" + SORTS)
    assert list(seen(ENGINE, *answers.values()).findings) == ["topological_order"]


FLAGGED = {
    "text that is run": ("exec", "exec('x = 1')"),
    "a name put together while it runs": ("getattr with a name", "getattr(torch, chr(115))"),
    "the modules that are loaded": ("sys.modules", "import sys\nsys.modules['json']"),
    "the frames of callers": ("sys._getframe", "import sys\nf = sys._getframe\nf()"),
    "the code of a function": ("__code__", "def f():\n    pass\nf.__code__ = print.__code__"),
    "open files": ("os.fstat", "from os import fstat\nfstat(3)"),
    "a socket": ("socket.socket", "import socket\nsocket.socket()"),
    "the library's probes": ("autodiff_lib.checks.probe", "from autodiff_lib.checks import probe\nprobe.run = None"),
    "what is below torch": ("torch._C", "torch._C.DisableTorchFunction"),
    "a module that is nowhere": ("mine.run, of a module that is not here", "import mine\nmine.run()"),
    "a shell command": ("get_ipython().getoutput", "x = !ls"),
    "a cell that is run as text": ("get_ipython().run_cell", "get_ipython().run_cell('1')"),
    "a cell that is no Python": ("is not Python", "def ("),
    "all that a library has": ("math.__dict__", "import math\nfound = [thing for thing in math.__dict__.values()]"),
    "all that is in a library, by vars": ("math.__dict__", "import math\nfound = max(vars(math))"),
    "a library that a function takes": ("torch, handed on as a whole", "def of(lib):\n    return lib.exp\nof(torch)"),
    "a module of which nobody says that it is one": ("scipy.special, handed on as a whole", "from scipy import special as own\nmax(own)"),
    "a part of it, by a keyword": ("torch.nn, handed on as a whole", "def of(lib):\n    return lib.Linear\nof(lib=torch.nn)"),
}
UNSUSPICIOUS = {
    "help": "help(torch)\nprint(torch, dir(torch.nn), type(torch))",
    "a library under another name": "lib = torch if torch.cuda.is_available() else torch.nn\nlib.exp",
    "a namespace of one's own": "class Mine:\n    def f(self):\n        return vars(self), self.__dict__\nMine().__dict__",
    "a name that stands there": "getattr(torch, 'exp')",
    "a function of a library": "list(map(torch.exp, []))",
    "the course's own library": "def show(lib):\n    return lib.table\nshow(ad)",
}


@pytest.mark.parametrize("name", FLAGGED)
def test_ways_that_cannot_be_followed_are_shown_to_a_person_and_cost_nothing(name):
    what, cell = FLAGGED[name]
    found = seen(OPERATORS, cell, MINE, CALLED)
    assert found.findings == {}
    assert [flag for flag in found.flags if what in flag] == list(found.flags) != []


@pytest.mark.parametrize("name", UNSUSPICIOUS)
def test_what_can_be_followed_is_shown_to_nobody(name):
    assert seen(OPERATORS, UNSUSPICIOUS[name], MINE, CALLED).flags == ()


def test_flags_are_few_however_much_there_is():
    found = seen(OPERATORS, *(f"exec('{number}')" for number in range(1000)))
    assert len(found.flags) == ready_made.MAX_FLAGS + 1


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_is_found_in_the_course_itself_and_all_exercises_are_seen(unit):
    cells = [cell.source for cell in source(unit).cells if cell.cell_type == "code"]
    found = look(cells, unit)
    assert (found.findings, found.flags, set(found.defined)) == ({}, (), set(UNITS[unit].exercises))


@pytest.mark.parametrize("unit", UNITS)
def test_an_untouched_release_has_nothing_to_look_at(unit):
    released = nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)
    found = look([cell.source for cell in released.cells if cell.cell_type == "code"], unit)
    assert (found.findings, found.flags) == ({}, ())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", UNITS)
def test_no_word_of_any_list_costs_anything(unit, kind):
    cells = [cell.source for cell in source(unit).cells if "export" in cell.metadata.get("tags", [])]
    cells += [with_words(text, kind) for text in solutions(unit).values()]
    found = look(cells, unit)
    assert found.findings == {}
    assert set(found.defined) == set(UNITS[unit].exercises)


ENDLESS = {
    "names that stand for each other": "a = b\nb = a\n" + softmax("return a.b.c"),
    "a name that doubles": "a = [torch]\n" + "a = [a, a]\n" * 60 + softmax("return a"),
    "texts that double": "A = 'x'\n" + "A = A + A\n" * 60 + softmax("return getattr(torch, A)"),
    "attributes without end": softmax("return torch" + ".a" * 3000),
    "calls of calls": softmax("return torch" + "(torch)" * 2000),
    "many names": "\n".join(f"n{k} = n{k - 1}" for k in range(1, 3000)) + "\n" + softmax("return n2999"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_the_look_ends(name):
    look([SETUP, ENDLESS[name]], OPERATORS)


# --- in the notebook


@pytest.fixture
def shell(fresh_table, loaded):
    """A shell of one's own, in which nothing was run yet."""
    before = InteractiveShell._instance
    InteractiveShell._instance = None
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()
    InteractiveShell._instance = before


def test_a_check_refuses_what_grading_refuses_in_the_same_words(shell):
    for cell in (SETUP, DIRECT):
        assert shell.run_cell(cell, store_history=True).success
    score = checks.of_unit(OPERATORS)("softmax")
    assert float(score) == 0
    assert {part.failure.message for part in score.verdict.parts} == {str(look([SETUP, DIRECT], OPERATORS).findings["softmax"])}


def test_a_check_sees_the_last_version_of_a_cell(shell):
    for cell in (SETUP, DIRECT, MINE, CALLED):
        shell.run_cell(cell, store_history=True)
    assert session.seen(OPERATORS).findings == {}


def test_the_overview_says_what_a_person_will_look_at(shell):
    for cell in (SETUP, "import sys\nsys.modules"):
        shell.run_cell(cell, store_history=True)
    overview = checks.of_unit(OPERATORS)()
    assert "no points depend on it" in repr(overview)
    assert "sys.modules" in repr(overview)
    assert "sys.modules" in overview._repr_html_()


def test_a_cell_that_ended_in_an_error_is_told_from_the_one_in_the_table(shell):
    for cell in (SETUP, MINE, CALLED, CALLED + "\n1 / 0"):
        shell.run_cell(cell, store_history=True)
    shell.run_cell("x = 1", store_history=True)
    assert session.note("softmax", OPERATORS) == ""  # the class was registered before its cell failed
    shell.run_cell("1 / 0\n" + CALLED, store_history=True)
    assert "softmax was changed and ended in an error" in session.note("softmax", OPERATORS)


def test_what_is_asked_beyond_the_exercises_has_its_old_version_told(shell):
    cell = '@ad.operator("logsumexp(a, /, dim)")\nclass Mine(ad.Op):\n    def compute(self, node, inputs):\n        return inputs[0]\n'
    for text in (SETUP, cell):
        assert shell.run_cell(text, store_history=True).success
    check = checks.of_unit(OPERATORS)
    assert "OLD VERSION" not in repr(check("logsumexp"))
    shell.run_cell("1 / 0\n" + cell, store_history=True)
    assert "logsumexp was changed and ended in an error" in repr(check("logsumexp"))
    assert "OLD VERSION" in check("logsumexp")._repr_html_()
