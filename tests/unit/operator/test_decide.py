"""Decisions as rows: what differs from ten calm pods, the size decided on, and the reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.model import Facts, Lull, Memory, Mode
from queueworkerpool.names import DECISION_REASONS, Reason
from tests.unit.operator.worlds import NOW, SPEC, ago, empty, facts, lull, reading

ROWS: dict[str, tuple[dict[str, Any], int, Reason]] = {
    "keeps a size that fits": ({}, 10, Reason.SIZED_BY_BACKLOG),
    "grows to the whole size in one step": ({"reading": reading(249)}, 50, Reason.SIZED_BY_BACKLOG),
    "leaves zero in one step": ({"replicas": 0, "reading": reading(200)}, 40, Reason.SIZED_BY_BACKLOG),
    "rounds up": ({"reading": reading(51)}, 11, Reason.SIZED_BY_BACKLOG),
    "wakes for one message": ({"replicas": 0, "reading": reading(1)}, 1, Reason.SIZED_BY_BACKLOG),
    "counts messages in flight": ({"reading": reading(20, 40)}, 12, Reason.SIZED_BY_BACKLOG),
    "ignores messages in flight when told to": (
        {"reading": reading(55, 40), "count_in_flight": False},
        11,
        Reason.SIZED_BY_BACKLOG,
    ),
    "ignores delayed messages": ({"reading": reading(50, 0, 500)}, 10, Reason.SIZED_BY_BACKLOG),
    "counts delayed messages when told to": (
        {"reading": reading(50, 0, 50), "count_delayed": True},
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "sleeps through a few messages": (
        {"replicas": 0, "reading": reading(7), "activation_messages": 7},
        0,
        Reason.BELOW_ACTIVATION,
    ),
    "wakes above the activation threshold": (
        {"replicas": 0, "reading": reading(8), "activation_messages": 7},
        2,
        Reason.SIZED_BY_BACKLOG,
    ),
    "does not fall asleep over a few messages": (
        {"replicas": 1, "reading": reading(3), "activation_messages": 7},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "waits when a lull begins": ({"reading": reading(20)}, 10, Reason.SCALE_DOWN_STABILIZED),
    "waits out a lull": ({"reading": reading(20), "memory": lull(59, 4)}, 10, Reason.SCALE_DOWN_STABILIZED),
    "scales in to the wish after the window": (
        {"reading": reading(20), "memory": lull(60, 4)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "scales in only to the highest wish of the window": (
        {"reading": reading(20), "memory": lull(60, 7)},
        7,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "starts anew when the pool has come down to the lull's peak": (
        {"replicas": 7, "reading": reading(20), "memory": lull(600, 7)},
        7,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "a lull from the future is not longer than the window": (
        {"reading": reading(20), "memory": lull(-3600, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "scales in at once without a window": (
        {"reading": reading(20), "scale_down_window_seconds": 0},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "without a window no old lull matters": (
        {"reading": reading(20), "scale_down_window_seconds": 0, "memory": lull(600, 7)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "keeps the last pod when first seen empty": (
        {"replicas": 1, "reading": reading(0), "memory": lull(600, 0)},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the last pod until empty for long enough": (
        {"replicas": 1, "reading": reading(0), "memory": Memory(Lull(ago(600), 0), ago(59))},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "shrinks to the last pod while the emptiness is not sure": (
        {"replicas": 9, "reading": reading(0), "memory": Memory(Lull(ago(60), 0), ago(59))},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "goes to zero when surely empty": (
        {"replicas": 1, "reading": reading(0), "memory": empty(60)},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "goes to zero from any size": (
        {"replicas": 9, "reading": reading(0), "memory": empty(60)},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "needs two readings for zero, however short the wait": (
        {"replicas": 1, "reading": reading(0), "memory": empty(0), "scale_to_zero_after_seconds": 0},
        1,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "needs two readings for zero without any window": (
        {
            "replicas": 1,
            "reading": reading(0),
            "memory": empty(0),
            "scale_to_zero_after_seconds": 0,
            "scale_down_window_seconds": 0,
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the last pod while it works, even when work in flight does not count": (
        {"replicas": 1, "reading": reading(0, 1), "memory": empty(600), "count_in_flight": False},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the minimum": ({"reading": reading(0), "min_replicas": 3, "memory": empty(600)}, 3, Reason.TOO_FEW_REPLICAS),
    "fills up to the minimum": ({"replicas": 0, "reading": reading(0), "min_replicas": 3}, 3, Reason.TOO_FEW_REPLICAS),
    "keeps the maximum": ({"reading": reading(9999)}, 50, Reason.TOO_MANY_REPLICAS),
    "comes down to a lowered maximum at once": (
        {"reading": reading(20), "max_replicas": 8},
        8,
        Reason.TOO_MANY_REPLICAS,
    ),
    "holds still when blind": ({"reading": None}, 10, Reason.HOLDING_BLIND),
    "holds still when blind, even outside of the bounds": (
        {"reading": None, "max_replicas": 5},
        10,
        Reason.HOLDING_BLIND,
    ),
    "does nothing when paused": ({"reading": reading(9999), "mode": Mode.PAUSED}, 10, Reason.PAUSED),
    "decides in a dry run as ever": ({"reading": reading(249), "mode": Mode.DRY_RUN}, 50, Reason.SIZED_BY_BACKLOG),
}


@pytest.mark.parametrize(("differs", "replicas", "reason"), ROWS.values(), ids=ROWS.keys())
def test_a_pool(differs: dict[str, Any], replicas: int, reason: Reason) -> None:
    decision = decide(facts(**differs))
    assert (decision.replicas, decision.reason) == (replicas, reason)


def test_every_decision_reason_has_a_row() -> None:
    assert {reason for _, _, reason in ROWS.values()} == set(DECISION_REASONS)


def test_the_trail_tells_every_step_in_order() -> None:
    decision = decide(facts(replicas=9, reading=reading(0), memory=Memory(Lull(ago(60), 4)), max_replicas=3))
    assert [(step.replicas, step.reason) for step in decision.trail] == [
        (0, Reason.SIZED_BY_BACKLOG),
        (4, Reason.SCALE_DOWN_STABILIZED),
        (3, Reason.TOO_MANY_REPLICAS),
    ]
    assert decision.trail[0].because == "0 messages / 5 per pod = 0 pods"


MEMORIES: dict[str, tuple[dict[str, Any], Memory]] = {
    "a pool that fits remembers nothing": ({}, Memory()),
    "a lull is remembered": ({"reading": reading(20)}, Memory(Lull(NOW, 4))),
    "a lull keeps its beginning and its peak": ({"reading": reading(20), "memory": lull(30, 7)}, lull(30, 7)),
    "a higher wish raises the peak": ({"reading": reading(45), "memory": lull(30, 7)}, lull(30, 9)),
    "a wish for the present size ends the lull": ({"memory": lull(30, 7)}, Memory()),
    "a pool at its minimum has no lull, so that it is silent": ({"reading": reading(5), "min_replicas": 10}, Memory()),
    "emptiness is remembered since its first reading": ({"replicas": 0, "reading": reading(0)}, Memory(None, NOW)),
    "a delayed message that counts is not emptiness": (
        {"replicas": 1, "reading": reading(0, 0, 1), "count_delayed": True},
        Memory(),
    ),
    "a blind pool forgets nothing": ({"reading": None, "memory": empty(30)}, empty(30)),
    "a paused pool forgets": ({"mode": Mode.PAUSED, "memory": empty(30)}, Memory()),
}


@pytest.mark.parametrize(("differs", "memory"), MEMORIES.values(), ids=MEMORIES.keys())
def test_memory(differs: dict[str, Any], memory: Memory) -> None:
    assert decide(facts(**differs)).memory == memory


counts = st.integers(0, 10**7)
seconds = st.integers(-4000, 4000)
memories = st.builds(
    Memory,
    lull=st.none() | st.builds(Lull, since=seconds.map(ago), peak=st.integers(0, 200)),
    empty_since=st.none() | seconds.map(ago),
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    low = draw(st.integers(0, 100))
    return facts(
        replicas=draw(st.integers(0, 200)),
        reading=draw(st.none() | st.builds(reading, counts, counts, counts)),
        memory=draw(memories),
        min_replicas=low,
        max_replicas=draw(st.integers(max(low, 1), 200)),
        messages_per_pod=draw(st.integers(1, 1000)),
        count_in_flight=draw(st.booleans()),
        count_delayed=draw(st.booleans()),
        activation_messages=draw(st.integers(0, 100)),
        scale_to_zero_after_seconds=draw(st.integers(0, 600)),
        scale_down_window_seconds=draw(st.integers(0, 600)),
        mode=draw(st.sampled_from(Mode)),
    )


@given(any_facts())
def test_the_bounds_always_hold(world: Facts) -> None:
    if world.reading is not None and world.spec.mode is not Mode.PAUSED:
        assert world.spec.min_replicas <= decide(world).replicas <= world.spec.max_replicas


@given(any_facts(), counts, counts)
def test_more_backlog_never_means_fewer_pods(world: Facts, some: int, more: int) -> None:
    less = facts_with(world, reading(min(some, more)))
    assert decide(less).replicas <= decide(facts_with(world, reading(max(some, more)))).replicas


@given(any_facts())
def test_the_unknown_never_moves_a_pool(world: Facts) -> None:
    assert decide(facts_with(world, None)).replicas == world.replicas


@given(any_facts())
def test_a_second_look_changes_nothing(world: Facts) -> None:
    first = decide(world)
    second = decide(Facts(world.spec, first.replicas, world.reading, first.memory, world.now))
    assert second.replicas == first.replicas


@given(any_facts())
def test_a_working_pool_is_never_put_to_sleep(world: Facts) -> None:
    if world.replicas and world.reading and (world.reading.in_flight or world.reading.visible):
        assert decide(world).replicas > 0


@given(any_facts())
def test_every_sentence_is_short(world: Facts) -> None:
    assert all(0 < len(step.because) < 200 for step in decide(world).trail)


def facts_with(world: Facts, counts_read: Any) -> Facts:
    return Facts(world.spec, world.replicas, counts_read, world.memory, world.now)


def test_the_baseline_is_calm() -> None:
    assert SPEC.load(reading(50)) == 50
