"""The picture of a tape: what it shows without a script, on other pages, and step by step in a browser."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from autodiff_lib import figures
from autodiff_lib.tape_stepping import MAX_ENTRIES
from grader.submission.outputs import harmless_html
from tests.looks import TOO_FAINT, open_browser
from tests.test_tape_stepping import Engine, product, recorded, turned

SVG = "{http://www.w3.org/2000/svg}"


def drawn(kind=Engine):
    engine, names = recorded(kind)
    names["db"][:] = 0
    return figures.step_tape(engine, names=names)


def with_its_transpose():
    engine, x = Engine(), np.array([[1.0, 2.0], [3.0, 4.0]])
    view = x.T
    engine.add_operation([x], view, [None], turned)
    engine.add_operation([x, view], x @ view, [None, None], product)
    return figures.step_tape(engine, names={"x": x, "x.T": view, "y": engine.operation_list[1].outputs})


def picture(drawing):
    return ElementTree.fromstring(re.search("<svg.*</svg>", drawing.markup, re.DOTALL)[0])


def still(drawing):
    """Title -> the texts of each frame, and of each line of a ledger, that are seen where no script runs."""
    shown = {}
    for group in picture(drawing).findall(f"{SVG}g"):
        if group[0].tag == f"{SVG}title":
            hidden = {text for part in group.iter() if part.get("display") == "none" for text in part.iter()}
            shown[group[0].text] = [text.text for text in group.iter(f"{SVG}text") if text not in hidden]
    return shown


def test_without_a_script_the_picture_has_all_values_gradients_and_numbers_of_steps():
    assert still(drawn()) == {
        "1. added(a, b) → s": ["1. added(a, b) → s", "s = 3", "back: a 6, b 6", "6", "1"],
        "2. squared(s) → q": ["2. squared(s) → q", "q = 9", "back: s 6", "5", "2"],
        "3. added(q, a) → y": ["3. added(q, a) → y", "y = 11", "back: q 1, a 1", "4", "3"],
        "a": ["a:", "1 + 6 = 7"],
        "db": ["db:", "6"],
        "s": ["s:", "6"],
        "q": ["q:", "1"],
        "y": ["y:", "1"],
    }
    lit = [part for part in picture(drawn()).iter(f"{SVG}g") if part.get("data-from") and part.find(f"{SVG}rect[@data-lit]") is not None]
    assert len(lit) == 6
    assert all(part.get("display") == "none" for part in lit), "nothing is lit in a still picture"


def test_the_picture_is_described_for_who_does_not_see_it():
    root = picture(drawn())
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "a tape of 3 entries, in 7 steps"
    assert "added(a, b) gives s; squared(s) gives q; added(q, a) gives y" in root.find(f"{SVG}desc").text


def test_the_list_says_each_step():
    assert repr(drawn()).splitlines() == [
        "a tape of 3 entries, in 7 steps",
        "  1. Entry 1: added(a, b) gives s, 3. In the buffer, zeros for a. Handed in, to be added to: db.",
        "  2. Entry 2: squared(s) gives q, 9. In the buffer, zeros for s.",
        "  3. Entry 3: added(q, a) gives y, 11. In the buffer, zeros for q.",
        "  4. The way back begins at entry 3, added(q, a): the gradient of y is 1. Its backward function returns q: 1, a: 1. "
        "In the buffer now, a: 1, q: 1.",
        "  5. Entry 2, squared(s): the gradient of q is 1. Its backward function returns s: 6. In the buffer now, s: 6.",
        "  6. Entry 1, added(a, b): the gradient of s is 6. Its backward function returns a: 6, b: 6. In the buffer now, a: 1 + 6 = 7. "
        "Handed in now, db: 6.",
        "  7. In the end, a is 7; db is 6.",
    ]


def test_what_comes_out_wrong_is_said_beside_what_is_right():
    class Forwards(Engine):
        order = staticmethod(iter)

    assert repr(drawn(Forwards)).splitlines()[-1] == "  7. ✗ In the end, a is 1, expected 7; db is 0, expected 6; s is 0, expected 6."


def test_two_arrays_with_one_key_are_one_line_in_another_colour():
    shown = still(with_its_transpose())
    assert shown["x = x.T"] == ["x = x.T:", "[[8, 10], [10, 12]] + [[8, 10], [10, 12]] = [[16, 20], [20, 24]]"]
    ink = {text.text: text.get("fill") for text in picture(with_its_transpose()).iter(f"{SVG}text")}
    assert ink["x = x.T:"] != ink["y:"]


def test_large_arrays_are_told_by_their_shapes():
    engine, x, w, dw = Engine(), np.ones((64, 20)), np.ones((20, 5)), np.zeros((20, 5))
    engine.add_operation([x, w], x @ w, [None, dw], product)
    shown = still(figures.step_tape(engine, names={"x": x, "w": w, "dw": dw, "y": engine.operation_list[0].outputs}))
    assert shown["1. product(x, w) → y"][:3] == ["1. product(x, w) → y", "y: shape [64, 5]", "back: x shape [64, 20], w shape [20, 5]"]
    assert shown["x"] == ["x:", "shape [64, 20]"]


def test_the_list_survives_on_a_page_that_takes_neither_scripts_nor_pictures():
    page = harmless_html(drawn().markup)
    assert page.count("<li>") == 7
    assert "<code>1 + 6 = 7</code>" in page
    assert not re.search("script|querySelector|svg|button|slider", page)


def test_the_same_tape_gives_the_same_output_and_another_one_other_names():
    keys = [re.match('<div class="(tape-[0-9a-f]+)"', drawing.markup)[1] for drawing in (drawn(), drawn(), with_its_transpose())]
    assert drawn().markup == drawn().markup
    assert keys[0] == keys[1] != keys[2]
    for drawing, key in ((drawn(), keys[0]), (with_its_transpose(), keys[2])):
        assert all(name.startswith(key) for name in re.findall(r' id="([^"]+)"', drawing.markup))
        assert set(re.findall(r"url\(#([^)]+)\)", drawing.markup)) <= set(re.findall(r' id="([^"]+)"', drawing.markup))
        assert "@KEY@" not in drawing.markup
        assert re.findall(r"https?://[^\"' ]+|\bsrc=|\bhref=|import\b|fetch", drawing.markup) == ["http://www.w3.org/2000/svg"]


def test_names_are_escaped_wherever_they_stand():
    engine, names = recorded()
    drawing = figures.step_tape(engine, names={"</code><img>": names["a"], '<b>&"</script>': names["db"], "s": names["s"]})
    assert "<img>" not in drawing.markup
    assert drawing.markup.count("</script>") == 1
    ElementTree.fromstring(re.search("<svg.*</svg>", drawing.markup, re.DOTALL)[0])


def test_a_tape_that_is_too_long_to_be_looked_at_is_refused():
    with pytest.raises(ValueError, match=f"expected 1 to {MAX_ENTRIES}: record something small"):
        figures.step_tape(recorded()[0].operation_list * MAX_ENTRIES)


# --- in a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("tape") / "page.html"
    file.write_text(f"<!doctype html><meta charset='utf-8'><body>{drawn().markup}</body>", encoding="utf-8")
    with open_browser() as browser:
        page = browser.new_context(viewport={"width": 900, "height": 700}).new_page()
        page.on("pageerror", lambda error: pytest.fail(f"the script raised {error}"))
        page.goto(file.as_uri())
        yield page


SEEN = """(root, title) => {
    const seen = one => {
        for (; one; one = one.parentElement) if (getComputedStyle(one).display === "none") return false;
        return true;
    };
    const group = [...root.querySelectorAll("g > title")].find(one => one.textContent === title).parentElement;
    return [...group.querySelectorAll("text")].filter(seen).map(one => one.textContent);
}"""


def test_step_by_step_frames_are_filled_and_gradients_arrive(page):
    stepper = page.locator("[data-live]")

    def shown(title):
        return stepper.evaluate(SEEN, title)

    stepper.press("Home")
    assert (shown("1. added(a, b) → s"), shown("a")) == ([], [])
    stepper.get_by_role("button", name="one step on").click()
    assert (shown("1. added(a, b) → s"), shown("2. squared(s) → q")) == (["1. added(a, b) → s", "s = 3", "1"], [])
    assert (shown("a"), shown("s")) == (["a:", "0"], [])
    for _ in range(3):
        stepper.press("ArrowRight")
    assert (shown("a"), shown("s"), shown("y")) == (["a:", "1"], ["s:", "0"], ["y:", "1"])
    stepper.press("End")
    assert (shown("a"), shown("db")) == (["a:", "1 + 6 = 7"], ["db:", "6"])
    stepper.press("ArrowLeft")
    stepper.press("ArrowLeft")
    assert (shown("a"), shown("db")) == (["a:", "1"], ["db:", "0"])
    assert stepper.locator("li:visible").inner_text().startswith("Entry 2, squared(s): the gradient of q is 1.")


def test_every_text_can_be_read(page):
    page.locator("[data-live]").press("End")
    looked = page.evaluate(TOO_FAINT)
    assert looked["texts"] > 15
    assert looked["found"] == []
