"""A proxy in front of an API server that fails on demand: for faults that the real one cannot be made to show.

`testbed.fleet` puts it between one client and the cluster, runs it on its event loop, and calls `begin` and `end`. It
ends TLS on both sides, so that it sees which request is a watch and which a PATCH; that is all it needs of Kubernetes.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

SLOW_ANSWER_DELAY_SECONDS = 10.0
RETRY_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and with which requests.

    `kind`: a status (401, 403, 429, 503), `page STATUS` (the same from a proxy in between, with a page for people),
    `reset`, `half-open` (nothing passes any more, nothing is closed), `slow` (or `slow SECONDS`), `trickle` (a byte a
    second), `error 410` or `error 500` (as a watch event). `scope`: everything, watch, PATCH.
    """

    kind: str
    scope: str = "everything"

    def affects(self, method: str, path: str) -> bool:
        """Return whether the fault affects a request."""
        return self.scope in {"everything", method} or (self.scope == "watch" and "watch=true" in path)


class _Link:
    """One connection of the client: its newest request, and whether it is half-open."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.request = ("", "")
        self.dead = False

    def reset(self) -> None:
        """End it as a crash would: by RST."""
        if found := self.writer.get_extra_info("socket"):
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Proxy:
    """Passes everything on, except for what the current fault affects."""

    def __init__(self, server: str, keys: Path) -> None:
        """Begin without a fault.

        Args:
            server: The API server's address.
            keys: The folder with `ca.crt` and the server's key pair.
        """
        address = urlsplit(server)
        self._host, self._port = str(address.hostname), int(address.port or 443)
        self._outward = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        self._inward = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._inward.load_cert_chain(keys / "server.crt", keys / "server.key")
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._fault: Fault | None = None
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve at `url` while the body runs."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._inward)
        self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def begin(self, fault: Fault) -> None:
        """Fail from now on; requests under way fail too, unless the fault only delays."""
        self._fault = fault
        for link in list(self._links):
            if fault.affects(*link.request) and fault.kind == "half-open":
                link.dead = True
            elif fault.affects(*link.request) and fault.kind.split()[0] not in {"slow", "trickle"}:
                link.reset()

    def end(self) -> None:
        """Pass everything on again. A connection that is half-open stays so."""
        self._fault = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._pass_on(reader, link)
        finally:
            self._links.discard(link)
            await _abort(writer)

    async def _pass_on(self, reader: asyncio.StreamReader, link: _Link) -> None:
        answers, requests = await asyncio.open_connection(self._host, self._port, ssl=self._outward)
        pump = asyncio.create_task(_pump(answers, link))
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, *_ = head.decode("latin-1").split(" ", 2)
                body = await reader.readexactly(_length(head))
                link.request = (method, path)
                if await self._passes(link):
                    requests.write(head + body)
                    await requests.drain()
        finally:
            pump.cancel()
            await _abort(requests)

    async def _passes(self, link: _Link) -> bool:
        """Return whether a request may go on to the API server; otherwise handle it here."""
        fault = self._fault
        if link.dead or fault is None or not fault.affects(*link.request):
            return not link.dead
        match fault.kind.split():
            case ["slow", *seconds]:
                await asyncio.sleep(float(seconds[0]) if seconds else SLOW_ANSWER_DELAY_SECONDS)
                return True
            case ["half-open"]:
                link.dead = True
            case ["reset"]:
                link.reset()
            case ["trickle"]:
                await self._trickle(link, fault)
            case ["error", code]:
                link.writer.write(_answer(200, {"type": "ERROR", "object": _failure(int(code))}))
            case [*page, status]:
                link.writer.write(_page(int(status)) if page else _answer(int(status), _failure(int(status))))
        return False

    async def _trickle(self, link: _Link, fault: Fault) -> None:
        link.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        while self._fault is fault:
            link.writer.write(b" ")
            await link.writer.drain()
            await asyncio.sleep(1)
        link.reset()


async def _pump(answers: asyncio.StreamReader, link: _Link) -> None:
    with contextlib.suppress(OSError):
        while data := await answers.read(65536):
            if not link.dead:
                link.writer.write(data)
                await link.writer.drain()
    if not link.dead:
        link.writer.transport.abort()


async def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _failure(status: int) -> dict[str, object]:
    return {"kind": "Status", "status": "Failure", "code": status}


def _page(status: int) -> bytes:
    return _sent(status, "text/html", f"<html><body><h1>{status}</h1></body></html>\n".encode())


def _answer(status: int, content: object) -> bytes:
    return _sent(status, "application/json", json.dumps(content).encode() + b"\n")


def _sent(status: int, kind: str, body: bytes) -> bytes:
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        head.append(f"Retry-After: {RETRY_AFTER_SECONDS}")
    return "\r\n".join([*head, "", ""]).encode() + body
