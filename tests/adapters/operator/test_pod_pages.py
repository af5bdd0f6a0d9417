"""Lists of pods, from a server that honours `limit` and `continue` as the API server does: how much is in memory."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from queueworkerpool.cluster import KubernetesCluster, connection
from queueworkerpool.cluster.pages import FIRST_LIMIT, MOST_LIMIT
from queueworkerpool.errors import ClusterError
from queueworkerpool.model import ScaleTarget
from tests.adapters.operator.conftest import Open
from tests.adapters.operator.test_cluster_faults import kubeconfig
from tests.serving import serving

JOBS = ScaleTarget("shop", "jobs")
MIB = 1024 * 1024


def raw_pod(number: int, padding: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"jobs-1-{number:05}",
            "uid": f"uid-{number}",
            "creationTimestamp": "2026-11-23T12:00:00Z",
            "labels": {"pod-template-hash": "1"},
            "annotations": {"padding": padding},
            "ownerReferences": [{"kind": "ReplicaSet", "controller": True, "name": "jobs-1"}],
        },
        "spec": {"nodeName": "n"},
        "status": {"podIP": "10.0.0.1", "phase": "Running"},
    }


class Pods:
    """So many pods with so much padding; what was asked for."""

    def __init__(self, count: int, padding: int) -> None:
        self.count = count
        self.padding = "x" * padding
        self.limits: list[int] = []
        self.queries: list[dict[str, list[str]]] = []

    def page(self, query: dict[str, list[str]]) -> Iterator[bytes]:
        """Yield the parts of a page, as little at a time as the test's own memory should have."""
        self.queries.append(query)
        limit = int(query.get("limit", ["0"])[0]) or self.count
        self.limits.append(limit)
        start = int(query.get("continue", ["0"])[0])
        end = min(self.count, start + limit)
        following = {"continue": str(end)} if end < self.count else {}
        yield b'{"kind": "PodList", "metadata": %s, "items": [' % json.dumps(following).encode()
        for number in range(start, end):
            yield (b", " if number > start else b"") + json.dumps(raw_pod(number, self.padding)).encode()
        yield b"]}"


@pytest.fixture
def listing(opened: Open, tmp_path: Path) -> Iterator[Any]:
    """Returns a client of a server that has these pods."""
    pods = Pods(0, 0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            for part in pods.page(parse_qs(urlsplit(self.path).query)):
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # the client gave the page up
                self.close_connection = True

    def start(count: int, padding: int = 0) -> tuple[KubernetesCluster, Pods]:
        pods.count, pods.padding = count, "x" * padding
        return opened(kubeconfig(tmp_path, f"http://{address}")), pods

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield start


async def test_all_pods_come_by_pages_that_grow(listing: Any) -> None:
    cluster, pods = listing(1200)
    found = await cluster.pods(JOBS, "app=jobs")
    assert len({pod.uid for pod in found}) == len(found) == 1200
    assert pods.limits == [FIRST_LIMIT, 100, 200, 400, MOST_LIMIT]
    assert all("resourceVersion" not in query for query in pods.queries), "the API server's cache ignores the limit"


@pytest.mark.parametrize(("limit", "limits"), [(20, [20]), (60, [50, 10]), (500, [50, 100, 200, 150])])
async def test_a_sample_stops_where_it_has_enough(listing: Any, limit: int, limits: list[int]) -> None:
    cluster, pods = listing(1200)
    assert len(await cluster.pods(JOBS, "app=jobs", limit)) == limit
    assert pods.limits == limits


async def test_large_pods_come_by_small_pages(listing: Any) -> None:
    cluster, pods = listing(120, 240_000)
    assert len(await cluster.pods(JOBS, "app=jobs")) == 120
    assert pods.limits == [50, *[12] * 10]


async def test_eight_queries_of_large_pods_stay_within_the_memory_of_two_pages(listing: Any) -> None:
    cluster, _ = listing(120, 240_000)
    tracemalloc.start()
    try:
        found = await asyncio.gather(*(cluster.pods(JOBS, "app=jobs") for _ in range(8)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [len(pods) for pods in found] == [120] * 8
    assert peak < 48 * MIB


async def test_a_short_list_waits_for_pages_of_long_ones_and_not_for_all_of_them(listing: Any) -> None:
    cluster, _ = listing(120, 240_000)
    long = [asyncio.create_task(cluster.pods(JOBS, "app=jobs")) for _ in range(4)]
    await asyncio.sleep(0)
    assert len(await cluster.pods(JOBS, "app=jobs", 1)) == 1
    assert not any(task.done() for task in long)
    assert [len(pods) for pods in await asyncio.gather(*long)] == [120] * 4


async def test_a_pod_larger_than_any_answer_is_an_error_that_says_so(
    listing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_BYTES", 5 * MIB)
    cluster, pods = listing(3, 17 * MIB)
    with pytest.raises(ClusterError, match=r"larger than \d+ bytes"):
        await cluster.pods(JOBS, "app=jobs")
    assert pods.limits == [50, 12, 3, 1][: len(pods.limits)]
