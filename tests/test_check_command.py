"""`python -m autodiff_lib.check`: a unit's checks in a terminal, by exercise and by group, with the notebook's own engine and reports."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest

from autodiff_lib import check as command
from autodiff_lib import checks
from autodiff_lib.checks.report import text
from autodiff_lib.student import checking, place
from autodiff_lib.student.fresh import Exercise, Outcome
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, filled_in, source

UNIT = "07_tape"
GROUPS = UNITS[UNIT].groups


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """The command, in a folder in which there are no notebooks."""
    monkeypatch.chdir(tmp_path)

    def done(*words):
        try:
            code = command.main(words)
        except SystemExit as error:
            code = error.code
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return done


def written(folder, *answered):
    """A student's notebook beside nothing else: its first cells, and the exercises that are answered."""
    whole = source(UNIT)
    solved = {cell.metadata.nbgrader.grade_id for cell in whole.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    kept = [cell for cell in whole.cells if cell.id == "setup" or cell.metadata.get("nbgrader", {}).get("grade_id") in {*answered} & solved]
    path = folder / UNIT / UNITS[UNIT].notebook
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=kept, metadata=whole.metadata), path)
    return path


def test_a_group_is_asked_with_a_report_for_each_and_the_exit_code_says_whether_all_is_right(run, tmp_path):
    path = written(tmp_path, "Identity", "Tanh")
    wrong = nbformat.read(path, as_version=4)
    wrong.cells[-1].source = wrong.cells[-1].source.replace("(1 - y * y)", "(1 - y)")
    nbformat.write(wrong, path)
    group = run(UNIT, "activation")
    assert group.code == 1
    lines = group.out.splitlines()
    assert [line for line in lines if line[0] in "✓✗○"] == [
        "✓ Identity: 5 of 5 points",
        "○ Sigmoid: not done yet (0 of 5 points)",
        "○ ReLU: not done yet (0 of 5 points)",
        "✗ Tanh: 4 of 5 points",
    ]
    assert "      Smallest failing case: x [2, 2], ones come in, float64." in lines
    assert lines[-1] == "9 of 20 points"
    alone = run(UNIT, "Identity")
    assert (alone.code, alone.out.splitlines()[0]) == (0, "✓ Identity: 5 of 5 points")
    assert "of 20 points" not in alone.out


def test_the_report_is_that_of_the_notebook_in_plain_text(run, solved, tmp_path, monkeypatch, capsys):
    shown = checks.of_unit(UNIT)("ReLU")
    capsys.readouterr()
    said = Exercise("ReLU", 5, 5, "passed", "", text(shown.verdict, shown.question))
    path = tmp_path / UNIT / UNITS[UNIT].notebook
    path.parent.mkdir()
    shutil.copy(ROOT / "source" / UNIT / path.name, path)
    asked = []

    def told(path, unit, names, on_cell):
        asked.append((path, unit, tuple(names)))
        return Outcome(unit, (said,))

    monkeypatch.setattr(checking.fresh, "run", told)
    done = run(UNIT, "ReLU")
    assert (done.code, done.out) == (0, said.text + "\n")
    assert asked == [(path, UNIT, ("ReLU",))]
    assert all(run(UNIT, group).code == 0 for group in GROUPS)
    assert [names for _, _, names in asked[1:]] == list(GROUPS.values())


def test_groups_are_an_overview_in_the_notebook(solved):
    overview = checks.of_unit(UNIT)("loss")
    assert repr(overview) == "✓ SoftmaxCrossEntropy: 5 of 5 points\n✓ MSELoss: right\n5 of 5 points"
    assert "SoftmaxCrossEntropy" in overview._repr_html_()


NAMES = {
    "an exercise": ((UNIT, "Relu"), "unit 07_tape has no exercise 'Relu'; it has add_operation, backward, "),
    "a group": ((UNIT, "activations"), "; and in groups autograd, operations, linear, activation, loss"),
    "a unit without groups": (("01_operators", "dvi"), "unit 01_operators has no exercise 'dvi'; it has div, div_by_const"),
    "a unit": (("7_tape",), "there is no unit '7_tape'; the units are 01_operators, "),
    "no unit": ((), "the following arguments are required: UNIT"),
}


@pytest.mark.parametrize("what", NAMES)
def test_a_wrong_name_is_answered_with_the_names_there_are(what, run, tmp_path):
    words, said = NAMES[what]
    for unit in (UNIT, "01_operators"):
        path = tmp_path / unit / UNITS[unit].notebook
        path.parent.mkdir()
        shutil.copy(ROOT / "source" / unit / path.name, path)
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_where_there_is_no_notebook_it_says_where_one_belongs(run, tmp_path):
    done = run(UNIT)
    assert done.code == 2
    assert f"there is no notebook of unit {UNIT}" in done.err
    assert str(tmp_path / UNIT / "tape.ipynb") in done.err


def test_in_a_handout_it_is_the_students_notebook_and_elsewhere_the_nearest(run, tmp_path):
    (tmp_path / "course.toml").write_text("")
    (tmp_path / "course" / UNIT).mkdir(parents=True)
    with pytest.raises(place.HandoutError, match="run `autodiff-course start` once"):
        checking.notebook_of(UNIT, tmp_path)
    mine = tmp_path / "my-work" / UNIT / UNITS[UNIT].notebook
    mine.parent.mkdir(parents=True)
    nbformat.write(filled_in(source(UNIT), {}), mine)
    assert checking.notebook_of(UNIT, mine.parent) == mine
    shutil.rmtree(tmp_path / "course")  # who writes the course has a course.toml, and no handout
    written(tmp_path)
    assert checking.notebook_of(UNIT, tmp_path) == tmp_path / UNIT / UNITS[UNIT].notebook


def test_what_is_worth_nothing_and_was_not_begun_is_not_wrong():
    def outcome(**reasons):
        return Outcome(UNIT, tuple(Exercise(name, 0, 0, reason, "", "") for name, reason in reasons.items()))

    assert outcome(ReLU="passed", outer_backward="missing", max_backward="missing").right
    assert not outcome(ReLU="missing").right
    assert not outcome(max_backward="wrong").right


def test_help_names_units_and_groups(run):
    done = run("--help")
    assert done.code == 0
    assert "usage: python -m autodiff_lib.check [-h] UNIT [NAME]" in done.out
    assert "0: all is right; 1: something is not; 2: it could not be done" in done.out
    assert f"units: {', '.join(UNITS)}" in done.out
    assert f"  {UNIT}: autograd, operations, linear, activation, loss" in done.out


def test_it_is_a_module_that_does_nothing_when_it_is_imported_and_runs_by_its_name():
    code = "import autodiff_lib.check; from autodiff_lib import check, checks; print(check.main, checks.of_unit)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (found.stdout.count("<function"), found.stderr) == (2, "")
    run = subprocess.run([sys.executable, "-m", "autodiff_lib.check", "7_tape"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("there is no unit '7_tape'; the units are")


def test_each_group_names_what_its_unit_asks():
    for unit in UNITS.values():
        for name, asked in unit.groups.items():
            assert name not in (*unit.exercises, *unit.further)
            assert set(asked) <= {*unit.exercises, *unit.further_functions}
