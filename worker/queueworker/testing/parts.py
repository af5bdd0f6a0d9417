"""The parts of a worker around a queue in memory: made, started and drained as `runtime` does it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.handlers.handler import Handler
from queueworker.handlers.work import WorkContext
from queueworker.lease.manager import LeaseManager, LeaseQueue, senders_for
from queueworker.lease.table import LeaseTable
from queueworker.receive.limiter import CapacityLimiter
from queueworker.receive.receiver import ReceiveContext, ReceiveQueue, Receiver
from queueworker.runtime import FLUSH_TIMEOUT_SECONDS, work_for
from queueworker.settings import Settings
from queueworker.stats import Stats
from queueworker.testing.clock import Clock

_DRAIN_CHECK_INTERVAL_SECONDS = 0.02


class WorkerQueue(ReceiveQueue, LeaseQueue, Protocol):
    """What a worker needs of a queue."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a worker in memory has instead of SQS, time and signals."""

    queue: WorkerQueue
    in_order: bool
    dead_letter_queue: DeadLetterQueue | None
    clock: Clock
    terminations: Callable[[], int]


class Parts:
    """The parts of one worker."""

    def __init__(self, settings: Settings, handler: Handler, surroundings: Surroundings) -> None:
        self._settings, self._surroundings, self._clock = settings, surroundings, surroundings.clock
        capacity = settings.concurrency + settings.prefetch
        stats = Stats(self._now, lambda: self._clock.wall_time)
        self._limiter = CapacityLimiter(capacity, self._clock)
        self.lease_manager = LeaseManager(
            queue=surroundings.queue,
            table=LeaseTable(settings.visibility_seconds),
            stats=stats,
            clock=self._now,
            senders=senders_for(capacity),
            primitives=self._clock,
        )
        self._work = work_for(handler, self._work_context(stats))
        self._receiver = Receiver(
            ReceiveContext(
                queue=surroundings.queue,
                consumer=self._work,
                lease_manager=self.lease_manager,
                limiter=self._limiter,
                stats=stats,
                clock=self._now,
                in_order=surroundings.in_order,
                primitives=self._clock,
            )
        )

    def start(self) -> threading.Thread:
        """Start to receive; return the receiver's thread."""
        self._clock.start("lease manager", self.lease_manager.run)
        return self._clock.start("receiver", self._receive)

    def drain(self, receiver_thread: threading.Thread) -> int:
        """Stop receiving, finish or release, delete; return how many messages stay in flight."""
        grace_ends = self._now() + self._settings.grace_seconds
        self.lease_manager.set_deadline(grace_ends)
        self._limiter.close()
        self._work.release_unstarted()
        self.lease_manager.flush()
        if not self._ends(receiver_thread, grace_ends, signals=1):
            self._work.stop()
            self.lease_manager.release_all()
            self._ends(receiver_thread, self._now() + FLUSH_TIMEOUT_SECONDS, signals=2)
        return len(self.lease_manager)

    def _ends(self, receiver_thread: threading.Thread, deadline: float, signals: int) -> bool:
        """Wait until all is done, for another signal, or for the deadline; return whether all is done."""
        while (unfinished := receiver_thread.is_alive() or len(self.lease_manager)) and self._now() < deadline:
            if self._surroundings.terminations() > signals:
                break
            self._clock.advance(_DRAIN_CHECK_INTERVAL_SECONDS)
        return not unfinished

    def _now(self) -> float:
        return self._clock.now

    def _receive(self) -> None:
        wait = min(self._settings.wait_seconds, max(1, self._settings.grace_seconds))
        self._receiver.run(wait, self._settings.visibility_seconds, _no_jitter)

    def _work_context(self, stats: Stats) -> WorkContext:
        return WorkContext(
            lease_manager=self.lease_manager,
            limiter=self._limiter,
            stats=stats,
            concurrency=self._settings.concurrency,
            batch_size=self._settings.batch_size,
            retry_base_seconds=self._settings.retry_seconds,
            in_order=self._surroundings.in_order,
            dead_letter_queue=self._surroundings.dead_letter_queue,
            jitter=_no_jitter,
            primitives=self._clock,
        )


def _no_jitter() -> float:
    return 0.0
