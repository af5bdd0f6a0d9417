"""A queue of one bench run on an SQS stand-in: filled fast, and exact about what is left in it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from devcluster.sqs import SqsServer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

VISIBILITY = "600"
"""Seconds; so long that whatever is in flight after a consumer's end stays so while it is counted."""

SENDERS = 4

NAME = "bench"
"""Some libraries write the name into every message; so it is always the same."""


class Backlog:
    """Messages on a queue of their own."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self.url = url

    def depth(self) -> tuple[int, int]:
        """Messages visible, messages in flight."""
        attributes: dict[str, str] = self._client.get_queue_attributes(  # type: ignore[assignment]  # names come as text
            QueueUrl=self.url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        visible, in_flight = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        return int(attributes[visible]), int(attributes[in_flight])

    def left(self) -> int:
        """Messages that have not been deleted."""
        return sum(self.depth())

    def fill(self, bodies: Sequence[str]) -> None:
        """Send messages."""
        batches = [bodies[start : start + 10] for start in range(0, len(bodies), 10)]
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(self._send, batches))

    def _send(self, batch: Sequence[str]) -> None:
        entries: Any = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(batch)]
        answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
        assert not answer.get("Failed")


@contextmanager
def backlog(server: SqsServer, bodies: Sequence[str]) -> Iterator[Backlog]:
    """A fresh queue that holds BODIES; it goes with the body of the statement."""
    client = server.client(max_pool_connections=SENDERS)
    url = client.create_queue(QueueName=NAME, Attributes={"VisibilityTimeout": VISIBILITY})["QueueUrl"]
    try:
        made = Backlog(client, url)
        made.fill(bodies)
        yield made
    finally:
        client.delete_queue(QueueUrl=url)
