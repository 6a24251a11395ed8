"""Many workers grade as one does, whatever becomes of them; and none of them is left afterwards."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from sqlalchemy.exc import DataError, OperationalError

from grader.authors.catalogue import MISTAKES
from grader.book import gradebook
from grader.book.nbgrader_adapter import time_of
from grader.book.nbgrader_course import database, filled_in, release, solutions, submit
from grader.classes import batch, records, whole, work, workers, writer
from grader.submission import engine, intake, jail, reading, submitted
from grader.submission import plain as plain_form
from grader.submission.limits import Limits
from grader.submission.pace import Pace
from tests import corpora

UNIT = "01_operators"
pytestmark = pytest.mark.skipif(jail.bubblewrap() is None and not os.environ.get("CI"), reason="NO BUBBLEWRAP HERE")


# --- a class, and what is known of it afterwards


def answers(*mistakes: str) -> dict[str, str]:
    """The solutions, with these mistakes in them."""
    right = solutions(UNIT)
    wrong = {MISTAKES[name].exercise: MISTAKES[name].cell(right[MISTAKES[name].exercise]) for name in mistakes}
    return {name: text.replace("### ", "# ") for name, text in {**right, **wrong}.items()}


def fill(course: Path) -> Path:
    """One submission of each kind: right, wrong in one and in several exercises, untouched, unreadable, with things beside it."""
    blank = release(course, UNIT)
    submit(course, "right", UNIT, filled_in(blank, answers()))
    several = submit(course, "several", UNIT, filled_in(blank, answers("mean-count-forgotten", "matmul-unreduced", "layernorm-unbiased")))
    several.with_name("large.bin").write_bytes(bytes(20 * 2**20))
    (several.parent / os.fsdecode(b"caf\xe9.txt")).write_text("a name that is not UTF-8")
    exits = filled_in(blank, answers("softmax-global-maximum"))
    exits.cells += [
        nbformat.v4.new_code_cell(text) for text in ("print('here'); 1 / 0", "import os\nos._exit(1)", "open('helper.py').read()")
    ]
    path = submit(course, "exits", UNIT, exits)
    path.with_name("helper.py").write_text("number = 1\n")
    path.with_name("linked.py").symlink_to(course / "gradebook.db")
    submit(course, "untouched", UNIT, blank)
    submit(course, "garbage", UNIT, blank).write_bytes(b"\x00\xff not a notebook")
    return course


def plain(record: records.Record) -> dict[str, Any]:
    """A record without what may differ between two runs: how long it took."""
    return asdict(replace(record, seconds={}))


def rows(db_url: str, unit: str = UNIT) -> dict[str, Any]:
    """All that the gradebook holds of a unit, by student."""
    with Gradebook(db_url) as book:
        return {
            submission.student_id: {
                "score": submission.score,
                "timestamp": submission.timestamp,
                "penalties": [notebook.late_submission_penalty for notebook in submission.notebooks],
                "grades": {
                    grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                },
                "comments": {comment.name: comment.auto_comment for notebook in submission.notebooks for comment in notebook.comments},
            }
            for submission in book.assignment_submissions(unit)
        }


def pages(course: Path) -> dict[str, str]:
    return {path.parts[-3]: path.read_text() for path in (course / "autograded").glob(f"*/{UNIT}/*.ipynb")}


def grade(course: Path, students: Iterable[str] | None = None, **options: Any) -> list[records.Record]:
    """Grade, and see to it that no process and no folder is left."""
    with nothing_left() as tell:
        return batch.autograde(course, UNIT, list(students or batch.students_of(course, UNIT)), batch.Options(**options), tell)


@contextlib.contextmanager
def nothing_left() -> Iterator[Any]:
    """Gives a callback for `on_student`, which looks at all processes below this one; at the end none of them lives, and no file."""
    before = set(psutil.Process().children(recursive=True))
    seen: set[psutil.Process] = set()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(tempfile, "tempdir", folder)
        if batch.open_jail is corpora.open_kept:
            patch.setattr(batch, "open_jail", jail.open_jail)
        yield lambda record, fresh: seen.update(psutil.Process().children(recursive=True))
        seen.update(psutil.Process().children(recursive=True))
        _, alive = psutil.wait_procs(seen - before, timeout=10)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
        assert list(Path(folder).iterdir()) == []


@cache
def baseline() -> Path:
    """The class, graded in the plainest way: by this process, one after the other."""
    course = fill(corpora.empty_course(Path(tempfile.mkdtemp(prefix="baseline-")) / "course", UNIT))
    shutil.copy(course / "gradebook.db", course / "empty.db")
    grade(course)
    return course


@pytest.fixture(scope="module", autouse=True)
def clean_up():
    yield
    if baseline.cache_info().currsize:
        shutil.rmtree(baseline().parent)
        baseline.cache_clear()


def ungraded_copy(folder: Path, students: Iterable[str] | None = None) -> Path:
    """The class as it was before, or some of it."""
    shutil.copytree(baseline(), folder, symlinks=True, ignore=shutil.ignore_patterns(".grader", "autograded", "gradebook.db"))
    (folder / "empty.db").rename(folder / "gradebook.db")
    for student in batch.students_of(folder, UNIT):
        if students is not None and student not in students:
            shutil.rmtree(folder / "submitted" / student)
    return folder


def assert_same_as_baseline(course: Path, students: Iterable[str], db_url: str = "") -> None:
    """Records, gradebook and pages of these students are those of the plainest way."""
    held, expected_rows = rows(db_url or database(course)), rows(database(baseline()))
    shown, expected_pages = pages(course), pages(baseline())
    for student in students:
        assert plain(records.load(course, UNIT, student)) == plain(records.load(baseline(), UNIT, student))
        assert held[student] == expected_rows[student]
        assert shown[student] == expected_pages[student]


# --- the same, whoever grades


def test_the_class_is_as_mixed_as_it_should_be():
    found = {record.student: record for record in records.load_all(baseline(), UNIT)}
    assert {name: record.points for name, record in found.items()} == {
        "right": 32,
        "several": 24,
        "exits": 30,
        "untouched": 0,
        "garbage": 0,
    }
    assert found["several"].questions["matmul"].mistake == "matmul-unreduced"
    assert "1 files were left out, large.bin" in " ".join(found["several"].repairs)
    assert "not run: too much" not in pages(baseline())["exits"]
    assert "This cell ended the process" in pages(baseline())["exits"]


@pytest.mark.parametrize(
    ("students", "options"),
    [
        pytest.param(["untouched", "several", "garbage", "right", "exits"], {"jobs": 2}, id="two workers, shuffled"),
        pytest.param(["several", "exits"], {"jobs": 2, "cold": True}, id="cold jails"),
    ],
)
def test_records_gradebook_and_pages_are_the_same_however_it_is_graded(tmp_path, students, options):
    course = ungraded_copy(tmp_path / "course", students)
    graded = grade(course, students, **options)
    assert [record.student for record in graded] == students
    assert_same_as_baseline(course, students)


# --- workers that die


@pytest.fixture(scope="module")
def with_killers(tmp_path_factory):
    """`several` kills its worker once, in the middle of its questions; `right` does so whenever it is tried."""
    course = ungraded_copy(tmp_path_factory.mktemp("killers") / "course")
    tries = course / "tries"
    tries.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "grade", lambda job, jail, reader: dying_grade(job, jail, reader, tries))
        graded = grade(course, jobs=2)
    return course, {record.student: record for record in graded}, tries.read_text().split()


def dying_grade(job: work.Job, warm: jail.Jail, reader: reading.Reader, tries: Path) -> work.Graded:
    with tries.open("a") as file:
        file.write(f"{job.student}\n")
    if job.student == "right" or (job.student == "several" and tries.read_text().count("several") == 1):
        engine.judge = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
    return work.grade(job, warm, reader)


def test_a_worker_killed_in_the_middle_costs_only_a_retry(with_killers):
    course, _, tries = with_killers
    assert tries.count("several") == 2
    assert_same_as_baseline(course, ["several"])


def test_a_submission_that_kills_every_worker_is_quarantined_and_the_others_are_graded(with_killers):
    course, graded, tries = with_killers
    assert tries.count("right") == workers.TRIES
    assert {(question.points, question.reason) for question in graded["right"].questions.values()} == {(0, "killed")}
    assert graded["right"].problem == f"grading it ended {workers.TRIES} workers"
    assert "ended 2 workers" in pages(course)["right"]
    assert set(rows(database(course))["right"]["comments"].values()) >= {"Its process ended before it answered."}
    assert_same_as_baseline(course, ["exits", "untouched", "garbage"])


def test_an_idle_worker_that_died_is_replaced(tmp_path, fast_workers):
    """The first worker dies between two jobs, and nobody notices before it gets the next."""
    course = stub_class(tmp_path, 5)
    found = []

    def kill_the_idle(record: records.Record, fresh: bool) -> None:
        if not found:
            found.extend(psutil.Process().children())
            time.sleep(0.5)  # both have done what they had, and have the next job; their answers wait
            found[0].kill()

    records_found = batch.autograde(course, UNIT, students_of(5), batch.Options(jobs=2), kill_the_idle)
    assert [record.student for record in records_found] == students_of(5)


def test_a_worker_that_says_nothing_for_too_long_is_ended(tmp_path, fast_workers, monkeypatch):
    monkeypatch.setattr(workers, "START_SECONDS", 0)
    monkeypatch.setattr(workers, "STOPPING_SECONDS", 0.5)
    monkeypatch.setattr(workers, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(workers, "grade", lambda job, *others: time.sleep(60) if job.student == "s1" else stub(job))
    jobs = [nothing(student) for student in students_of(4)]
    with nothing_left():
        graded = list(workers.run(jobs, 2, UNIT, Limits(total_seconds=0.2), True, False))
    assert sorted(one.record.student for one in graded) == students_of(4)
    assert {one.record.problem for one in graded if one.record.student == "s1"} == {"grading it ended 2 workers"}


def test_judges_see_no_gpu(fast_workers, monkeypatch):
    """Beside one, what is forked from a process that has differentiated cannot differentiate."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(workers, "grade", lambda job, *others: replace(stub(job), timestamp=os.environ.get("CUDA_VISIBLE_DEVICES", "all")))
    jobs = iter([nothing(student) for student in students_of(2)])
    graded = list(batch.results(UNIT, jobs, batch.Options(jobs=2), Limits()))
    assert [one.timestamp for one in graded] == ["", ""]


# --- stopping, and going on


def test_after_ctrl_c_nothing_is_left_and_the_next_run_grades_what_is_missing(tmp_path):
    students = ["exits", "garbage", "right", "several"]
    course = ungraded_copy(tmp_path / "course", students)
    stopped_after: list[str] = []
    with nothing_left() as look:

        def stop(record: records.Record, fresh: bool) -> None:
            look(record, fresh)
            stopped_after.append(record.student)
            if len(stopped_after) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            batch.autograde(course, UNIT, students, batch.Options(jobs=2), stop)
    fresh: list[str] = []
    batch.autograde(course, UNIT, students, batch.Options(jobs=2), lambda record, new: fresh.append(record.student) if new else None)
    assert set(fresh) == set(students) - set(stopped_after)
    assert_same_as_baseline(course, students)


class NoJail:
    """Stands in where nothing is run."""

    def __init__(self, *arguments: Any) -> None:
        self.jailed, self.pace = True, Pace()

    def start(self) -> None: ...
    def stop(self) -> None: ...


def nothing(student: str, **files: bytes) -> work.Job:
    """A submission in which there is nothing to grade."""
    return work.Job(student, UNIT, submitted.Submitted(files), "")


def stub(job: work.Job, *others: Any) -> work.Graded:
    """A result that takes no time."""
    return work.quarantined(job, 1, True)


@pytest.fixture
def fast_workers(monkeypatch):
    """Real worker processes that run nothing."""
    monkeypatch.setattr(workers, "Jail", NoJail)
    monkeypatch.setattr(workers, "grade", stub)


def students_of(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


def stub_class(folder: Path, count: int) -> Path:
    course = ungraded_copy(folder / "course", [])
    for student in students_of(count):
        path = course / "submitted" / student / UNIT / "operators.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(student)
    return course


def rewrite(course: Path, student: str) -> None:
    (course / "submitted" / student / UNIT / "operators.ipynb").write_text("changed")


def add_file(course: Path, student: str) -> None:
    (course / "submitted" / student / UNIT / "more.py").write_text("")


def drop(path: Path) -> None:
    path.unlink()


def new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (engine, records):
        monkeypatch.setattr(module, "version", lambda unit: "another")


ALL = set(students_of(4))
CHANGES = [
    ("nothing changed", lambda course, patch: None, {}, set()),
    ("forced", lambda course, patch: None, {"force": True}, ALL),
    ("two submissions changed", lambda course, patch: (rewrite(course, "s1"), add_file(course, "s2")), {}, {"s1", "s2"}),
    ("a record is gone", lambda course, patch: drop(records.path_of(course, UNIT, "s3")), {}, {"s3"}),
    ("a record is damaged", lambda course, patch: records.path_of(course, UNIT, "s0").write_text("{"), {}, {"s0"}),
    ("a page is gone", lambda course, patch: drop(batch.page_of(course, UNIT, "s0")), {}, {"s0"}),
    ("another version of the grader", lambda course, patch: new_version(patch), {}, ALL),
    ("other limits", lambda course, patch: (course / "limits.toml").write_text("[default]\ncell_seconds = 29\n"), {}, ALL),
    ("limits of another unit", lambda course, patch: (course / "limits.toml").write_text("[02_evaluator]\nrestarts = 1\n"), {}, set()),
    ("without a jail", lambda course, patch: None, {"jailed": False}, ALL),
]


@pytest.fixture(scope="module")
def stub_course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "Jail", NoJail)
        patch.setattr(workers, "grade", stub)
        course = stub_class(folder, 4)
        batch.autograde(course, UNIT, students_of(4), batch.Options(jobs=2))
    return course


@pytest.mark.parametrize(("change", "options", "expected"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_only_what_is_missing_or_has_changed_is_graded_again(tmp_path, stub_course, fast_workers, monkeypatch, change, options, expected):
    course = shutil.copytree(stub_course, tmp_path / "course")
    monkeypatch.setattr(batch, "open_jail", lambda *arguments: contextlib.nullcontext(NoJail()))
    monkeypatch.setattr(work, "grade", stub)
    change(course, monkeypatch)
    fresh: set[str] = set()
    with nothing_left():
        graded = batch.autograde(
            course, UNIT, students_of(4), batch.Options(jobs=2, **options), lambda record, new: fresh.add(record.student) if new else None
        )
    assert fresh == expected
    assert [record.student for record in graded] == students_of(4)


def test_a_worker_goes_by_itself_once_its_channel_is_closed(fast_workers):
    """Whatever the workers that were started after it have inherited: they would keep it open."""
    place = workers.Place(UNIT, Limits(), True, False)
    first = workers.start(0, place, [])
    second = workers.start(1, place, [first])
    for worker in (first, second):
        worker.stop()
        assert worker.process.exitcode == 0


def test_workers_that_cannot_have_a_jail_say_so_to_whoever_started_them(monkeypatch):
    monkeypatch.setattr(jail, "bubblewrap", lambda: None)
    for _ in range(5):  # they are gone before or after they were sent a job
        jobs = [nothing(student, large=bytes(2**20)) for student in students_of(3)]
        with nothing_left(), pytest.raises(jail.JailError, match="`--no-jail` grades without"):
            list(workers.run(jobs, 2, UNIT, Limits(), True, False))


# --- what travels


def test_a_submission_travels_without_its_links_and_of_large_files_the_size_alone():
    assert work.pack(baseline() / "submitted" / "several" / UNIT, "several", UNIT).submitted.files["large.bin"] == 20 * 2**20
    assert "linked.py" not in work.pack(baseline() / "submitted" / "exits" / UNIT, "exits", UNIT).submitted.files


def test_a_late_timestamp_is_read_as_nbgrader_reads_it(tmp_path):
    written = {
        "2026-03-01 12:00:00.5 UTC": (12, 500_000),
        "2026-03-01 12:00:00": (12, 0),
        "2026-03-01 12:00:00 +0200": None,  # as nbgrader has it, whatever that is
        "2026-03-01T12:00:00-05:00": (17, 0),
    }
    for text, expected in written.items():
        (tmp_path / "timestamp.txt").write_text(text + "\n")
        found = time_of(submitted.timestamp_in(tmp_path))
        assert expected is None or (found.hour, found.microsecond) == expected
    for text in ("", "yesterday", "9" * 200):
        (tmp_path / "timestamp.txt").write_text(text)
        assert time_of(submitted.timestamp_in(tmp_path)) is None


# --- every step of a submission fails alone


def is_of_s1(*arguments: Any) -> bool:
    """Whether a step is asked about the second student, whose notebook has his name, and not for what is told of a failure."""
    text = " ".join(map(str, arguments))
    return ("/s1/" in text or "s1.ipynb" in text or "student='s1'" in text) and "failed" not in text


def raising(function: Any, error: Exception) -> Any:
    """The function, but that it raises where it is asked about that student."""

    def step(*arguments: Any) -> Any:
        if is_of_s1(*arguments):
            raise error
        return function(*arguments)

    return step


def quick(submission: intake.Submission, *others: Any) -> engine.Result:
    """A judge who finds nothing, at once."""
    verdicts = {name: engine.unanswered(question, "") for name, question in engine.public_questions(UNIT).items()}
    return engine.Result(UNIT, verdicts, [], [], True, submission.problem)


STEPS: dict[str, tuple[Any, str, Exception, str]] = {
    "packing": (work, "look", RecursionError(), "packing it failed (RecursionError)"),
    "reading": (plain_form, "loads", UnicodeError(), "grading it failed (UnicodeError)"),
    "grading": (engine, "grade", ZeroDivisionError("hidden: 4711"), "grading it failed (ZeroDivisionError)"),
    "making the page": (work, "graded_notebook", KeyError("cell"), "grading it failed (KeyError)"),
    "writing the page": (whole, "write", OSError(36, "File name too long"), "writing it failed (OSError)"),
    "the gradebook": (gradebook, "save", ValueError("no such cell"), "writing it failed (ValueError)"),
    "what the gradebook says": (gradebook, "save", DataError("insert", {}, Exception("too long")), "writing it failed (DataError)"),
    "the record": (records, "save", OSError(36, "File name too long"), "writing it failed (OSError)"),
}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A class in whose notebooks there is nothing; each notebook has its student's name."""
    course = ungraded_copy(tmp_path_factory.mktemp("steps") / "course", [])
    for student in students_of(3):
        path = course / "submitted" / student / UNIT / f"{student}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    return course


@pytest.fixture
def no_jails(monkeypatch):
    """The whole way of a submission, but that nothing of it is run."""
    monkeypatch.setattr(workers, "Jail", NoJail)
    monkeypatch.setattr(batch, "open_jail", lambda *arguments: contextlib.nullcontext(NoJail()))
    monkeypatch.setattr(engine, "grade", quick)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_leaves_its_submission_ungraded_with_a_reason_and_nobody_else(three, no_jails, monkeypatch, caplog, step, jobs):
    place, name, error, problem = STEPS[step]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, raising(getattr(place, name), error))
        found = {record.student: record for record in grade(three, jobs=jobs, force=True)}
    assert found["s1"].problem == f"{problem}: what was logged says where"
    assert len(found["s1"].ungraded) == len(found["s1"].questions)
    assert [found[student].problem for student in ("s0", "s2")] == [
        f"{student}.ipynb holds no cell that can be read" for student in ("s0", "s2")
    ]
    assert records.load_all(three, UNIT) == [found[student] for student in students_of(3)]
    assert type(error).__name__ in caplog.text or jobs > 1  # the traceback; that of a worker's goes where the worker prints
    assert all("4711" not in page for page in pages(three).values())
    fresh: set[str] = set()
    batch.autograde(three, UNIT, students_of(3), batch.Options(), lambda record, new: fresh.add(record.student) if new else None)
    assert fresh == ({"s1"} if problem.startswith(("writing", "packing")) else set())  # what was not written, or not seen, is tried again


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_repair_that_is_found_last_is_in_the_record_and_on_the_page(three, no_jails, tmp_path, jobs):
    course = shutil.copytree(three, tmp_path / "course")
    (course / "submitted" / "s1" / UNIT / "timestamp.txt").write_text("yesterday")
    found = {record.student: record for record in grade(course, jobs=jobs, force=True)}
    assert {student: record.repairs for student, record in found.items()} == {"s0": [], "s1": [work.UNREADABLE], "s2": []}
    assert records.load(course, UNIT, "s1").repairs == [work.UNREADABLE]
    for student in students_of(3):
        page = nbformat.read(batch.page_of(course, UNIT, student), as_version=4)
        told = [item.get_text() for item in BeautifulSoup(page.cells[0].source, "html.parser").select("li")]
        assert told == found[student].repairs


def test_a_submission_is_read_once_whatever_becomes_of_it(three, no_jails, monkeypatch, tmp_path):
    course = shutil.copytree(three, tmp_path / "course")
    read: Counter[str] = Counter()
    content_of = submitted.content_of

    def counted(path: Path, limit: int) -> Any:
        read[path.name] += path.is_file() and path.is_relative_to(course)  # whoever reads also reads the release
        return content_of(path, limit)

    monkeypatch.setattr(submitted, "content_of", counted)
    notebooks = dict.fromkeys((f"{student}.ipynb" for student in students_of(3)), 1)
    for change in (lambda: None, lambda: None, lambda: (course / "submitted" / "s1" / UNIT / "s1.ipynb").write_text("[]")):
        change()
        read.clear()
        grade(course, jobs=1)
        assert dict(+read) == notebooks


FULL = OSError(28, "No space left on device")
CLOSED = OperationalError("insert", {}, Exception("database or disk is full"))
DISKS: dict[str, tuple[Any, str, int, Exception, str]] = {
    "at a page": (whole, "write", 1, FULL, "No space left on device"),
    "at a record": (whole, "write", 2, FULL, "No space left on device"),
    "at the gradebook": (gradebook, "save", 0, CLOSED, "database or disk is full"),
}


@pytest.mark.parametrize(("place", "name", "most", "error", "message"), DISKS.values(), ids=DISKS)
def test_a_full_disk_stops_the_run_with_a_sentence_and_the_same_command_goes_on(
    three, no_jails, monkeypatch, place, name, most, error, message
):
    for path in records.files(three, UNIT, staging=False):
        path.unlink()
    write, writes = getattr(place, name), iter(range(1000))

    def until_it_is_full(*arguments: Any) -> None:
        if next(writes) > most:
            raise error
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, until_it_is_full)
        with pytest.raises(writer.WritingError, match=f"the result of s. cannot be written.*{message}"):
            batch.autograde(three, UNIT, students_of(3), batch.Options(force=True))
    kept = {record.student for record in records.load_all(three, UNIT) if record.digest}
    fresh: set[str] = set()
    batch.autograde(three, UNIT, students_of(3), batch.Options(), lambda record, new: fresh.add(record.student) if new else None)
    assert kept
    assert fresh == set(students_of(3)) - kept
    assert {record.student: record.digest != "" for record in records.load_all(three, UNIT)} == dict.fromkeys(students_of(3), True)


def grade_slowly(course: Path, folder: Path) -> None:
    """Until it is killed: the second submission takes longer than that."""
    tempfile.tempdir = str(folder)
    workers.Jail = NoJail
    engine.grade = lambda submission, *others: time.sleep(5) if "s1.ipynb" in submission.problem else quick(submission)
    batch.autograde(course, UNIT, students_of(3), batch.Options(jobs=2, force=True))


def test_nothing_is_left_of_a_grader_that_was_killed(three, tmp_path):
    """No file in the temporary folder, and no process: what it had begun ends when it hears nothing more."""
    for path in records.files(three, UNIT, staging=False):
        path.unlink()
    grader = multiprocessing.get_context("fork").Process(target=grade_slowly, args=(three, tmp_path))
    grader.start()
    deadline = time.monotonic() + 60
    while len(records.load_all(three, UNIT)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    below = psutil.Process(grader.pid).children(recursive=True)
    grader.kill()
    grader.join()
    _, alive = psutil.wait_procs(below, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert list(tmp_path.iterdir()) == []
