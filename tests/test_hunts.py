"""Hunts: a test, a line and a mend are told what they are worth, and each mistake can be found."""

import ast
import html
import json
import linecache
import os
import random
import re
import subprocess
import sys
import textwrap
from collections import deque

import numpy as np
import pytest
import torch

from autodiff_lib import hunts
from autodiff_lib.hunts import trial
from autodiff_lib.hunts.hunt import Hunt, number_of
from autodiff_lib.hunts.material import Material, Mistake, dedented, line_of, with_mistake
from autodiff_lib.ipython import remember
from autodiff_lib.student import place as handout
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import source
from grader.submission.jail import Session, bubblewrap, open_jail
from grader.submission.limits import Limits

UNITS_WITH_HUNTS = hunts.units_with_hunts()
MISTAKES = [(unit, seed) for unit in UNITS_WITH_HUNTS for seed in range(len(hunts.of_unit(unit).material.mistakes))]
IDS = [f"{unit}-{hunts.of_unit(unit, seed).mistake.slug}" for unit, seed in MISTAKES]


def small_material():
    """Half of the sum of a list of numbers, that a list of one number does not tell from wrong ones."""

    def test(half):
        numbers = [1.0, 3.0]
        assert half(numbers) == 2, "half of 1 and 3 is wrong"
        assert numbers == [1.0, 3.0], "the list was changed"

    return Material(
        name="half",
        right=dedented("""
            def half(numbers):
                total = 0.0
                for number in numbers:
                    total = total + number
                return total / 2
        """),
        variants=("def half(numbers):\n    return sum(number / 2 for number in numbers) + 1e-12\n",),
        mistakes=(
            Mistake("last", "the last number counts alone", "More than one?", "total = total + number", "total = number"),
            Mistake("mean", "the sum is divided by its length", "More than one?", "return total / 2", "return total / 2 / len(numbers)"),
            Mistake(
                "end", "the first number is left out", "More than one?", "for number in numbers:", "for number in numbers[1:] or numbers:"
            ),
        ),
        test=test,
        advice="Which lists has it not met yet?",
    )


def hunting(number=0):
    return Hunt("01_operators", small_material(), number)


def written(text, name="test_half"):
    """A test as a student wrote it: its lines are known."""
    text = textwrap.dedent(text).strip() + "\n"
    remember(f"<{name}>", text)
    scope = {"torch": torch, "np": np, "random": random}
    exec(compile(text, f"<{name}>", "exec"), scope)
    return scope[name]


GOOD = written("""
    def test_half(half):
        assert abs(half([1.0, 3.0]) - 2) < 1e-6, "1 and 3"
""")
BLIND = written("""
    def test_half(half):
        assert abs(half([4.0]) - 2) < 1e-6
""")


@pytest.mark.parametrize(("unit", "seed"), MISTAKES, ids=IDS)
def test_each_mistake_is_one_line_and_the_courses_own_test_sees_it(unit, seed):
    hunt = hunts.of_unit(unit, seed)
    right, wrong = (text.splitlines() for text in (hunt.material.right, hunt.text))
    changed = [number for number, lines in enumerate(zip(right, wrong, strict=True), start=1) if lines[0] != lines[1]]
    assert changed == [line_of(hunt.material, hunt.mistake)]
    report = hunt.check(hunt.material.test, line=changed[0], mended=hunt.mistake.right)
    assert report.solved, report
    assert [line.good for line in report.besides] == [True], "it sees the others as well"


@pytest.mark.parametrize(("unit", "seed"), MISTAKES, ids=IDS)
def test_the_notebooks_example_is_fair_and_sees_no_mistake(unit, seed):
    (cell,) = (cell for cell in source(unit).cells if cell.id == "hunt-test")
    definition = ast.unparse(ast.parse(cell.source).body[0])
    hunt = hunts.of_unit(unit, seed)
    report = hunt.check(written(definition, f"test_{hunt.material.name}"))
    assert [line.mark for line in report.lines] == ["✓", "✗"], report


@pytest.mark.parametrize("unit", UNITS_WITH_HUNTS)
def test_a_material_is_small_is_no_exercise_and_says_what_it_needs(unit):
    material = hunts.of_unit(unit).material
    assert material.name not in {name for declared in UNITS.values() for name in declared.exercises}
    slugs = [mistake.slug for mistake in material.mistakes]
    assert len(set(slugs)) == len(slugs) >= 4
    assert len(material.variants) >= 1
    code = re.sub(r'"""(.*?)"""', "", material.right, flags=re.DOTALL)
    assert 10 <= len([line for line in code.splitlines() if line.strip()]) <= 25
    for mistake in material.mistakes:
        assert max(map(len, with_mistake(material, mistake).splitlines())) <= 83, f"{mistake.slug}: with its number, a line is too wide"


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_that_has_a_hunt_shows_it_without_points(unit):
    cells = {cell.id: cell for cell in source(unit).cells}
    assert ("hunt" in cells) == (unit in UNITS_WITH_HUNTS)
    if "hunt" in cells:
        assert f'hunts.of_unit("{unit}")' in cells["hunt"].source
        assert "nbgrader" not in cells["hunt"].metadata
        assert "nbgrader" not in cells["hunt-test"].metadata
        assert "experiment" in cells["hunt-test"].metadata.tags, "what a student tries there is not run while grading"


def test_the_code_is_shown_with_its_numbers(capsys):
    hunting().show()
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  1  def half(numbers):",
        "  2      total = 0.0",
        "  3      for number in numbers:",
        "  4          total = number",
        "  5      return total / 2",
    ]
    assert hunting().broken([1, 3]) == 1.5


def test_a_hunt_ends_when_the_mistake_is_shown_named_and_mended():
    report = hunting().check(GOOD, line=4, mended="total += number")
    assert report.solved
    assert "half: found, named and mended" in repr(report)
    assert "In the code with the mistake, the last number counts alone." in repr(report)


def test_a_test_that_sees_nothing_is_told_so_and_then_gets_a_hint():
    hunt = hunting()
    first, second = (repr(hunt.check(BLIND, line=4, mended="total += number")) for _ in range(2))
    assert "passes on the code with the mistake as well" in first
    assert "Which lists has it not met yet?" in first
    assert "More than one?" in second
    assert "Line 4" not in first, "a line is worth nothing before a test sees the mistake"
    assert not hunting().check(lambda half: None).solved


def test_a_test_that_asks_too_much_is_told_which_right_code_fails():
    exact = written("def test_half(half):\n    assert half([1.0, 3.0]) == 2")
    report = repr(hunting().check(exact))
    assert "asks too much" in report
    assert "line 2: assert half([1.0, 3.0]) == 2" in report


def test_a_test_that_expects_what_is_not_true_is_told_so():
    report = repr(hunting().check(written("def test_half(half):\n    assert half([1.0, 3.0]) == 4, 'four'")))
    assert "what it expects is not true" in report
    assert "four" in report


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("assert haalf([1.0, 3.0]) == 2", "NameError: name 'haalf' is not defined"),
        ("assert half() == 2", "TypeError"),
        ("raise SystemExit('no')", "SystemExit: no"),
    ],
)
def test_an_error_of_the_tests_own_counts_for_nothing(body, said):
    report = repr(hunting().check(written(f"def test_half(half):\n    {body}")))
    assert "ends in an error of its own" in report
    assert said in report
    assert f"line 2: {body}" in report


def test_an_error_that_comes_only_on_the_wrong_code_shows_the_mistake_where_the_code_raises_it():
    material = small_material()
    raising = Mistake("raises", "it ends in an error", "?", "return total / 2", "return total / (2 if len(numbers) < 2 else 0)")
    hunt = Hunt("01_operators", Material(**{**vars(material), "mistakes": (raising,)}), 0)
    assert "ZeroDivisionError" in repr(hunt.check(GOOD))
    assert hunt.check(GOOD).lines[1].good
    helpless = written("def test_half(half):\n    if half([1.0, 3.0]) < 1.9:\n        raise ValueError('wrong')")
    assert "error of its own" in repr(hunting().check(helpless)), "of the test, and no assertion"


def test_an_input_that_is_nothing_for_right_code_is_told_so():
    report = repr(hunting().check(written("def test_half(half):\n    assert half(None) == 0")))
    assert "right code ends in an error" in report


def test_a_test_that_returns_what_it_thinks_is_told_that_nobody_looks():
    report = repr(hunting().check(written("def test_half(half):\n    return half([1.0, 3.0]) == 2")))
    assert "returns bool" in report
    assert "assert" in report


def test_what_torchs_comparison_imports_is_not_in_the_time_of_a_test():
    code = """
        from autodiff_lib.hunts import trial
        from autodiff_lib.ipython import remember

        trial.SECONDS = 0.2
        text = "def test(subject):\\n    torch.testing.assert_close(subject, subject)\\n"
        remember("<test>", text)
        scope = {"torch": trial.torch}
        exec(compile(text, "<test>", "exec"), scope)
        print(trial.tried(scope["test"], lambda: 1.0, "<subject>").kind)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stdout == "passed\n", done.stderr


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="test_half"):
        hunting().check(True)


def test_a_test_without_an_end_is_left(monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 0.2)
    report = repr(hunting().check(written("def test_half(half):\n    while True:\n        half([1.0])")))
    assert "did not come to an end" in report


@pytest.mark.parametrize(
    ("line", "mended", "marks", "said"),
    [
        (None, "", "○○", "line=...) names it"),
        (4, "", "✓○", "not mended yet"),
        (3, "", "✗○", "Line 3 is not the one"),
        (9, "x", "✗○", "numbered from 1 to 5"),
        (True, "x", "✗○", "line=True is no line"),
        (4, "total = total - number", "✓✗", "half of 1 and 3 is wrong"),
        (4, "total = (total", "✓✗", "does not run. SyntaxError"),
        (4, "total = totl + number", "✓✗", "NameError: name 'totl' is not defined"),
        (1, "def another(numbers):", "✗✗", "the code defines no half"),
        (4, 3, "✓✗", "mended=3 is no text"),
        (5, "return sum(numbers) / 2", "✓✓", "The mistake was made in line 4"),
        (4, "    total = total + number  # as before", "✓✓", "passes the course's own test, and yours"),
    ],
)
def test_lines_and_mends_are_told_what_is_wrong_with_them(line, mended, marks, said):
    report = hunting().check(GOOD, line, mended)
    assert "".join(found.mark for found in report.lines[2:]) == marks
    assert said in re.sub(r"\s+", " ", repr(report))
    assert report.solved == (marks == "✓✓")


def test_a_test_is_told_how_many_other_mistakes_it_would_see():
    first = written("def test_half(half):\n    assert abs(half([3.0, 1.0]) - 2) < 1e-6")
    assert "Of 2 other mistakes in this code, your test would catch 2." in repr(hunting().check(first))
    narrow = written("def test_half(half):\n    assert abs(half([0.0, 4.0]) - 2) < 1e-6")
    report = repr(hunting(1).check(narrow))
    assert "your test would catch 0." in report
    assert "One that it lets through is the code in which the last number counts alone." in report


def test_every_version_meets_the_same_random_numbers_and_nothing_is_drawn_from_the_students(capsys):
    seen = deque()  # a list would be each time as it was before

    def test_half(half):
        seen.append((random.random(), float(torch.rand(()))))
        print("said once")
        assert abs(half([1.0, 3.0]) - 2) < 1e-6

    torch.manual_seed(7)
    random.seed(7)
    expected = random.random(), float(torch.rand(()))
    torch.manual_seed(7)
    random.seed(7)
    hunting().check(test_half)
    assert len(seen) == 5
    assert len(set(seen)) == 1
    assert (random.random(), float(torch.rand(()))) == expected
    assert capsys.readouterr().out == "said once\n", "on the code with the mistake, and on no other"


@pytest.mark.parametrize("kind", [list, torch.tensor, np.array])
@pytest.mark.parametrize("number", [0, 1])
def test_inputs_of_the_notebook_are_afterwards_what_they_were(kind, number):
    material = small_material()
    writing = Mistake("writes", "the last number is overwritten", "?", "total = total + number", "numbers[-1] = total = total + number")
    hunt = Hunt("01_operators", Material(**{**vars(material), "mistakes": (writing, material.mistakes[1])}), number)
    numbers, inside, usual = (kind([1.0, 3.0, 5.0]) for _ in range(3))
    more = {"all": [inside]}

    def one():
        return more["all"][0]

    def test_half(half, default=usual):
        for given in (numbers, one(), default):
            assert abs(half(given) - 4.5) < 1e-6
            assert float(given[-1]) == 5.0, "the input was changed"

    right = hunt.mistake.right
    first, second = (hunt.check(test_half, line_of(hunt.material, hunt.mistake), right) for _ in range(2))
    assert first.solved, first
    assert repr(second) == repr(first)
    assert [line.good for line in first.besides] == [True]
    assert [float(one) for given in (numbers, inside, usual) for one in given] == [1.0, 3.0, 5.0] * 3


def test_a_report_escapes_what_it_shows():
    report = hunting().check(written("def test_half(half):\n    assert half([1.0, 3.0]) > 1.9, '<b>'"))
    assert html.escape("'<b>'") in report._repr_html_()
    assert "<b>" not in report._repr_html_()


def test_seeds_reach_every_mistake_and_names_are_spread_over_them():
    for unit in UNITS_WITH_HUNTS:
        count = len(hunts.of_unit(unit).material.mistakes)
        assert {hunts.of_unit(unit, seed).number for seed in range(count)} == set(range(count))
        assert hunts.of_unit(unit, count + 2).number == 2
        assert {number_of(f"student{number}", unit) % count for number in range(60)} == set(range(count))
    assert number_of("ada", "01_operators") != number_of("ada", "02_evaluator")


def test_outside_of_a_handout_everybody_has_the_first_mistake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert hunts.of_unit("01_operators").number == 0
    (tmp_path / "course.toml").write_text("")
    assert hunts.of_unit("01_operators").number == 0, "an instructor's course folder is no student's"
    assert list(tmp_path.iterdir()) == [tmp_path / "course.toml"]


def test_in_a_handout_the_mistake_is_the_students_own_and_stays(tmp_path, monkeypatch):
    (tmp_path / "course.toml").write_text("")
    folder = tmp_path / "my-work" / "01_operators"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    place = handout.find(folder)
    place.remember("student", {"name": "ada"})
    mine = hunts.of_unit("01_operators").number
    assert mine == number_of("ada", "01_operators") % 6
    other = next(name for name in map(str, range(99)) if number_of(name, "01_operators") % 6 != mine)
    place.remember("student", {"name": other})
    assert hunts.of_unit("01_operators").number == mine
    assert json.loads((place.kept / "hunts.json").read_text()) == {"01_operators": mine}
    (place.kept / "hunts.json").unlink()
    assert hunts.of_unit("01_operators").number != mine


@pytest.mark.parametrize("seed", ["2", 1.5, True])
def test_a_seed_that_is_no_whole_number_is_named(seed):
    with pytest.raises(TypeError, match=re.escape(f"seed={seed!r} is no whole number")):
        hunts.of_unit("01_operators", seed=seed)


def test_a_unit_without_a_hunt_says_so(monkeypatch):
    monkeypatch.setattr("autodiff_lib.hunts.hunt.units_with_hunts", lambda: ["02_evaluator"])
    with pytest.raises(ValueError, match="unit 01_operators has no hunt; these have one: 02_evaluator"):
        hunts.of_unit("01_operators")


def test_the_lines_of_a_program_are_known_to_tracebacks():
    assert callable(hunts.of_unit("01_operators").broken)
    assert linecache.getline("<weighted_mean, with a mistake>", 4).startswith("def weighted_mean(")


@pytest.mark.skipif(bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")
def test_while_grading_nothing_is_hunted_and_no_material_is_there():
    cell = """
        from autodiff_lib import hunts

        hunt = hunts.of_unit("01_operators", seed=2)
        hunt.show()
        print(hunt.check(print, 3, mended="x"), hunt.broken(1))
    """
    with open_jail("01_operators", Limits()) as jail, Session(jail, {}) as session:
        outcome = session.run(textwrap.dedent(cell))
        assert (outcome["status"], outcome["outputs"][0]["text"]) == ("ok", "None None\n")
        others = session.run(
            'from autodiff_lib import checks, hunts\nprint(hunts.units_with_hunts(), checks.of_lecture("00_warm_up")(print))'
        )
        assert (others["status"], others["outputs"][0]["text"]) == ("ok", "[] None\n")
        for module in ("hunts.hunt", "hunts.material", "units.operators.hunt"):
            assert session.run(f"import autodiff_lib.{module}")["status"] == "error", module
