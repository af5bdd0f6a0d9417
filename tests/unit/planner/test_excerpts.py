"""Excerpts stand for a load: the busiest of it is among them, they weigh as much as it, and what they say is near."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueplanner.loads import Burst, Daily, Load, Steady
from queueplanner.outcome import Outcome, Spread
from queueplanner.play import Candidate, Scenario, beginning, play
from queueplanner.recommend.excerpts import FEWEST_SLOTS, MOST, SECONDS, Excerpt, estimate, excerpts
from queueplanner.recommend.manifest import candidate, new
from queueplanner.recorded import Interval, Recorded
from queueplanner.simulation import MONDAY
from queueplanner.work import Failures, Work
from tests.unit.planner.builders import Fixed, work

HOUR, DAY = 3_600.0, 86_400.0
POOL = new("orders", "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", 50, {"messagesPerPod": 5})


def of(load: Load, seconds: float = 20.0) -> list[Excerpt]:
    return excerpts(Scenario(load, work(seconds)))


def begin(each: Excerpt) -> float:
    """Return when what is judged of an excerpt begins, in seconds."""
    return (beginning(each.scenario.load) - MONDAY).total_seconds() + each.scenario.warm_up_seconds


def times_of(each: Excerpt) -> list[float]:
    """Return when the messages of an excerpt are sent that are judged, in seconds after its warm-up."""
    warm_up = each.scenario.warm_up_seconds
    return [time - warm_up for time in each.scenario.load.times(each.scenario.random()) if time >= warm_up]


@pytest.mark.parametrize("load", [Daily(0.2, 0.9, DAY), Steady(0.2, DAY), Burst(500, 9.7 * HOUR, DAY)])
def test_excerpts_weigh_as_much_as_the_load(load: Load) -> None:
    several = of(load)
    assert len(several) <= MOST
    assert sum(each.weight for each in several) * SECONDS == DAY
    sent = sum(each.weight * len(times_of(each)) for each in several)
    assert sent == pytest.approx(len(load.times(several[0].scenario.random())), rel=0.15)


def test_the_busiest_and_the_quietest_time_of_a_day_and_what_is_between_are_among_them() -> None:
    hours = [begin(each) / HOUR for each in of(Daily(0.5, 0.9, DAY))]
    assert any(10 <= hour <= 14 for hour in hours)
    assert any(hour <= 2 or hour >= 22 for hour in hours)
    assert any(3 <= hour <= 9 or 15 <= hour <= 21 for hour in hours)


def test_a_burst_is_played_as_it_is_from_the_pods_before_it() -> None:
    several = {begin(each): each for each in of(Burst(500, 9.7 * HOUR, DAY))}
    burst, after = several[29 * SECONDS], several[30 * SECONDS]
    assert (burst.weight, burst.scenario.replicas) == (1, 0)
    assert times_of(burst) == pytest.approx([9.7 * HOUR - 29 * SECONDS] * 500)
    assert (times_of(after), after.scenario.replicas) == ([], round(500 * 20.0 / SECONDS))


def test_what_happens_in_a_warm_up_is_neither_paid_nor_waited_for() -> None:
    """One pod, four messages of 4 s at once: they wait 0 to 12 s. Those of the first minute do not count."""
    load = Recorded([Interval(0, 0.0, 60.0, 4), Interval(0, 60.0, 60.0, 0)], ())
    fixed = Candidate("fixed", partial(always, 1), replicas=1)
    whole, warmed_up = (play(fixed, Scenario(load, work(4.0), warm_up_seconds=each)).outcome for each in (0.0, 60.0))
    assert [each.pod_hours for each in (whole, warmed_up)] == pytest.approx([120 / HOUR, 60 / HOUR])
    assert [each.messages for each in (whole, warmed_up)] == [4, 0]
    assert warmed_up.wait is None
    assert warmed_up.cost < whole.cost


def test_what_a_warm_up_sent_to_the_dead_letter_queue_hides_nothing_that_is_left() -> None:
    """Four messages fail in the first minute; then there is no pod, and four more wait for ever."""
    load = Recorded([Interval(0, 0.0, 50.0, 4), Interval(0, 70.0, 50.0, 4)], ())
    failing = work(1.0, failures=Failures(share=1.0, attempts=1))
    played = play(Candidate("one minute", one_minute, replicas=1), Scenario(load, failing, warm_up_seconds=60.0))
    assert (played.outcome.messages, played.outcome.dead_lettered, played.outcome.unhandled) == (4, 0, 4)


def one_minute(_: Work) -> Fixed:
    return Fixed((0, 1), (60, 0))


def always(pods: int, _: Work) -> Fixed:
    return Fixed((0, pods))


def test_a_short_load_has_none() -> None:
    assert of(Steady(0.2, SECONDS * (FEWEST_SLOTS - 1))) == []
    assert of(Steady(0.2, SECONDS * FEWEST_SLOTS))


@given(st.lists(st.floats(0, DAY, exclude_max=True), max_size=60).map(sorted))
def test_each_excerpt_is_what_was_sent_in_it(times: list[float]) -> None:
    for each in of(Listed(times)):
        own = [begin(each) + time for time in times_of(each)]
        assert own == pytest.approx([time for time in times if begin(each) <= time < begin(each) + SECONDS])


class Listed:
    seconds, notes, began = DAY, (), None

    def __init__(self, times: list[float]) -> None:
        self._times = times

    def times(self, _: object) -> list[float]:
        return self._times


def outcomes(*several: tuple[int, Spread | None, float]) -> list[Outcome]:
    found = play(candidate(POOL), Scenario(Burst(0, 0.0, 1.0), work())).outcome
    return [replace(found, messages=messages, wait=wait, cost=cost) for messages, wait, cost in several]


def weighted(*weights: int) -> list[Excerpt]:
    return [Excerpt(Scenario(Burst(0, 0.0, 1.0), work()), weight) for weight in weights]


def test_the_waits_of_excerpts_are_mixed_by_their_messages() -> None:
    short, long = Spread(1.0, 2.0, 3.0, 4.0), Spread(100.0, 200.0, 300.0, 400.0)
    found = estimate(weighted(49, 1, 20), outcomes((10, short, 1.0), (10, long, 10.0), (0, None, 0.1)))
    assert found.messages == 500
    assert found.cost == pytest.approx(49 + 10 + 2)
    assert found.wait is not None
    assert found.wait.p99 == pytest.approx(100.0, abs=0.02), "two of a hundred had long waits, half of them no longer"
    assert found.wait.longest == 400.0


@given(st.lists(st.floats(0, 100), min_size=4, max_size=4).map(sorted), st.integers(1, 5))
def test_the_same_wait_everywhere_is_the_wait_of_the_whole(waits: list[float], weight: int) -> None:
    spread = Spread(*waits)
    found = estimate(weighted(1, weight), outcomes((10, spread, 1.0), (20, spread, 1.0)))
    assert found.wait is not None
    assert (found.wait.p50, found.wait.p95, found.wait.p99) == pytest.approx(waits[:3], abs=0.02)


def test_nothing_waits_where_nothing_was_sent() -> None:
    assert estimate(weighted(1), outcomes((0, None, 1.0))).wait is None
