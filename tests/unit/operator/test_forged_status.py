"""A forged status: whatever it claims, the tick succeeds, stays in the bounds, and writes short printable texts."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.model import BusyWorkers, PoolSpec
from queueworkerpool.sizing import Latency
from tests.unit.operator.builders import NOW, SPEC, URL, pool, reading
from tests.unit.operator.fakes import FakeDependencies, target

# What the CRD's schema allows: date-times without a zone, numbers that make no sense.
TIMES = st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-11-23T12:00:00",
        "2026-11-23T11:59:59Z",
        "2026-11-23t12:00:00z",
        "2026-13-45T99:99:99Z",
        "now",
        "",
    ]
)
COUNTS = st.one_of(st.integers(-(2**31), 2**31 - 1), st.sampled_from([0, 1, -1]))
NUMBERS = st.one_of(
    st.floats(), st.integers(-(2**70), 2**70), st.sampled_from([0, -1, 1e308, 1e-308, True, "4", None, float("nan")])
)
WORDS = st.one_of(st.text(max_size=50), st.sampled_from(["\x1b[2J", "a\nReady: True", "%s%n{0}", "x" * 100_000]))


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


STEP = st.fixed_dictionaries({"since": TIMES, "highest": COUNTS})
MEMORY = some(
    scaleDownStabilization=st.fixed_dictionaries(
        {"since": TIMES, "highest": COUNTS}, optional={"pausedSince": TIMES, "lower": st.lists(STEP, max_size=9)}
    ),
    belongsTo=some(poolUID=WORDS, targetUID=WORDS, queues=WORDS),
    scaleUpStabilization=st.fixed_dictionaries({"since": TIMES, "lowest": COUNTS}),
    changes=st.lists(st.fixed_dictionaries({"time": TIMES, "by": COUNTS}, optional={"since": TIMES}), max_size=3),
    emptySince=TIMES,
    activationPendingSince=TIMES,
    unreadableSince=TIMES,
    waitingSince=TIMES,
    heldSince=TIMES,
    competingWriter=st.fixed_dictionaries({"manager": WORDS, "writes": COUNTS, "lastTime": TIMES}),
    quietSpells=st.lists(NUMBERS, max_size=9),
    workers=some(
        serviceSeconds=NUMBERS,
        concurrency=NUMBERS,
        startupSeconds=NUMBERS,
        serviceMessages=NUMBERS,
        startupChanges=NUMBERS,
        serviceSecondsBefore=NUMBERS,
    ),
)
BACKLOG = some(visible=COUNTS, inFlight=COUNTS, delayed=COUNTS, total=COUNTS, time=TIMES)
CONDITION = st.fixed_dictionaries(
    {"type": WORDS, "status": st.just("True"), "reason": WORDS, "message": WORDS, "lastTransitionTime": TIMES}
)
STATUS = some(
    memory=MEMORY,
    backlog=BACKLOG,
    lastScaleTime=TIMES,
    desiredReplicas=COUNTS,
    replicas=COUNTS,
    conditions=st.lists(CONDITION, max_size=3),
    lastDecision=some(reason=WORDS, message=WORDS),
)
SPECS = st.sampled_from(
    [{}, {"target": Latency(60)}, {"busy_workers": BusyWorkers.DRAIN}, {"min_replicas": 3, "max_replicas": 12}]
)


@given(STATUS, SPECS, st.sampled_from([0, 1, 40, 10**9]), st.sampled_from([0, 10]))
async def test_a_forged_status_fails_no_tick_and_moves_no_pool_out_of_its_bounds(
    status: dict[str, Any], differs: dict[str, Any], visible: int, replicas: int
) -> None:
    await survive(status, replace(SPEC, **differs), visible, replicas)


async def survive(status: dict[str, Any], spec: PoolSpec, visible: int, replicas: int) -> None:
    writer = ("kubectl", NOW)
    fake = FakeDependencies(
        pool(spec=spec, status=status), target(replicas, writer=writer), queues={URL: reading(visible)}
    )
    for _ in range(2):
        await fake.tick()
        fake.later(20)
    assert fake.sizes[0] in {replicas, *range(spec.min_replicas, spec.max_replicas + 1)}
    texts = [held["message"] for held in fake.status["conditions"]] + [event.message for event in fake.events]
    assert all(len(text) < 1024 and text.isprintable() for text in texts)


def competing(manager: str = "keda", last: str = "2026-11-23T11:59:59Z") -> dict[str, Any]:
    return {"memory": {"competingWriter": {"manager": manager, "writes": 3, "lastTime": last}}, "lastScaleTime": last}


FORGED: dict[str, dict[str, Any]] = {
    "a competing writer of the year 9999": competing(last="9999-12-31T23:59:59.999999Z"),
    "a competing writer of the year 9999, in another zone": competing(last="9999-12-31T23:59:59-14:00"),
    "a competing writer without a zone": competing(last="2026-11-23T11:59:59"),
    "a competing writer of the year 0, which the API server accepts": competing(last="0000-01-01T00:00:00Z"),
    "a competing writer that clears the screen": competing("\x1b[2J"),
    "a competing writer on two lines": competing("keda\nReady: True"),
    "a competing writer with a very long name": competing("x" * 100_000),
    "workers with a huge service time": {"memory": {"workers": {"serviceSeconds": 1e308}}},
    "workers with an infinite service time": {"memory": {"workers": {"serviceSeconds": float("inf")}}},
    "workers that are not a number": {
        "memory": {"workers": {"serviceSeconds": float("nan"), "concurrency": float("nan")}}
    },
    "workers with next to no concurrency": {"memory": {"workers": {"concurrency": 1e-308}}},
    "workers with negative numbers": {"memory": {"workers": {"serviceSeconds": -1, "concurrency": -1}}},
    "a backlog of the year 0": {"backlog": {"visible": 1, "time": "0000-01-01T00:00:00Z"}},
}


@pytest.mark.parametrize("status", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("differs", [{}, {"target": Latency(60)}], ids=["messages", "latency"])
async def test_a_tick_survives(status: dict[str, Any], differs: dict[str, Any]) -> None:
    for visible in (0, 1, 40, 10**9):
        await survive(status, replace(SPEC, **differs), visible, replicas=10)
