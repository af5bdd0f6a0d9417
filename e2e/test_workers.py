"""Busy workers whose pods end: no message is lost, and none is begun twice unless its worker was killed."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from e2e.pools import own_name
from e2e.workers import Workers, started_workers
from e2e.world import World, eventually

SECONDS = 5
"""How long each message takes: longer than it takes to end a pod that is idle."""


def drain(world: World, workers: Workers) -> None:
    """Drain the node that has the most workers, and give it back when its pods are gone."""
    pods = world.pods("app=worker", workers.namespace)
    node = max((pod["spec"]["nodeName"] for pod in pods), key=[pod["spec"]["nodeName"] for pod in pods].count)
    try:
        world.kubectl(
            *("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s"),
            *("--pod-selector=app=worker",),
        )
    finally:
        world.kubectl("uncordon", node)


def evict(world: World, workers: Workers) -> None:
    """Evict each pod by the API, as a cluster autoscaler does."""
    for name in workers.pods():
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": workers.namespace},
        }
        path = f"/api/v1/namespaces/{workers.namespace}/pods/{name}/eviction"
        world.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(eviction))


def roll_out(world: World, workers: Workers) -> None:
    """Replace all pods by new ones."""
    world.kubectl("-n", workers.namespace, "rollout", "restart", "deployment/worker")
    world.kubectl("-n", workers.namespace, "rollout", "status", "deployment/worker", "--timeout=2m")


def scale_in(world: World, workers: Workers) -> None:
    """Remove pods without asking whether they are busy, as an HPA does."""
    world.kubectl("-n", workers.namespace, "scale", "deployment/worker", "--replicas=2")


@pytest.mark.parametrize("disturb", [drain, evict, roll_out, scale_in])
def test_busy_workers_that_are_asked_to_end_handle_every_message_once(
    world: World, disturb: Callable[[World, Workers], None]
) -> None:
    names = [f"m{number}" for number in range(6)]
    with started_workers(world, own_name("orderly"), replicas=4) as workers:
        workers.send(*({"name": name, "seconds": SECONDS} for name in names))
        workers.wait_until_busy(4)
        disturb(world, workers)
        workers.wait_until_done()
        assert workers.reports() == {"begin": dict.fromkeys(names, 1), "end": dict.fromkeys(names, 1)}


@pytest.fixture
def two_workers(world: World) -> Iterator[Workers]:
    alive: dict[str, Any] = {"exec": {"command": ["test", "!", "-e", "/tmp/dead"]}}  # noqa: S108 - in the pod
    probe = alive | {"periodSeconds": 1, "failureThreshold": 1}
    with started_workers(world, own_name("two-workers"), replicas=2, livenessProbe=probe) as workers:
        yield workers


def test_a_message_that_takes_all_memory_comes_again_and_costs_no_other(world: World, two_workers: Workers) -> None:
    others = [f"m{number}" for number in range(4)]
    two_workers.send(
        {"name": "greedy", "seconds": 1, "memory": True}, *({"name": each, "seconds": 1} for each in others)
    )
    two_workers.wait_until_busy(5)
    two_workers.wait_until_done()
    counts = two_workers.reports()
    assert counts["begin"] == {"greedy": 2, **dict.fromkeys(others, 1)}
    assert counts["end"] == {"greedy": 1, **dict.fromkeys(others, 1)}
    statuses = [pod["status"]["containerStatuses"][0] for pod in world.pods("app=worker", two_workers.namespace)]
    assert [each["lastState"]["terminated"]["reason"] for each in statuses if each["restartCount"]] == ["OOMKilled"]


def test_a_busy_worker_that_fails_its_liveness_probe_ends_its_message(world: World, two_workers: Workers) -> None:
    two_workers.send({"name": "long", "seconds": SECONDS}, {"name": "longer", "seconds": SECONDS})
    two_workers.wait_until_busy(2)
    for pod in two_workers.pods():
        world.kubectl("-n", two_workers.namespace, "exec", pod, "--", "touch", "/tmp/dead")  # noqa: S108 - in the pod
    two_workers.wait_until_done()
    assert two_workers.reports() == {"begin": {"long": 1, "longer": 1}, "end": {"long": 1, "longer": 1}}
    pods = partial(world.pods, "app=worker", two_workers.namespace)
    eventually(lambda: all(restarts(pod) for pod in pods()), 60, "the restart of both")


def restarts(pod: dict[str, Any]) -> int:
    return int(pod["status"]["containerStatuses"][0]["restartCount"])
