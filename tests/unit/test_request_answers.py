"""What an answer of SQS is understood as, whatever it is made of."""

import pytest

from sqsrequest import Answer

CODES: dict[str, tuple[dict[str, str], bytes, str]] = {
    "the type without its namespace": ({}, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}', "QueueDoesNotExist"),
    "a bare type": ({}, b'{"__type": "AccessDenied"}', "AccessDenied"),
    "a type with an address": ({}, b'{"__type": "Other:http://internal.amazon.com/coral/"}', "Other"),
    "the older protocol's before the type": (
        {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
        b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}',
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    "no type": ({}, b'{"message": "no"}', ""),
    "no JSON": ({}, b"<html>", ""),
    "no body": ({}, b"", ""),
    "a type that is no text": ({}, b'{"__type": null}', "None"),
}


@pytest.mark.parametrize(("headers", "body", "code"), CODES.values(), ids=CODES)
def test_the_code_of_an_error(headers: dict[str, str], body: bytes, code: str) -> None:
    answer = Answer.parse(400, headers, body)
    assert answer.code == code
    assert not answer.succeeded


CONTENTS: dict[str, tuple[bytes, dict[str, object] | None]] = {
    "an object": (b'{"a": [1]}', {"a": [1]}),
    "nothing": (b"", {}),
    "a list": (b"[1]", None),
    "null": (b"null", None),
    "half an object": (b'{"a": ', None),
    "no UTF-8": (b'{"a": "\xff"}', None),
    "nested without end": (b"[" * 100_000, None),
}


@pytest.mark.parametrize(("body", "content"), CONTENTS.values(), ids=CONTENTS)
def test_the_content_is_an_object_or_none(body: bytes, content: dict[str, object] | None) -> None:
    assert Answer.parse(200, {"date": "now"}, body) == (200, {"date": "now"}, content)
