"""The Lease on a real API server: of two writers one wins, and what others wrote into the object stays."""

import json
from collections.abc import Iterator

import pytest

from queueworkerpool.cluster import LeaseClient
from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.leader.lease import LEASE_DURATION_SECONDS, Lease, claimed, released
from queueworkerpool.model import NamespacedName
from tests.adapters.operator.conftest import Namespace

STAMP = "2026-11-23T12:00:00.123456Z"


@pytest.fixture
def leases(namespace: Namespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[LeaseClient]:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    client = LeaseClient(NamespacedName(namespace.name, "operator"))
    yield client
    client.close()


def create(namespace: Namespace) -> None:
    """Create the Lease as the chart does."""
    metadata = {"name": "operator", "labels": {"chart": "ours"}}
    manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    namespace.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


async def test_a_missing_lease_is_not_created_and_the_error_says_what_creates_it(
    namespace: Namespace, leases: LeaseClient
) -> None:
    with pytest.raises(ClusterError, match=f"there is no Lease {namespace.name}/operator: `helm upgrade` makes it"):
        await leases.read()
    assert namespace.kubectl("get", "leases", "-o", "name") == ""
    create(namespace)
    made = await leases.read()
    assert made == Lease(made.version)


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


async def test_a_lease_that_is_deleted_before_a_write_is_a_failure(namespace: Namespace, leases: LeaseClient) -> None:
    create(namespace)
    before = await leases.read()
    namespace.kubectl("delete", "lease", "operator")
    with pytest.raises(ClusterError):
        await leases.write(claimed(before, "a", STAMP))
