"""An HTTP server that misbehaves by a script, for what neither a stand-in nor a real server can be made to do."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

COUNTS = {
    "Attributes": {
        "ApproximateNumberOfMessages": "1",
        "ApproximateNumberOfMessagesNotVisible": "2",
        "ApproximateNumberOfMessagesDelayed": "3",
    }
}
"""An answer to GetQueueAttributes."""

Script = Callable[[socket.socket, threading.Event], None]
"""What to do with a connection whose request was read; it should end when the event is set."""

SECRET = "remote-body-that-nobody-may-repeat"
"""Stands in bodies, so that a test can look for it where it must not appear."""


class Faulty:
    """Reads one request from each connection and then follows the script. A context manager."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._acceptor, *self._threads):
            thread.join(10)

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            if request := _request(connection):
                self.requests.append(request)
                self.script(connection, self._ended)


def _request(connection: socket.socket) -> bytes:
    """One whole request; whatever is left unread would turn our answer into a reset."""
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            return data
        received = connection.recv(65536)
        if not received:
            return b""
        data += received


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


# What may happen to a request


def answering(
    status: int, body: bytes | str | Mapping[str, Any] = b"", headers: Mapping[str, str] | None = None
) -> Script:
    """A whole answer."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"}
    lines |= headers or {}
    head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return sending(head.encode() + content)


def sending(data: bytes) -> Script:
    """These bytes, whatever they are, and the end of the connection."""

    def script(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(data)

    return script


def half(body: bytes) -> Script:
    """An answer that ends in the middle of its body."""
    return answering(200, body[: len(body) // 2], {"Content-Length": str(len(body))})


def dripping(body: bytes, every_seconds: float) -> Script:
    """A good answer, one byte at a time: no single wait is long, but the whole takes for ever."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def script(connection: socket.socket, ended: threading.Event) -> None:
        for byte in head + body:
            connection.sendall(bytes([byte]))
            if ended.wait(every_seconds):
                return

    return script


def endless(connection: socket.socket, ended: threading.Event) -> None:
    """A body that never ends, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not ended.is_set():
        connection.sendall(b" " * 65536)


def silent(_: socket.socket, ended: threading.Event) -> None:
    """No answer at all."""
    ended.wait(60)


def resetting(connection: socket.socket, _: threading.Event) -> None:
    """A reset instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def redirecting(status: int, target: str) -> Script:
    """An answer that sends the client elsewhere."""
    return answering(status, b"", {"Location": target})
