"""A control plane of its own with an audit log, two operators that elect a leader, and pools for them."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from devcluster import Cluster, UnavailableError, tools
from devcluster.sqs import MotoSqs
from testbed.api import NAMESPACE, deployment, pool
from testbed.counting_sqs import queue_url
from testbed.operators import prepare
from testbed.replicas import Replicas


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A control plane with all of the chart but its Deployment. It has no node: pools have paused Deployments."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("audited"), node=False, audit=True) as running:
        prepare(running)
        yield running


@pytest.fixture
def replicas(audited: Cluster, moto_sqs: MotoSqs, tmp_path: Path) -> Iterator[Replicas]:
    """Operators to start; whatever a test does to them, no two may ever lead at the same time."""
    with closing(Replicas(audited, moto_sqs.env, tmp_path)) as started:
        with started.sampled() as leaders:
            yield started
        assert set(leaders) <= {0, 1}


class Pools:
    """Pools with a queue and a paused Deployment each, which are deleted after the test."""

    def __init__(self, cluster: Cluster, sqs: MotoSqs) -> None:
        self._cluster = cluster
        self._sqs = sqs
        self._client = sqs.client()
        self.names: list[str] = []

    def create(self, name: str, messages: int, **spec: Any) -> None:
        url = self._client.create_queue(QueueName=name)["QueueUrl"]
        self.names.append(name)
        self.send(name, messages)
        default = pool(name, queue_url(name), 1)
        for manifest in (deployment(name, 0), default | {"spec": default["spec"] | spec}):
            self._cluster.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=yaml.safe_dump(manifest))
        assert url

    def send(self, name: str, messages: int) -> None:
        url = self._client.get_queue_url(QueueName=name)["QueueUrl"]
        with self._sqs.at_once():  # a pool that counted a part would be written once more
            for begun in range(0, messages, 10):
                entries: list[Any] = [
                    {"Id": str(i), "MessageBody": "x"} for i in range(begun, min(begun + 10, messages))
                ]
                assert not self._client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    def purge(self, name: str) -> None:
        self._client.purge_queue(QueueUrl=self._client.get_queue_url(QueueName=name)["QueueUrl"])

    def replicas(self) -> dict[str, int]:
        listed = json.loads(self._cluster.kubectl("-n", NAMESPACE, "get", "deployments", "-o", "json"))["items"]
        return {item["metadata"]["name"]: item["spec"]["replicas"] for item in listed}

    def status(self, name: str) -> dict[str, Any]:
        return dict(
            json.loads(self._cluster.kubectl("-n", NAMESPACE, "get", "qwp", name, "-o", "json")).get("status", {})
        )

    def delete(self) -> None:
        self._cluster.kubectl("-n", NAMESPACE, "delete", "qwp,deployments", "--all")
        for name in self.names:
            self._client.delete_queue(QueueUrl=self._client.get_queue_url(QueueName=name)["QueueUrl"])


@pytest.fixture
def pools(audited: Cluster, moto_sqs: MotoSqs) -> Iterator[Pools]:
    created = Pools(audited, moto_sqs)
    yield created
    created.delete()
