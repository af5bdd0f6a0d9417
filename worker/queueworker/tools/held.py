"""Messages of one queue, each received once in a run and kept hidden until it ends. `redrive` and `peek` use it.

What is left in the queue must not be shown to this run again, so nothing is released before the end. The lease manager
of the worker keeps the messages hidden, deletes and releases them; here is only what a look at a whole queue adds.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from queueworker.lease.manager import LeaseManager, LeaseQueue
from queueworker.lease.records import Lease
from queueworker.lease.table import LeaseTable
from queueworker.model import DELETE, RELEASE, Message, StoredMessage
from queueworker.stats import Count, Stats

SENDERS: Final = 4
"""Requests about held messages that may be under way at the same time. More of them would time out where a server takes
one at a time: ElasticMQ needs 0.3 s for each with 10,000 messages in flight."""
RELEASED_AT_ONCE: Final = 500
"""Releases that are waited for together: the lease table looks through all that wait."""
CLOSE_TIMEOUT_SECONDS: Final = 30.0
"""How long the last requests may take without one of them being confirmed."""
_CHECK_INTERVAL_SECONDS: Final = 0.02

Pause = Callable[[float], bool]
"""Waits so many seconds, and returns whether the run is to end."""


class StoredMessages(LeaseQueue, Protocol):
    """A queue that is looked at; see `InspectedQueue`."""

    def receive_stored(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[StoredMessage]:
        """Receive messages."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message in hand."""

    stored: StoredMessage
    lease: Lease

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.stored.message


class HeldMessages:
    """The messages of a run. `close` ends it."""

    def __init__(self, queue: StoredMessages, visibility_seconds: int, clock: Callable[[], float]) -> None:
        """Begin with none.

        Args:
            queue: where they come from.
            visibility_seconds: after so long SQS shows them again when this process is killed.
            clock: a monotonic clock, in seconds.
        """
        self._queue = queue
        self._visibility_seconds = visibility_seconds
        self._clock = clock
        self._stats = Stats(clock)
        self._manager = LeaseManager(
            queue=queue, table=LeaseTable(visibility_seconds), stats=self._stats, clock=clock, senders=SENDERS
        )
        self._seen: set[str] = set()
        self._deleted: set[str] = set()
        self._kept: dict[str, Lease] = {}
        threading.Thread(target=self._manager.run, name="held messages", daemon=True).start()

    @property
    def seen(self) -> int:
        """How many different messages have been received."""
        return len(self._seen)

    @property
    def unsettled(self) -> int:
        """How many messages are neither deleted nor released."""
        return len(self._manager)

    def receive(self, limit: int, wait_seconds: int) -> list[Held] | None:
        """Receive up to `limit` messages, and return those that this run has not seen; None when the queue has none.

        Raises:
            SqsError: SQS did not answer with messages.
        """
        requested_at = self._clock()
        found = self._queue.receive_stored(limit, wait_seconds, self._visibility_seconds)
        # A lease needs no body, and thousands of large ones would not fit into memory.
        light = [Message(id=one.message.id, body="", receipt_handle=one.message.receipt_handle) for one in found]
        leases = {lease.message.id: lease for lease in self._manager.add(light, hidden_since=requested_at)}
        new = []
        for one in found:
            name, lease = one.message.id, leases.get(one.message.id)
            if lease is not None and name in self._seen:
                self._hold_again(lease)
            elif lease is not None:
                self._seen.add(name)
                self._kept[name] = lease
                new.append(Held(one, lease))
        return new if found else None

    def _hold_again(self, lease: Lease) -> None:
        """Keep a message that SQS has shown once more; one that is deleted is to be deleted once more."""
        if lease.message.id in self._deleted:
            self._manager.settle(lease, DELETE)
        else:
            self._kept[lease.message.id] = lease

    def delete(self, held: Sequence[Held]) -> None:
        """Delete messages, soon."""
        for each in held:
            self._deleted.add(each.message.id)
            self._kept.pop(each.message.id, None)
            self._manager.settle(each.lease, DELETE)

    def close(self, pause: Pause, waiting: Callable[[int], None] = lambda _: None) -> int:
        """Release all that is not deleted; return for how many messages SQS has confirmed neither.

        Args:
            pause: waits; a signal ends the wait for confirmations.
            waiting: is called meanwhile, with the number of messages that are not confirmed.
        """
        self._manager.flush()

        def paused(seconds: float) -> bool:
            waiting(self.unsettled)
            return pause(seconds)

        kept = [*self._kept.values()]
        ended = self._wait_until_at_most(len(kept), paused)
        for start in range(0, len(kept), RELEASED_AT_ONCE):
            wave = kept[start : start + RELEASED_AT_ONCE]
            for lease in wave:
                self._manager.settle(lease, RELEASE)
            ended = ended or self._wait_until_at_most(len(kept) - start - len(wave), paused)
        unconfirmed = self.unsettled + self._stats.snapshot().counts[Count.STRANDED]
        self._manager.close()
        return unconfirmed

    def _wait_until_at_most(self, number: int, pause: Pause) -> bool:
        """Wait until so few messages are unsettled, as long as their number falls; return whether to wait no more."""
        last, since = self.unsettled, self._clock()
        while (left := self.unsettled) > number:
            if left < last:
                last, since = left, self._clock()
            if pause(_CHECK_INTERVAL_SECONDS) or self._clock() - since > CLOSE_TIMEOUT_SECONDS:
                return True
        return False
