"""The numbers that /state and /metrics show."""

import pytest

from queueworker.stats import AGE_BUCKETS, Count, Stats


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_busy_seconds_grow_while_handlers_run_and_no_longer_when_they_have_ended() -> None:
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


def test_every_finished_handler_is_counted_once() -> None:
    clock = Clock()
    stats = Stats(clock)
    for seconds in (0.001, 0.3, 10_000):
        started = stats.start()
        clock.now += seconds
        stats.finish(started, succeeded=seconds < 1)
    numbers = stats.snapshot()
    assert (numbers.counts[Count.STARTED], numbers.counts[Count.SUCCEEDED], numbers.counts[Count.FAILED]) == (3, 2, 1)
    assert [i for i, number in enumerate(numbers.durations) if number] == [0, 6, len(numbers.durations) - 1]


@pytest.mark.parametrize(
    ("sent", "bucket"),
    [(99.95, 1), (40.0, 7), (-1_000_000.0, len(AGE_BUCKETS)), (200.0, 0)],
    ids=["just now", "a minute ago", "long ago", "in the future, as after a jump of the clock"],
)
def test_the_age_of_a_message_is_counted_at_its_start(sent: float, bucket: int) -> None:
    stats = Stats(Clock(), wall_clock=Clock())
    stats.start(sent)
    assert [i for i, number in enumerate(stats.snapshot().ages) if number] == [bucket]
    assert stats.snapshot().ages_sum >= 0


def test_the_longest_running_handler_is_reported() -> None:
    clock = Clock()
    stats = Stats(clock)
    assert stats.snapshot().oldest_busy_seconds == 0
    first = stats.start()
    clock.now += 2
    stats.start()
    clock.now += 3
    assert stats.snapshot().oldest_busy_seconds == pytest.approx(5)
    stats.finish(first, succeeded=True)
    assert stats.snapshot().oldest_busy_seconds == pytest.approx(3)
