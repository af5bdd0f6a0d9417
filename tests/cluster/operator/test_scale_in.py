"""Scale-in with the real ReplicaSet controller: idle pods go, busy ones stay, and marks on pods are right."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from devcluster import CommandFailedError
from tests.cluster.operator.conftest import Operator, Shop
from tests.cluster.operator.workers import Workers
from tests.serving import serving

EXAMPLE = Path(__file__).parents[3] / "examples" / "pod-disruption-budget.yaml"
COST = "controller.kubernetes.io/pod-deletion-cost"
OURS = str(-(2**31) + 1)

ODD_ANSWERS = ("NaN", "wrong types", "negative", "huge", "slow", "redirecting")


@pytest.fixture
def workers(shop: Shop, tmp_path: Path) -> Workers:
    return Workers(shop, tmp_path / "busy")


def test_idle_pods_go_and_busy_ones_stay_until_they_are_idle(shop: Shop, workers: Workers, operator: Operator) -> None:
    workers.start()
    busy = workers.work(2)
    workers.scale_in()
    shop.eventually(lambda: shop.replicas("pods") == 2, 60, "the idle pods did not go")
    shop.eventually(lambda: set(workers.pods()) == busy, 60, "not the busy pods are left")
    shop.eventually(
        lambda: shop.status("pods")["lastDecision"]["reason"] == "WaitingForIdleWorkers",
        60,
        "the wait was not reported",
    )
    assert "waitingSince" in shop.status("pods")["memory"]
    assert shop.condition("pods", "WorkersProtected") == ("True", "WorkersAnswer")
    gauge = f'queueworkerpool_waiting_for_idle_workers{{namespace="{shop.namespace}",pool="pods"}}'

    def shown() -> list[str]:
        return [line.split()[-1] for line in operator.get("/metrics").splitlines() if line.startswith(gauge)]

    # The last pod also waits for surely being empty.
    shop.eventually(lambda: shown() in (["1.0"], ["2.0"]), 60, "the metrics do not show the wait")
    assert all(COST not in pod["metadata"].get("annotations", {}) for pod in workers.pods().values())
    workers.rest()
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "the pods did not go when their workers were idle")


def test_busy_pods_go_when_the_wait_is_over(shop: Shop, workers: Workers) -> None:
    workers.start()
    workers.work(4)
    workers.scale_in(maxWaitSeconds=15)  # long enough to be seen
    shop.eventually(
        lambda: shop.status("pods").get("lastDecision", {}).get("reason") == "WaitingForIdleWorkers", 60, "no pod waits"
    )
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "the wait has no end")


def test_drain_does_not_wait(shop: Shop, workers: Workers) -> None:
    workers.start()
    workers.work(4)
    workers.scale_in(busyWorkers="Drain")
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "Drain waits")
    drained = ("False", "BusyWorkersDrained")
    shop.eventually(lambda: shop.condition("pods", "WorkersProtected") == drained, 60, "nobody says so")


def test_where_no_worker_answers_scale_in_goes_on_and_reports_it(shop: Shop, workers: Workers) -> None:
    workers.start()
    workers.work(4)
    workers.scale_in(statePort=8082)
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "silent workers hold the pool")
    silent = ("False", "WorkersSilent")
    shop.eventually(lambda: shop.condition("pods", "WorkersProtected") == silent, 60, "nobody says so")


def test_a_worker_that_answers_nonsense_counts_as_busy_and_redirects_nothing(shop: Shop, workers: Workers) -> None:
    workers.start(len(ODD_ANSWERS) + 2)
    odd_ones = workers.answer(ODD_ANSWERS)
    with trap() as (address, caught):
        workers.folder.with_name("trap").write_text(address)
        workers.scale_in()
        shop.eventually(lambda: shop.replicas("pods") == len(ODD_ANSWERS), 60, "the others did not go")
        shop.eventually(lambda: set(workers.pods()) == odd_ones, 60, "others than the idle ones went")
        reason = "WaitingForIdleWorkers"
        shop.eventually(
            lambda: shop.status("pods")["lastDecision"]["reason"] == reason, 60, "the wait was not reported"
        )
        assert {path.name for path in workers.requested.iterdir()} >= odd_ones, "not every worker was requested"
        assert caught == []


def test_a_pod_that_only_looks_like_a_worker_is_neither_requested_nor_marked(shop: Shop, workers: Workers) -> None:
    workers.start()
    container = {"name": "worker", "image": "none", "command": workers.command}
    metadata = {"name": "stranger", "labels": {"app": "pods"}, "ownerReferences": []}
    shop.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    running = ("get", "pod", "stranger", "-o", "jsonpath={.status.phase} {.status.podIP}")
    shop.eventually(lambda: shop.kubectl(*running).startswith("Running "), 60, "the pod does not run")
    workers.scale_in()
    shop.eventually(lambda: shop.replicas("pods") == 0, 60, "the idle workers did not go")
    assert shop.kubectl(*running).split()[1] not in {path.name for path in workers.requested.iterdir()}
    stranger = json.loads(shop.kubectl("get", "pod", "stranger", "-o", "json"))["metadata"]
    assert COST not in stranger.get("annotations", {})
    assert "deletionTimestamp" not in stranger


@contextmanager
def trap() -> Iterator[tuple[str, list[str]]]:
    """Serve at an address that no client should be redirected to; yield it, and the requests that arrive."""
    caught: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            caught.append(self.path)
            self.send_error(404)

    with serving(HTTPServer(("127.0.0.1", 0), Trap)) as address:
        yield address, caught


def test_the_mark_of_a_scale_in_that_did_not_happen_is_taken_away(shop: Shop, workers: Workers) -> None:
    workers.start()
    name = next(iter(workers.pods().values()))["metadata"]["name"]
    shop.kubectl("annotate", "pod", name, f"{COST}={OURS}")
    shop.pool("pods", shop.queue("pods"), minReplicas=4)
    shop.eventually(
        lambda: all(COST not in pod["metadata"].get("annotations", {}) for pod in workers.pods().values()),
        60,
        "the stray mark is still there",
    )
    assert shop.replicas("pods") == 4


def test_the_disruption_budget_of_the_examples_lets_one_worker_go_at_a_time(shop: Shop) -> None:
    shop.deployment("thumbnailer", replicas=3)
    shop.kubectl("apply", "-f", str(EXAMPLE))
    shop.eventually(lambda: shop.ready("thumbnailer") == 3, 60, "the workers did not become ready")
    allowed = ("get", "pdb", "thumbnailer", "-o", "jsonpath={.status.disruptionsAllowed}")
    shop.eventually(lambda: shop.kubectl(*allowed) == "1", 60, "the budget does not count the workers")
    first, second, _ = shop.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split()
    with drained(shop):
        evict(shop, first)
        with pytest.raises(CommandFailedError, match="disruption budget"):
            evict(shop, second)


@contextmanager
def drained(shop: Shop) -> Iterator[None]:
    """Cordon the node while the body runs, as a drain begins."""
    node = shop.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    shop.kubectl("cordon", node)
    try:
        yield
    finally:
        shop.kubectl("uncordon", node)


def evict(shop: Shop, pod: str) -> None:
    """Evict a pod, as a drain of its node does."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    path = f"/api/v1/namespaces/{shop.namespace}/pods/{pod}/eviction"
    shop.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))
