"""How several queues share a worker's slots: by weight, one of each reserved, and none idle that somebody wants."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworker.receive.sharing import SharedSlots, shares


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        pytest.param(10, (1,), (10,), id="one queue has all"),
        pytest.param(8, (3, 1), (6, 2), id="by weight"),
        pytest.param(10, (1, 1, 1), (4, 3, 3), id="what is left over goes to the first of equals"),
        pytest.param(7, (3, 2, 2), (3, 2, 2), id="without a remainder"),
        pytest.param(10, (5, 3, 1), (6, 3, 1), id="the largest remainder gets what is left over"),
        pytest.param(3, (1000, 1, 1), (1, 1, 1), id="at least one each"),
        pytest.param(10, (100, 1, 1, 1), (7, 1, 1, 1), id="the heavy queue pays for those"),
    ],
)
def test_slots_are_divided_by_weight(total: int, weights: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert shares(total, weights) == expected


IDLE, WANTS = False, True


@pytest.mark.parametrize(
    ("held", "wants", "available"),
    [
        pytest.param((0, 0), (IDLE, IDLE), (9, 9), id="all but the other's reserved slot"),
        pytest.param((0, 0), (WANTS, IDLE), (9, 4), id="what another wants of its share is left to it"),
        pytest.param((0, 0), (WANTS, WANTS), (6, 4), id="both want: the shares"),
        pytest.param((9, 0), (WANTS, IDLE), (0, 1), id="the reserved slot is there, whatever the other holds"),
        pytest.param((9, 1), (WANTS, WANTS), (0, 0), id="no slot is free"),
        pytest.param((8, 1), (WANTS, WANTS), (0, 1), id="the next free slot is for the one below its share"),
        pytest.param((8, 1), (WANTS, IDLE), (1, 1), id="unless that wants no more"),
        pytest.param((6, 2), (WANTS, IDLE), (2, 2), id="idle slots are used"),
        pytest.param((6, 4), (WANTS, WANTS), (0, 0), id="settled"),
        pytest.param((2, 8), (IDLE, IDLE), (0, 0), id="messages that are being handled are never taken away"),
    ],
)
def test_a_queue_may_take_its_share_and_what_nobody_else_wants(
    held: tuple[int, int], wants: tuple[bool, bool], available: tuple[int, int]
) -> None:
    slots = SharedSlots(10, (6, 4))
    for queue in (0, 1):
        slots.hold(queue, held[queue])
        slots.set_wants(queue, wants=wants[queue])
    assert (slots.available(0), slots.available(1)) == available


@pytest.mark.parametrize(
    ("held", "wants", "reach"),
    [
        pytest.param((0, 0), (WANTS, WANTS), (6, 4), id="both want: the shares"),
        pytest.param((2, 4), (WANTS, WANTS), (6, 4), id="with messages in hand: the same"),
        pytest.param((3, 0), (WANTS, IDLE), (9, 4), id="alone: all but the reserved slot"),
        pytest.param((9, 1), (WANTS, WANTS), (9, 1), id="nothing is free"),
    ],
)
def test_what_is_within_a_queues_reach_is_what_it_may_hold_as_its_own_messages_end(
    held: tuple[int, int], wants: tuple[bool, bool], reach: tuple[int, int]
) -> None:
    slots = SharedSlots(10, (6, 4))
    for queue in (0, 1):
        slots.hold(queue, held[queue])
        slots.set_wants(queue, wants=wants[queue])
    assert (slots.within_reach(0), slots.within_reach(1)) == reach


@dataclass(frozen=True)
class Action:
    """A queue takes what it may, up to a number; or releases up to so many; or begins or ends to want more."""

    kind: str
    queue: int
    number: int


@st.composite
def worlds(draw: st.DrawFn) -> tuple[int, list[int], list[Action]]:
    weights = draw(st.lists(st.integers(1, 1000), min_size=2, max_size=6))
    total = draw(st.integers(len(weights), 60))
    kinds = st.sampled_from(("take", "take", "release", "want", "rest"))
    actions = st.builds(Action, kinds, st.integers(0, len(weights) - 1), st.integers(1, 10))
    return total, weights, draw(st.lists(actions, max_size=60))


def play(slots: SharedSlots, action: Action) -> None:
    queue = action.queue
    if action.kind == "take":
        slots.hold(queue, min(action.number, slots.available(queue)))
    elif action.kind == "release":
        slots.hold(queue, -min(action.number, slots.held[queue]))
    else:
        slots.set_wants(queue, wants=action.kind == "want")


@given(worlds())
def test_a_queue_that_holds_nothing_can_always_take_a_slot_and_no_slot_is_held_twice(
    world: tuple[int, list[int], list[Action]],
) -> None:
    total, weights, actions = world
    slots = SharedSlots(total, weights)
    for action in actions:
        play(slots, action)
        assert sum(slots.held) <= total
        assert all(slots.available(i) for i, held in enumerate(slots.held) if held == 0)
        assert all(held <= slots.most for held in slots.held)


@given(worlds(), st.randoms(use_true_random=False))
def test_with_messages_in_all_queues_the_slots_settle_at_the_shares(
    world: tuple[int, list[int], list[Action]], dice: Any
) -> None:
    total, weights, actions = world
    slots = SharedSlots(total, weights)
    for action in actions:
        play(slots, action)
    queues = list(range(len(weights)))
    for queue in queues:
        slots.set_wants(queue, wants=True)
    borrowed = [max(0, held - share) for held, share in zip(slots.held, slots.shares, strict=True)]
    for _ in range(sum(borrowed) + 1):  # each time one message more of those beyond the shares ends
        for queue in dice.sample(queues, len(queues)):
            slots.hold(queue, slots.available(queue))
        for queue in queues:
            slots.hold(queue, -int(slots.held[queue] > slots.shares[queue]))
    for queue in queues:
        slots.hold(queue, slots.available(queue))
    assert tuple(slots.held) == slots.shares


@given(worlds(), st.integers(0, 5))
def test_idle_slots_are_used_by_the_one_queue_that_has_messages(
    world: tuple[int, list[int], list[Action]], chosen: int
) -> None:
    total, weights, actions = world
    slots = SharedSlots(total, weights)
    for action in actions:
        play(slots, action)
    busy = chosen % len(weights)
    for queue in range(len(weights)):
        slots.set_wants(queue, wants=queue == busy)
    slots.hold(busy, slots.available(busy))
    others = [max(1, held) for queue, held in enumerate(slots.held) if queue != busy]
    assert slots.held[busy] + sum(others) == total
