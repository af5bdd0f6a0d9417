"""Serves /metrics, /livez and /readyz, in threads of its own, so that it can report a frozen event loop.

`process` starts and stops it. It knows nothing about pools or health: functions give it the answers.
"""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from boundedhttp import HEAD_SECONDS, BoundedHandler, BoundedServer, Render, RenderCache, Reply
from queueworkerpool.server.tls import Tls


@dataclass(frozen=True, slots=True)
class Answers:
    """The functions that give the answers. They are called in the server's threads.

    Args:
        metrics: Returns the body and the content type of /metrics for an Accept header.
        livez: Returns why the process is not alive; empty when it is.
        readyz: Returns why the process is not ready; empty when it is.
        version: Returns what a kept body of /metrics must not outlive.
    """

    metrics: Render
    livez: Callable[[], list[str]]
    readyz: Callable[[], list[str]]
    version: Callable[[], object] = lambda: None


class HttpServer:
    """A server that serves from its construction until it is closed."""

    def __init__(self, host: str, port: int, answers: Answers, tls: Tls | None = None) -> None:
        """Bind the address and serve. Raises OSError when it cannot be bound."""
        more = {"answers": answers, "tls": tls, "rendered": RenderCache(answers.metrics, answers.version)}
        self._server = _Server(host, port, type("Handler", (_Handler,), more))
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self._server.port

    @property
    def address(self) -> str:
        """The address that is bound, for people."""
        return self._server.shown

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(BoundedServer):
    tls: Tls | None = None

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; its TLS handshake is made later, in its own thread."""
        connection, address = super().get_request()
        if self.tls is None:
            return connection, address
        secured = self.tls.context().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return secured, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make the TLS handshake, within its time, and answer."""
        if isinstance(request, ssl.SSLSocket):
            request.settimeout(HEAD_SECONDS)
            request.do_handshake()
        super().finish_request(request, client_address)


class _Handler(BoundedHandler):
    answers: Answers
    tls: Tls | None
    rendered: RenderCache
    server_version = "queueworkerpool"

    def reply(self, path: str) -> Reply:
        """Return the answer to a GET request."""
        if path == "/metrics" and self._lacks_certificate():
            return Reply(HTTPStatus.FORBIDDEN, b"forbidden: show a client certificate\n")
        if path == "/metrics":
            return self.rendered.reply(self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", ""))
        if path in {"/livez", "/readyz"}:
            reasons = self.answers.livez() if path == "/livez" else self.answers.readyz()
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            return Reply(status, ("\n".join(reasons or ["ok"]) + "\n").encode())
        return Reply(HTTPStatus.NOT_FOUND, b"not found: try /metrics, /livez or /readyz\n")

    def _lacks_certificate(self) -> bool:
        required = self.tls is not None and self.tls.client_authority is not None
        return required and not self.connection.getpeercert()
