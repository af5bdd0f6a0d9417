"""The handlers that docs/handlers.md shows, run by real workers: hooks, middleware, spans, Sentry, cancellation."""

import gzip
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from docs.markdown import marked
from tests.adapters.worker.conftest import ROOT, Queue, StartWorker, Worker, until
from tests.serving import serving

PAGE = ROOT / "docs/handlers.md"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

StartExample = Callable[..., Worker]


@pytest.fixture
def start_example(start_worker: StartWorker, moto_queue: Queue, tmp_path: Path) -> StartExample:
    """Starts a worker with the handler of the page's block of this name."""

    def start(name: str, *flags: str, **env: str) -> Worker:
        (block,) = marked(PAGE.read_text(), f"test: {name}")
        (tmp_path / "shop.py").write_text(block.text.replace("orders.db", str(tmp_path / "orders.db")))
        paths = (ROOT / "worker", ROOT / "common", tmp_path)
        env |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), "QUEUEWORKER_WAIT_SECONDS": "1"}
        return start_worker(moto_queue, "--handler", "shop:handle", *flags, **env)

    return start


def end(worker: Worker, queue: Queue, depth: tuple[int, int] = (0, 0)) -> None:
    """End a worker once its messages have been handled."""
    until(lambda: queue.depth() == depth, 60, f"not handled: {worker.log.read_text()}")
    worker.signal()
    assert worker.wait() == 0


def test_start_up_and_shutdown(start_example: StartExample, moto_queue: Queue, tmp_path: Path) -> None:
    moto_queue.send("a", "b")
    end(start_example("hooks"), moto_queue)
    orders = sqlite3.connect(tmp_path / "orders.db")
    assert sorted(orders.execute("SELECT body FROM orders")) == [("a",), ("b",)]
    orders.close()


def test_middleware_and_the_message_of_a_line(start_example: StartExample, moto_queue: Queue) -> None:
    moto_queue.send("a")
    worker = start_example("middleware")
    end(worker, moto_queue)
    (shipping,), (done,) = worker.lines("shipping"), worker.lines("message done")
    assert done["milliseconds"] >= 0
    assert shipping["message_id"] == done["message_id"]
    assert shipping["queue"] == moto_queue.url


@pytest.mark.parametrize("flags", [(), ("--isolate",)], ids=["threads", "isolated"])
def test_spans(start_example: StartExample, moto_queue: Queue, flags: tuple[str, ...]) -> None:
    moto_queue.client.send_message(
        QueueUrl=moto_queue.url,
        MessageBody="a",
        MessageAttributes={"traceparent": {"DataType": "String", "StringValue": f"00-{TRACE}-00f067aa0ba902b7-01"}},
    )
    worker = start_example("otel", *flags)
    end(worker, moto_queue)
    charge, process = spans(worker.log.read_text())
    assert (process["name"], process["kind"]) == (f"process {moto_queue.url.rpartition('/')[2]}", "SpanKind.CONSUMER")
    assert process["attributes"]["messaging.system"] == "aws_sqs"
    assert process["attributes"]["queueworker.outcome"] == "succeeded"
    assert process["context"]["trace_id"] == charge["context"]["trace_id"] == f"0x{TRACE}"
    assert (process["parent_id"], charge["parent_id"]) == ("0x00f067aa0ba902b7", process["context"]["span_id"])


def spans(text: str) -> list[dict[str, Any]]:
    """Return what the console's exporter has written among other lines."""
    return [json.loads(found) for found in re.findall(r"^\{\n.*?^\}", text, re.MULTILINE | re.DOTALL)]


@contextmanager
def sentry() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes what is sent to Sentry; yields its DSN, and the events so far."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
            items = [json.loads(line) for line in body.splitlines() if line]
            events.extend(item for item in items if "exception" in item or "logentry" in item)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield f"http://key@{address}/1", events


@pytest.mark.parametrize("flags", [(), ("--isolate",)], ids=["threads", "isolated"])
def test_sentry(start_example: StartExample, moto_queue: Queue, flags: tuple[str, ...]) -> None:
    moto_queue.send("ask again", "broken")
    with sentry() as (dsn, events):
        worker = start_example("sentry", "--concurrency", "1", "--retry-seconds", "600", *flags, SENTRY_DSN=dsn)
        until(lambda: worker.state()["failed"] == 2, 60, worker.log.read_text())
        worker.signal()
        assert worker.wait() == 0
        until(lambda: bool(events), 60, "nothing was sent")  # the server may still have it in its hands
    (failed,) = worker.lines("handler failed")
    (event,) = events
    assert event["exception"]["values"][0]["value"] == "broken"
    assert event["tags"]["message_id"] == failed["message_id"]


def test_a_handler_that_is_cancelled(start_example: StartExample, moto_queue: Queue) -> None:
    moto_queue.send("a")
    worker = start_example("cancelled", "--grace-seconds", "0")
    until(lambda: worker.state()["busy"] == 1, 60, "the handler does not run")
    worker.signal()
    assert worker.wait() == 0
    assert moto_queue.depth() == (1, 0)
    assert worker.lines("message released by its handler")
