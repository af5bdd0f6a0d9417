"""Looks at messages of a queue and leaves them there. The command `peek` calls it.

A look is a receive: it raises a message's receive count by one, hides it for a moment, and in a FIFO queue its group.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from queueworker.errors import SqsError
from queueworker.lease.records import BATCH_SIZE
from queueworker.model import QueueStatus, StoredMessage
from queueworker.tools.filters import Filters
from queueworker.tools.held import HeldMessages, Pause
from queueworker.tools.looking import Look
from queueworker.tools.shown import counted


@dataclass(slots=True)
class Seen:
    """What a look has found."""

    shown: int = 0
    looked_at: int = 0
    at_limit: int = 0
    """Messages whose next receive moves them to the queue's dead-letter queue."""
    unconfirmed: int = 0
    """Messages that SQS did not confirm to show again at once."""
    failure: SqsError | None = None
    """What ended it."""


class Peek:
    """One look."""

    def __init__(self, held: HeldMessages, filters: Filters, limit: int, pause: Pause) -> None:
        """Look at nothing yet.

        Args:
            held: the messages in hand.
            filters: which messages are shown.
            limit: at most so many.
            pause: waits, and returns whether a signal has come.
        """
        self._held = held
        self._filters = filters
        self._limit = limit
        self._pause = pause
        self.seen = Seen()

    def messages(self, max_receive_count: int | None) -> Iterator[StoredMessage]:
        """Yield messages, each once, as they are found.

        Args:
            max_receive_count: of the queue's redrive policy; None: it has none.
        """
        try:
            for batch in Look(self._held, self._pause).batches(self._wanted):
                for each in batch:
                    self.seen.at_limit += (
                        max_receive_count is not None and each.message.receive_count >= max_receive_count
                    )
                    if self._filters.match(each.message) and self.seen.shown < self._limit:
                        self.seen.shown += 1
                        yield each.stored
        except SqsError as error:
            self.seen.failure = error

    def finish(self) -> Seen:
        """Show all to others again."""
        self.seen.looked_at = self._held.seen
        self.seen.unconfirmed = self._held.close(self._pause)
        return self.seen

    def _wanted(self) -> int:
        """Return how many messages to receive, at most: no more than are shown, but few of them may fit a filter."""
        missing = self._limit - self.seen.shown
        return BATCH_SIZE if missing and self._filters.conditions else missing


def sentences(seen: Seen, status: QueueStatus, visibility_seconds: int) -> Iterator[str]:
    """Yield what a look has found and what it has cost; `status` is the queue's from before."""
    others = max(0, status.visible - seen.looked_at)
    yield (
        f"{counted(seen.shown)} shown of {seen.looked_at:,} received; about {others:,} more visible,"
        f" {status.in_flight:,} in flight, {status.delayed:,} delayed"
    )
    if seen.looked_at:
        yield "the look has raised the receive count of each received message by one, and shows it to others again"
    if seen.at_limit:
        received = f"received {status.max_receive_count} times or more"
        yield f"{counted(seen.at_limit)} {received}: the next receive moves them to the dead-letter queue"
    if seen.unconfirmed:
        hidden = f"hidden for up to {visibility_seconds} s"
        yield f"{counted(seen.unconfirmed)} {hidden}: SQS did not confirm to show them at once"
