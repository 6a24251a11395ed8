"""The picture of where arrays are in memory."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from autodiff_lib import figures
from autodiff_lib.address_drawing import blocks_of

x = np.arange(10.0, 70.0, 10).reshape(2, 3)
VIEWS = {"x": x, "x.T": x.T, "x[1:]": x[1:], "x[:, ::-1]": x[:, ::-1], "x.reshape(3, 2)": x.reshape(3, 2), "copy": x.copy()}


def test_arrays_that_begin_at_one_number_have_one_key_and_each_reads_in_its_own_order():
    first, second = blocks_of(VIEWS)
    assert first.numbers.tolist() == [10, 20, 30, 40, 50, 60]
    assert {row.name: (row.key, row.places) for row in first.rows} == {
        "x": ("A", (0, 1, 2, 3, 4, 5)),
        "x.T": ("A", (0, 3, 1, 4, 2, 5)),
        "x[1:]": ("B", (3, 4, 5)),
        "x[:, ::-1]": ("C", (2, 1, 0, 5, 4, 3)),
        "x.reshape(3, 2)": ("A", (0, 1, 2, 3, 4, 5)),
    }
    assert [(row.name, row.key) for row in second.rows] == [("copy", "D")]


def test_numbers_are_shown_in_the_order_of_memory_whatever_the_order_of_the_array():
    (block,) = blocks_of({"f": np.asfortranarray(x)})
    assert block.numbers.tolist() == [10, 40, 20, 50, 30, 60]
    assert block.rows[0].places == (0, 2, 4, 1, 3, 5)


def test_the_picture_has_a_row_for_each_array_and_is_described():
    drawing = figures.addresses(VIEWS)
    (root,) = ElementTree.fromstring(drawing.markup)
    svg = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.find(f"{svg}title").text == "6 arrays in memory, 4 keys"
    assert "x[1:] begins at number 4 of its block and has key B" in root.find(f"{svg}desc").text
    assert [group.find(f"{svg}title").text for group in root.findall(f"{svg}g")] == list(VIEWS)
    assert [text.text for text in root.findall(f"{svg}g")[2].iter(f"{svg}text")] == ["x[1:]", "1", "2", "3", "key B"]


def test_in_a_terminal_each_array_is_a_line():
    assert repr(figures.addresses({"x": x, "copy": x.copy()})).splitlines() == [
        "2 arrays in memory, 2 keys",
        "x begins at number 1 of its block and has key A",
        "copy begins at number 1 of its block and has key B",
    ]


def test_the_same_arrays_give_the_same_picture_wherever_they_are():
    assert figures.addresses({"x": x, "y": x[1:]}).markup == figures.addresses({"x": (y := x.copy()), "y": y[1:]}).markup


def test_names_are_escaped():
    markup = figures.addresses({"<img>&": x}).markup
    assert not re.search("<img>", markup)
    ElementTree.fromstring(markup)


@pytest.mark.parametrize(
    ("titled", "error", "message"),
    [
        ({"n": 3.0}, TypeError, "n must be an array, got float 3.0"),
        ({"wide": np.ones((5, 5))}, ValueError, r"expected 1 to 16 numbers in memory, got \{'wide': 25\}"),
        ({"part": np.ones((5, 5))[:1]}, ValueError, r"got \{'part': 25\}"),
        ({"none": np.ones(0)}, ValueError, r"got \{'none': 0\}"),
    ],
)
def test_what_cannot_be_drawn_is_refused(titled, error, message):
    with pytest.raises(error, match=message):
        figures.addresses(titled)
