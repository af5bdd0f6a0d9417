"""Keeps what this worker holds: extends it, deletes it, gives it back. One thread decides, a few carry out requests.

The receiver brings messages, the work tells how each ended; the rules themselves are in `leases`, which is pure.
"""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from queueworker.errors import SqsError
from queueworker.lease.table import BATCH, Ask, Lease, Leases, Outcome, Purpose
from queueworker.model import DELETE, MAX_VISIBILITY_SECONDS, Ending, EntryFailure, Message, MessageLostError
from queueworker.stats import Count, Stats
from queueworker.threadpool import Crew

logger = logging.getLogger(__name__)

SENDERS = 4
"""Requests under way at the same time: a slow one must not hold up the extension of other messages."""

EXTEND_SECONDS = 5.0
"""How long a handler that wants its message extended waits for SQS at least, while the message is still ours longer."""

_COUNTED = {Purpose.DELETE: Count.DELETED, Purpose.RELEASE: Count.RELEASED, Purpose.EXTEND: Count.EXTENDED}


class Changes(Protocol):
    """What SQS is asked about messages that are held."""

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        """Delete messages; see `Sqs`."""

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        """Hide messages for so many seconds; see `Sqs`."""


class Custodian:
    """Holds messages from `take` until they are deleted or given back."""

    def __init__(self, queue: Changes, leases: Leases, stats: Stats, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._leases = leases
        self._stats = stats
        self._clock = clock
        self._changed = threading.Condition()
        self._flush = False
        self._closed = False
        self._crew = Crew("request", SENDERS)
        self._limit = math.inf
        self.beat = clock()
        """When the custodian last looked at what it holds."""

    def __len__(self) -> int:
        """How many messages are held."""
        return len(self._leases)

    def take(self, messages: Sequence[Message], since: float) -> list[Lease]:
        """Hold messages that SQS has just hidden; they were asked for at `since`. Returns those that are to be started.

        A message that is held already, and that SQS has shown again, is not.
        """
        with self._changed:
            now = self._clock()
            held = [self._leases.add(message, since, now) for message in messages]
            self._changed.notify_all()
        for message, lease in zip(messages, held, strict=True):
            if lease is None:
                logger.warning("a message came again that is still in hand", extra={"message_id": message.id})
        return [lease for lease in held if lease is not None]

    def lend(self, lease: Lease) -> Message | None:
        """The message for its handler, which may keep it for longer; None when it may be another worker's by now."""
        if lease.may_start(self._clock()):
            return lease.message.held_by(_Loan(self, lease))
        with self._changed:
            self._leases.abandon(lease)
        self._stats.add(Count.STRANDED)
        logger.error("a message's time was over before it could be started", extra={"message_id": lease.message.id})
        return None

    def extend(self, lease: Lease, seconds: int) -> None:
        """Hide a message for so long from now on; wait for SQS to confirm. Raises MessageLostError."""
        with self._changed:
            now = self._clock()
            self._leases.want(lease, seconds, now)
            self._changed.notify_all()
            wait = max(EXTEND_SECONDS, lease.expires - now)
            self._changed.wait_for(lambda: not lease.wanted or lease.lost or lease.ending or self._closed, wait)
            if lease.wanted or lease.lost or lease.ending:
                raise MessageLostError(f"SQS does not confirm that message {lease.message.id} is still ours")

    def limit(self, until: float) -> None:
        """Tell handlers that the work must be done by then."""
        self._limit = until

    def remaining(self, lease: Lease) -> float:
        """Seconds until the work on a message must be done."""
        return min(lease.since + MAX_VISIBILITY_SECONDS, self._limit) - self._clock()

    def lag(self) -> float:
        """Seconds by which the heartbeat is late."""
        with self._changed:
            return self._leases.lag(self._clock())

    def end(self, lease: Lease, ending: Ending) -> None:
        """Tell how the work on a message ended. Only the first word about it counts."""
        with self._changed:
            self._leases.end(lease, ending, self._clock())
            # To wake the thread is dear: the first delete makes it wait for more, the tenth fills the batch.
            if ending is not DELETE or self._flush or lease.wanted or self._leases.unasked in {1, BATCH}:
                self._changed.notify_all()

    def end_all(self) -> list[Lease]:
        """Give back everything that is still being worked on; returns it."""
        with self._changed:
            ended = self._leases.end_all(self._clock())
            self._changed.notify_all()
        return ended

    def flush(self) -> None:
        """From now on ask SQS at once, without filling batches."""
        with self._changed:
            self._flush = True
            self._changed.notify_all()

    def close(self) -> None:
        """End `run`; whatever is still held is left alone."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def run(self) -> None:
        """Look after the messages until closed."""
        while asks := self._due():
            for ask in asks:
                self._crew.submit(partial(self._carry_out, ask))

    def _due(self) -> list[Ask]:
        with self._changed:
            while not self._closed:
                self.beat = now = self._clock()
                asks = self._leases.due(now, flush=self._flush)
                for lease in self._leases.pop_outlived():
                    logger.error("SQS's limit of 12 hours is over", extra={"message_id": lease.message.id})
                if asks:
                    return asks
                self._changed.wait(self._leases.next_due(now, flush=self._flush))
            return []

    def _carry_out(self, ask: Ask) -> None:
        sent = self._clock()
        failures = self._request(ask)
        with self._changed:
            retried = {index: failure.retry for index, failure in failures.items()}
            outcome = self._leases.answered(ask, retried, sent, self._clock())
            self._changed.notify_all()
        self._report(ask, failures, outcome)

    def _request(self, ask: Ask) -> dict[int, EntryFailure]:
        try:
            if ask.purpose is Purpose.DELETE:
                return self._queue.delete(ask.receipts)
            return self._queue.change_visibility(ask.receipts, ask.seconds)
        except SqsError as error:
            return dict.fromkeys(range(len(ask.receipts)), EntryFailure(error.reason, retry=True))

    def _report(self, ask: Ask, failures: dict[int, EntryFailure], outcome: Outcome) -> None:
        self._stats.add(_COUNTED[ask.purpose], len(outcome.done))
        self._stats.add(Count.STRANDED, len(outcome.stranded))
        for index, failure in failures.items():
            lease = ask.leases[index]
            stranded = lease in outcome.stranded
            logger.log(
                logging.ERROR if stranded or lease.lost else logging.WARNING,
                "SQS did not do what was asked about a message",
                extra={
                    "message_id": lease.message.id,
                    "asked": ask.purpose.name.lower(),
                    "reason": failure.code,
                    "next": "left to its visibility timeout" if stranded or lease.lost else "another try",
                },
            )


class _Loan:
    """One message while its handler works on it: how the handler reaches the custodian."""

    __slots__ = ("_custodian", "_lease")

    def __init__(self, custodian: Custodian, lease: Lease) -> None:
        self._custodian = custodian
        self._lease = lease

    def extend(self, seconds: int) -> None:
        self._custodian.extend(self._lease, seconds)

    def remaining(self) -> float:
        return self._custodian.remaining(self._lease)
