"""The notebooks in the repository: their form, the release, and that no solution leaves `source/`."""

import re
import subprocess
import sys
import zipfile

import nbformat
import pytest

from autodiff_lib.units import UNITS
from grader.authors import authoring
from grader.book.nbgrader_course import ROOT, source

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
    notebook.cells[1].execution_count = 7
    written = authoring.normal_form(notebook, keep_outputs=False)
    assert nbformat.reads(written, as_version=4).cells[1].execution_count is None
    assert authoring.normal_form(nbformat.reads(written, as_version=4), keep_outputs=False) == written


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
