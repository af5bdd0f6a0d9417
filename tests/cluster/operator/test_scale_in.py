"""Scale-in with the real ReplicaSet controller: idle pods go, busy ones stay, and the marks on pods tell the truth."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from devcluster import CommandFailedError
from tests.cluster.operator.conftest import Operator, Shop

EXAMPLE = Path(__file__).parents[3] / "examples" / "pod-disruption-budget.yaml"
COST = "controller.kubernetes.io/pod-deletion-cost"
OURS = str(-(2**31) + 1)

WORKER = """
import http.server, json, os, pathlib, sys, time

folder, address = pathlib.Path(sys.argv[1]), os.environ["QUEUEWORKER_STATE_HOST"]
ANSWERS = {
    "": '{"busy": 1, "concurrency": 1}',
    "NaN": '{"busy": NaN, "concurrency": 1}',
    "wrong types": '{"busy": "0", "concurrency": [1]}',
    "negative": '{"busy": -1, "concurrency": 1}',
    "huge": '{"busy": 0, "concurrency": 1}' + " " * 10_000_000,
    "slow": '{"busy": 0, "concurrency": 1}',
    "redirecting": "",
}

class State(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        folder.with_name("asked").joinpath(address).touch()
        told = folder / address
        how = told.read_text() if told.exists() else None
        body = ANSWERS.get(how, '{"busy": 0, "concurrency": 1}').encode()
        self.send_response(302 if how == "redirecting" else 200)
        if how == "redirecting":
            self.send_header("Location", f"http://{folder.with_name('trap').read_text()}/state")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for part in range(0, len(body), 5 if how == "slow" else len(body)):
            self.wfile.write(body[part:part + (5 if how == "slow" else len(body))])
            time.sleep(0.5 if how == "slow" else 0)

http.server.ThreadingHTTPServer((address, 8081), State).serve_forever()
"""
"""A worker of any make: it is idle, unless a file with the name of its address says otherwise; empty means busy."""

LIES = ("NaN", "wrong types", "negative", "huge", "slow", "redirecting")


class Workers:
    """The workers of a pool whose queue is empty, four unless told otherwise; the pool comes last."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        self.asked = folder.with_name("asked")
        for each in (folder, self.asked):
            each.mkdir()
        self.command = [sys.executable, "-c", WORKER, str(folder)]

    def start(self, count: int = 4) -> None:
        """Start so many, and wait until they are ready."""
        self.shop.deployment("crew", replicas=count, command=self.command)
        self.shop.eventually(lambda: self.shop.ready("crew") == count, 60, "the workers did not become ready")

    def pods(self) -> dict[str, dict[str, Any]]:
        """The pods that stay, by address."""
        listed = json.loads(self.shop.kubectl("get", "pods", "-l", "app=crew", "-o", "json"))["items"]
        return {pod["status"]["podIP"]: pod for pod in listed if "deletionTimestamp" not in pod["metadata"]}

    def work(self, count: int) -> set[str]:
        """Make so many of them busy; returns their addresses."""
        busy = set(sorted(self.pods())[:count])
        for address in busy:
            (self.folder / address).touch()
        return busy

    def lie(self, ways: Sequence[str]) -> set[str]:
        """Make one of them lie in each of these ways; returns their addresses."""
        liars = dict(zip(sorted(self.pods()), ways, strict=False))
        for address, way in liars.items():
            (self.folder / address).write_text(way)
        return set(liars)

    def rest(self) -> None:
        """Make all of them idle."""
        for path in self.folder.iterdir():
            path.unlink()

    def scale_in(self, **scale_in: Any) -> None:
        """Let the pool call for nobody."""
        at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        queue = self.shop.queue("crew")
        self.shop.pool("crew", queue, behavior=at_once, scaleToZeroAfterSeconds=1, scaleIn=scale_in)


@pytest.fixture
def workers(shop: Shop, tmp_path: Path) -> Workers:
    return Workers(shop, tmp_path / "busy")


def test_idle_pods_go_and_busy_ones_stay_until_they_are_idle(shop: Shop, workers: Workers, operator: Operator) -> None:
    workers.start()
    busy = workers.work(2)
    workers.scale_in()
    shop.eventually(lambda: shop.replicas("crew") == 2, 30, "the idle pods did not go")
    shop.eventually(lambda: set(workers.pods()) == busy, 30, "not the busy pods are left")
    shop.eventually(
        lambda: shop.status("crew")["lastDecision"]["reason"] == "WaitingForIdleWorkers", 15, "the wait was not told"
    )
    assert "waitingSince" in shop.status("crew")["memory"]
    assert shop.condition("crew", "WorkersProtected") == ("True", "WorkersAnswer")
    gauge = f'queueworkerpool_waiting_for_idle_workers{{namespace="{shop.namespace}",pool="crew"}}'
    shown = [line for line in operator.get("/metrics").splitlines() if line.startswith(gauge)]
    assert [line.split()[-1] for line in shown] in (["1.0"], ["2.0"])  # the last pod also waits for surely being empty
    assert all(COST not in pod["metadata"].get("annotations", {}) for pod in workers.pods().values())
    workers.rest()
    shop.eventually(lambda: shop.replicas("crew") == 0, 30, "the pods did not go when their workers were idle")


def test_busy_pods_go_when_the_wait_is_over(shop: Shop, workers: Workers) -> None:
    workers.start()
    workers.work(4)
    workers.scale_in(maxWaitSeconds=3)
    shop.eventually(
        lambda: shop.status("crew").get("lastDecision", {}).get("reason") == "WaitingForIdleWorkers", 15, "nobody waits"
    )
    shop.eventually(lambda: shop.replicas("crew") == 0, 30, "the wait has no end")


def test_drain_does_not_wait(shop: Shop, workers: Workers) -> None:
    workers.start()
    workers.work(4)
    workers.scale_in(busyWorkers="Drain")
    shop.eventually(lambda: shop.replicas("crew") == 0, 30, "Drain waits")
    assert shop.condition("crew", "WorkersProtected") == ("False", "BusyWorkersDrained")


def test_where_nobody_answers_scale_in_goes_on_and_says_so(shop: Shop, workers: Workers) -> None:
    workers.start()
    workers.work(4)
    workers.scale_in(statePort=8082)
    shop.eventually(lambda: shop.replicas("crew") == 0, 30, "silent workers hold the pool")
    assert shop.condition("crew", "WorkersProtected") == ("False", "WorkersSilent")


def test_whoever_answers_nonsense_counts_as_busy_and_leads_nowhere(shop: Shop, workers: Workers) -> None:
    workers.start(len(LIES) + 2)
    liars = workers.lie(LIES)
    with trap() as (address, caught):
        workers.folder.with_name("trap").write_text(address)
        workers.scale_in()
        shop.eventually(lambda: shop.replicas("crew") == len(LIES), 40, "the honest ones did not go")
        shop.eventually(lambda: set(workers.pods()) == liars, 30, "others than the honest ones went")
        reason = "WaitingForIdleWorkers"
        shop.eventually(lambda: shop.status("crew")["lastDecision"]["reason"] == reason, 30, "the wait was not told")
        assert {path.name for path in workers.asked.iterdir()} >= liars, "not everybody was asked"
        assert caught == []


def test_a_pod_that_only_looks_like_a_worker_is_neither_asked_nor_marked(shop: Shop, workers: Workers) -> None:
    workers.start()
    container = {"name": "worker", "image": "none", "command": workers.command}
    metadata = {"name": "stranger", "labels": {"app": "crew"}, "ownerReferences": []}
    shop.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    running = ("get", "pod", "stranger", "-o", "jsonpath={.status.phase} {.status.podIP}")
    shop.eventually(lambda: shop.kubectl(*running).startswith("Running "), 30, "the pod does not run")
    workers.scale_in()
    shop.eventually(lambda: shop.replicas("crew") == 0, 30, "the idle workers did not go")
    assert shop.kubectl(*running).split()[1] not in {path.name for path in workers.asked.iterdir()}
    stranger = json.loads(shop.kubectl("get", "pod", "stranger", "-o", "json"))["metadata"]
    assert COST not in stranger.get("annotations", {})
    assert "deletionTimestamp" not in stranger


@contextmanager
def trap() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody should be led to: its address, and the requests that came."""
    caught: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            caught.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Trap)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", caught
    finally:
        server.shutdown()
        server.server_close()


def test_the_mark_of_a_scale_in_that_did_not_happen_is_taken_away(shop: Shop, workers: Workers) -> None:
    workers.start()
    name = next(iter(workers.pods().values()))["metadata"]["name"]
    shop.kubectl("annotate", "pod", name, f"{COST}={OURS}")
    shop.pool("crew", shop.queue("crew"), minReplicas=4)
    shop.eventually(
        lambda: all(COST not in pod["metadata"].get("annotations", {}) for pod in workers.pods().values()),
        30,
        "the stray mark is still there",
    )
    assert shop.replicas("crew") == 4


def test_the_disruption_budget_of_the_examples_lets_one_worker_go_at_a_time(shop: Shop) -> None:
    shop.deployment("thumbnailer", replicas=3)
    shop.kubectl("apply", "-f", str(EXAMPLE))
    shop.eventually(lambda: shop.ready("thumbnailer") == 3, 60, "the workers did not become ready")
    allowed = ("get", "pdb", "thumbnailer", "-o", "jsonpath={.status.disruptionsAllowed}")
    shop.eventually(lambda: shop.kubectl(*allowed) == "1", 30, "the budget does not see the workers")
    first, second, _ = shop.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split()
    with drained(shop):
        evict(shop, first)
        with pytest.raises(CommandFailedError, match="disruption budget"):
            evict(shop, second)


@contextmanager
def drained(shop: Shop) -> Iterator[None]:
    """Let the node take no new pods meanwhile, as a drain begins."""
    node = shop.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    shop.kubectl("cordon", node)
    try:
        yield
    finally:
        shop.kubectl("uncordon", node)


def evict(shop: Shop, pod: str) -> None:
    """Ask for a pod's end as whoever drains a node does."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    path = f"/api/v1/namespaces/{shop.namespace}/pods/{pod}/eviction"
    shop.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))
