"""An answer that the judge never comes to an end with leaves its submission ungraded, and stops no other."""

import shutil
import signal
import threading
import time
from functools import partial

import pytest

from autodiff_lib.checks.judge import surely
from grader.book.nbgrader_course import filled_in, release, solutions, submit
from grader.submission import engine, jail
from grader.submission.patience import ImpatienceError, patience
from tests import corpora

UNIT = "02_evaluator"


def endless():
    while True:
        pass


def test_what_does_not_end_is_interrupted_and_no_boundary_around_a_failing_judge_keeps_it():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(ImpatienceError), patience(0.05):
        surely(endless, "no verdict", "a case")
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_waiting_for_the_submission_is_not_counted():
    with patience(0.2) as waiting:
        for _ in range(3):
            with waiting():
                time.sleep(0.15)
        with pytest.raises(ImpatienceError):
            endless()


def test_in_another_thread_nothing_is_interrupted_and_nothing_fails():
    found = []

    def work():
        with patience(0.01) as waiting, waiting():
            time.sleep(0.05)
        found.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == ["done"]


def test_a_submission_that_is_never_judged_to_the_end_waits_for_a_person_and_the_next_one_has_its_points(tmp_path, monkeypatch, caplog):
    course = corpora.make_course(tmp_path / "course", [UNIT])
    shutil.rmtree(course / "submitted" / corpora.FIRST)
    submit(course, "endless", UNIT, filled_in(release(course, UNIT), solutions(UNIT)))
    calls = iter(range(1000))

    def judge(question, answers, known=()):
        return endless() if next(calls) == 2 else engine_judge(question, answers, known)

    engine_judge = engine.judge
    monkeypatch.setattr(engine, "judge", judge)
    monkeypatch.setattr(engine, "patience", partial(patience, 5.0))
    graded = corpora.autograde(course, UNIT, jailed=jail.bubblewrap() is not None)
    assert {question.reason for question in graded["endless"].questions.values()} == {"unanswered"}
    assert "an answer takes too long to judge" in graded["endless"].waiting
    assert {question.reason for question in graded[corpora.LAST].questions.values()} == {"passed"}
    assert "the judge has not come to an end" in caplog.text
