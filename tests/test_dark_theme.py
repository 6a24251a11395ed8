"""JupyterLab's dark theme: with the course's style, reports are read as well as on a light page, and figures are as wide as they may be."""

import json
import re
from base64 import b64decode
from struct import unpack

import nbformat
import numpy as np
import pytest

import autodiff_lib as ad
from autodiff_lib import checks
from autodiff_lib.checks.question import Failure, PartVerdict, Verdict
from autodiff_lib.checks.report import GREEN, GREY, RED, Overview, Score, matrix_html
from autodiff_lib.checks.report import picture as shown
from autodiff_lib.figures import WIDEST
from autodiff_lib.graph_drawing import MAX_DRAWN, draw_graph
from autodiff_lib.hunts import report as hunted
from autodiff_lib.student import lab, picture, standing
from grader.authors.authoring import committed
from tests.looks import TOO_FAINT, open_browser

UNIT = "01_operators"
PAGE = """<!doctype html><meta charset="utf-8"><style>{style}</style>
<body data-jp-theme-light="{light}" style="background:{paper};color:{ink}">{outputs}</body>"""


@pytest.fixture(scope="module")
def browser():
    with open_browser() as one:
        yield one


def wrong():
    got = np.array([[1.0, -2.0], [3.0, 4.0]])
    failure = Failure("[2, 2]", "wrong", "It is wrong.", "Why?", got=got, expected=got + np.eye(2), inputs={"a": got})
    return PartVerdict("gradient", 0, 1, 3, 4, failure)


def outputs():
    """What a notebook shows in colours of its own."""
    missing = PartVerdict("compute", 0, 1, 0, 4, Failure("", "missing", ""))
    right = PartVerdict("compute", 1, 1, 4, 4, None)
    question = checks.questions(UNIT)["div"]
    verdicts = [Verdict("div", 1, parts) for parts in ((right, wrong()), (right,), (missing,))]
    states = standing.of_states(UNIT, {state: state for state in picture.MARKS}, 0, 1)
    chain = ad.Variable("x")
    for _ in range(MAX_DRAWN):
        chain = ad.exp(chain)
    lines = (hunted.done("Seen."), hunted.failing("Not seen.", "Where?"), hunted.waiting("Later."))
    made = [*(Score(verdict, question) for verdict in verdicts), Score(verdicts[1], question, "It is old."), Overview(verdicts)]
    return [*made, picture.Progress([states], "Next."), draw_graph([chain]), hunted.Report("mean", lines)]


def opened(browser, light):
    style, (paper, ink) = lab.STYLE, ("#fff", "#111") if light else ("#111", "#fff")
    inside = "".join(f'<div class="jp-RenderedHTML">{one._repr_html_()}</div>' for one in outputs())
    page = browser.new_page()
    page.set_content(PAGE.format(style=style, light=json.dumps(light), paper=paper, ink=ink, outputs=inside))
    return page


@pytest.mark.parametrize("light", [True, False])
def test_all_text_of_reports_stands_out_from_the_page(light, browser):
    looked = opened(browser, light).evaluate(TOO_FAINT)
    assert looked["texts"] > 60
    assert not looked["found"]


def test_colours_of_reports_are_as_they_were_made_under_a_light_theme_and_none_of_them_under_a_dark_one(browser):
    made = {f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})" for colour in (GREEN, RED, GREY)}
    used = "() => [...document.querySelectorAll('div, span, td')].map(one => getComputedStyle(one).color)"
    assert made <= {*opened(browser, True).evaluate(used)}
    assert not made & {*opened(browser, False).evaluate(used)}


def test_the_numbers_of_a_report_are_no_bright_boxes_on_a_dark_page(browser):
    for light, expected in ((True, "none"), (False, "invert(0.93) hue-rotate(180deg)")):
        number = opened(browser, light).locator("td", has_text=re.compile("^-2$")).first
        assert number.evaluate("one => getComputedStyle(one).filter") == expected


# --- a narrow window


def test_a_wide_matrix_is_scrolled_inside_of_its_report(browser):
    page = browser.new_page(viewport={"width": 400, "height": 600})
    page.set_content(matrix_html(shown("a", np.full((2, 8), 0.12345)), 0, 1))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator("div", has=page.locator("table")).last.evaluate("one => one.scrollWidth > one.clientWidth"), "else it is not wide"


def notebooks():
    return {path.stem: nbformat.read(path, 4) for path in committed()}


def test_no_figure_is_so_wide_that_a_narrow_window_makes_its_letters_too_small():
    for name, notebook in notebooks().items():
        for cell in notebook.cells:
            for width in re.findall(r"figsize=\(([0-9.]+)", cell.source):
                assert float(width) <= WIDEST, f"{name}, {cell.id}: {width} inches"
            for output in cell.get("outputs", []):
                if png := output.get("data", {}).get("image/png"):
                    (width,) = unpack(">I", b64decode(png)[16:20])
                    assert width <= 110 * WIDEST, f"{name}, {cell.id}: {width} pixels"
