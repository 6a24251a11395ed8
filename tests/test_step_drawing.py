"""The picture that can be stepped through: what it shows without a script, on other pages, and step by step in a browser."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import figures
from autodiff_lib.graph_drawing import MAX_DRAWN
from autodiff_lib.step_drawing import added, rounded, shown
from grader.submission.outputs import harmless_html
from tests.looks import TOO_FAINT, open_browser

SVG = "{http://www.w3.org/2000/svg}"
x = ad.Variable("x")
a = x * 2
b = a + 3
y = a * b
NAMES = {a: "a", b: "b", y: "y"}
RIGHT, TOO_EARLY = [x, a, b, y], [x, b, a, y]


def diamond(order=RIGHT):
    return figures.step([y], {x: torch.tensor(1.0)}, order=order, names=NAMES)


def picture(drawing):
    return ElementTree.fromstring(re.search("<svg.*</svg>", drawing.markup, re.DOTALL)[0])


def still(drawing):
    """Title -> the texts in each box that are seen where no script runs."""
    boxes = {}
    for box in picture(drawing).findall(f"{SVG}g"):
        if box[0].tag == f"{SVG}title":
            hidden = {text for part in box.iter() if part.get("display") == "none" for text in part.iter()}
            boxes[box[0].text] = [text.text for text in box.iter(f"{SVG}text") if text not in hidden]
    return boxes


def test_without_a_script_the_picture_has_all_values_gradients_and_numbers_of_steps(fresh_table):
    assert still(diamond()) == {
        "x": ["x", "= 1", "grad 14", "1"],
        "mul_by_const(x, c=2)": ["a = mul_by_const 2", "= 2", "grad 5 + 2 = 7", "2", "7"],
        "add_by_const(mul_by_const(x, c=2), c=3)": ["b = add_by_const 3", "= 5", "grad 2", "3", "6"],
        y.name: ["y = mul", "= 10", "grad 1", "4", "5"],
    }
    lit = [part for part in picture(diamond()).iter(f"{SVG}g") if part.get("data-from") and part.find(f"{SVG}rect[@data-lit]") is not None]
    assert len(lit) == 7
    assert all(part.get("display") == "none" for part in lit), "nothing is lit in a still picture"


def test_the_list_says_each_step_and_what_goes_wrong(fresh_table):
    assert repr(diamond(TOO_EARLY)).splitlines() == [
        "graph of 4 nodes (1 variables), 4 layers deep, in 8 steps",
        "  1. x is fed: 1.",
        "  2. ✗ b comes too early: it needs a, of which there is no value yet. An evaluator stops here; all the same, it is 5.",
        "  3. a is 2, from x.",
        "  4. y is 10, from a and b.",
        "  5. The way back begins at y, with 1. It hands 5 to a; 2 to b.",
        "  6. ✗ a has 5. Too early: b may still hand something to a. It hands 10 to x.",
        "  7. ✗ b has 2. It hands 2 to a, where it adds up: 5 + 2 = 7 (too late: a has handed on its gradient before).",
        "  8. ✗ What has arrived: 10 for x, but all ways together bring 14.",
    ]


def test_a_gradient_that_differs_from_what_arrived_is_said(fresh_table):
    def doubling(output_node, nodes):
        output_node.op.gradient(output_node, ad.ones_like(output_node) * 2)
        return [ad.ones_like(node) * 9 for node in nodes]

    said = repr(figures.step([x * x], {x: 3.0}, order=[x, x], gradients=doubling))
    assert "✗ mul has received 1 so far, but is asked with 2." in said
    assert "✗ gradients returns 9 for x, but all ways together bring 6 (in the steps, 12 has arrived)." in said


def test_a_way_of_its_own_that_comes_out_right_is_no_mistake(fresh_table):
    def way_by_way(output_node, nodes):
        found, todo = {}, [(output_node, ad.ones_like(output_node))]
        while todo:
            node, grad = todo.pop(0)
            found[node] = found[node] + grad if node in found else grad
            todo += zip(node.inputs, node.op.gradient(node, grad), strict=True)
        return [found[node] for node in nodes]

    drawing = figures.step([y], {x: 1.0}, order=lambda nodes: RIGHT, gradients=way_by_way, names=NAMES)
    for said in (
        "a has 5. b may still hand something to a. It hands 10 to x.",
        "a has received 7 so far, but is asked with 2.",
        "14 for x.",
    ):
        assert said in repr(drawing)
    assert "✗" not in repr(drawing)


def test_the_list_survives_on_a_page_that_takes_neither_scripts_nor_pictures(fresh_table):
    page = harmless_html(diamond(TOO_EARLY).markup)
    assert page.count("<li>") == 8
    assert "<code>5 + 2 = 7</code>" in page
    assert not re.search("script|querySelector|svg|button|slider", page)


def test_the_same_graph_gives_the_same_output_and_another_one_other_names(fresh_table):
    keys = [re.match('<div class="(steps-[0-9a-f]+)"', diamond(order).markup)[1] for order in (RIGHT, RIGHT, TOO_EARLY)]
    assert diamond().markup == diamond().markup
    assert keys[0] == keys[1] != keys[2]
    for order, key in zip((RIGHT, TOO_EARLY), keys[1:], strict=True):
        markup = diamond(order).markup
        assert all(name.startswith(key) for name in re.findall(r' id="([^"]+)"', markup))
        assert set(re.findall(r"url\(#([^)]+)\)", markup)) <= set(re.findall(r' id="([^"]+)"', markup))
        assert "@KEY@" not in markup


def test_nothing_is_fetched_from_anywhere(fresh_table):
    assert re.findall(r"https?://[^\"' ]+|\bsrc=|\bhref=|import\b|fetch", diamond().markup) == ["http://www.w3.org/2000/svg"]


def test_names_are_escaped_wherever_they_stand(fresh_table):
    evil = ad.Variable('<b>&"</script>')
    drawing = figures.step([evil + 1], {evil: 1.0}, order=lambda nodes: [evil], names={evil: "</code><img>"})
    assert "<img>" not in drawing.markup
    assert drawing.markup.count("</script>") == 1
    ElementTree.fromstring(re.search("<svg.*</svg>", drawing.markup, re.DOTALL)[0])


def test_a_large_graph_is_counted_not_drawn(fresh_table):
    top = x
    for _ in range(MAX_DRAWN):
        top = top * x
    drawing = figures.step([top], {})
    assert "<svg" not in drawing.markup
    assert "More than 60 nodes are counted, not drawn; pass nodes from inside the graph" in drawing.markup


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.tensor(-0.0), "0"),
        (torch.tensor(2e-17), "0"),
        (torch.tensor([[1 / 3]]), "0.3333"),
        (torch.tensor(float("nan")), "nan"),
        (torch.tensor([1.0, -2.5]), "[1, -2.5]"),
        (torch.tensor([[[1.0, 2.0], [3.0, 1e-9]]]), "[[1, 2], [3, 0]]"),
        (torch.zeros(2, 2, 3), "[[[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]"),
        (torch.zeros(5, 3), "shape [5, 3]"),
    ],
)
def test_few_numbers_are_written_out_and_rounding_is_not(value, text):
    assert shown(value) == text


def test_a_sum_shows_its_terms_where_there_is_room():
    two = [torch.tensor(5.0), torch.tensor(-2.0)]
    assert added(two) == "5 + (-2) = 3"
    assert added(two[:1]) == "5"
    assert added([torch.ones(3, 5)] * 2) == "2 parts, together shape [3, 5]"
    assert rounded(1234567.0) == "1.235e+06"


# --- in a browser


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def open_page(browser, tmp_path):
    pages = []

    def show(*drawings, script=True):
        body = "".join(f"<section>{drawing.markup}</section>" for drawing in drawings)
        (tmp_path / "page.html").write_text(f"<!doctype html><meta charset='utf-8'><body>{body}</body>", encoding="utf-8")
        context = browser.new_context(java_script_enabled=script, viewport={"width": 900, "height": 700})
        pages.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: pytest.fail(f"the script raised {error}"))
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield show
    for context in pages:
        context.close()


SEEN = """
const seen = one => {
    for (; one; one = one.parentElement) if (getComputedStyle(one).display === "none") return false;
    return true;
};"""
"""Whether an element of the page is shown: `checkVisibility` does not look above what is inside of a picture."""


def lit(stepper):
    """The title of the box whose surroundings are lit."""
    return stepper.evaluate(
        f"root => {{ {SEEN}"
        + """
        const glow = [...root.querySelectorAll("[data-lit]")].find(seen);
        if (!glow) return null;
        const {x, y, width, height} = glow.getBBox();
        return [...root.querySelectorAll("g > title")].find(title => {
            const box = title.parentElement.querySelector("rect").getBBox();
            return x < box.x && y < box.y && box.x + box.width < x + width && box.y + box.height < y + height;
        }).textContent;
    }"""
    )


def gradient_in(stepper, title):
    """The line of a box that tells its gradient."""
    return stepper.evaluate(
        f"(root, title) => {{ {SEEN}"
        + """
        const box = [...root.querySelectorAll("g > title")].find(one => one.textContent === title).parentElement;
        const texts = [...box.querySelectorAll("text")].filter(seen).map(one => one.textContent);
        return texts.find(text => text.startsWith("grad")) ?? null;
    }""",
        title,
    )


A, B = "mul_by_const(x, c=2)", "add_by_const(mul_by_const(x, c=2), c=3)"


def test_button_keys_and_slider_light_one_node_after_the_other_and_gradients_add_up(fresh_table, open_page):
    stepper = open_page(diamond()).locator("[data-live]")
    on, back = (stepper.get_by_role("button", name=f"one step {way}") for way in ("on", "back"))
    slider = stepper.locator("input")
    assert (lit(stepper), gradient_in(stepper, A)) == (None, None)
    assert stepper.locator("p").is_visible()
    on.click()
    on.click()
    assert (lit(stepper), gradient_in(stepper, A)) == (A, None)
    for _ in range(3):
        stepper.press("ArrowRight")
    assert gradient_in(stepper, A) == "grad 5"
    stepper.press("ArrowRight")
    assert (lit(stepper), gradient_in(stepper, A)) == (B, "grad 5 + 2 = 7")
    assert stepper.locator("li:visible").inner_text() == "b has 2. It hands 2 to a, where it adds up: 5 + 2 = 7."
    back.click()
    assert gradient_in(stepper, A) == "grad 5"
    slider.fill("7")
    assert (lit(stepper), gradient_in(stepper, "x")) == (A, "grad 14")
    slider.press("ArrowLeft")
    assert slider.input_value() == "6", "a key on the slider takes one step, not two"
    stepper.press("End")
    stepper.press("ArrowRight")
    assert (slider.input_value(), slider.get_attribute("aria-valuetext"), lit(stepper)) == ("8", "8 of 8", None)
    stepper.press("Home")
    back.click()
    assert (slider.input_value(), lit(stepper), gradient_in(stepper, "x")) == ("0", None, None)


def test_two_on_one_page_step_by_themselves_and_leave_no_names_behind(fresh_table, open_page):
    page = open_page(diamond(), diamond(), diamond(TOO_EARLY))
    steppers = page.locator("[data-live]")
    assert steppers.count() == 3
    steppers.nth(1).press("ArrowRight")
    steppers.nth(2).press("End")
    assert [steppers.nth(place).locator("input").input_value() for place in range(3)] == ["0", "1", "8"]
    fresh = open_page()
    assert page.evaluate("Object.getOwnPropertyNames(window).length") == fresh.evaluate("Object.getOwnPropertyNames(window).length")


def test_a_stepper_can_be_reached_with_the_keyboard_and_says_what_it_is(fresh_table, open_page):
    page = open_page(diamond())
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    stepper = page.locator("[data-live]")
    assert lit(stepper) == "x"
    assert page.get_by_role("group", name="graph of 4 nodes (1 variables), 4 layers deep, in 8 steps").count() == 1
    assert page.get_by_role("slider", name="step").count() == 1
    assert stepper.get_attribute("data-lm-suppress-shortcuts") == "true", "JupyterLab folds headings with the arrow keys"


def test_a_wide_graph_is_scrolled_to_what_is_lit(fresh_table, open_page):
    top, order = x, [x]
    for _ in range(12):
        top = top * x
        order.append(top)
    page = open_page(figures.step([top], {x: 1.0}, order=order))
    stepper = page.locator("[data-live]")
    frame = stepper.locator("div").first
    assert frame.evaluate("one => one.scrollWidth > one.clientWidth"), "else there is nothing to scroll"
    stepper.locator("input").fill("13")
    inside = (
        f"frame => {{ {SEEN}"
        + """
        const lit = [...frame.querySelectorAll("[data-lit]")].find(seen).getBoundingClientRect();
        const view = frame.getBoundingClientRect();
        return view.left <= lit.left && lit.right <= view.right;
    }"""
    )
    assert frame.evaluate(inside)
    stepper.press("Home")
    stepper.press("ArrowRight")
    assert frame.evaluate(inside)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself is not scrolled"


def test_on_paper_everything_is_there_and_afterwards_the_step_of_before(fresh_table, open_page):
    page = open_page(diamond())
    stepper = page.locator("[data-live]")
    stepper.press("ArrowRight")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert stepper.locator("li:visible").count() == 8
    assert gradient_in(stepper, "x") == "grad 14"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert (lit(stepper), stepper.locator("li:visible").count()) == ("x", 1)


def test_where_no_script_runs_there_are_no_buttons_and_all_steps_are_listed(fresh_table, open_page):
    page = open_page(diamond(), script=False)
    assert page.locator("button, input").count() == 0
    assert page.locator("li:visible").count() == 8
    assert page.locator("text", has_text="grad 5 + 2 = 7").is_visible()
    assert page.get_by_text("Forward in 4 steps, then the way back, in 3.").is_visible()


def test_every_text_can_be_read(fresh_table, open_page):
    page = open_page(diamond(TOO_EARLY))
    page.locator("[data-live]").press("End")
    looked = page.evaluate(TOO_FAINT)
    assert looked["texts"] > 15
    assert looked["found"] == []
