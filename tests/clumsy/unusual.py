"""Right answers written in ways that nobody expected: each keeps all of its points."""

from __future__ import annotations

import copy
import textwrap

import nbformat

from autodiff_lib.units import UNITS

from .submissions import EVALUATOR, LM, OPERATORS, UNGRADED, append, at, delivered, edit, encoded, full, insert, mangled, position


@mangled()
def six_hundred_empty_cells_first(notebook):
    """A key got stuck: six hundred empty cells stand before the first one."""
    notebook.cells[:0] = [nbformat.v4.new_code_cell("  \n") for _ in range(600)]


@mangled()
def six_hundred_notes_first(notebook):
    """Somebody keeps a diary in Markdown: six hundred cells of it."""
    notebook.cells[:0] = [nbformat.v4.new_markdown_cell(f"Day {day}: `div` again.") for day in range(600)]


@mangled(LM)
def five_hundred_short_cells_at_the_end(notebook):
    """Many small experiments after the last exercise; only the first of them are run."""
    notebook.cells += [nbformat.v4.new_code_cell(f"{number} + 1") for number in range(500)]


@mangled()
def annotations_from_the_future(notebook):
    """A cell begins with an import from __future__, as in every file at work."""
    insert(notebook, "div", "from __future__ import annotations\nimport os, random, collections.abc")


@mangled()
def signature_by_keyword(notebook):
    """The signature is given by its keyword."""
    edit(notebook, "div", '@ad.operator("div(a, b, /)")', '@ad.operator(signature="div(a, b, /)")')


@mangled()
def signature_as_a_raw_text(notebook):
    """The signature is a raw text, with blanks."""
    edit(notebook, "div", '@ad.operator("div(a, b, /)")', '@ad.operator(r" div( a, b, / )")')


@mangled()
def signature_under_a_name(notebook):
    """The signature stands in a constant, in a cell of its own."""
    insert(notebook, "div", 'DIVISION = "div(a, b, /)"')
    edit(notebook, "div", '@ad.operator("div(a, b, /)")', "@ad.operator(DIVISION)")


@mangled()
def registered_by_a_call(notebook):
    """The class is defined plainly and registered by a call, below it and in another cell."""
    edit(notebook, "div", '@ad.operator("div(a, b, /)")\n', "")
    append(notebook, "div", 'ad.operator("div(a, b, /)")(DivOp)')
    edit(notebook, "relu", '@ad.operator("relu(a, /)")\n', "")
    at(notebook, "relu").source += '\n\n\nregister = ad.operator\nregister("relu(a, /)")(ReLUOp)'


@mangled()
def registered_in_a_loop(notebook):
    """All of somebody's classes are registered in one loop at the end."""
    names = {"div": ("DivOp", "div(a, b, /)"), "sqrt": ("SqrtOp", "sqrt(a, /)"), "relu": ("ReLUOp", "relu(a, /)")}
    for name, (_, signature) in names.items():
        edit(notebook, name, f'@ad.operator("{signature}")\n', "")
    pairs = ", ".join(f'"{signature}": {kind}' for kind, signature in names.values())
    append(notebook, "check_layernorm", f"for signature, kind in {{{pairs}}}.items():\n    ad.operator(signature)(kind)")


@mangled(EVALUATOR)
def registered_by_a_call_of_exercise(notebook):
    """Functions are defined plainly and registered afterwards."""
    for name in ("topological_order", "gradients"):
        edit(notebook, name, "@ad.exercise\n", "")
        append(notebook, name, f"ad.exercise({name})")


@mangled()
def a_long_comment(notebook):
    """A derivation of sixty thousand characters stands as a comment above the code."""
    at(notebook, "softmax").source = "# so the derivative is, term by term, ...\n" * 1500 + at(notebook, "softmax").source


@mangled()
def names_deleted_at_the_end(notebook):
    """The last cell cleans up."""
    notebook.cells.append(nbformat.v4.new_code_cell("del ad, torch, figures\n%reset_selective -f plt"))


@mangled(LM)
def everything_deleted_at_the_end(notebook):
    """The last cell cleans up, with what the unit's own cells have defined."""
    notebook.cells.append(nbformat.v4.new_code_cell("del ad, torch, text, CONTEXT, logits_of, math"))


@mangled(EVALUATOR)
def an_evaluator_that_compiles(notebook):
    """A graph class of one's own, with a method called compile, and a context that is looked up in a dictionary of globals."""
    insert(
        notebook,
        "topological-order",
        """
        class Graph:
            def __init__(self, nodes):
                self.nodes, self.inspect, self.gc = list(nodes), [], set()

            def compile(self):
                todo = [(node, False) for node in reversed(self.nodes)]
                while todo:
                    node, ready = todo.pop()
                    if ready:
                        self.inspect.append(node)
                    elif node not in self.gc:
                        self.gc.add(node)
                        todo += [(node, True), *((operand, False) for operand in node.inputs)]
                return self.inspect
        """,
    )
    at(notebook, "topological_order").source = "@ad.exercise\ndef topological_order(nodes):\n    return Graph(nodes).compile()\n"


@mangled()
def garbage_collected(notebook):
    """A cell imports gc and frees memory, another looks at how long things take and who is running."""
    append(
        notebook, "check_softmax", "import gc\nimport os, platform, sys, time\n\ngc.collect()\nprint(sys.version, time.time(), os.getcwd())"
    )


@mangled()
def one_attribute_for_everything(notebook):
    """An operator keeps what it needs in attributes of its own, called backward, softmax, reference and modules."""
    edit(
        notebook,
        "softmax",
        "        (a,) = inputs\n",
        "        (a,) = self.backward = self.modules = inputs\n        self.softmax = self.reference = a\n",
    )


@mangled(EVALUATOR)
def a_node_imported_from_its_module(notebook):
    """The class of nodes is imported from where it is defined, for an annotation."""
    insert(notebook, "topological-order", "from autodiff_lib.graph import Node")
    edit(notebook, "topological_order", "def topological_order(nodes):", "def topological_order(nodes: list[Node]) -> list[Node]:")


@mangled(EVALUATOR)
def autograd_beside_the_engine(notebook):
    """Experiment cells compare with torch's autograd, and sort with graphlib to see whether it agrees."""
    append(
        notebook,
        "check_gradients",
        """
        import graphlib

        free = torch.tensor(3.0, requires_grad=True)
        (free * free).backward()
        (slope,) = torch.autograd.grad(free * free, free)
        agreed = list(graphlib.TopologicalSorter({1: [2], 2: []}).static_order())
        """,
    )


@mangled()
def constants_with_odd_names(notebook):
    """Names with underscores, as others have them: _A, _B, _C, _VF."""
    insert(notebook, "div", "_A, _B, _C = 1, 2, 3\n_VF = aten = wire = socket = None")


@delivered()
def a_helper_file_full_of_words():
    """Helpers stand in a file beside the notebook, with comments that name what they are not."""
    notebook = full(OPERATORS)
    insert(notebook, "softmax", "from helpers import powers_of, share")
    edit(notebook, "softmax", "powers = torch.exp(a - a.amax(node.dim, keepdim=True))", "powers = powers_of(a, node.dim)")
    edit(notebook, "softmax", "return powers / powers.sum(node.dim, keepdim=True)", "return share(powers, node.dim)")
    text = '''
        """Not torch.softmax, layer_norm, autograd or graphlib: exec and eval neither."""
        import torch


        def powers_of(a, dim):  # reference: the lecture
            return torch.exp(a - a.amax(dim, keepdim=True))


        def share(powers, dim):
            return powers / powers.sum(dim, keepdim=True)
        '''
    return {UNITS[OPERATORS].notebook: encoded(notebook), "helpers.py": textwrap.dedent(text).encode()}


@mangled()
def timed_with_magics(notebook):
    """Solution cells begin with %%time, others have %timeit and ! lines, and a question mark for help."""
    at(notebook, "relu").source = "%%time\n" + at(notebook, "relu").source
    append(notebook, "check_relu", "%timeit -n1 -r1 torch.ones(3).sum()\nfiles = !ls\ntorch.relu?")


@mangled()
def an_exercise_written_twice(notebook):
    """A first try with torch's own softmax stands above the cell that counts."""
    first = copy.deepcopy(at(notebook, "softmax"))
    method = "    def compute(self, node, inputs):\n        return torch.softmax(inputs[0], node.dim)"
    first.source = f'@ad.operator("softmax(a, /, dim=-1)")\nclass FirstOp(ad.Op):\n{method}'
    notebook.cells.insert(position(notebook, "softmax"), first)


@delivered(LM, generate=UNGRADED)
def more_cells_than_are_run():
    """Six hundred short experiments stand before the last exercise: that one waits for a person, the others count."""
    notebook = full(LM)
    place = position(notebook, "generate")
    notebook.cells[place:place] = [nbformat.v4.new_code_cell(f"{number} + 1") for number in range(600)]
    return {UNITS[LM].notebook: encoded(notebook)}
