"""Pictures of graphs: what is drawn, told apart, labelled, and when a graph is counted instead."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

import autodiff_lib as ad
from autodiff_lib.figures import beside, draw_graph
from autodiff_lib.graph_drawing import MAX_DRAWN

x1, x2 = ad.Variable("x1"), ad.Variable("x2")


def boxes(drawing):
    """Title -> (x, y, width, height, attributes) of each box."""
    root = ElementTree.fromstring(drawing.markup)
    found = {}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        title, rect = group[0].text, group[1].attrib
        found[title] = (*(float(rect[key]) for key in ("x", "y", "width", "height")), rect)
    return found


def test_every_node_is_a_box_left_of_its_consumers(solved):
    y = x1 * x2 + x1
    drawing = draw_graph([y, *ad.gradients(y, [x1, x2])])
    drawn = boxes(drawing)
    assert drawing.markup.count("<rect") == 12
    assert drawn["x1"][0] < drawn["mul(x1, x2)"][0] < drawn["add(mul(x1, x2), x1)"][0]


def test_forward_and_gradient_nodes_are_told_apart_without_colour(solved):
    y = x1 * x2 + x1
    drawing = draw_graph([y, *ad.gradients(y, [x1])])
    dashed = {title for title, box in boxes(drawing).items() if "stroke-dasharray" in box[4]}
    assert "mul(x1, x2)" not in dashed
    assert any("ones_like" in title for title in dashed)
    assert float(boxes(drawing)["add(mul(x1, x2), x1)"][4]["stroke-width"]) > 2, "outputs are framed"


@pytest.mark.parametrize("seed", range(20))
def test_no_two_boxes_overlap_whatever_the_graph(seed):
    random = torch.Generator().manual_seed(seed)
    nodes = [x1, x2]
    for _ in range(30):
        a, b = (nodes[int(torch.randint(len(nodes), (), generator=random))] for _ in range(2))
        nodes.append(a + b)
    drawn = draw_graph(nodes)
    (root,) = ElementTree.fromstring(drawn.markup)
    rects = [[float(r.attrib[k]) for k in ("x", "y", "width", "height")] for r in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(rects) == len(set(nodes))
    for i, (ax, ay, aw, ah) in enumerate(rects):
        for bx, by, bw, bh in rects[i + 1 :]:
            assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    width, height = (float(root.attrib["viewBox"].split()[i]) for i in (2, 3))
    assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height for x, y, w, h in rects)


def test_values_and_shapes_are_shown_where_they_fit():
    a, row = ad.Variable("a"), ad.Variable("row")
    drawing = draw_graph([ad.sum_op(a * row, (0, 1))], {a: torch.ones(2, 3), row: torch.full((3,), 2.0)})
    assert "[2, 3]" in drawing.markup
    assert "= 12" in drawing.markup
    assert "<title>mul(a, row): [2, 3]</title>" in drawing.markup, "an edge says what flows along it"


def test_values_may_be_numbers_and_arrays_and_what_is_neither_is_named():
    drawing = draw_graph([x1 * x2], {x1: 2.0, x2: np.full((), 3.0)})
    assert "= 6" in drawing.markup
    with pytest.raises(TypeError, match="the value of x1 must be a torch.Tensor, a NumPy array or a number, got str"):
        draw_graph([x1 * x2], {x1: "2", x2: 3})


def edges(drawing):
    """(colour, path) of each edge."""
    root = ElementTree.fromstring(drawing.markup)
    return [(path.attrib["stroke"], path.attrib["d"]) for path in root.iter("{http://www.w3.org/2000/svg}path") if "stroke" in path.attrib]


@pytest.mark.parametrize("twice", [lambda: x1 + x1, lambda: x1 * x1, lambda: (x1 + x2) - (x1 + x2) * 2 + x1 * x1])
def test_two_edges_never_lie_on_each_other(twice):
    drawn = [path for _, path in edges(draw_graph([twice()]))]
    assert len(set(drawn)) == len(drawn)


def test_edges_that_carry_a_shape_alone_are_faint_and_can_be_left_out(solved):
    y = x1 * x2 + x1
    graph = [y, *ad.gradients(y, [x1])]
    colours = [colour for colour, _ in edges(draw_graph(graph))]
    without = [colour for colour, _ in edges(draw_graph(graph, shape_edges=False))]
    ink = colours[0]
    assert set(without) == {ink}
    assert without == [colour for colour in colours if colour == ink]
    assert len(colours) - len(without) == 4, "of ones_like and three times unbroadcast"


def test_who_does_not_see_the_picture_is_told_what_it_shows():
    (root,) = ElementTree.fromstring(draw_graph([x1 * x2]).markup)
    assert root.attrib["role"] == "img"
    assert [part.text for part in root[:2]] == [
        "graph of 3 nodes (2 variables), 2 layers deep",
        "A graph from left to right, from its variables to mul(x1, x2)",
    ]


def test_a_wide_graph_is_scrolled_before_its_letters_are_too_small_to_read():
    chain = x1
    for _ in range(MAX_DRAWN - 1):
        chain = ad.exp(chain)
    frame = ElementTree.fromstring(beside({"a chain": draw_graph([chain])}).markup)
    assert "min-width:0" in frame[0].attrib["style"], "beside a title it may be narrower than its picture"
    scrolled = frame[0][1]
    picture = scrolled[0]
    assert "overflow-x:auto" in scrolled.attrib["style"]
    least = float(re.search(r"min-width:([0-9]+)px", picture.attrib["style"])[1])
    assert least / float(picture.attrib["width"]) * float(picture.attrib["font-size"]) >= 10


def test_names_are_escaped():
    drawing = draw_graph([ad.Variable("<b>&") + 1])
    assert "<b>" not in drawing.markup
    ElementTree.fromstring(drawing.markup)


def test_a_large_graph_is_counted_not_drawn():
    y = x1
    for _ in range(MAX_DRAWN):
        y = y * x2 + 1
    drawing = draw_graph([y])
    assert "<svg" not in drawing.markup
    assert re.search(r"mul</td>.*?60</td>", drawing.markup)
    assert repr(drawing) == "graph of 122 nodes (2 variables), 121 layers deep"


def test_a_graph_of_100000_nodes_is_summarised_without_recursion():
    y = x1
    for _ in range(100_000):
        y = y + 1
    assert "100001 nodes" in repr(draw_graph([y]))


def test_the_same_graph_gives_the_same_picture():
    def build():
        a = ad.Variable("a")
        b = ad.exp(a)
        return draw_graph([b * a + b]).markup

    assert build() == build()
