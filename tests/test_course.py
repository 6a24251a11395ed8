"""`course.load`: where a unit is looked for, what of it is run, and what is said about it."""

import builtins
import inspect
import linecache
import marshal
from types import SimpleNamespace

import nbformat
import pytest

import autodiff_lib as ad
from autodiff_lib import checks, course, registry
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT, filled_in, solutions, source
from grader.submission import follow_through

UNIT = "01_operators"


@pytest.fixture
def workspace(tmp_path, monkeypatch, fresh_table):
    """A student's folder, with unit 2 open and nothing in unit 1."""
    (tmp_path / "02_evaluator").mkdir()
    monkeypatch.chdir(tmp_path / "02_evaluator")
    return tmp_path


def write(folder, notebook):
    path = folder / UNIT / UNITS[UNIT].notebook
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    return path


def test_the_students_own_unit_is_found_beside_the_current_one(workspace, capsys):
    path = write(workspace, source(UNIT))
    module = course.load(UNIT)
    assert module.__file__ == str(path)
    assert "10 of 10 exercises pass" in capsys.readouterr().out
    assert isinstance(ad.matmul, module.MatMulOp)
    assert callable(module.evaluate), "export cells are run"


@pytest.fixture
def reference(monkeypatch):
    """What the grader hands over while it grades unit 2, instead of any notebook."""
    monkeypatch.setattr(course, "REFERENCE", marshal.loads(follow_through.reference("02_evaluator")))


def test_the_graders_reference_comes_before_the_students_own(workspace, reference, capsys):
    write(workspace, filled_in(source(UNIT), {"div": "broken ="}))
    module = course.load(UNIT)
    assert capsys.readouterr().out == "01_operators: the reference, so that nothing of it counts twice.\n"
    assert isinstance(ad.matmul, module.MatMulOp)
    assert all(checks.verdict(question).reason == "passed" for question in checks.questions(UNIT).values())
    assert callable(module.evaluate), "export cells are run"


def test_the_reference_has_no_text(workspace, reference, monkeypatch):
    monkeypatch.setattr(linecache, "cache", {})
    module = course.load(UNIT)
    assert list(course.REFERENCE) == [UNIT], "of the units before alone"
    for thing in (module, module.MatMulOp, module.MatMulOp.compute, module.evaluate):
        with pytest.raises(OSError, match="source"):
            inspect.getsource(thing)
    assert not linecache.cache


def test_no_line_of_a_solution_or_its_docstring_is_in_what_enters_the_jail():
    handed = follow_through.reference("03_transformer_lm")
    lines = {line.strip() for unit in ("01_operators", "02_evaluator") for cell in solutions(unit).values() for line in cell.splitlines()}
    assert any(line.startswith('"""') for line in lines)
    assert not [line for line in lines if len(line) > 12 and line.strip('"').encode() in handed]


def test_what_fails_inside_the_reference_names_the_students_line(workspace, reference):
    course.load(UNIT)

    def students_own():
        return ad.matmul.compute(None, [])

    problem = checks.probe.attempt(students_own)
    assert problem.where.endswith("return ad.matmul.compute(None, [])")


def test_an_instructors_checkout_serves_its_source(fresh_table, monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")
    assert course.find(UNIT) == ROOT / "source" / UNIT / UNITS[UNIT].notebook


def test_only_solution_and_export_cells_are_run(workspace):
    notebook = source(UNIT)
    notebook.cells.append(nbformat.v4.new_code_cell("raise SystemError('a demonstration was run')"))
    write(workspace, notebook)
    assert not hasattr(course.load(UNIT), "feed")


def test_a_broken_cell_leaves_the_others_alone_and_is_named(workspace, capsys):
    right = solutions(UNIT)
    answers = {"div": right["div"].replace("numerator / denominator", "numerator +"), "mean": right["mean"].replace("/ count", "")}
    write(workspace, filled_in(source(UNIT), answers))
    course.load(UNIT)
    shown = capsys.readouterr().out
    assert "8 of 10 exercises pass" in shown
    assert "cell div did not run: SyntaxError" in shown
    assert "div: not done yet" in shown
    assert "mean: wrong" in shown
    assert "relu" not in shown


def test_magic_commands_in_a_cell_reach_ipython(workspace, monkeypatch):
    ran = []
    shell = SimpleNamespace(run_line_magic=lambda *command: ran.append(command))
    monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    write(workspace, filled_in(source(UNIT), {"relu": "%matplotlib inline\n" + solutions(UNIT)["relu"]}))
    assert hasattr(course.load(UNIT), "ReLUOp")
    assert ran == [("matplotlib", "inline")]


def test_tracebacks_show_the_students_line(workspace):
    write(workspace, filled_in(source(UNIT), {"sqrt": solutions(UNIT)["sqrt"].replace("torch.sqrt(inputs[0])", "inputs[0].oops")}))
    course.load(UNIT)
    problem = course.checks.probe.run(course.checks.questions(UNIT)["sqrt"].parts[0].cases[0].ask()).problem
    assert problem.where == "line 6: return inputs[0].oops"


@pytest.mark.parametrize("content", ["not json", "", '{"cells": 3}', "[]", '{"nbformat": 4, "cells": [1]}'])
def test_a_file_that_is_no_notebook_is_refused_with_its_path(workspace, content):
    path = workspace / UNIT / UNITS[UNIT].notebook
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ValueError, match="is not a Jupyter notebook") as error:
        course.load(UNIT)
    assert str(path) in str(error.value)


def test_an_unknown_unit_and_a_missing_notebook_say_what_to_do(workspace):
    with pytest.raises(ValueError, match="there is no unit '99_nothing'; the units are 01_operators, 02_evaluator"):
        course.load("99_nothing")
    with pytest.raises(FileNotFoundError, match="Put yours into one of these places") as error:
        course.load(UNIT)
    assert str(workspace / UNIT / UNITS[UNIT].notebook) in str(error.value)


def test_every_unit_has_a_source_notebook_and_questions_for_its_exercises():
    for unit, declared in UNITS.items():
        assert (ROOT / "source" / unit / declared.notebook).is_file()
        marked = [c.metadata.nbgrader for c in source(unit).cells if "nbgrader" in c.metadata]
        questions = course.checks.questions(unit)
        assert [m.grade_id for m in marked if m.solution and m.grade_id in questions] == list(questions)
        points = {m.grade_id: m.points for m in marked if m.grade and not m.solution}
        assert points == {f"check_{q.name}": 0 if q.name in declared.extra else q.points for q in questions.values()}
        assert all(m.points == 0 for m in marked if m.grade and m.solution), "what is written is a bonus"
        assert [q.number for q in questions.values()] == list(range(1, len(questions) + 1))


def test_exercises_are_declared_with_the_signature_of_the_notebook():
    for unit, cells in ((unit, solutions(unit)) for unit in UNITS):
        for name, text in cells.items():
            if "@ad.operator" in text:
                assert f'"{next(s for s in UNITS[unit].operators if s.startswith(name + "("))}"' in text
                assert name in registry.exercises
