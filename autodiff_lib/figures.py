"""Figures that the notebooks share. All are readable on a projector and in grey."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from torch import Tensor

from .graph_drawing import draw_graph

__all__ = ["draw_graph", "matrices"]

MAX_NUMBERED = 10  # rows and columns up to which the entries are written into a matrix


def matrices(titled: Mapping[str, Tensor | np.ndarray]) -> None:
    """Matrices side by side as heat-maps on one scale, with the numbers in them where there is room."""
    arrays = {title: np.atleast_2d(np.asarray(matrix)) for title, matrix in titled.items()}
    low, high = min(array.min() for array in arrays.values()), max(array.max() for array in arrays.values())
    figure, axes = plt.subplots(1, len(arrays), figsize=(3.6 * len(arrays), 3.4), squeeze=False)
    for axis, (title, array) in zip(axes[0], arrays.items(), strict=True):
        image = axis.imshow(array, vmin=low, vmax=high)
        axis.set(title=title, xticks=range(array.shape[1]), yticks=range(array.shape[0]))
        axis.grid(False)
        axis.spines[:].set_visible(False)
        if max(array.shape) <= MAX_NUMBERED:
            write_numbers(axis, array, (low + high) / 2)
    figure.colorbar(image, ax=axes[0].tolist(), shrink=0.7)
    plt.show()


def write_numbers(axis: plt.Axes, array: np.ndarray, middle: float) -> None:
    for (row, column), value in np.ndenumerate(array):
        shown = f"{value + 0.0:.2f}".removeprefix("-") if abs(value) < 0.005 else f"{value:.2f}"
        axis.text(column, row, shown, ha="center", va="center", fontsize=9, color="black" if value > middle else "white")
