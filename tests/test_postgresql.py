"""The gradebook in PostgreSQL: a real server, with few connections, for one grader and for two at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from nbgrader.api import Course, Gradebook
from typer.testing import CliRunner

from grader.__main__ import app
from grader.book import gradebook
from grader.book.nbgrader_adapter import opened, session
from grader.book.nbgrader_course import CONFIG, ROOT, course_id, database, filled_in, nbgrader, release, solutions, submit
from grader.classes import batch, work
from grader.classes.writer import Writer
from grader.submission import engine, jail
from grader.submission.submitted import Submitted
from tests import test_workers as classes

UNIT, OTHER = classes.UNIT, "02_evaluator"
CONNECTIONS = 10  # that the server has at all
STUDENTS = [f"student{number}" for number in range(12)]


def program(name: str) -> str | None:
    """One of PostgreSQL's programs: on the PATH, or where Debian has it."""
    places = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    return shutil.which(name, path=os.pathsep.join(places))


pytestmark = pytest.mark.skipif(
    (program("initdb") is None or jail.bubblewrap() is None) and not os.environ.get("CI"),
    reason="NO POSTGRESQL OR NO BUBBLEWRAP HERE: the gradebook in PostgreSQL is not tested (apt install postgresql bubblewrap)",
)


class Server:
    """A server of our own, on a free port, whose data goes when it stops. It does not run as root: then `postgres` runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        self.as_user = []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.run("initdb", "--pgdata", str(folder / "data"), "--auth", "trust", "--username", "postgres", "--no-sync")
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "max_connections": CONNECTIONS}
        options = " ".join(f"-c {name}={value}" for name, value in {**settings, "fsync": "off"}.items())
        self.run("pg_ctl", "--pgdata", str(folder / "data"), "--options", options, "--log", str(folder / "log"), "--wait", "start")

    def run(self, name: str, *arguments: str) -> None:
        command = [*self.as_user, program(name) or name, *arguments]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        self.run("pg_ctl", "--pgdata", str(self.folder / "data"), "--mode", "immediate", "stop")

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres", autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, name: str) -> str:
        self.query(f"create database {name}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        running = Server(Path(folder))
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def most_connections(server: Server) -> Iterator[list[int]]:
    """How many connections there are at most while something runs, besides the one that counts them."""
    counts, over = [0], threading.Event()

    def count() -> None:
        while not over.wait(0.05):
            counts.append(server.query("select count(*) - 1 from pg_stat_activity where backend_type = 'client backend'")[0][0])

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield counts
    finally:
        over.set()
        counting.join()


def configured(course: Path, db_url: str) -> Path:
    (course / CONFIG).write_text(f"c = get_config()\nc.CourseDirectory.db_url = '{db_url}'\n")
    return course


def test_two_workers_write_the_same_rows_as_to_sqlite_over_one_connection(tmp_path, server):
    course = classes.ungraded_copy(tmp_path / "course")
    (course / "gradebook.db").unlink()
    db_url = server.new_database("same")
    configured(course, db_url)
    gradebook.ensure_assignment(course, db_url, UNIT)
    with most_connections(server) as counts:
        classes.grade(course, jobs=2)
    assert max(counts) == 1
    assert not (course / "gradebook.db").exists()
    classes.assert_same_as_baseline(course, batch.students_of(course, UNIT), db_url)


@pytest.fixture(scope="module")
def two_graders(tmp_path_factory, server) -> tuple[Path, int]:
    """A course that two commands have graded at once, in a gradebook that was empty before; and the most connections there were."""
    course = classes.ungraded_copy(tmp_path_factory.mktemp("two") / "course", ["right", "garbage"])
    (course / "gradebook.db").unlink()
    nbgrader(course, "generate_assignment", OTHER, "--create", f"--db=sqlite:///{course / 'elsewhere.db'}")
    submit(course, "right", OTHER, filled_in(release(course, OTHER), solutions(OTHER)))
    configured(course, server.new_database("two_graders"))
    command = [sys.executable, "-m", "grader", "autograde", "--course", str(course), "--jobs", "1"]
    with most_connections(server) as counts:
        graders = [
            subprocess.Popen([*command, unit], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for unit in (UNIT, OTHER)
        ]
        said = [grader.communicate()[0] for grader in graders]
    assert [grader.returncode for grader in graders] == [1, 0], "\n".join(said)  # garbage is ungraded
    return course, max(counts)


def test_two_graders_of_different_units_lose_nothing(two_graders):
    course, connections = two_graders
    assert connections < CONNECTIONS
    classes.assert_same_as_baseline(course, ["right", "garbage"], database(course))
    held = classes.rows(database(course), OTHER)
    assert held["right"]["score"] == sum(question.points for question in engine.public_questions(OTHER).values())


# --- at the same moment


def at_once(*actions: Callable[[], Any]) -> None:
    """Each in a process of its own, all of them starting at the same moment; none may fail."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(actions))
    processes = [context.Process(target=lambda action=action: (barrier.wait(), action())) for action in actions]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(actions)


@pytest.mark.parametrize("attempt", range(3))
def test_an_empty_gradebook_may_be_opened_by_several_at_once(server, attempt):
    db_url = server.new_database(f"empty{attempt}")
    at_once(*[lambda: opened(db_url).close()] * 4)
    with Gradebook(db_url) as book:
        assert book.assignments == []
        assert book.check_course().id == "default_course"


def test_several_graders_may_tell_an_empty_gradebook_its_units_at_once(tmp_path, server):
    course = classes.ungraded_copy(tmp_path / "course", [])
    db_url = server.new_database("units")
    units = [UNIT, UNIT, OTHER, OTHER]
    with ThreadPoolExecutor(len(units)) as graders:
        list(graders.map(lambda unit: gradebook.ensure_assignment(course, db_url, unit), units))
    with Gradebook(db_url) as book:
        assert sorted(assignment.name for assignment in book.assignments) == sorted(set(units))


def test_the_course_stands_in_the_gradebook_before_nbgraders_command_runs(tmp_path, server, monkeypatch):
    """That command fails where a grader on another machine writes the course down at the same moment."""
    course = classes.ungraded_copy(tmp_path / "course", [])
    db_url = server.new_database("before")
    there: list[str] = []

    def command(*_: str) -> None:
        with opened(db_url) as book:
            there.extend(row.id for row in session(book).query(Course))
        nbgrader(course, "generate_assignment", UNIT, "--create", "--force", f"--db={db_url}")

    monkeypatch.setattr(gradebook, "nbgrader", command)
    gradebook.ensure_assignment(course, db_url, UNIT)
    assert course_id() in there


def test_the_same_new_students_may_be_written_down_by_two_graders_at_once(two_graders, server):
    course, _ = two_graders

    def write(unit: str) -> None:
        with Writer(course, database(course), unit) as writer:
            for student in STUDENTS:
                writer.write(work.quarantined(work.Job(student, unit, Submitted({}), ""), 1, True))

    with most_connections(server) as counts:
        at_once(lambda: write(UNIT), lambda: write(OTHER))
    assert 1 <= max(counts) <= 2
    for unit in (UNIT, OTHER):
        held = classes.rows(database(course), unit)
        assert set(held) > set(STUDENTS)
        assert {len(held[student]["grades"]) for student in STUDENTS} == {len(engine.public_questions(unit))}
        assert {auto for student in STUDENTS for auto, _, _ in held[student]["grades"].values()} == {0}


def test_a_server_that_is_not_there_is_said_in_a_line(tmp_path):
    course = configured(classes.ungraded_copy(tmp_path / "course", ["garbage"]), "postgresql+psycopg://postgres@127.0.0.1:1/none")
    done = CliRunner().invoke(app, ["autograde", UNIT, "--course", str(course)])
    assert done.exit_code == 2
    assert "connection" in done.stderr
