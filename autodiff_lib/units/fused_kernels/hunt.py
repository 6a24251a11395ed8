"""A hunt: mean and variance in one pass, block by block."""

from __future__ import annotations

from typing import Any

import torch

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import torch


    def mean_and_variance(x, block=4):
        """Of a row x (N,), which is read once, block by block, and left as it is.

        Three numbers are kept: how many there were, their mean, and the sum of their
        squared distances from it. The variance is the mean of those, as in layer norm.
        """
        count, mean, squares = 0, 0.0, 0.0
        for start in range(0, len(x), block):
            part = x[start : start + block]
            size = len(part)
            part_mean = part.mean()
            away = part - part_mean
            part_squares = (away * away).sum()
            step = part_mean - mean
            squares = squares + part_squares + step**2 * count * size / (count + size)
            count = count + size
            mean = mean + step * size / count
        return mean, squares / count
''')
TWO_PASSES = dedented("""
    import torch


    def mean_and_variance(x, block=4):
        wide = x.double()
        mean = wide.sum() / len(wide)
        return mean.to(x.dtype), ((wide - mean) ** 2).mean().to(x.dtype)
""")
ONE_BY_ONE = dedented("""
    import torch


    def mean_and_variance(x, block=4):
        mean = squares = torch.zeros((), dtype=torch.float64)
        for count, number in enumerate(x.double(), start=1):
            away = number - mean
            mean = mean + away / count
            squares = squares + away * (number - mean)
        return mean.to(x.dtype), (squares / len(x)).to(x.dtype)
""")


def test(mean_and_variance: Any) -> None:
    """Rows of several lengths, short and far from zero."""
    random = torch.Generator().manual_seed(2)
    slope = torch.arange(12) / 4
    rows = {
        "one block": torch.randn(4, generator=random),
        "two blocks": torch.randn(8, generator=random) + slope[:8],
        "three blocks": torch.randn(12, generator=random) + slope,
        "two blocks and a half": torch.randn(10, generator=random) + slope[:10],
        "half a block": torch.randn(2, generator=random),
        "a row near 4096": torch.randn(12, generator=random) + 4096,
    }
    for what, x in rows.items():
        before = x.clone()
        mean, variance = (float(number) for number in mean_and_variance(x))
        should = float(x.double().mean()), float(x.double().var(correction=0))
        assert torch.equal(x, before), f"{what}: the row was changed"
        assert abs(mean - should[0]) < 1e-3 * (1 + abs(should[0])), f"{what}: the mean is {mean:.4f}, expected {should[0]:.4f}"
        assert abs(variance - should[1]) < 1e-2 * should[1], f"{what}: the variance is {variance:.4f}, expected {should[1]:.4f}"


HUNT = Material(
    name="mean_and_variance",
    right=RIGHT,
    variants=(TWO_PASSES, ONE_BY_ONE),
    mistakes=(
        Mistake(
            "block-for-size",
            "the last block counts as a whole one, however short it is",
            "Do blocks fill the row, or is there a shorter one at its end?",
            "size = len(part)",
            "size = block",
        ),
        Mistake(
            "tail",
            "a last block that is not full is never read",
            "Do blocks fill the row, or is there a shorter one at its end?",
            "for start in range(0, len(x), block):",
            "for start in range(0, len(x) - block + 1, block):",
        ),
        Mistake(
            "between",
            "the distances between the means of the blocks are left out of the variance",
            "Was there more than one block, and had they different means?",
            "squares = squares + part_squares + step**2 * count * size / (count + size)",
            "squares = squares + part_squares",
        ),
        Mistake(
            "two-blocks",
            "the distance between means gets a weight that is right for two full blocks alone",
            "How many blocks were there? What holds for one and two need not hold for three.",
            "squares = squares + part_squares + step**2 * count * size / (count + size)",
            "squares = squares + part_squares + step**2 * count / 2",
        ),
        Mistake(
            "cancelled",
            "the squares are taken as they are and the mean is subtracted from them, so that digits cancel far from zero",
            "How far from zero were the numbers, and how near to each other? float32 has seven digits.",
            "part_squares = (away * away).sum()",
            "part_squares = (part * part).sum() - size * part_mean**2",
        ),
        Mistake(
            "in-place",
            "the block is a view of the row, and the mean is subtracted from it in its place",
            "What is in x after the call?",
            "away = part - part_mean",
            "away = part.sub_(part_mean)",
        ),
    ),
    test=test,
    advice="Which rows has it not met yet? Of one block and of several, of lengths that blocks do not fill, with numbers far from zero.",
)
