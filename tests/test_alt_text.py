"""What a figure says to who does not see it, and that each one says it: in a notebook, and on the page that comes back."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from autodiff_lib import alt_text, figures
from grader.submission.outputs import MOST_SAID, checked_output
from tests.test_outputs import png


@pytest.fixture(autouse=True)
def without_a_screen():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def curves(axes):
    axes.plot([0, 1, 2, 3], [3.0, 2.0, 1.5, 0.25], label="training")
    axes.plot([0, 1, 2, 3], [3.0, 2.5, 2.0, 1.75], label="held out")
    axes.axhline(1, color="grey")
    axes.set(title="two curves", xlabel="step", ylabel="loss")
    axes.legend()


def numbers(axes):
    axes.imshow(np.eye(2))
    axes.text(0, 0, "1.00")
    axes.text(1, 1, "1.00")
    axes.set_yticks([0, 1], ["cat", "mat"])


def lengths(axes):
    axes.barh(["with", "without"], [0.5, 2.0])


def cloud(axes):
    axes.scatter(np.arange(5.0), np.arange(5.0), label="moons")


DRAWN = {
    curves: "two curves: training from 3 to 0.25, held out from 3 to 1.75; across: step; up: loss.",
    numbers: "a map of 2 rows and 2 columns, rows cat, mat, with the entries 1.00 1.00.",
    lengths: "bars with 0.5, without 2.",
    cloud: "5 points moons.",
    lambda axes: axes.text(0, 0, "only $x$"): "written there: only x.",
    lambda axes: axes.set_title(r"$q \cdot k \,/ \sqrt{d}$") and axes.scatter([0, 1], [0, 1]): "q cdot k / sqrt d: 2 points.",
    lambda axes: axes.plot([0, 1, 2], [0, 1, 2]) and axes.text(2, 2, "grows"): "a line from 0 to 2; written there: grows.",
    lambda axes: axes.plot([1.0, np.nan, 3.0, 4.0], [np.nan, 2.0, 3.0, 4.0]): "a line from 2 to 4.",
    lambda axes: axes.pcolormesh(np.eye(3, 4)): "a map of 3 rows and 4 columns.",
    lambda axes: None: "An empty figure.",
}


@pytest.mark.parametrize("draw", DRAWN)
def test_a_figure_is_told_by_its_titles_its_labels_and_where_lines_begin_and_end(draw):
    figure, axes = plt.subplots()
    draw(axes)
    figure.canvas.draw()
    assert alt_text.describe(figure) == DRAWN[draw]


def test_each_panel_has_a_sentence_and_the_scale_of_colours_none(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    figures.matrices({"wanted": np.full((20, 30), 2.0), "found": np.ones((20, 30))})
    assert alt_text.describe(plt.gcf()) == "wanted: a map of 20 rows and 30 columns. found: a map of 20 rows and 30 columns."


def test_of_many_lines_some_are_told_and_the_others_counted():
    figure, axes = plt.subplots()
    for number in range(40):
        axes.plot([0, 1, 2], [0, 1, number], label=f"line {number}")
    assert "line 7 from 0 to 7, and 32 more" in alt_text.describe(figure)
    axes.set_title("long " * 400)
    assert len(alt_text.describe(figure)) == alt_text.LONGEST


def test_in_a_notebook_the_words_come_along_with_the_picture(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    alt_text.with_every_figure()
    shell.display_formatter.formatters["image/png"].for_type(plt.Figure, lambda figure: "a picture")
    figure, axes = plt.subplots()
    curves(axes)
    data, metadata = shell.display_formatter.format(figure)
    assert data["image/png"] == "a picture"
    assert metadata["image/png"]["alt"] == DRAWN[curves]


PICTURE = {"image/png": png(1, 1), "text/plain": "a figure"}


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ({"image/png": {"alt": "two curves"}}, {"image/png": {"alt": "two curves"}}),
        ({"image/png": {"alt": "red \x1b]0;title\x07 curve"}, "more": 1}, {"image/png": {"alt": "red  curve"}}),
        ({"image/png": {"alt": "x" * 5000, "width": 9999}}, {"image/png": {"alt": "x" * MOST_SAID}}),
        ({"image/png": {"alt": 3}}, {}),
        ({"text/html": {"alt": "no picture"}}, {}),
        ([], {}),
    ],
)
def test_of_what_a_submission_says_about_a_picture_words_are_kept_and_nothing_else(metadata, kept):
    output = checked_output({"output_type": "display_data", "data": PICTURE, "metadata": metadata})
    assert output["metadata"] == kept
