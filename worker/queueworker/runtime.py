"""The life of a worker: starts the parts, waits for a signal, drains.

`commands.run` calls it with a loaded handler and the surroundings of a process, `testing` with those in memory.

Draining guarantees one thing: when the process ends, SQS counts nothing as in flight because of it.
"""

import json
import logging
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence

from queueworker.envelopes import s3_pointers
from queueworker.envelopes.opening import Opener
from queueworker.handlers.cancellation import CANCELLATION_TIMEOUT_SECONDS
from queueworker.handlers.handler import Handler
from queueworker.hooks import REGISTRY
from queueworker.identity import pod_identity
from queueworker.pipeline import Pipeline, SharedParts, work_maker
from queueworker.primitives import Primitives
from queueworker.receive.limiter import CapacityLimiter
from queueworker.receive.shared_limiter import shared_limiters
from queueworker.server import Endpoints
from queueworker.settings import Settings
from queueworker.signals import CRASH
from queueworker.stats import Count, Snapshot, total
from queueworker.surroundings import Surroundings

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_SECONDS = 4.0
"""How long the last deletes and releases may take after the grace period."""

MIN_SHUTDOWN_SECONDS = 2.0
"""How long shutdown hooks have at least, however late it is; else until the grace period is over."""

MAX_STATE_BYTES = 4096
"""The operator reads no longer answer of /state: numbers by queue are left out of it rather than all."""

_CHECK_INTERVAL_SECONDS = 0.02

RenderMetrics = Callable[[str], tuple[Sequence[bytes], str]]


def _limiters(settings: Settings, primitives: Primitives) -> Sequence[CapacityLimiter]:
    """Return the capacity for each queue's messages. One queue has all of it, and what it may receive ahead."""
    if len(settings.queues) == 1:
        return (CapacityLimiter(settings.concurrency + settings.prefetch, primitives),)
    return shared_limiters(settings.concurrency, [share.weight for share in settings.queues], primitives)


def _opener_for(settings: Settings, surroundings: Surroundings) -> Opener | None:
    """Return what opens the messages' envelopes; None where they have none."""
    if not settings.envelope:
        return None
    store = surroundings.payload_store() if s3_pointers.NAME in settings.envelope else None
    return Opener(
        settings.envelope,
        store,
        keep_payloads=settings.keep_payloads,
        readers=settings.concurrency,
        primitives=surroundings.primitives,
    )


class Runtime:
    """One worker."""

    def __init__(self, settings: Settings, handler: Handler, surroundings: Surroundings) -> None:
        """Build the parts and serve the state.

        Args:
            settings: all of the worker's.
            handler: what to call with each message.
            surroundings: queues, time, signals.

        Raises:
            UsageError: no region is set for a queue.
            OSError: the state port cannot be bound.
        """
        self._settings = settings
        self._surroundings = surroundings
        self._clock, self._signals = surroundings.now, surroundings.signals
        self._identity = pod_identity(os.environ)
        self._signalled_again = False
        self._limiters = _limiters(settings, surroundings.primitives)
        self._opener = _opener_for(settings, surroundings)
        shared = self._shared_parts(handler)
        self._pipelines = [
            Pipeline(share.url, label, limiter, shared)
            for share, label, limiter in zip(settings.queues, settings.queue_labels(), self._limiters, strict=True)
        ]
        self._lifecycle = self._pipelines[0].work.lifecycle(REGISTRY)  # all run the same handler, in the same place
        self._served = surroundings.serve(self._endpoints())

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; return the exit code."""
        logger.info("worker started", extra={"queues": [pipeline.url for pipeline in self._pipelines], **self._served})
        if (code := self._start_up()) is not None:
            return code
        self._surroundings.started()
        for pipeline in self._pipelines:
            self._start_thread("lease manager", pipeline.lease_manager.run)
        receivers = [self._start_thread("receiver", pipeline.receive) for pipeline in self._pipelines]
        event = self._signals.wait()
        left_in_flight = self._drain(receivers)
        return 1 if left_in_flight or event == CRASH else 0

    def _shared_parts(self, handler: Handler) -> SharedParts:
        settings, surroundings = self._settings, self._surroundings
        dead_letter_url = settings.dead_letter_queue
        return SharedParts(
            settings=settings,
            surroundings=surroundings,
            make_work=work_maker(handler, settings.concurrency, surroundings.primitives),
            dead_letter_queue=surroundings.dead_letter_queue(dead_letter_url) if dead_letter_url else None,
            opener=self._opener,
        )

    def _start_thread(self, name: str, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception:
                logger.critical("thread of the worker crashed", exc_info=True, extra={"component": name})
                self._signals.write_crash()

        return self._surroundings.primitives.start(name, guarded)

    @property
    def _draining(self) -> bool:
        return self._limiters[0].closed  # as all of them

    def _unfinished(self) -> int:
        """Return the number of messages, of all queues, that are neither deleted nor released."""
        return sum(len(pipeline.lease_manager) for pipeline in self._pipelines)

    def _start_up(self) -> int | None:
        """Do what the handler needs before the first message; return the exit code if the worker ends instead."""
        started: list[bool] = []
        thread = self._start_thread("start-up", lambda: started.append(self._lifecycle.start_up()))
        self._wait_for(thread, deadline=math.inf)
        if self._signalled_again:
            return 0  # a signal ends the worker at once, even one that came in the last moment: nothing was received
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

    def _drain(self, receivers: Sequence[threading.Thread]) -> int:
        """Stop receiving, finish or release, delete; return how many messages stay in flight because of us.

        The last polls are waited for, as the handlers are; what they bring is released at once.
        """
        began = self._clock()
        grace_seconds = self._settings.grace_seconds
        logger.info("draining", extra={"unfinished": self._unfinished(), "grace_seconds": grace_seconds})
        for limiter in self._limiters:
            limiter.close()
        for pipeline in self._pipelines:
            pipeline.begin_drain(began + grace_seconds)
        self._wait_until(lambda: not _any_alive(receivers) and not self._unfinished(), deadline=began + grace_seconds)
        if self._unfinished() or (_any_alive(receivers) and not self._signalled_again):
            self._interrupt(receivers)
        if self._opener and not self._opener.wait_for_deletes(FLUSH_TIMEOUT_SECONDS):
            logger.warning("payloads left in S3: the worker ends")
        self._shut_down(began + grace_seconds)
        left_in_flight = self._unfinished()
        for pipeline in self._pipelines:
            pipeline.stats.add(Count.STRANDED, len(pipeline.lease_manager))
        counts = {str(count): number for count, number in self._total().counts.items()}
        level = logging.ERROR if left_in_flight else logging.INFO
        logger.log(level, "worker ended", extra={"left_in_flight": left_in_flight, **counts})
        return left_in_flight

    def _interrupt(self, receivers: Sequence[threading.Thread]) -> None:
        """Cancel what is still being worked on, and release what does not end by itself soon.

        The last polls are waited for, unless a second signal came.
        """
        cut_off = self._signalled_again
        stop_at = self._clock() + CANCELLATION_TIMEOUT_SECONDS
        for pipeline in self._pipelines:
            pipeline.cancel()  # of all, before a handler that all share is stopped
        for interruption in [self._start_thread("interruption", pipeline.interrupt) for pipeline in self._pipelines]:
            interruption.join()
        self._signalled_again = False
        self._wait_until(lambda: not any(each.unsettled() for each in self._pipelines), deadline=stop_at)
        for pipeline in self._pipelines:
            pipeline.release_all()
        self._signalled_again = False
        self._wait_until(
            lambda: not self._unfinished() and (cut_off or not _any_alive(receivers)),
            deadline=self._clock() + FLUSH_TIMEOUT_SECONDS,
        )

    def _wait_until(self, condition: Callable[[], bool], *, deadline: float) -> None:
        """Wait for the condition; another signal ends the wait. Polling is cheap enough here: the process is ending."""
        while not condition() and not self._signalled_again and self._clock() < deadline:
            self._signalled_again = bool(self._signals.wait(_CHECK_INTERVAL_SECONDS))  # not by a crash

    def _total(self) -> Snapshot:
        return total([pipeline.stats.snapshot() for pipeline in self._pipelines])

    def _endpoints(self) -> Endpoints:
        return Endpoints(
            state=self._state,
            livez=self._liveness_problems,
            readyz=self._readiness_problems,
            metrics=self._metrics_renderer(),
        )

    def _state(self) -> Mapping[str, object]:
        by_queue = {pipeline.label: pipeline.stats.snapshot() for pipeline in self._pipelines}
        state = {
            **self._identity,
            "concurrency": self._settings.concurrency,
            "draining": self._draining,
            **_reported(total(list(by_queue.values()))),
        }
        with_queues = state | {"queues": {label: _reported(numbers) for label, numbers in by_queue.items()}}
        return with_queues if len(json.dumps(with_queues)) < MAX_STATE_BYTES else state

    def _liveness_problems(self) -> list[str]:
        frozen = [seconds for pipeline in self._pipelines if (seconds := pipeline.frozen_for) is not None]
        return [f"the last check for messages to extend was {max(frozen):.0f} s ago"] if frozen else []

    def _readiness_problems(self) -> list[str]:
        problems = self._liveness_problems()
        problems += [f"SQS has not answered yet for {each.label}" for each in self._pipelines if not each.answered]
        if self._draining:
            problems.append("draining")
        return problems

    def _metrics_renderer(self) -> RenderMetrics:
        loaded: list[RenderMetrics] = []

        def render(accept: str) -> tuple[Sequence[bytes], str]:
            from queueworker.metrics import Metrics, QueueState, WorkerState  # noqa: PLC0415 -- loaded at the first scrape

            def read_state() -> WorkerState:
                queues = {
                    pipeline.label: QueueState(
                        numbers=pipeline.stats.snapshot(),
                        heartbeat_lag_seconds=pipeline.lease_manager.lag(),
                        groups=pipeline.lease_manager.groups(),
                    )
                    for pipeline in self._pipelines
                }
                return WorkerState(queues=queues, concurrency=self._settings.concurrency, draining=self._draining)

            if not loaded:
                loaded.append(Metrics(read_state).render)
            return loaded[0](accept)

        return render


def _any_alive(threads: Sequence[threading.Thread]) -> bool:
    return any(thread.is_alive() for thread in threads)


def _reported(numbers: Snapshot) -> dict[str, float]:
    """Return what /state says of the numbers of one queue, or of all."""
    return {
        "busy": numbers.busy,
        "processed": numbers.counts[Count.SUCCEEDED],
        "failed": numbers.counts[Count.FAILED],
        "busySeconds": round(numbers.busy_seconds, 3),
        "oldestBusySeconds": round(numbers.oldest_busy_seconds, 3),
    }
