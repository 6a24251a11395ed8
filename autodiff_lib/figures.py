"""Figures that the notebooks share. All are readable on a projector and in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.image import AxesImage
from matplotlib.ticker import LogFormatter, MaxNLocator
from torch import Tensor

from .address_drawing import addresses
from .graph_drawing import beside, draw_graph
from .step_drawing import step
from .tape_drawing import step_tape
from .tensor_steps import step_tensor

__all__ = [
    "addresses", "attention_maps", "bars", "beside", "draw_graph", "learning", "looking_rows", "loss_curves", "matrices", "next_tokens",
    "pictures", "similarity", "step", "step_tape", "step_tensor",
]  # fmt: skip

WIDEST = 8  # inches; in a narrow window all that is wider has letters too small to read
MAX_NUMBERED = 10  # rows and columns up to which the entries are written into a matrix
MAX_LABELS = 32  # words along an axis; of more, only every second, third ... is written
MARKERS = "os^Dv*"
STYLES = ("o-", "s--", "^-.", "D-", "v--", "*-.")  # of lines with a marker at each point
SIGNED, ABOVE, BELOW = "PuOr", "Blues", "Blues_r"  # colours of numbers of both signs, and of one: zero is as pale as the page
ROUNDING = 1e-9  # of the largest number: what is smaller has no sign
TIED = 6  # decimals up to which two numbers that are put in order count as equal: rounding decides no order
VISIBLE = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "$": r"\$"})  # a bare $ would begin a formula


def matrices(titled: Mapping[str, Tensor | np.ndarray]) -> None:
    """Matrices as heat-maps on one scale, side by side where there is room, with the numbers in them where they are few.

    Zero is pale. Where there are numbers of both signs, it is the middle of the scale, and negative numbers are hatched.
    """
    arrays = {title: np.atleast_2d(np.asarray(matrix)) for title, matrix in titled.items()}
    low, high = min(array.min() for array in arrays.values()), max(array.max() for array in arrays.values())
    signed = low < -ROUNDING * high and high > -ROUNDING * low
    if signed:
        high = max(-low, high)
        low = -high
    colours = SIGNED if signed else ABOVE if high > 0 else BELOW
    largest = max(max(array.shape) for array in arrays.values())
    side = max(2.6 if len(arrays) == 3 else 3.6, 0.5 * min(largest, MAX_NUMBERED))  # of a panel, in inches
    down = -(-len(arrays) // max(1, int(WIDEST / side)))
    across = -(-len(arrays) // down)
    figure, axes = plt.subplots(down, across, figsize=(side * across + 0.4, (side - 0.2) * down), squeeze=False)
    for axis in axes.flat[len(arrays) :]:
        axis.set_axis_off()
    for axis, (title, array) in zip(axes.flat, arrays.items(), strict=False):
        image = heat_map(axis, array, low, high, colours)
        if signed:
            hatch(axis, array < 0.005 * low)
        ticks = [range(0, size, 1 + size // 14) for size in array.shape]
        axis.set(title=title, xticks=ticks[1], yticks=ticks[0])
        if max(array.shape) <= MAX_NUMBERED:
            write_numbers(axis, array, image)
    figure.colorbar(image, ax=axes.ravel().tolist(), shrink=0.7 / down, label="hatched: below 0" if signed else None)
    plt.show()


def attention_maps(weights: Tensor | np.ndarray, tokens: Sequence[str], causal: bool = True) -> None:
    """Who looks at whom: `weights` (T, T), or (H, T, T) for H heads; a query's row says how much it takes from each key.

    The future, keys after the query, is hatched unless `causal` is False: in it, no weight should be left.
    """
    heads, size = np.asarray(weights), len(tokens)
    if heads.ndim not in (2, 3) or heads.shape[-2:] != (size, size):
        expected = f"expected ({size}, {size}) or (heads, {size}, {size}), since there are {size} tokens"
        raise ValueError(f"attention_maps: weights have shape {heads.shape}, {expected}")
    heads = heads.reshape(-1, size, size)
    side = max(2.4, 0.42 * size) if size <= MAX_NUMBERED else 2.8 if len(heads) > 1 else 4.8  # of a panel, in inches
    across = min(len(heads), 2 if side > 3 or len(heads) == 4 else 3)
    down = -(-len(heads) // across)
    label = 0.5 + 0.1 * max(map(len, tokens), default=0)
    figure, axes = plt.subplots(down, across, figsize=(across * (side + label) + 0.8, down * (side + label)), squeeze=False)
    future = np.triu(np.ones((size, size), dtype=bool), k=1) if causal else np.zeros((size, size), dtype=bool)
    for axis, head, number in zip(axes.flat, heads, range(1, len(heads) + 1), strict=False):
        image = heat_map(axis, head, 0, 1, ABOVE)
        hatch(axis, future)
        name_axes(axis, rows=tokens, columns=tokens)
        axis.set(xlabel="key", ylabel="query", title=f"head {number}" if len(heads) > 1 else None)
        if size <= MAX_NUMBERED:
            write_numbers(axis, head, image, skip=future & (head < 0.005))
    for axis in axes.flat[len(heads) :]:
        axis.set_axis_off()
    figure.colorbar(image, ax=axes.ravel().tolist(), shrink=0.7, label="weight")
    plt.show()


def similarity(embeddings: Tensor | np.ndarray, words: Sequence[str]) -> None:
    """The cosine of the angle between each two rows of `embeddings` (V, D), similar words side by side.

    Hatched where it is negative.
    """
    rows = np.asarray(embeddings, dtype=float)
    if rows.ndim != 2 or len(rows) != len(words):
        expected = f"expected ({len(words)}, D), a row for each of the {len(words)} words"
        raise ValueError(f"similarity: embeddings have shape {rows.shape}, {expected}")
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosines = rows @ rows.T  # (V, D) @ (D, V) -> (V, V)
    order = chain(cosines)
    cosines, ordered = cosines[np.ix_(order, order)], [words[i] for i in order]
    side = np.clip(0.5 * len(words) + 1.2, 3.4, 7.0)
    figure, axis = plt.subplots(figsize=(side + 1.2, side))
    image = heat_map(axis, cosines, -1, 1, SIGNED)
    hatch(axis, cosines < -0.005)
    name_axes(axis, rows=ordered, columns=ordered)
    if len(words) <= MAX_NUMBERED:
        write_numbers(axis, cosines, image)
    figure.colorbar(image, ax=axis, shrink=0.7, label="cosine (hatched: below 0)")
    plt.show()


def next_tokens(probabilities: Tensor | np.ndarray, words: Sequence[str], top: int = 8) -> None:
    """The `top` most probable next words, the likeliest above; `probabilities` (V,), one for each of V words."""
    values = np.asarray(probabilities)
    if values.shape != (len(words),):
        raise ValueError(f"next_tokens: probabilities have shape {values.shape}, expected ({len(words)},), one for each word")
    best = np.argsort(-np.round(np.asarray(values, float), TIED), kind="stable")[:top]
    _, axis = plt.subplots(figsize=(6.5, 0.8 + 0.36 * len(best)))
    bars = axis.barh(range(len(best)), values[best], height=0.7)
    axis.bar_label(bars, [f"{value:.3f}" for value in values[best]], padding=4)
    name_axes(axis, rows=[words[i] for i in best])
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set(xlabel="probability of being next", xlim=(0, 1.15 * max(values[best].max(), 1e-12)))
    plt.show()


def loss_curves(titled: Mapping[str, Sequence[float]], log: bool = True, per: str = "step") -> None:
    """Losses over steps, or over what `per` names, on one axis; the first value of each curve is that of step 1."""
    empty = [title for title, losses in titled.items() if len(losses) == 0]
    if empty or not titled:
        raise ValueError(f"loss_curves: expected a number or more in each curve, got none in {', '.join(map(repr, empty)) or 'any'}")
    _, axis = plt.subplots()
    for (title, losses), marker in zip(titled.items(), MARKERS * len(titled), strict=False):
        sparse = max(1, len(losses) // 10)
        axis.plot(range(1, len(losses) + 1), np.asarray(losses), marker=marker, markevery=sparse, label=title)
    if log:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(PlainLog())
        axis.yaxis.set_minor_formatter(PlainLog(minor_thresholds=(2, 0.5)))
    count_along(axis)
    axis.set(xlabel=per, ylabel="loss")
    axis.legend()
    plt.show()


def pictures(images: Tensor | np.ndarray, titles: Sequence[object], across: int = 10, height: float = 1.35) -> None:
    """Images (n, R, S) of pixels from -1, paper, to 1, ink, each below its title, `across` of them in a row.

    `height` is that of each in inches, where they are no more than eight across.
    """
    if len(images) != len(titles):
        raise ValueError(f"pictures: there are {len(titles)} titles, expected {len(images)}, one for each image")
    down = max(1, -(-len(images) // across))
    width = min(across, WIDEST)
    _, axes = plt.subplots(down, across, figsize=(width, height * down * width / across), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, np.asarray(images), titles, strict=False):
        axis.imshow(image, cmap="Greys", vmin=-1, vmax=1)
        axis.set_title(str(title), fontsize=11)
    plt.show()


def looking_rows(image: Tensor | np.ndarray, shares: Tensor | np.ndarray) -> None:
    """An image (R, S), and beside it how much each of its rows takes from each row, `shares` (R, R)."""
    size = len(image)
    if np.shape(shares) != (size, size):
        raise ValueError(
            f"looking_rows: shares have shape {tuple(np.shape(shares))}, expected ({size}, {size}), since the image has {size} rows"
        )
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 3.6))
    heat_map(left, np.asarray(image), -1, 1, "Greys")
    left.set(ylabel="row", xticks=[], yticks=range(0, size, 1 + size // 10))
    map_of = heat_map(right, np.asarray(shares), 0, float(np.max(np.asarray(shares))), ABOVE)
    right.set(xlabel="row that is looked at", ylabel="row that looks")
    figure.colorbar(map_of, ax=right, label="share")
    plt.show()


def learning(history: Mapping[str, Sequence[float]], classes: int) -> None:
    """A training epoch by epoch: beside one another its "loss", with that of a guess among the classes, and all else, as accuracies.

    ValueError where the loss has no number.
    """
    if not len(history.get("loss", ())):
        raise ValueError('learning: expected a number or more as "loss", got none')
    epochs, guess = range(1, len(history["loss"]) + 1), float(np.log(classes))
    _, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 3.4))
    left.plot(epochs, history["loss"], "o-", markersize=4, label="loss")
    left.axhline(guess, color="0.5", linestyle=":")
    left.annotate("a guess", (len(epochs), guess), (0, 4), textcoords="offset points", ha="right")
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, 1.15 * max(guess, *history["loss"])))
    shares = {title: values for title, values in history.items() if title != "loss"}
    for (title, values), style in zip(shares.items(), cycle(STYLES), strict=False):
        right.plot(epochs, values, style, markersize=4, label=title)
    right.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
    for axis in (left, right):
        count_along(axis)
    right.legend(loc="lower right")
    plt.show()


def bars(titled: Mapping[str, float], xlabel: str, guess: float) -> None:
    """Shares from 0 to 1 as bars, each with its title, and a line where a guess would be."""
    _, axis = plt.subplots(figsize=(WIDEST, 0.9 + 0.42 * len(titled)))
    shown = axis.barh(range(len(titled)), list(titled.values()), height=0.65)
    axis.bar_label(shown, [f"{value:.0%}" for value in titled.values()], padding=4)
    axis.axvline(guess, color="white", linewidth=4, linestyle="-")  # on which the dots are seen over the bars as well
    axis.axvline(guess, color="0.2", linestyle=":")
    axis.set_yticks(range(len(titled)), list(titled))
    axis.text(guess, -0.55, " a guess", va="bottom", fontsize=10)
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set(xlabel=xlabel, xlim=(0, 1.1))
    plt.show()


def count_along(axis: plt.Axes) -> None:
    """Ticks for what is counted: whole numbers, every one, second, fifth or tenth, and so on."""
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


class PlainLog(LogFormatter):
    """Labels of a logarithmic axis as 0.2, not as 2e-01."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def heat_map(axis: plt.Axes, array: np.ndarray, low: float, high: float, colours: str) -> AxesImage:
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return axis.imshow(array, cmap=colours, vmin=low, vmax=high)


def write_numbers(axis: plt.Axes, array: np.ndarray, image: AxesImage, skip: np.ndarray | None = None) -> None:
    """The entries in their cells, dark on light and light on dark, save those of `skip`."""
    for (row, column), value in np.ndenumerate(array):
        if skip is None or not skip[row, column]:
            red, green, blue, _ = colour = image.to_rgba(value)
            ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
            shown = f"{value + 0.0:.2f}".removeprefix("-") if abs(value) < 0.005 else f"{value:.2f}"
            ground = {"facecolor": colour, "edgecolor": "none", "pad": 0.5}  # so that no hatching runs through the number
            axis.text(column, row, shown, ha="center", va="center", fontsize=9, color=ink, bbox=ground)


def hatch(axis: plt.Axes, where: np.ndarray) -> None:
    """Stripes over the cells of a heat-map in which `where` is true."""
    edges = [np.arange(size + 1) - 0.5 for size in reversed(where.shape)]
    axis.pcolor(*edges, np.ma.masked_where(~where, where), facecolor="none", edgecolor="0.6", linewidth=0, hatch="///", zorder=1.5)


def name_axes(axis: plt.Axes, rows: Sequence[str], columns: Sequence[str] = ()) -> None:
    """Words as the labels of rows and, turned, of columns; spaces and line breaks are made visible."""
    for ticks, words, turned in ((axis.set_yticks, rows, 0), (axis.set_xticks, columns, 90)):
        if words:
            every = -(-len(words) // MAX_LABELS)
            ticks(range(0, len(words), every), [word.translate(VISIBLE) for word in words[::every]], rotation=turned)


def chain(likeness: np.ndarray) -> list[int]:
    """An order of 0 .. V - 1 in which similar ones, by `likeness` (V, V), are neighbours.

    It starts with the most similar pair, and grows at either end by whatever is most similar to that end; of equals,
    the first comes first.
    """
    left = np.where(np.eye(len(likeness), dtype=bool), -np.inf, np.round(likeness, TIED))
    order = [int(i) for i in np.unravel_index(left.argmax(), left.shape)] if len(left) > 1 else list(range(len(left)))
    left[:, order] = -np.inf
    while len(order) < len(left):
        end = max((0, -1), key=lambda end: left[order[end]].max())
        new = int(left[order[end]].argmax())
        order.insert(0 if end == 0 else len(order), new)
        left[:, new] = -np.inf
    return order
