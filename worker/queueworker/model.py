"""The values that the parts pass to each other: messages, and how work on a message ends.

Every module of the worker imports it, and handlers see the part of it that `queueworker` exports. It imports nothing of
ours and sends nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

MAX_VISIBILITY_SECONDS: Final = 12 * 60 * 60
"""SQS hides a message for at most this long after it was received, however often its visibility is extended."""

TRACE_ATTRIBUTES: Final = ("traceparent", "tracestate", "baggage")
"""The message attributes in which senders pass on a W3C trace context."""


REASON_ATTRIBUTE: Final = "queueworker.reason"
"""The message attribute in which the worker says why it rejected a message."""


class MessageLostError(Exception):
    """The message is no longer this worker's, or SQS does not confirm that it is: another worker may receive it."""


class MessageHandle(Protocol):
    """What a message needs from the runtime while its handler works."""

    def extend(self, seconds: int) -> None:
        """Hide the message for `seconds` from now on.

        Raises:
            MessageLostError: SQS did not confirm it.
        """

    def remaining_seconds(self) -> float:
        """Return the seconds until the work must be done; 0 or less once it is cancelled."""


class NullMessageHandle:
    """The handle of a message without a lease, such as one made in a test of a handler."""

    def extend(self, seconds: int) -> None:
        """Do nothing."""

    def remaining_seconds(self) -> float:
        """Return the longest time that SQS allows."""
        return float(MAX_VISIBILITY_SECONDS)


NULL_HANDLE: Final = NullMessageHandle()


@dataclass(frozen=True, slots=True)
class Message:
    """One message as SQS delivered it."""

    id: str
    body: str
    receipt_handle: str = field(repr=False)
    receive_count: int = 1
    """How often SQS has delivered the message, this delivery included."""
    attributes: Mapping[str, str | bytes] = field(default_factory=dict)
    """The sender's attributes. Numbers are text, as in SQS."""
    group: str | None = None
    """The message group: in a FIFO queue its messages have an order, in a standard queue it says whose they are."""
    sent_timestamp: float | None = None
    """When SQS accepted the message, in seconds since 1970."""
    trace_header: str | None = None
    """X-Ray's trace header (AWSTraceHeader), which AWS keeps apart from the sender's attributes."""
    attribute_types: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SQS's data type of each attribute, such as `Number`."""
    queue_url: str = ""
    """The URL of the queue that it came from."""
    raw_body: str | None = field(default=None, repr=False)
    """The body as SQS delivered it, where `--envelope` has put what was in it in its place; else None."""
    handle: MessageHandle = field(default=NULL_HANDLE, repr=False, compare=False)
    """For the runtime; handlers call `extend` and `deadline`."""

    def __hash__(self) -> int:
        """Return the id's hash, so that messages can be keys: their attributes have none."""
        return hash(self.id)

    @property
    def deadline(self) -> float:
        """When the work must be done, in seconds since 1970.

        This is 12 hours after the receive, SQS's limit; while the worker drains, the end of its grace period. Of a
        message that is no longer ours it is now.
        """
        return time.time() + self.handle.remaining_seconds()

    @property
    def cancelled(self) -> bool:
        """Whether to go on is in vain: the time for the work is over, or the message is no longer ours.

        That is so when the grace period of the worker is over, or a second signal has ended it; when SQS has refused to
        extend the message; and 12 hours after the receive. The worker then waits 2 s for its handlers. One that stops
        by raising CancelledError, of asyncio or of concurrent.futures, has not failed: its message is shown again at
        once.
        """
        return self.handle.remaining_seconds() <= 0

    def extend(self, seconds: float) -> None:
        """Hide the message for at least `seconds` from now on, and return once SQS has confirmed it.

        The worker extends by itself. Call this before work that blocks the whole interpreter for long, or to make sure
        that the message is still ours before a step that must not happen twice.

        Raises:
            MessageLostError: the message is no longer ours, or SQS does not confirm that it is.
        """
        self.handle.extend(min(max(1, round(seconds)), MAX_VISIBILITY_SECONDS))

    def with_handle(self, handle: MessageHandle) -> "Message":
        """Return the same message with another handle."""
        # Not `dataclasses.replace`: it takes 2.7 µs instead of 1.5, and every message is copied here (a message costs
        # 97 µs of CPU in all). A test compares every field.
        return Message(
            id=self.id,
            body=self.body,
            receipt_handle=self.receipt_handle,
            receive_count=self.receive_count,
            attributes=self.attributes,
            group=self.group,
            sent_timestamp=self.sent_timestamp,
            trace_header=self.trace_header,
            attribute_types=self.attribute_types,
            raw_body=self.raw_body,
            queue_url=self.queue_url,
            handle=handle,
        )

    @property
    def trace_context(self) -> dict[str, str]:
        """The sender's trace context as a carrier for OpenTelemetry's `extract`."""
        carrier = {name: str(self.attributes[name]) for name in TRACE_ATTRIBUTES if name in self.attributes}
        return carrier | ({"X-Amzn-Trace-Id": self.trace_header} if self.trace_header else {})


def log_fields(message: Message) -> dict[str, object]:
    """Return what says in a log line which message it is about."""
    return {"message_id": message.id, "queue": message.queue_url}


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as somebody sees it who looks into a queue: with what handlers need not know."""

    message: Message
    source_arn: str | None = None
    """Of the queue from which SQS moved it here, if it did."""
    deduplication_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue at one moment. SQS calls its numbers approximate."""

    visible: int
    in_flight: int
    delayed: int
    max_receive_count: int | None
    """After so many receives the next one moves a message to the queue's own dead-letter queue; None: it has none."""
    read_at: float
    """When, by SQS's clock, in seconds since 1970; it has whole seconds only, so up to one later."""

    @property
    def messages(self) -> int:
        """All of them."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True)
class Disposition:
    """How a message is settled: deleted, or released to the queue."""

    visible_after_seconds: int | None
    """Seconds until SQS shows the message again. None: it is deleted."""
    moved: bool = False
    """It is in the dead-letter queue, so that what it points to is still needed."""

    @property
    def deletes(self) -> bool:
        """Whether the message is deleted."""
        return self.visible_after_seconds is None


DELETE: Final = Disposition(None)
MOVED: Final = Disposition(None, moved=True)
RELEASE: Final = Disposition(0)


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """Why SQS failed for one message of a batch, and whether another try may help."""

    code: str
    retryable: bool
    remedy: str | None = None
    """What to do about it, in one sentence; None for a failure without one."""


class Retry(Exception):  # noqa: N818 -- a handler raises it to request something; nothing is wrong
    """Raised by a handler that wants its message again later. Counts as a failure of the handler."""

    def __init__(self, after_seconds: float) -> None:
        """Take the seconds until the message is visible again, at least 0, at most what SQS allows."""
        super().__init__(f"again in {after_seconds:.0f} s")
        self.after_seconds = min(max(0, round(after_seconds)), MAX_VISIBILITY_SECONDS)


class Reject(Exception):  # noqa: N818 -- as Retry
    """Raised by a handler when no further try would help. Counts as a failure of the handler.

    The message goes to the `--dead-letter-queue`. Without one it fails like any other, and the queue's redrive policy
    decides.
    """

    def __init__(self, reason: str) -> None:
        """Take a sentence for the log and for the reader of the dead-letter queue."""
        super().__init__(reason)
        self.reason = str(reason)  # some pass an exception


class PartialFailure(Exception):  # noqa: N818 -- as Retry
    """Raised by a handler of a batch in which some messages have failed. The others are deleted.

    Each failed message is treated as if its handler had raised its exception alone: Retry and Reject have their
    meanings.
    """

    def __init__(self, failures: Mapping[Message, BaseException]) -> None:
        """Take each failed message with its exception."""
        super().__init__(f"{len(failures)} messages of the batch have failed")
        if wrong := [type(error).__name__ for error in failures.values() if not isinstance(error, BaseException)]:
            raise TypeError(f"PartialFailure takes an exception for each message, not {wrong[0]}")
        if wrong := [type(message).__name__ for message in failures if not isinstance(message, Message)]:
            raise TypeError(f"PartialFailure takes a Message for each exception, not {wrong[0]}")
        self.failures = dict(failures)


class ReportedError(Exception):
    """A failure in another process, as that process described it; this process's stack says nothing about it."""

    def __init__(self, description: str, traceback: str = "") -> None:
        super().__init__(description)
        self.traceback = traceback


class InterruptedWorkError(Exception):
    """A handler was stopped because the worker ends; its message is released at once."""
