"""Keeps what this worker holds: extends it, deletes it, gives it back. One thread decides, a few carry out requests.

The receiver brings messages, the work tells how each ended; the rules themselves are in `leases`, which is pure.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from queueworker.crew import Crew
from queueworker.errors import SqsError
from queueworker.leases import Ask, Lease, Leases, Outcome, Purpose
from queueworker.model import Ending, EntryFailure, Message
from queueworker.stats import Count, Stats

logger = logging.getLogger(__name__)

SENDERS = 4
"""Requests under way at the same time: a slow one must not hold up the extension of other messages."""

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
        self.beat = clock()
        """When the custodian last looked at what it holds."""

    def __len__(self) -> int:
        """How many messages are held."""
        return len(self._leases)

    def take(self, messages: Iterable[Message], visibility_seconds: int, since: float) -> list[Lease]:
        """Hold messages that SQS has hidden for so many seconds, counted from a time on our clock."""
        with self._changed:
            held = [self._leases.add(message, since + visibility_seconds, self._clock()) for message in messages]
            self._changed.notify()
        return held

    def end(self, lease: Lease, ending: Ending) -> None:
        """Tell how the work on a message ended. Only the first word about it counts."""
        with self._changed:
            self._leases.end(lease, ending, self._clock())
            self._changed.notify()

    def end_all(self) -> list[Lease]:
        """Give back everything that is still being worked on; returns it."""
        with self._changed:
            ended = self._leases.end_all(self._clock())
            self._changed.notify()
        return ended

    def flush(self) -> None:
        """From now on ask SQS at once, without filling batches."""
        with self._changed:
            self._flush = True
            self._changed.notify()

    def close(self) -> None:
        """End `run`; whatever is still held is left alone."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def run(self) -> None:
        """Look after the messages until closed."""
        while asks := self._due():
            for ask in asks:
                self._crew.submit(partial(self._carry_out, ask))

    def _due(self) -> list[Ask]:
        with self._changed:
            while not self._closed:
                self.beat = now = self._clock()
                if asks := self._leases.due(now, flush=self._flush):
                    return asks
                self._changed.wait(self._leases.next_due(now, flush=self._flush))
            return []

    def _carry_out(self, ask: Ask) -> None:
        sent = self._clock()
        failures = self._request(ask)
        with self._changed:
            retried = {index: failure.retry for index, failure in failures.items()}
            outcome = self._leases.answered(ask, retried, sent, self._clock())
            self._changed.notify()
        self._report(ask, failures, outcome)

    def _request(self, ask: Ask) -> dict[int, EntryFailure]:
        handles = [lease.message.receipt_handle for lease in ask.leases]
        try:
            if ask.purpose is Purpose.DELETE:
                return self._queue.delete(handles)
            return self._queue.change_visibility(handles, ask.seconds)
        except SqsError as error:
            return dict.fromkeys(range(len(handles)), EntryFailure(error.reason, retry=True))

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
