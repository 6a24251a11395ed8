"""What a figure shows, in words: for who reads a notebook with a screen reader, or where no picture is shown.

The words are made of what is drawn (titles, labels, and where each line begins and ends), so that every figure has them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # notebooks that draw nothing need not wait for it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MOST = 8  # things of a kind that are told one by one
LONGEST = 1000  # characters


def describe(figure: Figure) -> str:
    """A sentence for each panel of a figure: what is drawn, over what, and from where to where."""
    told = [sentence for axes in figure.axes if (sentence := panel(axes))]
    title = figure.get_suptitle()
    text = " ".join([*([ended(plain(title))] if title else []), *told]) or "An empty figure."
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def panel(axes: Axes) -> str:
    """What is drawn on one panel; empty for the scale of colours beside another one, and for one on which nothing is."""
    if axes.get_label() == "<colorbar>":
        return ""
    drawn = [*bars(axes), *lines(axes), *images(axes), *points(axes)]
    written = [plain(text.get_text()) for text in axes.texts if text.get_text().strip()]
    if drawn:
        written = [text for text in written if not is_number(text)]  # as they stand in maps and on bars
    if not drawn and not written:
        return ""
    parts = "; ".join([*([listed(drawn)] if drawn else []), *([f"written there: {listed(written)}"] if written else [])])
    across, up = (plain(label) for label in (axes.get_xlabel(), axes.get_ylabel()))
    scales = [f"{name}: {label}" for name, label in (("across", across), ("up", up)) if label]
    title = plain(axes.get_title())
    return ended("; ".join([f"{title}: {parts}" if title else parts, *scales]))


def lines(axes: Axes) -> Iterator[str]:
    for line in axes.get_lines():
        named = named_as(line)
        ends = both_ends(line)
        if named and ends:
            yield f"{named} {ends}"
        elif named or (ends and axes.get_legend() is None):
            yield named or f"a line {ends}"


def both_ends(line: Line2D) -> str:
    """Where a line begins and ends; empty for one that only marks a place."""
    heights = [float(height) for height in np.asarray(line.get_ydata()) if is_number(height)]
    return f"from {heights[0]:.3g} to {heights[-1]:.3g}" if len(heights) > 2 else ""


def bars(axes: Axes) -> Iterator[str]:
    from matplotlib.container import BarContainer

    for container in axes.containers:
        if isinstance(container, BarContainer):
            long = [patch.get_width() if container.orientation == "horizontal" else patch.get_height() for patch in container.patches]
            axis = axes.yaxis if container.orientation == "horizontal" else axes.xaxis
            names = [plain(label.get_text()) for label in axis.get_ticklabels()]
            values = [f"{length:.3g}" for length in long if is_number(length)]
            if len(names) == len(values):
                values = [f"{name} {value}".strip() for name, value in zip(names, values, strict=True)]
            yield f"bars {named_as(container)} {listed(values)}".replace("  ", " ")


def images(axes: Axes) -> Iterator[str]:
    from matplotlib.collections import QuadMesh

    sizes = [image.get_size() for image in axes.images]
    for mesh in axes.collections:
        if isinstance(mesh, QuadMesh):
            down, across, _ = np.shape(mesh.get_coordinates())  # of the corners
            sizes.append((down - 1, across - 1))
    for rows, columns in sizes:
        yield f"a map of {rows} rows and {columns} columns{entries(axes)}"


def entries(axes: Axes) -> str:
    """What is written beside the rows and columns of a map, and into it where that is little."""
    said = [f", {word} {listed(names)}" for word, names in (("rows", words(axes.yaxis)), ("columns", words(axes.xaxis))) if names]
    inside = [plain(text.get_text()) for text in axes.texts]
    return "".join(said) + (f", with the entries {' '.join(inside)}" if 0 < len(inside) <= 2 * MOST else "")


def words(axis: Any) -> list[str]:
    """The labels of an axis that are words; none where they are numbers."""
    said = [plain(label.get_text()) for label in axis.get_ticklabels()]
    return [] if all(not word or is_number(word.replace("−", "-")) for word in said) else said


def points(axes: Axes) -> Iterator[str]:
    from matplotlib.collections import PathCollection

    for cloud in axes.collections:
        count = len(np.asarray(cloud.get_offsets()))
        if isinstance(cloud, PathCollection) and count > 1:
            yield f"{count} points {named_as(cloud)}".strip()


def named_as(artist: Any) -> str:
    label = plain(str(artist.get_label()))
    return "" if label.startswith("_") else label


def listed(items: list[str]) -> str:
    return ", ".join(items[:MOST]) + (f", and {len(items) - MOST} more" if len(items) > MOST else "")


def plain(text: str) -> str:
    """Without the marks of formulas: what is left of them can be read aloud."""
    said = re.sub(r"\\(mathsf|mathrm|mathbf|,|;|!)|\$", "", text)
    return " ".join(re.sub(r"\\([a-zA-Z]+)|[{}]", r" \1 ", said).replace("\\", "").split())


def ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!", "…")) else f"{sentence}."


def is_number(value: Any) -> bool:
    try:
        return float(value) == float(value)
    except (TypeError, ValueError):
        return False


def with_every_figure() -> None:
    """In a notebook, from now on: a figure that is shown brings its words along, as the alternative text of its picture."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type_by_name("matplotlib.figure", "Figure", words_of_picture)


def words_of_picture(figure: Figure) -> tuple[dict[str, str], dict[str, Any]]:
    """No picture, and what is to be said of one: as IPython's formatters return it."""
    return {}, {"image/png": {"alt": describe(figure)}}
