"""Few changes stand for many, and never allow more than the many would."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.decide.changes import MOST_CHANGES, merged
from queueworkerpool.decide.rates import scale_down_limit, scale_up_limit
from queueworkerpool.model import Change, Facts, Memory, Policy
from tests.unit.operator.builders import NOW, ago, facts, pods_policy, reading, rules

MOST_BYTES = 3000


def every(seconds: float, number: int, by: int = 1) -> list[Change]:
    return [Change(ago(seconds * n), by) for n in reversed(range(number))]


def near(*seconds: float) -> tuple[float, ...]:
    """Two changes each, four seconds apart."""
    return tuple(each for first in seconds for each in (first, first - 4))


histories = st.lists(
    st.builds(Change, st.floats(0, 1800).map(ago), st.integers(-20, 20).filter(bool)), max_size=200
).map(lambda changes: sorted(changes, key=lambda change: change.time))

policies = st.lists(
    st.builds(Policy, st.booleans(), st.integers(1, 100), st.integers(1, 1800)), min_size=1, max_size=10
)


@given(histories, st.lists(st.integers(1, 1800), min_size=1, max_size=20))
def test_they_are_few_and_of_the_same_sum(changes: list[Change], periods: list[int]) -> None:
    few = merged(changes, periods, NOW)
    assert len(few) <= MOST_CHANGES
    for sign in (1, -1):
        assert sum(c.by for c in few if c.by * sign > 0) == sum(c.by for c in changes if c.by * sign > 0)
    assert len(json.dumps(Memory(changes=few).dump())) < MOST_BYTES


@given(histories, policies, policies, st.integers(0, 500), st.integers(0, 1800))
def test_they_never_allow_more(
    changes: list[Change], up: list[Policy], down: list[Policy], replicas: int, later: int
) -> None:
    state = facts(scale_up=rules(*up), scale_down=rules(*down), replicas=replicas, now=ago(-later))
    many = Memory(changes=tuple(changes))
    few = Memory(changes=merged(changes, [policy.period_seconds for policy in up + down], NOW))
    assert (scale_up_limit(state, few) or 0) <= (scale_up_limit(state, many) or 0)
    assert (scale_down_limit(state, few) or 0) >= (scale_down_limit(state, many) or 0)


def test_as_long_as_they_are_few_they_are_kept_as_they_are() -> None:
    changes = every(10, MOST_CHANGES)
    assert merged(changes, [600], NOW) == tuple(changes)


# Thirteen or more changes upwards, so many seconds ago each, are too many beside these, which stay as they are.
DOWNWARDS = [Change(ago(5 + 10 * n), -3) for n in range(12)]
EVEN = range(130, 0, -10)

JOINED: dict[str, tuple[Sequence[float], list[int], list[tuple[float, float]]]] = {
    "of many that are alike the oldest two become one": (EVEN, [600], [(130, 120)]),
    "of twenty that are alike the oldest become pairs": (
        range(200, 0, -10),
        [600],
        [(n, n - 10) for n in range(200, 40, -20)],
    ),
    "the two that are nearest to each other": ((130, 120, 110, 100, 90, 80, 79, *EVEN[7:]), [600], [(80, 79)]),
    "the last two, when these are the nearest": ((*EVEN[:12], 19), [600], [(20, 19)]),
    "two that only a longer period counts, though younger ones are nearer": ((*EVEN[:12], 18), [600, 60], [(130, 120)]),
    "a short period does not count any more what is as old": ((*EVEN[:7], 58, *EVEN[8:]), [50, 600], [(58, 50)]),
    "those that no period counts any more, as if the longest did": (EVEN, [20, 60], [(130, 120)]),
    "two at a time of twenty, so that what is near to the first two is no reason to join a third": (
        (2000, 1997, 1995.5, 1994.5, *near(1900, 1800, 1700, 1600, 1500, 1400), 1300, 1200, 1100, 1000),
        [10_000],
        [(2000, 1997), (1995.5, 1994.5), *((n, n - 4) for n in (1900, 1800, 1700, 1600, 1500, 1400))],
    ),
    "one at a time of seventeen, and then a third, when it is nearer than any other two are": (
        (2000, 1999, 1997.5, 1994.5, *near(1900, 1800, 1700), *range(1600, 900, -100)),
        [10_000],
        [(2000, 1997.5), *((n, n - 4) for n in (1900, 1800, 1700))],
    ),
}


@pytest.mark.parametrize(("upwards", "periods", "spans"), JOINED.values(), ids=JOINED)
def test_those_become_one_that_cost_least(
    upwards: Sequence[float], periods: list[int], spans: list[tuple[float, float]]
) -> None:
    """`spans`: the first and the last of those that become one. Twelve are left of either direction, in order."""
    found = merged([*(Change(ago(each), 1) for each in upwards), *DOWNWARDS], periods, NOW)
    joined = [Change(ago(last), sum(first >= each >= last for each in upwards), ago(first)) for first, last in spans]
    alone = [Change(ago(each), 1) for each in upwards if not any(first >= each >= last for first, last in spans)]
    assert len(found) == MOST_CHANGES
    assert found == tuple(sorted([*joined, *alone, *DOWNWARDS], key=lambda change: change.time))


def test_the_next_step_is_hardly_later() -> None:
    """Each stands for a small part of a period only."""
    few = merged(every(1, 1800), [1800], NOW)
    assert max((change.time - change.begun).total_seconds() for change in few) <= 1800 / 4


def test_short_periods_keep_what_is_young() -> None:
    few = merged(every(5, 360), [15, 1800], NOW)
    young = [change for change in few if change.time > ago(15)]
    assert all(change.time - change.begun <= timedelta(seconds=10) for change in young)


@pytest.mark.parametrize("wave", [1, 40], ids=["one way", "to and fro"])
def test_a_pool_that_changes_every_second_keeps_a_small_status_and_its_policies(wave: int) -> None:
    """For an hour, under policies of half an hour and of a minute: as many pods in the end as with all changes kept."""
    limited = rules(pods_policy(100, 1800), pods_policy(20, 60))
    state = facts(scale_up=limited, scale_down=limited, max_replicas=100_000, replicas=1000, reading=reading(0, 5000))
    largest = 0
    for second in range(3600):
        load = 10**5 if second // wave % 2 == 0 or wave == 1 else 0
        state = after(state, load)
        largest = max(largest, len(json.dumps(state.memory.dump())))
    assert largest < MOST_BYTES
    assert wave > 1 or state.replicas >= 1000 + 100 + 20


def after(state: Facts, load: int) -> Facts:
    now = state.now + timedelta(seconds=1)
    decision = decide(state._replace(now=now, readings=(reading(0, load, time=now),)))
    return state._replace(now=now, replicas=decision.replicas, memory=Memory.parse(decision.memory.dump()))
