"""The notebooks in the repository: their form, the release, and that no solution leaves `source/`."""

import ast
import base64
import io
import re
import subprocess
import sys
import zipfile

import nbformat
import numpy as np
import pytest
from PIL import Image

from autodiff_lib.ipython import as_python
from autodiff_lib.units import UNITS
from grader.authors import authoring
from grader.authors.handout import LONG
from grader.book.nbgrader_course import ROOT, source

COLUMNS = 88  # of a line of code
PAGE = "notation"  # the page on which letters and words are looked up
TRIVIAL = 24  # characters; shorter lines, as `a, b = node.inputs`, are no secret
REGION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)


@pytest.mark.parametrize("path", authoring.committed(), ids=lambda path: path.stem)
def test_notebooks_are_stored_in_normal_form_and_lectures_with_all_outputs(path):
    assert list(authoring.complaints(path)) == []


def test_complaints_notice_outputs_metadata_and_cells_that_were_not_run(tmp_path):
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "lecture.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0"), nbformat.v4.new_code_cell("2")])
    notebook.cells[0].execution_count = 1
    notebook.cells[0].outputs = [nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="", traceback=[])]
    notebook.cells[1].metadata["collapsed"] = True
    nbformat.write(notebook, path)
    assert authoring.mend(path)
    found = " ".join(authoring.complaints(path))
    assert "not run once, in order (counts [1, None])" in found
    assert f"cell {notebook.cells[0].id} ended in an error" in found
    assert "normal form" not in found
    path.write_text(path.read_text().replace('"metadata": {}', '"metadata": {"editable": true}', 1))
    assert "is not in normal form" in " ".join(authoring.complaints(path))


def test_normal_form_clears_outputs_of_sources_and_is_stable():
    notebook = source("01_operators")
    first = next(place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells[first].execution_count = 7
    written = authoring.normal_form(notebook, keep_outputs=False)
    assert nbformat.reads(written, as_version=4).cells[first].execution_count is None
    assert authoring.normal_form(nbformat.reads(written, as_version=4), keep_outputs=False) == written


def test_a_kept_figure_has_all_steps_of_its_scale_and_takes_less_room():
    scale = np.linspace(0, 255, 256).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 3, (64, 256, 3), dtype=np.uint8)
    figure = np.clip(np.stack([scale, scale[::-1], scale], axis=-1)[None] + noise, 0, 255).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(figure).save(written, "PNG")
    kept = base64.b64decode(authoring.smaller(base64.b64encode(written.getvalue()).decode()))
    apart = np.asarray(Image.open(io.BytesIO(kept)).convert("RGB")).astype(int) - figure
    assert np.abs(apart).max() <= authoring.STEP // 2 + 1
    assert len(kept) < len(written.getvalue())


@pytest.mark.parametrize("path", authoring.lectures(), ids=lambda path: path.stem)
def test_no_figure_that_is_kept_spells_a_mark_of_unfinished_work(path):
    words = "|".join(word.replace(" ", "") for word in authoring.WORDS)
    figures = re.findall(r'"image/png": "(.*)"', path.read_text(encoding="utf-8"))
    assert [found for figure in figures for found in re.findall(words, figure, re.IGNORECASE)] == []


@pytest.mark.parametrize("word", [word.replace(" ", "") for word in authoring.WORDS])
@pytest.mark.parametrize("written", [str.lower, str.upper, str.title, lambda word: 2 * word], ids=["small", "large", "mixed", "twice"])
def test_a_figure_that_would_spell_such_a_mark_is_the_same_figure_with_a_line_that_ends_within_the_mark(word, written):
    letters = f"iVBO{written(word)}Rw0K"
    letters += "A" * (-len(letters) % 4)
    lines = authoring.apart(letters).split("\n")
    assert len(lines) > 1
    assert not any(word.lower() in line.lower() for line in lines)
    assert base64.b64decode("\n".join(lines)) == base64.b64decode(letters)


def test_what_a_widget_shows_is_not_stored_because_it_would_be_another_each_time():
    shown = [nbformat.v4.new_output("display_data", {kind: "x"}) for kind in ("text/plain", authoring.WIDGET)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=shown)])
    (kept,) = nbformat.reads(authoring.normal_form(notebook, keep_outputs=True), as_version=4).cells[0].outputs
    assert set(kept.data) == {"text/plain"}


@pytest.fixture(scope="module")
def fresh_release(tmp_path_factory):
    into = tmp_path_factory.mktemp("release")
    authoring.make_release(into)
    return into


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_committed_release_is_what_nbgrader_makes_of_source_now(fresh_release):
    assert files(ROOT / "release") == files(fresh_release), "run `make release` and commit the result"


def test_released_exercises_raise_not_implemented_with_their_name():
    for unit, declared in UNITS.items():
        released = nbformat.read(ROOT / "release" / unit / declared.notebook, as_version=4)
        for cell in released.cells:
            marked = cell.metadata.get("nbgrader", {})
            if marked.get("solution") and cell.cell_type == "code":
                assert f'raise NotImplementedError("exercise {marked.grade_id} is not done yet")' in cell.source


def solution_lines():
    for unit in UNITS:
        for cell in source(unit).cells:
            for region in REGION.findall(cell.source):
                lines = map(str.strip, region.splitlines())
                yield from (line for line in lines if len(line) >= TRIVIAL and not line.startswith("# ("))  # which says shapes alone


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode("utf-8", errors="replace") for name in archive.namelist() if ".dist-info/" not in name}


def test_no_solution_and_nothing_of_the_grader_is_in_the_release_the_lectures_or_the_wheel(wheel):
    secret = set(solution_lines())
    assert len(secret) > 20, "the search for solution lines finds too few to mean anything"
    for name, text in {**files(ROOT / "release"), **files(ROOT / "notebooks"), **wheel}.items():
        leaked = [line for line in secret if line.replace('"', '\\"') in text or line in text]
        assert leaked == [], f"{name} holds solution lines"
        assert "BEGIN SOLUTION" not in text, name
        assert "BEGIN HIDDEN" not in text, name
        assert "import grader" not in text, name
        assert "from grader" not in text, name


def test_the_wheel_holds_the_library_alone(wheel):
    top = {name.split("/")[0] for name in wheel}
    assert top == {"autodiff_lib"}
    assert "autodiff_lib/course.mplstyle" in wheel


def test_checks_know_no_graph_and_no_kind_and_kinds_know_no_unit():
    for folder, forbidden in (("checks", r"graph|graph_data|graph_drawing|operators|kinds|units\.\w+"), ("kinds", r"units\.\w+")):
        for path in (ROOT / "autodiff_lib" / folder).rglob("*.py"):
            assert not re.search(rf"^\s*from \.+({forbidden}) import", path.read_text(), re.MULTILINE), path


def test_lint_and_imports_point_one_way():
    for path in (ROOT / "autodiff_lib").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) (grader|notebooks|tests)\b", path.read_text(), re.MULTILINE), path


# --- what each notebook tells whoever opens it


LECTURES = {path.stem: path for path in authoring.lectures() if path.stem != PAGE}
WRITTEN = {**{unit: ROOT / "source" / unit / declared.notebook for unit, declared in UNITS.items()}, **LECTURES}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def texts(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]


def links(text):
    """Where the links of a text lead, those that stay in the course."""
    return [target for picture, _, target in LINK.findall(text) if not picture and not target.startswith(("http", "#"))]


def before(name):
    """What stands before the first code cell: what one has to know before one begins."""
    cells = nbformat.read(WRITTEN[name], as_version=4).cells
    return "\n".join(cell.source for cell in cells[: next(i for i, cell in enumerate(cells) if cell.cell_type == "code")])


def as_handed_out(path, target):
    """The file of the repository that a link leads to, in a handout, where the lectures' folder stands beside those of the units."""
    folder = "notebooks" if path.parent.name == "notebooks" else path.parent.name
    place = (ROOT / "course" / folder / target).resolve().relative_to(ROOT / "course")
    return ROOT / (place if place.parts[0] == "notebooks" else "source" / place)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_says_its_time_the_lectures_to_read_first_the_units_that_it_needs_and_where_letters_are_explained(unit):
    low, high = UNITS[unit].hours
    assert f"**Time:** {low} to {high} hours" in before(unit)
    needed = {f"../{name}/{UNITS[name].notebook}" for name in UNITS[unit].needs}
    assert needed | {f"../notebooks/{name}.ipynb" for name in (*UNITS[unit].lectures, PAGE)} <= set(links(before(unit)))


@pytest.mark.parametrize("lecture", LECTURES)
def test_a_lecture_says_its_time_what_it_takes_and_links_to_each_unit_that_names_it(lecture):
    assert f"**Time:** {LONG.get(lecture, 'half an hour to an hour')}" in before(lecture)
    assert "You need " in before(lecture)
    naming = [f"../{name}/{unit.notebook}" for name, unit in UNITS.items() if lecture in unit.lectures]
    assert naming, "no unit sends anybody here"
    assert {*naming, f"{PAGE}.ipynb"} <= set(links(before(lecture)))


def test_no_lecture_comes_before_a_unit_whose_code_it_runs():
    order: list[str] = []
    for unit, declared in UNITS.items():
        order += [name for name in declared.lectures if name not in order]
        order.append(unit)
    assert {*LECTURES} <= {*order}
    for lecture, path in LECTURES.items():
        code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
        for unit in re.findall(r'course\.load\("(\w+)"\)', code):
            assert order.index(unit) < order.index(lecture)


@pytest.mark.parametrize("path", authoring.committed(), ids=lambda path: path.stem)
def test_each_link_between_notebooks_leads_somewhere_in_a_handout(path):
    for target in links("\n".join(texts(path))):
        assert as_handed_out(path, target).is_file(), target


@pytest.mark.parametrize("path", authoring.committed(), ids=lambda path: path.stem)
def test_a_picture_says_what_is_on_it_to_who_does_not_see_it(path):
    for picture, said, target in LINK.findall("\n".join(texts(path))):
        assert not picture or len(said) > 10, f"{target} needs a description"
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            drawing = output.get("data", {}).get("image/svg+xml", "")
            assert not drawing or ('role="img"' in drawing and "<title>" in drawing and "<desc>" in drawing), cell.id
            said = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            assert "image/png" not in output.get("data", {}) or len(said) > 20, f"the figure of cell {cell.id} says nothing"


def bound_and_used(code):
    """The names that a cell binds, and those that it reads as soon as it runs: not in the body of a function."""
    todo, at_once = [ast.parse(code)], []
    while todo:
        node = todo.pop()
        at_once.append(node)
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    names = [node for node in at_once if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    bound |= {node.name for node in at_once if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imports = [alias for node in at_once if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    bound |= {alias.asname or alias.name.split(".")[0] for alias in imports}
    return bound, {node.id for node in names if isinstance(node.ctx, ast.Load)}


@pytest.mark.parametrize("unit", UNITS)
def test_what_runs_while_grading_needs_nothing_of_an_experiment(unit):
    there, elsewhere = set(), {}
    for cell in source(unit).cells:
        if cell.cell_type == "code":
            bound, used = bound_and_used(as_python(cell.source))
            if "experiment" in cell.metadata.get("tags", []):
                elsewhere |= dict.fromkeys(bound, cell.id)
            else:
                there |= bound
                lacking = {name: elsewhere[name] for name in used - there if name in elsewhere}
                assert not lacking, f"cell {cell.id} reads what only an experiment defines: {lacking}"


@pytest.mark.parametrize("path", authoring.committed(), ids=lambda path: path.stem)
def test_no_line_of_code_is_wider_than_a_window(path):
    for cell in nbformat.read(path, as_version=4).cells:
        code = [cell.source] if cell.cell_type == "code" else re.findall(r"```.*?```", cell.source, re.DOTALL)
        wide = [line for line in "\n".join(code).splitlines() if len(line) > COLUMNS]
        assert wide == [], cell.id


def test_the_page_to_look_things_up_has_nothing_to_run_and_each_row_of_its_tables_as_many_columns_as_its_head():
    cells = nbformat.read(ROOT / "notebooks" / f"{PAGE}.ipynb", as_version=4).cells
    assert {cell.cell_type for cell in cells} == {"markdown"}
    tables = re.findall(r"(?:^\|.*\n?)+", "\n\n".join(cell.source for cell in cells), re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        head, *rows = (row.count("|") for row in table.strip().splitlines())
        assert set(rows) == {head}


@pytest.mark.parametrize(
    "word",
    ["backpropagation", "backward pass", "parameters", "chain rule", "Jacobian", "vector-Jacobian product", "MLP", "attention weights"],
)
def test_the_words_that_others_use_are_explained_on_the_page_and_stand_in_a_unit(word):
    assert word.lower().removesuffix("s") in "\n".join(texts(ROOT / "notebooks" / f"{PAGE}.ipynb")).lower()
    assert any(word in text for unit in UNITS for text in texts(WRITTEN[unit]))
