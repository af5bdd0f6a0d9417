"""A memory is of one pool, one Deployment and its queues: with another one it starts anew."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.gather import gather
from queueworkerpool.model import (
    Change,
    CompetingWriter,
    Fallback,
    Memory,
    MemoryOwner,
    PoolStatus,
    QueueRef,
    ScaleDownStabilization,
    ScaleUpStabilization,
    Target,
    digest,
)
from queueworkerpool.names import Reason
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, SPEC, URL, ago, facts, pods_policy, pool, reading, rules, window
from tests.unit.operator.fakes import FakeDependencies, target

OTHER_URL = URL.replace("thumbnails", "invoices")
OWNER = MemoryOwner("uid-1", "target-1", digest(SPEC.queues))
FULL = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(900), 2),
    scale_up_stabilization=ScaleUpStabilization(ago(900), 200),
    changes=(Change(ago(5), 30),),
    empty_since=ago(900),
    activation_pending_since=ago(900),
    unreadable_since=ago(900),
    waiting_since=ago(900),
    competing_writer=CompetingWriter("keda", 3, ago(5)),
    workers=WorkerEstimates(2, 4, 20),
    quiet_spells=(12.5, 2400),
    belongs_to=OWNER,
)
OF_TARGET = Memory(
    changes=FULL.changes,
    waiting_since=FULL.waiting_since,
    competing_writer=FULL.competing_writer,
    workers=FULL.workers,
)

OWNERS: dict[str, tuple[MemoryOwner | None, MemoryOwner, Memory]] = {
    "the same": (OWNER, OWNER, FULL),
    "not known, as an older operator left it": (None, OWNER, FULL),
    "known in part": (MemoryOwner(target_uid="target-1"), OWNER, FULL),
    "another Deployment, or a recreated one": (
        OWNER,
        OWNER._replace(target_uid="target-2"),
        Memory(unreadable_since=ago(900), quiet_spells=FULL.quiet_spells),
    ),
    "other queues": (OWNER, OWNER._replace(queues="others"), OF_TARGET),
    "another pool, whose status was restored from a copy": (OWNER, OWNER._replace(pool_uid="uid-2"), Memory()),
    "all of them": (OWNER, MemoryOwner("a", "b", "c"), Memory()),
}


@pytest.mark.parametrize(("before", "owner", "memory"), OWNERS.values(), ids=OWNERS)
def test_what_is_kept(before: MemoryOwner | None, owner: MemoryOwner, memory: Memory) -> None:
    assert replace(FULL, belongs_to=before).of(owner) == replace(memory, belongs_to=owner)


def test_queues_are_the_same_in_any_order_and_others_by_url_or_region() -> None:
    one, two = QueueRef(URL), QueueRef(OTHER_URL)
    assert digest((one, two)) == digest((two, one))
    assert len({digest((one,)), digest((two,)), digest((one, two)), digest((QueueRef(URL, "us-east-1"),))}) == 4


@pytest.mark.parametrize("raw", [None, 5, "x", [], {"poolUID": 7, "targetUID": None}, {"queues": "x" * 10**6}])
def test_whatever_stands_in_the_status_can_be_parsed(raw: Any) -> None:
    parsed = Memory.parse({"belongsTo": raw, "emptySince": "2026-11-23T11:59:00Z"})
    assert parsed.empty_since == ago(60)
    assert len(str(parsed.dump())) < 400


def remembering(memory: Memory, **status: Any) -> PoolStatus:
    return PoolStatus.parse({"replicas": 10, "memory": memory.dump()} | status)


def test_a_recreated_deployment_is_nobodys_change_and_nobody_competes_for_it() -> None:
    status = remembering(FULL, lastScaleTime="2026-11-23T11:59:00Z")
    for writer in (("queueworkerpool", ago(1)), ("kubectl", ago(1))):
        found = gather(pool(status=status), target(40, uid="target-2", writer=writer), (reading(5),), NOW)
        assert (found.memory.changes, found.writer) == ((), None)


async def test_a_recreated_deployment_grows_no_faster_than_allowed_and_shrinks_after_its_own_window() -> None:
    limited = replace(SPEC, max_replicas=500, scale_up=rules(pods_policy(10, 60)), scale_down=window(300))
    memory = replace(FULL, changes=(Change(ago(5), -180),), competing_writer=None, unreadable_since=None)
    fake = FakeDependencies(
        pool(spec=limited, status=remembering(memory)),
        target(10, uid="target-2"),
        queues={URL: reading(0, 1000)},
    )
    await fake.tick()
    assert fake.sizes[0] == 20

    fake = FakeDependencies(
        pool(spec=limited, status=remembering(memory)), target(40, uid="target-2"), queues={URL: reading(0, 10)}
    )
    await fake.tick()
    assert (fake.sizes[0], fake.status["lastDecision"]["reason"]) == (40, Reason.SCALE_DOWN_STABILIZED)


async def test_the_time_of_the_last_scale_is_that_of_the_same_deployment() -> None:
    status = remembering(FULL, lastScaleTime="2026-11-23T11:59:00Z")
    fake = FakeDependencies(pool(status=status), target(10, uid="target-2"))
    await fake.tick()
    assert "lastScaleTime" not in fake.status
    assert fake.status["memory"]["belongsTo"]["targetUID"] == "target-2"


async def test_another_queue_needs_two_readings_for_zero() -> None:
    spec = replace(SPEC, queues=(QueueRef(OTHER_URL),), scale_down=window(0))
    status = remembering(Memory(empty_since=ago(900), belongs_to=OWNER))
    fake = FakeDependencies(pool(spec=spec, status=status), target(10, uid="target-1"), queues={OTHER_URL: reading(0)})
    await fake.tick()
    assert (fake.sizes[0], fake.status["lastDecision"]["reason"]) == (1, Reason.AWAITING_EMPTY_CONFIRMATION)


def test_the_uid_of_a_deployment_is_parsed() -> None:
    body = {"metadata": {"uid": "target-1", "resourceVersion": "5"}, "spec": {"replicas": 3}}
    assert Target.parse(body).uid == "target-1"


BLIND: dict[str, dict[str, Any]] = {
    "a queue of two": {"readings": (reading(0, 240), None)},
    "every queue, with a fallback": {
        "readings": (None, None),
        "fallback": Fallback(300, 48, only_if_higher=False),
    },
}


@pytest.mark.parametrize("blind", BLIND.values(), ids=BLIND)
def test_a_window_survives_blindness(blind: dict[str, Any]) -> None:
    """From 10 pods to 48 while it could not be read, and not down to 2 before a window of its own is over."""
    long_ago = Memory(ScaleDownStabilization(ago(900), 2), unreadable_since=ago(900))
    raised = decide(facts(scale_down=window(300), memory=long_ago, **blind))
    assert raised.replicas == 48
    seen = facts(scale_down=window(300), replicas=48, memory=raised.memory, readings=(reading(0, 10), reading(0)))
    held = decide(seen)
    assert (held.replicas, held.last_step.until) == (48, ago(-300))
