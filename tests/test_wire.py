"""Asks and answers as bytes: there and back, and every malformed message refused before it does harm."""

import contextlib
import json
import pickle
import socket
import struct
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodiff_lib.bfloat16 import rounded
from autodiff_lib.checks import wire
from autodiff_lib.checks.question import Answer, Problem


def message(header, content: bytes = b"") -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + content


ANSWERS = [
    Answer(),
    Answer(arrays=(np.ones((2, 3)), np.array(1.5, np.float32), np.zeros((0, 4)))),
    Answer(arrays=(np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(12).reshape(2, 3, 2).T, np.arange(8.0)[::-2])),
    Answer(arrays=(np.array([True, False]), np.arange(3, dtype=">f8"), np.arange(5, dtype=np.uint8), np.array(2**62))),
    Answer(arrays=(rounded(np.array([[1.0, -0.1], [np.inf, np.nan]]), "bfloat16"), rounded(np.array(3.0), "bfloat16"))),
    Answer(graph={"nodes": [{"leaf": 0}], "outputs": [0]}, facts={"changed": []}),
    Answer(problem=Problem("ValueError", "no", "line 3"), printed="hello"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_survives_the_way(answer):
    back = wire.unpack_answer(wire.pack_answer(answer, 7), 7)
    assert (back.graph, back.facts, back.problem, back.printed) == (answer.graph, answer.facts, answer.problem, answer.printed)
    for got, want in zip(back.arrays, answer.arrays, strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype.name == want.dtype.name
        assert got.flags.writeable
        assert got.flags.f_contiguous >= want.flags.f_contiguous


GOOD = {"number": 7, "graph": None, "facts": {}, "problem": None, "printed": "", "arrays": []}


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


FORMS = [
    (["object", [1], "C"], "has the dtype object"),
    (["O", [1], "C"], "has the dtype O"),
    (["void16", [1], "C"], "has the dtype void16"),
    (["complex128", [], "C"], "has the dtype complex128"),
    (["U2", [1], "C"], "has the dtype U2"),
    ([["f", "float64"], [1], "C"], "impossible form"),
    (["float64", [1], "K"], "impossible form"),
    (["float64", [1]], "impossible form"),
    (["float64", 1, "C"], "impossible form"),
    (["float64", [-1], "C"], "impossible form"),
    (["float64", [1.0], "C"], "impossible form"),
    (["float64", [True], "C"], "impossible form"),
    (["float64", [2**70, 0], "C"], "impossible form"),
    (["float64", [1] * 9, "C"], "impossible form"),
    (["float64", [2**20] * 8, "C"], "impossible form"),
    (["float64", [0, *[2**25] * 7], "C"], "impossible form"),
    ("float64", "impossible form"),
]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "cut off"),
        (b"\x01", "cut off"),
        (struct.pack("<Q", 2**60) + b"x", "cut off"),
        (message(b"{"), "not JSON"),
        (message(b"[" * 100_000), "not JSON"),
        (message(b"[]"), "does not list"),
        (message({**GOOD, "arrays": 3}), "does not list"),
        (message({**GOOD, "arrays": [["float64", [1], "C"]] * 300}), "does not list"),
        (message({**GOOD, "number": 8}), "not the answer to the question"),
        (message({**GOOD, "points": 5}), "not the answer to the question"),
        (message({**GOOD, "facts": []}), "facts or printed text are malformed"),
        (message({**GOOD, "printed": "x" * 20_000}), "facts or printed text are malformed"),
        (message({**GOOD, "problem": "oops"}), "problem is malformed"),
        (message({**GOOD, "graph": [3]}), "graph is malformed"),
        (message({**GOOD, "arrays": [["float64", [1], "C"]]}), "array is cut off"),
        (message({**GOOD, "arrays": [["float64", [2**12, 2**12], "C"]]}), "array is cut off"),
        (message({**GOOD, "arrays": [["float64", [], "C"]]}, bytes(9)), "more in the message"),
        (message(GOOD, pickle.dumps(Explosive())), "more in the message"),
        *((message({**GOOD, "arrays": [form]}, bytes(8)), reason) for form, reason in FORMS),
    ],
)
def test_a_malformed_message_is_refused(message, reason):
    with pytest.raises(wire.WireError, match=reason):
        wire.unpack_answer(message, 7)


@given(data=st.data())
def test_a_damaged_message_is_refused_or_read_never_more(data):
    whole = bytearray(wire.pack_answer(Answer((np.ones((2, 3)), np.arange(4)), facts={"changed": []}, printed="hello"), 7))
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        whole[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for damaged in (whole, whole[:cut], whole[:cut] + whole[cut + 1 :]):
        with contextlib.suppress(wire.WireError):
            wire.unpack_answer(damaged, 7)


def test_arrays_of_objects_are_not_even_sent():
    with pytest.raises(ValueError, match="Python objects"):
        wire.pack({}, [np.array([object()])])


def test_a_sender_stops_at_the_deadline():
    ours, theirs = socket.socketpair()
    with pytest.raises(wire.LateError):
        wire.send(ours, bytes(2**24), time.monotonic() + 0.05)
    theirs.close()


def test_a_reader_stops_at_the_limit_at_the_deadline_and_at_the_end():
    ours, theirs = socket.socketpair()
    with pytest.raises(wire.LateError):
        wire.receive(ours, time.monotonic())
    theirs.sendall(struct.pack("<Q", wire.MAX_MESSAGE + 1))
    with pytest.raises(wire.WireError, match="longer than"):
        wire.receive(ours)
    theirs.sendall(struct.pack("<Q", 10) + b"half")
    with pytest.raises(wire.LateError):
        wire.receive(ours, time.monotonic() + 1, time.monotonic() + 0.05)
    theirs.close()
    with pytest.raises(wire.ClosedError):
        wire.receive(ours)
