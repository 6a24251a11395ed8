"""Figures: what is written, hatched and in which order, and what is said when shapes do not fit."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from autodiff_lib import figures

TOKENS = ["the", "cat", "sat", "down"]


@pytest.fixture
def drawn(monkeypatch):
    """Calls a function of the library, draws what it would show, and hands out the figure."""
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))

    def draw(function, *arguments, **options):
        function(*arguments, **options)
        assert len(shown) == 1, "a function shows one figure"
        shown[0].canvas.draw()
        return shown.pop()

    plt.switch_backend("Agg")
    with plt.style.context("autodiff_lib.course"):
        yield draw
    plt.close("all")


def attention(*shape, causal=True):
    scores = torch.randn(*shape, generator=torch.manual_seed(0))
    future = torch.ones(shape[-2:]).triu(1).bool()
    return torch.softmax(scores.masked_fill(future, -1e9) if causal else scores, dim=-1)


def panels(figure):
    """The axes with a heat-map on them; the colour bar has none."""
    return [axis for axis in figure.axes if axis.images]


def labels(axis):
    return [[label.get_text() for label in side.get_ticklabels()] for side in (axis.yaxis, axis.xaxis)]


def numbers(axis):
    return {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in axis.texts}


def hatched(axis):
    """(row, column) of each hatched cell."""
    cells = set()
    for stripes in axis.collections:
        assert stripes.get_hatch()
        centres = (path.vertices[:4].mean(axis=0) for path in stripes.get_paths())
        cells |= {(round(float(y)), round(float(x))) for x, y in centres}
    return cells


def future_of(size):
    return {(query, key) for query in range(size) for key in range(query + 1, size)}


def test_attention_has_queries_as_rows_keys_as_columns_and_all_tokens(drawn):
    (axis,) = panels(drawn(figures.attention_maps, attention(4, 4), TOKENS))
    assert labels(axis) == [TOKENS, TOKENS]
    assert (axis.get_ylabel(), axis.get_xlabel(), axis.get_title()) == ("query", "key", "")
    assert {label.get_rotation() for label in axis.get_xticklabels()} == {90}
    assert {label.get_rotation() for label in axis.get_yticklabels()} == {0}
    assert axis.images[0].get_clim() == (0, 1)


def test_the_future_is_hatched_and_without_numbers_unless_weight_leaks_into_it(drawn):
    (axis,) = panels(drawn(figures.attention_maps, attention(4, 4), TOKENS))
    assert hatched(axis) == future_of(4)
    assert set(numbers(axis)) == set(np.ndindex(4, 4)) - future_of(4)
    (leaky,) = panels(drawn(figures.attention_maps, attention(4, 4, causal=False), TOKENS))
    assert hatched(leaky) == future_of(4)
    assert set(numbers(leaky)) == set(np.ndindex(4, 4))


def test_what_is_not_causal_is_not_hatched(drawn):
    (axis,) = panels(drawn(figures.attention_maps, attention(4, 4, causal=False), TOKENS, causal=False))
    assert hatched(axis) == set()


@pytest.mark.parametrize("heads", [1, 2, 4, 5])
def test_each_head_has_a_panel_and_a_title_if_there_are_several(drawn, heads):
    weights = attention(heads, 4, 4)
    shown = panels(drawn(figures.attention_maps, weights, TOKENS))
    assert [axis.get_title() for axis in shown] == ([f"head {i + 1}" for i in range(heads)] if heads > 1 else [""])
    for axis, head in zip(shown, weights, strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), head)


def test_numbers_stand_in_cells_up_to_ten_tokens(drawn):
    (small,) = panels(drawn(figures.attention_maps, attention(10, 10), list("abcdefghij")))
    (large,) = panels(drawn(figures.attention_maps, attention(11, 11), list("abcdefghijk")))
    assert len(numbers(small)) == 55
    assert numbers(small)[0, 0] == "1.00"
    assert numbers(large) == {}


def test_of_many_tokens_only_some_are_written_each_at_its_place(drawn):
    tokens = [f"t{i}" for i in range(100)]
    (axis,) = panels(drawn(figures.attention_maps, attention(100, 100), tokens))
    assert len(labels(axis)[0]) <= figures.MAX_LABELS
    assert labels(axis)[0] == [tokens[int(tick)] for tick in axis.get_yticks()]


def test_spaces_breaks_and_dollars_are_visible(drawn):
    (axis,) = panels(drawn(figures.attention_maps, attention(4, 4), [" ", "\n", "$x$", "a b"]))
    assert labels(axis)[1] == ["␣", "↵", r"\$x\$", "a␣b"]


@pytest.mark.parametrize("shape", [(4,), (3, 4), (3, 3), (2, 4, 3), (1, 2, 4, 4)])
def test_attention_of_a_wrong_shape_says_what_was_got_and_expected(shape):
    with pytest.raises(ValueError, match=r"\(4, 4\) or \(heads, 4, 4\), since there are 4 tokens") as raised:
        figures.attention_maps(torch.zeros(shape), TOKENS)
    assert str(shape) in str(raised.value)


def test_the_most_probable_words_come_first_with_their_numbers(drawn):
    axis = drawn(figures.next_tokens, torch.tensor([0.125, 0.5, 0.0625, 0.3125]), TOKENS, top=3).axes[0]
    assert labels(axis)[0] == ["cat", "down", "the"]
    assert axis.yaxis_inverted(), "the first bar is the upper one"
    assert [bar.get_width() for bar in axis.patches] == [0.5, 0.3125, 0.125]
    assert [text.get_text() for text in axis.texts] == ["0.500", "0.312", "0.125"]


def test_next_tokens_shows_all_words_of_a_small_vocabulary(drawn):
    axis = drawn(figures.next_tokens, np.array([0.1, 0.2, 0.3, 0.4]), TOKENS).axes[0]
    assert labels(axis)[0] == TOKENS[::-1]


@pytest.mark.parametrize("shape", [(3,), (1, 4), ()])
def test_probabilities_of_a_wrong_shape_say_what_was_got_and_expected(shape):
    with pytest.raises(ValueError, match=r"expected \(4,\)") as raised:
        figures.next_tokens(torch.zeros(shape), TOKENS)
    assert f"have shape {shape}" in str(raised.value)


def test_similar_words_stand_together_and_numbers_are_cosines(drawn):
    words = ["red", "one", "cat", "blue", "two", "dog"]
    rows = torch.eye(3)[[0, 1, 2, 0, 1, 2]] * torch.tensor([[1.0], [2], [3], [4], [5], [6]]) + 0.1 * torch.eye(6)[:, :3]
    (axis,) = panels(drawn(figures.similarity, rows, words))
    across, down = labels(axis)
    assert across == down
    assert sorted(across) == sorted(words)
    pairs = [set(across[i : i + 2]) for i in (0, 2, 4)]
    assert all(pair in pairs for pair in ({"red", "blue"}, {"one", "two"}, {"cat", "dog"}))
    i, j = across.index("red"), across.index("one")
    expected = torch.cosine_similarity(rows[0], rows[1], dim=0).item()
    assert numbers(axis)[i, j] == f"{expected:.2f}"
    assert numbers(axis)[i, i] == "1.00"


def test_opposite_words_are_hatched_and_a_row_of_zeros_is_like_nothing(drawn):
    (axis,) = panels(drawn(figures.similarity, torch.tensor([[1.0, 0], [-2, 0], [0, 0]]), ["yes", "no", "void"]))
    order = labels(axis)[0]
    yes, no, void = (order.index(word) for word in ("yes", "no", "void"))
    assert hatched(axis) == {(yes, no), (no, yes)}
    assert numbers(axis)[yes, no] == "-1.00"
    assert numbers(axis)[void, yes] == "0.00"


def test_a_chain_puts_a_line_back_in_order():
    places = np.array([5, 0, 3, 8, 1])
    order = figures.chain(-np.abs(places[:, None] - places[None, :]).astype(float))
    assert [int(places[i]) for i in order] in ([0, 1, 3, 5, 8], [8, 5, 3, 1, 0])
    assert figures.chain(np.ones((1, 1))) == [0]


@pytest.mark.parametrize("shape", [(3, 2), (4,), (4, 2, 2)])
def test_embeddings_of_a_wrong_shape_say_what_was_got_and_expected(shape):
    with pytest.raises(ValueError, match=r"expected \(4, D\)") as raised:
        figures.similarity(torch.zeros(shape), TOKENS)
    assert f"have shape {shape}" in str(raised.value)


def test_loss_curves_differ_in_dash_and_marker_and_are_named(drawn):
    axis = drawn(figures.loss_curves, {"training": [3.0, 2.0, 1.0], "fresh": [3.0, 2.5, 2.4]}, per="epoch").axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["training", "fresh"]
    assert len({line.get_linestyle() for line in axis.lines}) == len({line.get_marker() for line in axis.lines}) == 2
    assert list(axis.lines[0].get_xdata()) == [1, 2, 3]
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_yscale()) == ("epoch", "loss", "log")
    assert all(float(tick) == int(tick) for tick in axis.get_xticks())
    assert not any("e" in label.get_text() for label in axis.get_yticklabels(which="both"))


@pytest.mark.parametrize(
    ("count", "ticks"),
    [
        (1, [1]),
        (2, [1, 2]),
        (9, [*range(1, 10)]),
        (60, [*range(0, 61, 10)]),
        (120, [*range(0, 121, 20)]),
        (300, [*range(0, 301, 50)]),
        (2000, [*range(0, 2001, 500)]),
    ],
)
def test_steps_and_epochs_are_counted_as_people_do(drawn, count, ticks):
    losses = np.linspace(3, 1, count)
    (curves,) = drawn(figures.loss_curves, {"training": losses}).axes
    epochs = drawn(figures.learning, {"loss": losses, "accuracy": losses / 3}, classes=10).axes
    for axis in (curves, *epochs):
        low, high = axis.get_xlim()
        assert [tick for tick in axis.get_xticks() if low <= tick <= high] == ticks


def test_losses_may_be_drawn_on_a_plain_scale(drawn):
    axis = drawn(figures.loss_curves, {"training": np.linspace(1, -1, 200)}, log=False).axes[0]
    assert axis.get_yscale() == "linear"


@pytest.mark.parametrize(("curves", "named"), [({}, "any"), ({"full": [1.0], "bare": []}, "'bare'")])
def test_an_empty_curve_is_named(curves, named):
    with pytest.raises(ValueError, match=f"expected a number or more in each curve, got none in {named}"):
        figures.loss_curves(curves)


def test_matrices_share_one_scale_and_hold_numbers_where_there_is_room(drawn):
    shown = panels(drawn(figures.matrices, {"a": torch.tensor([[1.0, -2], [0, -0.001]]), "b": torch.full((11, 3), 4.0)}))
    assert [axis.get_title() for axis in shown] == ["a", "b"]
    assert {axis.images[0].get_clim() for axis in shown} == {(-4, 4)}
    assert numbers(shown[0]) == {(0, 0): "1.00", (0, 1): "-2.00", (1, 0): "0.00", (1, 1): "0.00"}
    assert numbers(shown[1]) == {}


@pytest.mark.parametrize(("number", "size", "rows"), [(2, 3, 1), (3, 3, 1), (4, 4, 2), (5, 4, 3), (2, 8, 1), (2, 10, 2)])
def test_matrices_stand_below_one_another_where_side_by_side_they_would_be_too_wide(number, size, rows, drawn):
    figure = drawn(figures.matrices, {str(which): torch.ones(size, size) for which in range(number)})
    assert len({round(axis.get_position().y0, 2) for axis in panels(figure)}) == rows
    assert figure.get_size_inches()[0] <= figures.WIDEST + 0.5
    assert len(panels(figure)) == number


def test_many_pictures_in_a_row_are_smaller_and_no_wider(drawn):
    few, many = (drawn(figures.pictures, torch.zeros(10, 8, 8), range(10), across=across) for across in (5, 10))
    assert few.get_size_inches().tolist() == [5, 2.7]
    assert many.get_size_inches().tolist() == [figures.WIDEST, pytest.approx(1.08)]


# --- signs


def test_numbers_of_both_signs_have_zero_in_the_middle_and_the_negative_ones_are_hatched(drawn):
    figure = drawn(figures.matrices, {"one": [[1.0, -4.0], [0.0, 2.0]], "other": [[3.0, 3.0], [-1e-12, 3.0]]})
    for axis, negative in zip(panels(figure), ({(0, 1)}, set()), strict=True):
        (image,) = axis.images
        assert image.get_clim() == (-4.0, 4.0)
        assert min(image.to_rgba(0.0)[:3]) > 0.9, "pale"
        assert hatched(axis) == negative
    assert figure.axes[-1].get_ylabel() == "hatched: below 0"


@pytest.mark.parametrize("matrix", [[[0.0, 1.0]], [[-1.0, 0.0]], [[1.0, -1e-12]]])
def test_numbers_of_one_sign_have_the_whole_scale_and_zero_is_pale(matrix, drawn):
    figure = drawn(figures.matrices, {"it": matrix})
    (axis,) = panels(figure)
    assert axis.images[0].get_clim() == (min(matrix[0]), max(matrix[0]))
    assert min(axis.images[0].to_rgba(0.0)[:3]) > 0.9 > max(axis.images[0].to_rgba(max(matrix[0], key=abs))[:3])
    assert hatched(axis) == set()


# --- images, and how a model of them learns


def test_each_picture_has_its_title_and_empty_places_show_nothing(drawn):
    figure = drawn(figures.pictures, torch.zeros(5, 2, 2), [0, 1, 2, 3, 4], across=3)
    assert [axis.get_title() for axis in figure.axes] == ["0", "1", "2", "3", "4", ""]
    assert [len(axis.images) for axis in figure.axes] == [1] * 5 + [0]


def test_pictures_and_titles_must_be_as_many():
    with pytest.raises(ValueError, match="there are 2 titles, expected 3"):
        figures.pictures(torch.zeros(3, 2, 2), ["one", "two"])


def test_the_shares_of_rows_stand_beside_their_image(drawn):
    shares = attention(4, 4, causal=False)
    left, right = panels(drawn(figures.looking_rows, torch.zeros(4, 6), shares))
    assert np.array_equal(left.images[0].get_array(), np.zeros((4, 6)))
    assert np.allclose(right.images[0].get_array(), shares)


def test_shares_that_are_not_those_of_the_rows_are_refused():
    with pytest.raises(ValueError, match=r"shares have shape \(6, 6\), expected \(4, 4\)"):
        figures.looking_rows(torch.zeros(4, 6), torch.zeros(6, 6))


def test_a_training_shows_its_loss_beside_a_guess_and_its_accuracies_by_name(drawn):
    left, right = drawn(figures.learning, {"loss": [2.5, 1.0], "training": [0.1, 0.5], "held out": [0.1, 0.4]}, classes=10).axes
    assert left.lines[1].get_ydata()[0] == pytest.approx(np.log(10))
    assert left.get_ylim()[1] > 2.5
    assert [line.get_label() for line in right.lines] == ["training", "held out"]


def test_a_training_has_a_line_for_each_accuracy_and_no_two_of_one_style(drawn):
    history = {"loss": [2.5, 1.0]} | {f"part {number}": [0.1, 0.1 * number] for number in range(7)}
    _, right = drawn(figures.learning, history, classes=10).axes
    assert [line.get_label() for line in right.lines] == [name for name in history if name != "loss"]
    styles = [(line.get_marker(), line.get_linestyle()) for line in right.lines]
    assert len(set(styles[:6])) == 6


@pytest.mark.parametrize("history", [{"loss": [], "training": []}, {"training": [0.5]}])
def test_a_training_without_a_loss_is_refused(history):
    with pytest.raises(ValueError, match='learning: expected a number or more as "loss", got none'):
        figures.learning(history, classes=10)


def test_bars_say_their_shares_and_where_a_guess_would_be(drawn):
    (axis,) = drawn(figures.bars, {"as it is": 0.87, "no scale": 0.5}, "accuracy", guess=0.1).axes
    assert labels(axis)[0] == ["as it is", "no scale"]
    assert [text.get_text() for text in axis.texts] == ["87%", "50%", " a guess"]
