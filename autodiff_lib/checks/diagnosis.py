"""What is wrong with an answer, read off the numbers alone: the closest structural fact, or nothing.

Each fact is a function of (got, expected) that returns a sentence or None; the first that holds is shown.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from .compare import agree, close, size_of, vanishes

MAX_RANK_PERMUTED = 4


def diagnose(got: np.ndarray, expected: np.ndarray, dtype: str) -> str:
    """One sentence on how a wrong answer is related to the right one; empty where nothing is sure."""
    got = np.asarray(got, np.float64)
    with np.errstate(all="ignore"):  # what overflows, or is no number, is a fact to tell and nothing to warn of
        return next((sentence for fact in FACTS if (sentence := fact(got, expected, dtype))), "")


def wrong_shape(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    if got.shape == expected.shape:
        return None
    shapes = f"shape {list(got.shape)}, expected {list(expected.shape)}"
    if got.size == expected.size:
        if agree(got.reshape(expected.shape), expected, dtype):
            return f"The numbers are right, their shape is not: {shapes}."
        if transposition(got, expected, dtype):
            return f"The result is transposed: {shapes}."
        return f"The answer has {shapes}."
    if got.size > expected.size and reduces_to(got, expected, dtype):
        return f"Right before the last step: {shapes}. Stretched axes must be summed again; see unbroadcast."
    if got.size < expected.size and stretches_to(got, expected, dtype):
        return f"The numbers are right but not stretched to the full shape: {shapes}. See expand_as."
    return f"The answer has {shapes}."


def reduces_to(got: np.ndarray, expected: np.ndarray, dtype: str) -> bool:
    extra = got.ndim - expected.ndim
    if extra < 0:
        return False
    stretched = [extra + axis for axis, size in enumerate(expected.shape) if size == 1 and got.shape[extra + axis] != 1]
    summed = got.sum(axis=(*range(extra), *stretched))
    return summed.size == expected.size and agree(summed.reshape(expected.shape), expected, dtype)


def stretches_to(got: np.ndarray, expected: np.ndarray, dtype: str) -> bool:
    try:
        stretched = np.broadcast_to(got, expected.shape)
    except ValueError:
        return False
    return agree(stretched, expected, dtype)


def not_finite(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    strange = ~np.isfinite(got) & np.isfinite(expected)
    if strange.any():
        name = "nan" if np.isnan(got[strange]).any() else "inf"
        return f"{int(strange.sum())} of {got.size} entries are {name}: something overflows, or is divided by zero, on these inputs."
    tamed = np.isfinite(got) & ~np.isfinite(expected)
    if tamed.any():
        return f"{int(tamed.sum())} of {got.size} entries are numbers where inf or nan is expected: what keeps them from being so?"
    return None


def all_zero(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    size = size_of(expected)
    return "The answer is zero everywhere." if vanishes(got, dtype, size) and not vanishes(expected, dtype, size) else None


def sign(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    return "Every entry has the wrong sign." if agree(-got, expected, dtype) else None


def factor(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    if got.size < 2 or vanishes(expected, dtype) or not np.isfinite(expected).all():  # of zeros, everything is a multiple
        return None
    c = float((got * expected).sum()) / float((expected * expected).sum())
    if abs(c) < 1e-6 or not agree(got / c, expected, dtype):
        return None
    return f"Every entry is off by the same factor: yours is {c:.4g} times the expected one."


def offset(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    if got.size < 2 or not np.isfinite(expected).all():
        return None
    shift = float((got - expected).mean())
    return f"Every entry is off by the same amount, {shift:.4g}." if agree(got - shift, expected, dtype) else None


def transposition(got: np.ndarray, expected: np.ndarray, dtype: str) -> tuple[int, ...] | None:
    """The order of axes that makes `got` right, where there is one."""
    if not 2 <= got.ndim <= MAX_RANK_PERMUTED:
        return None
    orders = list(permutations(range(got.ndim)))[1:]
    return next((order for order in orders if agree(got.transpose(order), expected, dtype)), None)


def transposed(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    order = transposition(got, expected, dtype)
    return f"The numbers are right, but their axes are in the wrong order; {order} would be right." if order else None


def few_wrong(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    wrong = ~close(got, expected, dtype)
    count = int(wrong.sum())
    if got.size < 4 or not 0 < 2 * count <= got.size:
        return None
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"Only {count} of {got.size} entries differ, the first at {list(where)}. What is special about the input there?"


def single_precision(got: np.ndarray, expected: np.ndarray, dtype: str) -> str | None:
    if dtype == "float64" and agree(got, expected, "float32"):
        return "Right to about six digits only: is something rounded to float32, or an eps in the wrong place?"
    return None


FACTS = (wrong_shape, not_finite, all_zero, single_precision, sign, factor, transposed, offset, few_wrong)
