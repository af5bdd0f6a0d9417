"""The handler that `--isolate` makes of a function: each message in a child process, used again if it survives.

A crash or a leak costs one message, not the worker. What the child says is in `child`.
"""

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
from queueworker.handlers.ipc import Word
from queueworker.handlers.loading import InterruptibleHandler
from queueworker.model import NO_HOLD, InterruptedWorkError, Message, MessageLostError, Reject, ReportedError, Retry


class ChildFailedError(ReportedError):
    """The handler failed in its child process, or took the process with it."""


class Isolated(InterruptibleHandler):
    """As many child processes as are needed at the same time; idle ones wait for the next message."""

    def __init__(self, target: str, *log_settings: str) -> None:
        """Start a first child with the handler MODULE:FUNCTION. Raises UsageError when it cannot be used."""
        self._arguments = (target, *log_settings)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._stopped = False
        self._idle.append(self._new())

    def __call__(self, message: Message) -> None:
        """Handle a message in a child. Raises what its handler raised, as ours; ChildFailedError."""
        try:
            self._handle(message)
        except ChildFailedError as error:
            if self._stopped:
                raise InterruptedWorkError from error
            raise

    def stop(self) -> None:
        """End the children, with their process groups."""
        with self._lock:
            self._stopped = True
            children = list(self._all)
        processes.end_all(child.process for child in children)

    def _handle(self, message: Message) -> None:
        child = self._take()
        try:
            child.handle(message)
        finally:
            self._put_back(child)

    def _take(self) -> "Child":
        while self._idle:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is not None and child.usable():
                return child
            if child is not None:
                self._forget(child)
        return self._new()

    def _new(self) -> "Child":
        with self._lock:
            if self._stopped:
                raise InterruptedWorkError
            child = Child(self._arguments)
            self._all.add(child)
        try:
            child.wait_until_ready()
        except BaseException:
            self._forget(child)
            raise
        return child

    def _put_back(self, child: "Child") -> None:
        if child.usable():
            with self._lock:
                self._idle.append(child)
        else:
            self._forget(child)

    def _forget(self, child: "Child") -> None:
        with self._lock:
            self._all.discard(child)
        child.close()


class Child:
    """One child process."""

    def __init__(self, arguments: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            argv = [sys.executable, "-m", "queueworker.handlers.child", str(theirs.fileno()), *arguments]
            # A group of its own: Ctrl-C in a terminal is for the worker, which decides when to end the child.
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),), start_new_session=True
            )
            self._stream = ours.makefile("rwb")
        self._leaving = False

    def wait_until_ready(self) -> None:
        """Wait until the handler is imported. Raises UsageError, or ChildFailedError when the module raises."""
        word, content = self._listen()
        if word is Word.UNUSABLE:
            raise UsageError(content)

    def usable(self) -> bool:
        """Whether it can take another message."""
        return not self._leaving and self.process.poll() is None

    def handle(self, message: Message) -> None:
        """Hand over a message and serve its questions until it is handled. Raises how it ended."""
        self._tell(Word.HANDLE, message.held_by(NO_HOLD))
        while (heard := self._listen())[0] is not Word.ENDED:
            self._tell(Word.ANSWER, _answered(message, *heard))
        _, self._leaving, ended = heard
        _raise(*ended)

    def close(self) -> None:
        """End it, if that is still needed."""
        self._leaving = True
        with suppress(OSError):  # what was not sent yet is of no use any more
            self._stream.close()
        processes.end(self.process)

    def _tell(self, *words: object) -> None:
        try:
            pickle.dump(words, self._stream)
            self._stream.flush()
        except OSError as error:
            raise self._ended() from error

    def _listen(self) -> tuple[Any, ...]:
        try:
            return tuple(pickle.load(self._stream))  # noqa: S301 -- see `child` # nosec B301
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._ended() from error

    def _ended(self) -> ChildFailedError:
        self.close()
        return ChildFailedError(processes.told("the handler's process", self.process.returncode))


def _answered(message: Message, question: Word, seconds: float) -> float | None:
    if question is Word.REMAINING:
        return message.hold.remaining()
    try:
        message.extend(seconds)
    except MessageLostError:
        return None
    return seconds


def _raise(word: Word, content: Any, traceback: str = "") -> None:
    if word is Word.RETRY:
        raise Retry(content)
    if word is Word.REJECT:
        raise Reject(content)
    if word is Word.FAILED:
        raise ChildFailedError(content, traceback)
