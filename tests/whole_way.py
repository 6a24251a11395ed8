"""The way of a unit from the professor's desk to a student's laptop and back, in a browser, as steps that tests go and go on from."""

import csv
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator, Page
from typer.testing import CliRunner

from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors import in_browser
from grader.authors.in_browser import SIZE
from grader.book.nbgrader_course import ROOT, nbgrader, solutions
from tests.laptop import TERM, Laptop, laptop
from tests.looks import TOO_FAINT

UNIT, EXERCISE = "01_operators", "div"
IN_WORDS, QUESTION, ANSWER = "03_transformer_lm", "kv_cache_written", "The n-th word costs n D^2 for the products, and n^2 D."
RUBRIC, BONUS = "2 points: the n D term and the growing memory remain.", "7"
STUDENT = "al1815"
FILTER = "figure => getComputedStyle(figure).filter"
"""How a figure is shown: as it was drawn, or dark."""

TABS = """many => {
    const bar = document.querySelector("#jp-main-dock-panel .lm-TabBar-content");
    const another = bar.querySelector(".lm-TabBar-tab:not(.lm-mod-current)"), more = [];
    for (let n = 0; n < many; n += 1) more.push(another.cloneNode(true));
    another.before(...more);
    const seen = [...bar.children].map(tab => {
        const label = tab.querySelector(".lm-TabBar-tabLabel");
        const reached = tab.getBoundingClientRect().right <= bar.getBoundingClientRect().right + 1;
        return {name: label.textContent, whole: label.scrollWidth <= label.clientWidth, reached, front: tab.matches(".lm-mod-current")};
    });
    more.forEach(tab => tab.remove());
    return seen;
}"""
"""What JupyterLab's tabs show of their names, and would show beside so many more tabs."""

TOO_WIDE = """() => {
    const notebook = document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook");
    const cells = [...notebook.querySelectorAll(".jp-Cell")], inside = cells.flatMap(cell => [cell, ...cell.querySelectorAll("*")]);
    const wide = inside.filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1);
    const said = wide.map(one => `${one.tagName} ${one.textContent.slice(0, 60)}: ${one.scrollWidth} in ${one.clientWidth}`);
    return {cells: cells.length, room: notebook.clientWidth, wide: said};
}"""
"""The room that the notebook in front has, and what in its cells is wider than its own box, and so has to be moved to be read."""

SETTLED = """() => new Promise(done => {
    let frames = 10;
    const next = () => { frames -= 1; if (frames) requestAnimationFrame(next); else done(); };
    next();
})"""
"""JupyterLab lays its panels out a few frames after the window has another size."""

LONG = "01_computational_graphs"
CLASS = 'Student,ID,SIS Login ID\n"Lovelace, Ada",4711,al1815\n'


@dataclass(frozen=True)
class Handed:
    """What the student's part of the way has led to."""

    laptop: Laptop
    packed: dict[str, Path]  # unit -> its archive
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
    """START, an exercise written wrongly, its report, mended, saved, handed in by the button; an answer in words, from a terminal."""
    right = solutions(UNIT)[EXERCISE]
    wrong = right.replace("numerator / denominator", "denominator / numerator")
    assert wrong != right
    seen: dict[str, Any] = {}
    with in_browser.jupyterlab(["sh", "start.sh"], there.folder, there.environment) as address, in_browser.window() as page:
        page.goto(address)
        progress = in_browser.run(page, in_browser.cell(page, "progress()"))
        progress.locator("ul").wait_for()
        seen["START"] = progress.inner_text()
        seen["screen"] = page.locator("body").inner_text()
        seen["tabs"] = tabs(page)
        seen["widths"] = widths(page)
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
        page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="START").click()
        page.get_by_role("link", name=IN_WORDS).first.click()
        page.get_by_role("heading", name="Unit 3: a language model").wait_for()
        words = in_browser.notebook(page).locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE")
        words.locator(".jp-RenderedMarkdown").dblclick()
        in_browser.write(page, words, ANSWER)
        page.keyboard.press("Control+Enter")
        in_browser.save(page)
    done = there.run("submit", IN_WORDS, "--as", STUDENT)
    assert done.returncode == 0, done.stderr
    seen["terminal"] = done.stdout
    return Handed(there, {unit: there.work / "handed_in" / f"{unit}_{STUDENT}.zip" for unit in (UNIT, IN_WORDS)}, seen)


def tabs(page: Page) -> dict[str, list[dict[str, Any]]]:
    """The tabs of START and of the lecture with the longest name, as they are and among many; START is in front afterwards."""
    page.get_by_role("link", name=LONG).first.click()
    page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=LONG).wait_for()
    seen = {"two": page.evaluate(TABS, 0), "many": page.evaluate(TABS, 10)}
    page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="START").click()
    return seen


def widths(page: Page) -> dict[int, dict[str, Any]]:
    """Width of the window -> what of START is too wide in it, and whether the list of files stands beside it.

    In the narrow one, `opened`, `chosen` and `afterwards` say the same of the list: once it was asked for, once a notebook was
    chosen from it, and once the window is as before.
    """
    files, tabs = page.locator("#jp-left-stack"), page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    found: dict[int, dict[str, Any]] = {}
    for width in (SIZE[0], 900, 400):
        page.set_viewport_size({"width": width, "height": SIZE[1]})
        stands = is_there(files, width > 400)
        page.evaluate(SETTLED)
        found[width] = {**page.evaluate(TOO_WIDE), "files": stands}
    if not stands:
        page.get_by_role("tab", name="File Browser").click()
    found[400]["opened"] = is_there(files, True)
    for name in ("notebooks", LONG):
        files.locator(".jp-DirListing-item", has_text=name).dblclick()
    page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current", has_text=LONG).wait_for()
    found[400]["chosen"] = is_there(files, False)
    page.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
    found[400]["afterwards"] = is_there(files, True)
    tabs.filter(has_text="START").click()
    return found


def is_there(place: Locator, expected: bool) -> bool:
    """Whether something can be seen; what is expected has some seconds to come true."""
    with suppress(PlaywrightError):
        place.wait_for(state="visible" if expected else "hidden", timeout=20_000)
    return place.is_visible()


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
        for number, packed in enumerate(handed.packed.values(), start=99):
            canvas.write(packed, f"lovelaceada_4711_{number}_{packed.name}")
    grader("roster", course / "class.csv", "--course", course)
    return grader("collect", course / "submissions.zip", "--course", course)


def graded(course: Path, unit: str) -> str:
    """The class, graded in the jail; the table."""
    return grader("autograde", unit, "--course", course, "--jobs", "1")


def bonus_given(course: Path) -> str:
    """The answer in words, read in the formgrader, and extra credit typed into its box; what the page says."""
    with in_browser.formgrader(course) as address, in_browser.window() as page:
        page.goto(address + in_browser.submission_page(course, IN_WORDS, STUDENT))
        page.wait_for_load_state("networkidle")
        box = f"#{QUESTION}_extra_credit"
        with page.expect_response(lambda response: "/api/grade/" in response.url and response.request.method == "PUT") as saved:
            page.fill(box, BONUS)
            page.press(box, "Tab")
        assert saved.value.ok
        return page.inner_text("body")


def came_back(course: Path) -> str:
    """The page that the student gets, as a browser shows it."""
    nbgrader(course, "generate_feedback", IN_WORDS)
    with in_browser.window() as page:
        page.goto((course / "feedback" / STUDENT / IN_WORDS / f"{UNITS[IN_WORDS].stem}.html").as_uri())
        return page.inner_text("body")


def row_of_table(course: Path) -> dict[str, str]:
    """The student's row in the table of grades."""
    grader("export", IN_WORDS, "--to", "csv", "--course", course)
    with (course / "exports" / f"{IN_WORDS}.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return row


def notebook_of(course: Path) -> Path:
    return course / "submitted" / STUDENT / UNIT / UNITS[UNIT].notebook
