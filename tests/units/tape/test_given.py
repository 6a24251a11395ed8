"""What the notebook of unit 7 is given: the buffer, the engine before its methods are written, unbroadcast, and layers before forward."""

import importlib.util
import sys

import numpy as np
import pytest

from autodiff_lib.units.tape import given
from autodiff_lib.units.tape.given import Autograd, GradientBuffer, Layer, Loss, Operation, WeightedLayer, unbroadcast


def test_a_spot_is_found_by_where_an_array_begins():
    x, buffer = np.arange(6.0).reshape(2, 3), GradientBuffer()
    buffer.add_spot(x)
    assert [buffer.is_in_memory(view) for view in (x, x.T, x[:1], x.reshape(-1), x[1:], x.copy())] == [True] * 4 + [False] * 2


@pytest.mark.parametrize(("dtype", "kept"), [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)])
def test_a_spot_begins_with_zeros_of_the_arrays_shape_and_kind(dtype, kept):
    x, buffer = np.ones((2, 3), dtype), GradientBuffer()
    buffer.add_spot(x)
    spot = buffer.get_param(x)
    assert (spot.shape, spot.dtype, spot.any()) == ((2, 3), kept, False)
    buffer.update_param(x, np.full((2, 3), 0.5, np.float64))
    assert buffer.get_param(x).dtype == kept


def test_to_update_adds_to_set_replaces_and_a_second_spot_is_none():
    x, gradient, buffer = np.ones(2), np.array([1.0, 2.0]), GradientBuffer()
    buffer.add_spot(x)
    buffer.update_param(x, gradient)
    buffer.update_param(x, gradient)
    buffer.add_spot(x)
    assert buffer.get_param(x).tolist() == [2, 4]
    buffer.set_param(x, gradient)
    assert buffer.get_param(x).tolist() == [1, 2]
    assert gradient.tolist() == [1, 2]


def test_what_is_put_into_a_spot_is_copied():
    x, gradient, buffer = np.ones(2), np.array([1.0, 2.0]), GradientBuffer()
    buffer.add_spot(x)
    for put in (buffer.set_param, buffer.update_param):
        put(x, gradient)
        gradient[:] = np.nan
        assert np.isfinite(buffer.get_param(x)).all()
        gradient[:] = [1, 2]


def test_a_gradient_of_another_shape_is_refused():
    x, buffer = np.ones((2, 3)), GradientBuffer()
    buffer.add_spot(x)
    with pytest.raises(ValueError, match="broadcast"):
        buffer.update_param(x, np.ones((3, 2)))


def test_without_a_spot_an_array_is_named_by_its_shape_and_a_number_is_no_array():
    buffer = GradientBuffer()
    for ask in (buffer.get_param, lambda x: buffer.update_param(x, 1), lambda x: buffer.set_param(x, 1)):
        with pytest.raises(KeyError, match=r"no spot .* of shape \(2, 3\): add_spot makes one"):
            ask(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"got a float64; np\.asarray makes an array"):
        buffer.add_spot(np.float64(3))


def test_cleared_a_buffer_is_empty_and_zero_grad_empties_the_tape_as_well():
    engine, x = Autograd(), np.ones(2)
    engine.gradient_buffer.add_spot(x)
    engine.operation_list.append(Operation([x], x, [None], np.cos))
    engine.zero_grad()
    assert engine.operation_list == []
    assert not engine.gradient_buffer.is_in_memory(x)


def test_an_engine_takes_another_buffer():
    buffer = GradientBuffer()
    assert Autograd(buffer).gradient_buffer is buffer
    assert Autograd().gradient_buffer is not Autograd().gradient_buffer


def test_until_they_are_written_the_methods_say_which_exercise_they_are(monkeypatch):
    found = importlib.util.spec_from_file_location("given_anew", given.__file__)  # a class that no solution was written into
    anew = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, found.name, anew)
    found.loader.exec_module(anew)
    with pytest.raises(NotImplementedError, match="exercise add_operation is not done yet"):
        anew.Autograd().add_operation([], np.ones(1), [], np.cos)
    with pytest.raises(NotImplementedError, match="exercise backward is not done yet"):
        anew.Autograd().backward(1.0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 3), [[0, 1, 2], [3, 4, 5]]), ((1, 3), [[3, 5, 7]]), ((3,), [3, 5, 7]), ((2, 1), [[3], [12]]), ((1, 1), [[15]]), ((), 15)],
)
def test_unbroadcast_adds_up_what_was_stretched(shape, expected):
    gradient = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = unbroadcast(gradient, shape)
    assert (found.shape, found.tolist(), found.dtype) == (shape, expected, np.float32)


@pytest.mark.parametrize("shape", [(2, 2), (4, 2, 3), (3, 3), (2,)])
def test_unbroadcast_refuses_a_shape_that_was_never_stretched_to_this(shape):
    with pytest.raises(ValueError, match=r"cannot be broadcast to \(2, 3\), the gradient's shape"):
        unbroadcast(np.ones((2, 3)), shape)


def test_calling_a_layer_calls_its_forward_and_one_without_says_so():
    class Twice(Layer):
        def forward(self, x):
            return 2 * x

    class Empty(Layer):
        pass

    assert Twice(Autograd())(np.ones(2)).tolist() == [2, 2]
    with pytest.raises(NotImplementedError, match="Empty has no forward of its own"):
        Empty(Autograd())(np.ones(2))


def test_weights_are_small_and_other_seeds_draw_others():
    layer, same, other = (WeightedLayer(100, 7, Autograd(), seed) for seed in (0, 0, 1))
    assert [array.shape for array in (layer.W, layer.b, layer.dW, layer.db)] == [(7, 100), (7, 1)] * 2
    assert 0.09 < abs(layer.W).max() <= 0.1
    assert (layer.W == same.W).all()
    assert (layer.W != other.W).all()
    assert not layer.dW.any()


def test_zeros_are_put_into_the_very_arrays_of_the_gradients():
    layer = WeightedLayer(2, 3, Autograd())
    before = layer.dW, layer.db
    for array in before:
        array += 5
    layer.zero_grad()
    assert all(now is one for now, one in zip((layer.dW, layer.db), before, strict=True))
    assert not before[0].any()


def test_a_loss_passes_one_back():
    class Heard(Autograd):
        def backward(self, divergence):
            self.passed = divergence

    engine = Heard()
    Loss(engine).backward()
    assert (engine.passed.shape, engine.passed.tolist()) == ((), 1)
