"""The HTTP server of /metrics, /livez and /readyz. Runs in threads of its own, so that it can tell of a frozen loop.

`process` starts and stops it. It knows nothing about pools: what to answer arrives as functions.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLIENT_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answers:
    """What to answer: the metrics for an Accept header, and the reasons against being alive and ready."""

    metrics: Callable[[str], tuple[bytes, str]]
    livez: Callable[[], list[str]]
    readyz: Callable[[], list[str]]


class HttpServer:
    """Serves from its construction until it is closed."""

    def __init__(self, host: str, port: int, answers: Answers) -> None:
        """Bind and serve. Raises OSError when the address cannot be bound."""
        handler = type("Handler", (_Handler,), {"answers": answers})
        self._server = _Server((host, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *request: Any) -> None:
        """Say nothing of a client that hung up: else it could fill the logs with tracebacks."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*request)


class _Handler(BaseHTTPRequestHandler):
    answers: Answers
    timeout = CLIENT_TIMEOUT_SECONDS  # a client that sends nothing must not hold a thread
    protocol_version = "HTTP/1.1"
    server_version = "queueworkerpool"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(HTTPStatus.OK, *self.answers.metrics(self.headers.get("Accept", "")))
        elif path in {"/livez", "/readyz"}:
            reasons = self.answers.livez() if path == "/livez" else self.answers.readyz()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            self._send(status, ("\n".join(reasons or ["ok"]) + "\n").encode(), "text/plain; charset=utf-8")
        else:
            self._send(
                HTTPStatus.NOT_FOUND, b"not found: try /metrics, /livez or /readyz\n", "text/plain; charset=utf-8"
            )

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: probes come every few seconds."""
