"""Runs a handler on messages: starts it, judges how it ended, and settles the message. What all kinds of work share.

The receiver passes messages in; each is settled with the lease manager, and its capacity released. Where messages have
groups, `message_groups` decides which may start. How a handler is run is up to `threads` and `coroutines`.
"""

import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from queueworker.backoff import retry_delay_seconds
from queueworker.envelopes.opening import Opener
from queueworker.errors import AwsError, SqsError
from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.handlers.lifecycle import Lifecycle
from queueworker.handlers.message_groups import MessageGroups
from queueworker.handlers.returned import readable
from queueworker.hooks import Registry
from queueworker.lease.manager import LeaseManager
from queueworker.lease.records import Lease
from queueworker.model import (
    DELETE,
    MOVED,
    RELEASE,
    Disposition,
    InterruptedWorkError,
    Message,
    Reject,
    ReportedError,
    Retry,
    log_fields,
)
from queueworker.primitives import SYSTEM, Primitives
from queueworker.receive.limiter import CapacityLimiter
from queueworker.stats import HandlerRun, Stats
from queueworker.threadpool import ThreadPool

logger = logging.getLogger(__name__)

DEAD_LETTER_THREADS = 2
"""Requests to the dead-letter queue at the same time."""

MAX_ERROR_LENGTH = 500
"""Characters of a handler's error that are logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkContext:
    """What the work on a message needs.

    Args:
        lease_manager: each message is settled with it.
        limiter: capacity for messages; released when a message is settled.
        stats: counts handlers and measures their time.
        concurrency: how many handlers may run at the same time.
        batch_size: how many messages a handler that takes several gets at most; of no meaning for others.
        retry_base_seconds: the delay after a message's first failure.
        in_order: messages of a group are handled one after the other, as in a FIFO queue. In a standard queue a group
            only says whose message it is (fair queues).
        dead_letter_queue: where rejected messages go; None: they fail like others.
        opener: what opens the messages' envelopes, before their handlers see them; None: they have none.
        jitter: returns a number from 0 to 1, by which delays are spread.
        primitives: threads and event loops, and what they wait with.
    """

    lease_manager: LeaseManager
    limiter: CapacityLimiter
    stats: Stats
    concurrency: int
    retry_base_seconds: int
    batch_size: int = 10
    in_order: bool = True
    dead_letter_queue: DeadLetterQueue | None = None
    opener: Opener | None = None
    jitter: Callable[[], float] = random.random
    primitives: Primitives = SYSTEM


class Work(ABC):
    """Runs a handler on messages. Every lease that is accepted is settled, and its capacity released."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context
        self._message_groups: MessageGroups[Lease] = MessageGroups()
        self._lock = threading.Lock()
        # Whoever removes a lease from this set decides about it; Python's sets do that atomically.
        self._unstarted: set[Lease] = set()
        self._dead_letter_pool = ThreadPool("dead letter", DEAD_LETTER_THREADS, context.primitives)

    @abstractmethod
    def stop(self) -> None:
        """Interrupt the handlers that can be; their messages are released. Returns when these have ended."""

    @abstractmethod
    def lifecycle(self, registry: Registry) -> Lifecycle:
        """Return what is to be done before the first message and after the last."""

    @abstractmethod
    def _start(self, lease: Lease) -> None: ...

    def accept(self, leases: Sequence[Lease]) -> None:
        """Start the messages, or let them wait for their turn in their groups. Capacity was acquired for each."""
        self._unstarted.update(leases)
        for lease in leases:
            group = self._order_of(lease)
            if group is None or self._try_start_in_group(group, lease):
                self._start(lease)
        if self._context.limiter.closed:
            self.release_unstarted()

    def release_unstarted(self) -> None:
        """Release the messages that were not started. Called once the limiter is closed."""
        while self._unstarted:
            with suppress(KeyError):  # a handler's thread was faster
                self._context.lease_manager.settle(self._unstarted.pop(), RELEASE)

    def _order_of(self, lease: Lease) -> str | None:
        """Return the group in whose order the message is handled, if there is one."""
        return lease.message.group if self._context.in_order else None

    def _try_start_in_group(self, group: str, lease: Lease) -> bool:
        with self._lock:
            return self._message_groups.try_start(group, lease)

    def _begin(self, lease: Lease) -> tuple[Message, HandlerRun] | None:
        """Return the handler's argument and its counted run; None when the message was released meanwhile."""
        try:
            self._unstarted.remove(lease)
        except KeyError:
            self._release_capacity(lease, succeeded=False)
            return None
        message = self._context.lease_manager.message_to_start(lease)
        if message is None:
            self._release_capacity(lease, succeeded=False)
            return None
        return message, self._context.stats.start(message.sent_timestamp)

    def _finish(self, lease: Lease, run: HandlerRun, error: BaseException | None) -> None:
        seconds = self._context.stats.finish(run, succeeded=error is None)
        if error is None:
            self._settle(lease, DELETE)
            return
        error = readable(error)
        _log_failure(lease.message, error, seconds)
        if isinstance(error, Reject) and self._context.dead_letter_queue is not None:
            send = partial(self._send_to_dead_letter_queue, self._context.dead_letter_queue, lease, error)
            self._dead_letter_pool.submit(send)
        else:
            self._settle(lease, self._disposition_after(error, lease.message))

    def _send_to_dead_letter_queue(self, queue: DeadLetterQueue, lease: Lease, rejection: Reject) -> None:
        try:
            queue.send(lease.message, rejection.reason)
        except SqsError as error:
            extra = log_fields(lease.message) | error.log_fields
            logger.error("sending to the dead-letter queue failed", extra=extra)  # noqa: TRY400 -- the reason is enough
            self._settle(lease, self._disposition_after(error, lease.message))
        except Exception as error:
            # A fault of ours: the message must be settled all the same, or it stays hidden and holds its capacity.
            logger.exception("sending to the dead-letter queue failed", extra=log_fields(lease.message))
            self._settle(lease, self._disposition_after(error, lease.message))
        else:
            self._settle(lease, MOVED)

    def _disposition_after(self, error: BaseException, message: Message) -> Disposition:
        if isinstance(error, Retry):
            return Disposition(error.after_seconds)
        if isinstance(error, InterruptedWorkError):
            return RELEASE
        base, jitter = self._context.retry_base_seconds, self._context.jitter()
        return Disposition(retry_delay_seconds(base, message.receive_count, jitter))

    def _settle(self, lease: Lease, disposition: Disposition) -> None:
        self._context.lease_manager.settle(lease, disposition)
        self._release_capacity(lease, succeeded=disposition.deletes)

    def _release_capacity(self, lease: Lease, *, succeeded: bool) -> None:
        """Release the message's capacity, and start its group's next message, or release them all after a failure."""
        if (group := self._order_of(lease)) is not None:
            self._advance_group(group, succeeded=succeeded)
        self._context.limiter.release()

    def _advance_group(self, group: str, *, succeeded: bool) -> None:
        with self._lock:
            following = self._message_groups.succeeded(group) if succeeded else None
            stopped = [] if succeeded else self._message_groups.failed(group)
        for lease in stopped:
            self._unstarted.discard(lease)
            self._context.lease_manager.settle(lease, RELEASE)
        self._context.limiter.release(len(stopped))
        if following is not None:
            self._start(following)


def _log_failure(message: Message, error: BaseException, seconds: float) -> None:
    extra = log_fields(message) | {"receive_count": message.receive_count}
    extra |= {"duration_seconds": round(seconds, 3), **message.trace_context}
    if isinstance(error, Retry | InterruptedWorkError):
        logger.info("message released by its handler", extra=extra | {"error": str(error) or "the worker ends"})
    elif isinstance(error, Reject):
        logger.error("handler rejected the message", extra=extra | {"error": error.reason[:MAX_ERROR_LENGTH]})
    elif isinstance(error, AwsError):  # its payload is in S3
        logger.error("payload not read", extra=extra | error.log_fields)
    elif isinstance(error, ReportedError):
        traceback = {"traceback": error.traceback} if error.traceback else {}
        logger.error("handler failed", extra=extra | {"error": str(error)[:MAX_ERROR_LENGTH]} | traceback)
    else:
        text = f"{type(error).__name__}: {error}"
        logger.error("handler failed", exc_info=error, extra=extra | {"error": text[:MAX_ERROR_LENGTH]})
