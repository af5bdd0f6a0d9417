"""A scaler that knows the load in advance: its cost on loads that can be calculated by hand, and its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueplanner.clairvoyant import Terms, bound, least_pod_seconds

STARTUP = 20.0

CASES = {
    "without messages nothing is paid": ([], [], 60.0, 0.0),
    "a message costs a start-up and its work": ([100.0], [10.0], 60.0, 30.0),
    "a pod stays for a message that comes within a start-up": ([0.0, 25.0], [10.0, 10.0], 0.0, 20 + 10 + 15 + 10),
    "and goes when none does": ([0.0, 100.0], [10.0, 10.0], 0.0, 2 * 30),
    "messages that may not wait get a pod each": ([0.0, 0.0, 0.0], [10.0] * 3, 0.0, 3 * 30),
    "those that may wait follow each other on one pod": ([0.0, 0.0, 0.0], [10.0] * 3, 20.0, 20 + 3 * 10),
    "as many as may wait so long": ([0.0] * 4, [10.0] * 4, 10.0, 2 * (20 + 2 * 10)),
    "a pod begins late to handle together what comes apart": ([0.0, 50.0], [10.0] * 2, 50.0, 20 + 2 * 10),
    "a pod that is free in time takes it, and the one that is free last": (
        [0.0, 0.0, 12.0],
        [10.0, 11.0, 1.0],
        0.0,
        (20 + 10) + (20 + 11 + 1 + 1),
    ),
}


@pytest.mark.parametrize(("arrivals", "services", "wait", "cost"), CASES.values(), ids=CASES)
def test_what_a_schedule_costs(arrivals: list[float], services: list[float], wait: float, cost: float) -> None:
    assert least_pod_seconds(arrivals, services, Terms(STARTUP, wait)) == cost


def test_of_a_hundred_messages_one_may_be_late_where_the_wait_is_a_p99() -> None:
    """The hundredth comes while the only pod is busy: alone it needs another one, late it waits for 9 seconds."""
    arrivals, services = [10.0 * number for number in range(99)] + [981.0], [10.0] * 100
    costs = [least_pod_seconds(arrivals, services, Terms(STARTUP, 0.0, share)) for share in (0.0, 0.01)]
    assert costs == [1000 + 2 * STARTUP, 1000 + STARTUP]


def test_where_brief_messages_come_all_day_it_is_more_than_twice_the_least() -> None:
    """A pod for each minute's messages, begun with the last of them, costs 20 s + 6 s, and none waits for 60 s."""
    arrivals = [float(second) for second in range(6000)]
    stays = least_pod_seconds(arrivals, [0.1] * len(arrivals), Terms(STARTUP, 60.0))
    comes_and_goes = len(arrivals) / 60 * (STARTUP + 60 * 0.1)
    assert 2 * comes_and_goes < stays <= STARTUP + len(arrivals) + 60


seconds = st.floats(0.0, 500.0)
messages = st.lists(st.tuples(seconds, st.floats(0.01, 300.0)), max_size=30).map(sorted)
startups = st.floats(0.0, 120.0)


def one_pod(sent: list[tuple[float, float]], startup: float) -> tuple[float, float]:
    """Return what one pod costs that is there from the first message to the end of the last, and the longest wait."""
    free, longest = sent[0][0], 0.0
    for time, lasts in sent:
        begun = max(free, time)
        longest, free = max(longest, begun - time), begun + lasts
    return startup + free - sent[0][0], longest


@given(messages, startups, seconds, st.sampled_from([0.0, 0.01, 0.5]))
def test_it_is_never_below_the_work_and_never_above_a_pod_for_each_message(
    sent: list[tuple[float, float]], startup: float, wait: float, late_share: float
) -> None:
    arrivals, services = [time for time, _ in sent], [lasts for _, lasts in sent]
    cost = least_pod_seconds(arrivals, services, Terms(startup, wait, late_share))
    assert bound(services, startup) <= cost + 1e-6
    assert cost <= sum(services) + startup * len(services) + 1e-6


@given(messages.filter(bool), startups)
def test_it_is_never_above_one_pod_that_stays(sent: list[tuple[float, float]], startup: float) -> None:
    cost, wait = one_pod(sent, startup)
    arrivals, services = [time for time, _ in sent], [lasts for _, lasts in sent]
    assert least_pod_seconds(arrivals, services, Terms(startup, wait + 1e-6)) <= cost + 1e-6
