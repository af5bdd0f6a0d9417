"""The child process of `--isolate`: imports the handler, handles one message after the other, tells how each ended.

`isolation` starts it as `python -m queueworker.handlers.child` with a socket, over which pickled tuples go both
ways; both ends run the same code for the same user.
It ends with its parent, even when that is killed: nobody would extend its message.
"""

import logging
import os
import pickle
import socket
import sys
import threading
import traceback
from io import BufferedRWPair
from pathlib import Path
from queue import SimpleQueue

from queueworker import logs
from queueworker.errors import UsageError
from queueworker.handlers.ipc import Word
from queueworker.handlers.loading import Handler, is_coroutine_function, load
from queueworker.logs import leave
from queueworker.model import Message, MessageLostError, Reject, Retry

GROWTH_LIMIT_BYTES = 256 * 1024 * 1024
"""A child that has grown by so much since its handler was imported ends after its message and is replaced."""


class Line:
    """The child's end of the socket."""

    def __init__(self, stream: BufferedRWPair) -> None:
        self._stream = stream
        self._asking = threading.Lock()
        self._writing = threading.Lock()
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._answers: SimpleQueue[float | None] = SimpleQueue()
        threading.Thread(target=self._read, name="parent", daemon=True).start()

    def tell(self, *words: object) -> None:
        """Send to the parent."""
        with self._writing:
            pickle.dump(words, self._stream)
            self._stream.flush()

    def next_message(self) -> Message:
        """Wait for the next message."""
        return self._messages.get()

    def ask(self, *words: object) -> float | None:
        """Send a question to the parent and wait for the answer."""
        with self._asking:
            self.tell(*words)
            return self._answers.get()

    def _read(self) -> None:
        try:
            while True:
                word, content = pickle.load(self._stream)  # noqa: S301 -- see the module's docstring # nosec B301
                (self._messages if word is Word.HANDLE else self._answers).put(content)
        finally:
            os._exit(0)  # the parent is gone


class RemoteHold:
    """The parent's hold of a message."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def extend(self, seconds: int) -> None:
        """Ask the parent to extend the message. Raises MessageLostError."""
        if self._line.ask(Word.EXTEND, seconds) is None:
            raise MessageLostError("SQS does not confirm that the message is still ours")

    def remaining(self) -> float:
        """Ask the parent for the seconds that are left."""
        return self._line.ask(Word.REMAINING, None) or 0.0


def main(descriptor: int, target: str, log_level: str, log_format: str) -> None:
    """Handle messages until the parent closes the socket, or until this process has grown too much."""
    logs.configure(log_level, log_format)
    line = Line(socket.socket(fileno=descriptor).makefile("rwb"))
    try:
        handler = _callable(load(target))
    except UsageError as error:
        line.tell(Word.UNUSABLE, str(error))
        return
    line.tell(Word.READY, None)
    limit = _memory_bytes() + GROWTH_LIMIT_BYTES
    last = False
    while not last:
        ended = _handled(handler, line.next_message().held_by(RemoteHold(line)))
        last = _memory_bytes() > limit
        line.tell(Word.ENDED, last, ended)


def _callable(handler: Handler) -> Handler:
    """The handler as something that returns when the work is done."""
    if not is_coroutine_function(handler):
        return handler
    import asyncio  # noqa: PLC0415 -- most children need not load it

    coroutine_handler, runner = handler, asyncio.Runner()
    return lambda message: runner.run(coroutine_handler(message))


def _handled(handler: Handler, message: Message) -> tuple[object, ...]:
    try:
        handler(message)
    except Retry as error:
        return Word.RETRY, error.after_seconds
    except Reject as error:
        return Word.REJECT, error.reason
    except BaseException as error:  # a handler that calls sys.exit() has failed, the process goes on
        return Word.FAILED, f"{type(error).__name__}: {error}", traceback.format_exc()
    return Word.DONE, None


def _memory_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), *sys.argv[2:5])
    except Exception:
        logging.getLogger("queueworker").exception("the handler cannot be imported")
        leave(1)
    leave(0)
