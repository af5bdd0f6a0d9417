"""What people are told of a decision is the decision."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.errors import QueueNotFoundError, SpecInvalidError
from queueworkerpool.explain import as_document, as_lines, explain, told_facts
from queueworkerpool.model import (
    Bounds,
    Change,
    CompetingWriter,
    Facts,
    Fallback,
    InFlight,
    Memory,
    Mode,
    QueueReading,
    ScaleDownStabilization,
    ScaleUpStabilization,
    ScalingRules,
    Select,
)
from queueworkerpool.names import Reason
from queueworkerpool.report.status import next_status
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import (
    NOW,
    SPEC,
    ago,
    empty,
    facts,
    invalid_pool,
    percent_policy,
    pods,
    pods_policy,
    pool,
    reading,
    stabilizing,
    window,
)
from tests.unit.operator.fakes import observe, target

STATES = 10_000


def maybe(random: Random, value: Any) -> Any:
    return value if random.random() < 0.4 else None


def any_rules(random: Random) -> ScalingRules:
    several = (pods_policy(random.randint(1, 9), random.randint(1, 600)), percent_policy(random.randint(1, 100), 60))
    return ScalingRules(
        random.choice((None, 0, 30, 300)),
        random.choice((Select.MAX, Select.MAX, Select.MIN, Select.DISABLED)),
        several[: random.randint(0, 2)],
        random.choice((0.0, 0.0, 0.1)),
    )


def any_memory(random: Random, replicas: int) -> Memory:
    def time() -> Any:
        return ago(random.randint(-30, 700))

    return Memory(
        scale_down_stabilization=maybe(random, ScaleDownStabilization(time(), random.randint(0, replicas))),
        scale_up_stabilization=maybe(random, ScaleUpStabilization(time(), replicas + random.randint(0, 9))),
        changes=tuple(Change(time(), random.randint(-5, 5)) for _ in range(random.randint(0, 2))),
        empty_since=maybe(random, time()),
        activation_pending_since=maybe(random, time()),
        unreadable_since=maybe(random, time()),
        waiting_since=maybe(random, time()),
        competing_writer=maybe(random, CompetingWriter("keda", random.randint(1, 4), time())),
        workers=WorkerEstimates(maybe(random, 0.5), maybe(random, 4.0), maybe(random, 70.0)),
    )


def any_readings(random: Random) -> tuple[QueueReading | None, ...]:
    load = random.choice((0, 2, 60, 500))
    known = [
        QueueReading(
            random.randint(0, load), random.randint(0, load), random.randint(0, load), ago(random.randint(0, 9))
        )
        for _ in range(random.randint(1, 3))
    ]
    return tuple(None if random.random() < 0.15 else count for count in known)


def any_state(random: Random) -> Facts:
    """A state, drawn without hypothesis: it would take half a minute for so many."""
    replicas, low = random.choice((0, 1, 10, 40)), random.choice((0, 0, 2))
    spec = replace(
        SPEC,
        target=random.choice((1, 5, 100, Latency(60, maybe(random, 0.5), maybe(random, 20)))),
        in_flight=random.choice(list(InFlight)),
        count_delayed=random.random() < 0.5,
        activation_messages=random.choice((0, 0, 3)),
        scale_up=any_rules(random),
        scale_down=any_rules(random),
        fallback=maybe(random, Fallback(300, random.randint(0, 60), only_if_higher=random.random() < 0.5)),
        mode=random.choice((Mode.ACTIVE, Mode.ACTIVE, Mode.ACTIVE, Mode.DRY_RUN, Mode.PAUSED)),
    )
    calm = Facts(
        spec,
        Bounds(low, random.choice((30, 100)), random.choice(((), ("day",)))),
        replicas,
        any_readings(random),
        any_memory(random, replicas),
        NOW,
    )
    return replace(
        calm,
        ready=random.randint(0, replicas),
        rolling_out=random.random() < 0.1,
        writer=maybe(random, ("keda", ago(random.randint(0, 60)))),
        pods=maybe(random, pods(idle=replicas // 2, busy=replicas - replicas // 2)),
    )


def states(number: int) -> Iterator[Facts]:
    random = Random(20261123)
    return (any_state(random) for _ in range(number))


def test_explanation_and_decision_agree_in_ten_thousand_states() -> None:
    reasons = set()
    for state in states(STATES):
        told, decision = explain(state), decide(state)
        assert (told.replicas, told.steps) == (decision.replicas, decision.trail)
        assert told.limit in {None, decision.trail[-1]}
        reasons.add(decision.reason)
    # The states are worth their number: nearly every reason there is has been among them.
    assert len(reasons) >= 18


def test_the_document_and_the_lines_tell_the_same() -> None:
    for state in states(1_000):
        told = explain(state)
        document, lines = as_document(told), as_lines(told)
        assert json.loads(json.dumps(document)) == document
        assert document["steps"][-1]["replicas"] == document["desiredReplicas"] == told.replicas
        for step, line in zip(document["steps"], lines[3:], strict=False):
            assert line.split() == [str(step["replicas"]), step["reason"], *step["message"].split()]
        [so] = [line for line in lines if line.startswith("so: ")]
        assert so.startswith(f"so: {document['desiredReplicas']} pods, ")
        assert (document["limitedBy"] or "which the load calls for") in so
        assert (document["until"] is None) == (" until " not in so)
        assert ("next reading: within 5 s" in lines) == (document["nextReadingSeconds"] == 5)
        assert ("seen: nothing, the queues are not read or could not be" in lines) == (document["backlog"] is None)


def told_again(state: Facts) -> Facts:
    """What the status that the operator wrote of a state tells afterwards, once the size was written."""
    decision = decide(state)
    counts = tuple(QueueNotFoundError("why") if count is None else count for count in state.readings)
    observation = observe(pool=pool(spec=state.spec), target=target(state.replicas), counts=counts, decision=decision)
    stored = replace(observation.pool, status=next_status(observation, NOW))
    size = decision.replicas if state.spec.mode is Mode.ACTIVE else state.replicas
    return told_facts(stored, target(size, ready_replicas=state.ready, rolling_out=state.rolling_out), NOW)


def test_the_status_tells_enough_to_come_to_the_same_decision() -> None:
    for state in states(2_000):
        # Bounds come from the spec here, and what workers answer is not stored; a half-blind pool is a test of its own.
        bounds = Bounds(state.spec.min_replicas, state.spec.max_replicas)
        plain = replace(state, bounds=bounds, pods=None, memory=replace(state.memory, waiting_since=None))
        if plain.known is None or plain.all_read:
            assert decide(told_again(plain)).replicas == decide(plain).replicas


def test_pods_that_wait_for_idle_workers_are_told_again() -> None:
    state = facts(
        reading=reading(0, 5),
        scale_down=window(0),
        pods=pods(4, 6),
        memory=Memory(workers=WorkerEstimates(concurrency=4)),
    )
    again = explain(told_again(state))
    assert (again.replicas, again.limit and again.limit.reason) == (6, Reason.WAITING_FOR_IDLE_WORKERS)


def test_a_backlog_of_which_a_part_is_unknown_is_told_to_lower_nothing() -> None:
    told = observe({"reading": reading(0, 5), "scale_down": window(0)})
    before = next_status(told, NOW)
    half = observe(
        {"readings": (reading(0, 5), None), "scale_down": window(0)},
        pool=replace(told.pool, status=before),
        counts=(reading(0, 5), QueueNotFoundError("why")),
    )
    stored = replace(half.pool, status=next_status(half, NOW))
    assert explain(told_facts(stored, target(), NOW)).steps[-1].reason is Reason.QUEUE_UNREADABLE


def test_a_spec_that_makes_no_sense_is_not_explained() -> None:
    with pytest.raises(SpecInvalidError, match="why"):
        told_facts(invalid_pool(), target(), NOW)


def test_a_pool_that_was_never_decided_on_has_seen_nothing() -> None:
    told = explain(told_facts(pool(), target(), NOW))
    assert (told.replicas, told.limit and told.limit.reason) == (10, Reason.QUEUE_UNREADABLE)


ACCOUNTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a size that the load calls for": (
        {"reading": reading(55, 40, 7, ago(3))},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
            "seen: 55 visible, 40 in flight, 7 delayed, 3 s ago; load 95",
            "steps:",
            "      19  SizedByBacklog  95 messages / 5 per pod = 19 pods",
            "so: 19 pods, which the load calls for",
            "next reading: within 5 s",
        ],
    ),
    "a lull, and when it ends": (
        {"reading": reading(0, 20), "memory": stabilizing(20, 4)},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
            "seen: 0 visible, 20 in flight, 0 delayed, 0 s ago; load 20",
            "steps:",
            "       4  SizedByBacklog       20 messages / 5 per pod = 4 pods",
            "      10  ScaleDownStabilized  fewer pods are wished for since 11:59:40Z: may scale in at 12:00:40Z",
            "so: 10 pods, by ScaleDownStabilized until 12:00:40Z",
            "next reading: within 5 s",
        ],
    ),
    "a pause": (
        {"mode": Mode.PAUSED, "readings": ()},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Paused",
            "seen: nothing, the queues are not read or could not be",
            "steps:",
            "      10  Paused  spec.mode is Paused",
            "so: 10 pods, by Paused",
        ],
    ),
    "blindness": (
        {"reading": None, "fallback": Fallback(300, 20, only_if_higher=True)},
        [
            "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
            "seen: nothing, the queues are not read or could not be",
            "steps:",
            "      10  QueueUnreadable  no queue could be read, so the size stays as it is",
            "so: 10 pods, by QueueUnreadable until 12:05:00Z",
            "next reading: within 5 s",
        ],
    ),
}


@pytest.mark.parametrize(("differs", "lines"), ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_the_account_of(differs: dict[str, Any], lines: list[str]) -> None:
    assert as_lines(explain(facts(**differs))) == lines


def test_a_reading_from_a_faster_clock_is_not_negative_seconds_old() -> None:
    assert "0 s ago" in as_lines(explain(facts(reading=reading(1, time=ago(-5)))))[1]


def test_the_document_has_every_number() -> None:
    assert as_document(explain(facts(replicas=1, reading=reading(0), memory=empty(20), scale_down=window(0)))) == {
        "replicas": 1,
        "readyReplicas": 1,
        "minReplicas": 0,
        "maxReplicas": 50,
        "schedules": [],
        "mode": "Active",
        "backlog": {"visible": 0, "inFlight": 0, "delayed": 0, "total": 0, "time": "2026-11-23T12:00:00Z"},
        "desiredReplicas": 1,
        "steps": [
            {"replicas": 0, "reason": "SizedByBacklog", "message": "0 messages / 5 per pod = 0 pods", "until": None},
            {
                "replicas": 1,
                "reason": "AwaitingEmptyConfirmation",
                "message": "empty since 11:59:40Z: may go to zero at 12:00:40Z, when seen empty again",
                "until": "2026-11-23T12:00:40Z",
            },
        ],
        "limitedBy": "AwaitingEmptyConfirmation",
        "until": "2026-11-23T12:00:40Z",
        "nextReadingSeconds": 5,
    }


def test_what_time_ends_is_over_when_it_is_told_to_be() -> None:
    waiting = facts(reading=reading(0, 20), memory=stabilizing(20, 4))
    until = explain(waiting).until
    assert until == NOW + timedelta(seconds=40)
    assert explain(replace(waiting, now=until, readings=(reading(0, 20, time=until),))).replicas == 4
