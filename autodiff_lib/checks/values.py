"""Numbers for cases: seeded by the case's name, so the same in every process and on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np

Shape = tuple[int, ...]


def generator(*names: object) -> np.random.Generator:
    """A generator seeded by names: a case's, a question's, an instructor's secret."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def draw(kind: str, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """float64 values of a kind: `KINDS` says what each is for."""
    return KINDS[kind](shape, rng)


def away_from_zero(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], shape) * (0.5 + np.abs(rng.standard_normal(shape)))


def flat_rows(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Rows that hardly vary: only an eps inside the root keeps their normalisation tame."""
    return rng.standard_normal((*shape[:-1], 1)) + 1e-2 * rng.standard_normal(shape)


def level_rows(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Rows whose entries are all equal: a variance of exactly zero, and no largest entry."""
    return np.broadcast_to(rng.standard_normal((*shape[:-1], 1)), shape).copy()


def nearly_level_rows(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Rows whose variance is far below any eps."""
    return level_rows(shape, rng) + 1e-4 * rng.standard_normal(shape)


def specks(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Positive numbers between a billionth and a hundredth: whoever guards against zero changes them."""
    return 10 ** rng.uniform(-9, -2, shape)


def with_zeros(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Away from zero, but for the first entry and the last."""
    values = away_from_zero(shape, rng)
    values.flat[0] = values.flat[-1] = 0
    return values


def huge(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Up to +-1e3, both ends present: exp overflows unless the largest entry is subtracted first."""
    values = rng.uniform(-1e3, 1e3, shape)
    values.flat[0], values.flat[-1] = 1e3, -1e3
    return values


def peak(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """One entry at 1e3 above a plain near -1e3: a shift by the largest entry of all sends every row of the plain
    to exp(-2000), and a shift by its mean leaves the row of the peak at exp(1000), whichever the axis."""
    values = rng.standard_normal(shape) - 1e3
    values.flat[-1] = 1e3
    return values


def among(*numbers: int) -> Callable[[Shape, np.random.Generator], np.ndarray]:
    """Values among these, each of them once before one comes again."""

    def chosen(shape: Shape, rng: np.random.Generator) -> np.ndarray:
        count = int(np.prod(shape))
        rounds = [rng.permutation(numbers) for _ in range(-(-count // len(numbers)))]
        return np.concatenate([np.zeros(0), *rounds])[:count].reshape(shape).astype(float)

    return chosen


SAID = {
    "huge": "values up to ±1000",
    "ties": "ties and zeros",
    "zeros": "all zeros",
    "ones": "all ones",
    "flat": "nearly flat rows",
    "level": "rows of equal entries",
    "nearly level": "rows of nearly equal entries",
    "small": "values near zero",
    "specks": "positive values near zero",
    "some zero": "division by zero",
    "peak": "one entry of 1000, the others near -1000",
}
"""How a case's name mentions kinds of values worth a word."""


def described(shapes: Iterable[Shape], settings: Mapping[str, object], kinds: Iterable[str]) -> str:
    """A case's arguments in words: their shapes, what is set by name, and what is special about the numbers."""
    said = "".join(f", {SAID[kind]}" for kind in dict.fromkeys(kinds) if kind in SAID)
    return " and ".join(str(list(shape)) for shape in shapes) + "".join(f", {key}={value}" for key, value in settings.items()) + said


KINDS = {
    "normal": lambda shape, rng: rng.standard_normal(shape),
    "positive": lambda shape, rng: 0.5 + np.abs(rng.standard_normal(shape)),  # roots, logarithms
    "away": away_from_zero,  # denominators
    "huge": huge,
    "ties": lambda shape, rng: rng.integers(-2, 3, shape).astype(float),  # equal entries, and zeros
    "zeros": lambda shape, rng: np.zeros(shape),
    "ones": lambda shape, rng: np.ones(shape),
    "flat": flat_rows,
    "level": level_rows,
    "nearly level": nearly_level_rows,
    "small": lambda shape, rng: rng.choice([-1.0, 1.0], shape) * specks(shape, rng),  # both sides of a threshold
    "specks": specks,
    "some zero": with_zeros,  # denominators
    "peak": peak,
    "whole": among(-3, -2, -1, 0, 1, 2, 3, 4, 5),  # for a pencil
    "factors": among(-3, 2, 4, 6, 7, 8),  # whoever leaves one of them out must notice it; no sum of some of them is zero
    "divisors": among(-5, -4, -2, 2, 4, 5),  # with few decimals
    "counting": among(2, 3, 4, 5, 6),
    "squares": among(1, 4, 9, 16, 25),
}
