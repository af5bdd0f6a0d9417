"""The sliding maximum of the recommendations: as if all of them were kept, and how seldom it changes (ADR 0002)."""

import math
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide, limits
from queueworkerpool.decide.stabilization import STEPS_PER_WINDOW
from queueworkerpool.model import Facts, Memory
from tests.unit.operator.builders import NOW, facts, reading, window

PER_POD = 5
WINDOW = 80
APART = WINDOW // STEPS_PER_WINDOW
CHAIN = (limits.stabilise_scale_down,)
TICKS, TICK_SECONDS = 960, 5


def looked_at(replicas: int, load: int, memory: Memory, now: int, seconds: int) -> Facts:
    time = NOW + timedelta(seconds=now)
    calm = facts(replicas=replicas, max_replicas=1000, memory=memory, scale_down=window(seconds))
    return calm._replace(now=time, readings=(reading(0, load, time=time),))


def sizes(start: int, loads: list[tuple[int, int]], seconds: int = WINDOW) -> list[int]:
    """The sizes of a pool, one per tick; a load comes with the seconds until the next tick."""
    replicas, memory, now, found = start, Memory(), 0, []
    for wait, load in loads:
        decision = decide(looked_at(replicas, load, memory, now, seconds), chain=CHAIN)
        replicas, memory, now = decision.replicas, decision.memory, now + wait
        found.append(replicas)
    return found


def sizes_by_all(start: int, loads: list[tuple[int, int]], seconds: float) -> list[int]:
    """The same from all that was recommended; a recommendation holds until the next tick."""
    replicas, now, found, until = start, 0, [], [(0, start)]
    for wait, load in loads:
        recommended = -(-load // PER_POD)
        highest = max([recommended, *(size for ended, size in until if ended > now - seconds)])
        replicas = recommended if recommended >= replicas else min(replicas, highest)
        now += wait
        until.append((now, recommended))
        found.append(replicas)
    return found


far_apart = st.lists(st.tuples(st.integers(APART, 3 * APART), st.integers(0, 100)), min_size=1, max_size=30)
close_together = st.lists(st.tuples(st.integers(1, APART), st.integers(0, 100)), min_size=1, max_size=60)


@given(st.integers(1, 30), far_apart)
def test_it_is_that_of_all_recommendations(start: int, loads: list[tuple[int, int]]) -> None:
    assert sizes(start, loads) == sizes_by_all(start, loads, WINDOW)


@given(st.integers(1, 30), close_together)
def test_where_steps_are_left_out_it_is_no_less_and_that_of_a_window_longer_by_a_step_at_most(
    start: int, loads: list[tuple[int, int]]
) -> None:
    least, most = sizes_by_all(start, loads, WINDOW), sizes_by_all(start, loads, WINDOW + 2 * APART)
    assert all(low <= size <= high for low, size, high in zip(least, sizes(start, loads), most, strict=True))


def wave(tick: int) -> int:
    return round(100 + 80 * math.sin(2 * math.pi * tick / 240))


def noisy(random: Random) -> int:
    return max(0, round(random.gauss(100, 25)))


RANDOM = Random(20261126)
LOADS = {
    "calm": [100] * TICKS,
    "noisy": [noisy(RANDOM) for _ in range(TICKS)],
    "ramp": [round(200 * (1 - abs(1 - 2 * tick / TICKS))) for tick in range(TICKS)],
    "wave": [wave(tick) for tick in range(TICKS)],
}
MOST_CHANGES = {"calm": 0, "noisy": 419, "ramp": 81, "wave": 124}
MOST_EXTRA = {"calm": 0.0, "noisy": 0.0015, "ramp": 0.0025, "wave": 0.019}


@pytest.mark.parametrize("name", LOADS)
def test_the_memory_changes_seldom_and_costs_few_pod_hours(name: str) -> None:
    """With a window of 300 s, compared with the HPA, for which a recommendation counts only when it is made."""
    replicas, memories, pods = 20, [Memory()], 0
    for tick, load in enumerate(LOADS[name]):
        decision = decide(looked_at(replicas, load, memories[-1], tick * TICK_SECONDS, 300), chain=CHAIN)
        replicas, pods = decision.replicas, pods + decision.replicas
        memories.append(decision.memory)
    changes = sum(before != after for before, after in pairwise(memories))
    exact = sum(sizes_by_all(20, [(TICK_SECONDS, load) for load in LOADS[name]], 300 - TICK_SECONDS))
    assert changes <= MOST_CHANGES[name]
    assert pods <= exact * (1 + MOST_EXTRA[name])
