"""Known mistakes: what each would have answered, so that a student who makes it gets the hint that fits.

Of every known mistake there is a *trace*: for each part of its question, which cases fail and how, with one number
for a wrong array (what is wrong in it, times random numbers, beside the size of the case). Somebody whose failures leave
the same trace on all cases has made the same mistake, or one that cannot be told from it. The traces of the public cases
are kept in a file, which holds no code; `grader mistakes --write` makes it, the same on every machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..units import folder_of
from .compare import size_of
from .question import Failure, PartVerdict, Verdict
from .values import generator

FILE = "known_mistakes.json"  # in the unit's folder
SAME = 1e-4  # relative difference up to which two numbers of a trace count as one
GRAIN = 9  # decimals of such a number: float64 rounds at the 16th
STRANGE = {np.nan: 1.7, np.inf: 2.3, -np.inf: -3.1}  # what stands for them, because they do not multiply
LINE = re.compile(r" \(line \d+: .*\)$", re.DOTALL)  # the student's own line, at the end of a message
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")

Mark = tuple[str, float | None]
"""How a case failed: a digest of what is said of it, and a number for the wrong array and the numbers said, if any."""

Trace = dict[str, Mark]
"""Failing case -> its mark. Cases that pass are not in it."""


@dataclass(frozen=True)
class Known:
    """A known mistake as the judge knows it."""

    id: str
    what: str  # completes "Your answers are exactly those of code in which ..."
    hint: str
    traces: Mapping[str, Trace]  # part -> trace


def mark(case: str, failure: Failure) -> Mark:
    message = LINE.sub("", failure.message)
    said = f"{failure.reason}|{NUMBER.sub('#', message)}|{None if failure.got is None else failure.got.shape}"
    digest = hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:8]
    numbers = [float(number) for number in NUMBER.findall(message)]
    if (failure.got is None and not numbers) or in_single_precision(failure):
        return digest, None
    size = 1.0 if failure.expected is None else size_of(failure.expected)  # not the inputs': a mask holds -1e9
    return digest, product(case, np.append(numbers, error_of(failure) / size))


def in_single_precision(failure: Failure) -> bool:
    """Whether the answer is one in float32 or less: its rounding errors are large enough to be taken for a number of their own."""
    return any(array is not None and array.dtype in (np.float32, np.float16) for array in (failure.got, *failure.inputs.values()))


def error_of(failure: Failure) -> np.ndarray:
    """What is wrong in the array: two answers may both be nearly right, and wrong in different ways."""
    if failure.got is None:
        return np.zeros(0)
    got = np.asarray(failure.got, np.float64)
    if failure.expected is None or got.shape != failure.expected.shape:
        return np.ravel(got)
    with np.errstate(invalid="ignore"):
        return np.ravel(got - failure.expected)


def product(case: str, array: np.ndarray) -> float:
    """One number for an array whose entries are relative to the size of the case: what rounding errors come to is zero.

    Where entries are larger than the case, so are their rounding errors.
    """
    plain = np.asarray(array, np.float64).ravel()
    for value, stand_in in STRANGE.items():
        plain = np.where(np.isnan(plain) if np.isnan(value) else plain == value, stand_in, plain)
    with np.errstate(over="ignore", invalid="ignore"):
        number = float(plain @ generator("trace", case, plain.size).uniform(0.5, 1.5, plain.size))
    size = size_of(plain)
    return float(f"{round(number / size, GRAIN) * size:.6g}") + 0.0


def same(mine: Trace, theirs: Trace) -> bool:
    return mine.keys() == theirs.keys() and all(alike(mine[case], theirs[case]) for case in mine)


def alike(mine: Mark, theirs: Mark) -> bool:
    (said, number), (also_said, other) = mine, theirs
    if said != also_said or number is None or other is None:
        return said == also_said
    return abs(number - other) <= SAME * max(abs(number), abs(other)) + 2 * 10**-GRAIN


def recognised(verdict: Verdict, traces: Mapping[str, Trace], known: Iterable[Known]) -> Verdict:
    """The verdict with the hint of the known mistake that is there, in each part that it spoils.

    It is there if it left the same trace in every part that it spoils, and if numbers of the answer say so: words alone
    many a mistake brings about. Where other parts fail as well, each part needs numbers of its own. Where several would
    fit, nothing is said.
    """
    failing = {name for name, trace in traces.items() if trace}
    there = [one for one in known if spoiled(one) and all(part in traces and same(traces[part], one.traces[part]) for part in spoiled(one))]
    whole = [one for one in there if spoiled(one) == failing and any(has_numbers(traces[part]) for part in failing)]
    found: dict[str, Known] = {}
    for name in failing:
        fitting = whole or [one for one in there if name in spoiled(one) and has_numbers(traces[name])]
        if len({one.hint for one in fitting}) == 1:
            found[name] = fitting[0]
    return replace(verdict, parts=tuple(with_hint(part, found.get(part.part)) for part in verdict.parts))


def spoiled(one: Known) -> set[str]:
    return {part for part, trace in one.traces.items() if trace}


def has_numbers(trace: Trace) -> bool:
    """Whether any case tells by a number what is wrong; zero is an answer that is wrong in another way than by its numbers."""
    return any(number for _, number in trace.values())


def with_hint(part: PartVerdict, one: Known | None) -> PartVerdict:
    if one is None or part.failure is None:
        return part
    return replace(part, failure=replace(part.failure, hint=one.hint, mistake=one.id, direct=direct(one.what)))


def direct(what: str) -> str:
    return f"Your answers are exactly those of code in which {what}."


def told_again(verdict: Verdict, told: Collection[str]) -> Verdict:
    """The verdict with the direct hint for each mistake that somebody has been told of before."""
    parts = []
    for part in verdict.parts:
        if part.failure is not None and part.failure.mistake in told:
            failure = replace(part.failure, hint=f"{part.failure.hint} {part.failure.direct}")
            part = replace(part, failure=failure)
        parts.append(part)
    return replace(verdict, parts=tuple(parts))


def mistakes_in(verdict: Verdict) -> set[str]:
    return {part.failure.mistake for part in verdict.parts if part.failure is not None and part.failure.mistake}


# --- the file


@cache
def known_of(unit: str, question: str) -> tuple[Known, ...]:
    """The known mistakes of a question, with the traces they leave on its public cases."""
    return tuple(from_plain(entry) for entry in read(unit).get(question, []))


@cache
def read(unit: str) -> dict[str, list[dict[str, Any]]]:
    path = file_of(unit)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def file_of(unit: str) -> Path:
    return folder_of(unit) / FILE


def from_plain(entry: Mapping[str, Any]) -> Known:
    traces = {part: {case: (said, number) for case, said, number in rows} for part, rows in entry["traces"].items()}
    return Known(entry["id"], entry["what"], entry["hint"], traces)


def to_plain(one: Known) -> dict[str, object]:
    traces = {part: [[case, *marked] for case, marked in trace.items()] for part, trace in one.traces.items() if trace}
    return {"id": one.id, "what": one.what, "hint": one.hint, "traces": traces}


def to_text(questions: Mapping[str, Sequence[Known]]) -> str:
    """The text of a unit's file: a line for each mistake."""
    listed = []
    for name, known in questions.items():
        entries = ",\n".join(json.dumps(to_plain(one), ensure_ascii=False, separators=(",", ":")) for one in known)
        listed.append(f"{json.dumps(name)}: [\n{entries}\n]")
    return "{\n" + ",\n".join(listed) + "\n}\n"
