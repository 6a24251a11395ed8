"""A hunt: a window of weights that slides over rows of numbers, and its way back, in one function."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import numpy as np


    def slide(x, w, grad_output, stride=1, pad=0):
        """A window of weights w (K,) slides over each row of x (N, T), and back.

        The rows get `pad` zeros at both ends, and the window moves on by `stride`:
        y[n, m] is the sum over k of w[k] * row[n, stride * m + k], for every m at
        which the whole window is inside. grad_output has the shape of y. Returns y
        and the gradients of x and of w, and leaves what it is given as it is.
        """
        row = np.pad(x, ((0, 0), (pad, pad)))
        steps = (row.shape[1] - len(w)) // stride + 1
        y = np.zeros((len(x), steps))
        back, grad_w = np.zeros_like(row), np.zeros_like(w)
        for m in range(steps):
            seen = slice(stride * m, stride * m + len(w))
            y[:, m] = row[:, seen] @ w
            back[:, seen] += grad_output[:, m, None] * w
            grad_w += grad_output[:, m] @ row[:, seen]
        grad_x = back[:, pad : back.shape[1] - pad]
        return y, grad_x, grad_w
''')
WINDOWS = dedented("""
    import numpy as np


    def slide(x, w, grad_output, stride=1, pad=0):
        row = np.pad(x, ((0, 0), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(row, len(w), axis=1)[:, ::stride]
        back = np.zeros_like(row)
        for k in range(len(w)):
            back[:, k : k + stride * windows.shape[1] : stride] += w[k] * grad_output
        return windows @ w, back[:, pad : pad + x.shape[1]], np.einsum("nm,nmk->k", grad_output, windows)
""")
MATRIX = dedented("""
    import numpy as np


    def slide(x, w, grad_output, stride=1, pad=0):
        steps = (x.shape[1] + 2 * pad - len(w)) // stride + 1
        matrix = np.zeros((x.shape[1], steps))
        ones = np.zeros((len(w), x.shape[1], steps))
        for m in range(steps):
            for k in range(len(w)):
                t = stride * m + k - pad
                if 0 <= t < x.shape[1]:
                    matrix[t, m], ones[k, t, m] = w[k], 1
        return x @ matrix, grad_output @ matrix.T, np.einsum("nt,ktm,nm->k", x, ones, grad_output)
""")


def test(slide: Any) -> None:
    """Windows that overlap, a stride, zeros at the ends, weights that are no palindrome, and two rows."""
    x, w = np.array([[1.0, 2, 3, 4, 5], [0, 1, 0, 2, 0]]), np.array([1.0, 10.0])
    for what, stride, pad, grad, *expected in (
        (
            "stride 1", 1, 0, [[1.0, 1, 1, 1], [0, 0, 2, 0]],
            [[21.0, 32, 43, 54], [10, 1, 20, 2]], [[1.0, 11, 11, 11, 10], [0, 0, 2, 20, 0]], [10.0, 18.0],
        ),
        (
            "stride 2, zeros at the ends", 2, 1, [[1.0, 1, 1], [0, 3, 0]],
            [[10.0, 32, 54], [0, 1, 2]], [[10.0, 1, 10, 1, 10], [0, 3, 30, 0, 0]], [9.0, 9.0],
        ),
    ):  # fmt: skip
        results = slide(x.copy(), w.copy(), np.array(grad), stride, pad)
        for name, got, listed in zip(("y", "the gradient of x", "the gradient of w"), results, expected, strict=True):
            found, right = np.asarray(got), np.array(listed)
            assert found.shape == right.shape, f"{what}: {name} has shape {found.shape}, expected {right.shape}"
            assert np.allclose(found, right), f"{what}: {name} is {found.tolist()}, expected {right.tolist()}"


HUNT = Material(
    name="slide",
    right=RIGHT,
    variants=(WINDOWS, MATRIX),
    mistakes=(
        Mistake(
            "overlap",
            "where two windows overlap, only the last one hands something back",
            "Is there a number in your row that two windows see?",
            "back[:, seen] += grad_output[:, m, None] * w",
            "back[:, seen] = grad_output[:, m, None] * w",
        ),
        Mistake(
            "last-window",
            "the gradient of the weights is that of the last window alone",
            "In how many places does your window stand?",
            "grad_w += grad_output[:, m] @ row[:, seen]",
            "grad_w = grad_output[:, m] @ row[:, seen]",
        ),
        Mistake(
            "mirrored",
            "the weights are turned around on the way back",
            "Would your weights look the same in a mirror?",
            "back[:, seen] += grad_output[:, m, None] * w",
            "back[:, seen] += grad_output[:, m, None] * w[::-1]",
        ),
        Mistake(
            "cut",
            "the zeros are cut off at one end only, on the way back",
            "What does the gradient of x look like where there were zeros at the ends?",
            "grad_x = back[:, pad : back.shape[1] - pad]",
            "grad_x = back[:, : back.shape[1] - 2 * pad]",
        ),
        Mistake(
            "stride-back",
            "the window stands one number apart, whatever the stride",
            "Does your window move by more than one?",
            "seen = slice(stride * m, stride * m + len(w))",
            "seen = slice(m, m + len(w))",
        ),
        Mistake(
            "first-row",
            "the gradient of the first row is handed back to all rows",
            "How many rows has your x, and do they get different gradients?",
            "back[:, seen] += grad_output[:, m, None] * w",
            "back[:, seen] += grad_output[:1, m, None] * w",
        ),
    ),
    test=test,
    advice="What has it not met yet? Windows that overlap, a stride, zeros at the ends, several rows, weights that are no palindrome.",
)
