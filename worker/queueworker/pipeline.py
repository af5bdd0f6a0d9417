"""What belongs to one queue in the worker: its requests, receiver, leases, the work on its messages, and its counts.

`runtime` makes one for each queue, and drains them together. What all queues share (capacity, credentials, the handler
with its threads or its event loop) is given to it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from queueaddress import is_fifo
from queueworker.envelopes.opening import Opener
from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.handlers.handler import (
    BatchFunction,
    BatchHandler,
    Handler,
    is_coroutine_batch_function,
    is_coroutine_function,
)
from queueworker.handlers.threads import ThreadBatchWork, ThreadWork
from queueworker.handlers.work import Work, WorkContext
from queueworker.lease.manager import LeaseManager, senders_for
from queueworker.lease.table import LeaseTable
from queueworker.model import log_fields
from queueworker.primitives import Primitives
from queueworker.receive.limiter import CapacityLimiter
from queueworker.receive.receiver import ReceiveContext, Receiver
from queueworker.settings import Settings
from queueworker.stats import Stats
from queueworker.surroundings import Surroundings
from queueworker.threadpool import ThreadPool

logger = logging.getLogger(__name__)

FROZEN_AFTER_SECONDS = 60.0
"""The lease manager checks its leases every second while it has any; after this long without a check it is frozen."""

MakeWork = Callable[[WorkContext], Work]


def work_maker(handler: Handler, concurrency: int, primitives: Primitives) -> MakeWork:
    """Return what makes the kind of work that fits the handler; all of it shares threads, or one event loop."""
    if isinstance(handler, BatchHandler):
        return _batch_work_maker(handler.function, concurrency, primitives)
    if is_coroutine_function(handler):
        from queueworker.handlers.coroutines import CoroutineWork, start_loop  # noqa: PLC0415 -- see there

        coroutine_handler, loop = handler, start_loop(primitives)
        return lambda context: CoroutineWork(coroutine_handler, context, loop)
    thread_pool = ThreadPool("handler", concurrency, primitives)
    return lambda context: ThreadWork(handler, context, thread_pool)


def _batch_work_maker(function: BatchFunction, concurrency: int, primitives: Primitives) -> MakeWork:
    if is_coroutine_batch_function(function):
        from queueworker.handlers.coroutines import CoroutineBatchWork, start_loop  # noqa: PLC0415 -- see there

        coroutine_function, loop = function, start_loop(primitives)
        return lambda context: CoroutineBatchWork(coroutine_function, context, loop)
    thread_pool = ThreadPool("handler", concurrency, primitives)
    return lambda context: ThreadBatchWork(function, context, thread_pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedParts:
    """What the pipelines of a worker share.

    Args:
        settings: all of the worker's.
        surroundings: queues, threads and time.
        make_work: makes the work on a queue's messages; see `work_maker`.
        dead_letter_queue: where rejected messages go; None: they fail like others.
        opener: what opens the messages' envelopes; None: they have none.
    """

    settings: Settings
    surroundings: Surroundings
    make_work: MakeWork
    dead_letter_queue: DeadLetterQueue | None
    opener: Opener | None


class Pipeline:
    """The parts of one queue.

    Args:
        url: of the queue.
        label: the queue's name in metrics and states.
        limiter: capacity for its messages.
        shared: what it shares with others.

    Raises:
        UsageError: no region is set for the queue.
    """

    def __init__(self, url: str, label: str, limiter: CapacityLimiter, shared: SharedParts) -> None:
        settings, self._surroundings = shared.settings, shared.surroundings
        self._clock, primitives = self._surroundings.now, self._surroundings.primitives
        self.url, self.label, self._limiter = url, label, limiter
        self._settings = settings
        senders = senders_for(limiter.total)
        queue = self._surroundings.queue(url, senders)
        self.stats = Stats(self._clock)
        self.lease_manager = LeaseManager(
            queue=queue,
            table=LeaseTable(settings.visibility_seconds),
            stats=self.stats,
            clock=self._clock,
            senders=senders,
            primitives=primitives,
            after_delete=shared.opener.discard_payload if shared.opener else None,
        )
        self.work = shared.make_work(self._work_context(shared))
        self._receiver = Receiver(
            ReceiveContext(
                queue=queue,
                consumer=self.work,
                lease_manager=self.lease_manager,
                limiter=limiter,
                stats=self.stats,
                clock=self._clock,
                in_order=is_fifo(url),
                queue_url=url,
                primitives=primitives,
            )
        )

    @property
    def answered(self) -> bool:
        """Whether SQS has ever answered a receive request."""
        return self._receiver.answered

    @property
    def frozen_for(self) -> float | None:
        """The seconds since the last check for messages to extend, where it should have been made; else None."""
        age = self._clock() - self.lease_manager.last_heartbeat
        return age if len(self.lease_manager) and age > FROZEN_AFTER_SECONDS else None

    def receive(self) -> None:
        """Receive messages until the limiter is closed and the last poll is over."""
        # A poll longer than the grace period would be cut off, and what it brings would stay hidden for nothing.
        wait = min(self._settings.wait_seconds, max(1, self._settings.grace_seconds))
        self._receiver.run(wait, self._settings.visibility_seconds, self._surroundings.jitter)

    def begin_drain(self, deadline: float) -> None:
        """Release what is not started, and let the rest end by the deadline. Called once the limiter is closed."""
        self.lease_manager.set_deadline(deadline)
        self.work.release_unstarted()
        self.lease_manager.flush()

    def cancel(self) -> None:
        """Let the messages that are still being worked on be cancelled."""
        self.lease_manager.set_deadline(self._clock())

    def interrupt(self) -> None:
        """Stop the handlers that can be stopped. Called once the messages of all queues are cancelled."""
        self.work.stop()

    def unsettled(self) -> bool:
        """Return whether work on a message has not ended."""
        return bool(self.lease_manager.unsettled())

    def release_all(self) -> None:
        """Release what is still being worked on."""
        for lease in self.lease_manager.release_all():
            logger.warning("message released: the grace period is over", extra=log_fields(lease.message))

    def _work_context(self, shared: SharedParts) -> WorkContext:
        return WorkContext(
            lease_manager=self.lease_manager,
            limiter=self._limiter,
            stats=self.stats,
            concurrency=self._settings.concurrency,
            batch_size=self._settings.batch_size,
            retry_base_seconds=self._settings.retry_seconds,
            in_order=is_fifo(self.url),
            dead_letter_queue=shared.dead_letter_queue,
            opener=shared.opener,
            jitter=self._surroundings.jitter,
            primitives=self._surroundings.primitives,
        )
