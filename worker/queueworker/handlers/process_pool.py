"""Passes each message to a process of its own for as long as it is handled; the process then waits for the next one.

`isolation` and `programs` say what such a process is, and how it is spoken to. There are as many as were ever needed at
the same time: the first is started with the worker, the others when all are busy.
"""

import random
import threading
from collections.abc import Callable
from typing import Protocol

from queueworker.backoff import request_delay_seconds
from queueworker.handlers import processes
from queueworker.handlers.handler import InterruptibleHandler
from queueworker.model import InterruptedWorkError, Message, ReportedError

RESTART_BASE_SECONDS = 0.5
"""How long to wait before a process is started after two in a row were lost; doubles with each further one."""
RESTART_LIMIT_SECONDS = 20.0


class HandlerFailedError(ReportedError):
    """The handler failed in its process, which goes on."""


class ProcessLostError(ReportedError):
    """The process ended, or cannot be used any more, before it said how the message fared."""


class HandlerProcess(Protocol):
    """A process that handles messages, one at a time. It was started when it was made."""

    process: processes.Process
    closed: bool
    """Whether it is known that it takes no further message."""

    def wait_until_ready(self) -> None:
        """Wait until it takes messages.

        Raises:
            UsageError: there is no such handler.
            ProcessLostError: it ended.
        """

    def usable(self) -> bool:
        """Return whether it can take another message."""

    def handle(self, message: Message, /) -> None:
        """Handle a message in it; raise what `PooledHandler` does, except for InterruptedWorkError."""

    def close(self) -> None:
        """Let it end, and see to it that it does. It has no message."""


class PooledHandler(InterruptibleHandler):
    """Runs as many processes as are needed at the same time; idle ones wait for the next message."""

    def __init__(self, start: Callable[[], HandlerProcess], jitter: Callable[[], float] = random.random) -> None:
        """Start a first process, and wait until it is ready. Raises what `HandlerProcess.wait_until_ready` does.

        Args:
            start: starts a process.
            jitter: returns a number from 0 to 1, by which waits before a restart are spread.
        """
        self._start = start
        self._jitter = jitter
        self._lock = threading.Lock()
        self._idle: list[HandlerProcess] = []
        self._all: set[HandlerProcess] = set()
        self._lost_in_a_row = 0
        self._stopped = threading.Event()
        processes.reap_orphans(self._lock, lambda: [each.process.pid for each in self._all])
        self._idle.append(self._start_process())

    def __call__(self, message: Message) -> None:
        """Handle a message in a process.

        Raises:
            Retry: requested by the handler.
            Reject: requested by the handler.
            HandlerFailedError: the handler failed.
            ProcessLostError: its process ended.
            InterruptedWorkError: the process was stopped because the worker ends.
        """
        try:
            self._handle(message)
        except ReportedError as error:
            if self._stopped.is_set():
                raise InterruptedWorkError from error
            raise

    def stop(self) -> None:
        """Terminate the processes, with their process groups."""
        with self._lock:
            self._stopped.set()
            running = list(self._all)
        processes.terminate_all(each.process for each in running)

    def shut_down(self) -> None:
        """Let the idle processes end, after the last message."""
        with self._lock:
            self._stopped.set()
            idle, self._idle = self._idle, []
        processes.all_at_once(self._remove_process, idle)

    def _handle(self, message: Message) -> None:
        process = self._acquire_process()
        try:
            process.handle(message)
        except ProcessLostError:
            self._count_loss()
            raise
        finally:
            self._release_process(process)

    def _acquire_process(self) -> HandlerProcess:
        while self._idle:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is not None and process.usable():
                return process
            if process is not None:
                self._remove_process(process)
        self._wait_before_restart()
        return self._start_process()

    def _wait_before_restart(self) -> None:
        """Wait when one process after the other was lost: a program that is broken must not use up every message."""
        if (in_vain := self._lost_in_a_row - 1) > 0:
            delay = request_delay_seconds(RESTART_BASE_SECONDS, RESTART_LIMIT_SECONDS, in_vain, self._jitter())
            self._stopped.wait(delay)

    def _count_loss(self) -> None:
        with self._lock:
            self._lost_in_a_row += 1

    def _start_process(self) -> HandlerProcess:
        with self._lock:
            if self._stopped.is_set():
                raise InterruptedWorkError
            process = self._start()
            self._all.add(process)
        try:
            process.wait_until_ready()
        except BaseException:
            self._count_loss()
            self._remove_process(process)
            raise
        return process

    def _release_process(self, process: HandlerProcess) -> None:
        if process.closed:
            self._remove_process(process)
        else:
            with self._lock:
                self._lost_in_a_row = 0
                self._idle.append(process)

    def _remove_process(self, process: HandlerProcess) -> None:
        with self._lock:
            self._all.discard(process)
        process.close()
