"""What came of a run: each attempt at a message, and where the messages are now.

`recorder` writes an `Attempt` while a handler works; its queue knows what was requested about the message. A test reads
`Result`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from queueworker.handlers.cancellation import as_interruption
from queueworker.model import InterruptedWorkError, Message, Reject, Retry
from queueworker.testing.queue import Queue
from queueworker.testing.receipts import Receipt


@dataclass(eq=False, kw_only=True)
class Attempt:
    """One call of the handler. Times are the clock's, in seconds."""

    message: Message
    """As the handler saw it."""
    started_at: float
    receipt: Receipt = field(repr=False)
    ended_at: float | None = None
    """None: it has not ended."""
    error: BaseException | None = None
    """What the handler raised."""
    cut_off: bool = False
    """Whether it was stopped, or stopped itself, because the time for the work was over."""
    _changes_before_end: int = field(default=0, repr=False)

    def end(self, now: float, error: BaseException | None) -> None:
        """Record how the handler ended."""
        self.ended_at, self.error = now, error
        self.cut_off = isinstance(error and as_interruption(error, self.message), InterruptedWorkError)
        self.receipt.ended = True
        self._changes_before_end = len(self._changes())

    @property
    def body(self) -> str:
        """The body of the message."""
        return self.message.body

    @property
    def reason(self) -> str:
        """Why it did not succeed, in the handler's words."""
        return self.error.reason if isinstance(self.error, Reject) else str(self.error or "")

    @property
    def deleted(self) -> bool:
        """Whether the message was deleted from the queue."""
        return any(receipt.deleted for receipt in self.receipt.until_next_handler())

    @property
    def after_seconds(self) -> int | None:
        """In how many seconds the message was to be shown again; None when the worker has not released it."""
        changes = self._changes()
        released = not self.deleted and changes and (len(changes) > self._changes_before_end or changes[-1] == 0)
        return changes[-1] if released else None

    @property
    def extensions(self) -> list[int]:
        """For how many seconds the message was hidden anew, each time while the handler worked."""
        return [seconds for seconds in self._changes()[: self._changes_before_end] if seconds]

    def _changes(self) -> list[int]:
        return [seconds for receipt in self.receipt.until_next_handler() for seconds in receipt.visibility]


class Result:
    """What came of a run."""

    def __init__(self, queues: Sequence[Queue], attempts: list[Attempt], exit_code: int) -> None:
        self.attempts = attempts
        """All calls of the handler, in the order in which they began."""
        self.dead_letters = [message for queue in queues for message in queue.dead_letters]
        """What was rejected or received too often, in order."""
        self.left = [message.body for queue in queues for message in queue.messages]
        """The bodies of the messages that are in a queue, in the order in which they were sent."""
        self.in_flight = [message.body for queue in queues for message in queue.in_flight]
        """Those of them that are hidden: a worker that ends in order leaves only what is to be shown later."""
        self.seconds = queues[0].clock.now
        """The time on the clock at the end."""
        self.exit_code = exit_code
        """The worker's: 1 when it has left a message neither deleted nor released."""

    def __repr__(self) -> str:
        """Say how many attempts ended in which way."""
        ways = ("handled", "retried", "rejected", "failed", "cut_off", "left")
        return f"Result({', '.join(f'{way}={len(getattr(self, way))}' for way in ways if getattr(self, way))})"

    @property
    def handled(self) -> list[str]:
        """The bodies of the messages that were handled and deleted, in the order in which their handlers began."""
        return [each.body for each in self.attempts if each.ended_at is not None and not each.error and each.deleted]

    @property
    def retried(self) -> list[Attempt]:
        """The attempts that ended with `Retry`."""
        return self._ended_with(Retry)

    @property
    def rejected(self) -> list[Attempt]:
        """The attempts that ended with `Reject`."""
        return self._ended_with(Reject)

    @property
    def cut_off(self) -> list[Attempt]:
        """The attempts that were stopped, or stopped themselves, because the time for the work was over."""
        return [each for each in self.attempts if each.cut_off]

    @property
    def failed(self) -> list[Attempt]:
        """The attempts that ended with any other exception."""
        others = (*self.retried, *self.rejected, *self.cut_off)
        return [each for each in self.attempts if each.error and each not in others]

    def _ended_with(self, kind: type[Exception]) -> list[Attempt]:
        return [each for each in self.attempts if isinstance(each.error, kind)]
