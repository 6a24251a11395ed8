"""Grading a class: stock nbgrader with its own defaults against this grader with one and two jobs.

    python tests/benchmarks/bench_autograde.py [--submissions 24] [--each 8] [--scale 50,200,1000]

One class of 01_operators, of mixed quality, graded in turn on the same machine, each way in a course folder of its own.
Wall and CPU time and peak memory are of the whole process tree. Then: whether all ways give the same points, how long a
submission of each unit takes and where its time goes, how long a kernel takes to be ready, and how time and memory grow
with the class. It ends with `ratio N.N`: stock's wall time over that of this grader with two jobs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from tqdm import tqdm

from autodiff_lib.units import UNITS
from grader.authors.catalogue import MISTAKES
from grader.book.nbgrader_course import ROOT, filled_in, scores, solutions, submit
from grader.classes import records
from grader.submission.jail import Session, open_jail
from grader.submission.limits import Limits

UNIT = "01_operators"
JOBS = (1, 2)
SAMPLE_SECONDS = 0.05
MEMORY_SECONDS = 0.5  # to look at the memory of a process takes milliseconds
READY = 30  # kernels that are asked for, to see how long one takes
STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "autodiff"
"""


@dataclass(frozen=True)
class Run:
    """What one way to grade the class took."""

    way: str
    submissions: int
    wall: float  # seconds
    cpu: float  # seconds, of all processes
    memory: float  # bytes, at the peak, of all processes together

    @property
    def per_minute(self) -> float:
        return 60 * self.submissions / self.wall


def make_course(folder: Path, count: int, unit: str = UNIT) -> Path:
    """A course folder with a class: every fourth has full marks, the others make one to three known mistakes."""
    shutil.copytree(ROOT / "source" / unit, folder / "source" / unit)
    released = nbformat.read(ROOT / "release" / unit / UNITS[unit].notebook, as_version=4)
    right, mistakes = solutions(unit), [mistake for mistake in MISTAKES.values() if mistake.unit == unit]
    for number in range(count):
        answers = dict(right)
        for which in range(number % 4):
            mistake = mistakes[(7 * number + 13 * which) % len(mistakes)]
            answers[mistake.exercise] = mistake.cell(right[mistake.exercise])
        submit(folder, f"student-{number:04d}", unit, filled_in(released, answers))
    return folder


def measured(way: str, submissions: int, command: list[str], folder: Path) -> Run:
    """Run a command to its end and watch its process tree. A bar shows how many notebooks it has written."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    log_file = folder / "bench.log"
    start = time.perf_counter()
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    used: dict[tuple[int, float], float] = {}
    peak = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        next_look = 0.0
        bar = tqdm(total=submissions, desc=way, unit="submission")
        root = psutil.Process(process.pid)
        while not done.is_set():
            try:
                tree = [root, *root.children(recursive=True)]
            except psutil.Error:
                return
            for one in tree:
                try:
                    times = one.cpu_times()
                    used[one.pid, one.create_time()] = times.user + times.system
                except psutil.Error:
                    continue
            if time.perf_counter() > next_look:
                peak = max(peak, sum(map(memory_of, tree)))
                next_look = time.perf_counter() + MEMORY_SECONDS
            if written := len(list((folder / "autograded").glob("*"))) - bar.n:
                bar.update(written)
            done.wait(SAMPLE_SECONDS)
        bar.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    if code not in (0, 1):
        raise SystemExit(f"{way} failed with exit code {code}:\n{log_file.read_text()[-3000:]}")
    return Run(way, submissions, wall, sum(used.values()), peak)


def memory_of(process: psutil.Process) -> float:
    """Resident bytes; what forked processes share is divided among them, where one may read that."""
    try:
        found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{process.pid}/smaps_rollup").read_text(), re.MULTILINE)
        return 1024 * float(found[1]) if found else 0
    except OSError:
        with contextlib.suppress(psutil.Error):
            return process.memory_info().rss - process.memory_info().shared
        return 0


def stock(folder: Path, count: int) -> Run:
    """nbgrader as it is, with one kernel after the other, in this process's own environment."""
    course = make_course(folder, count)
    (course / "nbgrader_config.py").write_text(STOCK_CONFIG)
    subprocess.run([sys.executable, "-m", "nbgrader", "generate_assignment", UNIT, "--create"], cwd=course, check=True, capture_output=True)
    return measured("stock nbgrader", count, [sys.executable, "-m", "nbgrader", "autograde", UNIT, "--create"], course)


def ours(folder: Path, count: int, jobs: int, unit: str = UNIT) -> Run:
    course = make_course(folder, count, unit)
    subprocess.run(  # the gradebook knows the unit, as it does for stock
        [sys.executable, "-m", "nbgrader", "generate_assignment", unit, "--create", f"--CourseDirectory.root={course}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    name = f"this grader, {jobs} job{'s' * (jobs > 1)}"
    return measured(name, count, [sys.executable, "-m", "grader", "autograde", unit, "--jobs", str(jobs), "--json"], course)


def table(runs: list[Run]) -> None:
    print("\n| way | wall s | CPU s | peak MiB | submissions a minute | stock's wall time over it |\n|:--|--:|--:|--:|--:|--:|")
    first = runs[0].wall
    for run in runs:
        print(f"| {run.way} | {run.wall:.1f} | {run.cpu:.1f} | {run.memory / 2**20:.0f} | {run.per_minute:.0f} | {first / run.wall:.1f} |")


def compare(courses: dict[str, Path]) -> None:
    """Say whose points differ from those of the first way, question by question."""
    points = {way: in_gradebook(course) for way, course in courses.items()}
    (first, expected), *others = points.items()
    print(f"\n{first}: {sum(expected.values()):g} points in {len(expected)} questions")
    for way, found in others:
        differ = [key for key in expected if found.get(key) != expected[key]]
        print(f"{way}: {len(expected) - len(differ)} of {len(expected)} the same")
        for student, question in differ:
            print(f"  {student}, {question}: {found.get((student, question))} instead of {expected[student, question]}")


def in_gradebook(course: Path) -> dict[tuple[str, str], float]:
    """Points by student and question."""
    rows = scores(f"sqlite:///{course / 'gradebook.db'}", UNIT)
    return {(row.student, question): points for row in rows for question, points in row.points.items()}


def units(folder: Path, count: int) -> None:
    """A class of each unit with one job; medians over it, from its records. The stages are those that take a hundredth of the time."""
    print(f"\n| unit, {count} submissions | median ms | of which |\n|:--|--:|:--|")
    for unit in UNITS:
        ours(folder / unit, count, 1, unit)
        taken = [record.seconds for record in records.load_all(folder / unit, unit)]
        whole = statistics.median(sum(seconds.values()) for seconds in taken)
        stages = {stage: statistics.median(seconds.get(stage, 0.0) for seconds in taken) for stage in taken[0]}
        said = ", ".join(f"{stage} {1e3 * seconds:.0f}" for stage, seconds in stages.items() if seconds > whole / 100)
        print(f"| {unit} | {1e3 * whole:.0f} | {said} |", flush=True)


def kernel_ready() -> None:
    """From asking for a kernel to the value of a cell that uses torch."""
    taken = []
    with open_jail(UNIT, Limits()) as jail:
        for _ in range(READY):
            start = time.perf_counter()
            with Session(jail, {}) as session:
                assert session.run("import torch\ntorch.ones(2).sum().item()")["status"] == "ok"
                taken.append(time.perf_counter() - start)
    print(f"\nkernel ready with torch: median {statistics.median(taken):.3f} s, longest {max(taken):.3f} s of {READY}")


def growth(folder: Path, sizes: list[int]) -> None:
    print("\n| class | wall s | ms a submission | peak MiB |\n|--:|--:|--:|--:|")
    for size in tqdm(sizes, desc="classes"):
        run = ours(folder / f"class-{size}", size, JOBS[-1])
        print(f"| {size} | {run.wall:.1f} | {1e3 * run.wall / size:.0f} | {run.memory / 2**20:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=24, help="size of the class that is graded in each way")
    parser.add_argument("--each", type=int, default=8, help="size of the class of each unit")
    parser.add_argument("--scale", default="50,200,1000", help="sizes of simulated classes; empty for none")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # stock looks for alembic there
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        runs = [stock(folder / "stock", options.submissions)]
        for jobs in JOBS:
            runs.append(ours(folder / f"jobs-{jobs}", options.submissions, jobs))
        table(runs)
        compare({run.way: folder / name for run, name in zip(runs, ["stock", *(f"jobs-{jobs}" for jobs in JOBS)], strict=True)})
        units(folder / "units", options.each)
        kernel_ready()
        if options.scale:
            growth(folder, [int(size) for size in options.scale.split(",")])
    print(f"ratio {runs[0].wall / runs[-1].wall:.1f}")


if __name__ == "__main__":
    main()
