"""From the formgrader to the student's page and the table of grades, in a browser; and what all these pages look like."""

import csv
import os
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors.catalogue import MISTAKES
from grader.authors.in_browser import formgrader, submission_page
from grader.book.nbgrader_course import cell, database, filled_in, nbgrader, release, solutions, submit
from grader.submission.jail import bubblewrap
from tests import corpora, looks

pytestmark = [
    pytest.mark.skipif(bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE"),
    pytest.mark.skipif(looks.CHROMIUM is None and not os.environ.get("CI"), reason=looks.NO_CHROMIUM),
]

OPS, LM, WORDS = "01_operators", "03_transformer_lm", "kv_cache_written"
RUBRIC = "2 points: the n D term and the growing memory remain."


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two who have answered in words; and of unit 1, one with mistakes and a syntax error, and a file that is no notebook."""
    folder = corpora.empty_course(tmp_path_factory.mktemp("formgrader") / "course", OPS, LM)
    for student in ("ada", "grace"):
        answered = filled_in(release(folder, LM), solutions(LM) if student == "ada" else {})
        cell(answered, WORDS).source = "The $n$-th word costs $n D^2 + n^2 D$."
        submit(folder, student, LM, answered)
    right = solutions(OPS)
    wrong = {
        MISTAKES[name].exercise: MISTAKES[name].cell(right[MISTAKES[name].exercise])
        for name in ("layernorm-unbiased", "mean-count-forgotten")
    }
    broken = {"div": right["div"].replace("):", ")", 1)}
    submit(folder, "emmy", OPS, filled_in(release(folder, OPS), {**right, **wrong, **broken}))
    submit(folder, "sofia", OPS, nbformat.v4.new_notebook()).write_bytes(b"\x00\xff not a notebook")
    for unit in (OPS, LM):
        corpora.autograde(folder, unit)
    return folder


@pytest.fixture(scope="module")
def browser():
    with looks.open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(course):
    with formgrader(course) as address:
        yield address


def graded_by_hand(browser, course, address, student, box, points):
    """Type points into a box of the formgrader; what stands on its page, and whom it asked for something."""
    asked = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + submission_page(course, LM, student))
    page.wait_for_load_state("networkidle")
    text = page.inner_text("body")
    with page.expect_response(lambda response: "/api/grade/" in response.url and response.request.method == "PUT") as saved:
        page.fill(f"#{box}", points)
        page.press(f"#{box}", "Tab")
    assert saved.value.status == 200
    formulas = page.locator("math").count()
    page.close()
    return text, asked, formulas


def feedback(course, unit, student):
    nbgrader(course, "generate_feedback", unit, "--force", f"--student={student}")
    return BeautifulSoup((course / "feedback" / student / unit / f"{UNITS[unit].stem}.html").read_text(), "html.parser")


def table_row(course, student):
    assert CliRunner().invoke(app, ["export", LM, "--to", "csv", "--course", str(course)]).exit_code == 0
    with (course / "exports" / f"{LM}.csv").open(newline="") as file:
        return next(row for row in csv.DictReader(file) if row["student_id"] == student)


def line_of(page, name):
    line = next(line for line in page.select("nav li") if line.a and line.a.get_text() == name)
    return " ".join(line.get_text(" ").split())


def test_extra_credit_typed_as_the_rubric_says_counts_on_the_page_and_in_the_table(browser, course, address):
    before = table_row(course, "ada")
    assert (before["status"], before["ungraded"], before["total"], before[f"{LM}/{WORDS}"]) == ("ungraded", WORDS, "", "")
    assert "not graded yet: a person has to read it" in line_of(feedback(course, LM, "ada"), "kv cache written")
    text, asked, formulas = graded_by_hand(browser, course, address, "ada", f"{WORDS}_extra_credit", "7")
    assert RUBRIC in text
    assert "Enter the points as extra credit" in text
    assert [url for url in asked if not url.startswith(address)] == [], "the formgrader asks no other machine"
    assert formulas > 20
    after = table_row(course, "ada")
    assert (after["status"], after["total"], after["max_points"], after[f"{LM}/{WORDS}"]) == ("graded", "52", "45", "7")
    page = feedback(course, LM, "ada")
    assert line_of(page, "kv cache written") == "✓ kv cache written extra points +7"
    assert page.select_one("#top .total").get_text() == "Score: 52.0 / 45.0"
    assert "growing memory remain" not in page.get_text(), "the rubric is not the student's"


def test_extra_credit_outlives_another_grading(course, address):
    with Gradebook(database(course)) as gradebook:
        gradebook.find_grade(WORDS, UNITS[LM].stem, LM, "ada").extra_credit = 7
        gradebook.db.commit()
    corpora.autograde(course, LM, force=True)
    with Gradebook(database(course)) as gradebook:
        grade = gradebook.find_grade(WORDS, UNITS[LM].stem, LM, "ada")
        assert (grade.auto_score, grade.extra_credit, grade.score, grade.needs_manual_grade) == (0, 7, 7, False)


def test_an_answer_in_words_that_is_worth_points_waits_until_it_is_graded_and_then_counts(browser, course, address):
    with Gradebook(database(course)) as gradebook:
        gradebook.find_grade_cell(WORDS, UNITS[LM].stem, LM).max_score = 4
        gradebook.db.commit()
    corpora.autograde(course, LM, force=True)
    waiting = table_row(course, "grace")
    assert (waiting["status"], waiting["total"], waiting["max_points"]) == ("ungraded", "", "49")
    text, _, _ = graded_by_hand(browser, course, address, "grace", f"{WORDS}_extra_credit", "1")
    assert RUBRIC in text
    assert table_row(course, "grace")["total"] == "", "extra credit alone is no grade where there are points to give"
    graded_by_hand(browser, course, address, "grace", WORDS, "3")
    graded = table_row(course, "grace")
    assert (graded["status"], graded["total"], graded[f"{LM}/{WORDS}"]) == ("graded", "4", "4")
    assert line_of(feedback(course, LM, "grace"), "kv cache written").endswith("4 / 4")


def test_the_lists_count_what_is_not_graded_as_nothing_and_mark_it_and_its_page_says_why(browser, course, address):
    page = browser.new_page()
    page.goto(f"{address}/formgrader/manage_submissions/{OPS}")
    row = page.locator("#main-table tr").filter(has=page.get_by_text("sofia", exact=True))
    row.wait_for()
    assert (row.locator(".status").inner_text(), row.locator(".score").inner_text()) == ("needs manual grading", "0 / 32")
    assert page.locator("#main-table tr").filter(has=page.get_by_text("emmy", exact=True)).locator(".status").inner_text() == "graded"
    page.goto(address + submission_page(course, OPS, "sofia"))
    page.get_by_text("Nothing could be graded: operators.ipynb holds no cell that can be read.").first.wait_for()
    page.close()


# --- what pages look like


@pytest.fixture(scope="module")
def pages(course):
    for student in ("emmy", "sofia"):
        feedback(course, OPS, student)
    feedback(course, LM, "grace")
    assert CliRunner().invoke(app, ["report", OPS, "--course", str(course)]).exit_code == 0
    stem = UNITS[OPS].stem
    found = {student: course / "feedback" / student / OPS / f"{stem}.html" for student in ("emmy", "sofia")}
    return {**found, "words": course / "feedback" / "grace" / LM / f"{UNITS[LM].stem}.html", "report": course / f"report_{OPS}.html"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["emmy", "sofia", "words", "report"])
def test_every_text_can_be_read_in_light_and_dark_and_a_phone_needs_no_scrolling_sideways(browser, pages, name, scheme):
    page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    seen = page.evaluate(looks.TOO_FAINT)
    assert seen["texts"] > 50
    assert seen["found"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_text_that_is_too_faint_would_be_found(browser, pages, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto(pages["emmy"].as_uri())
    page.evaluate("document.querySelector('#top').style.opacity = 0.2")
    assert page.evaluate(looks.TOO_FAINT)["found"]
    page.close()


def test_the_pages_say_what_became_of_each_exercise(pages):
    emmy = BeautifulSoup(pages["emmy"].read_text(), "html.parser")
    assert line_of(emmy, "div").startswith("✗ div its cell does not run: SyntaxError: expected ':' (line")
    order = [line.a.get_text() for line in emmy.select("nav li") if line.a]
    assert set(order[:3]) == {"div", "mean", "layernorm"}
    assert len(emmy.select("details.folded")) == 7
    sofia = BeautifulSoup(pages["sofia"].read_text(), "html.parser")
    assert sofia.select_one("#top .total").get_text() == "Not graded yet"
    assert "holds no cell that can be read" in line_of(sofia, "relu")


def test_the_report_sorts_and_filters_and_leads_to_each_students_page(browser, pages):
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    problems = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(pages["report"].as_uri())

    def shown():
        return [row.split("\t")[0] for row in page.locator("#students tbody tr:visible").all_inner_texts()]

    assert shown() == ["emmy", "sofia"]
    page.click("#students th:nth-child(1) button")
    page.click("#students th:nth-child(1) button")
    assert shown() == ["sofia", "emmy"]
    page.click("#students th:nth-child(4) button")
    assert shown() == ["emmy", "sofia"], "who has no points yet comes last"
    page.fill("#filter", "Syntax err")
    assert shown() == ["emmy"]
    page.click("#students tbody tr:not([hidden]) a")
    assert re.search(r"/feedback/emmy/01_operators/operators\.html$", page.url)
    assert problems == []
    page.close()
