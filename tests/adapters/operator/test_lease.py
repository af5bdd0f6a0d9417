"""The Lease on a real API server: of two writers one wins, and what others wrote into the object stays."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from queueworkerpool.cluster import LeaseClient, ShardLeaseClients
from queueworkerpool.cluster.lease import READ_TIMEOUT_SECONDS
from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.leader.lease import (
    LEASE_DURATION_SECONDS,
    RENEW_DEADLINE_SECONDS,
    Lease,
    claimed,
    created,
    released,
)
from queueworkerpool.model import NamespacedName
from tests.adapters.operator.conftest import Namespace
from tests.adapters.operator.faulty import Faulty, Script, answering

STAMP = "2026-11-23T12:00:00.123456Z"


@pytest.fixture
def leases(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[LeaseClient]:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    client = LeaseClient(NamespacedName(namespace.name, "operator"))
    yield client
    client.close()


@pytest.fixture
def shared(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShardLeaseClients]:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    with closing(ShardLeaseClients(NamespacedName(namespace.name, "operator"), 2)) as clients:
        yield clients


def client_of(server: Faulty, monkeypatch: pytest.MonkeyPatch, folder: Path) -> LeaseClient:
    """Return a client of a server that misbehaves."""
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server.endpoint}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (path := folder / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return LeaseClient(NamespacedName("system", "operator"))


def create(namespace: Namespace) -> None:
    """Create the Lease as the chart does."""
    metadata = {"name": "operator", "labels": {"chart": "ours"}}
    manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    namespace.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


async def test_a_missing_lease_is_created_by_the_first_of_two(namespace: Namespace, leases: LeaseClient) -> None:
    assert await leases.read() == Lease("")
    made = await leases.write(created(STAMP))
    assert made == replace(created(STAMP), version=made.version)
    with pytest.raises(ClusterConflictError):
        await leases.write(created(STAMP))
    assert await leases.read() == made
    assert namespace.get("lease", "operator")["spec"]["leaseDurationSeconds"] == LEASE_DURATION_SECONDS


async def test_a_lease_that_may_not_be_created_is_named_with_the_remedy(
    faulty: Callable[[Script], Faulty], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forbidden = answering(403, {"kind": "Status", "code": 403})
    client = client_of(faulty(forbidden), monkeypatch, tmp_path)
    with closing(client), pytest.raises(ClusterError) as caught:
        await client.write(created(STAMP))
    sentence = "there is no Lease system/operator, and this process may not create it: allow it to (`create` on leases)"
    assert sentence in str(caught.value)


async def test_a_slow_answer_that_leaves_time_for_two_renewals_is_waited_for(
    faulty: Callable[[Script], Faulty], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lease = {"kind": "Lease", "metadata": {"resourceVersion": "7"}, "spec": {"holderIdentity": "a"}}

    def slow(connection: socket.socket, ended: threading.Event) -> None:
        ended.wait(3.5)  # longer than a connection may take; the machine may take the rest
        answering(200, lease)(connection, ended)

    assert 2 * READ_TIMEOUT_SECONDS == RENEW_DEADLINE_SECONDS
    with closing(client_of(faulty(slow), monkeypatch, tmp_path)) as client:
        assert (await client.write(claimed(Lease("6", "a"), "a", STAMP))).version == "7"


async def test_it_passes_from_holder_to_holder_and_keeps_what_the_chart_wrote(
    namespace: Namespace, leases: LeaseClient
) -> None:
    create(namespace)
    first = await leases.write(claimed(await leases.read(), "a", STAMP))
    free = await leases.write(released(first, STAMP))
    assert (free.holder, free.renewed) == ("", STAMP)
    second = await leases.write(claimed(free, "b", STAMP))
    assert (second.holder, second.transitions) == ("b", 2)
    raw = namespace.get("lease", "operator")
    assert raw["metadata"]["labels"] == {"chart": "ours"}
    assert raw["spec"] == {
        "holderIdentity": "b",
        "leaseDurationSeconds": LEASE_DURATION_SECONDS,
        "leaseTransitions": 2,
        "renewTime": STAMP,
    }


async def test_a_write_based_on_an_old_version_is_refused(namespace: Namespace, leases: LeaseClient) -> None:
    create(namespace)
    before = await leases.read()
    renewed = await leases.write(claimed(before, "a", STAMP))
    with pytest.raises(ClusterConflictError):
        await leases.write(claimed(before, "b", STAMP))
    assert await leases.read() == renewed


async def test_a_lease_that_is_deleted_before_a_write_is_a_conflict(namespace: Namespace, leases: LeaseClient) -> None:
    create(namespace)
    before = await leases.read()
    namespace.kubectl("delete", "lease", "operator")
    with pytest.raises(ClusterConflictError):
        await leases.write(claimed(before, "a", STAMP))


async def test_processes_that_hold_a_lease_together_renew_it_whoever_renewed_it_last(
    namespace: Namespace, shared: ShardLeaseClients
) -> None:
    create(namespace)
    first = await shared.number.write(claimed(await shared.number.read(), "3 shards", STAMP))
    later = claimed(first, "3 shards", "2026-11-23T12:00:09.000000Z")
    second = await shared.number.renew(later)
    assert second == replace(later, version=second.version)
    third = await shared.number.renew(later)  # at a version that is old by now
    assert int(third.version) > int(first.version)


async def test_a_lease_that_is_held_together_is_not_renewed_for_another_holder(
    namespace: Namespace, shared: ShardLeaseClients
) -> None:
    create(namespace)
    before = await shared.number.read()
    for lease in (before, await shared.number.write(claimed(before, "2 shards", STAMP))):
        with pytest.raises(ClusterConflictError, match="another holder"):
            await shared.number.renew(claimed(lease, "3 shards", STAMP))
    assert (await shared.number.read()).holder == "2 shards"
    namespace.kubectl("delete", "lease", "operator")
    with pytest.raises(ClusterConflictError, match="was deleted"):
        await shared.number.renew(claimed(before, "2 shards", STAMP))


async def test_a_wish_stays_until_the_next_one_and_changes_nothing_else(
    namespace: Namespace, shared: ShardLeaseClients
) -> None:
    create(namespace)
    held = await shared.number.write(claimed(await shared.number.read(), "3 shards", STAMP))
    await shared.number.wish("2 now b")
    renewed = await shared.number.renew(claimed(held, "3 shards", STAMP))
    assert renewed == replace(held, version=renewed.version, wanted="2 now b")


async def test_each_shard_has_a_lease_of_its_own(namespace: Namespace, shared: ShardLeaseClients) -> None:
    for lease in shared.shards:
        await lease.write(created(STAMP))
    names = namespace.kubectl("get", "leases", "-o", "name").split()
    assert names == [f"lease.coordination.k8s.io/operator-shard-{shard}" for shard in range(2)]
