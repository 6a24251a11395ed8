"""What happens to unit 6 in the hands of honest people."""

from __future__ import annotations

from tests.clumsy.submissions import append, at, edit, insert, mangled, position

TENSORS = "06_eager_tensor"


@mangled(TENSORS)
def tensors_names_used_again(notebook):
    """Cells of their own, at the end, use the names of the notebook for other things."""
    append(
        notebook,
        "all",
        "x, y, W1, W2, loss, a, b, grads = range(8)\ndef backward(*args):\n    return args\ndef find_topo_sort(nodes):\n    return nodes",
    )


@mangled(TENSORS)
def tensors_subclassed(notebook):
    """A class of their own stands on Tensor, and is used, above the exercises that make tensors."""
    source = (
        "class Parameter(Tensor):\n    __slots__ = ()\n\n    def __repr__(self):\n        return 'Parameter'\n\n\nParameter([1.0, 2.0])"
    )
    insert(notebook, "make_from_op", source)


TRIED = """
for array in ([1.0, -2.0], [[3.0]]):
    t = Tensor(array)
    u = ad.ReLU(t) * 2
    print(u, u.inputs, u.requires_grad)
    t.grad = u
"""
KEPT_OPEN = """
def kept_open():
    with lazy():
        yield Tensor([1.0]) * 2


waiting = kept_open()
next(waiting)
"""


@mangled(TENSORS)
def tensors_tried_by_hand(notebook):
    """Between the exercises stand cells that try them, print, set grads by hand and leave lazy mode open in a generator."""
    append(notebook, "ReLU", TRIED)
    append(notebook, "backward", KEPT_OPEN)


@mangled(TENSORS)
def tensors_printed_and_timed(notebook):
    """Rules print what they see, and write it into a list of their own."""
    edit(
        notebook,
        "MatMul",
        "        a, b = node.inputs\n",
        "        a, b = node.inputs\n        print('MatMul', a.shape, b.shape, output_grad)\n        seen.append(node)\n",
    )
    insert(notebook, "MatMul", "seen = []")


@mangled(TENSORS)
def tensors_other_names(notebook):
    """self, cls and the arguments have other names, and the operators are called by another name for ad."""
    edit(notebook, "detach", "self", "this")
    edit(notebook, "make_from_op", "cls", "kind")
    edit(notebook, "Log", "(a,) = node.inputs", "(argument,) = node.inputs")
    edit(notebook, "Log", "output_grad, a)", "output_grad, argument)")
    edit(notebook, "Negate", "[ad.Negate(output_grad)]", "[engine.Negate(output_grad)]")
    insert(notebook, "Negate", "import autodiff_lib as engine")


@mangled(TENSORS)
def tensors_before_their_setup(notebook):
    """Somebody has moved the first solution to the very end."""
    notebook.cells.append(notebook.cells.pop(position(notebook, "realize_cached_data")))


@mangled(TENSORS, Exp=0.5, find_topo_sort=4, backward=2)
def tensors_three_left_out(notebook):
    """Three exercises of unit 6 were never written, and what builds on them is right all the same."""
    for name, first in (("Exp", "        return inputs"), ("find_topo_sort", "    order, seen"), ("backward", "    if not self")):
        head = at(notebook, name).source.split(first)[0]
        indent = " " * (8 if name == "Exp" else 4)
        at(notebook, name).source = head + f'{indent}raise NotImplementedError("exercise {name} is not done yet")'
