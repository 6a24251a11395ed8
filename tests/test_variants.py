"""Right answers that look different from the solution pass the hidden cases as well, and are not refused.

What is no answer of one's own is refused, however it is called.
"""

import importlib
from textwrap import dedent, indent

import pytest

from autodiff_lib import checks, graph
from grader import hidden, intake, refused
from grader.variants import CATALOGUE


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_variant_passes_the_hidden_cases(name, solved):
    variant = CATALOGUE[name]
    solution = graph.table[variant.exercise]
    scope = {**solved[variant.unit].__dict__}
    for cell in variant.cells:
        exec(compile(cell, f"<{name}>", "exec"), scope)
    assert graph.table[variant.exercise] is not solution
    verdict = checks.verdict(hidden.questions(variant.unit, "some secret")[variant.exercise])
    failures = [f"{part.failure.case}: {part.failure.message} {part.failure.hint}" for part in verdict.parts if part.failure]
    assert (verdict.points, failures) == (verdict.max_points, [])


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_variant_is_not_refused(name):
    variant = CATALOGUE[name]
    cells = [intake.Cell(source, intake.exercises_in(source, variant.unit)) for source in variant.cells]
    assert [exercise for cell in cells for exercise in cell.exercises] == [variant.exercise]
    submission = intake.Submission(variant.unit, cells)
    assert refused.findings(submission) == {}
    assert intake.attack_in(submission) is None


def refusal(unit, *cells):
    """What `refused` finds in a notebook of these cells."""
    texts = [dedent(cell).strip() + "\n" for cell in cells]
    return refused.findings(intake.Submission(unit, [intake.Cell(text, intake.exercises_in(text, unit)) for text in texts]))


def softmax_cell(body):
    head = '@ad.operator("softmax(a, /, dim=-1)")\nclass SoftmaxOp(ad.Op):\n    def compute(self, node, inputs):\n'
    return head + indent(dedent(body).strip(), " " * 8)


def order_cell(body):
    return "@ad.exercise\ndef topological_order(nodes):\n" + indent(dedent(body).strip(), " " * 4)


MINE = "def softmax(a, dim):\n    return a.exp() / a.exp().sum(dim, keepdim=True)"
CALLED = softmax_cell("return softmax(inputs[0], node.dim)")

OWN_WORK = {
    "a function called softmax": ("01_operators", MINE, CALLED),
    "one that calls itself": ("01_operators", "def softmax(a, dim):\n    return softmax(a, dim)", CALLED),
    "one that is defined where it can be": ("01_operators", "if True:\n    " + MINE.replace("\n", "\n    "), CALLED),
    "a variable of that name elsewhere": (
        "01_operators",
        MINE,
        "def plot():\n    softmax = 1\n    return [softmax for softmax in [softmax]]",
        CALLED,
    ),
    "an import of all of math": ("01_operators", "from math import *", MINE, CALLED),
    "a function inside the method": (
        "01_operators",
        softmax_cell("def softmax(a):\n    return a.exp() / a.exp().sum(node.dim, keepdim=True)\nreturn softmax(inputs[0])"),
    ),
    "a class inside the function": ("02_evaluator", order_cell("class modules:\n    order = []\nreturn modules.order")),
    "an error by the name of a module": ("02_evaluator", order_cell("try:\n    return []\nexcept ValueError as gc:\n    raise gc")),
    "a variable of a comprehension": ("02_evaluator", order_cell("return [modules for modules in nodes]")),
}


@pytest.mark.parametrize("name", OWN_WORK)
def test_own_work_may_have_any_name(name):
    assert refusal(*OWN_WORK[name]) == {}


SORTS = order_cell("return list(TopologicalSorter({n: n.inputs for n in nodes}).static_order())")
DECOY = "if False:\n    class TopologicalSorter:\n        pass"

NO_OWN_WORK = {
    "the function itself": ("softmax", "01_operators", softmax_cell("return torch.softmax(inputs[0], node.dim)")),
    "the method": ("softmax", "01_operators", softmax_cell("return inputs[0].softmax(node.dim)")),
    "an assignment": ("softmax", "01_operators", "softmax = torch.softmax", CALLED),
    "an assignment of who knows what": ("softmax", "01_operators", "softmax = tools[0]", CALLED),
    "an import": ("softmax", "01_operators", "from torch import softmax", CALLED),
    "an import under the name": ("softmax", "01_operators", "import mine as softmax", CALLED),
    "an import inside": ("softmax", "01_operators", softmax_cell("from torch import softmax\nreturn softmax(inputs[0], node.dim)")),
    "an assignment inside": ("softmax", "01_operators", softmax_cell("softmax = torch.softmax\nreturn softmax(inputs[0], node.dim)")),
    "a helper that calls it": ("softmax", "01_operators", "def softmax(a, dim):\n    return torch.softmax(a, dim)", CALLED),
    "a helper of a helper": (
        "softmax",
        "01_operators",
        "def smooth(a, dim):\n    return a.softmax(dim)",
        MINE.replace("a.exp() /", "smooth(a, dim) +"),
        CALLED,
    ),
    "a decorated helper": ("softmax", "01_operators", "def swap(f):\n    return torch.softmax", "@swap\n" + MINE, CALLED),
    "a default value": ("softmax", "01_operators", "def softmax(a, dim, f=torch.softmax):\n    return f(a, dim)", CALLED),
    "a definition and an assignment": ("softmax", "01_operators", MINE, "softmax = tools[0]", CALLED),
    "a definition and an import": ("softmax", "01_operators", MINE, "from mine import softmax", CALLED),
    "a definition and a loop": ("softmax", "01_operators", MINE, "for softmax in tools:\n    pass", CALLED),
    "a definition and a walrus": ("softmax", "01_operators", MINE, "[softmax := tool for tool in tools]", CALLED),
    "a definition and a pattern": ("softmax", "01_operators", MINE, "match tools:\n    case [softmax]:\n        pass", CALLED),
    "a definition and a global": ("softmax", "01_operators", MINE, "def swap():\n    global softmax\n    softmax = tools[0]", CALLED),
    "a definition and a class that binds it": (
        "softmax",
        "01_operators",
        MINE,
        "class Swap:\n    global softmax\n    softmax = tools[0]",
        CALLED,
    ),
    "a definition in another function": ("softmax", "01_operators", "def decoy():\n    " + MINE.replace("\n", "\n    "), CALLED),
    "a method of that name": ("softmax", "01_operators", "class Decoy:\n    " + MINE.replace("\n", "\n    "), CALLED),
    "a variable of that name in another method": (
        "softmax",
        "01_operators",
        CALLED + "\n\n    def gradient(self, node, g):\n        softmax = 1",
    ),
    "a variable of that name in a comprehension": (
        "topological_order",
        "02_evaluator",
        SORTS.replace("return", "[1 for TopologicalSorter in ()]\n    return"),
    ),
    "what a comprehension first loops over": (
        "topological_order",
        "02_evaluator",
        order_cell("return [s for TopologicalSorter in [TopologicalSorter({})] for s in TopologicalSorter.static_order()]"),
    ),
    "a star": ("topological_order", "02_evaluator", "from graphlib import *", SORTS),
    "a star and a definition that does not happen": ("topological_order", "02_evaluator", "from graphlib import *", DECOY, SORTS),
    "a definition that is taken away from a built-in": (
        "topological_order",
        "02_evaluator",
        "def exec(text):\n    pass",
        "get_ipython().user_ns.pop('exec')",
        order_cell("exec('...')"),
    ),
    "a signature that is no decorator's": (
        "softmax",
        "01_operators",
        "class Plain(ad.Op):\n    compute = torch.softmax",
        'ad.operator("softmax(a, /, dim=-1)")(Plain)',
    ),
    "a cell too deep to be written down again": (
        "softmax",
        "01_operators",
        softmax_cell("return torch.softmax(inputs[0], " + "-" * 800 + "node.dim)"),
    ),
}


@pytest.mark.parametrize("name", NO_OWN_WORK)
def test_what_is_ready_made_is_refused_under_every_name(name):
    exercise, unit, *cells = NO_OWN_WORK[name]
    assert list(refusal(unit, *cells)) == [exercise]


def test_no_star_that_counts_as_harmless_binds_a_refused_name():
    words = refused.EVERYWHERE.union(*refused.READY_MADE.values(), *refused.IN_UNIT.values())
    for module in map(importlib.import_module, refused.HARMLESS):
        assert not words & set(getattr(module, "__all__", vars(module)))
