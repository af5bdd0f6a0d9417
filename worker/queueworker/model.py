"""What passes between the parts: messages, and how the work on one ends. Handlers see what `queueworker` exports."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

MAX_VISIBILITY_SECONDS: Final = 12 * 60 * 60
"""SQS hides a message for at most so long after it was received, however often that is extended."""


class MessageLostError(Exception):
    """The message is not this worker's any more, or nobody can tell: another worker may be given it."""


class Hold(Protocol):
    """How the runtime keeps a message while its handler works."""

    def extend(self, seconds: int) -> None:
        """Hide the message for so long from now on. Raises MessageLostError."""

    def remaining(self) -> float:
        """Seconds until the work must be done."""


class NoHold:
    """A message that no worker holds, such as one made in a test of a handler."""

    def extend(self, seconds: int) -> None:
        """Nothing to do."""

    def remaining(self) -> float:
        """As long as SQS allows."""
        return float(MAX_VISIBILITY_SECONDS)


NO_HOLD: Final = NoHold()


@dataclass(frozen=True, slots=True)
class Message:
    """One message as SQS delivered it."""

    id: str
    body: str
    receipt_handle: str = field(repr=False)
    receive_count: int = 1
    """How often SQS has delivered it, this time included."""
    attributes: Mapping[str, str | bytes] = field(default_factory=dict)
    """The sender's attributes. Numbers arrive as text, as SQS keeps them."""
    group: str | None = None
    """The message group of a FIFO queue."""
    sent_timestamp: float | None = None
    """When SQS took it, in seconds since 1970."""
    trace_header: str | None = None
    """X-Ray's trace header (AWSTraceHeader), which AWS keeps apart from the sender's attributes."""
    attribute_types: Mapping[str, str] = field(default_factory=dict, repr=False)
    """SQS's data type of each attribute, such as `Number`."""
    hold: Hold = field(default=NO_HOLD, repr=False, compare=False)
    """For the runtime."""

    @property
    def deadline(self) -> float:
        """When the work must be done, in seconds since 1970.

        12 hours after the receipt, SQS's limit; while the worker drains, the end of its grace.
        """
        return time.time() + self.hold.remaining()

    def extend(self, seconds: float) -> None:
        """Keep the message hidden for at least so long from now on, and return once SQS has confirmed it.

        The worker extends by itself; this is for work that stops the whole interpreter for long, and for making sure
        that the message is still ours before a step that must not happen twice. Raises MessageLostError when it is not.
        """
        self.hold.extend(min(max(1, round(seconds)), MAX_VISIBILITY_SECONDS))

    def held_by(self, hold: Hold) -> "Message":
        """The same message, kept by the runtime."""
        return Message(
            self.id,
            self.body,
            self.receipt_handle,
            self.receive_count,
            self.attributes,
            self.group,
            self.sent_timestamp,
            self.trace_header,
            self.attribute_types,
            hold,
        )

    @property
    def trace_context(self) -> dict[str, str]:
        """The sender's trace context as a carrier, as OpenTelemetry's `extract` takes it."""
        carrier = {name: str(self.attributes[name]) for name in TRACE_ATTRIBUTES if name in self.attributes}
        return carrier | ({"X-Amzn-Trace-Id": self.trace_header} if self.trace_header else {})


TRACE_ATTRIBUTES: Final = ("traceparent", "tracestate", "baggage")
"""The attributes in which senders hand on the trace context of W3C."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the work on a message ends: it is deleted, or it comes back."""

    visible_after: int | None
    """Seconds after which SQS shows the message again. None: it is deleted."""


@dataclass(frozen=True, slots=True)
class EntryFailure:
    """Why SQS failed for one message of a batch, and whether another try may help."""

    code: str
    retry: bool


DELETE: Final = Ending(None)
RELEASE: Final = Ending(0)


class Retry(Exception):  # noqa: N818 -- a handler raises it to ask for something; nothing is wrong
    """Raised by a handler that wants its message again later. Counts as a failure of the handler."""

    def __init__(self, after_seconds: float) -> None:
        """Take the seconds until the message is visible again, at least 0, at most what SQS allows."""
        super().__init__(f"again in {after_seconds:.0f} s")
        self.after_seconds = min(max(0, round(after_seconds)), MAX_VISIBILITY_SECONDS)


class Reject(Exception):  # noqa: N818 -- as Retry
    """Raised by a handler that no further try would help. Counts as a failure of the handler.

    The message goes to the `--dead-letter-queue`. Without one it fails like any other, and the queue's redrive policy
    has the last word.
    """

    def __init__(self, reason: str) -> None:
        """Take a sentence for the log and for the reader of the dead-letter queue."""
        super().__init__(reason)
        self.reason = reason


class ReportedError(Exception):
    """A failure in another process, in that process's words; the stack of this one says nothing about it."""

    def __init__(self, told: str, traceback: str = "") -> None:
        super().__init__(told)
        self.traceback = traceback


class InterruptedWorkError(Exception):
    """A handler was stopped because the worker ends; its message goes back at once."""
