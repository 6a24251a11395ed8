"""Medians of times, without a clock: how often each action runs, and in which order."""

from autodiff_lib.timing import median_times


def test_actions_take_turns_and_the_first_round_does_not_count():
    done = []
    times = median_times({"one": lambda: done.append(1), 2: lambda: done.append(2)}, rounds=3)
    assert done == [1, 2] * 4
    assert list(times) == ["one", 2]


def test_a_slow_round_changes_no_median(monkeypatch):
    clock = iter([0.0, 9.0, *(0.0, 0.001), *(0.0, 0.002), *(0.0, 5.0)])
    monkeypatch.setattr("autodiff_lib.timing.perf_counter", lambda: next(clock))
    assert median_times({"it": lambda: None}, rounds=3) == {"it": 2.0}
