"""A small External Metrics API: it plays a series of loads to the HPA controller and notes what the HPA saw each time.

The HPA reads its metric once per sync, so a read is a sync: the k-th one is answered with the k-th load of its series.
"""

import json
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from devcluster.certificates import KeyPair

GROUP = "external.metrics.k8s.io"
API = f"/apis/{GROUP}/v1beta1"


@dataclass(frozen=True)
class Sync:
    """One sync of the HPA: its time, the load it read, and the Deployment's requested, existing and ready pods."""

    time: datetime
    load: int
    replicas: int
    there: int
    ready: int = 0


class ExternalMetrics:
    """The server, while the `with` body runs; `syncs` holds what was seen of each series so far."""

    def __init__(
        self, pair: KeyPair, loads: Mapping[str, Sequence[int]], read_scale: Callable[[str], tuple[int, ...]]
    ) -> None:
        self.syncs: dict[str, list[Sync]] = {name: [] for name in loads}
        self._loads = loads
        self._read_scale = read_scale
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False  # the API server keeps its connections open
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pair.certificate, pair.key)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._server.server_address[1])

    @property
    def played(self) -> bool:
        """Whether each series was read to its end, and once more, to see what became of its last load."""
        return all(len(self.syncs[name]) > len(loads) for name, loads in self._loads.items())

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return the object at PATH; None when there is none."""
        if path == API:
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1beta1", "resources": []}
        name = path.rsplit("/", 1)[-1]
        return self._read(name) if path.startswith(f"{API}/namespaces/") and name in self._loads else None

    def _read(self, name: str) -> dict[str, Any]:
        syncs, loads = self.syncs[name], self._loads[name]
        load = loads[min(len(syncs), len(loads) - 1)]
        sizes = self._read_scale(name)
        now = datetime.now(UTC)
        syncs.append(Sync(now, load, *sizes))
        value = {
            "metricName": name,
            "metricLabels": {},
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "value": str(load),
        }
        return {
            "kind": "ExternalMetricValueList",
            "apiVersion": f"{GROUP}/v1beta1",
            "metadata": {},
            "items": [value],
        }


def registration(port: int, namespace: str) -> list[dict[str, Any]]:
    """The metrics server as an aggregated API; an external name, for Endpoints may not hold loopback addresses."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics", "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }
    spec = {
        "group": GROUP,
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": "metrics", "namespace": namespace, "port": port},
    }
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1beta1.{GROUP}"},
        "spec": spec,
    }
    return [service, api]


def _handler(metrics: ExternalMetrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = metrics.answer(self.path.split("?")[0])
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the library calls it so
            """Log nothing: the API server sends requests all the time."""

    return Handler
