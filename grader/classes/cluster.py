"""Beyond one machine: a Dask cluster. Submissions go there as bytes, records come back; no disk is shared.

Whoever can reach a scheduler runs code as its workers and reads the secret. So every connection is encrypted, and both
ends show a certificate: made for the occasion where the cluster is `local`, else those of Dask's own configuration.

Every worker needs this package, in the same version, and a jail. One that is lost costs its submission a retry; Dask
gives a task up after `distributed.scheduler.allowed-failures` lost workers, and then the submission is quarantined.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Security, Worker, WorkerPlugin, get_worker
from distributed.comm import CommClosedError

from ..submission import engine, hidden, scratch
from ..submission.jail import Jail, JailError
from ..submission.limits import Limits
from ..submission.reading import Reader
from .work import Graded, Job, grade, quarantined

LOCAL = "local"  # in place of an address: a cluster on this machine
TLS = "tls://"
UNSEEN: dict[str, list[str]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}  # pages that would ask nobody for a certificate
CERTIFICATES = ("ca-file", "client.cert", "client.key")  # below `distributed.comm.tls` in Dask's configuration
AHEAD = 2  # jobs that are on their way for each worker: so many submissions are in memory at once
CONNECT_SECONDS = 60
SILENCE_SECONDS = 60  # after which one looks whether there are workers
UIDS = 1000  # workers of one machine are told apart by their process id, up to so many


class JailPlugin(WorkerPlugin):
    """Gives a worker a warm jail, for as long as it lives. It grades one submission at a time, whatever its threads."""

    def __init__(self, unit: str, limits: Limits, jailed: bool, cold: bool, secret: str) -> None:
        self.unit, self.limits, self.jailed, self.cold, self.secret = unit, limits, jailed, cold, secret
        self.name = f"jail-{unit}-{uuid4().hex[:8]}"  # others may grade on the same cluster at the same time
        self.jail: Jail | None = None

    def setup(self, worker: Worker) -> None:
        os.environ[hidden.SECRET] = self.secret
        self.lock, self.ended = Lock(), False
        self.reader = Reader(self.unit, self.limits)
        self.jail = Jail(self.unit, self.limits, self.jailed, os.getpid() % UIDS)
        self.jail.start()

    def teardown(self, worker: Worker) -> None:
        self.ended = True
        if self.jail is not None:
            self.jail.stop()
        self.reader.stop()

    def grade(self, job: Job) -> Graded:
        with self.lock:
            jail = self.jail
            if jail is None:
                raise JailError("this worker has no jail")
            try:
                if self.cold:
                    jail.stop()
                    jail.start()
                return grade(job, jail, self.reader)
            finally:
                if self.ended:  # meanwhile: then both may have been started again
                    jail.stop()
                    self.reader.stop()


def grade_there(job: Job, plugin: str) -> Graded:
    """Runs on a worker."""
    there: Any = get_worker().plugins[plugin]
    return there.grade(job)


def run(jobs: Iterable[Job], scheduler: str, count: int, unit: str, limits: Limits, jailed: bool, cold: bool) -> Iterator[Graded]:
    """Grade on the cluster behind `scheduler`, an address or `local`. JailError where workers cannot, or are of another version."""
    try:
        with reached(scheduler, count) as client, jails(client, JailPlugin(unit, limits, jailed, cold, hidden.secret())) as plugin:
            check_versions(client, unit)
            yield from results(client, jobs, plugin)
    except (CancelledError, CommClosedError):
        raise JailError("the cluster's scheduler has gone; start it again: the same command goes on from here") from None


@contextmanager
def reached(scheduler: str, count: int) -> Iterator[Client]:
    """A client of the cluster, which is started here and for this time alone where it is `local`."""
    if scheduler != LOCAL:
        with connected(scheduler, certificates(scheduler)) as client:
            yield client
        return
    security = Security.temporary()
    options = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "security": security}
    with (
        scratch.folder("cluster") as folder,
        dask.config.set({**UNSEEN, "temporary-directory": str(folder)}),
        LocalCluster(**options) as cluster,
        connected(cluster, security) as client,
    ):
        yield client


def certificates(scheduler: str) -> Security:
    """What Dask's configuration says of certificates. JailError where it says too little, or others can read the key."""
    if not scheduler.startswith(TLS):
        raise JailError(
            f"{scheduler} is not encrypted: whoever reaches it runs code as its workers, and reads {hidden.SECRET}.\n"
            f"Give the cluster certificates (the README says how), and name it as {TLS}{scheduler.split('://')[-1]}"
        )
    named = {name: dask.config.get(f"distributed.comm.tls.{name}", None) for name in CERTIFICATES}
    if absent := [f"distributed.comm.tls.{name}" for name, path in named.items() if not path]:
        raise JailError(
            f"{scheduler} asks for certificates, and Dask's configuration has no {', '.join(absent)}; the README says how to make them"
        )
    for name, path in named.items():
        if not os.access(path, os.R_OK):
            raise JailError(f"distributed.comm.tls.{name} of Dask's configuration cannot be read: {path}")
    if Path(named["client.key"]).stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise JailError(f"others can read {named['client.key']}: chmod 600 {named['client.key']}")
    return Security(require_encryption=True)


def connected(scheduler: str | LocalCluster, security: Security) -> Client:
    """A client of a scheduler that has workers; JailError where there is none."""
    client = None
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False, security=security)
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        return client
    except (OSError, TimeoutError) as error:
        if client is not None:
            client.close()
        raise JailError(
            f"no Dask scheduler with workers at {scheduler}: {error}.\n"
            f"Start them with the same certificates: dask scheduler --protocol tls; dask worker {scheduler} --nthreads 1"
        ) from None


@contextmanager
def jails(client: Client, plugin: JailPlugin) -> Iterator[JailPlugin]:
    """A jail on each worker, also on those that come later; none of them is left afterwards."""
    try:
        client.register_plugin(plugin)
        yield plugin
    finally:
        with suppress(OSError, TimeoutError):  # the scheduler has gone, and its workers with it
            client.unregister_worker_plugin(plugin.name)


def check_versions(client: Client, unit: str) -> None:
    ours, theirs = engine.version(unit), client.run(engine.version, unit)
    for address, version in theirs.items():
        check_version(f"the worker at {address}", version, ours)


def check_version(who: str, version: str, ours: str) -> None:
    if version != ours:
        raise JailError(f"{who} has version {version} of the grader, here is {ours}: install the same on both")


def results(client: Client, jobs: Iterable[Job], plugin: JailPlugin) -> Iterator[Graded]:
    """Grade all jobs. Dask suspects whatever was on its way to a lost worker: only what ends workers alone is quarantined."""
    suspects: list[Job] = []
    for job, graded in attempts(client, jobs, plugin):
        if graded is None:
            suspects.append(job)
        else:
            yield graded
    for suspect in suspects:
        for job, graded in attempts(client, [suspect], plugin):
            yield graded or quarantined(job, client.run_on_scheduler(lost_workers), plugin.jailed)


def attempts(client: Client, jobs: Iterable[Job], plugin: JailPlugin) -> Iterator[tuple[Job, Graded | None]]:
    """Each job with what came of it, as it is ready; with None where too many workers were lost."""
    waiting, version = iter(jobs), engine.version(plugin.unit)
    pending: dict[Any, tuple[Future, Job]] = {}
    done: SimpleQueue[Future] = SimpleQueue()

    def submit(count: int) -> None:
        for job in islice(waiting, count):
            future = client.submit(grade_there, job, plugin.name, pure=False, key=f"{plugin.name}-{uuid4().hex}")
            pending[future.key] = future, job
            future.add_done_callback(done.put)

    submit(AHEAD * max(1, len(client.nthreads())))
    while pending:
        future, job = pending.pop(finished(client, done).key)
        try:
            graded = future.result()
            check_version("a worker that has joined", graded.record.version, version)
        except KilledWorker:
            graded = None
        future.release()
        submit(1)
        yield job, graded


def finished(client: Client, done: SimpleQueue[Future]) -> Future:
    """The next that is done. JailError where nobody is left to do anything."""
    while True:
        try:
            return done.get(timeout=SILENCE_SECONDS)
        except Empty:
            if not client.nthreads():
                raise JailError("the cluster has lost all its workers; start others: the same command goes on from here") from None


def lost_workers(dask_scheduler: Any) -> int:
    """How many workers a task may take with it, and one more: then it is given up."""
    return dask_scheduler.allowed_failures + 1
