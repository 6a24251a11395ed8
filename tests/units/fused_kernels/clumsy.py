"""What happens to unit 5 in the hands of honest people."""

from __future__ import annotations

from tests.clumsy.submissions import append, at, edit, mangled, position

KERNELS = "05_fused_kernels"


@mangled(KERNELS)
def kernels_decorated_the_other_way(notebook):
    """The two decorators of a kernel have changed places, or one of them is gone."""
    edit(notebook, "scale_kernel", "@triton.jit\n@ad.exercise\n", "@ad.exercise\n@triton.jit\n")
    edit(notebook, "add_kernel", "@triton.jit\n@ad.exercise\n", "@ad.exercise\n")


@mangled(KERNELS)
def kernels_names_used_again(notebook):
    """Cells of their own, at the end, use the names of the notebook for other things."""
    append(
        notebook,
        "all",
        "a, b, G, W, x, y, loss, random, memory = range(9)\ndef dot(*args):\n    return args\ndef fuse(node):\n    return node",
    )


@mangled(KERNELS)
def kernels_before_their_import(notebook):
    """Somebody has moved the cell that imports tl and triton to the end."""
    notebook.cells.append(notebook.cells.pop(position(notebook, "kernels")))


@mangled(KERNELS, row_sum_kernel=1, one_pass_attention=3, matmul_softmax=3)
def kernels_three_left_out(notebook):
    """Three exercises of unit 5 were never written, and what builds on them is right all the same."""
    for name, first in (("row_sum_kernel", "    row ="), ("one_pass_attention", "    T, S"), ("matmul_softmax", "        a, b = inputs")):
        head = at(notebook, name).source.split(first)[0]
        indent = " " * (8 if name == "matmul_softmax" else 4)
        at(notebook, name).source = head + f'{indent}raise NotImplementedError("exercise {name} is not done yet")'
