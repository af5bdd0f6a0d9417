"""An HTTP server with bounds: on its connections, on the head of a request, and on the time of a request as a whole.

Each program builds its endpoints on it. It runs in threads of its own, knows nothing of what it serves, and logs no
requests.
"""

import contextlib
import io
import logging
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Protocol

from boundedhttp.addresses import listening_address, shown_address
from boundedhttp.limits import HeadTooLongError, LimitedReader, LimitedWriter, RequestLimits

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
"""Connections at the same time, each with a thread. For another one, the one that has waited longest for a request is
closed: a slow client loses its place, a probe gets one at once."""

MAX_SCRAPES = 48
"""Connections that may take /metrics at the same time. The others are left for probes, whose answers are short."""

HEAD_SECONDS = 5.0
"""The limit for a TLS handshake, and for the head of a request, each as a whole. An idle connection ends after it."""

ANSWER_SECONDS = 10.0
"""The limit for making an answer and for the client to take it, as a whole."""

ADMIT_SECONDS = 0.5
"""How long a new connection waits for the place of one that is being closed."""

SEND_BUFFER_BYTES = 128 * 1024
"""What the system keeps of an answer that a client does not take; it counts as the process's memory."""

BACKLOG = 512
"""Connections that the system accepts ahead. Each keeps those behind it waiting for about a millisecond; one too many
is tried again by its client after a second, which is late for a probe."""

TEXT = "text/plain; charset=utf-8"


class Pieces(Protocol):
    """A long body that is made while it is sent."""

    def __len__(self) -> int:
        """Return its size, in bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield it piece by piece."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one request."""

    status: HTTPStatus
    body: bytes | Pieces
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)


class Connections:
    """The open connections, at most so many. Safe to use from any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._waiting: dict[socket.socket, None] = {}  # those without a request, the longest waiting first

    def admit(self, connection: socket.socket) -> bool:
        """Give a connection a place, if need be that of the one that has waited longest; False when there is none."""
        with self._changed:
            if len(self._open) >= self._most:
                self._close_longest_waiting()
                self._changed.wait_for(lambda: len(self._open) < self._most, ADMIT_SECONDS)
            if len(self._open) >= self._most:
                return False
            self._open.add(connection)
            self._waiting[connection] = None
            return True

    def requested(self, connection: socket.socket) -> None:
        """Record that a connection's request is there."""
        with self._changed:
            self._waiting.pop(connection, None)

    def answered(self, connection: socket.socket) -> None:
        """Record that a connection's answer was sent, and that it waits for the next request."""
        with self._changed:
            if connection in self._open:
                self._waiting[connection] = None

    def ended(self, connection: socket.socket) -> None:
        """Record that a connection was closed."""
        with self._changed:
            self._open.discard(connection)
            self._waiting.pop(connection, None)
            self._changed.notify_all()

    def _close_longest_waiting(self) -> None:
        if connection := next(iter(self._waiting), None):
            del self._waiting[connection]
            with contextlib.suppress(OSError):
                # It wakes the connection's thread, which closes it. TLS's own shutdown is not safe across threads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class BoundedServer(ThreadingTCPServer):
    """A server that is bound, and serves once `serve_forever` runs.

    Raises:
        OSError: the address cannot be bound.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = BACKLOG

    def __init__(self, host: str, port: int, handler: type["BoundedHandler"]) -> None:
        self.address_family, address = listening_address(host, port)
        self.connections = Connections(MAX_CONNECTIONS)
        self.scrapes = threading.BoundedSemaphore(MAX_SCRAPES)
        super().__init__(address, handler)

    @property
    def port(self) -> int:
        """The port that is bound."""
        return int(self.server_address[1])

    @property
    def shown(self) -> str:
        """The address that is bound, for people."""
        return shown_address(str(self.server_address[0]), self.port)

    def server_bind(self) -> None:
        """Bind, on IPv6 for both families; connections inherit the size of the buffer."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().server_bind()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 -- the base class's signature
        """Return whether there is a place for a new connection; without one it is closed."""
        return self.connections.admit(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and free its place."""
        super().shutdown_request(request)
        self.connections.ended(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the base class's signature
        """Log no client that hung up, because clients could fill the logs; only what is an error of ours."""
        if not isinstance(sys.exception(), OSError):
            logger.error("request not answered", exc_info=True)  # noqa: LOG014 -- called where one was caught


class BoundedHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection with what `reply` returns."""

    server: BoundedServer
    protocol_version = "HTTP/1.1"
    sys_version = ""

    def reply(self, path: str) -> Reply:
        """Return the answer to a GET request; the path comes without its query."""
        raise NotImplementedError

    def setup(self) -> None:
        """Read and write with limits."""
        self.connection = self.request
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._limits = RequestLimits(self.connection)
        self.rfile = io.BufferedReader(LimitedReader(self._limits))
        self.wfile = LimitedWriter(self._limits)  # type: ignore[assignment] # all that is used is `write`

    def handle_one_request(self) -> None:
        """Read a request within its limits, and answer it."""
        self._limits.begin(HEAD_SECONDS)
        try:
            super().handle_one_request()
        except HeadTooLongError:
            self.requestline = self.command = ""
            self.request_version = self.protocol_version
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            self.close_connection = True
        self.server.connections.answered(self.request)

    def parse_request(self) -> bool:
        """Parse the head. A body is not read, so the connection ends after a request that has one."""
        parsed = super().parse_request()
        self.server.connections.requested(self.request)
        self._limits.begin(ANSWER_SECONDS)
        if parsed and ("Content-Length" in self.headers or "Transfer-Encoding" in self.headers):
            self.close_connection = True
        return parsed

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path != "/metrics":
            self._send(self.reply(path))
        elif self.server.scrapes.acquire(blocking=False):
            try:
                self._send(self.reply(path))
            finally:
                self.server.scrapes.release()
        else:
            busy = b"too many scrapes at the same time: try again\n"
            self._send(Reply(HTTPStatus.SERVICE_UNAVAILABLE, busy, headers={"Retry-After": "1"}))

    def do_HEAD(self) -> None:
        """Answer one request without the body."""
        self.do_GET()

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
                self.wfile.write(piece)

    def log_message(self, *_: Any) -> None:
        """Log no requests: probes come every few seconds."""
