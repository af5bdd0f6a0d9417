"""Rollouts and sidecars with the real controllers: busy workers stay, and nothing holds idle ones for ever."""

import json
from pathlib import Path

import pytest

from tests.cluster.operator.conftest import Shop
from tests.cluster.operator.workers import Workers

NEVER_READY = {"httpGet": {"path": "/", "port": 9}, "periodSeconds": 1}


@pytest.fixture
def workers(shop: Shop, tmp_path: Path) -> Workers:
    return Workers(shop, tmp_path / "busy")


def roll_out_what_crashes(shop: Shop) -> None:
    """Begin a rollout that gets nowhere, which the Deployment says after some seconds."""
    crashing = {"name": "worker", "command": ["sh", "-c", "exit 1"], "readinessProbe": NEVER_READY}
    spec = {
        "progressDeadlineSeconds": 20,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"spec": {"containers": [crashing]}},
    }
    shop.kubectl("patch", "deployment", "pods", "--patch", json.dumps({"spec": spec}))


def test_a_rollout_that_gets_nowhere_holds_for_some_time_and_costs_no_busy_worker(shop: Shop, workers: Workers) -> None:
    workers.start(5)
    busy = workers.work(1)
    roll_out_what_crashes(shop)
    updated = ("get", "deployment", "pods", "-o", "jsonpath={.status.updatedReplicas}")
    shop.eventually(lambda: shop.kubectl(*updated) == "1", 60, "the rollout did not begin")
    workers.scale_in()
    shop.eventually(
        lambda: shop.status("pods").get("lastDecision", {}).get("reason") == "RollingOut", 60, "nothing waits for it"
    )
    assert shop.replicas("pods") == 5
    shop.eventually(lambda: shop.replicas("pods") <= 2, 90, "the idle workers did not go")
    shop.eventually(lambda: len(workers.pods()) <= 3, 60, "the idle pods did not go")
    assert busy <= set(workers.pods())
    workers.rest()
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "the last one did not go")


def test_a_bound_that_falls_during_a_rollout_stops_no_busy_worker(shop: Shop, workers: Workers) -> None:
    workers.start(5)
    shop.pool("pods", shop.queue("pods"), minReplicas=5)
    shop.eventually(
        lambda: shop.condition("pods", "WorkersProtected") == ("True", "WorkersAnswer"), 60, "nobody has answered"
    )
    busy = workers.work(3)
    roll_out_what_crashes(shop)
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    shop.pool("pods", shop.queue("pods"), minReplicas=0, maxReplicas=1, behavior=at_once)
    shop.eventually(lambda: shop.replicas("pods") < 5, 90, "the rollout holds for ever")
    shop.eventually(lambda: len(workers.pods()) <= 5, 60, "the idle pods did not go")
    assert busy <= set(workers.pods())


def test_a_worker_that_crashes_beside_its_sidecar_holds_no_idle_one(shop: Shop, workers: Workers) -> None:
    lock = workers.folder.with_name("crashes")
    first = f'mkdir {lock} && echo "$QUEUEWORKER_STATE_HOST" > {lock}/host'
    crash = f'{first}; [ "$(cat {lock}/host)" = "$QUEUEWORKER_STATE_HOST" ] && exit 1'
    command = ["sh", "-c", f'{crash}; exec "$@"', "worker", *workers.command]
    worker = {"name": "worker", "image": "none", "command": command}
    proxy = {"name": "proxy", "image": "none", "command": ["sleep", "3600"]}
    shop.deployment("pods", command=workers.command)
    template = {"spec": {"containers": [worker, proxy]}}
    shop.kubectl("patch", "deployment", "pods", "--patch", json.dumps({"spec": {"replicas": 4, "template": template}}))
    shop.eventually(lambda: shop.ready("pods") == 3, 60, "not exactly one of them crashes")
    workers.scale_in()
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "the crashing one holds the idle ones")
