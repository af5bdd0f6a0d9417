"""Pools, their status and their Events on a real API server."""

import pytest

from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.cluster.objects import LONGEST_NAME
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterRefusedError,
    PoolGoneError,
    TargetGoneError,
)
from queueworkerpool.model import Event, NamespacedName, Pool, ScaleTarget
from queueworkerpool.names import FIELD_MANAGER, EventType
from tests.adapters.operator.conftest import NOW, Namespace

UNSEEN = {"observedGeneration": -1}
"""The status of a pool that nobody has written one of."""


async def stored(cluster: KubernetesCluster, key: NamespacedName) -> Pool:
    """Return the pool of this name, whose spec is readable."""
    pool = await cluster.pool(key)
    assert isinstance(pool, Pool)
    return pool


# Reading


def test_our_custom_resource_is_served(cluster: KubernetesCluster) -> None:
    assert cluster.is_served()


async def test_a_pool_is_read_with_the_defaults_of_the_crd(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await stored(cluster, namespace.pool("jobs", maxReplicas=7))
    assert (pool.spec.max_replicas, pool.spec.poll_seconds, pool.spec.scale_target_ref.name) == (7, 5, "jobs")
    assert (pool.generation, pool.status.stored) == (1, UNSEEN)


async def test_a_missing_pool_and_a_missing_deployment_are_told_apart(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    with pytest.raises(PoolGoneError):
        await cluster.pool(NamespacedName(namespace.name, "missing"))
    with pytest.raises(TargetGoneError, match="missing"):
        await cluster.target(ScaleTarget(namespace.name, "missing"))
    with pytest.raises(TargetGoneError):
        await cluster.target(ScaleTarget("no-such-namespace", "missing"))


async def test_all_pools_are_listed_or_those_of_the_namespaces_that_are_named(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    keys = {namespace.pool(name) for name in ("jobs", "mails")}
    assert {pool.key async for pool in cluster.pools((namespace.name, "default"))} == keys
    everywhere = {pool.key: pool async for pool in cluster.pools(())}
    assert keys <= everywhere.keys()
    one = next(iter(keys))
    assert everywhere[one] == await cluster.pool(one)


# The status


async def test_a_pool_is_confirmed_while_it_is_the_one_that_was_decided_on(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    await cluster.confirm(pool)
    await cluster.write_status(pool, {"replicas": 1})
    await cluster.confirm(pool)
    namespace.pool("jobs", maxReplicas=99)
    with pytest.raises(ClusterConflictError):
        await cluster.confirm(pool)
    namespace.kubectl("delete", "qwp", "jobs")
    with pytest.raises(PoolGoneError):
        await cluster.confirm(pool)
    namespace.pool("jobs")
    with pytest.raises(PoolGoneError, match="anew"):
        await cluster.confirm(pool)


async def test_a_status_is_merged_into_what_is_there(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    first = await cluster.write_status(pool, {"replicas": 3, "backlog": {"visible": 5, "total": 5}})
    second = await cluster.write_status(first, {"desiredReplicas": 4, "backlog": {"visible": None, "total": 7}})
    assert second.status.stored == UNSEEN | {"replicas": 3, "desiredReplicas": 4, "backlog": {"total": 7}}
    assert namespace.get("qwp", "jobs")["status"] == second.status.stored
    assert pool.resource_version < first.resource_version < second.resource_version
    assert isinstance(second, Pool)
    assert (second.generation, second.spec) == (pool.generation, pool.spec)


async def test_what_the_definition_does_not_have_is_known_and_told_once(
    namespace: Namespace, cluster: KubernetesCluster, caplog: pytest.LogCaptureFixture
) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    sent = {"replicas": 3, "memory": {"emptySince": "2026-11-23T12:00:00Z", "later": {"name": "x"}}}
    for _ in range(2):
        written = await cluster.write_status(pool, sent)
        assert written.status.stored == UNSEEN | {"replicas": 3, "memory": {"emptySince": "2026-11-23T12:00:00Z"}}
        assert (written.status.lost, written.status.written) == ({"memory": {"later": {"name": "x"}}}, UNSEEN | sent)
        pool = await stored(cluster, pool.key)
        assert pool.status.lost == {}
    [told] = [record for record in caplog.records if "older than this operator" in record.getMessage()]
    assert vars(told)["fields"] == "memory.later.name"


async def test_a_pool_created_anew_gets_no_status_of_the_one_before(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    namespace.kubectl("delete", "qwp", "jobs")
    with pytest.raises(PoolGoneError):
        await cluster.write_status(pool, {"replicas": 3})
    namespace.pool("jobs")
    with pytest.raises(PoolGoneError, match="anew"):
        await cluster.write_status(pool, {"replicas": 3})
    assert namespace.get("qwp", "jobs")["status"] == UNSEEN


async def test_a_status_is_written_though_the_pool_was_edited_meanwhile(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    """What was done must be remembered; the answer shows that the spec has changed."""
    pool = await stored(cluster, namespace.pool("jobs"))
    namespace.pool("jobs", maxReplicas=99)
    written = await cluster.write_status(pool, {"observedGeneration": 1, "replicas": 3})
    assert written.generation == 2
    assert namespace.get("qwp", "jobs")["status"] == {"observedGeneration": 1, "replicas": 3}


async def test_a_status_that_the_crd_refuses_changes_nothing(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    with pytest.raises(ClusterRefusedError, match="must be of type integer"):
        await cluster.write_status(pool, {"replicas": "many"})
    assert namespace.get("qwp", "jobs")["status"] == UNSEEN


# Events


async def test_an_event_is_posted_with_its_source(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    await cluster.post_event(pool, Event(EventType.NORMAL, "SuccessfulRescale", "from 0 to 3 replicas"), NOW)
    (event,) = namespace.items("events")
    assert event["source"] == {"component": FIELD_MANAGER}
    assert (event["type"], event["reason"], event["message"], event["count"]) == (
        *("Normal", "SuccessfulRescale", "from 0 to 3 replicas"),
        1,
    )
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-23T12:00:00Z"
    assert event["involvedObject"]["uid"] == pool.uid
    assert "from 0 to 3 replicas" in namespace.kubectl("describe", "qwp", "jobs")


async def test_events_of_one_instant_are_all_kept_and_long_ones_are_cut(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    pool = await stored(cluster, namespace.pool("jobs"))
    for number in range(3):
        await cluster.post_event(pool, Event(EventType.WARNING, "QueueNotFound", f"{number}" * 5000), NOW)
    assert sorted(event["message"] for event in namespace.items("events")) == [f"{n}" * 1024 for n in range(3)]


LONG_NAMES = {
    "the longest without a cut": "a" * 236,
    "the longest of all": "a" * 253,
    "a cut after a dot": "a" * 235 + "." + "a" * 17,
    "a cut after hyphens": "a" * 230 + "------" + "a" * 17,
}


@pytest.mark.parametrize("name", LONG_NAMES.values(), ids=LONG_NAMES)
async def test_a_pool_of_any_name_gets_events(name: str, namespace: Namespace, cluster: KubernetesCluster) -> None:
    queue = {"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"}
    pool = await stored(cluster, namespace.pool(name, queues=[queue]))
    await cluster.post_event(pool, Event(EventType.NORMAL, "SuccessfulRescale", "from 0 to 3 replicas"), NOW)
    (event,) = namespace.items("events")
    assert event["involvedObject"]["name"] == name
    assert len(event["metadata"]["name"]) <= LONGEST_NAME
