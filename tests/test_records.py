"""Records are taken in their own form alone: whatever else lies in their place is no record, and never a traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autodiff_lib.checks import questions
from autodiff_lib.units import UNITS, needed
from grader.book.nbgrader_course import ROOT
from grader.classes import records
from grader.submission import engine, plain

UNIT = "01_operators"
STUDENT = "somebody"
SAVED = records.Record(
    STUDENT,
    UNIT,
    {
        name: records.QuestionRecord(0.5, sum(part.points for part in question.parts), "wrong", "case", "said", "hint", "mistake", "hash")
        for name, question in questions(UNIT).items()
    },
    repairs=["a repair"],
    problem="",
    jailed=True,
    digest="digest",
    version="1",
    told=["mistake"],
    in_words=["answer"],
    seconds={"intake": 0.5},
    limits="limits",
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


def put(course: Path, content: bytes, student: str = STUDENT) -> Path:
    path = records.path_of(course, UNIT, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


def is_none(course: Path) -> bool:
    """Also when all are read."""
    return records.load(course, UNIT, STUDENT) is None and records.load_all(course, UNIT) == [] and len(records.damaged(course, UNIT)) == 1


def test_a_record_comes_back_as_it_was_saved(course):
    for record in (SAVED, replace(SAVED, seconds={}), replace(SAVED, problem="why")):
        records.save(course, record)
        assert records.load(course, UNIT, STUDENT) == record
        assert records.load_all(course, UNIT) == [record]
        assert records.damaged(course, UNIT) == []


def test_a_record_from_before_a_field_was_there_is_one(course):
    fields = json.loads(plain.dumps(SAVED))
    for name in ("told", "in_words", "seconds", "limits", "seal"):
        del fields[name]
    put(course, json.dumps(fields).encode())
    assert records.load(course, UNIT, STUDENT).points == SAVED.points


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    fields = json.loads(plain.dumps(SAVED))
    change(fields)
    return json.dumps(fields).encode()


def in_matmul(**changes: Any) -> bytes:
    return changed(lambda fields: fields["questions"]["matmul"].update(changes))


DAMAGED = {
    "nothing": b"",
    "no text": b"\xff\xfe\x00record",
    "cut off": plain.dumps(SAVED).encode()[:-20],
    "questions in a list": b'{"questions": []}',
    "a list": b"[]",
    "a number": b"1e999",
    "nested": b"[" * 100_000,
    "nested dictionaries": b'{"questions":' * 100_000,
    "too long": b" " * (records.MAX_RECORD + 1),
    "no questions": changed(lambda fields: fields["questions"].clear()),
    "a question is gone": changed(lambda fields: fields["questions"].pop("matmul")),
    "a question of its own": changed(lambda fields: fields["questions"].update(other=fields["questions"]["matmul"])),
    "a field of its own": changed(lambda fields: fields.update(more=1)),
    "a field is gone": changed(lambda fields: fields.pop("digest")),
    "more points than there are": in_matmul(points=5.5),
    "fewer than none": in_matmul(points=-1),
    "points that are none": in_matmul(points=float("nan")),
    "points without end": in_matmul(points=float("inf"), max_points=float("inf")),
    "points in words": in_matmul(points="5"),
    "points that are true": in_matmul(points=True),
    "a verdict of its own": in_matmul(reason="excellent"),
    "no limit to points": in_matmul(max_points=0, points=0),
    "another unit": changed(lambda fields: fields.update(unit="02_evaluator")),
    "no unit": changed(lambda fields: fields.update(unit="../..")),
    "another student": changed(lambda fields: fields.update(student="other")),
    "a student elsewhere": changed(lambda fields: fields.update(student=f"../{UNIT}/{STUDENT}")),
    "repairs that are no text": changed(lambda fields: fields.update(repairs=[1])),
    "half a character": changed(lambda fields: fields.update(student="\ud800")),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_what_this_grader_would_never_write_is_no_record(course, content):
    put(course, content)
    assert is_none(course)


ELSE: dict[str, Callable[[Path], None]] = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("make", ELSE.values(), ids=ELSE)
def test_what_is_no_file_is_no_record(tmp_path, make):
    path = put(tmp_path, b"")
    path.unlink()
    make(path)
    assert is_none(tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted(json.loads(plain.dumps(SAVED)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_file_makes_a_traceback(course, content):
    put(course, content)
    assert is_none(course)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*FIELDS, *(f"questions.{field}" for field in ("points", "max_points", "reason", "hash"))]), VALUES)
def test_a_record_with_something_else_in_a_field_is_none_or_a_possible_one(course, field, value):
    name, _, below = field.partition(".")
    put(course, changed(lambda fields: fields[name]["matmul"].update({below: value}) if below else fields.update({name: value})))
    record = records.load(course, UNIT, STUDENT)
    if record is None:
        assert is_none(course)
    else:
        assert 0 <= record.points <= record.max_points
        assert json.loads(plain.dumps(record))
        assert (record.student, record.unit) == (STUDENT, UNIT)


@pytest.mark.parametrize("student", ["n" * 252, "é" * 126, "a.b", "staging", "名" * 84, "n" * 200, "n" * 201])
def test_the_longest_names_have_files_of_their_own(course, student):
    other = student[:-1] + "x"
    for one in (student, other):
        records.save(course, replace(SAVED, student=one, problem=one))
    assert records.load(course, UNIT, student).problem == student
    assert {student, other} <= {record.student for record in records.load_all(course, UNIT)}
    for one in (student, other):
        records.path_of(course, UNIT, one).unlink()


def test_a_draft_that_cannot_be_finished_changes_nothing(course, monkeypatch):
    records.save(course, SAVED)

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            records.save(course, replace(SAVED, problem="another"))
    assert records.load(course, UNIT, STUDENT) == SAVED
    assert [path.name for path in records.folder_of(course, UNIT).iterdir() if path.name.startswith(".")] == []


ALL = tuple(UNITS)
ON_THE_OPERATORS = tuple(unit for unit in UNITS if "01_operators" in (unit, *needed(unit)))
ON_THE_EVALUATOR = tuple(unit for unit in UNITS if "02_evaluator" in (unit, *needed(unit)))
DECIDES_ON = {  # file -> the units whose points depend on it
    "autodiff_lib/figures.py": (),
    "autodiff_lib/checks/report.py": (),
    "autodiff_lib/hunts/hunt.py": (),
    "autodiff_lib/timing.py": (),
    "autodiff_lib/check.py": (),
    "autodiff_lib/tape_drawing.py": (),
    "autodiff_lib/units/operators/hunt.py": (),
    "autodiff_lib/units/operators/further.py": (),
    "autodiff_lib/units/transformer_lm/__main__.py": (),
    "autodiff_lib/units/operators/known_mistakes.json": (),
    "grader/book/report.py": (),
    "grader/units/operators/mistakes.py": (),
    "autodiff_lib/graph.py": ALL,
    "autodiff_lib/checks/compare.py": ALL,
    "autodiff_lib/kinds/operator/judge.py": ALL,
    "autodiff_lib/kinds/evaluator/watch.py": ALL,
    "grader/submission/jail.py": ALL,
    "source/01_operators/operators.ipynb": ON_THE_OPERATORS,
    "autodiff_lib/units/evaluator/questions.py": ON_THE_EVALUATOR,
    "grader/units/evaluator/hidden.py": ("02_evaluator",),
    "release/02_evaluator/evaluator.ipynb": ("02_evaluator",),
    "grader/units/transformer_lm/hidden.py": ("03_transformer_lm",),
}


@pytest.mark.parametrize("file", DECIDES_ON)
def test_a_grade_is_of_another_version_where_what_decides_on_it_has_changed_and_nowhere_else(file):
    assert (ROOT / file).is_file()
    assert tuple(unit for unit in UNITS if ROOT / file in engine.decisive(unit)) == DECIDES_ON[file]
