"""Whatever lies in a submission's folder is read within bounds, in a process of its own, or left to a person with a reason."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import pytest

from autodiff_lib.units import UNITS
from grader.book.nbgrader_course import ROOT
from grader.classes import batch
from grader.submission import intake, reading, submitted
from grader.submission.limits import Limits, MiB
from grader.submission.submitted import Submitted, content_of, look
from tests.clumsy.submissions import SUBMISSIONS as CLUMSY

UNIT = "01_operators"
NAME = UNITS[UNIT].notebook
RELEASE = look(ROOT / "release" / UNIT)
SMALL = Limits(reading_seconds=20, reading_bytes=48 * MiB)


# --- the folder


def nested(folder: Path, depth: int, name: str) -> None:
    """Folders within folders, deeper than any path may be long."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("operators.ipynb", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def listen(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


def ring(folder: Path) -> None:
    """Links that lead to each other, to their own folder, to nothing and out of the submission."""
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    (folder / "self").symlink_to(".")
    (folder / "gone").symlink_to("nothing")
    (folder / "out.ipynb").symlink_to(ROOT / "source" / UNIT / NAME)
    (folder / "outside").symlink_to(ROOT / "source")


ODD: dict[str, Callable[[Path], None]] = {
    "deeper than a path can be long": lambda folder: nested(folder, 30, "d" * 250),
    "a pipe that nobody writes to": lambda folder: os.mkfifo(folder / "pipe.ipynb"),
    "a socket": lambda folder: listen(folder / "socket.ipynb"),
    "links in a ring, and out": ring,
    "names that are no text": lambda folder: (folder / os.fsdecode(b"caf\xe9 \n\x1b[31m.txt")).touch(),
    "a name of 255 bytes": lambda folder: (folder / ("n" * 255)).touch(),
    "a folder that is called a notebook": lambda folder: (folder / "more.ipynb").mkdir(),
}


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """A submission's folder, which is removed by somebody who does not call himself for each folder in it."""
    (tmp_path / "submission").mkdir()
    yield tmp_path / "submission"
    subprocess.run(["rm", "-rf", tmp_path / "submission"], check=True)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_things_beside_a_notebook_are_left_out_and_cost_it_nothing(folder, odd):
    (folder / NAME).write_bytes(RELEASE.files[NAME])
    odd(folder)
    found = look(folder)
    assert found.files[NAME] == RELEASE.files[NAME]
    assert all(isinstance(content, bytes) and len(name) < 300 for name, content in found.files.items())
    assert {name for name in found.files if name.endswith(".ipynb")} == {NAME}
    assert found.problem == ""
    assert all(sentence.isprintable() for sentence in found.unread)
    submission = intake.read(found, UNIT)
    assert (submission.problem, len(submission.cells) > 10) == ("" if not found.unread else "; ".join(found.unread), not found.unread)


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder, and the rights of somebody who is not root, so that what is closed is closed."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        if os.getuid() == 0:
            os.seteuid(65_534)
        try:
            yield Path(name)
        finally:
            os.seteuid(os.getuid())


@pytest.mark.parametrize(
    ("closed", "sentence"),
    [
        (NAME, f"{NAME} cannot be read: Permission denied"),
        ("more", "the folder more cannot be read: Permission denied"),
        ("", "its folder cannot be read: Permission denied"),
    ],
)
def test_what_is_closed_waits_for_a_person_and_counts_once_it_is_open(ordinary_user, closed, sentence):
    folder = ordinary_user / "submission"
    (folder / "more").mkdir(parents=True)
    (folder / "more" / NAME).write_bytes(b"{}")
    (folder / NAME).write_bytes(RELEASE.files[NAME])
    (folder / closed).chmod(0)
    before = look(folder)
    assert sentence in (before.problem, *before.unread)
    assert intake.read(before, UNIT).problem == sentence
    (folder / closed).chmod(0o700)
    after = look(folder)
    assert intake.read(after, UNIT).problem == ""
    assert after.digest != before.digest


def test_a_student_whose_folder_is_closed_is_not_forgotten(ordinary_user):
    for student in ("closed", "open", "other"):
        (ordinary_user / "submitted" / student / (UNIT if student != "other" else "02_evaluator")).mkdir(parents=True)
    (ordinary_user / "submitted" / "closed").chmod(0)
    assert batch.students_of(ordinary_user, UNIT) == ["closed", "open"]
    assert look(batch.submission(ordinary_user, UNIT, "closed")).problem == "its folder cannot be read: Permission denied"
    (ordinary_user / "submitted" / "closed").chmod(0o700)


def test_bounds_on_bytes_leave_the_uppermost_notebooks_and_say_what_was_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(submitted, "MAX_NOTEBOOK", 1000)
    monkeypatch.setattr(submitted, "MAX_NOTEBOOKS", 1500)
    monkeypatch.setattr(submitted, "MAX_FILE", 200)
    monkeypatch.setattr(submitted, "MAX_LUGGAGE", 300)
    sizes = {
        "operators.ipynb": 900,
        "deep/first.ipynb": 700,
        "deep/second.ipynb": 600,
        ".hidden/x.ipynb": 500,
        "a.py": 150,
        "b.py": 150,
        "c.py": 170,
    }
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b" " * size)
    found = look(tmp_path)
    read = {name for name, content in found.files.items() if isinstance(content, bytes)}
    assert read == {"operators.ipynb", "deep/second.ipynb", "a.py", "b.py"}
    assert found.files.keys() == sizes.keys()
    assert {name: content for name, content in found.files.items() if name not in read} == {
        name: sizes[name] for name in sizes.keys() - read
    }
    assert [sentence.split(" was ")[0] for sentence in found.unread] == ["deep/first.ipynb"]


@pytest.mark.parametrize(("name", "value"), [("MAX_ENTRIES", 20), ("MAX_SECONDS", -1)])
def test_bounds_on_files_and_time_end_in_a_reason(tmp_path, monkeypatch, name, value):
    for number in range(30):
        (tmp_path / f"{number}.py").touch()
    assert len(look(tmp_path).files) == 30
    monkeypatch.setattr(submitted, name, value)
    found = look(tmp_path)
    assert found.files == {}
    assert intake.read(found, UNIT).problem == found.problem != ""


def test_a_file_that_vanishes_grows_or_is_replaced_while_it_is_read_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(RELEASE.files[NAME])
    for name in ("grows.txt", "replaced.txt", "vanishes.txt"):
        (tmp_path / name).write_bytes(b"1234")
    listed = submitted.sizes

    def meanwhile(*arguments: object) -> list[tuple[str, int]]:
        found = list(listed(*arguments))
        (tmp_path / "grows.txt").write_bytes(b"1" * 2 * MiB)
        (tmp_path / "vanishes.txt").unlink()
        (tmp_path / "replaced.txt").unlink()
        os.mkfifo(tmp_path / "replaced.txt")
        return found

    monkeypatch.setattr(submitted, "sizes", meanwhile)
    found = look(tmp_path)
    assert found.files == {"grows.txt": 2 * MiB, NAME: RELEASE.files[NAME]}
    assert found.unread == ()
    assert len(content_of(Path("/proc/self/status"), 10)) == 1  # it says that it is empty, and is not


def test_the_digest_is_that_of_all_that_a_grade_can_depend_on():
    different = [
        Submitted({}),
        Submitted({}, problem="a"),
        Submitted({}, ("a",)),
        Submitted({"a": b""}),
        Submitted({"a": 0}),
        Submitted({"a": 5}),
        Submitted({"a": b"12345"}),
        Submitted({"a": b"1", "b": b"2345"}),
        Submitted({"b": b"1", "a": b"2345"}),
        Submitted({"a\udce9": b""}),
    ]
    assert len({one.digest for one in different}) == len(different)
    assert len({Submitted({"a": b"1"}).digest for _ in range(2)}) == 1


# --- the process


@pytest.fixture(scope="module")
def reader() -> Iterator[reading.Reader]:
    with reading.open_reader(UNIT, SMALL) as reader:
        yield reader


def notebook(cells: str) -> bytes:
    return f'{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{}}, "cells": [{cells}]}}'.encode()


MEMORY = "reading it took more than 48 MiB of memory"
FLOODS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty cells": (lambda: notebook(",".join(["{}"] * 700_000)), MEMORY),
    "cells without text": (lambda: notebook(",".join(['{"cell_type": "code", "source": ""}'] * 150_000)), MEMORY),
    "millions of keys": (lambda: notebook("{" + ",".join(f'"{number}":0' for number in range(500_000)) + "}"), MEMORY),
    "one string of large characters": (
        lambda: notebook(json.dumps({"cell_type": "code", "source": "x" * 12 * MiB + "\U0001f600"})),
        MEMORY,
    ),
    "lists within lists": (lambda: notebook("[" * 5 * MiB), f"{NAME} holds no cell that can be read"),
    "dictionaries within dictionaries": (lambda: notebook('{"id":' * 200_000), f"{NAME} holds no cell that can be read"),
    "nothing but zeros": (lambda: bytes(8 * MiB), f"{NAME} holds no cell that can be read"),
    "a number of a million digits": (lambda: notebook("1" * MiB), f"{NAME} holds no cell that can be read"),
}


def read_floods() -> dict[str, tuple[str, bool, int]]:
    """For each flood: what is said of it, whether the next submission is read, and by how much the asking process has grown."""
    said = {}
    with reading.open_reader(UNIT, SMALL) as reader:
        for name, (content, _) in FLOODS.items():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            problem = reader.read(Submitted({NAME: content()})).problem
            goes_on = reader.read(RELEASE) == intake.read(RELEASE, UNIT)
            said[name] = problem, goes_on, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return said


@pytest.fixture(scope="module")
def floods() -> dict[str, tuple[str, bool, int]]:
    """Read from a process as fresh as a grader's: what another test has freed in this one, a reader could take beside its limit."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(read_floods).result()


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_left_to_a_person_with_a_reason_and_the_next_is_read(floods, name):
    problem, goes_on, grown = floods[name]
    assert problem == FLOODS[name][1]
    assert goes_on
    assert grown < 200 * MiB  # the content itself, made there and sent


def test_what_crosses_is_what_was_read():
    chosen = [clumsy for clumsy in CLUMSY if clumsy.unit == UNIT][::20]
    with reading.open_reader(UNIT, Limits()) as reader:
        for clumsy in chosen:
            found = Submitted(dict(sorted(clumsy.files().items())))
            assert reader.read(found) == intake.read(found, UNIT), clumsy.name


def hang() -> None:
    while True:
        pass


def flood_the_channel() -> intake.Submission:
    return intake.Submission(UNIT, [intake.Cell("x" * MiB) for _ in range(3)])


ENDS: dict[str, tuple[Callable[[], object], str]] = {
    "works for ever": (hang, "reading it took more than 1 seconds of processor time"),
    "waits for ever": (lambda: time.sleep(600), "reading it took longer than 3 seconds"),
    "is killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by itself (exit code -9)"),
    "goes": (lambda: os._exit(7), "ended by itself (exit code 7)"),
    "raises": (lambda: 1 / 0, "ended by itself (exit code 1); what it printed says why"),
    "says too much": (flood_the_channel, "it is more than 2 MiB without its outputs"),
    "says something else": (lambda: intake.Submission(UNIT, [intake.Cell(source=7)]), "Submission.cells.source must be of the form"),
}


@pytest.mark.parametrize(("end", "problem"), ENDS.values(), ids=ENDS)
def test_whatever_becomes_of_the_process_is_a_reason_and_the_next_submission_gets_another(monkeypatch, capfd, end, problem):
    read = intake.read
    monkeypatch.setattr(reading, "PATIENCE", 3 if "longer" in problem else 300)  # of the two limits, the one that is meant is reached
    monkeypatch.setattr(reading, "MAX_ANSWER", 2 * MiB)
    monkeypatch.setattr(intake, "read", lambda found, unit: read(found, unit) if found is RELEASE or "end" not in found.files else end())
    with reading.open_reader(UNIT, Limits(reading_seconds=1)) as reader:
        assert problem in reader.read(Submitted({"end": b""})).problem
        assert reader.channel is None
        assert reader.read(RELEASE).problem == ""
    assert ("ZeroDivisionError" in capfd.readouterr().err) == (problem.endswith("says why"))


def read_and_wait(channel: multiprocessing.connection.Connection) -> None:
    reader = reading.Reader(UNIT, Limits())
    reader.read(RELEASE)
    channel.send(reader.pid)
    time.sleep(60)


def test_it_does_not_outlive_whoever_asks():
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    grader = context.Process(target=read_and_wait, args=(theirs,))
    grader.start()
    process = psutil.Process(ours.recv())
    grader.kill()
    grader.join()
    psutil.wait_procs([process], timeout=10)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
