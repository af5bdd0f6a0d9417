"""The command line as users call it, against a small HTTP server that answers as the API server does."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from queueworkerpool.__main__ import main
from tests.serving import kubeconfig, serving
from tests.unit.operator.builders import raw_pool, reading
from tests.unit.operator.fakes import observe, status_of

POOLS = "/apis/queueworker.dev/v1alpha1/namespaces/shop/queueworkerpools"
POOL = f"{POOLS}/thumbnails"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/thumbnailer"
STATUS = json.loads(json.dumps(status_of(observe({"reading": reading(60)}))))

Api = dict[str, dict[str, Any]]


def stored(name: str = "thumbnails", status: dict[str, Any] = STATUS, **spec: Any) -> dict[str, Any]:
    """A pool as the API server stores it, with a status of ten pods and 60 messages."""
    pool = raw_pool(**spec)
    return pool | {"kind": "QueueWorkerPool", "metadata": pool["metadata"] | {"name": name}, "status": status}


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "List", "metadata": {}, "items": list(items)}


def refused(sentence: str) -> dict[str, Any]:
    """The answer of an API server that does not let us do something."""
    return {"kind": "Status", "code": 403, "message": sentence}


def deployment(replicas: int) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"resourceVersion": "500"},
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": replicas, "replicas": replicas, "updatedReplicas": replicas},
    }


def qwp(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Api, int]]:
    """What the API server holds, by path, and its port."""
    held: Api = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = held.get(self.path.partition("?")[0], {"kind": "Status", "code": 404})
            body = found.get("text", json.dumps(found)).encode()
            self.send_response(found.get("code", 200))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield held, int(address.rpartition(":")[2])


@pytest.fixture
def api(served: tuple[Api, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """An API server with a pool, its status and its Deployment; KUBECONFIG points to it."""
    held, port = served
    held.clear()
    held[POOL] = stored()
    held[DEPLOYMENT] = deployment(10)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", port, "shop")))
    return held
