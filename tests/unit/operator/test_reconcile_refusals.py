"""One tick in which the API server refuses a write: the user is told what was read, decided and refused."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import ClusterError, ClusterRefusedError
from queueworkerpool.model import Event
from queueworkerpool.names import ConditionType, EventType, Reason
from tests.unit.operator.builders import SPEC, URL, pods, pods_policy, pool, reading, rules, window
from tests.unit.operator.fakes import FakeDependencies, condition

POLICY = "budget: no more than 3 replicas in this namespace"
REFUSED = ClusterRefusedError(POLICY)
REPORTING: dict[str, Any] = {"memory": {"workers": {"concurrency": 4.0}}}
LIMITED = replace(SPEC, scale_up=rules(pods_policy(20, 60)))


def refused(**differs: Any) -> FakeDependencies:
    """A pool that should grow from 10 to 20 pods, and may not."""
    calm: dict[str, Any] = {"queues": {URL: reading(100)}, "broken": {"scale": REFUSED}}
    return FakeDependencies(**calm | differs)


async def ticks(fake: FakeDependencies, count: int) -> None:
    for _ in range(count):
        await fake.tick()
        fake.later(60)


async def test_the_status_says_what_was_read_and_decided_and_what_was_refused() -> None:
    fake = refused()
    await fake.tick()
    assert fake.sizes == (10, 500)
    status = fake.status
    assert (status["backlog"]["total"], status["desiredReplicas"], status["replicas"]) == (100, 20, 10)
    assert fake.status["lastDecision"]["reason"] == Reason.SIZED_BY_BACKLOG
    for kind in (ConditionType.READY, ConditionType.ABLE_TO_SCALE):
        told = condition(fake.status, kind)
        assert (told["status"], told["reason"], told["message"]) == ("False", "FailedUpdateScale", POLICY)
    assert "lastScaleTime" not in fake.status
    assert (fake.count("scale_writes_total", direction="up") or 0, fake.count("desired_replicas")) == (0, 20)


async def test_a_lasting_refusal_is_one_event_and_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    fake = refused()
    with caplog.at_level(logging.WARNING):
        await ticks(fake, 5)
    assert fake.events == [Event(EventType.WARNING, Reason.FAILED_UPDATE_SCALE, POLICY)]
    assert [record.message for record in caplog.records] == ["size refused"]


async def test_when_the_refusal_ends_the_size_is_written_and_the_conditions_say_so() -> None:
    fake = refused()
    await ticks(fake, 2)
    fake.broken.clear()
    await fake.tick()
    assert fake.sizes == (20, 501)
    kinds = (ConditionType.READY, ConditionType.ABLE_TO_SCALE)
    assert [condition(fake.status, kind)["status"] for kind in kinds] == ["True", "True"]


async def test_a_change_that_was_refused_does_not_count_for_the_policies() -> None:
    """Twenty pods a minute are allowed; had the refused change counted, none would be left."""
    fake = refused(stored=pool(spec=LIMITED))
    await fake.tick()
    assert "changes" not in fake.status["memory"]
    fake.broken.clear()
    fake.later(5)
    fake.queues = {URL: reading(1000)}
    await fake.tick()
    assert fake.sizes == (30, 501)
    assert len(fake.status["memory"]["changes"]) == 1


async def test_a_refused_scale_in_waits_for_busy_workers_no_second_time() -> None:
    """The wait for busy workers is over. Had it begun anew, the pods would stay for another hour after the refusal."""
    waited = {"memory": REPORTING["memory"] | {"waitingSince": "2026-11-23T10:00:00Z"}}
    fake = FakeDependencies(
        pool(spec=replace(SPEC, scale_down=window(0)), status=waited),
        queues={URL: reading(0, 20)},
        pods=pods(idle=0, busy=10),
        broken={"scale": REFUSED},
    )
    await ticks(fake, 3)
    assert (fake.sizes, condition(fake.status, ConditionType.ABLE_TO_SCALE)["status"]) == ((10, 500), "False")
    fake.broken.clear()
    await fake.tick()
    assert fake.sizes == (4, 501)
    assert "waitingSince" not in fake.status["memory"]


async def test_a_sentence_with_other_numbers_each_time_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Webhooks put the time, a request's id or what is used just now into their sentences."""
    fake = refused()
    sentences = [
        f"denied at 12:00:0{number}.{number}Z by request 0f{number}a-b{number}: {40 + number} of 50 pods used"
        for number in range(4)
    ]
    versions = []
    with caplog.at_level(logging.WARNING):
        for sentence in sentences:
            fake.broken = {"scale": ClusterRefusedError(sentence)}
            await fake.tick()
            assert fake.stored
            versions.append(fake.stored.resource_version)
            fake.later(5)
    assert condition(fake.status, ConditionType.ABLE_TO_SCALE)["message"] == sentences[0]
    assert [record.message for record in caplog.records] == ["size refused"]
    assert len(set(versions)) == 1


async def test_another_sentence_is_told() -> None:
    fake = refused()
    await ticks(fake, 1)
    fake.broken = {"scale": ClusterRefusedError("quota: no more than 3 replicas in this namespace")}
    await ticks(fake, 1)
    assert condition(fake.status, ConditionType.ABLE_TO_SCALE)["message"].startswith("quota")


async def test_a_change_before_the_refused_one_still_counts() -> None:
    fake = refused(stored=pool(spec=LIMITED), broken={})
    await fake.tick()
    fake.later(5)
    fake.queues, fake.broken = {URL: reading(200)}, {"scale": REFUSED}
    await fake.tick()
    fake.later(5)
    await fake.tick()
    assert [change["by"] for change in fake.status["memory"]["changes"]] == [10]


async def test_pods_that_may_not_be_listed_hold_the_scale_in_and_say_so() -> None:
    fake = FakeDependencies(
        pool(spec=replace(SPEC, scale_down=window(0)), status=REPORTING),
        queues={URL: reading(0, 20)},
        broken={"query": ClusterRefusedError("pods is forbidden")},
    )
    await fake.tick()
    assert (fake.sizes, fake.status["desiredReplicas"], fake.event_reasons) == ((10, 500), 4, ["FailedUpdateScale"])


async def test_marks_that_are_refused_do_not_stop_the_scale_in_and_are_reported_once() -> None:
    fake = FakeDependencies(
        pool(spec=replace(SPEC, scale_down=window(0)), status=REPORTING),
        queues={URL: reading(0, 20)},
        pods=pods(idle=6, busy=4),
        mark_refusal=ClusterRefusedError("pods is forbidden"),
    )
    await ticks(fake, 3)
    assert fake.sizes == (4, 501)
    assert sorted(fake.event_reasons) == [Reason.MARKS_REFUSED, Reason.SUCCESSFUL_RESCALE]
    assert condition(fake.status, ConditionType.WORKERS_PROTECTED)["reason"] == Reason.MARKS_REFUSED
    assert condition(fake.status, ConditionType.READY)["status"] == "True"


async def test_an_event_that_is_refused_is_counted() -> None:
    fake = FakeDependencies(queues={URL: reading(100)}, broken={"post_event": ClusterRefusedError("exceeded quota")})
    await fake.tick()
    assert fake.registry.get_sample_value("queueworkerpool_events_lost_total") == 1


async def test_an_outage_is_no_refusal() -> None:
    fake = refused(broken={"scale": ClusterError("no answer")})
    with pytest.raises(ClusterError):
        await fake.tick()
    assert (fake.status, fake.events) == ({}, [])
