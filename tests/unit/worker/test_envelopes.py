"""What is taken out of the envelopes of AWS's services, and what is said of bodies that are not in one."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from queueworker import Message, Reject
from queueworker.bodies.failures import UnfitBodyError
from queueworker.bodies.readers import reader_for
from queueworker.envelopes.opening import Opener
from queueworker.errors import BucketDeniedError, ObjectNotFoundError, ObjectTooLargeError, UsageError
from queueworker.events import S3Record
from queueworker.testing import consume

TODAYS = "software.amazon.payloadoffloading.PayloadS3Pointer"
FIRST = "com.amazon.sqs.javamessaging.MessageS3Pointer"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def message_of(body: object, **attributes: str) -> Message:
    text = body if isinstance(body, str) else json.dumps(body)
    return Message("id", text, "handle", attributes=attributes, attribute_types=dict.fromkeys(attributes, "String"))


def notification(body: str, **attributes: tuple[str, str]) -> dict[str, Any]:
    """As SNS writes it without raw message delivery."""
    return {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:orders",
        "Message": body,
        "Timestamp": "2026-11-26T18:00:00.000Z",
        "SignatureVersion": "1",
        "UnsubscribeURL": "https://sns/",
        "MessageAttributes": {name: {"Type": kind, "Value": value} for name, (kind, value) in attributes.items()},
    }


def event(detail: object) -> dict[str, Any]:
    """As EventBridge writes it."""
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Order placed",
        "source": "shop",
        "account": "123456789012",
        "time": "2026-11-26T18:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    }


def record(key: str, **of_object: object) -> dict[str, Any]:
    """As S3 writes it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-26T18:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
            "object": {"key": key, **of_object},
        },
    }


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-26T18:00:00.000Z", "Bucket": "photos"}
EVENT_ATTRIBUTES = {"detail-type": "Order placed", "source": "shop", "id": "e-1", "time": "2026-11-26T18:00:00Z"}

OPENED: dict[str, tuple[tuple[str, ...], object, str, Mapping[str, str | bytes]]] = {
    "SNS": (("sns",), notification("päckchen"), "päckchen", {}),
    "SNS, with attributes": (
        ("sns",),
        notification(
            "a",
            size=("Number", "42"),
            raw=("Binary", b64encode(b"\x00\xff").decode()),
            regions=("String.Array", '["a", "b"]'),
            traceparent=("String", TRACEPARENT),
        ),
        "a",
        {"size": "42", "raw": b"\x00\xff", "regions": '["a", "b"]', "traceparent": TRACEPARENT},
    ),
    "SNS, without a word about attributes": (("sns",), {"Type": "Notification", "Message": "a"}, "a", {}),
    "EventBridge": (("eventbridge",), event({"id": "ä", "n": 1.5}), '{"id": "ä", "n": 1.5}', EVENT_ATTRIBUTES),
    "SNS around EventBridge": (
        ("sns", "eventbridge"),
        notification(json.dumps(event({})), tenant=("String", "x")),
        "{}",
        {**EVENT_ATTRIBUTES, "tenant": "x"},
    ),
}


@pytest.mark.parametrize(("names", "body", "expected", "attributes"), OPENED.values(), ids=OPENED)
def test_the_handler_gets_what_is_in_the_envelopes(
    names: tuple[str, ...], body: object, expected: str, attributes: Mapping[str, str | bytes]
) -> None:
    message = message_of(body, own="1")
    inner = Opener(names)(message)
    assert inner is not None
    assert (inner.body, inner.attributes, inner.raw_body) == (expected, {"own": "1", **attributes}, message.body)
    assert inner.attribute_types.keys() == inner.attributes.keys()
    assert (inner.id, inner.receipt_handle) == (message.id, message.receipt_handle)


def test_the_trace_context_of_a_notification_is_the_messages() -> None:
    inner = Opener(["sns"])(message_of(notification("a", traceparent=("String", TRACEPARENT))))
    assert inner is not None
    assert inner.trace_context == {"traceparent": TRACEPARENT}


@pytest.mark.parametrize("names", [("s3",), ("sns", "s3")])
def test_records_of_s3_are_as_a_handler_takes_them(names: tuple[str, ...]) -> None:
    body = json.dumps({"Records": [record("a+b%2Fc%C3%A4.jpg", size=7, eTag="e", sequencer="0A"), record("d")]})
    inner = Opener(names)(message_of(body if names == ("s3",) else notification(body)))
    assert inner is not None
    common: dict[str, Any] = {
        "event": "ObjectCreated:Put",
        "time": datetime(2026, 11, 26, 18, tzinfo=UTC),
        "region": "eu-west-1",
        "bucket": "photos",
    }
    assert reader_for(list[S3Record])(inner.body) == [
        S3Record(**common, key="a b/cä.jpg", size=7, etag="e", sequencer="0A"),
        S3Record(**common, key="d"),
    ]


def test_the_test_event_of_s3_is_for_nobody() -> None:
    assert Opener(["s3"])(message_of(TEST_EVENT)) is None
    assert Opener(["sns", "s3"])(message_of(notification(json.dumps(TEST_EVENT)))) is None


def test_envelopes_are_opened_in_memory_too_where_there_is_no_s3() -> None:
    bodies: list[str] = []
    result = consume(lambda message: bodies.append(message.body), [json.dumps(notification("a"))], envelope=("sns",))
    assert (bodies, result.left) == (["a"], [])
    with pytest.raises(UsageError, match="reads from S3, which is not there"):
        consume(print, ["a"], envelope=("s3-pointer",))


NO_ENVELOPES: dict[str, tuple[str, object, str]] = {
    "a raw message of SNS": ("sns", {"id": 7}, "the body does not fit --envelope sns: Type: missing"),
    "text": ("sns", "secret", "the body does not fit --envelope sns: it is not JSON"),
    "a confirmation that SNS asks for": (
        "sns",
        {"Type": "SubscriptionConfirmation", "Message": "secret", "SubscribeURL": "https://secret/", "Token": "secret"},
        "the body is no notification of SNS but a SubscriptionConfirmation",
    ),
    "bytes that are none": ("sns", notification("a", raw=("Binary", "#")), "the attribute raw of the notification"),
    "no event": ("eventbridge", {"detail": {}}, "the body does not fit --envelope eventbridge: detail-type: missing"),
    "a detail that is no object": ("eventbridge", event("secret"), "detail: expected an object, found a string"),
    "an infinite number": ("eventbridge", json.dumps(event({})).replace("{}", '{"a": 1e400}'), "a number too large"),
    "an empty object": ("s3", {}, "the body is no notification of S3: it has no Records"),
    "another's records": ("s3", {"Records": [{"messageId": "1"}]}, "Records[0].eventName: missing"),
}


@pytest.mark.parametrize(("name", "body", "expected"), NO_ENVELOPES.values(), ids=NO_ENVELOPES)
def test_a_body_in_no_such_envelope_is_rejected_with_a_sentence(name: str, body: object, expected: str) -> None:
    with pytest.raises(Reject) as raised:
        Opener([name])(message_of(body))
    assert isinstance(raised.value, UnfitBodyError)
    assert expected in raised.value.reason
    assert "secret" not in raised.value.reason


class Store:
    """Objects in memory, as `S3Payloads` has them."""

    def __init__(self, **objects: bytes | Exception) -> None:
        self.objects = dict(objects)

    def read(self, bucket: str, key: str) -> bytes:
        found = self.objects.get(key, ObjectNotFoundError("S3 answered NoSuchKey"))
        assert bucket == "payloads"
        if isinstance(found, Exception):
            raise found
        return found

    def delete(self, bucket: str, key: str) -> None:
        assert bucket == "payloads"
        if isinstance(found := self.objects.get(key), Exception):
            raise found
        self.objects.pop(key, None)


def pointer(key: str, class_name: str = TODAYS) -> list[object]:
    return [class_name, {"s3BucketName": "payloads", "s3Key": key}]


POINTERS: dict[str, tuple[tuple[str, ...], Message]] = {
    "of today's clients": (("s3-pointer",), message_of(pointer("k"), ExtendedPayloadSize="9")),
    "of the first": (("s3-pointer",), message_of(pointer("k", FIRST), SQSLargePayloadSize="9")),
    "without an attribute": (("s3-pointer",), message_of(json.dumps(pointer("k"), indent=1))),
    "in a notification of SNS": (
        ("sns", "s3-pointer"),
        message_of(notification(json.dumps(pointer("k")), ExtendedPayloadSize=("Number", "9"))),
    ),
}


@pytest.mark.parametrize(("names", "message"), POINTERS.values(), ids=POINTERS)
def test_a_pointer_is_followed_and_its_payload_deleted_afterwards(names: tuple[str, ...], message: Message) -> None:
    store = Store(k="päckchen".encode())
    opener = Opener(names, store)
    inner = opener(message)
    assert inner is not None
    assert (inner.body, inner.attributes, inner.raw_body) == ("päckchen", {}, message.body)
    assert inner.attribute_types == {}
    assert store.objects
    opener.discard_payload(message)
    assert opener.wait_for_deletes(10)
    assert not store.objects


def test_a_payload_that_others_read_is_kept() -> None:
    store = Store(k=b"a")
    opener = Opener(["s3-pointer"], store, keep_payloads=True)
    opener.discard_payload(message_of(pointer("k")))
    assert opener.wait_for_deletes(10)
    assert store.objects


def test_a_body_that_is_no_pointer_is_the_body() -> None:
    opener, message = Opener(["s3-pointer"], Store()), message_of([TODAYS, "a list of ours"][1:])
    assert opener(message) is message
    opener.discard_payload(message)
    assert opener.wait_for_deletes(10)


def test_a_payload_that_cannot_be_deleted_is_logged_and_stays(caplog: pytest.LogCaptureFixture) -> None:
    opener = Opener(["s3-pointer"], Store(k=BucketDeniedError("S3 answered AccessDenied")))
    opener.discard_payload(message_of(pointer("k")))
    assert opener.wait_for_deletes(10)
    (line,) = caplog.records
    assert (line.message, line.__dict__["payload"]) == ("payload not deleted", "s3://payloads/k")
    assert (line.__dict__["reason"], line.__dict__["remedy"]) == ("AccessDenied", BucketDeniedError.remedy)


UNREADABLE: dict[str, tuple[Message, Exception | bytes | None, str]] = {
    "is not there": (
        message_of(pointer("k")),
        None,
        "the payload s3://payloads/k is not there (S3 answered NoSuchKey)",
    ),
    "is too large": (
        message_of(pointer("k")),
        ObjectTooLargeError("9 bytes, and at most 8 are read"),
        "the payload s3://payloads/k is too large: 9 bytes, and at most 8 are read; see --payload-limit-mib",
    ),
    "is no text": (message_of(pointer("k")), b"\xff", "the payload s3://payloads/k is no text in UTF-8"),
    "is nowhere": (message_of("secret", ExtendedPayloadSize="9"), None, "--envelope s3-pointer: it is not JSON"),
    "has no key": (message_of([TODAYS, {"s3BucketName": "payloads"}]), None, "[1].s3Key: missing"),
    "is another kind's": (message_of(pointer("k", TODAYS.replace(".Payload", ".Other"))), None, "[0]: expected one of"),
}


@pytest.mark.parametrize(("message", "found", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_payload_that_can_never_be_read_is_a_rejection(
    message: Message, found: Exception | bytes | None, expected: str
) -> None:
    store = Store() if found is None else Store(k=found)
    with pytest.raises(UnfitBodyError) as raised:
        Opener(["s3-pointer"], store)(message)
    assert expected in raised.value.reason
    assert "secret" not in raised.value.reason


def test_a_payload_that_cannot_be_read_now_is_no_rejection() -> None:
    with pytest.raises(BucketDeniedError):
        Opener(["s3-pointer"], Store(k=BucketDeniedError("S3 answered AccessDenied")))(message_of(pointer("k")))
