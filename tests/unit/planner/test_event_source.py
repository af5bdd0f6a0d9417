"""Lambda's event source mapping scales, cuts off and costs as documented."""

from random import Random

import pytest

from queueplanner import loads
from queueplanner.policies.event_source import EventSourceMapping, hour_price, limited, paid_seconds
from queueplanner.simulation import Counts, System, View, simulate
from queueplanner.work import Constant, Exponential, Failures, Work
from tests.unit.planner.builders import work


def view(now: float, visible: int, in_flight: int) -> View:
    return View(now, Counts(visible, in_flight), 0, ())


def test_it_begins_with_five_and_adds_300_a_minute_up_to_its_maximum() -> None:
    mapping = EventSourceMapping("lambda")
    sizes = [mapping.decide(view(float(second), 9000, 0)).replicas for second in range(301)]
    assert (sizes[0], sizes[1], sizes[60], sizes[240], sizes[300]) == (5, 10, 305, 1205, 1250)


def test_a_set_maximum_holds_below_five_too() -> None:
    mapping = EventSourceMapping("lambda", maximum=2)
    assert {mapping.decide(view(float(second), 100, 2)).replicas for second in range(5)} == {2}


def test_it_goes_back_to_five_but_not_below_what_is_in_flight() -> None:
    mapping = EventSourceMapping("lambda")
    for second in range(11):
        mapping.decide(view(float(second), 100, 0))
    sizes = [mapping.decide(view(20.0 + second, 0, busy)).replicas for second, busy in enumerate((53, 40, 40, 0, 0))]
    assert sizes == [53, 48, 43, 38, 33]


def test_work_of_more_than_15_minutes_is_cut_off_again_and_again() -> None:
    mine = limited(work(901.0, startup=20.0, concurrency=10))
    assert (mine.service.mean_seconds, mine.service(Random(1)), mine.failures.poison_share) == (900.0, 900.0, 1.0)
    assert (mine.concurrency, mine.startup.mean_seconds) == (1, 0.3)
    assert mine.failures.retry_seconds == mine.visibility_seconds == 30.0


def test_of_random_work_the_share_that_takes_longer_is_cut_off() -> None:
    """exp(-900 / 450) of exponential times, and a mean of 450 * (1 - exp(-2))."""
    mine = limited(Work(Exponential(450.0), Constant(20.0), failures=Failures(poison_share=0.5)))
    assert mine.failures.poison_share == pytest.approx(0.5 + 0.5 * 0.1353, abs=0.01)
    assert mine.service.mean_seconds == pytest.approx(450 * 0.8647, rel=0.02)


def test_an_environment_is_paid_while_it_works_and_for_each_invocation() -> None:
    """A million invocations of 0.1 s at 1 GB: 1.67 USD of seconds, and 0.20 USD for their number."""
    load = loads.Burst(100, 0.0, 600.0)
    mine = limited(work(0.1))
    made = simulate(EventSourceMapping("lambda"), load.times(Random(1)), System(mine, load.seconds), Random(1))
    cost = paid_seconds(1.0, made, mine) / 3600 * hour_price(1.0)
    assert cost * 10_000 == pytest.approx(1.66667 + 0.20)
