"""A notebook that is half done, in a real kernel: cells wait for exercises, endless code ends, an old version is called old."""

import re
import shutil
from textwrap import dedent

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from autodiff_lib.units import UNITS, needed
from grader.book.nbgrader_course import ROOT, filled_in, solutions

SETUP = "import autodiff_lib as ad\nfrom autodiff_lib import checks\ncheck = checks.of_unit({unit!r})"
STUB = '@ad.exercise\ndef gradients(output_node, nodes):\n    raise NotImplementedError("exercise gradients is not done yet")'
DIV = """
@ad.operator("div(a, b, /)")
class DivOp(ad.Op):
    def compute(self, node, inputs):
        a, b = inputs
        return {value}

    def gradient(self, node, output_grad):
        while {again}:
            pass
        a, b = node.inputs
        return [ad.unbroadcast(output_grad / b, a), ad.unbroadcast(-(output_grad * node / b), b)]
"""
SOON = "from autodiff_lib.checks import check as of, time_limit\nwithin = of.answers_within\nof.answers_within = lambda: within(0.5)"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path_factory.mktemp("desk")))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, cell):
    """(status, what the cell shows) of a cell."""
    shown = []

    def keep(message):
        content = message["content"]
        data = content.get("data", {})
        shown.append(content.get("text") or data.get("text/html") or data.get("text/plain") or "")

    reply = client.execute_interactive(dedent(cell), output_hook=keep, timeout=120)
    return reply["content"]["status"], "".join(shown)


def test_a_cell_that_needs_an_unwritten_exercise_says_so_and_run_all_goes_on(kernel):
    assert run(kernel, SETUP.format(unit="02_evaluator") + "\ny = 'of an earlier section'")[0] == "ok"
    assert run(kernel, "checks.of_unit('01_operators')")[0] == "ok"  # as loading an earlier unit does
    assert run(kernel, STUB)[0] == "ok"
    status, shown = run(kernel, "y = 1\nslopes = gradients(1, 2)")
    assert (status, "not yet: exercise 3, gradients" in shown) == ("ok", True)
    status, shown = run(kernel, "longer = slopes + [1]")  # nobody has defined it
    assert (status, "not yet: exercise 3, gradients" in shown) == ("ok", True)
    status, shown = run(kernel, "longer[0]")  # nor this, which waits for that
    assert (status, "not yet: exercise 3, gradients" in shown) == ("ok", True)
    assert run(kernel, "def shown():\n    return longer[0]")[0] == "ok"
    status, shown = run(kernel, "shown()")  # whose function waits for it, and not the cell itself
    assert (status, "not yet: exercise 3, gradients" in shown) == ("ok", True)
    assert run(kernel, "slopes = [2]\nlonger = slopes + [1]\nlonger") == ("ok", "[2, 1]")
    assert run(kernel, "shown()") == ("ok", "2")


@pytest.mark.parametrize("unit", ["02_evaluator", "03_transformer_lm"])
def test_run_all_on_a_units_own_notebook_of_which_one_exercise_is_written_reaches_its_end(tmp_path, unit):
    for name in (*needed(unit), unit):
        shutil.copytree(ROOT / "release" / name, tmp_path / name)
    path = tmp_path / unit / UNITS[unit].notebook
    first = dict([*solutions(unit).items()][:1])
    notebook = filled_in(nbformat.read(path, as_version=4), first)
    NotebookClient(notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    shown = {cell.id: str(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"}
    assert notebook.cells[-1].execution_count == len(shown)
    assert sum("not yet: exercise" in said for said in shown.values()) > 5
    (last,) = [cell for cell in notebook.cells if cell.source == "check()"]
    for name in UNITS[unit].exercises:
        assert f"{'✓' if name in first else '○'} {name}" in shown[last.id]


@pytest.mark.parametrize("cell", ["1 / 0", "never_defined", "raise NotImplementedError('of my own')", "slopes[5]"])
def test_any_other_error_is_one(kernel, cell):
    run(kernel, SETUP.format(unit="02_evaluator") + "\nslopes = [2]")
    assert run(kernel, cell)[0] == "error"


def test_a_gradient_without_end_costs_itself_alone_and_the_kernel_goes_on(kernel):
    run(kernel, SETUP.format(unit="01_operators") + "\n" + SOON)
    run(kernel, DIV.format(value="a / b", again="True"))
    status, shown = run(kernel, "check('div')")
    assert status == "ok"
    assert re.search(r"your gradient had not finished after 0\.5 s; it was in line \d+: (while True|pass)", shown)
    assert "compute: all" in shown
    assert "Traceback" not in shown
    assert run(kernel, "1 + 1") == ("ok", "2")


def test_after_a_syntax_error_the_old_version_is_called_old_and_nothing_is_green(kernel):
    run(kernel, SETUP.format(unit="01_operators"))
    assert run(kernel, DIV.format(value="a / b", again="False"))[0] == "ok"
    assert "old version" not in run(kernel, "check('div')")[1]
    assert run(kernel, DIV.format(value="(a / b", again="False"))[0] == "error"
    for cell in ("check('div')", "check()"):
        shown = run(kernel, cell)[1]
        assert "OLD VERSION" in shown
        assert "#1a7f37" not in shown
    assert run(kernel, DIV.format(value="a / b", again="False"))[0] == "ok"
    assert "OLD VERSION" not in run(kernel, "check('div')")[1]
