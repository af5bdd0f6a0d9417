"""The operations on a queue: receive, delete, hide, and send to the dead-letter queue. Raises our errors.

The receiver and the lease manager call it, each with requests of its own: their time-outs differ. Requests are not
retried here, because callers know better when to, and must be able to stop. The endpoint is AWS's own setting
AWS_ENDPOINT_URL_SQS; credentials come from AWS's provider chain, which renews them.
"""

import os
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError
from botocore.session import Session

from queueaddress import is_fifo, parse
from queueworker.errors import AnswerInvalidError, UsageError
from queueworker.model import REASON_ATTRIBUTE, EntryFailure, Message
from queueworker.sqs.copies import attribute, copy_of, size_of, text_size
from queueworker.sqs.credentials import WorkerCredentials
from queueworker.sqs.failures import is_plain, remedy_for
from queueworker.sqs.requests import Requests
from sqsrequest import Endpoint, find_endpoint

CHANGE_TIMEOUT_SECONDS = 5.0
SEND_TIMEOUT_SECONDS = 10.0
RECEIVE_CONNECTIONS = 8
"""More than there are pollers."""
RECEIVE_TIMEOUT_MARGIN_SECONDS = 5.0
"""How much longer than the long poll to wait for its answer."""

MAX_ATTRIBUTES = 10
"""SQS takes at most this many attributes per message."""
MAX_REASON_LENGTH = 1000
MAX_MESSAGE_BYTES: Final = (256 * 1024, 1024 * 1024)
"""What SQS took before 2025, as compatible servers do, and takes now; attributes count with their names and types."""

_UNSENDABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SYSTEM_ATTRIBUTES: Final = ("ApproximateReceiveCount", "SentTimestamp", "MessageGroupId", "AWSTraceHeader")
_FINAL_CODES = frozenset({"ReceiptHandleIsInvalid", "AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight"})


def region_for(url: str, session: Session) -> str:
    """Return the region that a queue's URL names, else that of AWS's own settings.

    Raises:
        UsageError: neither names a region.
    """
    region = parse(url).region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise UsageError(f"the queue URL {url} names no region: set AWS_REGION")
    return str(region)


def endpoint_for(url: str, session: Session) -> Endpoint:
    """Return where the requests about a queue go; raise as `region_for` and `find_endpoint` do."""
    return find_endpoint(region_for(url, session), session)


@contextmanager
def usable_settings() -> Iterator[None]:
    """Raise UsageError for settings of AWS from which botocore can make no client: a profile, an endpoint, a region."""
    try:
        yield
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"AWS's settings cannot be used ({type(error).__name__}): check AWS_* variables") from error


class SqsQueue:
    """The queue that the worker consumes. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        credentials: WorkerCredentials,
        *,
        wait_seconds: int,
        visibility_seconds: int,
        change_connections: int,
    ) -> None:
        """Prepare requests; sends nothing.

        Args:
            url: of the queue.
            credentials: the worker's.
            wait_seconds: the longest wait of a receive request.
            visibility_seconds: how long messages are hidden; requests about them time out sooner.
            change_connections: how many are kept open for all but receives.

        Raises:
            UsageError: no region is set, or AWS's settings cannot be used.
        """
        self._url = url
        change_timeout = max(1.0, min(CHANGE_TIMEOUT_SECONDS, visibility_seconds / 2))
        receive_timeout = wait_seconds + RECEIVE_TIMEOUT_MARGIN_SECONDS
        with usable_settings():
            requests = partial(Requests, credentials, endpoint_for(url, credentials.session))
            self._receives = requests(read_timeout=receive_timeout, connections=RECEIVE_CONNECTIONS)
            self._changes = requests(read_timeout=change_timeout, connections=change_connections)

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive up to `limit` messages, waiting for the first; they are hidden from now on.

        Raises:
            SqsError: SQS did not answer with messages.
        """
        answer = self._request_messages(SYSTEM_ATTRIBUTES, limit, wait_seconds, visibility_seconds)
        try:
            return [parse_message(raw, self._url) for raw in answer.get("Messages") or ()]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise AnswerInvalidError("the answer contains a message that cannot be parsed") from error

    def _request_messages(
        self, system_attributes: Sequence[str], limit: int, wait_seconds: int, visibility_seconds: int
    ) -> dict[str, Any]:
        body = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": limit,
            "WaitTimeSeconds": wait_seconds,
            "VisibilityTimeout": visibility_seconds,
            "MessageSystemAttributeNames": system_attributes,
            "MessageAttributeNames": ("All",),
        }
        return self._receives.send("ReceiveMessage", body)

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        """Delete up to ten messages; return the failures by position.

        Raises:
            SqsError: the whole request failed.
        """
        entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(receipt_handles)]
        return self._change("DeleteMessageBatch", entries)

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        """Hide up to ten messages for this many seconds each from now on; return and raise as `delete` does."""
        entries = [
            {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": seconds[i]}
            for i, handle in enumerate(receipt_handles)
        ]
        return self._change("ChangeMessageVisibilityBatch", entries)

    def _change(self, operation: str, entries: Sequence[Mapping[str, Any]]) -> dict[int, EntryFailure]:
        answer = self._changes.send(operation, {"QueueUrl": self._url, "Entries": entries})
        try:
            return entry_failures(answer, len(entries))
        except (AttributeError, KeyError, TypeError) as error:
            raise AnswerInvalidError("the answer contains an entry that cannot be parsed") from error


class SqsDeadLetterQueue:
    """The queue that rejected messages are sent to. Safe to share between threads."""

    def __init__(self, url: str, credentials: WorkerCredentials) -> None:
        """Prepare requests; sends nothing.

        Args:
            url: of the queue.
            credentials: the worker's, those of the queue that it consumes: a message can be rejected as long as it can
                be deleted.

        Raises:
            UsageError: no region is set.
        """
        self._url = url
        self._takes_groups = True
        with usable_settings():
            endpoint = endpoint_for(url, credentials.session)
            self._requests = Requests(credentials, endpoint, read_timeout=SEND_TIMEOUT_SECONDS, connections=2)

    def send(self, message: Message, reason: str) -> None:
        """Send a copy of the message, with the reason among its attributes where there is room.

        Raises:
            SqsError: SQS did not confirm it.
        """
        body = {
            "QueueUrl": self._url,
            **copy_of(message, self._url, deduplication_id=message.id, takes_groups=self._takes_groups),
        }
        if text := _sendable_reason(message, reason):
            body["MessageAttributes"][REASON_ATTRIBUTE] = attribute(text, "String")
        try:
            self._requests.send("SendMessage", body)
        except AnswerInvalidError:
            if is_fifo(self._url) or "MessageGroupId" not in body:
                raise
            # Servers that are compatible with SQS as it was before 2025 take no group in a standard queue.
            del body["MessageGroupId"]
            self._requests.send("SendMessage", body)
            self._takes_groups = False


def _sendable_reason(message: Message, reason: str) -> str:
    """Return as much of the reason as there is room for beside what the message has itself; '' where there is none."""
    if len(message.attributes) >= MAX_ATTRIBUTES:
        return ""
    size = size_of(message)
    limit = next((limit for limit in MAX_MESSAGE_BYTES if size <= limit), size)
    room = max(0, limit - size - text_size(REASON_ATTRIBUTE + "String"))
    text = _UNSENDABLE.sub("?", reason)[:MAX_REASON_LENGTH] or "?"
    return text.encode()[:room].decode(errors="ignore")


def parse_message(raw: Mapping[str, Any], queue_url: str) -> Message:
    """Return a message of an answer. Raises whatever comes of an answer that is not SQS's."""
    system, attributes = raw.get("Attributes") or {}, raw.get("MessageAttributes") or {}
    sent = system.get("SentTimestamp")
    return Message(
        id=raw["MessageId"],
        body=raw.get("Body", ""),
        receipt_handle=raw["ReceiptHandle"],
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        attributes={name: _parse_value(value) for name, value in attributes.items()},
        group=system.get("MessageGroupId"),
        sent_timestamp=int(sent) / 1000 if sent else None,
        trace_header=system.get("AWSTraceHeader"),
        attribute_types={name: value["DataType"] for name, value in attributes.items()},
        queue_url=queue_url,
    )


def _parse_value(attribute: Mapping[str, str]) -> str | bytes:
    if "BinaryValue" in attribute:
        return b64decode(attribute["BinaryValue"])
    return attribute.get("StringValue", "")


def entry_failures(answer: Mapping[str, Any], sent: int) -> dict[int, EntryFailure]:
    """Return a failure for every entry that was not confirmed, those missing in the answer included."""
    confirmed = {entry["Id"] for entry in answer.get("Successful") or ()}
    failed = {entry["Id"]: entry for entry in answer.get("Failed") or ()}
    return {i: _entry_failure(failed.get(str(i), {})) for i in range(sent) if str(i) not in confirmed}


def _entry_failure(entry: Mapping[str, Any]) -> EntryFailure:
    """Return why SQS failed for one message.

    What it calls our fault stays so at the next try: it does not know the message any more, or its receipt handle. Only
    what `failures` knows may pass (rights, keys, quotas), and what is SQS's own fault.
    """
    code = str(entry.get("Code", ""))
    remedy = remedy_for(code)
    final = code in _FINAL_CODES or (bool(entry.get("SenderFault")) and remedy is None)
    return EntryFailure(code if is_plain(code) else "Unconfirmed", retryable=not final, remedy=remedy)
