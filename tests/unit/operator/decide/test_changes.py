"""Few changes stand for many, and never allow more than the many would."""

import json
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
