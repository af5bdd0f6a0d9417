"""The door to the Kubernetes client against a real API server, and against one that misbehaves as told."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.processes import free_port, wait_until
from queueworkerpool.cluster import KubernetesCluster, connection, door
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    NotLeadingError,
    PoolGoneError,
    QueueWorkerPoolError,
    TargetGoneError,
)
from queueworkerpool.leader.fence import Fence
from queueworkerpool.model import Event, NamespacedName, PoolSpec
from queueworkerpool.names import FIELD_MANAGER, EventType
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import NOW, Namespace
from tests.adapters.operator.faulty import SECRET, Faulty, Script
from tests.unit.operator.builders import pool as calm_pool

Serve = Callable[[Script], Faulty]
Open = Callable[[Path], KubernetesCluster]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open the door with a kubeconfig."""
    made: list[KubernetesCluster] = []
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def open_(kubeconfig: Path) -> KubernetesCluster:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        made.append(KubernetesCluster(4))
        return made[-1]

    yield open_
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(namespace: Namespace, opened: Open) -> KubernetesCluster:
    """The door to the real API server."""
    return opened(namespace.cluster.kubeconfig)


# What is there


def test_our_custom_resource_is_served(cluster: KubernetesCluster) -> None:
    assert cluster.is_served()


async def test_a_pool_is_read_with_the_defaults_of_the_crd(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await cluster.pool(namespace.pool("jobs", maxReplicas=7))
    assert isinstance(pool.spec, PoolSpec)
    assert (pool.spec.max_replicas, pool.spec.poll_seconds, pool.spec.deployment) == (7, 5, "jobs")
    assert (pool.generation, pool.status) == (1, {})


async def test_what_is_missing_is_told_apart(namespace: Namespace, cluster: KubernetesCluster) -> None:
    with pytest.raises(PoolGoneError):
        await cluster.pool(NamespacedName(namespace.name, "missing"))
    with pytest.raises(TargetGoneError, match="missing"):
        await cluster.target(NamespacedName(namespace.name, "missing"))
    with pytest.raises(TargetGoneError):
        await cluster.target(NamespacedName("no-such-namespace", "missing"))


# Scaling


async def test_a_deployment_is_scaled_at_the_version_that_was_decided_on(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    deployment = namespace.deployment("jobs")
    before = await settled(cluster, deployment)
    version = await cluster.scale(deployment, 3, before)
    raw = namespace.get("deployment", "jobs")
    assert raw["spec"]["replicas"] == 3
    assert version > before
    target = await cluster.target(deployment)
    assert (target.replicas, target.writer) == (3, (FIELD_MANAGER, None))


async def test_whoever_else_writes_the_replicas_is_known(namespace: Namespace, cluster: KubernetesCluster) -> None:
    """By `kubectl scale`, as an HPA or KEDA would, the API server records no time."""
    deployment = namespace.deployment("jobs")
    await cluster.scale(deployment, 3, await settled(cluster, deployment))
    namespace.kubectl("scale", "deployment", "jobs", "--replicas=2")
    assert (await cluster.target(deployment)).writer == ("kubectl", None)
    namespace.kubectl("patch", "deployment", "jobs", "-p", '{"spec": {"replicas": 4}}')
    writer = (await cluster.target(deployment)).writer
    assert writer
    assert (writer[0], type(writer[1])) == ("kubectl-patch", datetime)


async def test_a_deployment_that_changed_since_is_not_scaled(namespace: Namespace, cluster: KubernetesCluster) -> None:
    deployment = namespace.deployment("jobs")
    decided_on = await settled(cluster, deployment)
    namespace.kubectl("scale", "deployment", "jobs", "--replicas=2")
    with pytest.raises(ClusterConflictError):
        await cluster.scale(deployment, 9, decided_on)
    assert namespace.get("deployment", "jobs")["spec"]["replicas"] == 2


async def test_only_the_replicas_of_a_deployment_are_touched(namespace: Namespace, cluster: KubernetesCluster) -> None:
    deployment = namespace.deployment("jobs")
    before = namespace.get("deployment", "jobs")["spec"]
    await cluster.scale(deployment, 3, await settled(cluster, deployment))
    assert namespace.get("deployment", "jobs")["spec"] == before | {"replicas": 3}


async def test_a_deployment_that_was_deleted_is_told(namespace: Namespace, cluster: KubernetesCluster) -> None:
    deployment = namespace.deployment("jobs")
    version = await settled(cluster, deployment)
    namespace.kubectl("delete", "deployment", "jobs")
    with pytest.raises(TargetGoneError, match="jobs"):
        await cluster.scale(deployment, 3, version)


async def test_a_deployment_created_anew_is_not_scaled_by_an_old_decision(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    deployment = namespace.deployment("jobs")
    version = await settled(cluster, deployment)
    namespace.kubectl("delete", "deployment", "jobs")
    namespace.deployment("jobs", replicas=1)
    with pytest.raises(ClusterConflictError):
        await cluster.scale(deployment, 9, version)
    assert namespace.get("deployment", "jobs")["spec"]["replicas"] == 1


async def settled(cluster: KubernetesCluster, deployment: NamespacedName) -> int:
    """The Deployment's version once its controller has written all that it had to write."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        raw = cluster._connection.request(
            "GET", f"/apis/apps/v1/namespaces/{deployment.namespace}/deployments/{deployment.name}"
        )
        conditions = {condition["type"] for condition in raw.get("status", {}).get("conditions", ())}
        if raw["status"].get("observedGeneration") == 1 and "Progressing" in conditions:
            version = (await cluster.target(deployment)).resource_version
            if version == int(raw["metadata"]["resourceVersion"]):
                return version
    raise AssertionError("the Deployment did not settle")


# The pool and its status


async def test_a_pool_is_confirmed_while_it_is_the_one_that_was_decided_on(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    pool = await cluster.pool(namespace.pool("jobs"))
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
    pool = await cluster.pool(namespace.pool("jobs"))
    first = await cluster.write_status(pool, {"replicas": 3, "backlog": {"visible": 5, "total": 5}})
    second = await cluster.write_status(first, {"desiredReplicas": 4, "backlog": {"visible": None, "total": 7}})
    assert second.status == {"replicas": 3, "desiredReplicas": 4, "backlog": {"total": 7}}
    assert namespace.get("qwp", "jobs")["status"] == second.status
    assert pool.resource_version < first.resource_version < second.resource_version
    assert (second.generation, second.spec) == (pool.generation, pool.spec)


async def test_a_pool_created_anew_gets_no_status_of_the_one_before(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    pool = await cluster.pool(namespace.pool("jobs"))
    namespace.kubectl("delete", "qwp", "jobs")
    with pytest.raises(PoolGoneError):
        await cluster.write_status(pool, {"replicas": 3})
    namespace.pool("jobs")
    with pytest.raises(PoolGoneError, match="anew"):
        await cluster.write_status(pool, {"replicas": 3})
    assert "status" not in namespace.get("qwp", "jobs")


async def test_a_status_is_written_though_the_pool_was_edited_meanwhile(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    """What was done must be remembered, and that the spec changed is told by the answer."""
    pool = await cluster.pool(namespace.pool("jobs"))
    namespace.pool("jobs", maxReplicas=99)
    written = await cluster.write_status(pool, {"observedGeneration": 1, "replicas": 3})
    assert written.generation == 2
    assert namespace.get("qwp", "jobs")["status"] == {"observedGeneration": 1, "replicas": 3}


async def test_a_status_that_the_crd_refuses_changes_nothing(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await cluster.pool(namespace.pool("jobs"))
    with pytest.raises(ClusterError, match="status 422"):
        await cluster.write_status(pool, {"replicas": "many"})
    assert "status" not in namespace.get("qwp", "jobs")


# Events


async def test_an_event_is_to_be_seen_with_its_source(namespace: Namespace, cluster: KubernetesCluster) -> None:
    pool = await cluster.pool(namespace.pool("jobs"))
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
    pool = await cluster.pool(namespace.pool("jobs"))
    for number in range(3):
        await cluster.post_event(pool, Event(EventType.WARNING, "QueueNotFound", f"{number}" * 5000), NOW)
    assert sorted(event["message"] for event in namespace.items("events")) == [f"{n}" * 1024 for n in range(3)]


# Pods


def pods_of(namespace: Namespace, deployment: str) -> list[str]:
    chosen = ("get", "pods", "-l", f"app={deployment}", "-o", "jsonpath={.items[*].metadata.name}")
    return sorted(namespace.kubectl(*chosen).split())


def tell(namespace: Namespace, pod: str, seconds: int, **container: Any) -> None:
    """Write the pod's status as its node would: ready so many seconds after its creation."""
    created = namespace.get("pod", pod)["metadata"]["creationTimestamp"]
    at = time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.mktime(time.strptime(created, "%Y-%m-%dT%H:%M:%SZ")) + seconds)
    )
    state = {"name": "worker", "ready": True, "image": "none", "imageID": "", "restartCount": 0} | container
    status = {
        "phase": "Running",
        "podIP": "127.9.8.7",
        "podIPs": [{"ip": "127.9.8.7"}],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}],
        "containerStatuses": [state | {"state": {"running": {"startedAt": at}}}],
    }
    namespace.kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


@pytest.fixture
def pods(namespace: Namespace) -> list[str]:
    """The names of the three pods of the Deployment `jobs`, beside which another Deployment has pods as well."""
    namespace.deployment("jobs", replicas=3)
    namespace.deployment("others", replicas=2)
    wait_until(lambda: len(pods_of(namespace, "jobs")) == 3, 30, "the Deployment's pods did not come")
    return pods_of(namespace, "jobs")


async def test_pods_tell_their_address_and_how_long_they_took_to_start(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    tell(namespace, pods[0], seconds=12)
    tell(namespace, pods[1], seconds=500, restartCount=1)
    seen = {pod.name: pod for pod in await cluster.pods(NamespacedName(namespace.name, "jobs"), "app=jobs")}
    assert sorted(seen) == pods
    ready, restarted, waiting = (seen[name] for name in pods)
    assert (ready.ready, ready.address, ready.startup_seconds, ready.pending) == (True, "127.9.8.7", 12.0, False)
    assert (restarted.ready, restarted.startup_seconds) == (True, None), "that was no start of the pod"
    assert (waiting.ready, waiting.startup_seconds, waiting.pending, waiting.assigned) == (False, None, True, False)


async def test_no_more_pods_are_listed_than_asked_for(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    key = NamespacedName(namespace.name, "jobs")
    assert len(pods) == 3
    wait_until(
        lambda: len(cluster._connection.request("GET", listed(namespace))["items"]) == 3, 30, "the cache did not follow"
    )
    assert len(await cluster.pods(key, "app=jobs", 20)) == 3
    assert await cluster.pods(key, "app=none", 20) == []


async def test_pods_that_only_look_like_the_deployments_and_those_that_go_are_not_listed(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    """Labels are anybody's to give; and a Deployment's own label may be another's, too."""
    namespace.kubectl("run", "stray", "--image=none", "--labels=app=jobs")
    ended = {"status": {"phase": "Failed"}}
    namespace.kubectl("patch", "pod", pods[0], "--subresource=status", "--type=merge", "-p", json.dumps(ended))
    seen = {pod.name for pod in await cluster.pods(NamespacedName(namespace.name, "jobs"), "app=jobs")}
    assert "stray" not in seen
    assert pods[0] not in seen
    assert set(pods[1:]) <= seen
    assert await cluster.pods(NamespacedName(namespace.name, "others"), "app=jobs") == []


def listed(namespace: Namespace) -> str:
    return f"/api/v1/namespaces/{namespace.name}/pods?labelSelector=app%3Djobs&limit=20&resourceVersion=0"


async def test_a_pod_is_marked_and_the_mark_is_taken_away(
    namespace: Namespace, cluster: KubernetesCluster, pods: list[str]
) -> None:
    key = NamespacedName(namespace.name, "jobs")
    await cluster.mark(namespace.name, pods[1], first=True)
    assert [pod.name for pod in await cluster.pods(key, "app=jobs") if pod.marked] == [pods[1]]
    await cluster.mark(namespace.name, pods[1], first=False)
    assert not any(pod.marked for pod in await cluster.pods(key, "app=jobs"))
    await cluster.mark(namespace.name, "no-such-pod", first=True)


# An API server that misbehaves

POOL = calm_pool()
DEPLOYMENT = NamespacedName("shop", "jobs")

Call = Callable[[KubernetesCluster], Any]
CALLS: dict[str, Call] = {
    "pool": lambda cluster: cluster.pool(POOL.key),
    "target": lambda cluster: cluster.target(DEPLOYMENT),
    "confirm": lambda cluster: cluster.confirm(POOL),
    "scale": lambda cluster: cluster.scale(DEPLOYMENT, 3, 17),
    "write_status": lambda cluster: cluster.write_status(POOL, {"replicas": 3}),
    "pods": lambda cluster: cluster.pods(DEPLOYMENT, "app=jobs", 5),
    "post_event": lambda cluster: cluster.post_event(POOL, Event(EventType.NORMAL, "Reason", "message"), NOW),
}


def kubeconfig(folder: Path, endpoint: str, *, user: str = "first") -> Path:
    path = folder / "kubeconfig"
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": endpoint}}],
        "users": [{"name": "u", "user": {"token": user}}],
    }
    path.write_text(yaml.safe_dump(whole))
    return path


async def failure(call: Call, cluster: KubernetesCluster) -> QueueWorkerPoolError:
    with pytest.raises(QueueWorkerPoolError) as caught:
        await call(cluster)
    assert SECRET not in str(caught.value)
    return caught.value


REFUSALS: dict[str, Script] = {
    **{f"status {status}": faults.answering(status, {"message": SECRET}) for status in (400, 401, 403, 410, 422)},
    **{f"status {status}": faults.answering(status, SECRET) for status in (429, 500, 502, 503, 504)},
    "a redirect": faults.redirecting(307, f"http://127.0.0.1:1/{SECRET}"),
    "a page": faults.answering(200, f"<html>{SECRET}"),
    "an empty body": faults.answering(200, b""),
    "not UTF-8": faults.answering(200, b'{"kind": "\xff"}'),
    "half a body": faults.half(b'{"kind": "Pool"}'),
    "null": faults.answering(200, b"null"),
    "a list": faults.answering(200, b"[1]"),
    "a text": faults.answering(200, b'"text"'),
    "an empty object": faults.answering(200, {}),
    "nested deeply": faults.answering(200, b"[" * 100_000),
    "a reset": faults.resetting,
    "the end at once": faults.sending(b""),
    "no HTTP": faults.sending(b"SSH-2.0-OpenSSH_9.6\r\n"),
}


@pytest.mark.parametrize("script", REFUSALS.values(), ids=REFUSALS)
async def test_refused(faulty: Serve, opened: Open, tmp_path: Path, script: Script) -> None:
    """Every call fails as a ClusterError, which is told, and not as one that says what is not known."""
    cluster = opened(kubeconfig(tmp_path, faulty(script).endpoint))
    kinds = {name: type(await failure(call, cluster)) for name, call in CALLS.items()}
    assert kinds == dict.fromkeys(CALLS, ClusterError)
    with pytest.raises(ClusterError):
        cluster.is_served()


async def test_a_closed_port(opened: Open, tmp_path: Path) -> None:
    cluster = opened(kubeconfig(tmp_path, f"http://127.0.0.1:{free_port()}"))
    for call in CALLS.values():
        assert type(await failure(call, cluster)) is ClusterError


async def test_not_found_says_what_is_gone(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    cluster = opened(kubeconfig(tmp_path, faulty(faults.answering(404, {"message": SECRET})).endpoint))
    kinds = {name: type(await failure(call, cluster)) for name, call in CALLS.items()}
    gone = {name: kind for name, kind in kinds.items() if name not in {"pods", "post_event"}}
    pool, target = PoolGoneError, TargetGoneError
    assert gone == {"pool": pool, "target": target, "confirm": pool, "scale": target, "write_status": pool}
    assert not cluster.is_served()


async def test_a_conflict_is_one_for_whatever_was_written(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    cluster = opened(kubeconfig(tmp_path, faulty(faults.answering(409, {"message": SECRET})).endpoint))
    for name in ("scale", "write_status"):
        assert type(await failure(CALLS[name], cluster)) is ClusterConflictError


async def test_a_redirect_takes_the_token_nowhere(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    target = faulty(faults.answering(200, {"kind": "Any"}))
    for status in (301, 302, 303, 307, 308):
        server = faulty(faults.redirecting(status, f"{target.endpoint}/elsewhere"))
        assert type(await failure(CALLS["pool"], opened(kubeconfig(tmp_path, server.endpoint)))) is ClusterError
    assert target.requests == []


async def test_a_server_that_never_answers_costs_the_stated_time_out(
    faulty: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (connection.CONNECT_TIMEOUT_SECONDS, door.READ_TIMEOUT_SECONDS) == (3.0, 7.0)
    monkeypatch.setattr(door, "READ_TIMEOUT_SECONDS", 1.0)
    server = faulty(faults.silent)
    cluster = opened(kubeconfig(tmp_path, server.endpoint))
    began = time.monotonic()
    assert type(await failure(CALLS["scale"], cluster)) is ClusterError
    assert 1.0 <= time.monotonic() - began < 6.0
    assert len(server.requests) == 1, "a write that may have happened is not sent again"


async def test_an_answer_that_drips_in_is_given_up(
    faulty: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "READ_TIMEOUT_SECONDS", 1.0)
    drips = 6000
    cluster = opened(kubeconfig(tmp_path, faulty(faults.dripping(b" " * drips, 0.01)).endpoint))
    began = time.monotonic()
    assert type(await failure(CALLS["pool"], cluster)) is ClusterError
    assert time.monotonic() - began < drips * 0.01 / 2


async def test_a_token_that_was_rotated_is_read_again(faulty: Serve, opened: Open, tmp_path: Path) -> None:
    server = faulty(faults.answering(401, {}))
    cluster = opened(kubeconfig(tmp_path, server.endpoint, user="first"))
    kubeconfig(tmp_path, server.endpoint, user="second")
    assert type(await failure(CALLS["pool"], cluster)) is ClusterError
    assert [b"Bearer first" in request for request in server.requests] == [True, False]
    assert b"Bearer second" in server.requests[1]


async def test_a_kubeconfig_that_is_gone_when_the_token_was_rotated_is_a_cluster_error(
    faulty: Serve, opened: Open, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, faulty(faults.answering(401, {})).endpoint)
    cluster = opened(path)
    path.unlink()
    assert type(await failure(CALLS["pool"], cluster)) is ClusterError


WRITES = {name: CALLS[name] for name in ("scale", "write_status", "post_event")}
WRITES["mark"] = lambda cluster: cluster.mark(DEPLOYMENT.namespace, "jobs-1", first=True)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_that_the_fence_refuses_is_never_sent(
    write: Call, faulty: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = faulty(faults.answering(200, {"kind": "Whatever"}))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, server.endpoint)))
    cluster = KubernetesCluster(1, Fence(time.monotonic))
    try:
        assert type(await failure(write, cluster)) is NotLeadingError
        assert server.requests == []
    finally:
        cluster.close()


async def test_a_process_that_freezes_while_a_connection_is_made_sends_nothing_over_it(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence is open when the write begins, and is closed when the connection, TLS and all, is there."""
    key = namespace.deployment("jobs", 1)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    times = iter([0.0, 60.0])
    fence = Fence(lambda: next(times))
    fence.open_until(10.0)
    cluster = KubernetesCluster(1, fence)
    try:
        with pytest.raises(NotLeadingError):
            await cluster.mark(key.namespace, "any", first=True)
        assert next(times, None) is None, "it looked twice"
        assert (await cluster.target(key)).replicas == 1, "reading goes on"
    finally:
        cluster.close()


async def test_all_pools_are_listed_or_those_of_the_namespaces_that_are_named(
    namespace: Namespace, cluster: KubernetesCluster
) -> None:
    keys = {namespace.pool(name) for name in ("jobs", "mails")}
    assert {pool.key for pool in await cluster.pools((namespace.name, "default"))} == keys
    everywhere = {pool.key: pool for pool in await cluster.pools(())}
    assert keys <= everywhere.keys()
    one = next(iter(keys))
    assert everywhere[one] == await cluster.pool(one)
