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
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from io import BufferedRWPair
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from queueworker import logs
from queueworker.context import CURRENT
from queueworker.errors import UsageError
from queueworker.handlers.batches import failures_of, finish_batch, finish_batch_async
from queueworker.handlers.cancellation import as_interruption
from queueworker.handlers.handler import BatchHandler, CoroutineHandler, Handler, is_coroutine_function
from queueworker.handlers.ipc import HandlerResult, HandlerResults, IpcMessage, MessageKind, ResultKind
from queueworker.handlers.lifecycle import Await, Hooks
from queueworker.handlers.loading import load
from queueworker.handlers.loops import LoopThread
from queueworker.handlers.returned import finish, finish_async, readable
from queueworker.hooks import REGISTRY
from queueworker.model import InterruptedWorkError, Message, MessageLostError, Reject, Retry

MAX_GROWTH_BYTES = 256 * 1024 * 1024
"""A child that has grown by this much since its handler was loaded exits after its message and is replaced."""


class ChildConnection:
    """The child's end of the socket."""

    def __init__(self, stream: BufferedRWPair) -> None:
        self._stream = stream
        self._request_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._messages: SimpleQueue[Sequence[Message] | None] = SimpleQueue()
        self._responses: SimpleQueue[float | None] = SimpleQueue()
        self.rounds = 0
        """How often the work on messages has finished."""
        self.ending = False
        """Whether the parent wants no further message to be handled."""

    def read(self, cancel: Callable[[], None]) -> None:
        """Read what the parent sends from now on; call `cancel` when it wants the work on a message to stop."""
        threading.Thread(target=self._read, args=(cancel,), name="parent", daemon=True).start()

    def send(self, kind: MessageKind, content: Any = None) -> None:
        """Send a message to the parent."""
        with self._write_lock:
            pickle.dump(IpcMessage(kind, content), self._stream)
            self._stream.flush()

    def next_messages(self) -> Sequence[Message] | None:
        """Wait for what to handle next, and together; return None when there is to be nothing."""
        return self._messages.get()

    def request(self, kind: MessageKind, content: Any, *, in_round: int) -> float | None:
        """Send a message to the parent and wait for its response; None when the work that it is about has finished."""
        with self._request_lock:
            if in_round != self.rounds:
                return None
            self.send(kind, content)
            return self._responses.get()

    def finish(self, results: HandlerResults) -> None:
        """Send how the handler ended.

        A thread that it has left behind may still ask about its messages, and the parent would take them for the next.
        """
        with self._request_lock:
            self.rounds += 1
            self.send(MessageKind.FINISHED, results)

    def _read(self, cancel: Callable[[], None]) -> None:
        try:
            while True:
                received = pickle.load(self._stream)  # noqa: S301 -- see the module's docstring # nosec B301
                if received.kind is MessageKind.END:
                    self.ending = True
                    self._messages.put(None)
                    cancel()
                elif received.kind is MessageKind.HANDLE:
                    self._messages.put(received.content)
                else:
                    self._responses.put(received.content)
        finally:
            os._exit(0)  # the parent has ended


class IpcMessageHandle:
    """The `MessageHandle` of a message in a child process: passes calls to the parent."""

    def __init__(self, connection: ChildConnection, position: int) -> None:
        """Take the message's position among those that are handled together."""
        self._connection = connection
        self._position = position
        self._round = connection.rounds

    def extend(self, seconds: int) -> None:
        """Hide the message for `seconds` from now on.

        Raises:
            MessageLostError: SQS did not confirm it.
        """
        if self._request(MessageKind.EXTEND, (self._position, seconds)) is None:
            raise MessageLostError("SQS does not confirm that the message is still ours")

    def remaining_seconds(self) -> float:
        """Return the seconds until the work must be done."""
        return self._request(MessageKind.REMAINING, self._position) or 0.0

    def _request(self, kind: MessageKind, content: Any) -> float | None:
        return self._connection.request(kind, content, in_round=self._round)


class FunctionRunner:
    """Calls a handler that is a function."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.wait: Await = LoopThread().wait

    def __call__(self, messages: Sequence[Message]) -> None:
        """Return when the work on the messages is done; there is one unless the handler takes several."""
        if isinstance(self._handler, BatchHandler):
            finish_batch(self._handler.function(messages), messages)
            return
        CURRENT.set(messages[0])
        finish(self._handler(messages[0]))

    def cancel(self) -> None:
        """Do nothing: a function sees that its message is cancelled when it looks."""


class CoroutineRunner:
    """Calls a handler that is a coroutine function, on one event loop, which runs only meanwhile."""

    def __init__(self, handler: CoroutineHandler) -> None:
        import asyncio  # noqa: PLC0415 -- most children need not load it

        self._asyncio = asyncio
        self._handler = handler
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def __call__(self, messages: Sequence[Message]) -> None:
        """Return when the work on the messages is done; there is one unless the handler takes several."""
        if not isinstance(self._handler, BatchHandler):
            CURRENT.set(messages[0])
        failures: list[BaseException] = []
        task = self._loop.create_task(self._record(messages, failures), context=copy_context())
        while not task.done():
            with suppress(SystemExit, KeyboardInterrupt):  # of a task that the handler has started, and may await
                self._loop.run_until_complete(task)
        for failure in failures:
            raise failure

    def wait(self, awaitable: Awaitable[object]) -> None:
        """Wait for something else on the same loop."""
        self._runner.run(_completion(awaitable))

    def cancel(self) -> None:
        """Cancel the coroutine that runs, or is about to, from another thread."""
        self._cancelled = True
        self._loop.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _record(self, messages: Sequence[Message], failures: list[BaseException]) -> None:
        try:
            await self._handle(messages)
        except BaseException as error:  # raised on the loop, SystemExit would end it
            failures.append(error)

    async def _handle(self, messages: Sequence[Message]) -> None:
        self._task = self._asyncio.current_task()
        try:
            if self._cancelled:
                raise self._asyncio.CancelledError
            if isinstance(self._handler, BatchHandler):
                await finish_batch_async(self._handler.function(messages), messages)
            else:
                await finish_async(self._handler(messages[0]))
        finally:
            self._task = None


async def _completion(awaitable: Awaitable[object]) -> None:
    await awaitable


def main(descriptor: int, target: str, log_level: str, log_format: str) -> int:
    """Handle messages until the parent wants no more, or until this process has grown too much; return the exit code.

    Args:
        descriptor: the socket's.
        target: the handler, as MODULE:FUNCTION.
        log_level: see `logs.configure`.
        log_format: the same.
    """
    logs.configure(log_level, log_format)
    logs.pass_on_prints()
    connection = ChildConnection(socket.socket(fileno=descriptor).makefile("rwb"))
    try:
        handler = load(target)
    except UsageError as error:
        connection.send(MessageKind.UNUSABLE, str(error))
        return 0
    runner = CoroutineRunner(handler) if is_coroutine_function(handler) else FunctionRunner(handler)
    connection.read(runner.cancel)
    connection.send(MessageKind.LOADED, isinstance(handler, BatchHandler))
    hooks = Hooks(REGISTRY, runner.wait)
    if not hooks.start_up():
        return 1
    connection.send(MessageKind.READY)
    _handle_messages(connection, runner)
    hooks.shut_down()
    return 0


def _handle_messages(connection: ChildConnection, runner: Callable[[Sequence[Message]], None]) -> None:
    limit = _memory_bytes() + MAX_GROWTH_BYTES
    exits = False
    while not exits and (received := connection.next_messages()) is not None:
        messages = [each.with_handle(IpcMessageHandle(connection, place)) for place, each in enumerate(received)]
        results = _handle(runner, messages)
        exits = connection.ending or _memory_bytes() > limit
        connection.finish(HandlerResults(results, exits))


def _handle(runner: Callable[[Sequence[Message]], None], messages: Sequence[Message]) -> tuple[HandlerResult, ...]:
    failure: BaseException | None = None
    try:
        runner(messages)
    except BaseException as error:  # a handler that calls sys.exit() has failed, the process continues
        failure = error
    CURRENT.set(None)
    failures = zip(messages, failures_of(messages, failure), strict=True)
    return tuple(_result(each and readable(as_interruption(each, message))) for message, each in failures)


def _result(error: BaseException | None) -> HandlerResult:
    if error is None:
        return HandlerResult(kind=ResultKind.SUCCEEDED)
    if isinstance(error, Retry):
        return HandlerResult(kind=ResultKind.RETRY, detail=error.after_seconds)
    if isinstance(error, Reject):
        return HandlerResult(kind=ResultKind.REJECTED, detail=error.reason)
    if isinstance(error, InterruptedWorkError):
        return HandlerResult(kind=ResultKind.INTERRUPTED)
    description = f"{type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    return HandlerResult(kind=ResultKind.FAILED, detail=description, traceback=text)


def _memory_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    try:
        code = main(int(sys.argv[1]), *sys.argv[2:5])
    except Exception:
        logging.getLogger("queueworker").exception("handler module cannot be imported")
        code = 1
    logs.exit_process(code)
