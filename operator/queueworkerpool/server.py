"""Serves /metrics, /livez and /readyz, in threads of its own, so that it can report a frozen event loop.

`process` starts and stops it. It knows nothing about pools or health: functions give it the answers.
"""

import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CLIENT_TIMEOUT_SECONDS = 10.0
"""How long a connection may be silent, also in its TLS handshake."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The functions that give the answers. They are called in the server's threads.

    Args:
        metrics: Returns the body and the content type of /metrics for an Accept header.
        livez: Returns why the process is not alive; empty when it is.
        readyz: Returns why the process is not ready; empty when it is.
    """

    metrics: Callable[[str], tuple[bytes, str]]
    livez: Callable[[], list[str]]
    readyz: Callable[[], list[str]]


@dataclass(slots=True)
class Tls:
    """The server's certificate, read again whenever its files have changed, as those of a mounted Secret do.

    Args:
        certificate: File of the certificate (PEM).
        key: File of its key (PEM).
        client_authority: File of the authorities whose clients may see the metrics; None allows every client.

    Raises:
        OSError: The files cannot be used at first.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None
    _context: ssl.SSLContext = field(init=False, repr=False)
    _read: tuple[tuple[int, int], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the files."""
        self._read, self._context = self._stamps(), self._load()

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection. The old files stay in use while the new ones do not match."""
        try:
            if (stamps := self._stamps()) != self._read:
                self._context, self._read = self._load(), stamps
        except OSError:
            pass  # the files are being replaced: the next connection tries again
        return self._context

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        files = (file.stat() for file in (self.certificate, self.key, self.client_authority) if file)
        return tuple((found.st_ino, found.st_mtime_ns) for found in files)

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_authority)
        if self.client_authority:
            context.verify_mode = ssl.CERT_OPTIONAL  # a kubelet has no certificate when it probes
        context.load_cert_chain(self.certificate, self.key)
        return context


class HttpServer:
    """A server that serves from its construction until it is closed."""

    def __init__(self, host: str, port: int, answers: Answers, tls: Tls | None = None) -> None:
        """Bind the address and serve. Raises OSError when it cannot be bound."""
        handler = type("Handler", (_Handler,), {"answers": answers, "tls": tls})
        self._server = _Server((host, port), handler)
        self._server.tls = tls
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
    tls: Tls | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make the TLS handshake in the connection's own thread, so that one that never ends delays no other client."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(CLIENT_TIMEOUT_SECONDS)
        with self.tls.context().wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, *request: Any) -> None:
        """Log no traceback for a client that hung up, because clients could fill the logs with them."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*request)


class _Handler(BaseHTTPRequestHandler):
    answers: Answers
    tls: Tls | None
    timeout = CLIENT_TIMEOUT_SECONDS  # a client that sends nothing must not hold a thread
    protocol_version = "HTTP/1.1"
    server_version = "queueworkerpool"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path == "/metrics" and self._lacks_certificate():
            self._send(HTTPStatus.FORBIDDEN, b"forbidden: show a client certificate\n", "text/plain; charset=utf-8")
        elif path == "/metrics":
            self._send(HTTPStatus.OK, *self.answers.metrics(self.headers.get("Accept", "")))
        elif path in {"/livez", "/readyz"}:
            reasons = self.answers.livez() if path == "/livez" else self.answers.readyz()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            self._send(status, ("\n".join(reasons or ["ok"]) + "\n").encode(), "text/plain; charset=utf-8")
        else:
            self._send(
                HTTPStatus.NOT_FOUND, b"not found: try /metrics, /livez or /readyz\n", "text/plain; charset=utf-8"
            )

    def _lacks_certificate(self) -> bool:
        required = self.tls is not None and self.tls.client_authority is not None
        return required and not self.connection.getpeercert()

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log no requests: probes come every few seconds."""
