"""Graphs of a training step, made quicker: other operators, the same values."""

from collections import Counter

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib.quicker import quicker

x, w, v = (ad.Variable(name) for name in "xwv")
LOSSES = {
    "a linear layer and a mean": lambda: ad.mean(ad.mean(x @ w @ v, dim=1), dim=(0, 1)),
    "the matrix twice": lambda: ad.sum_op((x @ w) * (x @ w), dim=(0, 1, 2)),
    "a batch on both sides": lambda: ad.sum_op((x @ w) @ ad.transpose(x @ w, -2, -1), dim=(0, 1, 2)),
    "no batch": lambda: ad.sum_op(w @ v, dim=(0, 1)),
    "other axes are swapped": lambda: ad.sum_op(ad.transpose(x, 0, 1) @ w, dim=(0, 1, 2)),
}


def made(loss):
    return [loss, *ad.gradients(loss, [x, w, v])]


def values(outputs):
    random = torch.Generator().manual_seed(0)
    sizes = {x: (4, 3, 5), w: (5, 6), v: (6, 2)}
    return ad.Evaluator(outputs).run({leaf: torch.randn(size, generator=random, dtype=torch.float64) for leaf, size in sizes.items()})


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_and_its_gradients_stay(solved, loss):
    outputs = made(LOSSES[loss]())
    for then, now in zip(values(outputs), values(quicker(outputs)), strict=True):
        torch.testing.assert_close(now, then)


def test_a_gradient_of_a_weight_is_one_product_and_nothing_stretched_is_multiplied(solved):
    def names(outputs):
        return Counter(node.op.name for node in ad.topological_order(outputs))

    outputs = made(LOSSES["a linear layer and a mean"]())
    before, after = names(outputs), names(quicker(outputs))
    assert after["summed_product"] == 2
    assert before["matmul"] - after["matmul"] == 2
    assert after["written_out"] == after["expand_as"] == before["expand_as"] > 0


def test_what_is_stretched_is_written_out(solved):
    (stretched,) = quicker([ad.expand_as(v, x @ w @ v)])
    (value,) = ad.Evaluator([stretched]).run({x: torch.ones(4, 6, 5), w: torch.ones(5, 6), v: torch.ones(6, 2)})
    assert value.is_contiguous()
