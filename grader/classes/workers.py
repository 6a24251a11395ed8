"""Long-lived workers on this machine: processes, each with a warm jail of its own. One that dies costs its submission a try."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType

from ..submission.jail import START_SECONDS, Jail, JailError
from ..submission.limits import Limits
from ..submission.reading import Reader
from .work import Graded, Job, grade, quarantined

TRIES = 2  # a submission whose workers die is given up after so many
PATIENCE = 2  # times the time that a submission may take: a worker that is silent for longer is ended
STOPPING_SECONDS = 5
POLL_SECONDS = 5


@dataclass(frozen=True)
class Place:
    """Where and how a worker grades."""

    unit: str
    limits: Limits
    jailed: bool
    cold: bool  # a fresh jail for each submission


@dataclass
class Worker:
    """A worker process, and the job that it has."""

    number: int
    process: multiprocessing.process.BaseProcess
    channel: Connection
    job: Job | None = None
    deadline: float = 0.0

    def take(self, job: Job, seconds: float) -> None:
        """Send it a job. Where it has died meanwhile, its channel says so as soon as one listens to it."""
        self.job, self.deadline = job, time.monotonic() + seconds
        with suppress(ConnectionError):
            self.channel.send(job)

    def stop(self) -> None:
        """End the process; one that has a job cleans up after it before it goes, if it can."""
        self.channel.close()
        if self.job is not None:
            self.process.terminate()
        self.process.join(STOPPING_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def run(jobs: Iterable[Job], count: int, unit: str, limits: Limits, jailed: bool, cold: bool) -> Iterator[Graded]:
    """Grade with `count` workers; results come as they are ready. JailError where the workers cannot have jails."""
    place = Place(unit, limits, jailed, cold)
    waiting, again = iter(jobs), deque[Job]()
    tries: Counter[str] = Counter()
    workers: list[Worker] = []

    def occupy(worker: Worker) -> None:
        if (job := again.popleft() if again else next(waiting, None)) is not None:
            worker.take(job, PATIENCE * place.limits.total_seconds + START_SECONDS)

    def replaced(worker: Worker) -> Worker:
        worker.stop()
        return start(worker.number, place, [other for other in workers if other is not worker])

    try:
        for number in range(count):
            workers.append(start(number, place, workers))
        for worker in workers:
            occupy(worker)
        while busy := [worker for worker in workers if worker.job is not None]:
            heard = wait([worker.channel for worker in busy], timeout=POLL_SECONDS)
            for worker in busy:
                job = worker.job
                if job is None:
                    continue
                answer = received(worker) if worker.channel in heard else None
                if isinstance(answer, JailError):
                    raise answer
                if isinstance(answer, Graded):
                    worker.job = None
                    occupy(worker)
                    yield answer
                elif worker.channel in heard or time.monotonic() > worker.deadline:
                    workers[worker.number] = replaced(worker)
                    tries[job.student] += 1
                    if tries[job.student] < TRIES:
                        again.append(job)
                    occupy(workers[worker.number])
                    if tries[job.student] == TRIES:
                        yield quarantined(job, TRIES, place.jailed)
    finally:
        for worker in workers:
            worker.stop()


def start(number: int, place: Place, others: Iterable[Worker]) -> Worker:
    """A process forked from this one, which has imported everything already."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    inherited = [ours, *(other.channel for other in others)]
    process = context.Process(target=serve, args=(theirs, inherited, number, place), daemon=True)
    process.start()
    theirs.close()
    return Worker(number, process, ours)


def received(worker: Worker) -> Graded | JailError | None:
    """The answer of a worker; None if it has died instead."""
    try:
        return worker.channel.recv()
    except (EOFError, ConnectionError):
        return None


def serve(channel: Connection, inherited: list[Connection], number: int, place: Place) -> None:
    """A worker's life: one job after the other, until the channel is closed. Ctrl-C is for the process that started it."""
    for other in inherited:  # as long as one process holds it, nobody hears that it was closed
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    jail: Jail | None = None
    reader = Reader(place.unit, place.limits)
    try:
        jail = Jail(place.unit, place.limits, place.jailed, number)
        jail.start()
        while True:
            job = channel.recv()
            if place.cold:
                jail.stop()
                jail.start()
            channel.send(grade(job, jail, reader))
    except JailError as error:
        with suppress(ConnectionError):
            channel.send(error)
    except (EOFError, ConnectionError):
        pass
    finally:
        reader.stop()
        if jail is not None:
            jail.stop()


def leave(signum: int, frame: FrameType | None) -> None:
    """Go, and clean up on the way."""
    sys.exit()
