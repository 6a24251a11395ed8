"""How speed is judged: an interval that noise makes wider and never wrong, taken alone, by a clock that no submission can reach."""

import itertools
import multiprocessing
import os
import time
from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from autodiff_lib.checks.judge import judge_part
from autodiff_lib.checks.question import Answer, Part, Problem
from autodiff_lib.checks.report import part_line
from autodiff_lib.kinds.speed import contest
from autodiff_lib.kinds.speed.contest import Interval, held, interval, outermost
from autodiff_lib.kinds.speed.judge import UNKNOWN, SpeedCase, judge_speed
from autodiff_lib.text import one_hot  # any function of the library
from grader.submission import pace

LEAST = 1.5
CASE = SpeedCase("anything", one_hot, ((4,),), LEAST, "four numbers")


@pytest.mark.parametrize("count", [*range(1, 40), 100, 200])
def test_the_ends_of_the_interval_miss_the_median_as_seldom_as_is_said(count):
    def missed(rank):
        return 2 * sum(Fraction(comb(count, below), 2**count) for below in range(rank))

    rank, allowed = outermost(count), 1 - Fraction(contest.CONFIDENCE)
    assert missed(rank) <= allowed < missed(rank + 1) or rank == count // 2


def test_too_few_rounds_say_nothing():
    assert interval([2.0] * 10) == Interval(0.0, 2.0, float("inf"))
    assert interval([2.0] * 11) == Interval(2.0, 2.0, 2.0)


class Contest:
    """Two functions of which the times are made up, on a machine that is as noisy as one likes."""

    def __init__(self, monkeypatch, theirs, ours=1.0, way=0.25, noise=lambda number: 1.0, value=0.0, others=0.0):
        self.now, self.asked, self.way, self.noise, self.value = 0.0, 0, way, noise, value
        self.theirs, self.ours = (self.caller(seconds) for seconds in (theirs, ours))
        monkeypatch.setattr(contest.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(contest, "busy_seconds", lambda: (1 + others) * self.now)

    def caller(self, seconds):
        def timed(ask):
            self.asked += 1
            idle = ask.probe == contest.NOTHING
            took = self.way if idle else (seconds + self.way) * self.noise(self.asked)
            self.now += took
            wrong = ask.probe == CASE.form.probe and not idle
            return Answer(arrays=(np.full(4, self.value if wrong else 0.0),)), took

        return timed

    def held(self, seconds=1000.0):
        return held(CASE.rounds(), LEAST, seconds, self.theirs, self.ours)


@pytest.mark.parametrize(("theirs", "passes"), [(0.5, True), (0.6, True), (1 / 1.3, False), (1.0, False), (3.0, False)])
def test_the_ratio_is_that_of_the_functions_without_the_way_of_their_arrays(monkeypatch, theirs, passes):
    found = Contest(monkeypatch, theirs).held()
    assert found.middle == pytest.approx(1 / theirs)
    assert (judged(found) is None) == passes


def judged(found):
    facts = {"low": found.low, "middle": found.middle, "high": found.high} if found.settles(LEAST) else UNKNOWN
    return judge_speed(CASE, Answer(facts=facts))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("theirs", "reasons"), [(0.5, {"passed", "unanswered"}), (1.0, {"wrong", "unanswered"})])
def test_noise_makes_no_right_answer_wrong_and_no_wrong_one_right(monkeypatch, seed, theirs, reasons):
    rng = np.random.default_rng(seed)
    factors = 1 + rng.pareto(1.0, 10_000)  # now and then a call takes a hundred times as long
    failure = judged(Contest(monkeypatch, theirs, noise=lambda number: factors[number]).held())
    assert ("passed" if failure is None else failure.reason) in reasons


def test_a_machine_that_is_too_busy_gives_no_verdict(monkeypatch):
    rng = np.random.default_rng(0)
    failure = judged(Contest(monkeypatch, 0.6, noise=lambda number: rng.choice([1.0, 40.0])).held())
    assert failure.reason == "unanswered"


@pytest.mark.parametrize(("theirs", "reason"), [(0.5, "passed"), (1.0, "unanswered"), (100.0, "unanswered")])
def test_where_others_keep_the_machine_busy_nobody_is_too_slow(monkeypatch, theirs, reason):
    failure = judged(Contest(monkeypatch, theirs, others=0.5).held(seconds=250.0))
    assert ("passed" if failure is None else failure.reason) == reason


def test_the_machine_says_how_long_its_processors_have_worked():
    before, start = contest.busy_seconds(), time.process_time()
    while time.process_time() < start + 0.2:
        pass
    assert contest.busy_seconds() - before >= 0.1 or not os.path.exists("/proc/stat")


def test_what_takes_for_ever_fails_after_a_few_rounds_and_not_without_a_doubt(monkeypatch):
    assert judged(Contest(monkeypatch, 100.0).held(seconds=250.0)).reason == "wrong"
    assert judged(Contest(monkeypatch, 0.5).held(seconds=4.0)).reason == "unanswered"


def test_a_function_is_timed_on_answers_that_are_right(monkeypatch):
    found = Contest(monkeypatch, 0.001, value=1.0).held()
    assert found == Problem("WrongKindError", "your function's value is wrong on the inputs on which it was timed")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Interval(1.5, 1.6, 9.0), "passed"),
        (Interval(1.45, 1.48, 1.55), "passed"),  # as good as there
        (Interval(1.36, 1.4, 1.49), "wrong"),
        (Interval(0.3, 0.3, 0.3), "wrong"),
        (Interval(0.2, 0.4, 1.1), "unanswered"),  # that wide, it says that the machine is busy
        (Interval(1.0, 1.6, 2.0), "unanswered"),
    ],
)
def test_the_points_go_by_the_end_that_is_better_for_the_student(found, reason):
    facts = {"low": found.low, "middle": found.middle, "high": found.high} if found.settles(LEAST) else UNKNOWN
    part = Part("speed", 2, (CASE,), judge_speed, "anything")
    verdict, trace = judge_part(part, lambda cases: [Answer(facts=facts)], "anything")
    assert verdict.reason == reason
    assert trace == {}, "nobody is recognised by a time"
    said = f"{found.middle:.2f} times as fast ({found.low:.2f} to {found.high:.2f})"
    assert any(said in sentence for sentence in verdict.told) == (reason != "unanswered")
    assert part_line(verdict)[0] == {"passed": "✓", "wrong": "✗", "unanswered": "○"}[reason]


@pytest.mark.parametrize("facts", [{}, {"low": 1.0}, {"low": "fast", "middle": 1.0, "high": 1.0}])
def test_a_measurement_that_was_damaged_in_its_record_is_no_answer_and_stops_nothing(facts):
    part = Part("speed", 2, (CASE,), judge_speed, "anything")
    verdict, _ = judge_part(part, lambda cases: [Answer(facts=facts)], "anything")
    assert (verdict.reason, verdict.told) == ("tampered", ())


def test_every_round_has_numbers_of_its_own():
    rounds = list(itertools.islice(CASE.rounds(), 5))
    assert all(np.array_equal(mine.arrays[0], ours.arrays[0]) for mine, ours, _ in rounds)
    assert len({mine.arrays[0].tobytes() for mine, *_ in rounds}) == 5


def test_what_is_right_is_the_baselines_value_or_what_the_case_says(monkeypatch):
    told = replace(CASE, truth=lambda numbers: np.ones(4))
    assert [right is None for *_, right in (next(CASE.rounds()), next(told.rounds()))] == [True, False]
    contests = {value: Contest(monkeypatch, 0.5, value=value) for value in (0.0, 1.0)}
    found = {value: held(told.rounds(), LEAST, 1000.0, one.theirs, one.ours) for value, one in contests.items()}
    assert isinstance(found[0.0], Problem), "ours returns zeros as well, and is not what is asked for"
    assert isinstance(found[1.0], Interval)


DOUBLED = replace(CASE, shapes=((50, 2), (2,)), truth=lambda numbers, other: numbers * 2 + other, rows=20)


@pytest.mark.parametrize(
    ("results", "is_right"),
    [
        (lambda numbers, other: [numbers * 2 + other], True),
        (lambda numbers, other: [np.concatenate([numbers[:10] * 2 + other, numbers[10:]])], False),
        (lambda numbers, other: [(numbers * 2 + other)[:40]], False),
        (lambda numbers, other: [(numbers * 2 + other)[:, :1]], False),
        (lambda numbers, other: [numbers * 2 + other] * 2, False),
        (lambda numbers, other: [np.float32(2.0)[()].reshape(())], False),
        (lambda numbers, other: [], False),
    ],
    ids=["right", "right at first", "too few rows", "too narrow", "twice", "a number", "none"],
)
def test_some_rows_drawn_afterwards_tell_what_all_would(results, is_right):
    asked, _, wrong = next(DOUBLED.rounds())
    assert (wrong([*map(np.asarray, results(*asked.arrays))]) == "") == is_right


# --- alone


@pytest.fixture
def locks(tmp_path, monkeypatch):
    """Locks that no other test shares."""
    monkeypatch.setattr(pace, "folder_of_locks", lambda: tmp_path)


def work(started, finish):
    with pace.Pace().working():
        started.set()
        finish.wait(60)


def time_alone(waiting, alone, finish):
    here = pace.Pace()
    with here.working():
        waiting.set()
        with here.alone([os.getpid()]):
            alone.set()
            finish.wait(60)


def test_who_takes_the_time_waits_for_the_others_and_lets_nobody_in_meanwhile(locks):
    context = multiprocessing.get_context("fork")

    def begun(target, count):
        events = [context.Event() for _ in range(count)]
        process = context.Process(target=target, args=events, daemon=True)
        process.start()
        return process, events

    first, (started, finish) = begun(work, 2)
    assert started.wait(60)
    timer, (waiting, alone, enough) = begun(time_alone, 3)
    assert waiting.wait(60)
    assert not alone.wait(0.5), "the other one still works"
    finish.set()
    first.join(60)
    assert alone.wait(60)
    second, (came, done) = begun(work, 2)
    assert not came.wait(0.5), "somebody takes the time"
    enough.set()
    assert came.wait(60)
    done.set()
    for process in (timer, second):
        process.join(60)
        assert process.exitcode == 0


def test_two_who_take_the_time_take_turns(locks):
    context = multiprocessing.get_context("fork")
    events = [[context.Event() for _ in range(3)] for _ in range(2)]
    for _, _, finish in events:
        finish.set()
    processes = [context.Process(target=time_alone, args=three, daemon=True) for three in events]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_a_lock_that_a_forked_process_has_inherited_is_given_back(locks):
    with pace.Pace().working():
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    other, (waiting, alone, finish) = None, [multiprocessing.get_context("fork").Event() for _ in range(3)]
    finish.set()
    other = multiprocessing.get_context("fork").Process(target=time_alone, args=(waiting, alone, finish), daemon=True)
    other.start()
    assert alone.wait(60)
    other.join(60)
    os.kill(child, 9)
    os.waitpid(child, 0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no way to say which processor to use here")
def test_what_is_timed_has_one_processor_with_all_of_its_threads_and_all_of_them_afterwards():
    everywhere = os.sched_getaffinity(0)
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,), daemon=True)
    process.start()
    with pace.on_one_processor([process.pid]):
        assert os.sched_getaffinity(process.pid) == {max(everywhere)}
    assert os.sched_getaffinity(process.pid) == everywhere
    process.kill()
    process.join()
