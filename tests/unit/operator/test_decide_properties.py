"""What holds for every decision, whatever the facts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.model import (
    Bounds,
    Change,
    CompetingWriter,
    Facts,
    Fallback,
    InFlight,
    Memory,
    Mode,
    Policy,
    QueueReading,
    Sample,
    ScaleDownStabilization,
    ScaleUpStabilization,
    ScalingRules,
    Select,
)
from queueworkerpool.names import DECISION_REASONS, Reason
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import NOW, ago, facts, reading

counts = st.integers(0, 10**7)
sizes = st.integers(0, 200)
times = st.integers(-4000, 4000).map(ago)
seconds = st.floats(0.001, 10**4)
workers = st.builds(WorkerEstimates, st.none() | seconds, st.none() | st.floats(1, 1000), st.none() | seconds)
readings = st.none() | st.builds(reading, counts, counts, counts, times)
policies = st.lists(st.builds(Policy, st.booleans(), st.integers(1, 100), st.integers(1, 1800)), max_size=3).map(tuple)
rules = st.builds(
    ScalingRules, st.none() | st.integers(0, 600), st.sampled_from(Select), policies, st.sampled_from((0.0, 0.1, 0.5))
)
memories = st.builds(
    Memory,
    scale_down_stabilization=st.none() | st.builds(ScaleDownStabilization, times, sizes),
    scale_up_stabilization=st.none() | st.builds(ScaleUpStabilization, times, sizes),
    changes=st.lists(st.builds(Change, times, st.integers(-50, 50)), max_size=4).map(tuple),
    empty_since=st.none() | times,
    activation_pending_since=st.none() | times,
    unreadable_since=st.none() | times,
    competing_writer=st.none() | st.builds(CompetingWriter, st.just("kubectl"), st.integers(1, 5), times),
    workers=workers,
)
samples = st.none() | st.builds(
    Sample, times, seconds, st.integers(0, 1000), st.none() | st.floats(1, 1000), st.none() | seconds, st.none() | times
)
targets = st.integers(1, 1000) | st.builds(Latency, st.integers(1, 10**4), st.none() | seconds, st.none() | seconds)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    low = draw(st.integers(0, 100))
    return facts(
        target=draw(targets),
        in_flight=draw(st.sampled_from(InFlight)),
        count_delayed=draw(st.booleans()),
        activation_messages=draw(st.integers(0, 100)),
        scale_to_zero_after_seconds=draw(st.integers(0, 600)),
        scale_up=draw(rules),
        scale_down=draw(rules),
        fallback=draw(st.none() | st.builds(Fallback, st.integers(1, 600), sizes, st.booleans())),
        mode=draw(st.sampled_from(Mode)),
        bounds=Bounds(low, draw(st.integers(max(low, 1), 200)), draw(st.sampled_from(((), ("night",))))),
        replicas=draw(sizes),
        readings=draw(st.lists(readings, min_size=1, max_size=3).map(tuple)),
        memory=draw(memories),
        ready=draw(sizes),
        rolling_out=draw(st.booleans()),
        sample=draw(samples),
        writer=draw(st.none() | st.tuples(st.just("kubectl"), times)),
    )


def sees(state: Facts, *known: Any) -> Facts:
    return replace(state, readings=known)


def free(state: Facts, *known: Any) -> Facts:
    """The same where nobody else writes, nobody pauses, and everything can be seen."""
    spec = replace(state.spec, mode=Mode.ACTIVE)
    return replace(state, spec=spec, memory=replace(state.memory, competing_writer=None), writer=None, readings=known)


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
    less = decide(sees(state, reading(min(some, more))))
    assert less.replicas <= decide(sees(state, reading(max(some, more)))).replicas


@given(any_facts())
def test_the_unknown_never_lowers(state: Facts) -> None:
    assume(not state.all_read and (state.spec.fallback is None or state.spec.fallback.only_if_higher))
    decision = decide(state)
    corrected = Reason.TOO_MANY_REPLICAS in {step.reason for step in decision.trail}
    assert decision.replicas >= state.replicas or corrected


@given(any_facts())
def test_nothing_known_moves_nothing_without_a_fallback(state: Facts) -> None:
    assume(state.spec.fallback is None)
    blind = sees(state, None)
    assert decide(blind).replicas == state.replicas


@given(any_facts())
def test_a_second_look_changes_nothing(state: Facts) -> None:
    first = decide(state)
    written = first.replicas if state.spec.mode is Mode.ACTIVE else state.replicas
    after = replace(state, replicas=written, memory=first.memory, sample=None, writer=None)
    # The pods that were added are not ready yet, those that went were not needed; the workers' own figures have moved.
    assume(first.memory.workers == state.memory.workers)
    assert decide(after).replicas == first.replicas


some = st.integers(1, 10**7)


@given(any_facts(), st.builds(reading, counts, some) | st.builds(reading, some, counts))
def test_a_working_pool_is_never_put_to_sleep(state: Facts, load: QueueReading) -> None:
    working = replace(sees(state, load), replicas=max(state.replicas, 1))
    assert decide(working).replicas > 0


@given(any_facts())
def test_every_decision_ends_with_a_reason_that_is_counted(state: Facts) -> None:
    assert decide(state).reason in DECISION_REASONS


@given(any_facts())
def test_every_sentence_is_short(state: Facts) -> None:
    assert all(0 < len(step.message) < 200 for step in decide(state).trail)


@given(any_facts())
def test_a_memory_survives_being_written_down(state: Facts) -> None:
    memory = decide(state).memory
    assert Memory.parse(memory.dump()) == memory


@given(any_facts(), st.lists(st.tuples(st.integers(1, 30), counts), min_size=2, max_size=30))
def test_a_restart_at_any_point_changes_nothing(state: Facts, loads: list[tuple[int, int]]) -> None:
    """The memory goes through its written form at every step, as in a restart; the sizes are those without restarts."""
    kept, restarted = state, state
    for wait, load in loads:
        for name, state in (("kept", kept), ("restarted", restarted)):
            now = state.now + timedelta(seconds=wait)
            decision = decide(replace(state, now=now, readings=(reading(load, time=now),), sample=None))
            memory = decision.memory if name == "kept" else Memory.parse(decision.memory.dump())
            follow = replace(state, now=now, replicas=decision.replicas, memory=memory)
            kept, restarted = (follow, restarted) if name == "kept" else (kept, follow)
        assert kept.replicas == restarted.replicas


steps = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2000)), min_size=2, max_size=40)


@given(st.integers(1, 40), st.integers(1, 300), st.booleans(), steps)
def test_a_rate_policy_is_never_exceeded_over_any_window(
    value: int, period: int, upwards: bool, loads: list[tuple[int, int]]
) -> None:
    limited = ScalingRules(0, Select.MAX, (Policy(percent=False, value=value, period_seconds=period),))
    still = ScalingRules(select=Select.DISABLED)
    up, down = (limited, still) if upwards else (still, limited)
    state = facts(scale_up=up, scale_down=down, replicas=0 if upwards else 400, max_replicas=10**6)
    seen = [(state.now, state.replicas)]
    for wait, load in loads:
        now = state.now + timedelta(seconds=wait)
        decision = decide(replace(state, now=now, readings=(reading(0, load, time=now),)))
        state = replace(state, now=now, replicas=decision.replicas, memory=decision.memory)
        seen.append((now, state.replicas))
    for begun, size in seen:
        window = [later for ended, later in seen if timedelta(0) <= ended - begun < timedelta(seconds=period)]
        assert all(abs(later - size) <= value for later in window)


@given(any_facts(), st.integers(-100_000, 100_000))
def test_a_clock_that_jumps_is_harmless(state: Facts, jump: int) -> None:
    """The pool stays within its bounds, and no stretch of time is remembered as beginning in the future."""
    later = NOW + timedelta(seconds=jump)
    decision = decide(replace(free(state, reading(7, time=later)), now=later))
    assert state.bounds.min_replicas <= decision.replicas <= state.bounds.max_replicas
    memory = decision.memory
    stretches = [
        stretch.since for stretch in (memory.scale_down_stabilization, memory.scale_up_stabilization) if stretch
    ]
    stretches += [memory.empty_since] if memory.empty_since else []
    assert all(since <= later for since in stretches)
