"""Asks and answers as bytes: a JSON header, then arrays in the npy format without pickle. Nothing else crosses.

Whatever arrives is validated before it is used; `WireError` says what was wrong with it.
"""

from __future__ import annotations

import io
import json
import math
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph_data import GraphError, validate
from .question import Answer, Ask, Problem

MAX_MESSAGE = 32 * 2**20  # bytes
MAX_ARRAYS = 256
MAX_RANK = 8
MAX_TEXT = 10_000  # characters of a message or of printed text
DTYPES = {"float64", "float32", "int64", "int32", "uint8", "bool"}
LENGTH = struct.Struct("<Q")


class WireError(ValueError):
    """A message that is too long, malformed, or not what was agreed on."""


class ClosedError(WireError):
    """The other side is gone."""


class LateError(WireError):
    """Nothing came in time."""


def pack(header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> bytes:
    """One message. ValueError for an array of Python objects."""
    parts = [json.dumps({**header, "arrays": len(arrays)}).encode()]
    for array in arrays:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        parts.append(buffer.getvalue())
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


def unpack(message: bytes) -> tuple[dict[str, Any], tuple[np.ndarray, ...]]:
    """The header and the arrays of a message."""
    parts, rest = [], memoryview(message)
    while rest:
        if len(rest) < LENGTH.size or len(parts) > MAX_ARRAYS:
            raise WireError("the message is cut off, or has too many parts")
        (length,) = LENGTH.unpack(rest[: LENGTH.size])
        if length > len(rest) - LENGTH.size:
            raise WireError("a part of the message is cut off")
        parts.append(bytes(rest[LENGTH.size : LENGTH.size + length]))
        rest = rest[LENGTH.size + length :]
    try:
        header = json.loads(parts[0]) if parts else None
    except (ValueError, RecursionError):
        raise WireError("the header is not JSON") from None
    if not isinstance(header, dict) or header.get("arrays") != len(parts) - 1:
        raise WireError("the header does not fit the message")
    return header, tuple(read_array(part) for part in parts[1:])


def read_array(part: bytes) -> np.ndarray:
    """An array of plain numbers, checked against its own header before memory is taken for it."""
    buffer = io.BytesIO(part)
    try:
        version = np.lib.format.read_magic(buffer)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, _, dtype = read(buffer)
    except (ValueError, KeyError, SyntaxError, TypeError, RecursionError, MemoryError, EOFError):
        raise WireError("an array has no valid npy header") from None
    if len(shape) > MAX_RANK or any(type(size) is not int or not 0 <= size <= MAX_MESSAGE for size in shape):
        raise WireError("an array has an impossible shape")
    if dtype.name not in DTYPES or dtype.hasobject:
        raise WireError(f"an array has the dtype {dtype}, expected one of {', '.join(sorted(DTYPES))}")
    if math.prod(shape) * dtype.itemsize != len(part) - buffer.tell():
        raise WireError("an array's shape does not fit its data")
    buffer.seek(0)
    return np.lib.format.read_array(buffer, allow_pickle=False)


def send(channel: socket.socket, message: bytes) -> None:
    channel.sendall(LENGTH.pack(len(message)) + message)


def receive(channel: socket.socket, start: float | None = None, whole: float | None = None) -> bytes:
    """The next message. ClosedError where the other side is gone; LateError where it does not begin before
    `start`, or is not complete before `whole` (both of time.monotonic)."""
    if start is not None and not select.select([channel], [], [], max(0.0, start - time.monotonic()))[0]:
        raise LateError("no message came in time")
    (length,) = LENGTH.unpack(receive_exactly(channel, LENGTH.size, whole))
    if length > MAX_MESSAGE:
        raise WireError(f"a message of {length} bytes is longer than {MAX_MESSAGE}")
    return receive_exactly(channel, length, whole)


def receive_exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([channel], [], [], left)[0]:
            raise LateError("no message came in time")
        try:
            piece = channel.recv(min(count - len(data), 2**20))
        except ConnectionError:
            piece = b""
        if not piece:
            raise ClosedError("the other side closed the channel")
        data += piece
    return bytes(data)


def clean(text: str) -> str:
    """Text that can be written as UTF-8: halves of characters are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def pack_ask(ask: Ask, number: int) -> bytes:
    return pack({"do": "ask", "number": number, "probe": ask.probe, "settings": ask.settings}, ask.arrays)


def pack_answer(answer: Answer, number: int) -> bytes:
    problem = answer.problem
    header = {
        "number": number,
        "graph": answer.graph,
        "facts": answer.facts,
        "problem": None if problem is None else [problem.kind, problem.message[:MAX_TEXT], problem.where[:MAX_TEXT]],
        "printed": answer.printed[:MAX_TEXT],
    }
    return pack(header, answer.arrays)


def unpack_answer(message: bytes, number: int) -> Answer:
    """The answer to ask `number`. WireError unless every field has the form that a probe gives it."""
    header, arrays = unpack(message)
    if set(header) != {"number", "graph", "facts", "problem", "printed", "arrays"} or header["number"] != number:
        raise WireError("this is not the answer to the question that was asked")
    problem, facts, printed = header["problem"], header["facts"], header["printed"]
    if not isinstance(facts, dict) or not isinstance(printed, str) or len(printed) > MAX_TEXT:
        raise WireError("the answer's facts or printed text are malformed")
    if problem is not None and not (isinstance(problem, list) and len(problem) == 3 and all(isinstance(item, str) for item in problem)):
        raise WireError("the answer's problem is malformed")
    problem = None if problem is None else Problem(*(clean(item[:MAX_TEXT]) for item in problem))
    if header["graph"] is not None:
        try:
            validate(header["graph"])
        except GraphError as error:
            raise WireError(f"the answer's graph is malformed: {error}") from None
    return Answer(arrays, header["graph"], facts, problem, clean(printed))
