"""The numbers that /state and /metrics show."""

import pytest

from queueworker.stats import AGE_BUCKETS, Count, Stats, total


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


def test_the_numbers_of_several_queues_add_up() -> None:
    clock = Clock()
    first, second = Stats(clock, wall_clock=clock), Stats(clock, wall_clock=clock)
    for stats, seconds in ((first, 2), (second, 300)):
        run = stats.start(clock.now - 20)
        clock.now += seconds
        stats.finish(run, succeeded=stats is first)
    first.start()
    clock.now += 7
    second.start()
    clock.now += 1
    second.receive_failed("Throttled")
    numbers = total([first.snapshot(), second.snapshot()])
    assert {count: number for count, number in numbers.counts.items() if number} == {
        Count.STARTED: 4,
        Count.SUCCEEDED: 1,
        Count.FAILED: 1,
    }
    assert (numbers.busy, numbers.busy_seconds, numbers.oldest_busy_seconds) == (2, 311, 8)
    assert numbers.finished_seconds == 302
    assert [i for i, number in enumerate(numbers.durations) if number] == [8, 13]
    assert (sum(numbers.ages), numbers.ages_sum) == (2, 40)
    assert {reason: number for reason, number in numbers.receive_errors.items() if number} == {"Throttled": 1}
