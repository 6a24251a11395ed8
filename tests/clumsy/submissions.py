"""What happens to notebooks in the hands of honest people, and the points that they keep all the same.

Each submission starts from the release with all solutions filled in; a function then mangles it. The
function's name is the submission's name, its docstring says what happened.
"""

from __future__ import annotations

import copy
import io
import json
import math
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, cell, filled_in, solutions

OPERATORS, EVALUATOR, LM = "01_operators", "02_evaluator", "03_transformer_lm"

POINTS: dict[str, dict[str, float]] = {unit: {name: question.points for name, question in questions(unit).items()} for unit in UNITS}
Files = dict[str, bytes]


@dataclass(frozen=True)
class Clumsy:
    """An honest submission that got mangled, and what it has earned."""

    name: str
    what: str  # one line: what happened to the notebook
    unit: str
    expected: dict[str, float | None] | None  # exercise -> points, or None where it waits for a person; None: all of it does
    files: Callable[[], Files]  # path in the submission's folder -> content
    repairs: tuple[str, ...] = ()  # words of which each must occur in the list of repairs, in lower case
    make: Callable[[Path], None] = lambda folder: None  # what are no plain files


SUBMISSIONS: list[Clumsy] = []


def write(clumsy: Clumsy, folder: Path) -> None:
    """Put the submission into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in clumsy.files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    clumsy.make(folder)


# --- tools


@cache
def released(unit: str) -> NotebookNode:
    return nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)


def untouched(unit: str = OPERATORS) -> NotebookNode:
    return copy.deepcopy(released(unit))


def full(unit: str = OPERATORS, *exercises: str) -> NotebookNode:
    """The release with those exercises solved; all of them where none is named."""
    answers = {name: text for name, text in solutions(unit).items() if not exercises or name in exercises}
    return copy.deepcopy(filled_in(released(unit), answers))


def encoded(notebook: dict[str, Any], lines: bool = True) -> bytes:
    """A notebook as Jupyter writes it, without a look at whether it is valid; sources as lists of lines, or as strings."""
    plain = json.loads(json.dumps(notebook))
    for one in plain.get("cells", []):
        if lines and isinstance(one, dict) and isinstance(one.get("source"), str):
            one["source"] = one["source"].splitlines(keepends=True)
    return (json.dumps(plain, indent=1, ensure_ascii=False) + "\n").encode()


def position(notebook: NotebookNode, name: str) -> int:
    """Where a cell is, by its grade_id or its cell id."""
    for index, one in enumerate(notebook.cells):
        if name in (one.metadata.get("nbgrader", {}).get("grade_id"), one.get("id")):
            return index
    raise KeyError(f"no cell is called '{name}'")


def at(notebook: NotebookNode, name: str) -> NotebookNode:
    return notebook.cells[position(notebook, name)]


def insert(notebook: NotebookNode, before: str, source: str) -> None:
    notebook.cells.insert(position(notebook, before), nbformat.v4.new_code_cell(textwrap.dedent(source).strip("\n")))


def append(notebook: NotebookNode, after: str, source: str) -> None:
    notebook.cells.insert(position(notebook, after) + 1, nbformat.v4.new_code_cell(textwrap.dedent(source).strip("\n")))


def edit(notebook: NotebookNode, name: str, old: str, new: str) -> None:
    """Replace text in a cell. ValueError where it is not there."""
    found = at(notebook, name)
    if old not in found.source:
        raise ValueError(f"the cell {name} has no text {old!r}; mend its edits")
    found.source = found.source.replace(old, new)


def ungraded_metadata(notebook: NotebookNode) -> None:
    for one in notebook.cells:
        one.metadata = NotebookNode()


def mangled(unit: str = OPERATORS, repairs: tuple[str, ...] = (), path: str = "", **lost: float) -> Callable[[Callable[..., None]], Any]:
    """A submission from a function that changes the full notebook. `lost` are points that it loses."""

    def register(mangle: Callable[[NotebookNode], None]) -> Callable[[NotebookNode], None]:
        def files() -> Files:
            notebook = full(unit)
            mangle(notebook)
            return {path or UNITS[unit].notebook: encoded(notebook)}

        add(mangle, unit, expectation(unit, lost), files, repairs)
        return mangle

    return register


def delivered(
    unit: str = OPERATORS, repairs: tuple[str, ...] = (), nothing: bool = False, **lost: float
) -> Callable[[Callable[[], Files]], Callable[[], Files]]:
    """A submission from a function that returns its files. `nothing`: it holds nothing that can be graded."""

    def register(files: Callable[[], Files]) -> Callable[[], Files]:
        add(files, unit, None if nothing else expectation(unit, lost), files, repairs)
        return files

    return register


def add(
    function: Callable[..., Any], unit: str, expected: dict[str, float | None] | None, files: Callable[[], Files], words: tuple[str, ...]
) -> None:
    SUBMISSIONS.append(Clumsy(function.__name__.replace("_", "-"), (function.__doc__ or "").strip(), unit, expected, files, words))


UNGRADED = math.inf  # in place of the points that are lost: there is no verdict


def expectation(unit: str, lost: dict[str, float]) -> dict[str, float | None]:
    kept = {exercise: points - lost.get(exercise, 0) for exercise, points in POINTS[unit].items()}
    return {exercise: points if points >= 0 else None for exercise, points in kept.items()}


def all_but(unit: str, *kept: str) -> dict[str, float]:
    """What those lose who keep no other exercises."""
    return {exercise: points for exercise, points in POINTS[unit].items() if exercise not in kept}


# --- check cells


@mangled(repairs=("check_div", "deleted"))
def check_cell_deleted(notebook):
    """One check cell is gone."""
    del notebook.cells[position(notebook, "check_div")]


@mangled(repairs=("deleted",))
def check_cells_all_deleted(notebook):
    """All check cells are gone, and the overview at the end."""
    notebook.cells = [one for one in notebook.cells if not one.source.startswith("check(")]


@mangled(EVALUATOR, repairs=("check_gradients", "deleted"))
def check_and_cell_below_deleted(notebook):
    """A check cell and the experiment below it went together."""
    at(notebook, "gradients-wrong").source = ""
    del notebook.cells[position(notebook, "check_gradients")]


@mangled(repairs=("check_relu", "duplicated"))
def check_cell_duplicated(notebook):
    """A check cell was copied and pasted, with its metadata and its id."""
    notebook.cells.insert(position(notebook, "check_relu"), copy.deepcopy(at(notebook, "check_relu")))


@mangled()
def check_cell_edited(notebook):
    """A check cell asks for another exercise, another is commented out, a third prints something more."""
    at(notebook, "check_div").source = 'check("dvi")'
    at(notebook, "check_sqrt").source = '# check("sqrt")\npass'
    at(notebook, "check_matmul").source = 'print("almost there")\ncheck("matmul")  # all green now!'


@mangled(power=3)
def check_cell_edited_to_pass(notebook):
    """Somebody who was tired of a red check typed what it ought to say; the exercise below it is wrong."""
    edit(notebook, "power", "inputs[0] ** node.exponent", "inputs[0] * node.exponent")
    edit(notebook, "power", "node.exponent * a ** (node.exponent - 1)", "node.exponent * a")
    at(notebook, "check_power").source = 'print("power: 3 of 3 points")'


@mangled()
def helper_in_the_check_cell(notebook):
    """The only free line was in the check cell: a helper that the solution needs stands there."""
    edit(notebook, "sqrt", "torch.sqrt(inputs[0])", "the_root_of(inputs[0])")
    at(notebook, "check_sqrt").source = 'def the_root_of(t):\n    return t**0.5\n\n\ncheck("sqrt")'


@mangled()
def solution_in_the_check_cell(notebook):
    """The solution was typed into the check cell, above the check; the stub is as it was."""
    at(notebook, "check_mean").source = at(notebook, "mean").source + '\n\n\ncheck("mean")'
    at(notebook, "mean").source = cell(released(OPERATORS), "mean").source


@mangled()
def solution_merged_with_its_check(notebook):
    """A solution cell and the check cell below it were merged into one."""
    at(notebook, "softmax").source += "\n\n" + at(notebook, "check_softmax").source
    del notebook.cells[position(notebook, "check_softmax")]


# --- solution cells: gone, doubled, moved


@mangled(repairs=("no cell", "transpose"), transpose=2)
def solution_cell_deleted(notebook):
    """A solution cell is gone."""
    del notebook.cells[position(notebook, "transpose")]


@mangled(repairs=("no cell", "sqrt"), sqrt=2)
def solution_and_check_deleted(notebook):
    """A solution cell and its check cell are both gone."""
    for name in ("sqrt", "check_sqrt"):
        del notebook.cells[position(notebook, name)]


@mangled(EVALUATOR, repairs=("no cell", "topological_order"), topological_order=3)
def order_cell_deleted(notebook):
    """The cell that all other exercises of the unit call is gone."""
    del notebook.cells[position(notebook, "topological_order")]


@mangled(repairs=("matmul",))
def solution_duplicated_by_its_stub(notebook):
    """A solution cell was copied before it was filled in: below the solution stands the untouched stub, with the same metadata."""
    notebook.cells.insert(position(notebook, "matmul") + 1, copy.deepcopy(cell(released(OPERATORS), "matmul")))


@mangled(repairs=("matmul",))
def solution_duplicated_by_a_stub_with_a_note(notebook):
    """As before, but the stub below the solution was tidied: other comments, no docstring. It is a stub still."""
    stub = copy.deepcopy(cell(released(OPERATORS), "matmul"))
    stub.source = stub.source.replace("# YOUR CODE HERE", "# ask on Thursday").replace(
        '    """a @ b over the last two axes', '    """see above'
    )
    notebook.cells.insert(position(notebook, "matmul") + 1, stub)


@mangled(repairs=("duplicated", "div"))
def solution_duplicated_filled(notebook):
    """A solution is there twice; in the first the gradient is wrong, the last is right."""
    again = copy.deepcopy(at(notebook, "div"))
    edit(notebook, "div", "-output_grad * node / b", "output_grad * node / b")
    notebook.cells.insert(position(notebook, "div") + 1, again)


@mangled(repairs=("duplicated", "div"), div=2)
def solution_duplicated_later_worse(notebook):
    """A solution is there twice; the first is right, in the last the gradient is wrong. It is the last that the notebook uses."""
    again = copy.deepcopy(at(notebook, "div"))
    again.source = again.source.replace("-output_grad * node / b", "output_grad * node / b")
    notebook.cells.insert(position(notebook, "div") + 1, again)


@mangled(repairs=("softmax",))
def solution_below_its_stub(notebook):
    """The solution is in a new cell below; the stub is as it was."""
    text = at(notebook, "softmax").source
    at(notebook, "softmax").source = cell(released(OPERATORS), "softmax").source
    append(notebook, "softmax", text)


@mangled(repairs=("softmax",))
def solution_above_its_stub(notebook):
    """The solution is in a new cell above; the stub, which runs later, is as it was."""
    text = at(notebook, "softmax").source
    at(notebook, "softmax").source = cell(released(OPERATORS), "softmax").source
    insert(notebook, "softmax", text)


@mangled()
def all_solutions_in_one_cell(notebook):
    """All ten solutions are in one cell below the setup; the stubs are as they were."""
    texts = solutions(OPERATORS)
    for exercise in texts:
        at(notebook, exercise).source = cell(released(OPERATORS), exercise).source
    append(notebook, "setup", "\n\n\n".join(texts.values()))


@mangled(EVALUATOR)
def all_functions_in_one_cell(notebook):
    """All four solutions of unit 2 are in one cell at the top; the stubs are as they were."""
    texts = solutions(EVALUATOR)
    for exercise in texts:
        at(notebook, exercise).source = cell(released(EVALUATOR), exercise).source
    append(notebook, "setup", "\n\n\n".join(texts.values()))


@mangled()
def two_solutions_merged(notebook):
    """Two neighbours were merged into one cell; the second stub came back by undo."""
    first, second = at(notebook, "div"), at(notebook, "div_by_const")
    first.source += "\n\n\n" + second.source
    second.source = cell(released(OPERATORS), "div_by_const").source


@mangled(repairs=("relu", "markdown"))
def solution_as_markdown(notebook):
    """A solution cell was turned into markdown by accident (the M key)."""
    one = at(notebook, "relu")
    notebook.cells[position(notebook, "relu")] = nbformat.v4.new_markdown_cell(one.source, id=one.id, metadata=one.metadata)


@mangled(repairs=("layernorm", "raw"))
def solution_as_raw(notebook):
    """A solution cell was turned into raw text by accident (the R key)."""
    one = at(notebook, "layernorm")
    notebook.cells[position(notebook, "layernorm")] = nbformat.v4.new_raw_cell(one.source, id=one.id, metadata=one.metadata)


@mangled(EVALUATOR, repairs=("gradients", "markdown"))
def function_as_markdown(notebook):
    """A solution cell of unit 2 was turned into markdown by accident."""
    one = at(notebook, "gradients")
    notebook.cells[position(notebook, "gradients")] = nbformat.v4.new_markdown_cell(one.source, id=one.id, metadata=one.metadata)


@mangled()
def old_attempt_kept_as_raw(notebook):
    """Below the solution an old, wrong attempt is kept as raw text, on purpose: code is what counts."""
    old = at(notebook, "mean").source.replace("output_grad / count", "output_grad")
    notebook.cells.insert(position(notebook, "mean") + 1, nbformat.v4.new_raw_cell(old))


@mangled()
def notes_that_quote_code(notebook):
    """Markdown notes below a solution quote a first attempt, fenced, with words around it."""
    old = at(notebook, "div").source.replace("-output_grad * node / b", "output_grad")
    text = f"**What went wrong at first:**\n\n```python\n{old}```\n\nThe second gradient was missing its quotient."
    notebook.cells.insert(position(notebook, "div") + 1, nbformat.v4.new_markdown_cell(text))


@mangled()
def old_attempt_commented_out(notebook):
    """Below the solution an old attempt stands, every line of it commented out."""
    old = at(notebook, "sqrt").source.replace("2 * node", "node")
    append(notebook, "sqrt", textwrap.indent(old, "# ", lambda line: True))


@mangled(repairs=("div",))
def solution_split_over_two_cells(notebook):
    """A solution cell was split before its second method, which copies the metadata."""
    first = at(notebook, "div")
    second = copy.deepcopy(first)
    cut = first.source.index("    def gradient")
    first.source, second.source, second.id = first.source[:cut].rstrip(), first.source[cut:], "split-off"
    notebook.cells.insert(position(notebook, "div") + 1, second)


@mangled(repairs=("layernorm",))
def solution_split_in_three(notebook):
    """A solution was split twice, once in the middle of a method; the new cells are plain, and a remark stands between."""
    first = at(notebook, "layernorm")
    lines = first.source.split("\n")
    cuts = lines.index("    def gradient(self, node, output_grad):"), next(i for i, line in enumerate(lines) if "through_mean =" in line)
    first.source = "\n".join(lines[: cuts[0]]).rstrip()
    pieces = [
        nbformat.v4.new_markdown_cell("and now backwards:"),
        nbformat.v4.new_code_cell("\n".join(lines[cuts[0] : cuts[1]])),
        nbformat.v4.new_code_cell("\n".join(lines[cuts[1] :])),
    ]
    place = position(notebook, "layernorm") + 1
    notebook.cells[place:place] = pieces


@mangled(EVALUATOR, repairs=("frugalevaluator",))
def class_split_over_two_cells(notebook):
    """The class of the last exercise was split before `run`."""
    first = at(notebook, "FrugalEvaluator")
    cut = first.source.index("    def run")
    first.source, rest = first.source[:cut].rstrip(), first.source[cut:]
    notebook.cells.insert(position(notebook, "FrugalEvaluator") + 1, nbformat.v4.new_code_cell(rest))


@mangled(relu=1)
def method_outside_its_class(notebook):
    """The second method was written into a cell of its own, as a function: it is no part of the class."""
    one = at(notebook, "relu")
    cut = one.source.index("    def gradient")
    one.source, rest = one.source[:cut].rstrip(), one.source[cut:]
    append(notebook, "relu", rest)


@mangled()
def solution_indented(notebook):
    """A whole solution cell is indented, below an experiment that ends in a block; Jupyter runs such a cell."""
    one = at(notebook, "div_by_const")
    one.source = textwrap.indent(one.source, "    ")


@mangled(EVALUATOR)
def function_indented(notebook):
    """A whole solution cell of unit 2 is indented, below another solution."""
    one = at(notebook, "Evaluator")
    one.source = textwrap.indent(one.source, "    ")


# --- order of cells, helpers


@mangled()
def helper_before(notebook):
    """A helper is in an extra cell before its use."""
    edit(notebook, "transpose", "inputs[0].transpose(node.dim0, node.dim1)", "swap(inputs[0], node)")
    insert(notebook, "transpose", "def swap(t, node):\n    return t.transpose(node.dim0, node.dim1)")


@mangled()
def helper_after(notebook):
    """A helper is in the notebook's last cell, after its use."""
    edit(notebook, "transpose", "inputs[0].transpose(node.dim0, node.dim1)", "swap(inputs[0], node)")
    append(notebook, "closing", "def swap(t, node):\n    return t.transpose(node.dim0, node.dim1)")


@mangled(EVALUATOR)
def helper_after_in_unit_2(notebook):
    """The walk's work is done by a helper two cells further down."""
    edit(notebook, "gradients", "ad.ones_like(output_node)", "seed_of(output_node)")
    append(notebook, "check_gradients", "def seed_of(node):\n    return ad.ones_like(node)")


@mangled(sqrt=1)
def helper_deleted(notebook):
    """A helper's cell was deleted after it was run; it worked until the kernel was restarted."""
    edit(notebook, "sqrt", "torch.sqrt(inputs[0])", "the_root_of(inputs[0])")


@mangled()
def exercises_in_reverse(notebook):
    """The solution cells stand in reverse order, each with its check."""
    names = list(POINTS[OPERATORS])
    pairs = [[at(notebook, name), at(notebook, f"check_{name}")] for name in names]
    notebook.cells = [one for one in notebook.cells if not one.metadata.get("nbgrader")]
    place = position(notebook, "all-text")
    notebook.cells[place:place] = [one for pair in reversed(pairs) for one in pair]


@mangled(EVALUATOR)
def functions_in_reverse(notebook):
    """The solution cells of unit 2 stand in reverse order at the end."""
    names = list(POINTS[EVALUATOR])
    cells = [at(notebook, name) for name in names]
    notebook.cells = [one for one in notebook.cells if one not in cells] + cells[::-1]


@mangled()
def setup_last(notebook):
    """The setup cell was dragged to the end; it had been run first."""
    notebook.cells.append(notebook.cells.pop(position(notebook, "setup")))


@mangled(repairs=("setup",))
def setup_deleted(notebook):
    """The setup cell is gone; it had been run."""
    del notebook.cells[position(notebook, "setup")]


@mangled()
def setup_in_pieces(notebook):
    """The setup cell was split into one line each."""
    place = position(notebook, "setup")
    lines = [line for line in notebook.cells[place].source.split("\n") if line]
    notebook.cells[place : place + 1] = [nbformat.v4.new_code_cell(line) for line in lines]


@mangled()
def all_other_cells_deleted(notebook):
    """All that is left are the setup and the solutions: no texts, no checks, no examples."""
    notebook.cells = [one for one in notebook.cells if one.id == "setup" or one.metadata.get("nbgrader", {}).get("solution")]


@mangled()
def three_hundred_empty_cells(notebook):
    """Somebody leant on the B key."""
    place = position(notebook, "mean")
    notebook.cells[place:place] = [nbformat.v4.new_code_cell() for _ in range(300)]


# --- metadata


@mangled(repairs=("metadata",))
def metadata_lost(notebook):
    """Another editor has dropped the metadata of all cells."""
    ungraded_metadata(notebook)


@mangled(EVALUATOR, repairs=("metadata",))
def metadata_and_ids_lost(notebook):
    """A round trip through a script: metadata, ids, kernel and outputs of unit 2 are gone."""
    ungraded_metadata(notebook)
    notebook.metadata = NotebookNode()
    for one in notebook.cells:
        del one["id"]


@mangled()
def points_edited(notebook):
    """The metadata give other points, and other checksums."""
    for one in notebook.cells:
        if "points" in one.metadata.get("nbgrader", {}):
            one.metadata.nbgrader.points = 100
            one.metadata.nbgrader.checksum = "0" * 32


@mangled(repairs=("renamed",))
def grade_ids_renamed(notebook):
    """Three solution cells have other grade_ids."""
    at(notebook, "div").metadata.nbgrader.grade_id = "cell-8d1f0a3b"
    at(notebook, "relu").metadata.nbgrader.grade_id = "my relu"
    at(notebook, "power").metadata.nbgrader.grade_id = ""


@mangled()
def grade_ids_swapped(notebook):
    """A solution has its check's grade_id and the other way round; two solutions have each other's."""
    for first, second in (("div", "check_div"), ("sqrt", "layernorm")):
        one, other = at(notebook, first).metadata.nbgrader, at(notebook, second).metadata.nbgrader
        one.grade_id, other.grade_id = other.grade_id, one.grade_id


@mangled()
def grade_flags_swapped(notebook):
    """Solution cells are marked as tests, test cells as solutions."""
    for one in notebook.cells:
        if marked := one.metadata.get("nbgrader"):
            marked.grade, marked.solution = marked.solution, marked.grade
            marked.locked = not marked.locked


@mangled()
def schema_version_wrong(notebook):
    """The metadata claim all kinds of schema versions."""
    for one, version in zip([one for one in notebook.cells if "nbgrader" in one.metadata], 5 * [1, 2, 99, "3", None], strict=False):
        one.metadata.nbgrader.schema_version = version


@mangled()
def metadata_of_the_wrong_kind(notebook):
    """Hand-edited: metadata that are null, a list or a text; a cell that is null; a cell without a source."""
    div, relu, sqrt, mean, softmax, declare = (at(notebook, name) for name in ("div", "relu", "sqrt", "mean", "softmax", "declare"))
    div["metadata"], relu["metadata"] = None, []
    sqrt.metadata.nbgrader = "solution"
    mean.metadata.nbgrader.grade_id, softmax.metadata.nbgrader.grade_id = ["mean"], {"id": "softmax"}
    del declare["source"]
    notebook.cells.insert(5, None)
    notebook["metadata"] = None


@mangled()
def cell_ids_lost(notebook):
    """No cell has an id, though the format asks for one."""
    for one in notebook.cells:
        del one["id"]


@mangled()
def cell_ids_duplicated(notebook):
    """All cells have the same id."""
    for one in notebook.cells:
        one["id"] = "setup"


@mangled()
def cell_ids_of_the_wrong_kind(notebook):
    """Ids are numbers, or have blanks in them, or are far too long."""
    for number, one in enumerate(notebook.cells):
        one["id"] = [number, f"cell no {number}", "x" * 200, None][number % 4]


@mangled(repairs=("kernel",))
def other_kernel(notebook):
    """The notebook was made with a conda environment's kernel."""
    notebook.metadata.kernelspec = {"display_name": "Python [conda env:foo]", "language": "python", "name": "conda-env-foo-py"}
    notebook.metadata.language_info = {"name": "python", "version": "3.8.10", "codemirror_mode": {"name": "ipython", "version": 3}}


@mangled(repairs=("kernel",))
def language_r(notebook):
    """The metadata say that the notebook is in R."""
    notebook.metadata.kernelspec = {"display_name": "R", "language": "R", "name": "ir"}
    notebook.metadata.language_info = {"name": "R", "file_extension": ".r", "mimetype": "text/x-r-source"}


@mangled()
def tags_on_cells(notebook):
    """Cells are tagged for other tools: skip-execution, raises-exception, hide-cell, an empty tag, no list of tags."""
    at(notebook, "div").metadata.tags = ["skip-execution"]
    at(notebook, "setup").metadata.tags = ["skip-execution", "export"]
    at(notebook, "relu").metadata.tags = ["raises-exception", "nbval-skip"]
    at(notebook, "check_relu").metadata.tags = ["skip-execution"]
    at(notebook, "mean").metadata.tags = ["hide-cell", ""]
    at(notebook, "power").metadata.tags = "skip-execution"


@mangled()
def converted_by_colab(notebook):
    """A trip through Google Colab: its metadata, Drive mounted in a cell of its own, a form in a solution cell."""
    notebook.metadata.colab = {"provenance": [], "gpuType": "T4"}
    notebook.metadata.accelerator = "GPU"
    notebook.nbformat_minor = 0
    for number, one in enumerate(notebook.cells):
        del one["id"]
        one.metadata.id = f"aB{number:010}"
        if one.cell_type == "code":
            one.metadata.outputId = "4e7d"
    notebook.cells.insert(0, nbformat.v4.new_code_cell('from google.colab import drive\n\ndrive.mount("/content/drive")'))
    at(notebook, "mean").source = '# @title mean { display-mode: "form" }\n' + at(notebook, "mean").source


# --- formats


@delivered(repairs=("format 3",))
def nbformat_3():
    """The notebook is in the format of 2013, with worksheets."""
    old = nbformat.convert(full(), 3)
    return {"operators.ipynb": json.dumps(old, indent=1).encode()}


@mangled(repairs=("newer",))
def nbformat_minor_99(notebook):
    """The notebook comes from a Jupyter of the future."""
    notebook.nbformat_minor = 99


@mangled()
def nbformat_4_0(notebook):
    """The notebook is in format 4.0, where cells have no ids."""
    notebook.nbformat_minor = 0
    for one in notebook.cells:
        del one["id"]


@mangled()
def nbformat_missing(notebook):
    """The notebook does not say which format it is in."""
    del notebook["nbformat"], notebook["nbformat_minor"]


@delivered()
def sources_as_strings():
    """Sources are strings, not lists of lines."""
    return {"operators.ipynb": encoded(full(), lines=False)}


@delivered()
def sources_letter_by_letter():
    """Sources are lists with an entry for each letter, as a script that mixed up lists and strings makes them."""
    notebook = json.loads(encoded(full(), lines=False))
    for one in notebook["cells"]:
        one["source"] = list(one["source"])
    return {"operators.ipynb": json.dumps(notebook).encode()}


@mangled(repairs=("line ends",))
def windows_line_ends(notebook):
    """Sources have Windows line ends, one of them those of an old Macintosh."""
    for one in notebook.cells:
        one.source = one.source.replace("\n", "\r\n")
    at(notebook, "power").source = at(notebook, "power").source.replace("\r\n", "\r")


@delivered()
def windows_line_ends_in_the_file():
    """The file has Windows line ends, the sources have not."""
    return {"operators.ipynb": encoded(full()).replace(b"\n", b"\r\n")}


@delivered(repairs=("utf-8",))
def byte_order_mark():
    """The file starts with the mark that Windows' editor puts before UTF-8."""
    return {"operators.ipynb": b"\xef\xbb\xbf" + encoded(full())}


@delivered(repairs=("utf-16",))
def utf_16():
    """The file went through PowerShell's `>`, which writes UTF-16."""
    return {"operators.ipynb": encoded(full()).decode().encode("utf-16")}


@delivered(repairs=("utf-16",))
def utf_16_without_mark():
    """The file is UTF-16 without its mark."""
    return {"operators.ipynb": encoded(full()).decode().encode("utf-16-le")}


@delivered(repairs=("utf-8",))
def latin_1():
    """A remark with umlauts in a solution cell, and the file in the encoding of old Windows."""
    notebook = full()
    at(notebook, "mean").source = "# Größe der Achsen!\n" + at(notebook, "mean").source
    return {"operators.ipynb": encoded(notebook).decode().encode("latin-1", errors="replace")}


@mangled()
def umlauts_and_emoji(notebook):
    """Names and remarks in a solution are in other scripts; an output holds half an emoji."""
    edit(notebook, "div", "numerator", "zähler")
    edit(notebook, "div", "denominator", "分母")
    at(notebook, "div").source += "\n# läuft 🎉"
    at(notebook, "declare").outputs = [nbformat.v4.new_output("stream", text="\N{PARTY POPPER}\x00\x1b[31m")]


@delivered()
def huge_output():
    """A loop has printed 50 MB into the notebook."""
    notebook = full()
    at(notebook, "declare").outputs = [nbformat.v4.new_output("stream", text="loss 0.6931471805599453\n" * (50 * 2**20 // 24))]
    return {"operators.ipynb": json.dumps(notebook).encode()}


@mangled()
def broken_outputs(notebook):
    """Outputs lack fields, have unknown types, or are no list; execution counts are texts."""
    at(notebook, "declare").outputs = [{"output_type": "stream"}, {"output_type": "display_data"}, {}, {"output_type": "pyout", "text": 3}]
    at(notebook, "div")["outputs"] = None
    at(notebook, "relu")["outputs"] = {"output_type": "stream", "name": "stdout", "text": "ok"}
    del at(notebook, "sqrt")["outputs"]
    at(notebook, "mean")["execution_count"] = "*"
    del at(notebook, "power")["execution_count"]


# --- files


@mangled(repairs=("operators-final(2).ipynb",), path="operators-final(2).ipynb")
def notebook_renamed(notebook):
    """The browser has numbered the file."""


@mangled(repairs=("operators.ipynb",), path="Operators.IPYNB")
def notebook_in_capitals(notebook):
    """The file name is in capitals."""


@mangled(repairs=("müller",), path="Übung 1 – Müller, Zoë 🎓.ipynb")
def notebook_with_a_name(notebook):
    """The file name holds the student's name, with blanks, umlauts and a picture."""


@mangled(repairs=("txt",), path="operators.ipynb.txt")
def notebook_as_txt(notebook):
    """The browser has put .txt behind the name."""


@mangled(repairs=("json",), path="operators.ipynb.json")
def notebook_as_json(notebook):
    """The browser has put .json behind the name."""


@mangled(repairs=("unit 1/abgabe",), path="unit 1/abgabe/operators.ipynb")
def notebook_in_a_subfolder(notebook):
    """The notebook is in a folder within a folder."""


@delivered(repairs=("2 notebooks",))
def old_notebook_beside():
    """Last week's version, with three exercises, lies beside the right one."""
    return {"operators_old.ipynb": encoded(full(OPERATORS, "div", "relu", "sqrt")), "operators.ipynb": encoded(full())}


@delivered(repairs=("operators-copy1.ipynb",))
def copy_beside_untouched():
    """The work is in a copy beside an untouched release."""
    return {"operators.ipynb": encoded(untouched()), "operators-Copy1.ipynb": encoded(full())}


@delivered(repairs=("operators-copy1.ipynb",), **all_but(OPERATORS, "div", "relu", "matmul", "mean"))
def copy_with_more_work():
    """Two exercises are done in the notebook, and later four in its copy: the one with more work counts."""
    return {
        "operators.ipynb": encoded(full(OPERATORS, "div", "relu")),
        "operators-Copy1.ipynb": encoded(full(OPERATORS, "div", "relu", "matmul", "mean")),
    }


@delivered()
def checkpoints_and_droppings():
    """Jupyter's checkpoint folder, Python's cache and a Macintosh's and Windows' hidden files came along."""
    return {
        "operators.ipynb": encoded(full(OPERATORS)),
        ".ipynb_checkpoints/operators-checkpoint.ipynb": encoded(full()),
        "__MACOSX/._operators.ipynb": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(100),
        "._operators.ipynb": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(100),
        ".DS_Store": bytes(6148),
        "desktop.ini": b"[.ShellClassInfo]\r\n",
        "__pycache__/x.cpython-311.pyc": bytes(64),
    }


@delivered(repairs=("big.bin",))
def large_file_beside():
    """Data of 3 MB, and two hundred little files, lie beside the notebook."""
    little = {f"runs/{number:03}.csv": b"1,2\n" for number in range(200)}
    return {"operators.ipynb": encoded(full()), "big.bin": bytes(3 * 2**20), **little}


@delivered()
def helper_module():
    """A solution imports the student's own module, which was handed in."""
    notebook = full()
    edit(notebook, "softmax", "torch.exp(a - a.amax(node.dim, keepdim=True))", "my_helpers.stable_exp(a, node.dim)")
    at(notebook, "softmax").source = "import my_helpers\n\n\n" + at(notebook, "softmax").source
    module = "import torch\n\n\ndef stable_exp(a, dim):\n    return torch.exp(a - a.amax(dim, keepdim=True))\n"
    return {"operators.ipynb": encoded(notebook), "my_helpers.py": module.encode()}


@delivered()
def helper_module_in_a_subfolder():
    """Notebook and module are together in a folder that was handed in whole."""
    return {f"operators/{name}": content for name, content in helper_module().items()}


@delivered(softmax=2)
def helper_module_forgotten():
    """A solution imports the student's own module inside of a method, and the module was not handed in."""
    notebook = full()
    edit(
        notebook,
        "softmax",
        "powers = torch.exp(a - a.amax(node.dim, keepdim=True))",
        "import my_helpers\n\n        powers = my_helpers.stable_exp(a, node.dim)",
    )
    return {"operators.ipynb": encoded(notebook)}


def zipped(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return target.getvalue()


@delivered(repairs=("came packed",))
def only_a_zip_file():
    """The notebook is in a zip file within a zip file."""
    return {"submission.zip": zipped({"operators.zip": zipped({"operators.ipynb": encoded(full())})})}


@delivered()
def zip_file_beside():
    """A zip file of everything lies beside the notebook."""
    return {"operators.ipynb": encoded(full()), "all.zip": zipped({"operators.ipynb": encoded(untouched())})}


@delivered(nothing=True)
def no_notebook():
    """There is a note and a picture, and no notebook."""
    return {"note.txt": b"Sorry, my laptop died. I will send it tomorrow.", "screenshot.png": b"\x89PNG\r\n\x1a\n" + bytes(500)}


@delivered(nothing=True)
def nothing_at_all():
    """The folder is empty."""
    return {}


@delivered(nothing=True)
def script_in_place_of_the_notebook():
    """The notebook was exported as a script, and the script was handed in."""
    return {"operators.py": "\n\n".join(one.source for one in full().cells if one.cell_type == "code").encode()}


@delivered(nothing=True)
def readme_as_notebook():
    """A text was saved under the notebook's name."""
    return {"operators.ipynb": b"# Unit 1\n\nRun `jupyter lab` and open operators.ipynb.\n"}


@delivered(nothing=True)
def html_as_notebook():
    """What was downloaded is the page of the login."""
    return {"operators.ipynb": b"<!DOCTYPE html>\n<html><head><title>401 - please log in</title></head><body><h1>401</h1></body></html>\n"}


@delivered(nothing=True)
def empty_file():
    """The file is empty: the disk was full."""
    return {"operators.ipynb": b""}


@delivered(nothing=True)
def binary_garbage():
    """The file holds no text."""
    return {"operators.ipynb": bytes(range(256)) * 40}


@delivered(nothing=True)
def json_but_no_notebook():
    """The file is JSON, of something else."""
    return {"operators.ipynb": b'[{"name": "div", "points": 3}, null, 1e400]'}


@delivered(nothing=True)
def notebook_without_cells():
    """The notebook was made anew and never filled."""
    return {"operators.ipynb": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'}


@delivered(repairs=("no cell",), **all_but(OPERATORS))
def notebook_of_another_unit():
    """The notebook of unit 2 was handed in for unit 1."""
    return {"evaluator.ipynb": encoded(full(EVALUATOR))}


@delivered(repairs=("json",), **all_but(OPERATORS, "div", "div_by_const", "transpose", "relu"))
def truncated():
    """The upload broke off in the middle of a solution; what stands before it is whole."""
    data = encoded(full())
    return {"operators.ipynb": data[: data.index(b"return torch.sqrt")]}


@delivered(EVALUATOR, repairs=("json",), **all_but(EVALUATOR, "topological_order", "Evaluator"))
def truncated_in_unit_2():
    """The upload broke off in the middle of the third solution, in the middle of a letter."""
    notebook = full(EVALUATOR)
    at(notebook, "gradients").source = "# Größe\n" + at(notebook, "gradients").source
    data = encoded(notebook)
    return {"evaluator.ipynb": data[: data.index("öße".encode()) + 1]}


@delivered(repairs=("json",))
def trailing_comma():
    """A cell was removed by hand, and a comma too many was left behind the last."""
    data = encoded(full()).decode()
    end = data.rindex(" ],\n")
    return {"operators.ipynb": (data[:end].rstrip() + ",\n" + data[end:]).encode()}


@mangled(power=3)
def conflict_markers_in_a_cell(notebook):
    """A merge has left its markers in a solution cell."""
    ours = "        return inputs[0] ** node.exponent\n"
    theirs = "        return torch.pow(inputs[0], node.exponent)\n"
    edit(notebook, "power", ours, f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> partner\n")


@delivered(repairs=("json",), power=3)
def conflict_in_the_json():
    """A merge has left its markers in the file, inside of a solution; the cells around it are whole."""
    lines = encoded(full()).decode().split("\n")
    place = next(index for index, line in enumerate(lines) if "inputs[0] ** node.exponent" in line)
    lines[place : place + 1] = ["<<<<<<< HEAD", lines[place], "=======", lines[place].replace("** ", "**"), ">>>>>>> partner"]
    return {"operators.ipynb": "\n".join(lines).encode()}


@delivered(repairs=("json",))
def conflict_around_cells():
    """A merge has left its markers around a whole cell: here the stub, there the solution."""
    notebook = full()
    data = encoded(notebook).decode()
    theirs = json.dumps(at(notebook, "relu"), indent=1)
    ours = json.dumps(cell(released(OPERATORS), "relu"), indent=1)
    notebook.cells[position(notebook, "relu")] = NotebookNode(cell_type="code", source="HERE")
    data = json.dumps(notebook, indent=1)
    start = data.index("{", data.rindex("}", 0, data.index('"HERE"')))
    end = data.index("}", data.index('"HERE"')) + 1
    return {"operators.ipynb": f"{data[:start]}\n<<<<<<< HEAD\n{ours}\n=======\n{theirs}\n>>>>>>> partner\n{data[end:]}".encode()}


# --- what else stands in the cells


@mangled()
def matplotlib_inline(notebook):
    """A magic command leads the setup cell, and others stand about."""
    at(notebook, "setup").source = "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'\n" + at(notebook, "setup").source
    append(notebook, "setup", "%load_ext autoreload\n%autoreload 2")


@mangled()
def magic_that_is_not_installed(notebook):
    """The setup cell starts with magic commands of packages that are not on the grader's machine."""
    at(notebook, "setup").source = "%load_ext lab_black\n%matplotlib widget\n" + at(notebook, "setup").source


@mangled()
def pip_install(notebook):
    """The setup cell starts with an installation, for which there is no network."""
    at(notebook, "setup").source = "!pip install torch\n" + at(notebook, "setup").source


@mangled()
def pip_install_of_something_missing(notebook):
    """The setup cell starts with installations of what is not there; each waits for a network that never comes."""
    lines = "%pip install -q torchviz\n!pip install git+https://github.com/someone/something.git\n"
    at(notebook, "setup").source = lines + at(notebook, "setup").source


@mangled()
def drive_mounted_in_the_setup(notebook):
    """The setup cell starts with lines that run only on Google Colab."""
    lines = 'from google.colab import drive\ndrive.mount("/content/drive")\n%cd /content/drive/MyDrive/unit1\n'
    at(notebook, "setup").source = lines + at(notebook, "setup").source


@mangled()
def kernel_restarted_by_code(notebook):
    """A cell ends its own process, as one does on hosted machines after an installation."""
    append(notebook, "setup", "import os\n\nos.kill(os.getpid(), 9)")


@mangled()
def exit_in_a_cell(notebook):
    """Cells say exit() and sys.exit(), to stop `Run All`."""
    append(notebook, "check_div", "import sys\n\nsys.exit(0)")
    append(notebook, "check_relu", "exit()")
    append(notebook, "check_sqrt", "raise SystemExit")


@mangled()
def timed_cells(notebook):
    """Solution cells start with %%time and %%capture."""
    for name, magic in (("matmul", "%%time"), ("softmax", "%%capture"), ("layernorm", "%%time\n")):
        at(notebook, name).source = f"{magic}\n{at(notebook, name).source}"


@mangled(EVALUATOR)
def timed_functions(notebook):
    """Solution cells of unit 2 start with %%time."""
    for name in POINTS[EVALUATOR]:
        at(notebook, name).source = f"%%time\n{at(notebook, name).source}"


@mangled(repairs=("sprites",))
def imports_by_the_editor(notebook):
    """The editor has put imports at the top of solution cells, of modules that are not here; nothing uses them."""
    for name, line in (
        ("div", "from symengine import div"),
        ("transpose", "from tkinter import Place"),
        ("relu", "from turtle import forward"),
        ("mean", "from pgzero.sprites import Sprites"),
        ("softmax", "from msvcrt import getch"),
    ):
        at(notebook, name).source = f"{line}\n\n\n{at(notebook, name).source}"


@mangled()
def imports_by_the_editor_of_common_words(notebook):
    """As before, but the imported names occur in the notebook as other things: as operators, methods, in texts."""
    for name, line in (
        ("softmax", "from keras.activations import softmax"),
        ("power", "from jax.numpy import power"),
        ("transpose", "from tensorflow import transpose"),
        ("relu", "from tensorflow.python.ops.nn_ops import relu\nfrom einops.layers.torch import Reduce"),
        ("layernorm", "from keras.src.layers import (\n    layernorm,\n    mean,\n)"),
    ):
        at(notebook, name).source = f"{line}\n\n\n{at(notebook, name).source}"


@mangled(EVALUATOR)
def imports_by_the_editor_in_unit_2(notebook):
    """Useless imports of missing modules lead the solution cells of unit 2; one name is the exercise's own."""
    for name, line in (("topological_order", "from retworkx import topological_sort"), ("gradients", "from tensorflow import gradients")):
        at(notebook, name).source = f"{line}\n\n\n{at(notebook, name).source}"


@mangled(relu=1)
def import_that_is_needed(notebook):
    """A solution needs a package that the course does not have, in one of its methods."""
    edit(notebook, "relu", "inputs[0].clamp(min=0)", "jnp.maximum(inputs[0], 0)")
    insert(notebook, "relu", "import jax.numpy as jnp")


@mangled()
def unfinished_sentence(notebook):
    """A sentence, half of a formula and an open bracket stand in code cells."""
    append(notebook, "div-try", "why does this work? the gradient of b is -a/b^2 and then I")
    append(notebook, "relu-text", r"\frac{\partial y}{\partial a} = \begin{cases} 1")
    append(notebook, "count-run", "print((count, shares")
    append(notebook, "closing", '"""questions for thursday: ')


@mangled()
def waits_for_input(notebook):
    """A cell asks for a number and waits, another for a password, a third for a key."""
    append(notebook, "setup", 'n = int(input("how many? "))')
    append(notebook, "check_div", 'import getpass\n\ngetpass.getpass("token: ")')
    append(notebook, "check_relu", "import sys\n\nsys.stdin.readline()")


@mangled()
def debugger_in_experiments(notebook):
    """The debugger is switched on, an experiment fails, and %debug looks at it."""
    append(notebook, "setup", "%pdb on")
    append(notebook, "check_div", "1 / 0")
    append(notebook, "check_relu", "%debug")
    append(notebook, "check_sqrt", "breakpoint()\nprint('went on')")


@mangled()
def slow_plot(notebook):
    """A cell takes two seconds over a picture."""
    append(
        notebook,
        "check_softmax",
        """
        import time

        time.sleep(2)
        plt.plot(torch.randn(2000).cumsum(0))
        plt.show()
        """,
    )


@mangled(EVALUATOR)
def prints_everywhere(notebook):
    """All solutions of unit 2 print what they do."""
    edit(
        notebook,
        "topological_order",
        "        node, moment = todo.pop()\n",
        "        node, moment = todo.pop()\n        print(node, moment)\n",
    )
    edit(notebook, "Evaluator", "        results =", "        print(values)\n        results =")
    edit(notebook, "gradients", "    return [bar", "    print(len(bar), bar)\n    return [bar")
    edit(notebook, "FrugalEvaluator", "        values, restore", "        print('run', len(self.order))\n        values, restore")
    for name in POINTS[EVALUATOR]:
        at(notebook, name).source += f'\n\n\nprint("defined {name}")'


@mangled()
def prints_in_operators(notebook):
    """All solutions print what they do and where, some to stderr, with warnings."""
    append(notebook, "setup", "import sys\nimport warnings")
    for name in POINTS[OPERATORS]:
        out = []
        for line in at(notebook, name).source.split("\n"):
            out.append(line)
            if line.startswith("    def compute"):
                out += [f'        print("{name}", "compute", node, inputs)', '        warnings.warn("still debugging")']
            if line.startswith("    def gradient"):
                out.append(f'        print("{name}", node.inputs, output_grad, file=sys.stderr)')
        at(notebook, name).source = "\n".join(out)


@mangled()
def tabs(notebook):
    """Solutions are indented with tabs."""
    for name in POINTS[OPERATORS]:
        at(notebook, name).source = at(notebook, name).source.replace("    ", "\t")


@mangled(EVALUATOR, repairs=("evaluator",))
def tabs_and_a_split_class(notebook):
    """A class is indented with tabs and split over two cells."""
    one = at(notebook, "Evaluator")
    one.source = one.source.replace("    ", "\t")
    cut = one.source.index("\tdef run")
    one.source, rest = one.source[:cut].rstrip(), one.source[cut:]
    notebook.cells.insert(position(notebook, "Evaluator") + 1, nbformat.v4.new_code_cell(rest))


@mangled()
def other_quotes_and_names(notebook):
    """Decorators have other quotes, blanks and line breaks; classes have other names; docstrings are gone."""
    edit(notebook, "div", '@ad.operator("div(a, b, /)")', "@ad.operator('div(a, b, /)')")
    edit(notebook, "power", '@ad.operator("power(a, /, exponent)")', '@ad.operator(\n    "power(a, /, exponent)",\n)')
    edit(notebook, "relu", "class ReLUOp(ad.Op)", "class Relu(ad.Op)")
    edit(notebook, "sqrt", '    """The square root of positive numbers."""\n\n', "")
    edit(notebook, "mean", "@ad.operator", "from autodiff_lib import operator\n\n\n@operator")


@mangled()
def failing_experiments(notebook):
    """Solution cells go on with experiments of their own, which fail after the class is complete."""
    at(notebook, "div").source += "\n\n\nprint(evaluate(ad.div(a, b), fed))"
    at(notebook, "sqrt").source += "\n\n\nassert ad.sqrt(x1).name == 'root'"
    at(notebook, "matmul").source += "\n\n\ntorch.ones(2, 3) @ torch.ones(2, 3)"
    at(notebook, "layernorm").source += "\n\n\ntorch.ones(3).cuda()"


@mangled(EVALUATOR)
def failing_experiments_in_unit_2(notebook):
    """Solution cells of unit 2 go on with experiments of their own, which fail."""
    at(notebook, "topological_order").source += "\n\n\nprint(topological_order(y)[0])"
    at(notebook, "Evaluator").source += "\n\n\nEvaluator([y]).run({})"
    at(notebook, "gradients").source += "\n\n\nassert gradients(y, [y]) == [1]"


@mangled()
def everything_fails_but_the_solutions(notebook):
    """Each cell that is not an exercise raises an error at its end."""
    for one in notebook.cells:
        if one.cell_type == "code" and not one.metadata.get("nbgrader"):
            one.source += '\nraise RuntimeError("stop here")'


@mangled()
def star_imports(notebook):
    """An extra cell imports everything from everywhere."""
    append(notebook, "setup", "from math import *\nfrom numpy import *\nfrom autodiff_lib import *")


@mangled()
def experiments_with_settings(notebook):
    """Extra cells change defaults of the libraries: precision of prints, warnings, threads, recursion, interactive pictures."""
    append(
        notebook,
        "setup",
        """
        import sys, warnings

        warnings.filterwarnings("error")
        torch.set_printoptions(precision=1)
        torch.manual_seed(0)
        torch.set_num_threads(8)
        sys.setrecursionlimit(100_000)
        plt.ion()
        """,
    )


@mangled(EVALUATOR)
def unit_1_not_found(notebook):
    """The call that loads unit 1 was changed to the student's own path, which does not exist here."""
    at(notebook, "load").source = 'import os\n\nos.chdir("C:/Users/zoe/uni/autodiff")\nunit1 = course.load("01_operators")'


@mangled(EVALUATOR)
def names_used_again(notebook):
    """Experiments use the names of exercises for other things, after the exercises."""
    append(notebook, "check_Evaluator", "Evaluator = Evaluator([x])")
    append(notebook, "check_gradients", "gradients = gradients(x * x, [x])")


@mangled(power=1, mean=2)
def partly_done(notebook):
    """Two exercises are half done: one computes wrongly, one has no gradient yet. Their other halves count."""
    edit(notebook, "power", "inputs[0] ** node.exponent", "inputs[0] * node.exponent")
    one = at(notebook, "mean")
    cut = one.source.index("        (a,) = node.inputs\n        count")
    one.source = one.source[:cut] + '        # YOUR CODE HERE\n        raise NotImplementedError("exercise mean is not done yet")\n'


@mangled()
def compared_with_torch_below_the_solution(notebook):
    """A solution cell goes on with a comparison with torch's own version and with autograd; the solution uses neither."""
    softmax = """
        t = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
        print(evaluate(ad.softmax(x1), {x1: t}) - torch.softmax(t, dim=-1))
        """
    sqrt = """
        t = torch.tensor(4.0, requires_grad=True)
        torch.sqrt(t).backward()
        print(t.grad, "is what it has to be")
        """
    at(notebook, "softmax").source += "\n\n" + textwrap.dedent(softmax)
    at(notebook, "sqrt").source += "\n\n" + textwrap.dedent(sqrt)


@mangled()
def compared_with_torch_in_extra_cells(notebook):
    """Extra cells compare with torch; their variables have the names that solutions give to variables of their own."""
    append(notebook, "check_softmax", "powers = torch.softmax(torch.ones(2, 3), dim=-1)\naverage = powers.mean()")
    append(notebook, "check_layernorm", "centred = torch.nn.functional.layer_norm(torch.ones(2, 3), (3,))\ncentred")
    append(notebook, "check_div", "left = torch.ones(2, requires_grad=True)\n(left / 2).sum().backward()\nnumerator = left.grad")


@mangled()
def innocent_names(notebook):
    """Solutions name their variables after nothing in particular: func, reference, vars, watch."""
    edit(notebook, "transpose", "return inputs[0].transpose(", "func = inputs[0].transpose\n        return func(")
    edit(notebook, "div", "numerator, denominator = inputs", "numerator, denominator = vars = inputs")
    edit(notebook, "mean", "count", "reference")
    edit(notebook, "sqrt", "return torch.sqrt(inputs[0])", "watch = torch.sqrt(inputs[0])\n        return watch")
