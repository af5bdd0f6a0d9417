"""A real control plane with the process node, one for the whole run, and a namespace of its own for every test."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from devcluster import Cluster, CommandFailedError, UnavailableError, tools
from devcluster.processes import wait_until


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """The cluster of this run. `devcluster build` beforehand keeps a cold build out of the first test's time limit."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("cluster"), audit=True) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a fresh namespace that is ready for pods; it is deleted, with what is in it, after the test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    # The API server refuses pods until the namespace has its default service account.
    account = ("get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o", "name")
    wait_until(lambda: cluster.kubectl(*account) != "", 60, f"namespace {name} got no default service account")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def wait_until_may(cluster: Cluster, user: str, namespace: str, verb: str, resource: str) -> None:
    """Wait until a user has a right: the API server learns of a new binding some time after it has stored it."""

    def may() -> bool:
        try:
            cluster.kubectl("auth", "can-i", verb, resource, "-n", namespace, f"--as={user}")
        except CommandFailedError:
            return False
        return True

    wait_until(may, 60, f"{user} may not {verb} {resource}")


@pytest.fixture
def bare(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A control plane of the test's own: a release owns the CRD, of which a cluster has one."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path / "cluster", node=False) as running:
        yield running
