"""The child process of `--isolate`: loads the handler, handles one message after the other, and reports each result.

`isolation` starts it as `python -m queueworker.handlers.child` with a socket, over which pickled `IpcMessage`s go both
ways; both ends run the same code for the same user. It ends with its parent, even when that is killed: nobody would
extend its message. It never talks to SQS.
"""

import logging
import os
import pickle
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from io import BufferedRWPair
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from queueworker import logs
from queueworker.errors import UsageError
from queueworker.handlers.handler import Handler, is_coroutine_function
from queueworker.handlers.ipc import HandlerResult, IpcMessage, MessageKind, ResultKind
from queueworker.handlers.loading import load
from queueworker.handlers.returned import finish, finish_async
from queueworker.model import Message, MessageLostError, Reject, Retry

MAX_GROWTH_BYTES = 256 * 1024 * 1024
"""A child that has grown by this much since its handler was loaded exits after its message and is replaced."""


class ChildConnection:
    """The child's end of the socket."""

    def __init__(self, stream: BufferedRWPair) -> None:
        self._stream = stream
        self._request_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._responses: SimpleQueue[float | None] = SimpleQueue()
        threading.Thread(target=self._read, name="parent", daemon=True).start()

    def send(self, kind: MessageKind, content: Any = None) -> None:
        """Send a message to the parent."""
        with self._write_lock:
            pickle.dump(IpcMessage(kind, content), self._stream)
            self._stream.flush()

    def next_message(self) -> Message:
        """Wait for the next message to handle."""
        return self._messages.get()

    def request(self, kind: MessageKind, content: Any = None) -> float | None:
        """Send a message to the parent and wait for its response."""
        with self._request_lock:
            self.send(kind, content)
            return self._responses.get()

    def _read(self) -> None:
        try:
            while True:
                received = pickle.load(self._stream)  # noqa: S301 -- see the module's docstring # nosec B301
                (self._messages if received.kind is MessageKind.HANDLE else self._responses).put(received.content)
        finally:
            os._exit(0)  # the parent has ended


class IpcMessageHandle:
    """The `MessageHandle` of a message in a child process: passes calls to the parent."""

    def __init__(self, connection: ChildConnection) -> None:
        self._connection = connection

    def extend(self, seconds: int) -> None:
        """Hide the message for `seconds` from now on.

        Raises:
            MessageLostError: SQS did not confirm it.
        """
        if self._connection.request(MessageKind.EXTEND, seconds) is None:
            raise MessageLostError("SQS does not confirm that the message is still ours")

    def remaining_seconds(self) -> float:
        """Return the seconds until the work must be done."""
        return self._connection.request(MessageKind.REMAINING) or 0.0


def main(descriptor: int, target: str, log_level: str, log_format: str) -> None:
    """Handle messages until the parent closes the socket, or until this process has grown too much."""
    logs.configure(log_level, log_format)
    logs.pass_on_prints()
    connection = ChildConnection(socket.socket(fileno=descriptor).makefile("rwb"))
    try:
        handler = _blocking(load(target))
    except UsageError as error:
        connection.send(MessageKind.UNUSABLE, str(error))
        return
    connection.send(MessageKind.READY)
    limit = _memory_bytes() + MAX_GROWTH_BYTES
    result = None
    while result is None or not result.child_exits:
        message = connection.next_message().with_handle(IpcMessageHandle(connection))
        result = replace(_handle(handler, message), child_exits=_memory_bytes() > limit)
        connection.send(MessageKind.FINISHED, result)


def _blocking(handler: Handler) -> Callable[[Message], None]:
    """Return the handler as a function that returns when the work is done."""
    if not is_coroutine_function(handler):
        return lambda message: finish(handler(message))
    import asyncio  # noqa: PLC0415 -- most children need not load it

    coroutine_handler, runner = handler, asyncio.Runner()
    return lambda message: runner.run(finish_async(coroutine_handler(message)))


def _handle(handler: Callable[[Message], None], message: Message) -> HandlerResult:
    try:
        handler(message)
    except Retry as error:
        return HandlerResult(kind=ResultKind.RETRY, detail=error.after_seconds)
    except Reject as error:
        return HandlerResult(kind=ResultKind.REJECTED, detail=error.reason)
    except BaseException as error:  # a handler that calls sys.exit() has failed, the process continues
        description = f"{type(error).__name__}: {error}"
        return HandlerResult(kind=ResultKind.FAILED, detail=description, traceback=traceback.format_exc())
    return HandlerResult(kind=ResultKind.SUCCEEDED)


def _memory_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), *sys.argv[2:5])
    except Exception:
        logging.getLogger("queueworker").exception("handler module cannot be imported")
        logs.exit_process(1)
    logs.exit_process(0)
