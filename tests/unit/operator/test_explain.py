"""`qwp explain` prints the decision that was recorded."""

import json
import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.errors import QueueNotFoundError, SpecInvalidError
from queueworkerpool.explain import Explanation, as_document, as_lines, explain
from queueworkerpool.model import (
    Facts,
    Fallback,
    Memory,
    Mode,
    Observation,
    Pool,
    QueueRef,
    Schedule,
    Target,
    seconds_until_due,
)
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import NOW, SPEC, URL, ago, empty, facts, pods, pool, reading, stabilizing, window
from tests.unit.operator.fakes import observe, status_of, stored, target
from tests.unit.operator.random_states import STATES, states


def recorded(state: Facts) -> tuple[Pool, Target]:
    """A pool whose status the operator wrote in this state, and its Deployment after the write."""
    decision = decide(state)
    size = decision.replicas if state.spec.mode is Mode.ACTIVE else state.replicas
    scaled = target(size, ready_replicas=state.ready, rolling_out=state.rolling_out)
    counts = tuple(QueueNotFoundError("why") if count is None else count for count in state.readings)
    observation = Observation(pool(spec=state.spec), scaled, counts=counts, decision=decision)
    return stored(observation.pool, status_of(observation)), scaled


def explained(now: datetime = NOW, **differs: Any) -> Explanation:
    return explain(*recorded(facts(**differs)), now)


@pytest.mark.endurance
def test_the_account_is_the_recorded_decision_in_ten_thousand_states() -> None:
    reasons = set()
    for state in states(STATES):
        decision, explanation = decide(state), explain(*recorded(state), NOW)
        assert explanation.decision
        trail = [(step.replicas, step.reason, step.message) for step in explanation.decision.trail]
        assert trail == [(step.replicas, step.reason, step.message) for step in decision.trail]
        assert (explanation.changes, explanation.if_decided_now) == ((), None)
        reasons.add(decision.reason)
    # So many states are enough: they end with nearly every reason there is.
    assert len(reasons) >= 18


def test_the_document_and_the_lines_say_the_same() -> None:
    for state in states(1_000):
        explanation = explain(*recorded(state), NOW)
        document, lines = as_document(explanation), as_lines(explanation)
        assert json.loads(json.dumps(document)) == document
        assert document["steps"][-1]["replicas"] == document["desiredReplicas"]
        shown = lines[lines.index("decided:") + 1 :]
        for step, line in zip(document["steps"], shown, strict=False):
            assert line.split() == [str(step["replicas"]), step["reason"], *step["message"].split()]
        [so] = [line for line in lines if line.startswith("so: ")]
        assert so.startswith(f"so: {document['desiredReplicas']} pods, by {document['reason']}")
        assert (document["until"] is None) == (" until " not in so)
        assert ("next reading: within 5 s" in lines) == (document["nextReadingSeconds"] == 5)
        assert ("counted: nothing yet" in lines) == (document["backlog"] is None)
        assert (document["notReady"] is None) == (not lines[1].startswith("not ready: "))
        assert (document["cannotBeKept"] is None) == (not any(line.startswith("cannot be kept: ") for line in lines))


CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any], datetime, str]] = {
    "an edit": ({"generation": 2}, {}, NOW, "the pool was edited"),
    "another writer": ({}, {"replicas": 3}, NOW, "the Deployment asks for 3 pods instead of 10"),
    "a window that is over": ({}, {}, ago(-41), "12:00:40Z has passed"),
    "all of it": (
        {"generation": 2},
        {"replicas": 3},
        ago(-41),
        "the pool was edited; the Deployment asks for 3 pods instead of 10; 12:00:40Z has passed",
    ),
}


@pytest.mark.parametrize(("of_pool", "of_target", "now", "sentence"), CHANGED.values(), ids=CHANGED)
def test_a_change_since_the_decision_is_printed_with_what_would_be_decided_now(
    of_pool: dict[str, Any], of_target: dict[str, Any], now: datetime, sentence: str
) -> None:
    state = facts(reading=reading(0, 20), memory=stabilizing(20, 4))
    found, scaled = recorded(state)
    explanation = explain(replace(found, **of_pool), replace(scaled, **of_target), now)
    lines = as_lines(explanation)
    assert f"since then: {sentence}" in lines
    assert "if decided now, from the same counts:" in lines
    replicas = of_target.get("replicas", 10)
    again = decide(state._replace(now=now, replicas=replicas, memory=found.status.memory))
    assert explanation.if_decided_now == again.trail
    assert lines[lines.index("decided:") + 1].split()[:2] == ["4", "SizedByBacklog"], "the recorded decision stays"


def test_a_new_decision_says_that_it_asked_no_worker() -> None:
    busy = facts(
        reading=reading(0, 5), scale_down=window(0), pods=pods(4, 6), memory=Memory(workers=WorkerEstimates(None, 4))
    )
    found, scaled = recorded(busy)
    lines = as_lines(explain(replace(found, generation=2), scaled, NOW))
    assert "so: 6 pods, by WaitingForIdleWorkers until 13:00:00Z" in lines
    assert "  busy workers may keep more pods: they were not asked" in lines


def test_with_an_unreadable_queue_there_is_no_new_decision() -> None:
    found, scaled = recorded(facts(readings=(reading(0, 5), None)))
    explanation = explain(replace(found, generation=2), scaled, NOW)
    assert explanation.changes == ("the pool was edited",)
    assert explanation.if_decided_now is None


def test_counts_that_cannot_be_renewed_are_printed_as_old() -> None:
    found, scaled = recorded(facts(reading=reading(0, 5)))
    half = Observation(found, scaled, counts=(QueueNotFoundError("why"),), decision=decide(facts(reading=None)))
    lines = as_lines(explain(stored(found, status_of(half)), scaled, ago(-60)))
    assert "not ready: why" in lines
    [counted] = [line for line in lines if line.startswith("counted: ")]
    assert counted.endswith("unchanged for 60 s; load 5; not every queue can be read since")


def test_an_invalid_schedule_is_not_explained() -> None:
    schedule = Schedule("office", "0 8 * * 1-5", 60, "Nowhere/Land", min_replicas=5)
    with pytest.raises(SpecInvalidError, match="Nowhere/Land"):
        explain(pool(spec=replace(SPEC, schedules=(schedule,))), target(), NOW)


READINGS = "readings: 0.21 USD a month, 1 queue every 5 s"
NOTHING = "idle: no pods, and nothing in the queues"
NO_DEPLOYMENT = "there is no Deployment thumbnailer in this namespace: create it, or correct spec.scaleTargetRef.name"


def test_a_pool_without_a_decision_says_why() -> None:
    missing = observe(target=None, counts=(), decision=None)
    found = stored(pool(), status_of(missing))
    assert as_lines(explain(found, target(), NOW)) == [
        "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
        f"not ready: {NO_DEPLOYMENT}",
        "counted: nothing yet",
        "decided: nothing yet",
        "next reading: within 5 s",
        READINGS,
    ]


WAITING = (
    "500 messages wait, more than half of the 40 that ready pods can handle at once: until fewer do,"
    " or most workers report idle, or 13:00:00Z"
)
ACCOUNTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a size that the load calls for": (
        {"reading": reading(55, 40, 7, ago(3))},
        [
            "Deployment thumbnailer: 19 pods, 10 ready, 0 to 50 allowed; mode Active",
            "counted: 55 visible, 40 in flight, 7 delayed, unchanged for 3 s; load 95",
            "decided:",
            "      19  SizedByBacklog  95 messages / 5 per pod = 19 pods",
            "so: 19 pods, by SizedByBacklog",
            "next reading: within 5 s",
            READINGS,
        ],
    ),
    "a scale-down stabilization, and when it ends": (
        {"reading": reading(0, 20), "memory": stabilizing(20, 4)},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
            "counted: 0 visible, 20 in flight, 0 delayed, unchanged for 0 s; load 20",
            "decided:",
            "       4  SizedByBacklog       20 messages / 5 per pod = 4 pods",
            "      10  ScaleDownStabilized  fewer pods are recommended since 11:59:40Z: may scale in at 12:00:40Z",
            "so: 10 pods, by ScaleDownStabilized until 12:00:40Z",
            "next reading: within 5 s",
            READINGS,
        ],
    ),
    "a latency that is below the start-up time": (
        {"target": Latency(60), "reading": reading(500), "memory": Memory(workers=WorkerEstimates(2.0, 4.0, 120.0))},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
            "cannot be kept: pods take 120 s to start, so the least latency that can be promised is more than 120 s",
            "counted: 500 visible, 0 in flight, 0 delayed, unchanged for 0 s; load 500",
            "decided:",
            "       3  SizedByLatency   500 messages x 2 s / (4 per pod x 120 s) = 3 pods",
            f"      10  MessagesWaiting  {WAITING}",
            "so: 10 pods, by MessagesWaiting until 13:00:00Z",
            "next reading: within 5 s",
            READINGS,
        ],
    ),
    "a pause": (
        {"mode": Mode.PAUSED, "readings": ()},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Paused",
            "counted: nothing yet",
            "decided:",
            "      10  Paused  spec.mode is Paused",
            "so: 10 pods, by Paused",
        ],
    ),
    "an active minimum": (
        {"replicas": 4, "reading": reading(0, 4), "active_min_replicas": 4},
        [
            "Deployment thumbnailer: 4 pods, 4 ready, 0 to 50 allowed, at least 4 while not idle; mode Active",
            "counted: 0 visible, 4 in flight, 0 delayed, unchanged for 0 s; load 4",
            "decided:",
            "       1  SizedByBacklog  4 messages / 5 per pod = 1 pods",
            "       4  ActiveMinimum   not idle, and activeMinReplicas is 4",
            "so: 4 pods, by ActiveMinimum",
            "next reading: within 5 s",
            READINGS,
        ],
    ),
    "an idle pool, and when its queue is due next": (
        {"replicas": 0, "reading": reading(time=ago(200)), "memory": empty(400), "idle_poll_seconds": 300},
        [
            "Deployment thumbnailer: 0 pods, 0 ready, 0 to 50 allowed; mode Active",
            "counted: 0 visible, 0 in flight, 0 delayed, unchanged for 200 s; load 0",
            "decided:",
            "       0  SizedByBacklog  0 messages / 5 per pod = 0 pods",
            "so: 0 pods, by SizedByBacklog",
            f"{NOTHING} since 11:53:20Z: read every 300 s (idlePollSeconds) and not every 5 s",
            "next reading: within 187 s",
            "readings: 0.0035 USD a month, 1 queue every 300 s",
        ],
    ),
    "a queue that cannot be read": (
        {"reading": None, "fallback": Fallback(300, 20, only_if_higher=True)},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
            "not ready: why",
            "counted: nothing yet",
            "decided:",
            "      10  QueueUnreadable  no queue could be read, so the size stays as it is",
            "so: 10 pods, by QueueUnreadable until 12:05:00Z",
            "next reading: within 5 s",
            READINGS,
        ],
    ),
}


@pytest.mark.parametrize(("differs", "lines"), ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_the_account_of(differs: dict[str, Any], lines: list[str]) -> None:
    assert as_lines(explained(**differs)) == lines


def test_a_reading_from_a_faster_clock_is_not_negative_seconds_old() -> None:
    assert "unchanged for 0 s" in as_lines(explained(reading=reading(1, time=ago(-5))))[1]


def test_the_document_has_every_number() -> None:
    document = as_document(explained(replicas=1, reading=reading(0), memory=empty(20), scale_down=window(0)))
    assert document == {
        "replicas": 1,
        "readyReplicas": 1,
        "minReplicas": 0,
        "maxReplicas": 50,
        "activeMinReplicas": None,
        "schedules": [],
        "mode": "Active",
        "pausedUntil": None,
        "notReady": None,
        "cannotBeKept": None,
        "backlog": {"visible": 0, "inFlight": 0, "delayed": 0, "total": 0, "time": "2026-11-23T12:00:00Z"},
        "desiredReplicas": 1,
        "reason": "AwaitingEmptyConfirmation",
        "until": "2026-11-23T12:00:40Z",
        "steps": [
            {"replicas": 0, "reason": "SizedByBacklog", "message": "0 messages / 5 per pod = 0 pods", "until": None},
            {
                "replicas": 1,
                "reason": "AwaitingEmptyConfirmation",
                "message": "empty since 11:59:40Z: may go to zero at 12:00:40Z, when seen empty again",
                "until": "2026-11-23T12:00:40Z",
            },
        ],
        "changesSince": [],
        "ifDecidedNow": None,
        "nextReadingSeconds": 5,
        "idle": False,
        "readingIntervalSeconds": 5,
        "readingsMonthlyCostUSD": 0.20736,
    }


def test_the_next_reading_of_an_idle_pool_is_the_first_look_after_a_queue_is_due() -> None:
    others = tuple(QueueRef(f"{URL}-{number}") for number in range(3))
    idle: dict[str, Any] = {"replicas": 0, "reading": reading(), "memory": empty(400), "idle_poll_seconds": 300}
    due = [seconds_until_due(300, queue.url, NOW) for queue in others]
    document = as_document(explained(**idle, queues=others))
    assert document["nextReadingSeconds"] == math.ceil(min(due)) + 5
    assert (document["idle"], document["readingIntervalSeconds"]) == (True, 300)
    assert document["readingsMonthlyCostUSD"] == pytest.approx(3 * 0.003456)


def test_a_pause_with_an_end_is_told_with_its_end_and_afterwards_as_over() -> None:
    paused, scaled = recorded(facts(mode=Mode.PAUSED, paused_until=ago(-60), readings=()))
    stored_pool = replace(paused, spec=replace(paused.spec, mode=Mode.ACTIVE))
    explanation = explain(stored_pool, scaled, NOW)
    assert as_lines(explanation) == [
        "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Paused until 2026-11-23T12:01:00Z",
        "counted: nothing yet",
        "decided:",
        "      10  Paused  spec.pausedUntil is 2026-11-23T12:01:00Z",
        "so: 10 pods, by Paused until 12:01:00Z",
    ]
    document = as_document(explanation)
    assert (document["mode"], document["pausedUntil"]) == ("Paused", "2026-11-23T12:01:00Z")
    over = explain(stored_pool, scaled, ago(-61))
    assert (over.changes, as_document(over)["mode"]) == (("12:01:00Z has passed",), "Active")
