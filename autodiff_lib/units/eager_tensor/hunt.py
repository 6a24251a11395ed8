"""Find the bug: rows looked up in a table, with a gradient, each version with one mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import math

    import numpy as np


    def lookup(table, rows, padding=None):
        """Rows of a table (n, d), times the root of d, as embeddings of words are
        looked up; and the way back.

        `rows` are whole numbers, in an array or a list of any shape (...). Negative
        ones count from the end, and a row may be looked up several times. Places that
        ask for the row `padding`, which may be negative as well, get zeros, and
        nothing comes back from them.

        Returns the rows (..., d), and a function `gradient(out_grad)`: the gradient of
        the table (n, d). Both have the dtype of the table. `gradient` may be called
        again and again, and no array that was handed over is changed.
        """
        count, width = table.shape
        scale = math.sqrt(width)
        rows = np.asarray(rows) % count
        blank = rows == (None if padding is None else padding % count)
        found = scale * table[rows]
        found[blank] = 0

        def gradient(out_grad):
            grad = np.zeros_like(table)
            handed = scale * out_grad
            handed[blank] = 0
            np.add.at(grad, rows, handed)
            return grad

        return found, gradient
''')
ROW_BY_ROW = dedented("""
    import numpy as np


    def lookup(table, rows, padding=None):
        n, d = table.shape
        places = [(place, int(row) % n) for place, row in np.ndenumerate(np.asarray(rows))]
        if padding is not None:
            places = [(place, row) for place, row in places if row != padding % n]
        found = np.zeros((*np.shape(rows), d), table.dtype)
        for place, row in places:
            found[place] = table[row] * d**0.5

        def gradient(out_grad):
            grad = np.zeros((n, d), table.dtype)
            for place, row in places:
                grad[row] += out_grad[place] * d**0.5
            return grad

        return found, gradient
""")
ONE_HOT = dedented("""
    import math

    import numpy as np


    def lookup(table, rows, padding=None):
        picks = np.eye(len(table), dtype=table.dtype)[np.asarray(rows)] * table.dtype.type(math.sqrt(table.shape[1]))
        if padding is not None:
            picks[..., padding] = 0

        def gradient(out_grad):
            return picks.reshape(-1, len(table)).T @ np.reshape(out_grad, (-1, table.shape[1]))

        return picks @ table, gradient
""")

STEP = 1e-6


def lookups(dtype: str = "float64") -> list[tuple[str, np.ndarray, list[Any], int | None]]:
    """What is looked up: words for it, the table, the rows, and the padding."""
    table = np.random.default_rng(0).standard_normal((4, 3)).astype(dtype)
    return [
        ("each row once", table, [2, 0, 1], None),
        ("a row twice", table, [3, 1, 3], None),
        ("rows in a matrix", table, [[0, 1], [1, 2]], None),
        ("a row from the end", table, [-1, 0], None),
        ("padding", table, [0, 2, 0, 1], 0),
        ("padding that counts from the end", table, [3, 2, -1], -1),
    ]


def test(lookup: Callable[..., Any]) -> None:
    """The gradient agrees with central differences, and what was handed over stays as it was."""
    for dtype in ("float64", "float32"):
        for what, table, rows, padding in lookups(dtype):
            look(lookup, f"{what}, {dtype}", table, rows, padding)


def look(lookup: Callable[..., Any], what: str, table: np.ndarray, rows: list[Any], padding: int | None) -> None:
    given = table.copy()
    found, gradient = lookup(given, rows, padding)
    numbers = np.asarray(rows) % len(table)
    blank = np.zeros(numbers.shape, bool) if padding is None else numbers == padding % len(table)
    wanted = np.where(blank[..., None], 0, table[numbers] * table.shape[1] ** 0.5)
    assert found.dtype == table.dtype, f"{what}: the rows have dtype {found.dtype}"
    assert np.allclose(found, wanted, rtol=1e-5), f"{what}: the rows are {found.tolist()}, expected {wanted.tolist()}"
    out_grad = np.random.default_rng(1).standard_normal(found.shape).astype(table.dtype)
    handed = out_grad.copy()
    grad = gradient(handed)
    assert grad.dtype == table.dtype, f"{what}: the gradient has dtype {grad.dtype}"
    assert np.array_equal(handed, out_grad), f"{what}: the output gradient was changed"
    assert np.array_equal(given, table), f"{what}: the table was changed"
    if table.dtype == np.float64:
        slopes = differences(lookup, table, rows, padding, out_grad)
        assert np.allclose(grad, slopes, atol=1e-6), f"{what}: the gradient is {grad.tolist()}, and differences say {slopes.tolist()}"
    assert np.array_equal(gradient(out_grad.copy()), grad), f"{what}: asked again, the gradient is another one"


def differences(lookup: Callable[..., Any], table: np.ndarray, rows: list[Any], padding: int | None, out_grad: np.ndarray) -> np.ndarray:
    slopes = np.zeros_like(table)
    for place in np.ndindex(table.shape):
        sums = []
        for step in (STEP, -STEP):
            moved = table.copy()
            moved[place] += step
            sums.append(float((lookup(moved, rows, padding)[0] * out_grad).sum()))
        slopes[place] = (sums[0] - sums[1]) / (2 * STEP)
    return slopes


HUNT = Material(
    name="lookup",
    right=RIGHT,
    variants=(ROW_BY_ROW, ONE_HOT),
    mistakes=(
        Mistake(
            "looked-up-twice",
            "of a row that is looked up several times, only one of the places counts",
            "What if the same row is asked for twice?",
            "np.add.at(grad, rows, handed)",
            "grad[rows] += handed",
        ),
        Mistake(
            "double",
            "a table in single precision gives rows in double precision",
            "Of which dtype is your table, and of which is what comes back?",
            "scale = math.sqrt(width)",
            "scale = np.sqrt(width)",
        ),
        Mistake(
            "written-into",
            "the output gradient that somebody has handed over is changed",
            "What is in your own array after gradient has been called?",
            "handed = scale * out_grad",
            "handed = np.multiply(out_grad, scale, out=out_grad)",
        ),
        Mistake(
            "padding-from-the-end",
            "padding that counts from the end is not recognised",
            "How may padding be given, and how may rows?",
            "blank = rows == (None if padding is None else padding % count)",
            "blank = rows == padding",
        ),
        Mistake(
            "scale-forgotten",
            "the rows are scaled, and their gradient is not",
            "How large is the gradient, beside a difference quotient?",
            "handed = scale * out_grad",
            "handed = out_grad.copy()",
        ),
        Mistake(
            "dtype-of-the-gradient",
            "the gradient is in double precision, whatever the table is",
            "Of which dtype is the gradient, if the table is in single precision?",
            "grad = np.zeros_like(table)",
            "grad = np.zeros(table.shape)",
        ),
    ),
    test=test,
    advice="Which lookups has it not met yet? Rows several times, rows in a matrix, padding, single precision; and whose arrays are these?",
)
