"""The handler of `--isolate`: runs a function in child processes, one message at a time in each.

`commands.run` loads it only where it is needed. A crash or a leak costs one message, not the worker. The children run
`child`.
"""

import logging
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from queueworker.errors import UsageError
from queueworker.handlers import processes
from queueworker.handlers.ipc import HandlerResult, HandlerResults, IpcMessage, MessageKind, ResultKind
from queueworker.handlers.process_pool import HandlerFailedError, PooledHandler, ProcessLostError
from queueworker.model import (
    NULL_HANDLE,
    InterruptedWorkError,
    Message,
    MessageLostError,
    PartialFailure,
    Reject,
    Retry,
)

logger = logging.getLogger(__name__)

END_TIMEOUT_SECONDS = 10.0
"""How long a child has for its shutdown hooks."""


class IsolatedHandler(PooledHandler):
    """Passes each message, or batch, to a child process in which the handler is loaded."""

    def __init__(self, target: str, *log_settings: str) -> None:
        """Start a first child with the handler MODULE:FUNCTION.

        Raises:
            UsageError: there is no such handler.
            ProcessLostError: its module cannot be imported.
        """
        super().__init__(lambda: Child((target, *log_settings)))


class Child:
    """One child process."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            argv = [sys.executable, "-m", "queueworker.handlers.child", str(theirs.fileno()), *arguments]
            # A group of its own: Ctrl-C in a terminal is for the worker, which decides when to end the child.
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True
            )
        self._stream = self._socket.makefile("rwb")
        self.takes_batches = False
        self.closed = False
        self._write_lock = threading.Lock()
        threading.Thread(target=self._end_stream_with_process, name="child", daemon=True).start()

    def wait_until_loaded(self) -> None:
        """Wait until the handler is loaded.

        Raises:
            UsageError: there is no such handler.
            ProcessLostError: its module cannot be imported.
        """
        received = self._receive()
        if received.kind is MessageKind.UNUSABLE:
            raise UsageError(received.content)
        self.takes_batches = received.content

    def wait_until_ready(self) -> None:
        """Wait until the start-up hooks have succeeded, once the handler is loaded.

        Raises:
            ProcessLostError: one has failed.
        """
        self._receive()

    def usable(self) -> bool:
        """Return whether it can take another message."""
        return not self.closed and self.process.poll() is None

    def handle(self, work: Message | Sequence[Message]) -> None:
        """Pass a message to the child, or several, and serve its requests until that is handled.

        Raises:
            PartialFailure: of several messages, some have failed.
            Retry: raised by the handler.
            Reject: raised by the handler.
            HandlerFailedError: the handler failed.
            ProcessLostError: its process ended.
            InterruptedWorkError: the handler has stopped because its message is cancelled.
        """
        messages = (work,) if isinstance(work, Message) else work
        self._send(MessageKind.HANDLE, [message.with_handle(NULL_HANDLE) for message in messages])
        while (received := self._receive()).kind is not MessageKind.FINISHED:
            self._send(MessageKind.RESPONSE, _response(messages, received))
        finished: HandlerResults = received.content
        self.closed = finished.child_exits
        failures = [_failure(result) for result in finished.results]
        if not isinstance(work, Message):
            _raise_failures(messages, failures)
        elif failures[0] is not None:
            raise failures[0]

    def cancel(self) -> bool:
        """Ask it to stop its work and to end, shutdown hooks included."""
        with suppress(ProcessLostError):  # it has ended by itself
            self._send(MessageKind.END, None)
        return True

    def close(self) -> None:
        """Let it call its shutdown hooks and end, and see to it that it does. It has no message."""
        self.closed = True
        self.cancel()
        try:
            self.process.wait(END_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            logger.error("shutdown hooks cut off", extra={"child": self.process.pid})  # noqa: TRY400 -- no stack of ours
        self._terminate()

    def _terminate(self) -> None:
        """Close the connection, and terminate the process if that is still needed."""
        self.closed = True
        with suppress(OSError):  # what was not sent yet is of no use any more
            self._stream.close()
        self._socket.close()
        processes.terminate(self.process)

    def _end_stream_with_process(self) -> None:
        """End the stream when the process ends: a process that it has started may still hold the other end open."""
        self.process.wait()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # what it had sent before can still be read

    def _send(self, kind: MessageKind, content: Any) -> None:
        try:
            with self._write_lock:
                pickle.dump(IpcMessage(kind, content), self._stream)
                self._stream.flush()
        except (OSError, ValueError) as error:  # the latter once the stream is closed
            raise self._close_failed() from error

    def _receive(self) -> IpcMessage:
        try:
            received: IpcMessage = pickle.load(self._stream)  # noqa: S301 -- see `child` # nosec B301
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._close_failed() from error
        return received

    def _close_failed(self) -> ProcessLostError:
        """Close a child that has ended on its own; return how it ended as an error."""
        self._terminate()
        return ProcessLostError(processes.describe_exit("the handler's process", self.process.returncode))


def _response(messages: Sequence[Message], request: IpcMessage) -> float | None:
    if request.kind is MessageKind.REMAINING:
        place: int = request.content
        return messages[place].handle.remaining_seconds()
    position, seconds = request.content
    try:
        messages[position].extend(seconds)
    except MessageLostError:
        return None
    return float(seconds)


def _failure(result: HandlerResult) -> Exception | None:
    if result.kind is ResultKind.RETRY:
        return Retry(result.detail)
    if result.kind is ResultKind.REJECTED:
        return Reject(result.detail)
    if result.kind is ResultKind.INTERRUPTED:
        return InterruptedWorkError("the message is cancelled")
    if result.kind is ResultKind.FAILED:
        return HandlerFailedError(result.detail, result.traceback)
    return None


def _raise_failures(messages: Sequence[Message], failures: Sequence[Exception | None]) -> None:
    found = {message: failure for message, failure in zip(messages, failures, strict=True) if failure is not None}
    if found:
        raise PartialFailure(found)
