"""A hunt: the weighted mean over an axis, and its gradients, as a function that gives back a function."""

from __future__ import annotations

from typing import Any

import torch

from ...hunts.material import Material, Mistake, dedented

RIGHT = dedented('''
    import torch


    def weighted_mean(a, w, dim=-1):
        """The mean of a over dim, with weights w, which are stretched to a's shape.

        Returns it without that axis, and a function: for g, the gradient of what was
        returned, it gives the gradients of a and of w, each in the shape of its own.
        What is given is left as it is.
        """
        weights = w.expand(a.shape)
        total = weights.sum(dim, keepdim=True)
        y = (weights * a).sum(dim, keepdim=True) / total

        def gradients(g):
            g = g.unsqueeze(dim)
            of_a = g * weights / total
            of_w = g * (a - y) / total
            while of_w.dim() > w.dim():
                of_w = of_w.sum(0)
            for axis, size in enumerate(w.shape):
                if size == 1:
                    of_w = of_w.sum(axis, keepdim=True)
            return of_a, of_w

        return y.squeeze(dim), gradients
''')
SHARES = dedented("""
    import torch


    def weighted_mean(a, w, dim=-1):
        shares = torch.broadcast_to(w, a.shape)
        total = shares.sum(dim, keepdim=True)
        shares = shares / total
        y = (shares * a).sum(dim)

        def gradients(g):
            g = g.unsqueeze(dim)
            return shares * g, (g / total * (a - y.unsqueeze(dim))).sum_to_size(w.shape)

        return y, gradients
""")
LAST_AXIS = dedented("""
    import torch


    def weighted_mean(a, w, dim=-1):
        moved, factors = a.movedim(dim, -1), w.expand(a.shape).movedim(dim, -1)
        total = factors.sum(-1)
        y = torch.einsum("...i,...i->...", moved, factors) / total

        def gradients(g):
            of_a = torch.einsum("...,...i->...i", g / total, factors)
            of_w = torch.einsum("...,...i->...i", g / total, moved - y[..., None])
            back = of_w.movedim(-1, dim)
            return of_a.movedim(-1, dim), back.sum_to_size(w.shape)

        return y, gradients
""")


def test(weighted_mean: Any) -> None:
    """On several shapes, beside torch's own gradients."""
    shapes: list[tuple[tuple[int, ...], tuple[int, ...], int]] = [
        ((3,), (3,), -1),
        ((3, 3), (3,), 0),
        ((2, 3), (3,), -1),
        ((2, 3), (2, 1), -1),
        ((2, 3, 4), (3, 1), 1),
        ((1, 3), (1, 3), 1),
    ]
    random = torch.Generator().manual_seed(1)
    for shape, shape_of_w, dim in shapes:
        where = f"a {[*shape]}, w {[*shape_of_w]}, dim={dim}"
        a = torch.randn(shape, generator=random, dtype=torch.float64)
        w = 0.5 + torch.rand(shape_of_w, generator=random, dtype=torch.float64)
        before = a.clone(), w.clone()
        y, gradients = weighted_mean(a, w, dim)
        free = a.clone().requires_grad_(), w.clone().requires_grad_()
        expected = (free[1] * free[0]).sum(dim) / free[1].expand(shape).sum(dim)
        g = torch.randn(expected.shape, generator=random, dtype=torch.float64)
        answers = zip(("the gradient of a", "the gradient of w"), gradients(g), torch.autograd.grad(expected, free, g), strict=True)
        for what, got, should in (("the value", y, expected.detach()), *answers):
            assert got.shape == should.shape, f"{where}: {what} has shape {[*got.shape]}, expected {[*should.shape]}"
            assert torch.allclose(got, should), f"{where}: {what} is wrong"
        assert torch.equal(a, before[0]), f"{where}: a was changed"
        assert torch.equal(w, before[1]), f"{where}: w was changed"


HUNT = Material(
    name="weighted_mean",
    right=RIGHT,
    variants=(SHARES, LAST_AXIS),
    mistakes=(
        Mistake(
            "total-constant",
            "the gradient of w treats the sum of the weights as a constant",
            "The weights stand above and below the line of the fraction. "
            "Does your test look at the gradient of the weights, where they are not all equal?",
            "of_w = g * (a - y) / total",
            "of_w = g * a / total",
        ),
        Mistake(
            "last-axis",
            "g gets its axis back at the end, whichever axis the mean was taken over",
            "Which axis did you take the mean over? What if it is another one, of a square, so that nothing complains?",
            "g = g.unsqueeze(dim)",
            "g = g.unsqueeze(-1)",
        ),
        Mistake(
            "squeezed",
            "all axes of length 1 are dropped, and not only the one of the mean",
            "Which shape should come out for an a with an axis of length 1 that no mean is taken over?",
            "return y.squeeze(dim), gradients",
            "return y.squeeze(), gradients",
        ),
        Mistake(
            "averaged",
            "the contributions to a weight that was used for several rows are averaged",
            "What if the same weights serve for several rows of a? Each use of a weight contributes to its gradient.",
            "of_w = of_w.sum(0)",
            "of_w = of_w.mean(0)",
        ),
        Mistake(
            "axis-lost",
            "a stretched axis of w is lost in its gradient",
            "What if w has an axis of length 1 that is stretched? Which shape must its gradient have?",
            "of_w = of_w.sum(axis, keepdim=True)",
            "of_w = of_w.sum(axis)",
        ),
        Mistake(
            "in-place",
            "a is multiplied in its place, so that whoever gave it has other numbers afterwards",
            "What is in a after the call? And does the gradient still read the a that was meant?",
            "y = (weights * a).sum(dim, keepdim=True) / total",
            "y = a.mul_(weights).sum(dim, keepdim=True) / total",
        ),
    ),
    test=test,
    advice="Which inputs has it not met yet? Other axes, lengths of 1, stretched shapes; and more than one value comes back.",
)
