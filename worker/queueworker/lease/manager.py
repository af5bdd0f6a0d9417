"""Extends, deletes and releases the messages that this worker has received. One thread decides, a few send requests.

The receiver adds messages, the work settles each. The rules themselves are in `table`, which is pure; nothing here
starts a handler.
"""

import logging
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from queueworker.errors import SqsError
from queueworker.lease.records import BATCH_SIZE, Action, BatchRequest, Lease, RequestOutcome
from queueworker.lease.table import LeaseTable
from queueworker.model import (
    DELETE,
    MAX_VISIBILITY_SECONDS,
    Disposition,
    EntryFailure,
    Message,
    MessageLostError,
    log_fields,
)
from queueworker.primitives import SYSTEM, Primitives
from queueworker.stats import Count, Stats
from queueworker.threadpool import ThreadPool

logger = logging.getLogger(__name__)

MIN_SENDERS = 4
"""Requests under way at the same time, where few messages are held: a slow one must not delay those about others."""

MIN_CONFIRMATION_TIMEOUT_SECONDS = 5.0
"""How long a handler that extends its message waits for SQS at least; longer while the lease lasts longer."""

_COUNTS = {Action.DELETE: Count.DELETED, Action.RELEASE: Count.RELEASED, Action.EXTEND: Count.EXTENDED}


def senders_for(messages: int) -> int:
    """Return how many senders keep so many messages hidden, however slow SQS is: each batch is sent at once.

    All batches fall due together when their messages were received together. With fewer senders they would wait for
    each other, and the last for longer than its messages stay hidden.
    """
    return max(MIN_SENDERS, math.ceil(messages / BATCH_SIZE))


class LeaseQueue(Protocol):
    """What the lease manager needs of a queue."""

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        """Delete messages; see `SqsQueue`."""

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        """Hide messages for this many seconds each; see `SqsQueue`."""


class LeaseManager:
    """Keeps messages hidden from `add` until they are deleted or released.

    Args:
        queue: where the messages came from.
        table: the rules; used only with the manager's lock.
        stats: counts what SQS confirmed, and stranded messages.
        clock: a monotonic clock, in seconds.
        senders: how many requests may be under way at the same time; see `senders_for`.
        primitives: its threads, and what they wait with.
        after_delete: called with each message that SQS has deleted because its handler has succeeded, if given.
    """

    def __init__(  # noqa: PLR0913 -- each is one part of its surroundings, and is given by name
        self,
        *,
        queue: LeaseQueue,
        table: LeaseTable,
        stats: Stats,
        clock: Callable[[], float],
        senders: int = MIN_SENDERS,
        primitives: Primitives = SYSTEM,
        after_delete: Callable[[Message], None] | None = None,
    ) -> None:
        self._queue = queue
        self._table = table
        self._stats = stats
        self._clock = clock
        self._after_delete = after_delete
        self._unannounced = 0
        self._changed = primitives.condition()
        self._flush = False
        self._closed = False
        self._thread_pool = ThreadPool("request", senders, primitives)
        self._deadline = math.inf
        self.last_heartbeat = clock()
        """When the manager last checked its leases."""

    def __len__(self) -> int:
        """Return the number of messages that are neither deleted nor released, or of which nobody knows it yet."""
        with self._changed:
            return len(self._table) + self._unannounced

    def add(self, messages: Sequence[Message], *, hidden_since: float) -> list[Lease]:
        """Add messages that SQS has just hidden; return the leases of those that are to be started.

        A message that has a lease already, and that SQS has shown again, is not to be started.

        Args:
            messages: the answer to a receive request.
            hidden_since: when that request was sent.
        """
        with self._changed:
            now = self._clock()
            added = [self._table.add(message, hidden_since=hidden_since, now=now) for message in messages]
            self._changed.notify_all()
        for message, lease in zip(messages, added, strict=True):
            if lease is None:
                logger.warning("message received again while it is in progress", extra=log_fields(message))
        return [lease for lease in added if lease is not None]

    def message_to_start(self, lease: Lease) -> Message | None:
        """Return the message for its handler, with a handle; None when another worker may have received it by now."""
        if lease.may_start(self._clock()):
            return lease.message.with_handle(LeaseMessageHandle(self, lease))
        with self._changed:
            self._table.discard(lease)
        self._stats.add(Count.STRANDED)
        logger.error("lease expired before its message was started", extra=log_fields(lease.message))
        return None

    def extend(self, lease: Lease, seconds: int) -> None:
        """Hide a message for `seconds` from now on, and wait until SQS has confirmed it.

        Raises:
            MessageLostError: SQS did not confirm it, or the message is settled.
        """
        with self._changed:
            now = self._clock()
            self._table.request_extension(lease, seconds, now)
            self._changed.notify_all()
            timeout = max(MIN_CONFIRMATION_TIMEOUT_SECONDS, lease.expires_at - now)
            self._changed.wait_for(
                lambda: not lease.requested_seconds or lease.lost or lease.disposition or self._closed, timeout
            )
            if lease.requested_seconds or lease.lost or lease.disposition:
                raise MessageLostError(f"SQS does not confirm that message {lease.message.id} is still ours")

    def set_deadline(self, deadline: float) -> None:
        """Let handlers see this time as their deadline, where it is earlier than SQS's limit."""
        self._deadline = deadline

    def remaining_seconds(self, lease: Lease) -> float:
        """Return the seconds until the work on a message must be done: none if the message is no longer ours."""
        if lease.lost:
            return 0.0
        return min(lease.hidden_since + MAX_VISIBILITY_SECONDS, self._deadline) - self._clock()

    def lag(self) -> float:
        """Return the seconds by which the heartbeat is late."""
        with self._changed:
            return self._table.lag(self._clock())

    def is_behind(self) -> bool:
        """Return whether messages in hand are not extended in time, so that more of them could not be kept."""
        with self._changed:
            return self._table.is_behind(self._clock())

    def groups(self) -> int:
        """Return the number of message groups in hand."""
        with self._changed:
            return self._table.groups

    def settle(self, lease: Lease, disposition: Disposition) -> None:
        """Record how the work on a message ended. Only the first record counts."""
        with self._changed:
            self._table.settle(lease, disposition, self._clock())
            # Waking the thread is expensive: the first delete makes it wait for more, the tenth fills the batch.
            urgent = not disposition.deletes or self._flush or lease.requested_seconds
            if urgent or self._table.unrequested in {1, BATCH_SIZE}:
                self._changed.notify_all()

    def unsettled(self) -> int:
        """Return the number of messages that are worked on, or wait for that."""
        with self._changed:
            return self._table.unsettled

    def release_all(self) -> list[Lease]:
        """Release everything that is not settled; return it."""
        with self._changed:
            released = self._table.release_all(self._clock())
            self._changed.notify_all()
        return released

    def flush(self) -> None:
        """From now on send requests at once, without waiting for full batches."""
        with self._changed:
            self._flush = True
            self._changed.notify_all()

    def close(self) -> None:
        """End `run`; messages that are neither deleted nor released are left to their visibility timeout."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def run(self) -> None:
        """Send what is due, until closed."""
        while requests := self._wait_for_requests():
            for request in requests:
                self._thread_pool.submit(partial(self._process, request))

    def _wait_for_requests(self) -> list[BatchRequest]:
        """Wait until requests are due and return them; return nothing once closed."""
        with self._changed:
            while not self._closed:
                self.last_heartbeat = now = self._clock()
                requests = self._table.due_requests(now, flush=self._flush)
                for lease in self._table.pop_at_limit():
                    logger.error("message reached SQS's limit of 12 hours", extra=log_fields(lease.message))
                if requests:
                    return requests
                self._changed.wait(self._table.seconds_until_due(now, flush=self._flush))
            return []

    def _process(self, request: BatchRequest) -> None:
        sent_at = self._clock()
        failures = self._send(request)
        with self._changed:
            retryable = {index: failure.retryable for index, failure in failures.items()}
            outcome = self._table.record_answer(request, retryable, sent_at=sent_at, now=self._clock())
            handled = self._handled(request, outcome)
            self._unannounced += len(handled)
            # Here, lest somebody who waits for the last message tells a number without it.
            self._stats.add(_COUNTS[request.action], len(outcome.confirmed))
            self._stats.add(Count.STRANDED, len(outcome.stranded))
            self._changed.notify_all()
        _log_failures(request, failures, outcome)
        if self._after_delete and handled:
            self._announce(self._after_delete, handled)

    def _handled(self, request: BatchRequest, outcome: RequestOutcome) -> Sequence[Message]:
        """Return the messages that SQS has deleted because their handlers have succeeded, if anybody is to know."""
        if self._after_delete is None or request.action is not Action.DELETE:
            return ()
        return [lease.message for lease in outcome.confirmed if lease.disposition is DELETE]

    def _announce(self, after_delete: Callable[[Message], None], handled: Sequence[Message]) -> None:
        for message in handled:
            after_delete(message)
        with self._changed:
            self._unannounced -= len(handled)

    def _send(self, request: BatchRequest) -> dict[int, EntryFailure]:
        try:
            if request.action is Action.DELETE:
                return self._queue.delete(request.receipt_handles)
            return self._queue.change_visibility(request.receipt_handles, request.visibility_seconds)
        except SqsError as error:
            failure = EntryFailure(error.reason, retryable=True, remedy=error.remedy)
        except Exception:
            # A fault of ours: the messages must get an answer all the same, or nobody asks for them again.
            logger.exception("request could not be sent")
            failure = EntryFailure("Internal", retryable=True)
        return dict.fromkeys(range(len(request.leases)), failure)


def _log_failures(request: BatchRequest, failures: dict[int, EntryFailure], outcome: RequestOutcome) -> None:
    for index, failure in failures.items():
        lease = request.leases[index]
        if lease in outcome.confirmed:
            continue
        given_up = lease in outcome.stranded or lease.lost
        logger.log(
            logging.ERROR if given_up else logging.WARNING,
            "request to SQS failed for a message",
            extra={
                **log_fields(lease.message),
                "action": request.action.name.lower(),
                "reason": failure.code,
                "next": "left to its visibility timeout" if given_up else "retry",
                **({"remedy": failure.remedy} if failure.remedy else {}),
            },
        )


class LeaseMessageHandle:
    """The `MessageHandle` of a message in this process: passes calls to the lease manager."""

    __slots__ = ("_lease", "_lease_manager")

    def __init__(self, lease_manager: LeaseManager, lease: Lease) -> None:
        self._lease_manager = lease_manager
        self._lease = lease

    def extend(self, seconds: int) -> None:
        """Hide the message for `seconds` from now on.

        Raises:
            MessageLostError: SQS did not confirm it.
        """
        self._lease_manager.extend(self._lease, seconds)

    def remaining_seconds(self) -> float:
        """Return the seconds until the work must be done."""
        return self._lease_manager.remaining_seconds(self._lease)
