"""A queue on an SQS stand-in for one run: it is filled quickly, and counts exactly what is left in it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from devcluster.sqs import SqsServer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

VISIBILITY_TIMEOUT_SECONDS = 600
"""Long enough that whatever is in flight after a consumer's end stays in flight while it is counted."""

SENDERS = 4

NAME = "bench"
"""The same for every consumer: some libraries write the name into every message."""


class Backlog:
    """Messages on a queue of their own."""

    def __init__(self, client: "SQSClient", url: str, group: str | None = None) -> None:
        """Take the queue's client and URL; `group` is the message group of all messages."""
        self._client = client
        self._group = {"MessageGroupId": group} if group else {}
        self.url = url

    def depth(self) -> tuple[int, int]:
        """Return the number of visible messages and of messages in flight."""
        attributes: dict[str, str] = self._client.get_queue_attributes(  # type: ignore[assignment]  # names come as text
            QueueUrl=self.url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        visible, in_flight = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        return int(attributes[visible]), int(attributes[in_flight])

    def left(self) -> int:
        """Return the number of messages that have not been deleted."""
        return sum(self.depth())

    def fill(self, bodies: Sequence[str]) -> None:
        """Send messages."""
        batches = [bodies[start : start + 10] for start in range(0, len(bodies), 10)]
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(self._send, batches))

    def _send(self, batch: Sequence[str]) -> None:
        entries: Any = [{"Id": str(i), "MessageBody": body, **self._group} for i, body in enumerate(batch)]
        answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
        assert not answer.get("Failed")


@contextmanager
def backlog(server: SqsServer, bodies: Sequence[str], group: str | None = None, name: str = NAME) -> Iterator[Backlog]:
    """Create a queue that holds these messages; it is deleted after the body of the `with` statement."""
    client = server.client(max_pool_connections=SENDERS)
    url = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(VISIBILITY_TIMEOUT_SECONDS)})[
        "QueueUrl"
    ]
    try:
        created = Backlog(client, url, group)
        created.fill(bodies)
        yield created
    finally:
        client.delete_queue(QueueUrl=url)
