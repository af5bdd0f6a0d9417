"""The only door to boto3 (its lower half botocore, which starts faster). Raises our errors; decides nothing.

The receiver and the custodian call it, each with a client of its own: their time-outs differ. Requests are not
retried in here, because callers know better when to, and must be able to stop. Where requests go is AWS's own setting
AWS_ENDPOINT_URL_SQS; credentials come from AWS's provider chain, which renews them.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session

from queueworker.errors import (
    AccessDeniedError,
    AnswerInvalidError,
    QueueNotFoundError,
    SqsError,
    ThrottledError,
    UnreachableError,
    UsageError,
)
from queueworker.model import EntryFailure, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef, MessageTypeDef

CONNECT_TIMEOUT_SECONDS = 3.0
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
_PLAIN_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")
_SERVER_ERROR = 500

_NOT_FOUND = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently"})
_THROTTLED = frozenset(
    {"OverLimit", "RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_FINAL_CODES = frozenset({"ReceiptHandleIsInvalid", "AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight"})

Answer = TypeVar("Answer")


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
        """Build the clients; sends nothing. Raises UsageError when no region is known."""
        self._url = url
        session = Session()
        region = region_for(url, session)
        change_timeout = max(1.0, min(CHANGE_TIMEOUT_SECONDS, visibility_seconds / 2))
        self._receiving = _client(session, region, wait_seconds + RECEIVE_MARGIN_SECONDS, connections)
        self._changing = _client(session, region, change_timeout, connections)

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive up to `most` messages, waiting for the first; they are hidden from now on. Raises SqsError."""
        answer = _asked(
            lambda: self._receiving.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=visibility_seconds,
                MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
                MessageAttributeNames=("All",),
            )
        )
        try:
            return [_message(raw) for raw in answer.get("Messages", ())]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise AnswerInvalidError("the answer holds a message that makes no sense") from error

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        """Delete up to ten messages; returns the failures by position. Raises SqsError when none was answered."""
        answer = _asked(
            lambda: self._changing.delete_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(receipt_handles)],
            )
        )
        return _failures(answer, len(receipt_handles))

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        """Hide up to ten messages for so many seconds from now on; returns and raises like `delete`."""
        answer = _asked(
            lambda: self._changing.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": seconds[i]}
                    for i, handle in enumerate(receipt_handles)
                ],
            )
        )
        return _failures(answer, len(receipt_handles))


class DeadLetterQueue:
    """The queue that rejected messages are sent to."""

    def __init__(self, url: str) -> None:
        """Build the client; sends nothing. Raises UsageError when no region is known."""
        self._url = url
        session = Session()
        self._client = _client(session, region_for(url, session), SEND_TIMEOUT_SECONDS, connections=2)

    def send(self, message: Message, reason: str) -> None:
        """Send a copy of the message, with the reason among its attributes where there is room. Raises SqsError."""
        types = message.attribute_types
        attributes: Any = {name: _attribute(value, types[name]) for name, value in message.attributes.items()}
        if len(attributes) < MOST_ATTRIBUTES:
            attributes[REASON_ATTRIBUTE] = _attribute(_UNSENDABLE.sub("?", reason)[:MOST_REASON] or "?", "String")
        fifo = {"MessageGroupId": message.group or message.id, "MessageDeduplicationId": message.id}
        trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": message.trace_header}}
        also: Any = fifo if self._url.endswith(".fifo") else {}
        also |= {"MessageSystemAttributes": trace} if message.trace_header else {}
        _asked(
            lambda: self._client.send_message(
                QueueUrl=self._url, MessageBody=message.body, MessageAttributes=attributes, **also
            )
        )


def _attribute(value: str | bytes, kind: str) -> dict[str, str | bytes]:
    return {"DataType": kind, "BinaryValue" if isinstance(value, bytes) else "StringValue": value}


def _client(session: Session, region: str, read_timeout: float, connections: int) -> "SQSClient":
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=connections,
        parameter_validation=False,  # a tenth of each call's cost, and we send only what we have built
        # Botocore's own name is long, and composed anew twice per request: a sixth of the request's cost.
        user_agent=f"queueworker/{version('queueworkerpool')}",
        tcp_keepalive=True,  # a long poll is silent for longer than some NAT gateways remember a connection
    )
    return cast("SQSClient", session.create_client("sqs", region_name=region, config=config))


def _asked(request: Callable[[], Answer]) -> Answer:
    try:
        return request()
    except ClientError as error:
        raise _translated(error) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise AccessDeniedError("the worker has no AWS credentials") from error
    except ResponseParserError as error:
        raise AnswerInvalidError("the answer is not SQS's") from error
    except (BotoCoreError, OSError) as error:
        raise UnreachableError(f"SQS did not answer ({type(error).__name__})") from error


def _translated(error: ClientError) -> SqsError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    shown = code if _PLAIN_CODE.fullmatch(code) else f"status {status}"
    if code in _NOT_FOUND:
        return QueueNotFoundError(f"there is no such queue, or it belongs to another account ({shown})")
    if code in _THROTTLED:
        return ThrottledError(f"too many requests ({shown})")
    if code in _DENIED:
        return AccessDeniedError(f"the worker may not use the queue ({shown})")
    if status >= _SERVER_ERROR:
        return UnreachableError(f"SQS failed ({shown})")
    return AnswerInvalidError(f"SQS refused the request ({shown})")


def _message(raw: "MessageTypeDef") -> Message:
    system, attributes = raw.get("Attributes", {}), raw.get("MessageAttributes", {})
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


def _value(attribute: Mapping[str, Any]) -> str | bytes:
    return cast("str | bytes", attribute.get("StringValue", attribute.get("BinaryValue", "")))


def _failures(answer: Mapping[str, Any], sent: int) -> dict[int, EntryFailure]:
    """Every entry that was not confirmed, those that the answer forgot included."""
    confirmed = {entry["Id"] for entry in answer.get("Successful", ())}
    failed: dict[str, BatchResultErrorEntryTypeDef] = {entry["Id"]: entry for entry in answer.get("Failed", ())}
    return {i: _failure(failed.get(str(i), {})) for i in range(sent) if str(i) not in confirmed}


def _failure(entry: "Mapping[str, Any] | BatchResultErrorEntryTypeDef") -> EntryFailure:
    code = str(entry.get("Code", ""))
    return EntryFailure(code if _PLAIN_CODE.fullmatch(code) else "Unconfirmed", code not in _FINAL_CODES)
