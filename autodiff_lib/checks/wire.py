"""Asks and answers as bytes: a JSON header, then the plain bytes of the arrays that it lists. Nothing else crosses.

Whatever arrives is validated before it is used; `WireError` says what was wrong with it.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..bfloat16 import BFLOAT16, NAME, name_of
from .question import Answer, Ask, Problem

MAX_MESSAGE = 32 * 2**20  # bytes
MAX_ARRAYS = 256
MAX_RANK = 8
MAX_ANSWER = MAX_MESSAGE // 2  # bytes of the arrays of an answer: the rest is for what is said about them
MAX_TEXT = 10_000  # characters of a message or of printed text
DTYPES = {"float64", "float32", "float16", NAME, "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
LENGTH = struct.Struct("<Q")


class WireError(ValueError):
    """A message that is too long, malformed, or not what was agreed on."""


class ClosedError(WireError):
    """The other side is gone."""


class LateError(WireError):
    """Nothing came in time."""


def pack(header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> bytes:
    """One message. ValueError for an array of Python objects."""
    forms, contents = [], []
    for array in arrays:
        if array.dtype.hasobject:
            raise ValueError("an array of Python objects cannot be sent")
        order: Literal["C", "F"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        forms.append([name_of(array.dtype), array.shape, order])
        contents.append(array.astype(array.dtype.newbyteorder("="), copy=False).tobytes(order))
    head = json.dumps({**header, "arrays": forms}).encode()
    return b"".join((LENGTH.pack(len(head)), head, *contents))


def unpack(message: bytes | bytearray) -> tuple[dict[str, Any], tuple[np.ndarray, ...]]:
    """The header and the arrays of a message."""
    if len(message) < LENGTH.size or (end := LENGTH.size + LENGTH.unpack_from(message)[0]) > len(message):
        raise WireError("the message is cut off")
    try:
        header = json.loads(message[LENGTH.size : end])
    except (ValueError, RecursionError):
        raise WireError("the header is not JSON") from None
    forms = header.pop("arrays", None) if isinstance(header, dict) else None
    if not isinstance(forms, list) or len(forms) > MAX_ARRAYS:
        raise WireError(f"the header does not list up to {MAX_ARRAYS} arrays")
    arrays = []
    for form in forms:
        dtype, shape, order = checked_form(form)
        start, end = end, end + math.prod(shape) * dtype.itemsize
        if end > len(message):  # before memory is taken for it
            raise WireError("an array is cut off")
        arrays.append(np.ndarray(shape, dtype, message, start, order=order).copy("K"))
    if end < len(message):
        raise WireError("there is more in the message than its header says")
    return header, tuple(arrays)


def checked_form(form: Any) -> tuple[np.dtype, tuple[int, ...], Literal["C", "F"]]:
    """dtype, shape and order of an array that comes; plain numbers alone."""
    match form:
        case [str(name), list(shape), "C" | "F" as order]:
            if name not in DTYPES:
                raise WireError(f"an array has the dtype {name[:20]}, expected one of {', '.join(sorted(DTYPES))}")
            if len(shape) <= MAX_RANK and all(type(size) is int and size >= 0 for size in shape) and is_moderate(shape):
                return BFLOAT16 if name == NAME else np.dtype(name), tuple(shape), order
    raise WireError("an array has an impossible form")


def is_moderate(shape: Sequence[int]) -> bool:
    """Whether a shape is one that an array can have here: an axis without entries excuses no gigantic one beside it."""
    return math.prod(max(1, size) for size in shape) <= MAX_MESSAGE


def unsendable(arrays: Sequence[Any]) -> str:
    """Why these are no arrays that an answer may consist of; empty where they are."""
    for array in arrays:
        if type(array) is not np.ndarray:
            return f"{type(array).__name__}, expected a plain array"
        if name_of(array.dtype) not in DTYPES:
            return f"values of the dtype {array.dtype.name}, expected one of {', '.join(sorted(DTYPES))}"
        if array.ndim > MAX_RANK or not is_moderate(array.shape):
            return f"an array with {array.ndim} axes and {array.size} entries, expected up to {MAX_RANK} axes, and far fewer entries"
    if len(arrays) > MAX_ARRAYS:
        return f"{len(arrays)} arrays, expected up to {MAX_ARRAYS}"
    if (size := sum(array.nbytes for array in arrays)) > MAX_ANSWER:
        return f"{size} bytes, expected up to {MAX_ANSWER}"
    return ""


def send(channel: socket.socket, message: bytes, deadline: float | None = None) -> None:
    """Send a message. LateError where the other side does not take it before `deadline`, of time.monotonic."""
    channel.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
    try:
        channel.sendall(LENGTH.pack(len(message)) + message)
    except TimeoutError:
        raise LateError("the message was not taken in time") from None


def receive(channel: socket.socket, start: float | None = None, whole: float | None = None) -> bytearray:
    """The next message. ClosedError where the other side is gone; LateError where it does not begin before
    `start`, or is not complete before `whole` (both of time.monotonic)."""
    if start is not None and not select.select([channel], [], [], max(0.0, start - time.monotonic()))[0]:
        raise LateError("no message came in time")
    (length,) = LENGTH.unpack(receive_exactly(channel, LENGTH.size, whole))
    if length > MAX_MESSAGE:
        raise WireError(f"a message of {length} bytes is longer than {MAX_MESSAGE}")
    return receive_exactly(channel, length, whole)


def receive_exactly(channel: socket.socket, count: int, deadline: float | None) -> bytearray:
    data = bytearray()
    while len(data) < count:
        if deadline is not None and not select.select([channel], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise LateError("no message came in time")
        try:
            piece = channel.recv(min(count - len(data), 2**20))
        except ConnectionError:
            piece = b""
        if not piece:
            raise ClosedError("the other side closed the channel")
        data += piece
    return data


def clean(text: str) -> str:
    """Text that can be written as UTF-8: halves of characters are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def pack_ask(ask: Ask, number: int) -> bytes:
    return pack({"do": "ask", "number": number, "probe": ask.probe, "settings": ask.settings}, ask.arrays)


def pack_answer(answer: Answer, number: int) -> bytes:
    problem = answer.problem
    header = {
        "number": number,
        "graph": answer.graph or None,
        "facts": answer.facts,
        "problem": None if problem is None else [problem.kind, problem.message[:MAX_TEXT], problem.where[:MAX_TEXT]],
        "printed": answer.printed[:MAX_TEXT],
    }
    return pack(header, answer.arrays)


def unpack_answer(message: bytes | bytearray, number: int) -> Answer:
    """The answer to ask `number`. WireError unless every field has the form that a probe gives it."""
    header, arrays = unpack(message)
    if set(header) != {"number", "graph", "facts", "problem", "printed"} or header["number"] != number:
        raise WireError("this is not the answer to the question that was asked")
    problem, facts, printed = header["problem"], header["facts"], header["printed"]
    if not isinstance(facts, dict) or not isinstance(printed, str) or len(printed) > MAX_TEXT:
        raise WireError("the answer's facts or printed text are malformed")
    if problem is not None and not (isinstance(problem, list) and len(problem) == 3 and all(isinstance(item, str) for item in problem)):
        raise WireError("the answer's problem is malformed")
    problem = None if problem is None else Problem(*(clean(item[:MAX_TEXT]) for item in problem))
    if not isinstance(header["graph"], dict | None):
        raise WireError("the answer's graph is malformed")
    return Answer(arrays, header["graph"] or {}, facts, problem, clean(printed))
