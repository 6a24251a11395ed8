"""What the notebook of unit 3 is given: weights before training, and towers of the student's layers that learn small tasks."""

import pytest
import torch

import autodiff_lib as ad
from autodiff_lib import text
from autodiff_lib.units.transformer_lm.given import curve, initial_weights, tower, train_tower

tokens = torch.randint(3, (6, 4), generator=torch.Generator().manual_seed(0))
X = text.one_hot(tokens, 3)  # (6, 4, 3)
BEFORE = X, X[:, :-1], torch.eye(4, dtype=torch.float64)[1:]


def test_weights_begin_such_that_a_product_keeps_its_variance_and_the_first_and_the_last_are_a_tenth():
    weights = initial_weights({"W_Q": (400, 300), "W_embed": (400, 300), "W_head": (300, 400)})
    assert float(weights["W_Q"].var()) == pytest.approx(1 / 400, rel=0.05)
    assert float(weights["W_embed"].std()) == pytest.approx(0.1 / 20, rel=0.05)
    assert float(weights["W_head"].std()) == pytest.approx(0.1 / 300**0.5, rel=0.05)
    again, other = initial_weights({"W_Q": (4, 3)}), initial_weights({"W_Q": (4, 3)}, seed=1)
    assert torch.equal(again["W_Q"], initial_weights({"W_Q": (4, 3)})["W_Q"])
    assert not torch.equal(again["W_Q"], other["W_Q"])


def test_a_tower_has_the_students_layers_one_after_the_other(solved):
    model = tower(words=3, layers=2, dim=8)
    assert len(model.weights) == len(model.shapes) == 2 + 2 * 6
    operators = [node.op.name for node in ad.topological_order([model.logits])]
    assert operators.count("softmax") == 2
    assert operators.count("layernorm") == 4


def test_a_rule_takes_a_part_out_of_every_layer(solved):
    model = tower(words=3, layers=2, dim=8, rule=lambda node, inputs: inputs[0] if node.op.name == "layernorm" else None)
    operators = [node.op.name for node in ad.topological_order([model.logits])]
    assert operators.count("layernorm") == 0
    assert operators.count("softmax") == 2


def test_a_tower_learns_with_waves_and_its_curve_is_that_of_its_losses(solved):
    trained = train_tower(*BEFORE, dim=8, steps=30)
    assert trained.losses[-1] < trained.losses[0] - 0.1
    assert torch.equal(trained.positions, text.positions(4, 8))
    assert curve(*BEFORE, dim=8, steps=30) == trained.losses


def test_positions_that_are_learned_leave_their_start_and_it_stays_as_it_was(solved):
    start = torch.full((4, 8), 0.1, dtype=torch.float64)
    trained = train_tower(*BEFORE, dim=8, steps=3, places=start)
    assert torch.equal(start, torch.full((4, 8), 0.1, dtype=torch.float64))
    assert bool((trained.positions != start).any(dim=1).all()), "each place is asked, or looked at"
    assert "positions" not in trained.weights


def test_a_place_that_nobody_asks_for_or_sees_is_not_learned(solved):
    start = torch.ones(4, 8, dtype=torch.float64)
    first_two = torch.eye(4, dtype=torch.float64)[:2]
    trained = train_tower(X, X[:, :2], first_two, dim=8, steps=3, places=start)
    assert torch.equal(trained.positions[2:], start[2:]), "the mask hides them"
    assert not torch.equal(trained.positions[:2], start[:2])


def test_answers_are_words_at_each_place_also_of_longer_texts(solved):
    trained = train_tower(*BEFORE, dim=8, steps=150)
    assert (trained.answers(X)[:, 1:] == tokens[:, :-1]).double().mean() > 0.9
    longer = text.one_hot(torch.zeros(2, 7, dtype=torch.long), 3)
    assert trained.answers(longer, text.positions(7, 8)).shape == (2, 7)
