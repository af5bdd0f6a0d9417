"""What people do with a queue by hand: read its state, look at its messages, send copies of them elsewhere.

The commands `redrive`, `peek` and `run --local` call it, with the worker's credentials and endpoints. Like `queues` it
raises our errors and retries nothing.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

from queueaddress import is_fifo
from queueworker.errors import AnswerInvalidError
from queueworker.model import EntryFailure, Message, QueueStatus, StoredMessage
from queueworker.sqs.copies import copy_of
from queueworker.sqs.credentials import WorkerCredentials
from queueworker.sqs.queues import (
    SEND_TIMEOUT_SECONDS,
    SYSTEM_ATTRIBUTES,
    SqsQueue,
    endpoint_for,
    entry_failures,
    parse_message,
    usable_settings,
)
from queueworker.sqs.requests import Requests

COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
SOURCE_ATTRIBUTE: Final = "DeadLetterQueueSourceArn"
DEDUPLICATION_ATTRIBUTE: Final = "MessageDeduplicationId"
_STORED_ATTRIBUTES: Final = (*SYSTEM_ATTRIBUTES, SOURCE_ATTRIBUTE, DEDUPLICATION_ATTRIBUTE)
_GROUP_REFUSED: Final = "InvalidParameterValue"
_UNPARSABLE: Final = (AttributeError, KeyError, TypeError, ValueError)


class InspectedQueue(SqsQueue):
    """A queue whose state and messages are looked at. Safe to share between threads."""

    def status(self) -> QueueStatus:
        """Return its numbers and its redrive policy.

        Raises:
            SqsError: SQS did not answer with them.
        """
        # Servers that know no redrive policy refuse its name; one without a policy leaves it out.
        body = {"QueueUrl": self._url, "AttributeNames": ("All",)}
        answer, date = self._changes.send_dated("GetQueueAttributes", body)
        try:
            found = answer["Attributes"]
            visible, in_flight, delayed = (int(found[name]) for name in COUNTS)
            policy = json.loads(found.get("RedrivePolicy") or "{}")
            receives = policy.get("maxReceiveCount")
            return QueueStatus(
                visible=visible,
                in_flight=in_flight,
                delayed=delayed,
                max_receive_count=None if receives is None else int(receives),
                read_at=parsedate_to_datetime(date).timestamp() if date else time.time(),
            )
        except _UNPARSABLE as error:
            raise AnswerInvalidError("the answer contains attributes that cannot be parsed") from error

    def dead_letter_sources(self) -> list[str]:
        """Return the URLs of the queues whose dead-letter queue this is.

        Raises:
            SqsError: SQS did not answer with them.
        """
        found: list[str] = []
        page: dict[str, Any] = {"MaxResults": 1000}
        while True:
            answer = self._changes.send("ListDeadLetterSourceQueues", {"QueueUrl": self._url, **page})
            found += answer.get("queueUrls") or ()
            if not (token := answer.get("NextToken")):
                return found
            page["NextToken"] = token

    def receive_stored(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[StoredMessage]:
        """Receive as `receive` does, with what only those need who look into a queue."""
        answer = self._request_messages(_STORED_ATTRIBUTES, limit, wait_seconds, visibility_seconds)
        try:
            return [_stored(raw, self._url) for raw in answer.get("Messages") or ()]
        except _UNPARSABLE as error:
            raise AnswerInvalidError("the answer contains a message that cannot be parsed") from error


def _stored(raw: Mapping[str, Any], url: str) -> StoredMessage:
    system = raw.get("Attributes") or {}
    return StoredMessage(parse_message(raw, url), system.get(SOURCE_ATTRIBUTE), system.get(DEDUPLICATION_ATTRIBUTE))


class SqsTargetQueue:
    """A queue that copies of messages are sent to."""

    def __init__(self, url: str, credentials: WorkerCredentials) -> None:
        """Prepare requests; sends nothing. Raises UsageError where no region is set."""
        self.url = url
        self._takes_groups = True
        with usable_settings():
            endpoint = endpoint_for(url, credentials.session)
            self._requests = Requests(credentials, endpoint, read_timeout=SEND_TIMEOUT_SECONDS, connections=2)

    def send(self, messages: Sequence[Message]) -> dict[int, EntryFailure]:
        """Send copies of up to ten messages; return the failures by position.

        In a FIFO queue the deduplication id of a copy is made of its message's id: that of the sender may have been
        used within the last five minutes, and SQS would drop the copy without a word. A message that is sent twice,
        because it could not be deleted, is there once.

        Raises:
            SqsError: the whole request failed; what of it was done is not known.
        """
        failures = self._send(messages)
        ungrouped = [] if is_fifo(self.url) or not self._takes_groups else list(_refused_groups(messages, failures))
        if ungrouped:  # servers that are compatible with SQS as it was before 2025 take no group in a standard queue
            self._takes_groups = False
            again = self._send([messages[index] for index in ungrouped])
            failures = {index: failure for index, failure in failures.items() if index not in ungrouped}
            failures |= {ungrouped[index]: failure for index, failure in again.items()}
        return failures

    def _send(self, messages: Sequence[Message]) -> dict[int, EntryFailure]:
        copy = partial(copy_of, url=self.url, takes_groups=self._takes_groups)
        entries = [
            {"Id": str(index), **copy(message, deduplication_id=f"redrive-{message.id}")}
            for index, message in enumerate(messages)
        ]
        answer = self._requests.send("SendMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        try:
            return entry_failures(answer, len(entries))
        except _UNPARSABLE as error:
            raise AnswerInvalidError("the answer contains an entry that cannot be parsed") from error


def _refused_groups(messages: Sequence[Message], failures: Mapping[int, EntryFailure]) -> Iterator[int]:
    for index, failure in failures.items():
        if messages[index].group and failure.code.endswith(_GROUP_REFUSED):
            yield index
