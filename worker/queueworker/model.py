"""What passes between the parts: messages, and how the work on one ends. Pure; handlers see `Message` and `Retry`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_VISIBILITY_SECONDS: Final = 12 * 60 * 60
"""SQS hides a message for at most so long after it was received, however often that is extended."""


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


class InterruptedWorkError(Exception):
    """A handler was stopped because the worker ends; its message goes back at once."""
