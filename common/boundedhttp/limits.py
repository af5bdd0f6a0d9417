"""The limits of one request, and reading and writing within them. `server` uses it."""

import io
import socket
import time
from dataclasses import dataclass
from typing import Any

CHUNK_BYTES = 64 * 1024

MAX_HEAD_BYTES = 16 * 1024
"""The longest head of a request."""


class HeadTooLongError(Exception):
    """A request's head is longer than MAX_HEAD_BYTES."""


@dataclass(slots=True)
class RequestLimits:
    """What is left of a request's time and of its head."""

    connection: socket.socket
    ends: float = 0.0
    head_bytes: int = MAX_HEAD_BYTES

    def begin(self, seconds: float) -> None:
        """Begin anew, with so many seconds."""
        self.ends, self.head_bytes = time.monotonic() + seconds, MAX_HEAD_BYTES

    def limit_time(self) -> None:
        """Limit the next call of the connection to what is left. Raises TimeoutError when that is nothing."""
        if (left := self.ends - time.monotonic()) <= 0:
            raise TimeoutError
        self.connection.settimeout(left)


class LimitedReader(io.RawIOBase):
    """Reads the heads of requests."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive something. Raises HeadTooLongError, TimeoutError."""
        if self._limits.head_bytes <= 0:
            raise HeadTooLongError
        self._limits.limit_time()
        size = self._limits.connection.recv_into(memoryview(buffer)[: self._limits.head_bytes])
        self._limits.head_bytes -= size
        return size


class LimitedWriter(io.RawIOBase):
    """Sends in pieces, so that no copy of a long answer is made for each client."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def write(self, data: Any) -> int:
        """Send all of it. Raises TimeoutError."""
        left = memoryview(data)
        while left:
            self._limits.limit_time()
            left = left[self._limits.connection.send(left[:CHUNK_BYTES]) :]
        return len(data)
