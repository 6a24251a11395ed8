"""What happens to unit 5 in the hands of honest people."""

from __future__ import annotations

import copy

from tests.clumsy.submissions import POINTS, append, at, edit, mangled, position

KERNELS = "05_fused_kernels"


@mangled(KERNELS)
def kernels_reordered(notebook):
    """The exercises of unit 5 stand in reverse order, all at the end, and half of the checks are gone."""
    names = list(reversed(POINTS[KERNELS]))
    for name in names[::2]:
        del notebook.cells[position(notebook, f"check_{name}")]
    notebook.cells += [notebook.cells.pop(position(notebook, name)) for name in names]


@mangled(KERNELS, repairs=("turned into code again", "duplicated"))
def kernels_retyped(notebook):
    """Of unit 5, two exercises were turned into text, one is there twice, and one cell holds two."""
    for name in ("blocked_softmax", "row_sum_kernel"):
        at(notebook, name).cell_type = "markdown"
    notebook.cells.insert(3, copy.deepcopy(at(notebook, "online_softmax")))
    at(notebook, "matmul_kernel").source += "\n\n\n" + notebook.cells.pop(position(notebook, "scale_kernel")).source


@mangled(KERNELS, repairs=("setup cell",))
def kernels_without_setup(notebook):
    """The setup cell of unit 5 has lost half of its lines and ends in an error."""
    at(notebook, "setup").source = "import math\nimport torch\nfrom tqdm.notebook import tqdm_missing\nimport autodiff_lib as ad"


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
