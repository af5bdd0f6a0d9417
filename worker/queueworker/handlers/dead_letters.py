"""Where rejected messages go. The work asks for it; the door to SQS answers."""

from typing import Protocol

from queueworker.model import Message


class DeadLetters(Protocol):
    """A queue for messages that nobody could handle."""

    def send(self, message: Message, reason: str) -> None:
        """Send a copy of the message; see `DeadLetterQueue`. Raises SqsError."""
