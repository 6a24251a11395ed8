"""Pages made of hostile submissions hold nothing that runs, loads, links, hides or imitates, for a parser and for a browser.

All of this corpus stands in one submission a unit: each attack in cells of its own.
"""

import json
import os
import re
from pathlib import Path

import nbgrader
import pytest
from bs4 import BeautifulSoup
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autodiff_lib.units import UNITS
from grader.book import feedback
from grader.book.nbgrader_course import ROOT, settings
from grader.submission import outputs
from grader.submission.jail import Session, bubblewrap, open_jail
from grader.submission.limits import Limits
from tests import corpora, looks
from tests.redteam.pages import ELSEWHERE, FORGED, PAGES
from tests.redteam.submissions import ENGINE, LEAK, LM, MARKER, OPS

pytestmark = pytest.mark.skipif(bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")

STUDENT = "all-of-them"
FORMGRADER = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
BASE = "http://formgrader.invalid"


def cells_of(hostile):
    return json.loads(hostile.files()[UNITS[hostile.unit].notebook])["cells"]


def is_attack(cell):
    return "nbgrader" not in cell["metadata"] and "export" not in cell["metadata"].get("tags", [])


def all_in_one(unit):
    """One notebook with the cells of every attack; of a unit's answers in words, one answer with all of them."""
    hostile = [page for page in PAGES if page.unit == unit]
    (base,) = [page for page in hostile if page.name == "page_judged"] or hostile[:1]
    notebook = json.loads(base.files()[UNITS[unit].notebook])
    if unit == OPS:
        notebook["cells"] += [cell for page in hostile if page is not base for cell in cells_of(page) if is_attack(cell)]
    else:
        words = [cell for page in hostile for cell in cells_of(page) if cell["metadata"].get("nbgrader", {}).get("grade_id") == WORDS]
        (place,) = [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == WORDS]
        place["source"] = "\n\n".join(cell["source"] for cell in words)
    return json.dumps(notebook)


WORDS = "kv_cache_written"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Graded by this grader, its feedback made by nbgrader with this repository's configuration."""
    folder = corpora.empty_course(tmp_path_factory.mktemp("pages") / "course", OPS, LM)
    (folder / "limits.toml").write_text("[default]\ncell_seconds = 10\n")
    config = settings(ROOT)
    config.CourseDirectory.root = str(folder)
    for unit in (OPS, LM):
        coursedir = CourseDirectory(config=config, assignment_id=unit)
        path = folder / "submitted" / STUDENT / unit / UNITS[unit].notebook
        path.parent.mkdir(parents=True)
        path.write_text(all_in_one(unit))
        corpora.autograde(folder, unit)
        GenerateFeedback(coursedir=coursedir, config=config).start()
    return folder


def feedback_page(course, unit):
    return (course / "feedback" / STUDENT / unit / UNITS[unit].notebook).with_suffix(".html").read_text()


def formgrader_page(course, unit):
    """As nbgrader's server makes it of the graded notebook."""
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    names = ("assignment_id", "notebook_id", "submission_id", "student", "last_name", "first_name", "notebook_path")
    resources = {**dict.fromkeys(names, "x"), "index": 0, "total": 1, "base_url": BASE}
    path = course / "autograded" / STUDENT / unit / UNITS[unit].notebook
    return feedback.GradersExporter(config=config).from_filename(str(path), resources=resources)[0]


VIEWS = {"feedback": feedback_page, "formgrader": formgrader_page}
everywhere = pytest.mark.parametrize(("view", "unit"), [(view, unit) for view in VIEWS for unit in (OPS, LM)])

IN_REPORTS = {"div", "span", "b", "table", "tr", "td", "tbody", "svg", "defs", "marker", "path", "g", "title", "rect", "text"}
ATTACKS = re.compile(f"{re.escape(ELSEWHERE)}|{re.escape(MARKER)}|script:|href\\{{|srcdoc|alert", re.IGNORECASE)


def assert_elements(part, tags, attributes):
    """Of these tags alone, with the attributes that each may have."""
    for element in part.find_all(True):
        assert element.name in tags, element
        assert set(element.attrs) <= attributes.get(element.name, set()), element


@everywhere
def test_what_a_student_sent_is_text_and_the_elements_of_the_list(course, view, unit):
    page = BeautifulSoup(VIEWS[view](course, unit), "html.parser")
    parts = page.select(".tex2jax_ignore")
    assert len(parts) >= (30 if unit == OPS else 7)
    for part in parts:
        if part.find(style=re.compile("^border-left")):  # the judge's report: its style is ours, what it repeats is not
            assert {element.name for element in part.find_all(True)} <= IN_REPORTS
            assert not [value for element in part.find_all(True) for value in map(str, element.attrs.values()) if ATTACKS.search(value)]
        else:
            in_words = {"pre": {"style"}} if part.find(style="white-space:pre-wrap") else {}
            assert_elements(part, outputs.TAGS, {**outputs.ATTRIBUTES, **in_words})
        part.extract()
    for text in page.select("pre"):
        assert_elements(text, {"span", "a"}, {"span": {"class", "style"}, "a": {"class"}})
        assert all(re.fullmatch(r"(color|background-color): rgb\([0-9,]+\)", span["style"]) for span in text.find_all(style=True))
        text.extract()
    rest = re.sub(r"data:image/\w+;base64,[\w+/=]+", "", str(page))
    assert not ATTACKS.search(rest.replace("javascript:void(0)", "")), ATTACKS.search(rest)
    assert FORGED not in rest


def test_the_feedback_page_has_no_script_and_a_policy_that_allows_none(course):
    for unit in (OPS, LM):
        page = BeautifulSoup(feedback_page(course, unit), "html.parser")
        assert [meta["content"] for meta in page.find_all("meta", attrs={"http-equiv": True})] == [feedback.POLICY]
        before = page.find("meta", attrs={"http-equiv": True}).find_all_previous(["style", "link", "script", "img", "body"])
        assert not before, "the policy comes first"
        assert not page.find_all(["script", "link", "iframe", "base", "form", "object"])
        addresses = {element[name] for name in ("src", "href") for element in page.find_all(attrs={name: True})}
        assert all(address.startswith(("#", "data:image/png;", "data:image/jpeg;", "data:image/gif;")) for address in addresses)


def test_what_there_is_to_read_is_still_there(course):
    page = BeautifulSoup(feedback_page(course, LM), "html.parser")
    words = page.select_one("blockquote > pre").get_text()
    for typed in (
        r"$\href{http://192.0.2.1}{x}$",
        "# ✓ kv_cache: 3 of 3 points",
        "</blockquote></div></div><h1>",
        "| a | b |",
        "<!-- a comment -->",
    ):
        assert typed in words
    assert "What the student wrote" in page.get_text()
    assert page.find_all("math"), "formulas of our own are set"
    printed = BeautifulSoup(feedback_page(course, OPS), "html.parser").get_text()
    assert "</pre></div><script>document.title=" in printed


REFERENCES = [page for page in PAGES if page.unit == ENGINE]


PLANTED = 'planted = "".join(["#" * 300, "class Mat", "MulOp(ad.", "Op):"])'


def finds(outcome):
    """What such an attack has found. It has looked everywhere, or was kept out."""
    shown = "".join(output["text"] for output in outcome["outputs"] if output.get("name") == "stdout")
    kept_out = any(output.get("ename") == "PermissionError" for output in outcome["outputs"])
    assert kept_out or shown.strip().endswith("looked everywhere"), outcome
    told = [line.split(LEAK)[1].split(maxsplit=1)[1:] for line in shown.splitlines() if LEAK in line]
    return [text for text in told if text not in (["None"], ["[]"])], kept_out


@pytest.mark.parametrize("hostile", REFERENCES, ids=lambda hostile: hostile.name)
def test_no_way_to_a_text_finds_the_reference(hostile, engine_jail):
    """Each finds a text that was put there to be found, so it would find the reference's."""
    given, attacks = [[cell["source"] for cell in cells_of(hostile) if is_attack(cell) == whether] for whether in (False, True)]
    for planted in ([], [PLANTED]):
        with Session(engine_jail, {}) as session:
            for cell in [given[0], *planted]:
                assert session.run(cell)["status"] == "ok"
            found, kept_out = finds(session.run(*attacks))
            assert kept_out or bool(found) == bool(planted), found


@pytest.fixture(scope="module")
def engine_jail():
    with open_jail(ENGINE, Limits(cell_seconds=120)) as jail:
        yield jail


# --- in a browser

WHAT_IS_WRONG = """ours => {
    const wrong = [];
    for (const element of document.querySelectorAll("body *")) {
        if (element.closest(ours)) continue;
        const shown = element.outerHTML.slice(0, 99);
        if (["fixed", "sticky"].includes(getComputedStyle(element).position)) wrong.push("over the page: " + shown);
        if (element.matches("iframe, object, embed, form, base, meta, portal, video, audio, dialog")) wrong.push(element.tagName);
        if (element.matches("[href], [src]") && !/^(#|data:image)/.test(element.getAttribute("href") || element.getAttribute("src")))
            wrong.push("an address: " + shown);
        for (const attribute of element.attributes) if (attribute.name.startsWith("on")) wrong.push("a handler: " + attribute.name);
    }
    return wrong;
}"""


@pytest.fixture(scope="module")
def browser():
    with looks.open_browser() as browser:
        yield browser


@everywhere
def test_in_a_browser_nothing_runs_loads_or_lies_over_the_page(course, browser, view, unit):
    address, asked = f"{BASE}/page", []

    def answer(route):
        url = route.request.url
        static = FORMGRADER / "static" / url.removeprefix(f"{BASE}/formgrader/static/").split("?")[0]
        if url == address:
            route.fulfill(body=VIEWS[view](course, unit), content_type="text/html; charset=utf-8")
        elif url.startswith(f"{BASE}/formgrader/static/") and static.is_file():
            route.fulfill(path=static)
        else:
            asked.append(url)
            route.abort()

    page = browser.new_page()
    page.route("**/*", answer)
    page.goto(address)
    page.wait_for_timeout(500)
    nbgraders = {url for url in asked if url.startswith(f"{BASE}/formgrader/")}
    assert set(asked) - (nbgraders if view == "formgrader" else set()) == set()
    assert page.title() != MARKER
    # nbgrader's own navigation, and the elements that its page has at its end
    assert page.evaluate(WHAT_IS_WRONG, "nav.navbar, .help, #statusmessage, .panel-heading, .tooltip") == []
    if view == "feedback":
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, "a telephone shows it without scrolling sideways"
    page.close()


RAW = f"""
<script>document.title = "{MARKER}"</script><script src="http://{ELSEWHERE}/a.js"></script><img src=x onerror="document.title = '{MARKER}'">
<iframe src="javascript:parent.document.title = '{MARKER}'"></iframe><iframe srcdoc="<script>parent.document.title = '{MARKER}'</script>"></iframe>
<link rel=stylesheet href="http://{ELSEWHERE}/b.css"><style>@import url("http://{ELSEWHERE}/c.css"); body {{ background: url(http://{ELSEWHERE}/d.png) }}</style>
<img src="http://{ELSEWHERE}/e.png"><object data="http://{ELSEWHERE}/f"></object><video src="http://{ELSEWHERE}/g"></video>
<a id=run href="javascript:void(document.title = '{MARKER}')">x</a><form action="http://{ELSEWHERE}/h"><button id=send>x</button></form>
"""  # noqa: E501


@pytest.mark.parametrize("policy", [True, False])
def test_the_policy_holds_where_nothing_else_does(browser, course, policy):
    """What would run and load without it, on the same page, does not with it."""
    address, asked = f"{BASE}/page", []
    content = feedback_page(course, OPS).replace("</body>", f"{RAW}</body>")
    assert RAW in content
    content = content if policy else content.replace(feedback.POLICY, "")

    def answer(route):
        if route.request.url == address:
            route.fulfill(body=content, content_type="text/html; charset=utf-8")
        else:
            asked.append(route.request.url)
            route.abort()

    page = browser.new_page()
    page.route("**/*", answer)
    page.goto(address)
    page.dispatch_event("#run", "click")
    page.wait_for_timeout(200)
    title = page.title()  # before the form takes the page away
    page.dispatch_event("#send", "click")
    page.wait_for_timeout(200)
    seen = (title == MARKER, any(ELSEWHERE in url for url in asked))
    assert seen == ((False, False) if policy else (True, True))
    page.close()
