"""Lines to and from a process, over its standard input and output, without ever waiting for one that has ended.

`programs` uses it. A pipe alone would not tell: a process that the other one has started may hold it open for long.
"""

import os
import select
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from queueworker.handlers.processes import Process

MAX_LINE_BYTES: Final = 64 * 1024
"""The longest line that is taken from a process, and the most that it may write while nobody reads it."""

CHECK_INTERVAL_SECONDS: Final = 0.5
"""How often it is checked, while nothing comes, whether the process still runs."""

Check = Callable[[], None]
"""Called twice a second while nothing comes; what it raises ends the wait."""


class StreamEndedError(Exception):
    """The process has ended, or closed its end. What it wrote last is in `rest`, where that has no end of line."""

    def __init__(self, rest: bytes) -> None:
        super().__init__("the stream has ended")
        self.rest = rest


class LineTooLongError(Exception):
    """The process wrote more than is taken; it begins with `start`."""

    def __init__(self, start: bytes) -> None:
        super().__init__("the line is too long")
        self.start = start


class LineStream:
    """The pipes of a process that was started with standard input and output as pipes, unbuffered."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None  # noqa: S101 -- for mypy # nosec B101
        assert process.stdout is not None  # noqa: S101 -- for mypy # nosec B101
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._write_end, self._read_end = self._stdin.fileno(), self._stdout.fileno()
        os.set_blocking(self._write_end, False)
        os.set_blocking(self._read_end, False)
        self._readable, self._both = select.poll(), select.poll()
        self._readable.register(self._read_end, select.POLLIN)
        self._both.register(self._read_end, select.POLLIN)
        self._both.register(self._write_end, select.POLLOUT)
        self._received = bytearray()

    def send(self, line: bytes, check: Check) -> None:
        """Write a line. What the process writes meanwhile is kept, so that neither waits for the other.

        Raises:
            StreamEndedError: the process has ended, or reads no more.
            LineTooLongError: it writes and writes.
        """
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._write_end, rest) :]
            except BlockingIOError:
                self._wait(self._both, check)
                self._read()
            except BrokenPipeError:
                raise StreamEndedError(bytes(self._received)) from None

    def receive(self, check: Check) -> bytes:
        """Wait for the next line; return it without its end.

        Raises:
            StreamEndedError: there is none.
            LineTooLongError: it has no end.
        """
        while (end := self._received.find(b"\n")) < 0:
            self._wait(self._readable, check)
            self._read()
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def has_more(self) -> bool:
        """Return whether the process has written, or closed its end, since the last line."""
        return bool(self._received) or bool(self._readable.poll(0))

    def unread(self) -> bytes:
        """Return what the process has written since the last line, or as much of it as is taken."""
        with suppress(StreamEndedError, LineTooLongError):
            self._read()
        return bytes(self._received)

    def close_input(self) -> None:
        """Let the process see the end of its input."""
        self._stdin.close()

    def close(self) -> None:
        """Close both pipes."""
        self.close_input()
        self._stdout.close()

    def _wait(self, ready: select.poll, check: Check) -> None:
        """Wait until there is something to do, or until the process has ended."""
        while not ready.poll(CHECK_INTERVAL_SECONDS * 1000) and self._process.poll() is None:
            check()

    def _read(self) -> None:
        """Take in what can be read. When the process has ended, all that it wrote can be."""
        room = MAX_LINE_BYTES + 1 - len(self._received)
        if not room:
            raise LineTooLongError(bytes(self._received))
        try:
            received = os.read(self._read_end, room)
        except BlockingIOError:
            if self._process.poll() is None:
                return
            received = b""
        if not received:
            raise StreamEndedError(bytes(self._received))
        self._received += received


def started(argv: list[str]) -> Process:
    """Start a process whose standard input and output are for a LineStream.

    Raises:
        OSError: it cannot be started.
    """
    # A group of its own: Ctrl-C in a terminal is for the worker, which decides when to end the process.
    return subprocess.Popen(argv, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
