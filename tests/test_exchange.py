"""nbgrader's exchange in a student's JupyterLab: the list of assignments and Validate, in a real browser."""

import os
import re

import nbformat
import pytest
from typer.testing import CliRunner

from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors import in_browser
from grader.authors.in_browser import CHROMIUM
from grader.book.nbgrader_course import filled_in, solutions
from tests.laptop import TERM, exchange_with, laptop

UNIT, EXERCISE = "01_operators", "div"
NOTEBOOK = UNITS[UNIT].notebook

pytestmark = pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="NO CHROMIUM HERE: apt install chromium")


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A laptop with a handout that names an exchange; in its notebook the first exercise is written, in the open JupyterLab."""
    folder = tmp_path_factory.mktemp("exchange")
    exchange = exchange_with(UNIT, folder / "exchange")
    (folder / "course.toml").write_text(f'term = "{TERM}"\nexchange = "{exchange}"\ncourse_id = "cs1"\n')
    made = CliRunner().invoke(app, ["handout", UNIT, "--to", str(folder / "handout.zip"), "--course", str(folder)])
    assert made.exit_code == 0, made.output
    mine = laptop(folder / "handout.zip", folder / "laptop")
    with in_browser.jupyterlab(["sh", "start.sh"], mine.folder, mine.environment) as address, in_browser.window() as page:
        page.goto(address)
        in_browser.notebook(page)
        path = mine.work / UNIT / NOTEBOOK
        written = filled_in(nbformat.read(path, as_version=4), {EXERCISE: solutions(UNIT)[EXERCISE]})
        nbformat.write(written, path)
        yield mine, exchange, page


def test_the_list_of_assignments_hands_in_what_the_student_has_written(there):
    mine, exchange, page = there
    page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Assignment List").click()
    with page.expect_response(lambda response: "/assignments/submit" in response.url) as done:
        page.get_by_role("button", name="Submit", exact=True).click()
    assert done.value.json()["success"]
    page.get_by_text(re.compile(r"^\s*\d{4}-\d\d-\d\d .*UTC")).first.wait_for()
    (handed_in,) = (exchange / "cs1" / "inbound").iterdir()
    assert (handed_in / NOTEBOOK).read_bytes() == (mine.work / UNIT / NOTEBOOK).read_bytes()
    assert solutions(UNIT)[EXERCISE] in [one.source for one in nbformat.read(handed_in / NOTEBOOK, as_version=4).cells]
    assert not (mine.folder / UNIT).exists()


def test_validate_names_the_checks_that_do_not_pass_and_none_that_do(there):
    _, _, page = there
    page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="START").click()
    page.get_by_role("link", name=UNIT).first.click()
    page.get_by_role("heading", name="Unit 1").wait_for()
    in_browser.notebook(page)
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Toolbar").get_by_text("Validate", exact=True).click()
    said = page.locator(".jp-Dialog")
    said.get_by_text("Validation Results").wait_for()
    failed = re.findall(r'check\("(\w+)"\)', said.inner_text())
    assert failed == [name for name in UNITS[UNIT].exercises if name != EXERCISE]
