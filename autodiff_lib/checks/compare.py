"""When two arrays count as the same."""

from __future__ import annotations

import numpy as np

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
"""Error allowed, relative to the entry itself and, for entries that cancel, to the largest of the array (or 1)."""


def close(got: np.ndarray, expected: np.ndarray, dtype: str, tolerance: float | None = None) -> np.ndarray:
    """Entry by entry, whether two arrays of one shape agree to the tolerance of `dtype`, or to the one given.

    Where inf or nan is expected, as for a division by zero, that very thing must be there.
    """
    tolerance = tolerance or TOLERANCE[dtype]
    finite = np.isfinite(expected)
    scale = float(np.max(np.abs(expected), initial=1.0, where=finite))
    with np.errstate(invalid="ignore"):  # inf - inf, where the answer overflowed: not close, and no warning
        near = np.abs(got - expected) <= tolerance * np.abs(expected) + 0.01 * tolerance * scale
        return np.where(finite, near, (got == expected) | (np.isnan(got) & np.isnan(expected)))


def agree(got: np.ndarray, expected: np.ndarray, dtype: str, tolerance: float | None = None) -> bool:
    return got.shape == expected.shape and bool(np.all(close(got, expected, dtype, tolerance)))
