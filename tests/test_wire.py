"""Asks and answers as bytes: there and back, and every malformed message refused before it does harm."""

import io
import json
import pickle
import socket
import struct
import time

import numpy as np
import pytest

from autodiff_lib.checks import wire
from autodiff_lib.checks.question import Answer, Problem


def parts(*pieces: bytes) -> bytes:
    return b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


ANSWERS = [
    Answer(),
    Answer(arrays=(np.ones((2, 3)), np.array(1.5, np.float32), np.zeros((0, 4)))),
    Answer(graph={"nodes": [{"leaf": 0}], "outputs": [0]}, facts={"changed": []}),
    Answer(problem=Problem("ValueError", "no", "line 3"), printed="hello"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_survives_the_way(answer):
    back = wire.unpack_answer(wire.pack_answer(answer, 7), 7)
    assert (back.graph, back.facts, back.problem, back.printed) == (answer.graph, answer.facts, answer.problem, answer.printed)
    for got, want in zip(back.arrays, answer.arrays, strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype


GOOD = {"number": 7, "graph": None, "facts": {}, "problem": None, "printed": "", "arrays": 0}


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "does not fit"),
        (b"\x01", "cut off"),
        (struct.pack("<Q", 2**60) + b"x", "cut off"),
        (parts(b"{"), "not JSON"),
        (parts(b"[" * 100_000), "not JSON"),
        (parts(b"[]"), "does not fit"),
        (parts(json.dumps({**GOOD, "arrays": 3}).encode()), "does not fit"),
        (parts(json.dumps({**GOOD, "number": 8}).encode()), "not the answer to the question"),
        (parts(json.dumps({**GOOD, "points": 5}).encode()), "not the answer to the question"),
        (parts(json.dumps({**GOOD, "facts": []}).encode()), "facts or printed text are malformed"),
        (parts(json.dumps({**GOOD, "printed": "x" * 20_000}).encode()), "facts or printed text are malformed"),
        (parts(json.dumps({**GOOD, "problem": "oops"}).encode()), "problem is malformed"),
        (parts(json.dumps({**GOOD, "graph": {"nodes": 3}}).encode()), "graph is malformed"),
        (parts(json.dumps({**GOOD, "arrays": 1}).encode(), b"no npy"), "no valid npy header"),
        (parts(json.dumps({**GOOD, "arrays": 1}).encode(), npy(np.array([Explosive()]))), "has the dtype object"),
        (parts(json.dumps({**GOOD, "arrays": 1}).encode(), pickle.dumps(Explosive())), "no valid npy header"),
        (parts(json.dumps({**GOOD, "arrays": 1}).encode(), npy(np.ones(3, complex))), "has the dtype complex128"),
        (parts(json.dumps({**GOOD, "arrays": 1}).encode(), npy(np.ones(3))[:-8]), "shape does not fit its data"),
        (parts(json.dumps({**GOOD, "arrays": 1}).encode(), npy(np.ones(3)).replace(b"(3,)", b"(9,)")), "shape does not fit its data"),
        (parts(json.dumps({**GOOD, "arrays": 300}).encode(), *[npy(np.ones(1))] * 300), "too many parts"),
    ],
)
def test_a_malformed_message_is_refused(message, reason):
    with pytest.raises(wire.WireError, match=reason):
        wire.unpack_answer(message, 7)


def test_arrays_of_objects_are_not_even_sent():
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        wire.pack({}, [np.array([object()])])


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
