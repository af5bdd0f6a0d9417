"""Where rejected messages go, as `work` sees it; the adapter to SQS implements it."""

from typing import Protocol

from queueworker.model import Message


class DeadLetterQueue(Protocol):
    """A queue for messages that could not be handled."""

    def send(self, message: Message, reason: str) -> None:
        """Send a copy of the message; see `SqsDeadLetterQueue`.

        Raises:
            SqsError: SQS did not confirm it.
        """
