"""From the professor's desk to the student's laptop and back, in a real browser."""

import json
import os
import re
import zipfile

import pytest

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS
from grader.authors.in_browser import CHROMIUM
from grader.book.nbgrader_course import database, scores
from grader.book.roster import people
from grader.submission.jail import bubblewrap
from tests import whole_way
from tests.whole_way import ANSWER, BONUS, EXERCISE, IN_WORDS, LONG, QUESTION, RUBRIC, STUDENT, UNIT

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="NO CHROMIUM HERE: apt install chromium"),
    pytest.mark.skipif(bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE"),
]


@pytest.fixture(scope="module")
def handed(tmp_path_factory):
    return whole_way.worked_and_handed_in(whole_way.handed_out(tmp_path_factory.mktemp("way")))


def test_start_shows_how_far_one_is_and_asks_nothing(handed):
    assert "0 of 32" in handed.seen["START"]
    assert "its first exercise is div" in handed.seen["START"]
    assert not re.search("(?i)jupyter news|would you like|nbgrader|error", handed.seen["screen"])
    assert "01_computational_graphs" in handed.seen["screen"]


def test_a_notebook_is_not_unsaved_before_anything_was_done_with_it(handed):
    assert "lm-TabBar-tab" in handed.seen["tab"]
    assert "jp-mod-dirty" not in handed.seen["tab"]


def test_a_tab_shows_its_name_whole_and_can_be_reached(handed):
    two, many = handed.seen["tabs"]["two"], handed.seen["tabs"]["many"]
    assert [tab["name"] for tab in two] == ["START.ipynb", f"{LONG}.ipynb"]
    assert all(tab["whole"] and tab["reached"] for tab in two)
    assert (len(many), all(tab["reached"] for tab in many)) == (12, True)
    assert [tab["name"] for tab in many if tab["whole"]] == [f"{LONG}.ipynb"]


@pytest.mark.parametrize("width", [1280, 900, 400])
def test_start_is_read_without_scrolling_sideways_however_narrow_the_window_is(handed, width):
    seen = handed.seen["widths"][width]
    assert seen["cells"] == 6
    assert seen["room"] >= 300
    assert seen["wide"] == []


def test_the_list_of_files_makes_room_in_a_narrow_window_until_it_is_asked_for(handed):
    seen = handed.seen["widths"]
    assert [seen[width]["files"] for width in (1280, 900, 400)] == [True, True, False]
    assert [seen[400][when] for when in ("opened", "chosen", "afterwards")] == [True, False, True]


def test_figures_are_dark_under_a_dark_theme_and_as_they_were_drawn_under_a_light_one(handed):
    assert handed.seen["Light"]["filters"] == ["none", "none"]
    assert all("invert" in found for found in handed.seen["Dark"]["filters"])


def test_the_picture_of_a_figure_says_in_words_what_it_shows(handed):
    assert handed.seen["curve"].startswith("max(a, 0): a line from 0 to 2; across: a.")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_a_report_can_be_read_under_each_theme(handed, theme):
    assert handed.seen[theme]["report"]["texts"] > 20
    assert handed.seen[theme]["report"]["found"] == []


def test_a_prediction_is_written_down_with_keyboard_or_mouse_and_shown_beside_the_answer(handed):
    assert re.search(r"You said: 9\. .*Answer: 8\. .*6: That is the product", handed.seen["predicted"], re.DOTALL)
    kept = json.loads((handed.laptop.work / ".course" / "predictions.json").read_text())
    assert kept == {UNIT: {"first": "9", "summed": "[5.5, 11, 16.5]"}}


def test_a_backward_pass_is_stepped_through_with_the_mouse_and_the_keyboard(handed):
    assert handed.seen["first step"] == "x1 is fed: 2."
    assert handed.seen["sixth step"] == "product has 1. It hands 3 to x1, where it adds up: 1 + 3 = 4; 2 to x2."


def test_a_wrong_exercise_shows_the_smallest_case_and_a_mended_one_its_points(handed):
    assert "Smallest failing case" in handed.seen["wrong"]
    assert re.search(r"yours.*expected", handed.seen["wrong"], re.DOTALL)
    assert "div: 3 of 3 points" in handed.seen["right"]


def test_the_button_warns_of_unsaved_and_unfinished_work_and_gives_a_receipt(handed):
    assert "Receipt" not in handed.seen["unsaved"]
    assert "Warning: not finished: div_by_const" in handed.seen["receipt"]
    assert f"Receipt: {UNIT} of {STUDENT}" in handed.seen["receipt"]
    assert "points of the notebook's checks: 3 of 32" in handed.seen["receipt"]
    assert handed.packed[UNIT].is_file()


def test_the_command_hands_in_what_was_written_in_words(handed):
    assert "Warning: not finished: causal_self_attention, decoder_layer" in handed.seen["terminal"]
    assert f"Receipt: {IN_WORDS} of {STUDENT}" in handed.seen["terminal"]
    assert "Not handed in before you upload it" in handed.seen["terminal"]
    with zipfile.ZipFile(handed.packed[IN_WORDS]) as packed:
        assert ANSWER in packed.read(f"{IN_WORDS}/{UNITS[IN_WORDS].notebook}").decode()


@pytest.fixture(scope="module")
def course(handed, tmp_path_factory):
    """The course folder, into which the class was taken, and what was shown of it."""
    folder = tmp_path_factory.mktemp("desk") / "course"
    return folder, whole_way.taken_in(handed, folder)


def test_what_was_handed_in_is_collected_graded_and_known_by_its_name(handed, course):
    course, shown = course
    assert re.search(rf"{STUDENT}\s+{UNIT}\s+\d{{4}}-\d\d-\d\d \d\d:\d\d \(their clock\).*Canvas\s+new", shown)
    assert whole_way.notebook_of(course).read_bytes() == (handed.laptop.work / UNIT / "operators.ipynb").read_bytes()
    assert re.search(rf"{STUDENT}\s+3 / 32", whole_way.graded(course, UNIT))
    (row,) = scores(database(course), UNIT)
    assert {name: points for name, points in row.points.items() if points} == {f"check_{EXERCISE}": questions(UNIT)[EXERCISE].points}
    assert [(one.id, one.last_name, one.first_name) for one in people(database(course))] == [(STUDENT, "Lovelace", "Ada")]


def test_a_bonus_given_in_the_formgrader_is_on_the_page_that_comes_back_and_in_the_table(course):
    course, _ = course
    whole_way.graded(course, IN_WORDS)
    before = whole_way.row_of_table(course)
    assert (before["ungraded"], before["total"]) == (QUESTION, "")
    read = whole_way.bonus_given(course)
    assert ANSWER in read
    assert RUBRIC in read
    page = whole_way.came_back(course)
    assert f"Score: {BONUS}.0 / 45.0" in page
    assert re.search(rf"✓\s+kv cache written\s+extra points\s+\+{BONUS}", page)
    assert RUBRIC not in page
    after = whole_way.row_of_table(course)
    assert (after["last_name"], after["status"], after["ungraded"]) == ("Lovelace", "graded", "")
    assert (after["total"], after["max_points"], after[f"{IN_WORDS}/{QUESTION}"]) == (BONUS, "45", BONUS)
