"""The worker's server under clients that mean no good, and on IPv6: probes and the operator get their answers."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boundedhttp.server import MAX_CONNECTIONS
from queueworker.server import Endpoints, StateServer
from tests.adapters.worker.conftest import Queue, StartWorker, Worker

PROBE_SECONDS = 4.0
"""The time-out of a probe on a busy machine; less than the five seconds after which slow connections end anyway."""
OWN_THREADS = 6
"""Those of a worker that nobody asks, its handler's included."""


def get(port: int, path: str, host: str = "127.0.0.1", seconds: float = PROBE_SECONDS) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=seconds)) as client:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read().decode()


def threads_and_files(worker: Worker) -> tuple[int, int]:
    process = Path(f"/proc/{worker.process.pid}")
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))


@pytest.fixture
def clients() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_a_worker_under_400_slow_connections_answers_probes_and_the_operator_and_ends(
    moto_queue: Queue, start_worker: StartWorker, clients: contextlib.ExitStack
) -> None:
    moto_queue.send("job 60")
    flags = ("--handler", "job_handlers:sleep", "--wait-seconds", "1", "--grace-seconds", "1")
    worker = start_worker(moto_queue, *flags)
    worker.until_events(1, "started")
    port = worker.port
    threads, files = threads_and_files(worker)
    assert threads <= OWN_THREADS
    slow = [clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(400)]
    for _ in range(10):
        for client in slow:
            with contextlib.suppress(OSError):
                client.send(b"GET /livez HTTP/1.1\r\nX: y" if client.fileno() % 2 else b"G")
        assert get(port, "/livez") == (200, "ok\n")
        assert get(port, "/readyz") == (200, "ok\n")
        assert json.loads(get(port, "/state")[1])["busy"] == 1
        assert get(port, "/metrics")[0] == 200
        now_threads, now_files = threads_and_files(worker)
        assert now_threads <= threads + MAX_CONNECTIONS + 1
        assert now_files <= files + MAX_CONNECTIONS + 1
    worker.signal()
    assert worker.wait() == 0


@pytest.mark.parametrize("host", ["", "::"])
def test_a_worker_serves_ipv6_and_ipv4(moto_queue: Queue, start_worker: StartWorker, host: str) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", QUEUEWORKER_STATE_HOST=host)
    assert [get(worker.port, "/livez", address) for address in ("127.0.0.1", "::1")] == [(200, "ok\n")] * 2
    assert worker.lines("worker started")[0]["address"] == f"[::]:{worker.port}"


def test_forty_scrapers_at_once_have_the_metrics_rendered_once_at_a_time(clients: contextlib.ExitStack) -> None:
    go_on, rendering, together = threading.Event(), threading.Semaphore(1), []

    def render(_: str) -> tuple[list[bytes], str]:
        alone = rendering.acquire(blocking=False)
        together.append(not alone)
        assert go_on.wait(60)
        if alone:
            rendering.release()
        return [b"metr", b"ics\n"], "text/plain"

    server = StateServer("127.0.0.1", 0, Endpoints(state=dict, livez=list, readyz=list, metrics=render))
    clients.callback(server._server.server_close)
    clients.callback(server._server.shutdown)
    with ThreadPoolExecutor(40) as scrapers:
        answers = [scrapers.submit(get, server.port, "/metrics", seconds=60) for _ in range(40)]
        while len(server._server.connections._open) < len(answers):
            assert get(server.port, "/livez") == (200, "ok\n"), "a probe waits for a rendering"
        go_on.set()
        assert {answer.result() for answer in answers} == {(200, "metrics\n")}
    assert not any(together)
    assert len(together) < 10, "those who wait share one"
