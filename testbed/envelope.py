"""A cluster as large as the chart's limits are meant for: what others have in it, and a thousand pools.

Run it with `CONTROLLERS`: nothing acts on what is created, so Deployments and pods stay as they are until an operator
changes them.
"""

import random
import string
from collections.abc import Iterable, Mapping
from typing import Any

from testbed import api
from testbed.api import DEPLOYMENTS, NAMESPACE, POOLS, ApiClient, for_each_concurrently
from testbed.counting_sqs import queue_url

CONTROLLERS = (
    "--controllers=-deployment-controller,-replicaset-controller,-garbage-collector-controller",
    "--controllers=-pod-garbage-collector-controller",
)
"""Arguments of kube-controller-manager. These would make an end of pods whose ReplicaSets do not exist."""

OTHERS = "others"
"""The namespace of what is not ours."""

SMALL_BYTES = 8_000
LARGE_BYTES = 240_000
"""Annotations of an object; the API server takes 256 KiB."""

SMALL_DEPLOYMENTS = 5_000
LARGE_DEPLOYMENTS = 600
MANY_DEPLOYMENTS = 20_000
"""Of others, in the end."""

POOLS_IN_ALL = 1_000
LARGE_POOLS = 600
POLL_SECONDS = 15
REPLICAS = 10
"""Pods of each pool: what its queue calls for in the beginning, and how many pods exist."""

MESSAGES_PER_POD = 5
SHARING = 8
LARGE_PODS = 120
"""The selectors of so many pools match the same pods, so many of them, and large: each of their queries lists all."""


def pool_names() -> list[str]:
    """Return the names of all pools; of the first `SHARING` the Deployments share their labels."""
    return [f"pool-{number:04}" for number in range(POOLS_IN_ALL)]


def sharing() -> list[str]:
    """Return the names of the pools whose pods are large."""
    return pool_names()[:SHARING]


def depths(names: Iterable[str], pods: int) -> dict[str, int]:
    """Return the messages for which these pools need so many pods."""
    return dict.fromkeys(names, pods * MESSAGES_PER_POD)


async def create_others(client: ApiClient, first: int, count: int, size: int) -> None:
    """Create Deployments of others, from the number `first` on, with annotations of this size."""
    path, annotations = f"/apis/apps/v1/namespaces/{OTHERS}/deployments", _annotations(size)

    async def create(name: str) -> None:
        await client.create(path, _annotated(api.deployment(name, 1), annotations))

    await for_each_concurrently(create, [f"other-{number:05}" for number in range(first, first + count)])


async def create_pools(client: ApiClient) -> None:
    """Create the pools and their Deployments, of one pod each."""
    large = frozenset(pool_names()[-LARGE_POOLS:])
    annotations = _annotations(LARGE_BYTES)

    async def create(name: str) -> None:
        deployment = api.deployment(name, 1)
        if name in sharing():
            labels = {"app": "sharing"}
            deployment["spec"]["selector"]["matchLabels"] = labels
            deployment["spec"]["template"]["metadata"]["labels"] = labels
        pool = api.pool(name, queue_url(name), POLL_SECONDS)
        pool["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        await client.create(DEPLOYMENTS, deployment)
        await client.create(POOLS, _annotated(pool, annotations) if name in large else pool)

    await for_each_concurrently(create, pool_names())


async def create_pods(client: ApiClient) -> None:
    """Create the pods: ten of each pool, and the large ones of those that share them."""
    small = {
        f"{name}-1-{number}": _pod(name, {"app": name}) for name in pool_names()[SHARING:] for number in range(REPLICAS)
    }
    padding = _annotations(LARGE_BYTES)
    large = {
        f"sharing-{number:03}": _annotated(_pod(sharing()[number % SHARING], {"app": "sharing"}), padding)
        for number in range(LARGE_PODS)
    }
    pods, path = small | large, f"/api/v1/namespaces/{NAMESPACE}/pods"

    async def create(name: str) -> None:
        body = pods[name]
        await client.create(path, body | {"metadata": body["metadata"] | {"name": name}})

    await for_each_concurrently(create, pods)


def _pod(deployment: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a pod that nobody schedules; its ReplicaSet, which does not exist, is of the Deployment."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{deployment}-1", "uid": deployment}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "labels": {**labels, "pod-template-hash": "1"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {
            "schedulerName": "nobody",
            "automountServiceAccountToken": False,
            "containers": [{"name": "worker", "image": "worker"}],
        },
    }


def _annotations(size: int) -> dict[str, str]:
    """Return annotations of this size that do not compress to nothing on their way."""
    return {"example.com/notes": "".join(random.Random(size).choices(string.ascii_letters, k=size))}


def _annotated(body: dict[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    return body | {"metadata": body["metadata"] | {"annotations": dict(annotations)}}
