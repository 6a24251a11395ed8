"""A hunt: what a classifier takes for what, and a share of right answers in which rare classes count as much as others."""

from __future__ import annotations

from typing import Any

import torch

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import torch


    def confusion(scores, labels):
        """What scores (N, K) take labels (N,) for, and the balanced accuracy.

        The matrix, (K, K) integers, has in row i, column j the number of images of
        class i for which j had the highest score. The balanced accuracy is the mean,
        over the classes that have images, of the share of these that was recognised.
        """
        classes = scores.shape[1]
        said = scores.argmax(dim=1)
        matrix = torch.zeros(classes, classes, dtype=torch.long)
        once = torch.ones_like(said)
        matrix.index_put_((labels, said), once, accumulate=True)
        images = matrix.sum(dim=1)
        there = images > 0
        recognised = matrix.diagonal()[there] / images[there]
        return matrix, recognised.mean()
''')
COUNTED = dedented("""
    import torch


    def confusion(scores, labels):
        classes = scores.shape[1]
        said = scores.max(dim=1).indices
        counts = torch.bincount(labels * classes + said, minlength=classes * classes)
        matrix = counts.reshape(classes, classes)
        shares = [float(row[i]) / float(row.sum()) for i, row in enumerate(matrix) if row.any()]
        return matrix, torch.tensor(sum(shares) / len(shares))
""")
ONE_HOT = dedented("""
    import torch


    def confusion(scores, labels):
        eye = torch.eye(scores.shape[1], dtype=torch.long)
        truth, said = eye[labels], eye[scores.argmax(dim=1)]
        matrix = truth.T @ said
        right = (truth * said).sum(dim=0) / truth.sum(dim=0)
        return matrix, right.nanmean()
""")


def test(confusion: Any) -> None:
    """A class that is rare, one that is missing, pairs that come twice, and an image more than classes."""
    labels, said = torch.tensor([0, 0, 0, 0, 1, 1, 3]), torch.tensor([0, 0, 0, 1, 2, 2, 3])
    cases = [
        ("seven images of three classes out of four", labels, said, [[3, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 1]], 1.75 / 3),
        ("three images of which none is of the last class", labels[:3], torch.tensor([0, 3, 3]), [[1, 0, 0, 2]] + 3 * [[0] * 4], 1 / 3),
    ]
    for what, truth, best, expected, share in cases:
        scores = 5 * torch.eye(4)[best] - torch.arange(4) - 10.0 * torch.arange(len(best))[:, None]
        matrix, balanced = confusion(scores, truth)
        assert list(matrix.shape) == [4, 4], f"{what}: the matrix has shape {[*matrix.shape]}, expected [4, 4]"
        assert matrix.tolist() == expected, f"{what}: the matrix is {matrix.tolist()}, expected {expected}"
        assert abs(float(balanced) - share) < 1e-5, f"{what}: the balanced accuracy is {float(balanced):.4f}, expected {share:.4f}"


HUNT = Material(
    name="confusion",
    right=RIGHT,
    variants=(COUNTED, ONE_HOT),
    mistakes=(
        Mistake(
            "counted-once",
            "a pair of classes that comes several times is counted once",
            "Did two images of the same class get the same answer?",
            "matrix.index_put_((labels, said), once, accumulate=True)",
            "matrix[labels, said] += once",
        ),
        Mistake(
            "turned",
            "rows are what was said, and columns what is true",
            "Was any image taken for another class? On which side of the diagonal does it stand?",
            "matrix.index_put_((labels, said), once, accumulate=True)",
            "matrix.index_put_((said, labels), once, accumulate=True)",
        ),
        Mistake(
            "columns",
            "the images that were taken for a class are counted, and not those that are of it",
            "Was any image taken for another class? Of how many images is the share?",
            "images = matrix.sum(dim=1)",
            "images = matrix.sum(dim=0)",
        ),
        Mistake(
            "frequent",
            "classes count by how many images they have",
            "Had every class the same number of images? A rare one counts as much as the others.",
            "return matrix, recognised.mean()",
            "return matrix, matrix.diagonal().sum() / images.sum()",
        ),
        Mistake(
            "missing-class",
            "a class without images counts as one of which nothing was recognised",
            "What if there are no images of some class?",
            "there = images > 0",
            "there, images = images >= 0, images.clamp(min=1)",
        ),
        Mistake(
            "classes-seen",
            "there are as many classes as the labels tell",
            "What if there are no images of the last class? The scores know of it.",
            "classes = scores.shape[1]",
            "classes = int(labels.max()) + 1",
        ),
    ),
    test=test,
    advice="Which answers has it not met yet? Wrong ones, the same ones twice, classes that are rare or missing.",
)
