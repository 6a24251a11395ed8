"""What the notebook of unit 4 is given: weights before training, a model's steps, and the loop around the student's epoch."""

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib.data import Images
from autodiff_lib.registry import table
from autodiff_lib.units.vision_transformer.given import Model, initial_weights, score, train

UNIT = "04_vision_transformer"
random = torch.Generator().manual_seed(0)
LABELS = torch.arange(30) % 3
SHOWN = torch.randn(30, 4, 5, generator=random) + torch.eye(3)[LABELS][:, :, None].repeat(1, 2, 1)[:, :4]
IMAGES = Images("noise", SHOWN[:24], LABELS[:24], SHOWN[24:], LABELS[24:])


@pytest.fixture
def model(solved):
    unit, shown, wanted = solved[UNIT], ad.Variable("X"), ad.Variable("y")
    nodes = {name: ad.Variable(name) for name in unit.shapes_of(4, 5, classes=3)}
    return Model(shown, wanted, unit.vision_transformer(shown, nodes, unit.D), nodes)


@pytest.fixture
def start(solved):
    return initial_weights(solved[UNIT].shapes_of(4, 5, classes=3))


def test_matrices_keep_the_variance_biases_are_zero_and_positions_are_as_large_as_rows():
    found = initial_weights({"W_1": (400, 300), "b_1": (300,), "positions": (300, 300)})
    assert float(found["W_1"].var()) == pytest.approx(1 / 400, rel=0.05)
    assert float(found["positions"].var()) == pytest.approx(1, rel=0.05)
    assert not found["b_1"].any()


def test_a_step_is_built_once_for_each_size_of_a_batch(model, start):
    one_hot = torch.eye(3)
    for size in (5, 3, 5):
        loss, grads = model.run(SHOWN[:size], one_hot[LABELS[:size]], start)
        assert loss.shape == ()
        assert {name: grad.shape for name, grad in grads.items()} == {name: value.shape for name, value in start.items()}
    assert set(model.steps) == {5, 3}
    assert model.step(5) is model.step(5)


def test_training_calls_the_students_epoch_on_all_images_in_an_order_of_its_own_each_time(model, start, monkeypatch, fresh_table):
    orders = []

    def epoch(run_model, shown, wanted, weights, batch_size, learning_rate):
        orders.append(shown)
        return weights, 1.0

    table[f"{UNIT}.sgd_epoch"] = epoch
    weights, history = train(model, start, IMAGES, epochs=2)
    assert weights == start
    assert history["loss"] == [1.0, 1.0]
    assert not torch.equal(*orders)
    first, second = (shown.flatten(1).sum(1).sort().values for shown in orders)
    assert torch.allclose(first, second)
    assert history["held out"] == [score(model, start, IMAGES.X_test, IMAGES.y_test)] * 2


def test_it_learns(model, start):
    _, history = train(model, start, IMAGES, epochs=15, batch_size=8)
    assert history["loss"][-1] < history["loss"][0] - 0.3
