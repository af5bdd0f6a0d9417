"""How long the last pods stay: by what would have cost least in the last quiet spells."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.decide.last_pod import cheapest_stay
from queueworkerpool.model import Bounds, Facts, Memory, Sample
from queueworkerpool.names import Reason
from queueworkerpool.sizing import Latency
from tests.unit.operator.builders import NOW, ago, empty, facts, pods, reading, window
from tests.unit.operator.decide.rows import REPORTING, learned

CHEAPEST: dict[str, tuple[tuple[float, ...], float]] = {
    "always longer than a start-up: it goes at once": ((600, 900, 3600), 0),
    "always shorter: it stays": ((3, 10, 5), 10),
    "mostly short: it stays for those": ((5, 5, 5, 3600), 5),
    "mostly long: it goes at once": ((15, 600, 600, 600, 600), 0),
    "as dear either way: the shorter stay": ((20, 20, 20), 0),
    "a little longer than a start-up, and all alike: a start-up each costs less": ((21, 21, 21), 0),
    "some short, one of two start-ups": ((5, 5, 5, 5, 40), 5),
    "many short ones do not pay for a spell of three start-ups": ((1, 1, 1, 60), 1),
    "no length is worth more than three start-ups": ((1, 61, 62), 1),
    "three start-ups can be worth it, of a dozen spells": ((2, 3, 5, 8, 10, 13, 16, 20, 25, 31, 41, 60), 60),
}


@pytest.mark.parametrize(("spells", "stay"), CHEAPEST.values(), ids=CHEAPEST)
def test_the_cheapest_stay_for_a_start_up_of_twenty_seconds(spells: tuple[float, ...], stay: float) -> None:
    assert cheapest_stay(spells, 20) == stay


def cost(stay: float, spells: list[float], startup: float) -> float:
    return sum(length if length <= stay else stay + startup for length in spells)


lengths = st.lists(st.integers(1, 400).map(float), min_size=3, max_size=8)
startups = st.integers(1, 100).map(float)


@given(lengths, startups)
def test_no_stay_would_have_cost_less(spells: list[float], startup: float) -> None:
    found = cheapest_stay(spells, startup)
    assert 0 <= found <= 3 * startup
    whole = [cost(float(stay), spells, startup) for stay in range(int(3 * startup) + 1)]
    assert cost(found, spells, startup) == min(whole)
    assert whole.index(min(whole)) == found


@given(lengths, startups)
def test_it_costs_at_most_twice_what_hindsight_would(spells: list[float], startup: float) -> None:
    hindsight = sum(min(length, startup) for length in spells)
    assert cost(cheapest_stay(spells, startup), spells, startup) <= 2 * hindsight


def message(differs: dict[str, Any], memory: Memory, empty: float = 0) -> str:
    """The sentence of a pool with one pod whose queue is empty since so many seconds."""
    one: dict[str, Any] = {"replicas": 1, "reading": reading(0), "scale_down": window(0)}
    step = decide(facts(**one | differs, memory=replace(memory, empty_since=ago(empty)))).last_step
    assert step.reason is Reason.AWAITING_EMPTY_CONFIRMATION
    return step.message


UNKNOWN = "one start-up, for fewer than 3 quiet spells are known"
STAYS: dict[str, tuple[dict[str, Any], Memory, str, str]] = {
    "what the user says holds": ({"scale_to_zero_after_seconds": 7}, learned(5, 5, 5), "12:00:07Z", ""),
    "a minute where workers do not report": ({}, Memory(quiet_spells=(5, 5, 5)), "12:01:00Z", ""),
    "one start-up while few spells are known": (
        {},
        learned(5, 5),
        "12:00:20Z",
        f" (20 s: {UNKNOWN})",
    ),
    "one start-up as declared": (
        {"target": Latency(60, startup_seconds=30)},
        learned(startup=None),
        "12:00:30Z",
        f" (30 s: {UNKNOWN})",
    ),
    "a minute while nothing is known of start-ups": (
        {},
        learned(startup=None),
        "12:01:00Z",
        f" (60 s: {UNKNOWN})",
    ),
    "as long as the short spells": (
        {},
        learned(12, 2400, 11, 10),
        "12:00:12Z",
        " (12 s: the cheapest in the last 4 quiet spells, of 10 s to 40 min, with start-ups of 20 s)",
    ),
    "not at all, when all spells were long": (
        {},
        learned(7200, 7200, 7200),
        "12:00:00Z",
        " (0 s: the cheapest in the last 3 quiet spells, of 2 h, with start-ups of 20 s)",
    ),
    "not at all after one that lasted half a year, either": (
        {},
        learned(120, 18_000_000, 120),
        "12:00:00Z",
        " (0 s: the cheapest in the last 3 quiet spells, of 2 min to 5000 h, with start-ups of 20 s)",
    ),
    "the same for the pods of activeMinReplicas": (
        {"active_min_replicas": 4, "replicas": 4},
        learned(12, 119, 11, 10),
        "12:00:12Z",
        " (12 s: the cheapest in the last 4 quiet spells, of 10 s to 119 s, with start-ups of 20 s)",
    ),
}


@pytest.mark.parametrize(("differs", "memory", "due", "basis"), STAYS.values(), ids=STAYS)
def test_the_last_pod_stays(differs: dict[str, Any], memory: Memory, due: str, basis: str) -> None:
    expected = f"empty since 12:00:00Z: may go to zero at {due}, when seen empty again{basis}"
    assert message(differs, memory) == expected


def test_it_goes_when_the_stay_is_over() -> None:
    one: dict[str, Any] = {"replicas": 1, "reading": reading(0), "scale_down": window(0)}
    for since, left in ((12, 0), (11, 1)):
        memory = learned(12, 2400, 11, 10, empty_since=ago(since))
        assert decide(facts(**one, memory=memory)).replicas == left


def after(differs: dict[str, Any], memory: Memory) -> Memory:
    return decide(
        facts(**{"replicas": 1, "reading": reading(0), "scale_down": window(0)} | differs, memory=memory)
    ).memory


QUIET = learned(7, empty_since=ago(100.04))
SPELLS: dict[str, tuple[dict[str, Any], Memory, tuple[float, ...]]] = {
    "goes on while the queue is empty": ({}, QUIET, (7,)),
    "ends with messages": ({"reading": reading(9)}, QUIET, (7, 100)),
    "ends with one message while there is a pod, which may have handled it by the next reading": (
        {"reading": reading(1)},
        QUIET,
        (7, 100),
    ),
    "ends with one in flight": ({"reading": reading(0, 1)}, QUIET, (7, 100)),
    "ends at zero with three messages": ({"replicas": 0, "reading": reading(3)}, QUIET, (7, 100)),
    "does not end at zero with two messages that may be an error of the counts": (
        {"replicas": 0, "reading": reading(2)},
        QUIET,
        (7,),
    ),
    "ends at zero when a second reading confirms them, with the first": (
        {"replicas": 0, "reading": reading(2)},
        replace(QUIET, activation_pending_since=ago(10)),
        (7, 90),
    ),
    "goes on at zero when a second reading does not confirm them": (
        {"replicas": 0},
        replace(QUIET, activation_pending_since=ago(10)),
        (7,),
    ),
    "ended by a message between two readings, as a worker reports": (
        {"sample": Sample(NOW, last_handled=ago(2)), "target": Latency(60)},
        QUIET,
        (7, 98),
    ),
    "not ended by a report that may be of the message before": (
        {"sample": Sample(NOW, last_handled=ago(75.04)), "target": Latency(60)},
        QUIET,
        (7,),
    ),
    "ended by a report of a moment later": (
        {"sample": Sample(NOW, last_handled=ago(75)), "target": Latency(60)},
        QUIET,
        (7, 25),
    ),
    "one of half a second": ({"reading": reading(9)}, learned(7, empty_since=ago(0.5)), (7, 0.5)),
    "of eight the oldest is forgotten": (
        {"reading": reading(9)},
        learned(*range(8), empty_since=ago(9)),
        (*range(1, 8), 9),
    ),
    "none without an empty reading before": ({"reading": reading(9)}, learned(7), (7,)),
    "none when a queue was not read": ({"readings": (reading(9), None)}, QUIET, (7,)),
    "none of no length": ({"reading": reading(9)}, learned(7, empty_since=NOW), (7,)),
    "none by a clock that was set back": ({"reading": reading(9)}, learned(7, empty_since=ago(-5)), (7,)),
    "none where the user sets the stay": ({"reading": reading(9), "scale_to_zero_after_seconds": 60}, QUIET, (7,)),
    "none where a pod stays anyway": ({"reading": reading(9), "min_replicas": 1}, QUIET, (7,)),
    "one above a minimum that holds while the pool is idle": (
        {"reading": reading(9), "bounds": Bounds(1, 50), "active_min_replicas": 2},
        QUIET,
        (7, 100),
    ),
}


@pytest.mark.parametrize(("differs", "memory", "spells"), SPELLS.values(), ids=SPELLS)
def test_a_quiet_spell(differs: dict[str, Any], memory: Memory, spells: tuple[float, ...]) -> None:
    assert after(differs, memory).quiet_spells == spells


def test_a_spell_goes_on_across_an_error_of_the_counts_and_its_emptiness_too() -> None:
    empty_since, state = ago(60), facts(replicas=0, memory=replace(REPORTING, empty_since=ago(60)))
    for tick, count in enumerate((2, 0, 0, 0, 0, 5)):
        state = seen(state, count, tick)
        assert state.memory.empty_since == (None if count == 5 else empty_since)
    assert state.memory.quiet_spells == (65,)


def seen(state: Facts, count: int, seconds: int) -> Facts:
    """The facts after a tick that read so many messages, with no pods."""
    now = NOW + timedelta(seconds=seconds)
    decision = decide(state._replace(now=now, readings=(reading(count, time=now),)))
    return state._replace(memory=decision.memory)


RECHECKED: dict[str, tuple[dict[str, Any], Memory, float | None]] = {
    "in a moment, where it goes at once": ({"scale_to_zero_after_seconds": 0}, empty(0), 1.5),
    "as soon as the stay is over": ({"scale_to_zero_after_seconds": 7}, empty(4), 3),
    "not sooner than in a moment": ({"scale_to_zero_after_seconds": 7}, empty(6), 1.5),
    "at the usual time, while the stay is longer than until then": ({"scale_to_zero_after_seconds": 7}, empty(2), None),
    "at the usual time, where that is sooner": ({"scale_to_zero_after_seconds": 0, "poll_seconds": 1}, empty(0), None),
    "in a moment, when the reading is older than the end of the stay": (
        {"scale_to_zero_after_seconds": 7, "reading": reading(0, time=ago(2))},
        empty(8),
        1.5,
    ),
    "at the usual time, when it may go": ({"scale_to_zero_after_seconds": 7}, empty(7), None),
    "at the usual time, while it is busy": ({"reading": reading(0, 1)}, empty(60), None),
    "at the usual time, when it may go once its worker is idle": (
        {"scale_to_zero_after_seconds": 7, "pods": pods(0, 1)},
        replace(REPORTING, empty_since=ago(60)),
        None,
    ),
}


@pytest.mark.parametrize(("differs", "memory", "seconds"), RECHECKED.values(), ids=RECHECKED)
def test_an_empty_queue_is_confirmed(differs: dict[str, Any], memory: Memory, seconds: float | None) -> None:
    one: dict[str, Any] = {"replicas": 1, "reading": reading(0), "scale_down": window(0)}
    assert decide(facts(**one | differs, memory=memory)).recheck_seconds == seconds


@given(st.integers(1, 60), st.integers(0, 90), st.floats(0, 4.99))
def test_a_fall_to_zero_takes_one_reading_more_at_most(poll: int, stay: int, lateness: float) -> None:
    """Ticks of an idle pod whose queue is empty from the first on, each read a little after it began."""
    seconds, extra, memory = 0.0, 0, Memory()
    spec: dict[str, Any] = {"scale_to_zero_after_seconds": stay, "poll_seconds": poll, "scale_down": window(0)}
    while True:
        now = NOW + timedelta(seconds=seconds)
        state = facts(replicas=1, reading=reading(0, time=now), **spec)
        decision = decide(state._replace(now=now, memory=memory))
        if decision.replicas == 0:
            break
        soon, usual = decision.recheck_seconds, poll - (seconds + lateness) % poll
        extra += soon is not None
        seconds, memory = seconds + (usual if soon is None else soon), decision.memory
    assert extra <= 1
    assert seconds >= stay - poll / 10
    assert seconds <= max(stay, 1.5) + poll
