"""What holds for every decision, whatever the facts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.model import Facts, Memory, Mode, Policy, QueueReading, ScalingRules, Select
from queueworkerpool.names import DECISION_REASONS, Reason
from tests.unit.operator.builders import NOW, facts, pods, reading
from tests.unit.operator.decide.rows import REPORTING
from tests.unit.operator.strategies import (
    any_facts,
    counts,
    positive_counts,
    steps,
)


def with_readings(state: Facts, *known: Any) -> Facts:
    return state._replace(readings=known)


def free(state: Facts, *known: Any) -> Facts:
    """The same in mode Active, where nobody else writes, nobody is waited for, and everything can be read."""
    spec = replace(state.spec, mode=Mode.ACTIVE)
    memory = replace(state.memory, competing_writer=None)
    return state._replace(spec=spec, memory=memory, writer=None, rolling_out=False, pods=None, readings=known)


@given(any_facts())
def test_the_bounds_hold_for_whatever_is_written(state: Facts) -> None:
    decision = decide(state)
    if decision.replicas != state.replicas:
        assert state.bounds.min_replicas <= decision.replicas <= state.bounds.max_replicas


@given(any_facts(), counts)
def test_the_bounds_are_kept_wherever_we_may_write(state: Facts, load: int) -> None:
    assert state.bounds.min_replicas <= decide(free(state, reading(load))).replicas <= state.bounds.max_replicas


@given(any_facts(), counts, counts)
def test_more_backlog_never_means_fewer_pods(state: Facts, some: int, more: int) -> None:
    less = decide(with_readings(state, reading(min(some, more))))
    assert less.replicas <= decide(with_readings(state, reading(max(some, more)))).replicas


@given(any_facts())
def test_an_unreadable_queue_never_lowers_the_size(state: Facts) -> None:
    assume(not state.all_read and (state.spec.fallback is None or state.spec.fallback.only_if_higher))
    decision = decide(state)
    corrected = Reason.TOO_MANY_REPLICAS in {step.reason for step in decision.trail}
    assert decision.replicas >= state.replicas or corrected


@given(any_facts())
def test_without_a_reading_or_a_fallback_the_size_stays(state: Facts) -> None:
    assume(state.spec.fallback is None)
    unreadable = with_readings(state, None)
    assert decide(unreadable).replicas == state.replicas


@given(any_facts())
def test_a_second_decision_changes_nothing(state: Facts) -> None:
    first = decide(state)
    written = first.replicas if state.spec.mode is Mode.ACTIVE else state.replicas
    after = state._replace(replicas=written, memory=first.memory, sample=None, writer=None)
    # The pods that were added are not ready yet, those that went were not needed; the workers' own figures have moved.
    assume(first.memory.workers == state.memory.workers)
    assert decide(after).replicas == first.replicas


@given(any_facts(), st.builds(reading, counts, positive_counts) | st.builds(reading, positive_counts, counts))
def test_a_pool_with_messages_never_goes_to_zero(state: Facts, load: QueueReading) -> None:
    working = with_readings(state, load)._replace(replicas=max(state.replicas, 1))
    assert decide(working).replicas > 0


@given(any_facts())
def test_every_decision_ends_with_a_reason_that_is_counted(state: Facts) -> None:
    assert decide(state).reason in DECISION_REASONS


@given(any_facts())
def test_every_sentence_is_short(state: Facts) -> None:
    assert all(0 < len(step.message) < 200 for step in decide(state).trail)


@given(any_facts())
def test_a_memory_is_parsed_as_it_was_written(state: Facts) -> None:
    memory = decide(state).memory
    assert Memory.parse(memory.dump()) == memory


@given(any_facts(), st.lists(st.tuples(st.integers(1, 30), counts), min_size=2, max_size=30))
def test_a_restart_at_any_point_changes_nothing(state: Facts, loads: list[tuple[int, int]]) -> None:
    """The memory goes through its written form at every step, as in a restart; the sizes are those without restarts."""
    kept, restarted = state, state
    for wait, load in loads:
        for name, before in (("kept", kept), ("restarted", restarted)):
            now = before.now + timedelta(seconds=wait)
            decision = decide(before._replace(now=now, readings=(reading(load, time=now),), sample=None))
            memory = decision.memory if name == "kept" else Memory.parse(decision.memory.dump())
            follow = before._replace(now=now, replicas=decision.replicas, memory=memory)
            kept, restarted = (follow, restarted) if name == "kept" else (kept, follow)
        assert kept.replicas == restarted.replicas


@given(st.integers(1, 40), st.integers(1, 300), st.booleans(), steps)
def test_a_rate_policy_is_never_exceeded_over_any_window(
    value: int, period: int, upwards: bool, loads: list[tuple[int, int]]
) -> None:
    limited = ScalingRules(0, Select.MAX, (Policy(percent=False, value=value, period_seconds=period),))
    still = ScalingRules(select=Select.DISABLED)
    up, down = (limited, still) if upwards else (still, limited)
    state = facts(scale_up=up, scale_down=down, replicas=0 if upwards else 400, max_replicas=10**6)
    sizes = [(state.now, state.replicas)]
    for wait, load in loads:
        now = state.now + timedelta(seconds=wait)
        decision = decide(state._replace(now=now, readings=(reading(0, load, time=now),)))
        state = state._replace(now=now, replicas=decision.replicas, memory=decision.memory)
        sizes.append((now, state.replicas))
    for begun, size in sizes:
        window = [later for ended, later in sizes if timedelta(0) <= ended - begun < timedelta(seconds=period)]
        assert all(abs(later - size) <= value for later in window)


@given(any_facts(), st.integers(-100_000, 100_000))
@example(facts(max_replicas=1, replicas=2, pods=pods(0, 3), memory=REPORTING), 0)
def test_a_clock_that_jumps_breaks_no_bound_and_no_memory(state: Facts, jump: int) -> None:
    """The pool stays within its bounds, and no time in the future is remembered as a start."""
    later = NOW + timedelta(seconds=jump)
    decision = decide(free(state, reading(7, time=later))._replace(now=later))
    assert state.bounds.min_replicas <= decision.replicas <= state.bounds.max_replicas
    memory = decision.memory
    starts = [period.since for period in (memory.scale_down_stabilization, memory.scale_up_stabilization) if period]
    starts += [memory.empty_since] if memory.empty_since else []
    assert all(since <= later for since in starts)
