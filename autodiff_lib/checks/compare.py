"""When two arrays count as the same, and when one counts as zero: rounding, which differs from processor to processor, decides neither."""

from __future__ import annotations

import numpy as np

TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 8e-2}
"""Error allowed, relative to the entry itself and, for entries that cancel, to the largest of the array (or 1)."""


def close(got: np.ndarray, expected: np.ndarray, dtype: str, tolerance: float | None = None) -> np.ndarray:
    """Entry by entry, whether two arrays of one shape agree to the tolerance of `dtype`, or to the one given.

    Where inf or nan is expected, as for a division by zero, that very thing must be there.
    """
    tolerance = tolerance or TOLERANCE[dtype]
    finite = np.isfinite(expected)
    with np.errstate(invalid="ignore"):  # inf - inf, where the answer overflowed: not close, and no warning
        near = np.abs(got - expected) <= tolerance * np.abs(expected) + 0.01 * tolerance * size_of(expected)
        return np.where(finite, near, (got == expected) | (np.isnan(got) & np.isnan(expected)))


def size_of(*arrays: np.ndarray) -> float:
    """The largest finite number in the arrays, or 1: with it an amount is compared that may be nothing but rounding errors."""
    largest = (np.max(np.abs(array), initial=1.0, where=np.isfinite(array)) for array in arrays)
    return float(max(largest, default=1.0))


def vanishes(array: np.ndarray, dtype: str, beside: float = 1.0) -> bool:
    """Whether all entries are zero, up to the tolerance of `dtype` beside numbers as large as `beside`."""
    return bool(np.all(np.abs(array) <= 0.01 * TOLERANCE[dtype] * beside))


def in_words(number: float, digits: int = 4) -> str:
    """A number for a message; beside numbers of about 1, the size of all that is asked, a rounding error is 0."""
    return f"{0.0 if abs(number) <= 0.01 * TOLERANCE['float64'] else number:.{digits}g}"


def agree(got: np.ndarray, expected: np.ndarray, dtype: str, tolerance: float | None = None) -> bool:
    return got.shape == expected.shape and bool(np.all(close(got, expected, dtype, tolerance)))
