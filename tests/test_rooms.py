"""A unit is added by adding its folders and its notebook: one with an exercise of each kind, in a copy of what is committed."""

import ast
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.book.nbgrader_course import MARKER, ROOT, filled_in
from grader.submission import jail
from tests import forks

TOY, UNIT = Path(__file__).parent / "toy", "99_toy"
POINTS = {"cube": 2, "matmul": 2, "add": 1, "doubled": 1, "by_two_processes": 2, "fast_sum": 2}
SETUP = """
import multiprocessing
import os
from multiprocessing.connection import Client, Listener

import numpy as np

import autodiff_lib as ad
from autodiff_lib import checks

check, exercise = checks.of_unit("99_toy"), ad.exercise_of("99_toy")


class Counter:
    def __init__(self, start):
        self.total = start
"""
SOLUTIONS = {
    "cube": """
        @ad.operator("cube(a, /)")
        class Cube(ad.Op):
            def compute(self, node, inputs):
                ### BEGIN SOLUTION
                (x,) = inputs
                return x * x * x
                ### END SOLUTION

            def gradient(self, node, output_grad):
                ### BEGIN SOLUTION
                (x,) = node.inputs
                return [3 * output_grad * x * x]
                ### END SOLUTION
    """,
    "matmul": """
        @exercise
        def matmul(a, b):
            ### BEGIN SOLUTION
            return a @ b
            ### END SOLUTION
    """,
    "add": """
        @ad.method(Counter, "99_toy")
        def add(self, number):
            ### BEGIN SOLUTION
            self.total = self.total + number
            return self
            ### END SOLUTION
    """,
    "doubled": """
        @ad.method(Counter, "99_toy")
        def doubled(self):
            ### BEGIN SOLUTION
            return 2 * self.total
            ### END SOLUTION
    """,
    "by_two_processes": """
        @exercise
        def by_two_processes(a):
            ### BEGIN SOLUTION
            with Listener(("127.0.0.1", 0)) as listener:
                child = os.fork()
                if child == 0:
                    with Client(listener.address) as other:
                        other.send(float(a[4:].sum()))
                    os._exit(0)
                with listener.accept() as connection:
                    half = connection.recv()
                os.waitpid(child, 0)
            return a[:4].sum() + half
            ### END SOLUTION
    """,
    "fast_sum": """
        @exercise
        def fast_sum(a):
            ### BEGIN SOLUTION
            return a.sum()
            ### END SOLUTION
    """,
}


def toy_notebook():
    def marked(name, **more):
        return {"nbgrader": {"grade_id": name, "schema_version": 3, "locked": False, "task": False, **more}}

    cells = [new_markdown_cell("# A toy unit", id="title"), new_code_cell(SETUP.strip(), id="setup", metadata={"tags": ["export"]})]
    for name, text in SOLUTIONS.items():
        source = textwrap.dedent(text).strip()
        cells.append(new_code_cell(source, id=name.replace("_", "-"), metadata=marked(name, grade=False, solution=True)))
        graded = marked(f"check_{name}", grade=True, solution=False, points=POINTS[name])
        cells.append(new_code_cell(f'check("{name}")', id=f"check-{name.replace('_', '-')}", metadata=graded))
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=kernel)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of it, with a unit more."""
    folder = tmp_path_factory.mktemp("rooms")
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for source, room in (("library", "autodiff_lib/units/toy"), ("grader", "grader/units/toy")):
        shutil.copytree(TOY / source, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / room / "__init__.py").touch()
    (folder / "source" / UNIT).mkdir()
    nbformat.write(toy_notebook(), folder / "source" / UNIT / "toy.ipynb")
    (folder / "limits.toml").write_text("[default]\ntiming_seconds = 5\n")
    return folder


@pytest.fixture(scope="module")
def run(repository):
    """Run a command there and give what it prints."""
    with forks.commands(repository) as run_there:

        def printed(*words, codes=(0,)):
            done = run_there(*words)
            assert done.returncode in codes, f"{words}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            return done.stdout

        yield printed


@pytest.fixture(scope="module")
def course(repository, run):
    """The copy, with the unit released."""
    run("nbgrader", "generate_assignment", UNIT)
    return repository


def left_open(record):
    """The exercises without a verdict: a machine that others keep busy says nothing of a time."""
    return {name for name, question in record["questions"].items() if question["reason"] == "unanswered"}


def given_points(record):
    return {name: question["points"] for name, question in record["questions"].items() if name not in left_open(record)}


def test_its_release_holds_stubs_and_no_solution(course):
    text = (course / "release" / UNIT / "toy.ipynb").read_text()
    assert "a @ b" not in text
    assert "NotImplementedError" in text


def test_its_mistakes_are_tried_and_caught_and_its_hints_are_written(run):
    run("grader", "mistakes", "--unit", UNIT, "--write", "--jobs", "1")
    found = json.loads(run("grader", "mistakes", "--unit", UNIT, "--json", "--jobs", "1"))
    sums = {"mistakes": 6, "caught": 6, "spilled": 0, "variants": 1, "variants_failed": 0, "hints_right": 6}
    assert {name: found[name] for name in sums} == sums


def test_its_notebook_runs_and_its_checks_give_its_points(course):
    code = """
        import nbformat, autodiff_lib as ad, autodiff_lib.hunts
        before, scope = ad.matmul, {"__name__": "__main__"}
        for cell in nbformat.read("source/99_toy/toy.ipynb", 4).cells:
            if cell.cell_type == "code":
                exec(cell.source.replace("check(", "points = check("), scope)
                print(scope.get("points"))
        assert ad.matmul is before, "an operator is what it was"
        assert "99_toy" not in ad.hunts.units_with_hunts(), "a unit needs no hunt"
        import sys
        asked = [name for name in sys.modules if name.startswith("autodiff_lib.units") and name.endswith("questions")]
        assert asked == ["autodiff_lib.units.toy.questions"], "units that nobody asks for are not loaded"
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=course, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for points in POINTS.values():
        assert f"\n{points}" in done.stdout


@pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")
def test_it_is_graded_in_the_jail_and_fed_back(course, run):
    released = nbformat.read(course / "release" / UNIT / "toy.ipynb", as_version=4)
    right = {name: MARKER.sub("", textwrap.dedent(text).strip()) for name, text in SOLUTIONS.items()}

    slow = right["fast_sum"].replace("a.sum()", "np.float64(sum([float(number) for number in a]))")
    wrong = {
        **right,
        "fast_sum": slow,
        "cube": right["cube"].replace("x * x * x", "x * x"),
        "add": "@ad.method(Counter, '99_toy')\ndef add(self):\n    pass",
    }
    for student, answers in {"right": right, "wrong": wrong, "untouched": {}}.items():
        path = course / "submitted" / student / UNIT / "toy.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(filled_in(released, answers), path)
    records = {record["student"]: record for record in json.loads(run("grader", "autograde", UNIT, "--json", "--jobs", "1", codes=(0, 1)))}
    wanted = {"right": POINTS, "wrong": {**POINTS, "cube": 1, "add": 0, "fast_sum": 1}, "untouched": dict.fromkeys(POINTS, 0)}
    for student, record in records.items():
        assert given_points(record) == {name: points for name, points in wanted[student].items() if name not in left_open(record)}
    assert set().union(*map(left_open, records.values())) <= {"fast_sum"}
    assert {record["jailed"] for record in records.values()} == {True}
    measured = {student: record["measured"] for student, record in records.items()}
    assert len(measured["right"]) == 2 or left_open(records["right"])
    assert all(time["middle"] < 3 for time in measured["wrong"].values()), "a clock of its own helps nobody"
    with (course / "grader" / "units" / "toy" / "hidden.py").open("a") as file:
        file.write("# another version\n")
    again = {record["student"]: record for record in json.loads(run("grader", "autograde", UNIT, "--json", "--jobs", "1", codes=(0, 1)))}
    assert again["right"]["version"] != records["right"]["version"], "graded again"
    assert measured["right"].items() <= again["right"]["measured"].items(), "and not timed again"
    run("nbgrader", "generate_feedback", UNIT)
    page = (course / "feedback" / "right" / UNIT / "toy.html").read_text()
    assert "Score: 10.0" in page or left_open(again["right"])


@pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")
def test_the_demo_shows_it(course):
    code = """
        import shutil
        from pathlib import Path
        from rich.console import Console
        from grader.authors.demo import grade_unit
        from grader.book.nbgrader_course import database, scores

        if __name__ == "__main__":
            folder = Path("shown")
            shutil.copytree("source", folder / "source")
            grade_unit(folder, "99_toy", Console())
            print({row.student: {key: points or 0 for key, points in row.points.items()} for row in scores(database(folder), "99_toy")})
            print(len(list((folder / "feedback").rglob("toy.html"))))
    """
    (course / "shown.py").write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, "shown.py"], cwd=course, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    shown, pages = done.stdout.splitlines()[-2:]
    points = ast.literal_eval(shown)
    for student in points.values():
        assert student.pop("check_fast_sum") in (0, 1, 2)  # none, where the machine is too busy to say
    totals = {student: sum(questions.values()) for student, questions in points.items()}
    assert {"full-marks": 8, "untouched": 0, "typical-mistakes": 6}.items() <= totals.items()
    assert pages == "5"
