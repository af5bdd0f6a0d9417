"""The life of a worker: starts the parts, waits for a signal, drains. `commands.run` calls it with a loaded handler.

Draining guarantees one thing: when the process ends, SQS counts nothing as in flight because of it.
"""

import gc
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping

from queueworker.handlers.cancellation import CANCELLATION_TIMEOUT_SECONDS
from queueworker.handlers.handler import (
    BatchFunction,
    BatchHandler,
    Handler,
    is_coroutine_batch_function,
    is_coroutine_function,
)
from queueworker.handlers.threads import ThreadBatchWork, ThreadWork
from queueworker.handlers.work import Work, WorkContext
from queueworker.hooks import REGISTRY
from queueworker.identity import pod_identity
from queueworker.lease.manager import LeaseManager, senders_for
from queueworker.lease.table import LeaseTable
from queueworker.receive.limiter import CapacityLimiter
from queueworker.receive.receiver import ReceiveContext, Receiver
from queueworker.server import Endpoints, StateServer
from queueworker.settings import Settings
from queueworker.signals import CRASH, SignalPipe
from queueworker.sqs import SqsDeadLetterQueue, SqsQueue, WorkerCredentials, is_fifo
from queueworker.stats import Count, Stats

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_SECONDS = 4.0
"""How long the last deletes and releases may take after the grace period."""

MIN_SHUTDOWN_SECONDS = 2.0
"""How long shutdown hooks have at least, however late it is; else until the grace period is over."""

FROZEN_AFTER_SECONDS = 60.0
"""The lease manager checks its leases every second while it has any; after this long without a check it is frozen."""

_CHECK_INTERVAL_SECONDS = 0.02
_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former is Linux's

RenderMetrics = Callable[[str], tuple[bytes, str]]


def boot_seconds() -> float:
    """Return the seconds since boot: nobody sets this clock, and it runs while the machine sleeps, as SQS's does."""
    return time.clock_gettime(_BOOT_CLOCK)


def work_for(handler: Handler, context: WorkContext) -> Work:
    """Return the kind of work that fits the handler."""
    if isinstance(handler, BatchHandler):
        return _batch_work_for(handler.function, context)
    if is_coroutine_function(handler):
        from queueworker.handlers.coroutines import CoroutineWork  # noqa: PLC0415 -- see there

        return CoroutineWork(handler, context)
    return ThreadWork(handler, context)


def _batch_work_for(function: BatchFunction, context: WorkContext) -> Work:
    if is_coroutine_batch_function(function):
        from queueworker.handlers.coroutines import CoroutineBatchWork  # noqa: PLC0415 -- see there

        return CoroutineBatchWork(function, context)
    return ThreadBatchWork(function, context)


class Runtime:
    """One worker process."""

    def __init__(self, settings: Settings, handler: Handler, clock: Callable[[], float] = boot_seconds) -> None:
        """Build the parts and serve the state.

        Args:
            settings: all of the worker's.
            handler: what to call with each message.
            clock: a monotonic clock, in seconds.

        Raises:
            UsageError: no region is set for a queue.
            OSError: the state port cannot be bound.
        """
        self._settings = settings
        self._clock = clock
        capacity = settings.concurrency + settings.prefetch
        senders = senders_for(capacity)
        self._identity = pod_identity(os.environ)
        self._signals = SignalPipe()
        self._signalled_again = False
        credentials = WorkerCredentials()
        queue = SqsQueue(
            settings.queue,
            credentials,
            wait_seconds=settings.wait_seconds,
            visibility_seconds=settings.visibility_seconds,
            change_connections=senders,
        )
        self._stats = Stats(clock)
        self._limiter = CapacityLimiter(capacity)
        table = LeaseTable(settings.visibility_seconds)
        self._lease_manager = LeaseManager(queue=queue, table=table, stats=self._stats, clock=clock, senders=senders)
        self._work = work_for(handler, self._work_context(credentials))
        self._lifecycle = self._work.lifecycle(REGISTRY)
        self._receiver = Receiver(
            ReceiveContext(
                queue=queue,
                consumer=self._work,
                lease_manager=self._lease_manager,
                limiter=self._limiter,
                stats=self._stats,
                clock=clock,
                in_order=is_fifo(settings.queue),
            )
        )
        self._server = StateServer(settings.state_host, settings.state_port, self._endpoints())

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; return the exit code."""
        served = {"port": self._server.port, "address": self._server.address}
        logger.info("worker started", extra={"queue": self._settings.queue, **served})
        if (code := self._start_up()) is not None:
            return code
        gc.freeze()  # what is loaded by now stays; to scan botocore's models again and again costs a tenth
        self._start_thread("lease manager", self._lease_manager.run)
        # A poll longer than the grace period would be cut off, and what it brings would stay hidden for nothing.
        wait = min(self._settings.wait_seconds, max(1, self._settings.grace_seconds))
        visibility = self._settings.visibility_seconds
        receiver_thread = self._start_thread("receiver", lambda: self._receiver.run(wait, visibility))
        event = self._signals.wait()
        left_in_flight = self._drain(receiver_thread)
        return 1 if left_in_flight or event == CRASH else 0

    def _work_context(self, credentials: WorkerCredentials) -> WorkContext:
        dead_letter_url = self._settings.dead_letter_queue
        return WorkContext(
            lease_manager=self._lease_manager,
            limiter=self._limiter,
            stats=self._stats,
            concurrency=self._settings.concurrency,
            batch_size=self._settings.batch_size,
            retry_base_seconds=self._settings.retry_seconds,
            in_order=is_fifo(self._settings.queue),
            dead_letter_queue=SqsDeadLetterQueue(dead_letter_url, credentials) if dead_letter_url else None,
        )

    def _start_thread(self, name: str, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception:
                logger.critical("thread of the worker crashed", exc_info=True, extra={"component": name})
                self._signals.write_crash()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _start_up(self) -> int | None:
        """Do what the handler needs before the first message; return the exit code if the worker ends instead."""
        started: list[bool] = []
        thread = self._start_thread("start-up", lambda: started.append(self._lifecycle.start_up()))
        if not self._wait_for(thread, deadline=math.inf):
            return 0  # a signal ends the worker at once: nothing has been received
        return None if started == [True] else 1

    def _shut_down(self, deadline: float) -> None:
        """Do what the handler needs after the last message, until the deadline or another signal."""
        self._signalled_again = False
        thread = self._start_thread("shutdown", self._lifecycle.shut_down)
        if not self._wait_for(thread, deadline=max(deadline, self._clock() + MIN_SHUTDOWN_SECONDS)):
            logger.error("shutdown hooks cut off")

    def _wait_for(self, thread: threading.Thread, *, deadline: float) -> bool:
        """Wait for the end of a thread; return False when a signal or the deadline came first."""
        thread.join(_CHECK_INTERVAL_SECONDS)  # it has usually ended by then
        self._wait_until(lambda: not thread.is_alive(), deadline=deadline)
        return not thread.is_alive()

    def _drain(self, receiver_thread: threading.Thread) -> int:
        """Stop receiving, finish or release, delete; return how many messages stay in flight because of us.

        The last poll is waited for, as the handlers are; what it brings is released at once.
        """
        began = self._clock()
        grace_seconds = self._settings.grace_seconds
        logger.info("draining", extra={"unfinished": len(self._lease_manager), "grace_seconds": grace_seconds})
        self._lease_manager.set_deadline(began + grace_seconds)
        self._limiter.close()
        self._work.release_unstarted()
        self._lease_manager.flush()
        self._wait_until(
            lambda: not receiver_thread.is_alive() and not len(self._lease_manager), deadline=began + grace_seconds
        )
        if len(self._lease_manager) or (receiver_thread.is_alive() and not self._signalled_again):
            self._interrupt(receiver_thread)
        self._shut_down(began + grace_seconds)
        left_in_flight = len(self._lease_manager)
        self._stats.add(Count.STRANDED, left_in_flight)
        counts = {str(count): number for count, number in self._stats.snapshot().counts.items()}
        level = logging.ERROR if left_in_flight else logging.INFO
        logger.log(level, "worker ended", extra={"left_in_flight": left_in_flight, **counts})
        return left_in_flight

    def _interrupt(self, receiver_thread: threading.Thread) -> None:
        """Cancel what is still being worked on, and release what does not end by itself soon.

        The last poll is waited for, unless a second signal came.
        """
        cut_off = self._signalled_again
        self._lease_manager.set_deadline(self._clock())  # so that messages are cancelled
        stop_at = self._clock() + CANCELLATION_TIMEOUT_SECONDS
        self._work.stop()
        self._signalled_again = False
        self._wait_until(lambda: not self._lease_manager.unsettled(), deadline=stop_at)
        for lease in self._lease_manager.release_all():
            logger.warning("message released: the grace period is over", extra={"message_id": lease.message.id})
        self._signalled_again = False
        self._wait_until(
            lambda: not len(self._lease_manager) and (cut_off or not receiver_thread.is_alive()),
            deadline=self._clock() + FLUSH_TIMEOUT_SECONDS,
        )

    def _wait_until(self, condition: Callable[[], bool], *, deadline: float) -> None:
        """Wait for the condition; another signal ends the wait. Polling is cheap enough here: the process is ending."""
        while not condition() and not self._signalled_again and self._clock() < deadline:
            self._signalled_again = bool(self._signals.wait(_CHECK_INTERVAL_SECONDS))  # not by a crash

    def _endpoints(self) -> Endpoints:
        return Endpoints(
            state=self._state,
            livez=self._liveness_problems,
            readyz=self._readiness_problems,
            metrics=self._metrics_renderer(),
        )

    def _state(self) -> Mapping[str, object]:
        numbers = self._stats.snapshot()
        return {
            **self._identity,
            "busy": numbers.busy,
            "concurrency": self._settings.concurrency,
            "draining": self._limiter.closed,
            "processed": numbers.counts[Count.SUCCEEDED],
            "failed": numbers.counts[Count.FAILED],
            "busySeconds": round(numbers.busy_seconds, 3),
            "oldestBusySeconds": round(numbers.oldest_busy_seconds, 3),
        }

    def _liveness_problems(self) -> list[str]:
        age = self._clock() - self._lease_manager.last_heartbeat
        frozen = len(self._lease_manager) and age > FROZEN_AFTER_SECONDS
        return [f"the last check for messages to extend was {age:.0f} s ago"] if frozen else []

    def _readiness_problems(self) -> list[str]:
        problems = self._liveness_problems()
        if not self._receiver.answered:
            problems.append("SQS has not answered yet")
        if self._limiter.closed:
            problems.append("draining")
        return problems

    def _metrics_renderer(self) -> RenderMetrics:
        loaded: list[RenderMetrics] = []

        def render(accept: str) -> tuple[bytes, str]:
            from queueworker.metrics import Metrics, WorkerState  # noqa: PLC0415 -- loaded at the first scrape

            def read_state() -> WorkerState:
                return WorkerState(
                    numbers=self._stats.snapshot(),
                    concurrency=self._settings.concurrency,
                    draining=self._limiter.closed,
                    heartbeat_lag_seconds=self._lease_manager.lag(),
                    groups=self._lease_manager.groups(),
                )

            if not loaded:
                loaded.append(Metrics(read_state).render)
            return loaded[0](accept)

        return render
