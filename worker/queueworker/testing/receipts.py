"""What became of a delivery: `queue` writes it, a `Result` is read from it."""

from dataclasses import dataclass, field

from queueworker.model import Message


@dataclass(eq=False, kw_only=True)
class Receipt:
    """One delivery of a message, and what the worker requested about it."""

    message: Message
    received_at: float
    """By the queue's clock, in seconds."""
    visibility: list[int] = field(default_factory=list)
    """The seconds of each change of its visibility: extensions first, then its release."""
    deleted: bool = False
    handled: bool = False
    """Whether a handler was called for this delivery. It is not where the message is in hand already."""
    ended: bool = False
    """Whether that call has ended."""
    following: "Receipt | None" = None
    """The next delivery of the same message."""

    @property
    def over(self) -> bool:
        """Whether no handler works on this delivery, or will."""
        return self.deleted or self.ended or (not self.handled and bool(self.visibility))

    def until_next_handler(self) -> "list[Receipt]":
        """Return this delivery, and those that came while its handler was still working."""
        receipts = [self]
        while (following := receipts[-1].following) and not following.handled:
            receipts.append(following)
        return receipts
