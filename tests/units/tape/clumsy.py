"""What happens to unit 7 in the hands of honest people."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import textwrap
from collections.abc import Sequence

import nbformat

from autodiff_lib.units import UNITS
from tests.clumsy.submissions import append, at, delivered, edit, encoded, full, insert, mangled, position, untouched

TAPE = "07_tape"
NAME = UNITS[TAPE].notebook


@mangled(TAPE)
def tape_names_used_again(notebook):
    """Cells of their own, at the end, use x, y, a, b, tape, buffer, engine, add_operation, backward and sums for other things."""
    append(
        notebook,
        "check_SoftmaxCrossEntropy",
        """
        x, y, a, b, s, q, h = range(7)
        tape, buffer, engine, layer = [], {}, "steam", 0


        def backward(words):
            return words[::-1]


        def add_operation(one, other):
            return one + other
        """,
    )


@mangled(TAPE)
def tape_lists_and_tuples(notebook):
    """Backward functions return lists, tuples of one, and NumPy's numbers; layers record by keyword, and print what they see."""
    edit(notebook, "log_backward", "return grad_output / a", "print(grad_output)\n    return (grad_output / a,)")
    edit(notebook, "exp_backward", "return grad_output * np.exp(a)", "return [grad_output * np.exp(a)]")
    edit(notebook, "matmul_backward", "return grad_output @ b.T, a.T @ grad_output", "return [grad_output @ b.T, a.T @ grad_output]")
    edit(
        notebook,
        "Tanh",
        "self.autograd_engine.add_operation([x], y, [None], tanh_backward)",
        "self.autograd_engine.add_operation(output=y, inputs=[x], backward_operation=tanh_backward, gradients_to_update=[None])\n"
        "        print(self.autograd_engine.operation_list)",
    )
    edit(
        notebook,
        "SoftmaxCrossEntropy",
        "loss = np.asarray((y * (log_sum - shifted)).sum() / len(y))",
        "loss = (y * (log_sum - shifted)).sum() / len(y)",
    )


@mangled(TAPE)
def tape_layers_with_a_backward_of_their_own(notebook):
    """Layers have a method that is called backward, as an exercise is, and helpers that are called like exercises' arguments."""
    one = at(notebook, "Sigmoid")
    one.source = one.source.replace("def sigmoid_backward(grad_output, x):", "def backward(grad_output, x):").replace(
        "[None], sigmoid_backward", "[None], backward"
    )
    one = at(notebook, "ReLU")
    one.source = textwrap.dedent('''
        @exercise
        class ReLU(Layer):
            """As in the other course."""

            def forward(self, x):
                y = np.maximum(x, 0)
                self.autograd_engine.add_operation([x], y, [None], self.backward)
                return y

            def backward(self, grad_output, x):
                return grad_output * (x > 0)
    ''').strip()


@mangled(TAPE)
def tape_by_another_import(notebook):
    """NumPy has another name in the solutions, and the decorators are spelt out."""
    append(notebook, "setup", "import numpy\nimport numpy as xp")
    for name in ("exp_backward", "Sigmoid", "ReLU", "Tanh", "SoftmaxCrossEntropy"):
        at(notebook, name).source = at(notebook, name).source.replace("np.", "xp.")
    edit(notebook, "Identity", "@exercise", '@ad.exercise_of("07_tape")')
    edit(notebook, "backward", '@ad.method(Autograd, "07_tape")', "@ad.method(\n    Autograd, unit='07_tape'\n)")


@mangled(TAPE)
def tape_beside_torch(notebook):
    """Extra cells compare with torch's autograd and layers; the solutions use neither."""
    append(
        notebook,
        "check_SoftmaxCrossEntropy",
        """
        import torch
        import torch.nn.functional as F

        there = torch.tensor([[1.0, 2.0]], requires_grad=True)
        F.cross_entropy(there, torch.tensor([0])).backward()
        print(there.grad, F.softmax(there, dim=-1))
        """,
    )
    append(notebook, "check_Sigmoid", "from scipy.special import expit\n\nexpit(np.array([1.0]))")
    at(notebook, "log_backward").source += "\n\n\nprint(log_backward(np.ones(1), np.ones(1)), ad.table)"


@mangled(TAPE)
def tape_an_engine_of_their_own(notebook):
    """The engine was written down once more as a class of their own, whose methods are then given to the exercises."""
    one = at(notebook, "add_operation")
    method = one.source.split("\n", 1)[1]
    one.source = '@ad.method(Autograd, "07_tape")\n' + method
    insert(
        notebook,
        "add_operation",
        """
        class MyAutograd(Autograd):
            def add_operation(self, inputs, output, gradients_to_update, backward_operation):
                print("not yet")

            def backward(self, divergence):
                print("not yet either")
        """,
    )


@mangled(TAPE)
def tape_warnings_and_settings(notebook):
    """Floating-point errors raise, float32 prints differ, a seed is set, and threads are asked for."""
    append(
        notebook, "setup", "import warnings\n\nnp.seterr(over='ignore', divide='warn')\nnp.set_printoptions(precision=1)\nnp.random.seed(0)"
    )
    append(notebook, "check_Linear", "warnings.filterwarnings('error')")


@mangled(TAPE)
def tape_in_pieces(notebook):
    """A method was split over two cells in its middle, and experiments that fail stand below others."""
    one = at(notebook, "backward")
    cut = one.source.index("    for entry in reversed")
    one.source, rest = one.source[:cut].rstrip(), one.source[cut:]
    notebook.cells.insert(position(notebook, "backward") + 1, nbformat.v4.new_code_cell(rest))
    at(notebook, "Linear").source += "\n\n\nLinear(2, 3, Autograd())(np.ones((4, 5)))"
    at(notebook, "mul_backward").source += "\n\n\nassert mul_backward(1, 2, 3) == (3, 2)"


@mangled(TAPE, add_operation=5, matmul_backward=1, Identity=5)
def tape_three_left_out(notebook):
    """Three exercises of unit 7 were never written, and what builds on them is right all the same."""
    for name, first in (("add_operation", "    for array"), ("matmul_backward", "    return"), ("Identity", "        y =")):
        head = at(notebook, name).source.split(first)[0]
        indent = first[: len(first) - len(first.lstrip())]
        at(notebook, name).source = head + f'{indent}raise NotImplementedError("exercise {name} is not done yet")'


# --- as archives, as students of that course know it


def packed(*entries: tuple[str, bytes], mode: str = "w:") -> bytes:
    """A tar of (name, content); a folder where the name ends with a slash."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries:
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.mtime, entry.mode = 1_790_000_000, 0o755
            if name.endswith("/"):
                entry.type = tarfile.DIRTYPE
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def solved(*exercises: str) -> bytes:
    return encoded(full(TAPE, *exercises))


AROUND: Sequence[tuple[str, bytes]] = (
    ("handin/", b""),
    ("handin/._" + NAME, b"\0\5\26\7"),
    ("handin/.DS_Store", b"\0" * 100),
    ("handin/mytorch/", b""),
    ("handin/mytorch/autograd_engine.py", b"class Autograd:\n    pass\n"),
    ("handin/autograder/runner.py", b"print('all tests passed')\n"),
    ("handin/.ipynb_checkpoints/tape-checkpoint.ipynb", b"{}"),
)


@delivered(TAPE, repairs=("came packed, in handin.tar",))
def tape_as_handin_tar():
    """Handed in as handin.tar, made by a Makefile, with a folder of modules beside the notebook, and what a Mac adds."""
    return {"handin.tar": packed(*AROUND, ("handin/" + NAME, solved()))}


@delivered(TAPE, repairs=("came packed, in handin.tar.gz",))
def tape_as_handin_tar_gz():
    """The same, compressed."""
    return {"handin.tar.gz": packed((NAME, solved()), mode="w:gz")}


@delivered(TAPE, repairs=("came packed, in handin.tar",))
def tape_as_a_tar_that_is_compressed_but_not_called_so():
    """A compressed tar that is called handin.tar, as `tar cvzf handin.tar` makes it, with long names in it."""
    deep = "/".join(["home", "zoe", "my documents", "introduction to deep learning", "homework", "number 1", "bonus"] * 2)
    return {"handin.tar": packed((f"{deep}/{NAME}", solved()), mode="w:gz")}


@delivered(TAPE, repairs=("came packed, in handin.tar.xz",))
def tape_as_an_xz():
    """A tar of the other kind of compression."""
    return {"handin.tar.xz": lzma.compress(packed(("./", b""), ("./" + NAME, solved())))}


@delivered(TAPE, repairs=("came packed, in tape.tar.bz2",))
def tape_as_a_bz2_of_another_name():
    """A tar of another name, with an older copy of the notebook in it that was never filled in."""
    return {"tape.tar.bz2": bz2.compress(packed((NAME, solved()), ("old/" + NAME, encoded(untouched(TAPE)))))}


@delivered(TAPE)
def tape_beside_its_tar():
    """The notebook, and a handin.tar of an earlier day beside it, in which less is done."""
    return {NAME: solved(), "handin.tar": packed((NAME, solved("sub_backward", "mul_backward")))}
