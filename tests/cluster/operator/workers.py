"""Workers whose pods answer on /state as a test wants."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.operator.conftest import Shop

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
        folder.with_name("requested").joinpath(address).touch()
        file = folder / address
        how = file.read_text() if file.exists() else None
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
"""A worker: it is idle, unless there is a file with the name of its address; an empty file means busy."""


class Workers:
    """The workers of a pool whose queue is empty; the pool is created last."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        self.requested = folder.with_name("requested")
        for each in (folder, self.requested):
            each.mkdir()
        self.command = [sys.executable, "-c", WORKER, str(folder)]

    def start(self, count: int = 4) -> None:
        """Start this many workers, and wait until they are ready."""
        self.shop.deployment("pods", replicas=count, command=self.command)
        self.shop.eventually(lambda: self.shop.ready("pods") == count, 60, "the workers did not become ready")

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the pods that are not about to end, by address; one that has none yet, by name."""
        listed = json.loads(self.shop.kubectl("get", "pods", "-l", "app=pods", "-o", "json"))["items"]
        return {
            pod["status"].get("podIP", pod["metadata"]["name"]): pod
            for pod in listed
            if "deletionTimestamp" not in pod["metadata"]
        }

    def work(self, count: int) -> set[str]:
        """Make this many workers busy; return their addresses."""
        busy = set(sorted(self.pods())[:count])
        assert len(busy) == count, "there are not so many workers"
        for address in busy:
            (self.folder / address).touch()
        return busy

    def answer(self, ways: Sequence[str]) -> set[str]:
        """Make one worker answer in each of these ways; return their addresses."""
        chosen = dict(zip(sorted(self.pods()), ways, strict=False))
        for address, way in chosen.items():
            (self.folder / address).write_text(way)
        return set(chosen)

    def rest(self) -> None:
        """Make all workers idle."""
        for path in self.folder.iterdir():
            path.unlink()

    def scale_in(self, **scale_in: Any) -> None:
        """Create the pool, whose queue calls for no pods."""
        at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        queue = self.shop.queue("pods")
        self.shop.pool("pods", queue, behavior=at_once, scaleToZeroAfterSeconds=1, scaleIn=scale_in)
