"""The state server: /state, /livez, /readyz and /metrics, in threads of its own.

`runtime` starts it. The content comes from functions that it is given; the server itself reads no counts.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLIENT_TIMEOUT_SECONDS = 5.0

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The functions that return each endpoint's content."""

    state: Callable[[], Mapping[str, object]]
    livez: Callable[[], list[str]]
    """Problems that make the worker not alive."""
    readyz: Callable[[], list[str]]
    """Problems that make the worker not ready."""
    metrics: Callable[[str], tuple[bytes, str]]
    """The metrics for an Accept header, and their content type."""


class StateServer:
    """Serves from its construction until the process ends."""

    def __init__(self, host: str, port: int, endpoints: Endpoints) -> None:
        """Bind and serve.

        Raises:
            OSError: the address cannot be bound.
        """
        handler = type("Handler", (_Handler,), {"endpoints": endpoints})
        self._server = _Server((host, port), handler)
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self._server.server_address[1])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: that a client went away is not our error."""


class _Handler(BaseHTTPRequestHandler):
    endpoints: Endpoints
    timeout = CLIENT_TIMEOUT_SECONDS  # a client that sends nothing must not occupy a thread
    server_version = "queueworker"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path == "/state":
            self._send(HTTPStatus.OK, json.dumps(self.endpoints.state()).encode() + b"\n", "application/json")
        elif path == "/metrics":
            self._send(HTTPStatus.OK, *self.endpoints.metrics(self.headers.get("Accept", "")))
        elif path in {"/livez", "/readyz"}:
            problems = self.endpoints.livez() if path == "/livez" else self.endpoints.readyz()
            status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
            self._send(status, ("\n".join(problems or ["ok"]) + "\n").encode(), _TEXT)
        else:
            self._send(HTTPStatus.NOT_FOUND, b"not found: try /state, /livez, /readyz or /metrics\n", _TEXT)

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: probes come every few seconds."""
