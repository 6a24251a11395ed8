"""What is heard while a tape is walked back: what an engine really does, and that nothing of it is left afterwards."""

import numpy as np
import pytest

from autodiff_lib.tape_stepping import MAX_ENTRIES, passed
from autodiff_lib.units.tape.given import Autograd, GradientBuffer, Operation


def added(g, a, b):
    return g, g


def squared(g, a):
    return 2 * g * a


def turned(g, a):
    return g.T


def product(g, a, b):
    return g @ b.T, a.T @ g


class Engine(Autograd):
    """An engine as one writes it."""

    order = staticmethod(reversed)

    def add_operation(self, inputs, output, gradients_to_update, backward_operation):
        for array, own in zip(inputs, gradients_to_update, strict=True):
            if own is None:
                self.gradient_buffer.add_spot(array)
        self.operation_list.append(Operation(inputs, output, gradients_to_update, backward_operation))

    def backward(self, divergence):
        self.gradient_buffer.add_spot(self.operation_list[-1].outputs)
        self.gradient_buffer.set_param(self.operation_list[-1].outputs, divergence)
        for one in self.order(self.operation_list):
            if self.gradient_buffer.is_in_memory(one.outputs):
                self.hand_on(one, one.backward_operation(self.gradient_buffer.get_param(one.outputs), *one.inputs))

    def hand_on(self, one, gradients):
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        for array, own, gradient in zip(one.inputs, one.gradients_to_update, gradients, strict=True):
            if own is None:
                self.gradient_buffer.update_param(array, gradient)
            else:
                own += gradient


class Unwritten(Engine):
    def backward(self, divergence):
        raise NotImplementedError("exercise backward is not done yet")


def recorded(kind=Engine, buffer=None):
    """(a + b)² + a, with b a parameter: an engine, and its arrays by name."""
    a, b, db, engine = np.array([2.0]), np.array([1.0]), np.array([100.0]), kind(buffer)
    s = a + b
    engine.add_operation([a, b], s, [None, db], added)
    q = s**2
    engine.add_operation([s], q, [None], squared)
    y = q + a
    engine.add_operation([q, a], y, [None, None], added)
    return engine, {"a": a, "b": b, "s": s, "q": q, "y": y, "db": db}


def ends(told):
    return {" = ".join(end.spot.names): (end.found.tolist(), end.right.tolist()) for end in told.ends}


def test_what_arrives_in_both_ledgers_is_told_entry_by_entry():
    engine, names = recorded()
    told = passed(engine, 1.0, names)
    assert [(entry.operation, entry.inputs, entry.output) for entry in told.entries] == [
        ("added", ("a", "b"), "s"), ("squared", ("s",), "q"), ("added", ("q", "a"), "y"),
    ]  # fmt: skip
    assert [(one.entry.number, one.gradient.tolist()) for one in told.asked] == [(3, [1]), (2, [1]), (1, [6])]
    assert [{change.spot.names[0]: change.after.tolist() for change in one.changes} for one in told.asked] == [
        {"a": [1], "q": [1]}, {"s": [6]}, {"a": [7], "db": [106]},
    ]  # fmt: skip
    assert ends(told) == {"a": ([7], [7]), "db": ([106], [106]), "s": ([6], [6]), "q": ([1], [1])}
    assert told.notes == []


def test_afterwards_tape_and_ledgers_are_what_they_were():
    engine, names = recorded()
    before = list(engine.operation_list)
    passed(engine, 1.0, names)
    assert engine.operation_list == before
    assert [one.backward_operation for one in before] == [added, squared, added]
    assert names["db"].tolist() == [100]
    assert engine.gradient_buffer.get_param(names["a"]).tolist() == [0]
    assert not engine.gradient_buffer.is_in_memory(names["y"])


@pytest.mark.parametrize("tape", [lambda: recorded(Unwritten)[0], lambda: recorded()[0].operation_list])
def test_without_a_way_back_of_ones_own_the_right_one_is_shown(tape):
    told = passed(tape())
    assert [(one.entry.number, one.gradient.tolist()) for one in told.asked] == [(3, [1]), (2, [1]), (1, [6])]
    assert all(found == right for found, right in ends(told).values())


def test_arrays_without_names_are_told_by_entry_or_shape():
    told = passed(recorded()[0])
    assert told.entries[1].inputs == ("#1",)
    assert told.entries[0].inputs == ("array (1,)", "array (1,)")
    assert next(spot.names for spot in told.spots if spot.handed_in) == ("gradient of array (1,)",)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"order": staticmethod(iter)}, {"s": 0, "a": 1, "db": 100}),
        ({"hand_on": lambda self, one, gradients: None}, {"s": 0, "a": 0, "db": 100, "q": 0}),
        (
            {"hand_on": lambda self, one, gradients: [Engine.hand_on(self, one, gradients) for _ in range(2)]},
            {"q": 2, "s": 24, "a": 50, "db": 148},
        ),
    ],
    ids=["forwards", "nothing handed on", "twice"],
)
def test_where_an_engine_ends_somewhere_else_both_numbers_are_told(change, wrong):
    engine, names = recorded(type("Wrong", (Engine,), change))
    told = passed(engine, 1.0, names)
    assert {name: found[0] for name, (found, right) in ends(told).items() if found != right} == wrong


def test_assigning_what_should_be_added_shows():
    class Assigning(Engine):
        def hand_on(self, one, gradients):
            for array, own, gradient in zip(one.inputs, one.gradients_to_update, np.atleast_2d(gradients), strict=True):
                if own is None:
                    self.gradient_buffer.set_param(array, gradient)

    engine, names = recorded(Assigning)
    told = passed(engine, 1.0, names)
    assert ends(told)["a"] == ([6], [7])
    assert ends(told)["db"] == ([100], [106])


def test_an_engine_that_stops_that_does_nothing_or_that_takes_its_tape_apart_is_told_about():
    class Stopping(Engine):
        def hand_on(self, one, gradients):
            raise ValueError("here")

    class Lazy(Engine):
        def backward(self, divergence):
            pass

    class Taking(Engine):
        def backward(self, divergence):
            super().backward(divergence)
            self.operation_list.clear()

    (note,) = passed(recorded(Stopping)[0]).notes
    assert note.startswith("backward stopped with ValueError: here (line ")
    assert passed(recorded(Lazy)[0]).notes == ["backward has called no backward function"]
    engine = recorded(Taking)[0]
    assert passed(engine).notes == []
    assert len(engine.operation_list) == 3


def test_one_that_goes_round_in_circles_is_stopped():
    class Circling(Engine):
        def backward(self, divergence):
            while True:
                self.operation_list[0].backward_operation(np.ones(1), *self.operation_list[0].inputs)

    told = passed(recorded(Circling)[0])
    assert "more than 72 calls" in told.notes[0]


def test_a_backward_function_that_returns_nothing_is_named():
    engine, x = Engine(), np.ones(2)
    engine.add_operation([x], 2 * x, [None], lambda g, a: None)
    told = passed(engine)
    assert told.notes[1] == "the backward function of entry 1, function, returned None (is there a return?), expected arrays"
    assert told.asked[0].answers == (None,)


def test_arrays_that_share_an_address_share_a_spot_and_with_other_keys_they_do_not():
    class ById(GradientBuffer):
        def get_memory_loc(self, np_array):
            return id(np_array)

    for buffer, shared in ((GradientBuffer(), True), (ById(), False)):
        engine, x = Engine(buffer), np.array([[1.0, 2.0], [3.0, 4.0]])
        view = x.T
        engine.add_operation([x], view, [None], turned)
        engine.add_operation([x, view], x @ view, [None, None], product)
        told = passed(engine, 1.0, {"x": x, "x.T": view})
        assert (("x", "x.T") in [spot.names for spot in told.spots]) == shared
        x_ends = next(end for end in told.ends if "x" in end.spot.names)
        assert (x_ends.found.tolist() == [[8, 12], [8, 12]]) == (not shared)


def test_what_a_backward_function_returns_is_told_as_it_was_then():
    engine, x = Engine(), np.array([5.0])
    engine.add_operation([x], x, [None], lambda g, a: g)  # the spot itself, which is added to next
    told = passed(engine, 1.0, {"x": x})
    assert told.asked[0].answers[0].tolist() == [1]
    assert told.asked[0].changes[0].after.tolist() == [2]


def test_an_output_that_nobody_used_is_passed_over():
    engine, names = recorded()
    aside = names["a"] * 3
    engine.operation_list.insert(1, Operation([names["a"]], aside, [None], lambda g, a: 3 * g))
    for tape in (engine, engine.operation_list):
        assert [one.entry.number for one in passed(tape, 1.0, names).asked] == [4, 3, 1]


@pytest.mark.parametrize(
    ("tape", "error", "message"),
    [
        (3, TypeError, "got int 3"),
        ([3], TypeError, r"got list \[3\]"),
        ([], ValueError, "has 0 entries, expected 1 to 24"),
        ([Operation([], np.ones(1), [], np.cos)] * (MAX_ENTRIES + 1), ValueError, "has 25 entries"),
        ([Operation([3.0], np.ones(1), [None], np.cos)], TypeError, "inputs and outputs of a tape are arrays, got float 3.0"),
    ],
)
def test_what_is_no_tape_is_refused(tape, error, message):
    with pytest.raises(error, match=message):
        passed(tape)
