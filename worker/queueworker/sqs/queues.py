"""What is asked of a queue: receive, delete, hide, and send to the dead-letter queue. Raises our errors.

The receiver and the custodian call it, each by requests of its own: their time-outs differ. Requests are not retried in
here, because callers know better when to, and must be able to stop. Where requests go is AWS's own setting
AWS_ENDPOINT_URL_SQS; credentials come from AWS's provider chain, which renews them.
"""

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.session import Session

from queueworker.errors import AnswerInvalidError, UsageError
from queueworker.model import EntryFailure, Message
from queueworker.sqs.failures import is_plain
from queueworker.sqs.requests import Requests

CHANGE_TIMEOUT_SECONDS = 5.0
SEND_TIMEOUT_SECONDS = 10.0
RECEIVE_MARGIN_SECONDS = 5.0
"""How much longer than the long poll to wait for its answer."""

REASON_ATTRIBUTE = "queueworker.reason"
MOST_ATTRIBUTES = 10
"""SQS takes at most so many attributes per message."""
MOST_REASON = 1000

_UNSENDABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SYSTEM_ATTRIBUTES: Final = ("ApproximateReceiveCount", "SentTimestamp", "MessageGroupId", "AWSTraceHeader")
_REGION_IN_HOST = re.compile(r"^https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?/")
_FINAL_CODES = frozenset({"ReceiptHandleIsInvalid", "AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight"})


def region_for(url: str, session: Session) -> str:
    """The region that the host of an AWS queue URL names, else AWS's own settings'. Raises UsageError without any."""
    found = _REGION_IN_HOST.match(url)
    named = found and (found[1] or found[2])
    region = named or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise UsageError(f"the queue URL {url} names no region: set AWS_REGION")
    return str(region)


class Sqs:
    """One queue. Safe to share between threads."""

    def __init__(self, url: str, wait_seconds: int, visibility_seconds: int, connections: int) -> None:
        """Prepare requests; sends nothing. Raises UsageError when no region is known."""
        self._url = url
        session = Session()
        region = region_for(url, session)
        change_timeout = max(1.0, min(CHANGE_TIMEOUT_SECONDS, visibility_seconds / 2))
        self._receiving = Requests(session, region, wait_seconds + RECEIVE_MARGIN_SECONDS, connections)
        self._changing = Requests(session, region, change_timeout, connections)

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive up to `most` messages, waiting for the first; they are hidden from now on. Raises SqsError."""
        order = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": most,
            "WaitTimeSeconds": wait_seconds,
            "VisibilityTimeout": visibility_seconds,
            "MessageSystemAttributeNames": _SYSTEM_ATTRIBUTES,
            "MessageAttributeNames": ("All",),
        }
        answer = self._receiving.send("ReceiveMessage", order)
        try:
            return [_message(raw) for raw in answer.get("Messages") or ()]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise AnswerInvalidError("the answer holds a message that makes no sense") from error

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        """Delete up to ten messages; returns the failures by position. Raises SqsError when none was answered."""
        entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(receipt_handles)]
        return self._change("DeleteMessageBatch", entries)

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        """Hide up to ten messages for so many seconds from now on; returns and raises like `delete`."""
        entries = [
            {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": seconds[i]}
            for i, handle in enumerate(receipt_handles)
        ]
        return self._change("ChangeMessageVisibilityBatch", entries)

    def _change(self, action: str, entries: Sequence[Mapping[str, Any]]) -> dict[int, EntryFailure]:
        answer = self._changing.send(action, {"QueueUrl": self._url, "Entries": entries})
        try:
            return _failures(answer, len(entries))
        except (AttributeError, KeyError, TypeError) as error:
            raise AnswerInvalidError("the answer holds an entry that makes no sense") from error


class DeadLetterQueue:
    """The queue that rejected messages are sent to."""

    def __init__(self, url: str) -> None:
        """Prepare requests; sends nothing. Raises UsageError when no region is known."""
        self._url = url
        session = Session()
        self._requests = Requests(session, region_for(url, session), SEND_TIMEOUT_SECONDS, connections=2)

    def send(self, message: Message, reason: str) -> None:
        """Send a copy of the message, with the reason among its attributes where there is room. Raises SqsError."""
        types = message.attribute_types
        attributes = {name: _attribute(value, types[name]) for name, value in message.attributes.items()}
        if len(attributes) < MOST_ATTRIBUTES:
            attributes[REASON_ATTRIBUTE] = _attribute(_UNSENDABLE.sub("?", reason)[:MOST_REASON] or "?", "String")
        fifo = {"MessageGroupId": message.group or message.id, "MessageDeduplicationId": message.id}
        trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": message.trace_header}}
        also: dict[str, Any] = dict(fifo) if self._url.endswith(".fifo") else {}
        also |= {"MessageSystemAttributes": trace} if message.trace_header else {}
        order = {"QueueUrl": self._url, "MessageBody": message.body, "MessageAttributes": attributes}
        self._requests.send("SendMessage", order | also)


def _attribute(value: str | bytes, kind: str) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"DataType": kind, "BinaryValue": b64encode(value).decode()}
    return {"DataType": kind, "StringValue": value}


def _message(raw: Mapping[str, Any]) -> Message:
    system, attributes = raw.get("Attributes") or {}, raw.get("MessageAttributes") or {}
    sent = system.get("SentTimestamp")
    return Message(
        id=raw["MessageId"],
        body=raw.get("Body", ""),
        receipt_handle=raw["ReceiptHandle"],
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        attributes={name: _value(value) for name, value in attributes.items()},
        group=system.get("MessageGroupId"),
        sent_timestamp=int(sent) / 1000 if sent else None,
        trace_header=system.get("AWSTraceHeader"),
        attribute_types={name: value["DataType"] for name, value in attributes.items()},
    )


def _value(attribute: Mapping[str, str]) -> str | bytes:
    if "BinaryValue" in attribute:
        return b64decode(attribute["BinaryValue"])
    return attribute.get("StringValue", "")


def _failures(answer: Mapping[str, Any], sent: int) -> dict[int, EntryFailure]:
    """Every entry that was not confirmed, those that the answer forgot included."""
    confirmed = {entry["Id"] for entry in answer.get("Successful") or ()}
    failed = {entry["Id"]: entry for entry in answer.get("Failed") or ()}
    return {i: _failure(failed.get(str(i), {})) for i in range(sent) if str(i) not in confirmed}


def _failure(entry: Mapping[str, Any]) -> EntryFailure:
    code = str(entry.get("Code", ""))
    return EntryFailure(code if is_plain(code) else "Unconfirmed", code not in _FINAL_CODES)
