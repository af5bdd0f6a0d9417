"""A queue in memory behaves as SQS does, as far as a worker and its tests can tell."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from queueworker import Message
from queueworker.errors import UnreachableError
from queueworker.testing import Queue


def received(queue: Queue, limit: int = 10, visibility_seconds: int = 30) -> list[str]:
    return [message.body for message in queue.receive(limit, 0, visibility_seconds)]


def test_what_was_received_is_hidden_until_its_visibility_timeout() -> None:
    queue = Queue()
    queue.send("a")
    assert received(queue) == ["a"]
    assert [message.body for message in queue.in_flight] == ["a"]
    queue.clock.advance(29.9)
    assert received(queue) == []
    queue.clock.advance(0.1)
    assert queue.in_flight == []
    assert [message.receive_count for message in queue.receive(10, 0, 30)] == [2]


def test_a_change_of_visibility_counts_from_now() -> None:
    queue = Queue()
    queue.send("a")
    (message,) = queue.receive(1, 0, 30)
    queue.clock.advance(20)
    assert queue.change_visibility([message.receipt_handle], [30]) == {}
    queue.clock.advance(29)
    assert received(queue) == []
    queue.clock.advance(1)
    assert received(queue) == ["a"]


def test_no_more_is_received_than_asked_for() -> None:
    queue = Queue()
    for body in "abc":
        queue.send(body)
    assert received(queue, limit=2) == ["a", "b"]
    assert received(queue, limit=2) == ["c"]


def test_a_message_is_delayed_by_its_own_delay_or_the_queues() -> None:
    queue = Queue(delay_seconds=10)
    queue.send("as the queue says")
    queue.send("as it says itself", delay_seconds=20)
    assert received(queue) == []
    queue.clock.advance(10)
    assert received(queue) == ["as the queue says"]
    queue.clock.advance(10)
    assert received(queue) == ["as it says itself"]


def test_a_message_that_was_received_too_often_is_a_dead_letter() -> None:
    queue = Queue(max_receive_count=2)
    queue.send("poison")
    for _ in range(2):
        assert received(queue) == ["poison"]
        queue.clock.advance(30)
    assert received(queue) == []
    assert [(message.body, message.receive_count) for message in queue.dead_letters] == [("poison", 2)]
    assert queue.messages == []


def test_a_message_is_kept_for_as_long_as_the_queue_says() -> None:
    queue = Queue(retention_seconds=60)
    queue.send("a")
    queue.clock.advance(60)
    assert received(queue) == []
    assert (queue.messages, queue.dead_letters) == ([], [])


def test_groups_of_a_fifo_queue_wait_for_their_message_in_flight() -> None:
    queue = Queue(fifo=True)
    for body in ("a1", "a2", "b1"):
        queue.send(body, group=body[0])
    assert received(queue, limit=1) == ["a1"]
    assert received(queue) == ["b1"]
    queue.clock.advance(30)
    assert received(queue) == ["a1", "a2", "b1"], "those of a group may come together, in order"


def test_a_message_of_a_fifo_queue_needs_a_group() -> None:
    with pytest.raises(ValueError, match="needs a group"):
        Queue(fifo=True).send("a")


@dataclass(frozen=True)
class Refusal:
    """A change that SQS refuses, for good."""

    code: str
    request: Callable[[Queue, str], object]


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(Refusal("ReceiptHandleIsInvalid", lambda queue, _: queue.delete(["none"])), id="unknown receipt"),
        pytest.param(
            Refusal("MessageNotInflight", lambda queue, handle: queue.change_visibility([handle], [10])), id="visible"
        ),
        pytest.param(
            Refusal("ReceiptHandleIsInvalid", lambda queue, handle: received(queue) and queue.delete([handle])),
            id="the receipt of a former delivery",
        ),
        pytest.param(
            Refusal(
                "InvalidParameterValue",
                lambda queue, _: queue.change_visibility([queue.receive(1, 0, 30)[0].receipt_handle], [43_201]),
            ),
            id="hidden for more than 12 hours in all",
        ),
    ],
)
def test_what_sqs_refuses_is_refused(refusal: Refusal) -> None:
    queue = Queue()
    queue.send("a")
    (message,) = queue.receive(1, 0, 30)
    queue.clock.advance(30)
    failures = refusal.request(queue, message.receipt_handle)
    assert isinstance(failures, dict)
    assert [(failure.code, failure.retryable) for failure in failures.values()] == [(refusal.code, False)]


def test_requests_fail_as_often_as_asked() -> None:
    queue = Queue()
    queue.fail("ReceiveMessage", times=1)
    with pytest.raises(UnreachableError):
        queue.receive(1, 0, 30)
    assert queue.receive(1, 0, 30) == []
    with pytest.raises(ValueError, match="none of ReceiveMessage, "):
        queue.fail("receive")


@dataclass
class Order:
    """A body that becomes JSON."""

    number: int


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("text", "text"),
        ("grün".encode(), "grün"),
        ({"number": 1}, '{"number": 1}'),
        ([1, 2], "[1, 2]"),
        (Order(1), '{"number": 1}'),
        ([Order(1)], '[{"number": 1}]'),
    ],
)
def test_a_body_is_text_or_becomes_json(body: object, text: str) -> None:
    queue = Queue()
    queue.send(body)
    assert [message.body for message in queue.messages] == [text]


def test_a_body_that_has_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="type object cannot be written as JSON"):
        Queue().send(object())


def test_attributes_have_the_types_of_sqs() -> None:
    queue = Queue()
    queue.send("a", attributes={"color": "green", "size": 42, "raw": b"\x00"})
    (message,) = queue.receive(1, 0, 30)
    assert message.attributes == {"color": "green", "size": "42", "raw": b"\x00"}
    assert message.attribute_types == {"color": "String", "size": "Number", "raw": "Binary"}
    assert message.queue_url == queue.url


def test_a_whole_message_keeps_what_it_has() -> None:
    queue = Queue()
    queue.send(Message("id", "body", "receipt", receive_count=3, attributes={"a": "b"}, group="g", trace_header="t"))
    (message,) = queue.receive(1, 0, 30)
    assert (message.id, message.body, message.receive_count, message.group) == ("id", "body", 3, "g")
    assert (message.attributes, message.attribute_types, message.trace_header) == ({"a": "b"}, {"a": "String"}, "t")
