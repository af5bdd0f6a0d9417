"""Passes each message to a process of its own for as long as it is handled; the process then waits for the next one.

`isolation` and `programs` say what such a process is, and how it is spoken to. There are as many as were ever needed at
the same time: the first is started with the worker, the others when all are busy.
"""

import logging
import random
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from queueworker.backoff import request_delay_seconds
from queueworker.errors import UsageError
from queueworker.handlers import processes
from queueworker.handlers.cancellation import CANCELLATION_TIMEOUT_SECONDS
from queueworker.handlers.handler import InterruptibleHandler
from queueworker.handlers.lifecycle import Lifecycle
from queueworker.model import InterruptedWorkError, Message, ReportedError

logger = logging.getLogger(__name__)

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
    takes_batches: bool
    """Whether it takes several messages at once; known once it is loaded."""
    closed: bool
    """Whether it is known that it takes no further message."""

    def wait_until_loaded(self) -> None:
        """Wait until it is clear that there is such a handler.

        Raises:
            UsageError: there is none.
            ProcessLostError: the process ended.
        """

    def wait_until_ready(self) -> None:
        """Wait until it takes messages, once it is loaded.

        Raises:
            ProcessLostError: it ended.
        """

    def usable(self) -> bool:
        """Return whether it can take another message."""

    def handle(self, work: Any, /) -> None:
        """Handle a message in it, or several; raise what `PooledHandler` does, except for InterruptedWorkError."""

    def cancel(self) -> bool:
        """Ask it to stop its work and to end, if it can be asked; return whether that was so."""

    def close(self) -> None:
        """Let it end, and see to it that it does. It has no message."""


class PooledHandler(InterruptibleHandler, Lifecycle):
    """Runs as many processes as are needed at the same time; idle ones wait for the next message."""

    def __init__(self, start: Callable[[], HandlerProcess], jitter: Callable[[], float] = random.random) -> None:
        """Start a first process, and wait until it is loaded. Raises what `HandlerProcess.wait_until_loaded` does.

        Args:
            start: starts a process.
            jitter: returns a number from 0 to 1, by which waits before a restart are spread.
        """
        self._start = start
        self._jitter = jitter
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle: list[HandlerProcess] = []
        self._all: set[HandlerProcess] = set()
        self._lost_in_a_row = 0
        self._stopped = False
        processes.reap_orphans(self._lock, lambda: [each.process.pid for each in self._all])
        self._first = self._begin_process()
        self._first.wait_until_loaded()

    @property
    def takes_batches(self) -> bool:
        """Whether it takes several messages at once, and not one."""
        return self._first.takes_batches

    def start_up(self) -> bool:
        """Wait until the first process is ready."""
        try:
            self._first.wait_until_ready()
        except ReportedError as error:
            logger.critical("handler did not start", extra={"error": str(error)})
            return False
        self._idle.append(self._first)
        return True

    def __call__(self, work: Message | Sequence[Message], /) -> None:
        """Handle a message in a process; or several, if they are taken.

        Raises:
            PartialFailure: of several messages, some have failed.
            Retry: requested by the handler.
            Reject: requested by the handler.
            HandlerFailedError: the handler failed.
            ProcessLostError: its process ended.
            InterruptedWorkError: the process was stopped because the worker ends.
        """
        try:
            self._handle(work)
        except ReportedError as error:
            if self._stopped:
                raise InterruptedWorkError from error
            raise

    def stop(self) -> None:
        """Cancel what runs, and terminate the processes that do not end by themselves, with their process groups."""
        self._start_no_more()
        with self._lock:
            busy = self._all.difference(self._idle)
        processes.all_at_once(_cancel_and_terminate, busy)

    def shut_down(self) -> None:
        """Let the processes end, after the last message."""
        self._start_no_more()
        with self._lock:
            remaining = list(self._all)
        processes.all_at_once(self._remove_process, remaining)

    def _start_no_more(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _handle(self, work: Message | Sequence[Message]) -> None:
        process = self._acquire_process()
        try:
            process.handle(work)
        except ProcessLostError:
            self._count_loss()
            raise
        finally:
            self._release_process(process)

    def _acquire_process(self) -> HandlerProcess:
        """Return an idle process, or start one. It is not the message's fault if that fails, so it is tried again."""
        while True:
            self._wait_before_restart()
            if (idle := self._idle_process()) is not None:
                return idle
            try:
                return self._start_process()
            except (OSError, UsageError, ProcessLostError) as error:
                self._count_loss()
                logger.error("process for the handler did not start", extra={"error": str(error)})  # noqa: TRY400 -- no stack of ours

    def _idle_process(self) -> HandlerProcess | None:
        while self._idle:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is not None and process.usable():
                return process
            if process is not None:
                self._remove_process(process)
        return None

    def _wait_before_restart(self) -> None:
        """Wait when one process after the other was lost: a program that is broken must not use up every message."""
        if (in_vain := self._lost_in_a_row - 1) > 0:
            delay = request_delay_seconds(RESTART_BASE_SECONDS, RESTART_LIMIT_SECONDS, in_vain, self._jitter())
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._idle, delay)

    def _count_loss(self) -> None:
        with self._lock:
            self._lost_in_a_row += 1

    def _start_process(self) -> HandlerProcess:
        process = self._begin_process()
        try:
            process.wait_until_loaded()
            process.wait_until_ready()
        except BaseException:
            self._remove_process(process)
            raise
        return process

    def _begin_process(self) -> HandlerProcess:
        with self._lock:
            if self._stopped:
                raise InterruptedWorkError
            process = self._start()
            self._all.add(process)
        return process

    def _release_process(self, process: HandlerProcess) -> None:
        if process.closed:
            # Aside: its message need not wait until it has ended.
            threading.Thread(target=self._remove_process, args=(process,), name="ending", daemon=True).start()
            return
        with self._changed:
            self._lost_in_a_row = 0
            self._idle.append(process)
            self._changed.notify()

    def _remove_process(self, process: HandlerProcess) -> None:
        process.close()
        with self._lock:
            self._all.discard(process)


def _cancel_and_terminate(process: HandlerProcess) -> None:
    if process.cancel():
        with suppress(subprocess.TimeoutExpired):
            process.process.wait(CANCELLATION_TIMEOUT_SECONDS)
    processes.terminate(process.process)
