"""The way of a unit from the professor's desk to a student's laptop and back, in a browser, as steps that tests go and go on from."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from typer.testing import CliRunner

from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors import in_browser
from grader.book.nbgrader_course import ROOT, solutions
from tests.laptop import TERM, Laptop, clean, laptop
from tests.looks import TOO_FAINT

UNIT, EXERCISE = "01_operators", "div"
STUDENT = "al1815"
FILTER = "figure => getComputedStyle(figure).filter"
"""How a figure is shown: as it was drawn, or dark."""

TABS = """() => {
    const bar = document.querySelector("#jp-main-dock-panel .lm-TabBar-content").getBoundingClientRect();
    return [...document.querySelectorAll("#jp-main-dock-panel .lm-TabBar-tab")].map(tab => {
        const label = tab.querySelector(".lm-TabBar-tabLabel");
        const reached = tab.getBoundingClientRect().right <= bar.right + 1;
        return {name: label.textContent, whole: label.scrollWidth <= label.clientWidth, reached, front: tab.matches(".lm-mod-current")};
    });
}"""
"""What JupyterLab's tabs show of their names."""

LONG = "01_computational_graphs"
CLASS = 'Student,ID,SIS Login ID\n"Lovelace, Ada",4711,al1815\n'


@dataclass(frozen=True)
class Handed:
    """What the student's part of the way has led to."""

    laptop: Laptop
    packed: Path
    seen: dict[str, Any]  # step -> what the page said, or what was measured on it


def grader(*arguments: object) -> str:
    """A command of the instructor's; what it prints."""
    result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def handed_out(folder: Path) -> Laptop:
    """The instructor's handout on a student's laptop."""
    grader("handout", "--to", folder / "handout.zip", "--term", TERM)
    return laptop(folder / "handout.zip", folder / "laptop")


def worked_and_handed_in(there: Laptop) -> Handed:
    """START, an exercise written wrongly, its report, mended, saved, handed in by the button."""
    right = solutions(UNIT)[EXERCISE]
    wrong = right.replace("numerator / denominator", "denominator / numerator")
    assert wrong != right
    seen: dict[str, Any] = {}
    with in_browser.jupyterlab(["sh", "start.sh"], there.folder, clean()) as address, in_browser.window() as page:
        page.goto(address)
        progress = in_browser.run(page, in_browser.cell(page, "progress()"))
        progress.locator("table").wait_for()
        seen["START"] = progress.inner_text()
        seen["screen"] = page.locator("body").inner_text()
        seen["tabs"] = tabs(page)
        page.get_by_role("link", name=UNIT).first.click()
        page.get_by_role("heading", name="Unit 1: operators").wait_for()
        in_browser.notebook(page)
        seen["tab"] = page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current").get_attribute("class") or ""
        in_browser.run(page, in_browser.cell(page, "import autodiff_lib as ad"))
        in_browser.run(page, in_browser.cell(page, "y = x1 * x2 + x1"))
        figure = in_browser.run(page, in_browser.cell(page, "figures.draw_graph([y])")).locator("svg").first
        curve = in_browser.run(page, in_browser.cell(page, 'left.set(title="max(a, 0)"')).locator("img")
        seen["curve"] = curve.get_attribute("alt")
        seen["predicted"] = predicted(page)
        stepper = in_browser.run(page, in_browser.cell(page, "figures.step([y]")).locator("[data-live]")
        stepper.get_by_role("button", name="one step on").click()
        seen["first step"] = stepper.locator("li:visible").inner_text()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        seen["sixth step"] = stepper.locator("li:visible").inner_text()
        place, check = in_browser.cell(page, "class DivOp"), in_browser.cell(page, f'check("{EXERCISE}")')
        in_browser.write(page, place, wrong)
        in_browser.run(page, place)
        report = in_browser.run(page, check)
        seen["wrong"] = report.inner_text()
        for theme in ("Light", "Dark"):
            in_browser.wear(page, f"JupyterLab {theme}")
            filters = [one.evaluate(FILTER) for one in (figure, curve)]
            seen[theme] = {"filters": filters, "report": report.locator(".jp-RenderedHTML").evaluate(TOO_FAINT)}
        in_browser.write(page, place, right)
        in_browser.run(page, place)
        report = in_browser.run(page, check)
        report.get_by_text("3 of 3 points").wait_for()
        seen["right"] = report.inner_text()
        panel = in_browser.run(page, in_browser.cell(page, "hand_in("))
        panel.locator("input").fill(STUDENT)
        panel.get_by_role("button").click()
        panel.get_by_text("another version of div").wait_for()
        seen["unsaved"] = panel.inner_text()
        in_browser.save(page)
        panel.get_by_role("button").click()
        panel.get_by_text("SHA-256").wait_for()  # a fresh kernel has run the notebook
        panel.get_by_text("Not handed in before you upload it").wait_for()
        seen["receipt"] = panel.inner_text()
    (packed,) = (there.work / "handed_in").glob("*.zip")
    return Handed(there, packed, seen)


def tabs(page: Page) -> dict[str, list[dict[str, Any]]]:
    """The tabs of START and of the lecture with the longest name, with room enough and without; START is in front afterwards."""
    page.get_by_role("link", name=LONG).first.click()
    page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=LONG).wait_for()
    size = page.viewport_size
    seen = {"wide": page.evaluate(TABS)}
    page.set_viewport_size({"width": 700, "height": size["height"]})
    page.wait_for_function(f"innerWidth === 700 && ({TABS})().every(tab => tab.reached)")
    seen["narrow"] = page.evaluate(TABS)
    page.set_viewport_size(size)
    page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="START").click()
    return seen


def predicted(page: Page) -> str:
    """A number written down wrongly with the keyboard, an answer chosen with the mouse; what the first is told afterwards."""
    form = in_browser.run(page, in_browser.cell(page, 'predict("first")'))
    form.locator("input").fill("9")
    form.locator("input").press("Enter")
    form.get_by_text("Written down: 9").wait_for()
    choice = in_browser.run(page, in_browser.cell(page, 'predict("summed")'))
    choice.get_by_text("[5.5, 11, 16.5]").click()
    choice.get_by_text("Written down: [5.5, 11, 16.5]").wait_for()
    for text in ("def evaluate(", "values = {x1"):
        in_browser.run(page, in_browser.cell(page, text))
    answer = in_browser.run(page, in_browser.cell(page, 'predict.answer("first"'))
    answer.get_by_text("What other answers").click()
    return answer.inner_text()


def taken_in(handed: Handed, course: Path) -> str:
    """The learning platform's archive, sorted into the course folder, with the names of the class; what the command shows."""
    course.mkdir()
    (course / "source").symlink_to(ROOT / "source")
    (course / "class.csv").write_text(CLASS, encoding="utf-8")
    with zipfile.ZipFile(course / "submissions.zip", "w") as canvas:
        canvas.write(handed.packed, f"lovelaceada_4711_99_{handed.packed.name}")
    grader("roster", course / "class.csv", "--course", course)
    return grader("collect", course / "submissions.zip", "--course", course)


def graded(course: Path) -> str:
    """The class, graded in the jail; the table."""
    return grader("autograde", UNIT, "--course", course, "--jobs", "1")


def notebook_of(course: Path) -> Path:
    return course / "submitted" / STUDENT / UNIT / UNITS[UNIT].notebook
