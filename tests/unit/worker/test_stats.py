"""The numbers that /state and /metrics tell."""

import pytest

from queueworker.stats import Count, Stats


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_busy_seconds_grow_while_handlers_run_and_stay_when_they_end() -> None:
    clock = Clock()
    stats = Stats(clock)
    first = stats.start()
    clock.now += 2
    second = stats.start()
    clock.now += 3
    assert stats.snapshot().busy == 2
    assert stats.snapshot().busy_seconds == pytest.approx(8)
    stats.finish(first, succeeded=True)
    stats.finish(second, succeeded=False)
    clock.now += 1000
    assert stats.snapshot().busy == 0
    assert stats.snapshot().busy_seconds == pytest.approx(8)


def test_every_end_of_a_handler_is_counted_once() -> None:
    clock = Clock()
    stats = Stats(clock)
    for seconds in (0.001, 0.3, 10_000):
        started = stats.start()
        clock.now += seconds
        stats.finish(started, succeeded=seconds < 1)
    numbers = stats.snapshot()
    assert (numbers.counts[Count.STARTED], numbers.counts[Count.SUCCEEDED], numbers.counts[Count.FAILED]) == (3, 2, 1)
    assert [i for i, number in enumerate(numbers.durations) if number] == [0, 6, len(numbers.durations) - 1]
