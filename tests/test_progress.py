"""`check.progress()`: what passes in all units, said with a mark and in words, and what to do next."""

import json
import re
import shutil
from dataclasses import asdict, replace

import pytest
from bs4 import BeautifulSoup

import autodiff_lib as ad
from autodiff_lib import checks
from autodiff_lib.checks.ready_made import Look
from autodiff_lib.student import command, fresh, handing_in, lab, panel, picture, place, standing
from autodiff_lib.student.__main__ import main as student
from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT
from grader.submission import inmate

UNIT, LATER = "01_operators", "02_evaluator"
WRONG = """
@ad.operator("relu(a, /)")
class Mine(ad.Op):
    def compute(self, node, inputs):
        return inputs[0]

    def gradient(self, node, output_grad):
        return [output_grad]
"""


@pytest.fixture
def check():
    return checks.of_unit(UNIT)


@pytest.fixture
def half_done(fresh_table, solution_cells):
    """Two exercises right, one wrong, the others open."""
    for name in ("div", "div_by_const"):
        exec(solution_cells[UNIT][name], {"ad": ad, "__name__": "mine"})
    exec(WRONG, {"ad": ad, "__name__": "mine"})


@pytest.fixture
def handout(tmp_path, monkeypatch):
    """A handout with all units in it, of which none is begun, and its first unit open."""
    (tmp_path / "course.toml").write_text('term = "Autumn"')
    for unit in UNITS:
        shutil.copytree(ROOT / "release" / unit, tmp_path / "course" / unit)
    there = place.find(tmp_path)
    lab.working_copy(there)
    monkeypatch.chdir(there.work / UNIT)
    return there


def states_in(page):
    """Exercise -> what its square says to who cannot see it, and the mark in it."""
    squares = [one for one in BeautifulSoup(page, "html.parser").find_all(role="img") if one.parent.get("title")]
    return {one.parent.get_text().removeprefix(one.get_text()): (one["aria-label"], one.get_text()) for one in squares}


def test_without_a_handout_it_is_this_unit_as_its_checks_say_now(check, half_done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = check.progress()
    assert [one.unit for one in found.standings] == [UNIT]
    assert repr(found).splitlines()[0].startswith(f"{UNIT:<24} 4 of 32 points     ✓ div  ✓ div_by_const  ○ transpose  ✗ relu  ○ sqrt")
    assert repr(found).splitlines()[-2:] == [
        "✓ passes   ✗ not right yet   ○ not done yet",
        "Next: transpose, in this notebook. Then run its check.",
    ]
    squares = states_in(found._repr_html_())
    assert list(squares) == list(UNITS[UNIT].exercises)
    assert [squares[name] for name in ("div", "relu", "sqrt")] == [("passes", "✓"), ("not right yet", "✗"), ("not done yet", "○")]


def test_when_all_of_a_unit_passes_it_names_the_next_one(check, solved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check.progress().next == f"All exercises of {UNIT} pass. Next: unit {LATER}."
    last = [*UNITS][-1]
    assert picture.next_here(standing.of_states(last, {"x": standing.PASSED}, 1, 1)).endswith("this was the last unit.")


def test_in_a_handout_it_is_all_units_and_only_the_others_are_looked_at(check, half_done, handout):
    found = check.progress()
    assert [one.unit for one in found.standings] == [*UNITS]
    assert found.next == "Next: transpose, in 01_operators/operators.ipynb. Then run its check."
    assert found.standings[0].states["relu"] == standing.FAILED
    assert set(found.standings[1].states.values()) == {standing.OPEN}
    assert len(states_in(found._repr_html_())) == len({name for unit in UNITS.values() for name in unit.exercises})
    assert handout.remembered("standings") == {}, "this unit was asked in its session, and no other was begun"


def test_in_a_handout_a_unit_that_passes_is_to_be_handed_in_until_it_is(check, solved, handout, monkeypatch):
    monkeypatch.setattr(picture, "asked", lambda place, *words: [standing.not_started(unit) for unit in UNITS if unit not in words])
    assert check.progress().next.startswith(f"Next: hand in {UNIT}: the last cell")
    path = handout.notebook(UNIT)
    receipt = {"time": "2026-03-01 12:00:00 UTC", "points": 32, "cells": lab.digest_of_cells(path)}
    handout.remember("handed_in", {UNIT: receipt})
    assert check.progress().next.startswith("Next: open 02_evaluator/evaluator.ipynb")
    handout.remember("handed_in", {UNIT: {**receipt, "cells": "other"}})
    assert check.progress().next.startswith(f"Next: hand in {UNIT} again, because you changed it since")


def test_standings_are_told_where_they_cannot_be_kept(handout, monkeypatch):
    monkeypatch.setattr(standing, "untouched", lambda place, unit: unit != UNIT)
    monkeypatch.setattr(standing, "looked_at", lambda place, unit, before: before)
    (handout.kept / "standings.json").mkdir(parents=True)  # a folder, where a file must be
    assert [one.unit for one in standing.standings(handout)] == [*UNITS]


def test_a_command_that_the_disk_refuses_says_why_and_ends(handout, monkeypatch, capsys):
    def refused(place, *more):
        raise PermissionError(13, "Permission denied", "operators.ipynb")

    monkeypatch.setattr(standing, "standings", refused)
    assert student(["status"]) == 2
    assert "Permission denied: 'operators.ipynb'" in capsys.readouterr().err


def test_a_standing_that_an_older_version_kept_is_looked_at_anew(handout, monkeypatch):
    monkeypatch.setattr(standing, "KEPT", 1)
    older = standing.key_of(handout, UNIT)
    monkeypatch.undo()
    assert standing.key_of(handout, UNIT) != older


def test_a_standing_comes_through_json_as_it_was():
    there = standing.not_started(UNIT)
    assert standing.Standing(**json.loads(json.dumps(asdict(there)))) == there


def test_while_grading_nothing_is_drawn(check, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check.progress() is None
    assert inmate.no_checks(UNIT)() is inmate.no_checks(UNIT).progress() is None


def test_no_state_is_said_by_a_colour_alone_and_no_colour_of_text_is_that_of_one_theme():
    assert len(set(picture.MARKS.values())) == len(picture.MARKS) == len(picture.FILLED)
    page = picture.Progress([standing.of_states(UNIT, {state: state for state in picture.MARKS}, 0, 1)], "Next.")._repr_html_()
    assert states_in(page) == {state: (state, mark) for state, mark in picture.MARKS.items()}
    assert set(re.findall(r"[;\"]color:([^;\"]+)", page)) == {"#fff"}, "white on green and on red; the rest as the theme has it"
    assert not any("color:#fff" in picture.FILLED[state] for state in (standing.OPEN, standing.UNTOLD))


def test_a_check_without_a_verdict_is_neither_passed_nor_failed():
    assert [*map(standing.state_of, ("passed", "missing", "wrong", "timeout", "unanswered"))] == [
        standing.PASSED,
        standing.OPEN,
        standing.FAILED,
        standing.FAILED,
        standing.UNTOLD,
    ]


def test_long_units_are_broken_between_exercises_in_a_terminal():
    names = [f"exercise_{number}" for number in range(30)]
    lines = picture.line(standing.of_states(UNIT, dict.fromkeys(names, standing.OPEN), 0, 1)).splitlines()
    assert max(map(len, lines)) <= picture.WIDTH
    assert re.findall(r"○ (\w+)", "\n".join(lines)) == names


# --- points that come on top


@pytest.fixture
def on_top():
    """The unit with a bonus: all of its questions passed, except those whose points come on top."""
    unit = next(name for name, one in UNITS.items() if one.extra)
    states = {name: standing.OPEN if name in UNITS[unit].extra else standing.PASSED for name in checks.questions(unit)}
    return unit, states


def test_points_on_top_are_not_needed(on_top):
    unit, states = on_top
    needed = [one for one in checks.questions(unit).values() if one.name not in UNITS[unit].extra]
    most = sum(one.points for one in needed)
    fresh_one = standing.not_started(unit)
    assert (fresh_one.max_points, fresh_one.exercises, fresh_one.state) == (most, len(needed), "not started")
    found = standing.of_states(unit, states, most, most)
    assert (found.state, found.first_open, found.done) == ("done", "", len(needed))
    assert f"hand in {unit}" in standing.next_step([found])
    on_top = [name for name in states if name in UNITS[unit].extra]  # in the notebook's order
    assert f"pass, except {', '.join(on_top)}, whose points come on top" in picture.next_here(found)
    assert set(found.states) == set(states), "they are drawn all the same"
    assert standing.of_verdicts(unit, checks.of_unit(unit).verdicts(Look({}, ()))).max_points == most
    assert "#" * 21 not in standing.line(standing.of_states(unit, states, 2 * most, most))


def test_a_run_counts_points_on_top_as_the_notebook_does(on_top):
    unit, states = on_top
    reasons = {name: "passed" if state == standing.PASSED else "missing" for name, state in states.items()}
    worth = {name: one.points for name, one in checks.questions(unit).items()}
    outcome = fresh.Outcome(unit, tuple(fresh.Exercise(name, 0, worth[name], reason, "", "") for name, reason in reasons.items()))
    assert outcome.max_points == standing.not_started(unit).max_points
    assert outcome.right
    begun = tuple(fresh.Exercise(name, 0, 1, "wrong", "", "") for name in UNITS[unit].extra)
    assert not replace(outcome, exercises=begun).right


# --- what cannot be told, and what cannot be written


def test_where_the_other_units_cannot_be_looked_at_that_is_said(check, half_done, handout, monkeypatch):
    monkeypatch.setattr(command, "COMMAND", ["false"])
    found = check.progress()
    assert [one.unit for one in found.standings] == [UNIT]
    assert found.next.startswith("Next: transpose, in this notebook.")
    assert found.next.endswith("`autodiff-course status` in a terminal says why.")


def test_status_says_in_a_sentence_what_it_cannot_read(handout, capsys):
    path = handout.notebook(UNIT)
    path.write_text(path.read_text().replace("Unit 1", "My unit 1"))
    (path.parent / "folder.py").mkdir()
    assert student(["status"]) == 2
    assert "folder.py" in capsys.readouterr().err


def test_standings_that_cannot_be_kept_are_told_all_the_same(handout, monkeypatch):
    path = handout.notebook(UNIT)
    path.write_text(path.read_text().replace("Unit 1", "My unit 1"))
    shutil.rmtree(handout.kept)
    handout.kept.write_text("a file where a folder should be")
    monkeypatch.setattr(standing, "looked_at", lambda place, unit, before: before)
    assert [one.unit for one in standing.standings(handout)] == [*UNITS]


# --- START


def test_start_shows_the_same_picture_with_what_was_handed_in_and_what_cannot_be_told(handout, monkeypatch):
    there = [replace(standing.not_started(UNIT), handed_in="2026-03-01 12:00:00 UTC, 3 points", since_changed=True)]
    there.append(replace(standing.not_started(LATER), state="it is <no> notebook"))
    monkeypatch.setattr(panel, "asked", lambda place: there)
    found = panel.progress()
    assert isinstance(found, picture.Progress)
    text, page = repr(found), found._repr_html_()
    for said in ("0 of 32", "its first exercise is div", "handed in 2026-03-01 12:00:00 UTC, 3 points, changed since"):
        assert said in text
        assert said in page
    assert "it is <no> notebook" in text
    assert "it is &lt;no&gt; notebook" in page
    assert len(states_in(page)) == len({*UNITS[UNIT].exercises, *UNITS[LATER].exercises})


def test_handing_in_warns_of_no_bonus_that_was_not_begun(on_top):
    unit, states = on_top
    reasons = {name: "passed" if state == standing.PASSED else "missing" for name, state in states.items()}
    outcome = fresh.Outcome(unit, tuple(fresh.Exercise(name, 0, 1, reason, name, "") for name, reason in reasons.items()))
    assert not [line for line in handing_in.report(outcome) if "not finished" in line]
