"""A Dask cluster grades as one process does: a real scheduler and two worker processes, some of which are killed."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dask import config as dask_config
from distributed import Client, Security

from grader.book.nbgrader_course import ROOT
from grader.classes import batch, cluster, records, work
from grader.submission import jail, scratch
from grader.submission.limits import Limits
from tests import test_workers as classes

UNIT = classes.UNIT
pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")
WAIT_SECONDS = 90

PRELOAD = '''
"""Some students' submissions take the worker with them, or last until it is killed."""
import os, signal, time
from grader.classes import cluster, work
from grader.submission import jail

def grade(job, warm, reader):
    if job.student == "killer":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.student == "slow":
        with open({started!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        while os.path.exists({hold!r}):
            time.sleep(0.05)
    return work.grade(job, warm, None if job.student == "raises" else reader)

cluster.grade = grade
if os.path.exists({no_jail!r}):
    jail.bubblewrap = lambda: None
'''


ROLES = ("scheduler", "worker", "client")


def certified(folder: Path) -> dict[str, Any]:
    """Dask's configuration with certificates, which are made in that folder."""
    made = Security.temporary()
    for name, content in (("cert.pem", made.tls_ca_file), ("key.pem", made.tls_client_key)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    roles = {f"{role}.{name}": folder / f"{name}.pem" for role in ROLES for name in ("cert", "key")}
    return {f"distributed.comm.tls.{name}": str(path) for name, path in {"ca-file": folder / "cert.pem", **roles}.items()}


NO_CERTIFICATES = dict.fromkeys(
    ["distributed.comm.tls.ca-file", *(f"distributed.comm.tls.{role}.{name}" for role in ROLES for name in ("cert", "key"))]
)


def variable(name: str) -> str:
    """The environment variable that sets this in Dask's configuration."""
    return "DASK_" + name.upper().replace(".", "__").replace("-", "_")


class Dask:
    """A scheduler and workers, as somebody starts them by hand; what they print goes to files."""

    def __init__(self, folder: Path, certificates: Iterable[str]) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.started, self.hold, self.no_jail = folder / "started", folder / "hold", folder / "no-jail"
        (folder / "preload.py").write_text(
            PRELOAD.format(started=str(self.started), hold=str(self.hold), no_jail=str(self.no_jail)),
        )
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **{variable(name): dask_config.get(name) for name in certificates}}
        self.start(
            "scheduler",
            "--protocol",
            "tls",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(folder / "scheduler.json"),
        )
        self.wait_for(lambda: (folder / "scheduler.json").is_file())
        self.client = Client(scheduler_file=str(folder / "scheduler.json"), set_as_default=False)
        self.address = self.client.scheduler.address

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments]
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=self.environment)
        self.processes.append(process)
        return process

    def worker(self, *options: str) -> psutil.Process:
        fixed = ["--nthreads", "1", "--no-dashboard", "--preload", str(self.folder / "preload.py"), "--local-directory", str(self.folder)]
        return psutil.Process(self.start("worker", self.address, *fixed, *options).pid)

    def ready(self, count: int) -> None:
        self.wait_for(lambda: len(self.client.nthreads()) == count)

    def wait_for(self, condition: Any) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "\n".join(log.read_text()[-300:] for log in sorted(self.folder.glob("*.log")))
            time.sleep(0.05)

    def end(self, workers: list[psutil.Process]) -> None:
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.terminate()
        psutil.wait_procs(workers, timeout=WAIT_SECONDS)
        self.ready(0)

    def close(self) -> None:
        self.client.close()
        started = [psutil.Process(process.pid) for process in self.processes if process.poll() is None]
        below = [child for process in started for child in process.children(recursive=True)]
        for process in reversed(started):
            process.terminate()
        _, alive = psutil.wait_procs([*started, *below], timeout=15)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture(scope="module")
def dask(tmp_path_factory) -> Iterator[Dask]:
    folder = tmp_path_factory.mktemp("dask")
    certificates = certified(folder)
    with dask_config.set(certificates):
        running = Dask(folder, certificates)
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
def two_workers(dask) -> list[psutil.Process]:
    workers = [dask.worker("--no-nanny"), dask.worker("--no-nanny")]
    dask.ready(2)
    yield workers
    dask.end(workers)


def jails_below(workers: list[psutil.Process]) -> list[psutil.Process]:
    return [child for worker in workers if worker.is_running() for child in worker.children(recursive=True) if "bwrap" in child.name()]


def test_records_gradebook_and_pages_are_those_of_one_process_also_when_a_worker_is_killed(tmp_path, dask, two_workers):
    """One of the two dies while it grades; afterwards the other has no jail any more."""
    course = classes.ungraded_copy(tmp_path / "course")
    (course / "submitted" / "several").rename(course / "submitted" / "slow")  # the one that is in the middle
    dask.hold.touch()

    def kill() -> None:
        try:
            dask.wait_for(lambda: dask.started.is_file() and dask.started.read_text().endswith("\n"))  # not when it is half written
            os.kill(int(dask.started.read_text().split()[0]), 9)
        finally:
            dask.hold.unlink()  # or the other waits for ever

    killer = threading.Thread(target=kill)
    killer.start()
    seen: set[psutil.Process] = set()
    students = ["slow", "right", "exits", "garbage", "untouched"]
    options = batch.Options(scheduler=dask.address)
    graded = batch.autograde(course, UNIT, students, options, lambda record, fresh: seen.update(jails_below(two_workers)))
    killer.join()
    assert [record.student for record in graded] == students
    assert len(set(dask.started.read_text().split())) == 2  # tried twice, on both
    assert seen
    psutil.wait_procs(seen, timeout=10)
    assert jails_below(two_workers) == []
    classes.assert_same_as_baseline(course, students[1:])
    several = records.load(classes.baseline(), UNIT, "several")
    assert {**classes.plain(graded[0]), "student": "several"} == classes.plain(several)
    assert classes.pages(course)["slow"] == classes.pages(classes.baseline())["several"]


def test_what_ends_every_worker_is_quarantined_and_who_was_beside_it_is_not(dask):
    """With no failure allowed, Dask gives up whatever was on the worker; tried alone, it shows who did it."""
    workers = [dask.worker(), dask.worker()]  # their nannies start others
    dask.ready(2)
    dask.client.run_on_scheduler(allow_no_failure)
    folder = classes.baseline() / "submitted"
    files = {"killer": "garbage", "first": "garbage", "second": "untouched", "third": "garbage", "raises": "garbage"}
    jobs = [work.pack(folder / original / UNIT, student, UNIT) for student, original in files.items()]
    graded = {one.record.student: one.record for one in cluster.run(jobs, dask.address, 2, UNIT, Limits(), True, False)}
    assert {question.reason for question in graded["killer"].questions.values()} == {"killed"}
    assert graded["killer"].problem == "grading it ended 1 workers"
    assert graded["raises"].problem == "grading it failed (AttributeError): what was logged says where"
    for student in ("first", "second", "third"):
        expected = records.load(classes.baseline(), UNIT, files[student])
        assert {**classes.plain(graded[student]), "student": files[student], "limits": expected.limits} == classes.plain(expected)
    dask.end(workers)


def allow_no_failure(dask_scheduler: Any) -> None:
    dask_scheduler.allowed_failures = 0


def grade_nothing(scheduler: str, jailed: bool = True) -> list[work.Graded]:
    return list(cluster.run([classes.nothing("somebody")], scheduler, 1, UNIT, Limits(), jailed, False))


def refused(address: str, security: Security | None) -> bool:
    gc.collect()  # what is left of clients before: ended in the middle of the start of a thread, it may stop that for ever
    try:
        Client(address, security=security, timeout=2, set_as_default=False).close()
    except (OSError, TimeoutError, TypeError):  # TypeError: without a certificate, tls is not even tried
        return True
    return False


def nobody_else_comes_in(address: str) -> bool:
    plain = address.replace("tls://", "tcp://")
    with dask_config.set(NO_CERTIFICATES):
        return all([refused(address, None), refused(address, Security.temporary()), refused(plain, None)])


def test_a_scheduler_lets_nobody_in_without_its_certificates(dask):
    assert not refused(dask.address, Security(require_encryption=True))
    assert nobody_else_comes_in(dask.address)


def test_a_cluster_on_this_machine_makes_certificates_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with cluster.reached(cluster.LOCAL, 1) as client:
        assert client.scheduler.address.startswith("tls://")
        assert {worker.split(":")[0] for worker in client.nthreads()} == {"tls"}
        assert nobody_else_comes_in(client.scheduler.address)
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith(f"{scratch.PREFIX}cluster-")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{client.scheduler_info()['services']['dashboard']}/info/main/workers.html")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_encrypted_is_refused_with_what_to_do(tmp_path):
    good = certified(tmp_path)
    key = "distributed.comm.tls.client.key"
    for address in ("tcp://10.0.0.1:8786", "10.0.0.1:8786", "inproc://10.0.0.1/1/1", "ucx://10.0.0.1:8786"):
        with dask_config.set(good), pytest.raises(jail.JailError, match="is not encrypted(.|\n)*name it as tls://10.0.0.1"):
            grade_nothing(address)
    for config, message in (
        ({}, "has no distributed.comm.tls.ca-file, distributed.comm.tls.client.cert, distributed.comm.tls.client.key"),
        ({**good, key: str(tmp_path / "nothing.pem")}, "cannot be read: .*nothing.pem"),
    ):
        with dask_config.set(NO_CERTIFICATES), dask_config.set(config), pytest.raises(jail.JailError, match=message):
            grade_nothing("tls://127.0.0.1:9")
    (tmp_path / "key.pem").chmod(0o644)
    with dask_config.set(good), pytest.raises(jail.JailError, match="others can read .*key.pem: chmod 600"):
        grade_nothing("tls://127.0.0.1:9")


def test_a_cluster_that_cannot_grade_says_what_to_do(dask, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(jail.JailError, match="dask scheduler --protocol tls; dask worker tls://127.0.0.1:9 --nthreads 1"):
        grade_nothing("tls://127.0.0.1:9")
    with pytest.raises(jail.JailError, match="no Dask scheduler with workers"):
        grade_nothing(dask.address)
    dask.no_jail.touch()
    worker = dask.worker("--no-nanny")
    dask.ready(1)
    with pytest.raises(jail.JailError, match="`--no-jail` grades without"):
        grade_nothing(dask.address)
    with monkeypatch.context() as patch:
        patch.setattr(cluster.engine, "version", lambda unit: "another")
        with pytest.raises(jail.JailError, match="install the same on both"):
            grade_nothing(dask.address, jailed=False)
    dask.end([worker])
