"""The state server: /state, /livez, /readyz and /metrics, in threads of its own.

`runtime` starts it. The content comes from functions that it is given; it reads no counts itself. Connections, times
and the rendering of /metrics are `boundedhttp`'s.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from boundedhttp import BoundedHandler, BoundedServer, Render, RenderCache, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The functions that return each endpoint's content."""

    state: Callable[[], Mapping[str, object]]
    livez: Callable[[], list[str]]
    """Problems that make the worker not alive."""
    readyz: Callable[[], list[str]]
    """Problems that make the worker not ready."""
    metrics: Render
    """The metrics for an Accept header, and their content type."""


class StateServer:
    """Serves from its construction until the process ends."""

    def __init__(self, host: str, port: int, endpoints: Endpoints) -> None:
        """Bind and serve.

        Raises:
            OSError: the address cannot be bound.
        """
        more = {"endpoints": endpoints, "rendered": RenderCache(endpoints.metrics)}
        self._server = BoundedServer(host, port, type("Handler", (_Handler,), more))
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that is bound."""
        return self._server.port

    @property
    def address(self) -> str:
        """The address that is bound, for people."""
        return self._server.shown


class _Handler(BoundedHandler):
    endpoints: Endpoints
    rendered: RenderCache
    server_version = "queueworker"

    def reply(self, path: str) -> Reply:
        """Return the answer to a GET request."""
        if path == "/state":
            body = json.dumps(self.endpoints.state()).encode() + b"\n"
            return Reply(HTTPStatus.OK, body, "application/json")
        if path == "/metrics":
            return self.rendered.reply(self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", ""))
        if path in {"/livez", "/readyz"}:
            problems = self.endpoints.livez() if path == "/livez" else self.endpoints.readyz()
            status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
            return Reply(status, ("\n".join(problems or ["ok"]) + "\n").encode())
        return Reply(HTTPStatus.NOT_FOUND, b"not found: try /state, /livez, /readyz or /metrics\n")
