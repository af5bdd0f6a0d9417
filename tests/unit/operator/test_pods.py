"""What raw pods and Deployments say: which container is the worker, and whether a rollout gets on."""

from typing import Any

import pytest

from queueworkerpool.cluster.objects import MAIN_CONTAINER, parse_pod
from queueworkerpool.model import Target

UP: dict[str, Any] = {"running": {}}
DOWN: dict[str, Any] = {"waiting": {"reason": "CrashLoopBackOff"}}


def raw_pod(states: dict[str, dict[str, Any]], sidecars: tuple[str, ...] = (), **differs: Any) -> dict[str, Any]:
    """A pod with these containers. `main`: the one that an annotation names; `port`: the one that names the port."""
    ports = {"ports": [{"containerPort": 8081}]}
    containers = [{"name": name} | (ports if name == differs.get("port") else {}) for name in states]
    statuses = [{"name": name, "state": state} for name, state in states.items()]
    main = {MAIN_CONTAINER: differs["main"]} if "main" in differs else {}
    return {
        "metadata": {
            "name": "pod",
            "uid": "uid",
            "creationTimestamp": "2026-11-23T11:00:00Z",
            "annotations": main,
            "labels": {"pod-template-hash": "abc"},
        },
        "spec": {
            "nodeName": "node",
            "containers": [each for each in containers if each["name"] not in sidecars],
            "initContainers": [each | {"restartPolicy": "Always"} for each in containers if each["name"] in sidecars],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [each for each in statuses if each["name"] not in sidecars],
            "initContainerStatuses": [each for each in statuses if each["name"] in sidecars],
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-23T11:30:00Z"}],
        },
    }


PODS: dict[str, tuple[dict[str, Any], bool]] = {
    "one container that runs": (raw_pod({"worker": UP}), True),
    "one container that crashed": (raw_pod({"worker": DOWN}), False),
    "one that crashed beside one that runs": (raw_pod({"worker": DOWN, "proxy": UP}), False),
    "the worker runs, by its port": (raw_pod({"worker": UP, "proxy": DOWN}, port="worker"), True),
    "the worker crashed, by its port": (raw_pod({"worker": DOWN, "proxy": UP}, port="worker"), False),
    "the worker runs, by the annotation": (raw_pod({"worker": UP, "proxy": DOWN}, main="worker"), True),
    "the worker crashed beside a native sidecar": (raw_pod({"worker": DOWN, "proxy": UP}, ("proxy",)), False),
    "a native sidecar crashed beside the worker": (raw_pod({"worker": UP, "proxy": DOWN}, ("proxy",)), True),
    "the worker is a native sidecar": (raw_pod({"job": DOWN, "worker": UP}, ("worker",), port="worker"), True),
}


@pytest.mark.parametrize(("raw", "runs"), PODS.values(), ids=PODS)
def test_whether_the_worker_runs(raw: dict[str, Any], runs: bool) -> None:
    assert parse_pod(raw).runs_worker(8081) is runs


def test_the_rest_of_a_pod() -> None:
    pod = parse_pod(raw_pod({"worker": DOWN, "proxy": UP}))
    assert (pod.replica_set, pod.is_up) == ("abc", True)
    assert pod.unready_since
    assert f"{pod.unready_since:%H:%M}" == "11:30"


STUCK = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
ROLLOUTS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "every pod is of the template": ({}, {"updatedReplicas": 4}, False),
    "pods are replaced": ({}, {"updatedReplicas": 1}, True),
    "the Deployment says that it gets on": ({}, {"conditions": [STUCK | {"status": "True"}]}, True),
    "the Deployment has given up": ({}, {"conditions": [STUCK]}, False),
    "it has given up an older template": ({}, {"conditions": [STUCK], "observedGeneration": 1}, True),
    "it is paused": ({"paused": True}, {"updatedReplicas": 0}, False),
}


@pytest.mark.parametrize(("spec", "status", "rolling_out"), ROLLOUTS.values(), ids=ROLLOUTS)
def test_whether_a_rollout_gets_on(spec: dict[str, Any], status: dict[str, Any], rolling_out: bool) -> None:
    body = {
        "metadata": {"resourceVersion": "5", "generation": 2},
        "spec": {"replicas": 4} | spec,
        "status": {"replicas": 4, "observedGeneration": 2} | status,
    }
    assert Target.parse(body).rolling_out is rolling_out
