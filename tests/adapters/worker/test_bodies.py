"""Bodies as handlers take them: made of JSON, out of envelopes, and out of S3, by workers as processes of their own."""

import hashlib
import json
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from devcluster.sqs import CREDENTIALS, REGION
from tests.adapters.worker.conftest import PROGRAMS, Queue, StartWorker, Worker, until
from tests.adapters.worker.proxy import Proxy
from tests.serving import serving

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TYPED = {
    "a thread": ("--handler", "body_handlers:take_order"),
    "a coroutine": ("--handler", "body_handlers:take_order_async"),
    "isolated": ("--handler", "body_handlers:take_order", "--isolate"),
}


@pytest.mark.parametrize("flags", TYPED.values(), ids=TYPED)
def test_a_body_that_fits_is_handled_and_one_that_does_not_goes_to_the_dead_letter_queue(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    dead = Queue(moto_queue.server)
    unfit = '{"id": "secret", "customer": "b"}'
    moto_queue.send('{"id": 7, "customer": "ä"}', unfit)
    worker = start_worker(moto_queue, *flags, "--dead-letter-queue", dead.url)
    until(lambda: moto_queue.depth() == (0, 0) and dead.depth() == (1, 0), 60, "the messages were not settled")
    assert worker.events() == ["7/ä/1.0"]
    body, attributes = received(dead)
    assert (body, attributes["queueworker.reason"]) == (unfit, REASON)
    (line,) = worker.lines("handler rejected the message")
    assert line["error"] == REASON
    assert "secret" not in worker.log.read_text()


REASON = "the body does not fit Order: id: expected an integer, found a string"


def received(queue: Queue) -> tuple[str, dict[str, str]]:
    """Return the body and the attributes of the only message."""
    (found,) = queue.client.receive_message(QueueUrl=queue.url, MessageAttributeNames=["All"])["Messages"]
    attributes = found.get("MessageAttributes", {})
    return found["Body"], {name: value["StringValue"] for name, value in attributes.items()}


@pytest.mark.parametrize("more", [(), ("--isolate",)], ids=["in the worker", "isolated"])
def test_a_handler_that_asks_for_what_no_message_has_is_refused(
    moto_queue: Queue, start_worker: StartWorker, more: tuple[str, ...]
) -> None:
    worker = start_worker(moto_queue, "--handler", "body_handlers:take_event_and_context", *more)
    assert worker.wait() == 2
    assert "handler 'body_handlers:take_event_and_context': it takes event, context" in worker.log.read_text()


def notification(body: str, **attributes: str) -> str:
    described = {name: {"Type": "String", "Value": value} for name, value in attributes.items()}
    return json.dumps({"Type": "Notification", "Message": body, "MessageAttributes": described})


ENVELOPED = {
    "a thread": ("--handler", "body_handlers:take_message"),
    "isolated": ("--handler", "body_handlers:take_message", "--isolate"),
    "a command": ("--exec", "sh -c 'echo handled $(cat)/$TRACEPARENT/True 1 >>$JOURNAL'"),
    "a program": ("--serve", shlex.join([sys.executable, str(PROGRAMS / "served.py")])),
}


@pytest.mark.parametrize("flags", ENVELOPED.values(), ids=ENVELOPED)
def test_handlers_of_every_kind_get_what_is_in_the_envelope(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    dead = Queue(moto_queue.server)
    moto_queue.send(notification("for-you", traceparent=TRACEPARENT), "raw")
    worker = start_worker(moto_queue, *flags, "--envelope", "sns", "--dead-letter-queue", dead.url)
    until(lambda: moto_queue.depth() == (0, 0) and dead.depth() == (1, 0), 60, "the messages were not settled")
    assert worker.events() == [f"for-you/{TRACEPARENT}/True"]
    body, attributes = received(dead)
    assert body == "raw"
    assert attributes["queueworker.reason"].startswith("the body does not fit --envelope sns: it is not JSON")


def test_envelopes_within_envelopes_are_given_in_a_variable_and_tests_of_s3_are_done(
    moto_queue: Queue, start_worker: StartWorker
) -> None:
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-26T18:00:00.000Z",
        "awsRegion": "eu-west-1",
        "s3": {"bucket": {"name": "photos"}, "object": {"key": "a+b"}},
    }
    moto_queue.send(
        notification('{"Service": "Amazon S3", "Event": "s3:TestEvent"}'),
        notification(json.dumps({"Records": [record]})),
    )
    worker = start_worker(moto_queue, "--handler", "body_handlers:take_records", QUEUEWORKER_ENVELOPE="sns s3")
    until(lambda: moto_queue.depth() == (0, 0), 60, "the messages were not deleted")
    assert worker.events() == ["photos:a b"]
    assert worker.lines("notifications of S3 are set up")


class Payloads:
    """A bucket of moto's, and what the Extended Client does with it."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=queue.server.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        self.bucket = queue.url.rpartition("/")[2]
        self._client.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def send(self, key: str, payload: bytes | None) -> str:
        """Store a payload, unless it is None, and send its pointer; return the pointer."""
        if payload is not None:
            self._client.put_object(Bucket=self.bucket, Key=key, Body=payload)
        pointer = json.dumps(
            ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": self.bucket, "s3Key": key}]
        )
        size = {"DataType": "Number", "StringValue": str(len(payload or b""))}
        self.queue.send(pointer, MessageAttributes={"ExtendedPayloadSize": size})
        return pointer

    def keys(self) -> set[str]:
        return {found["Key"] for found in self._client.list_objects_v2(Bucket=self.bucket).get("Contents", ())}

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def payloads(moto_queue: Queue) -> Iterator[Payloads]:
    found = Payloads(moto_queue)
    yield found
    found.close()


StartReading = Callable[..., Worker]


@pytest.fixture
def start_reading(moto_queue: Queue, start_worker: StartWorker) -> StartReading:
    """Start a worker on the queue that follows pointers to S3."""

    def start(*flags: str, s3: str = moto_queue.server.endpoint, **env: str) -> Worker:
        return start_worker(moto_queue, *flags, "--envelope", "s3-pointer", AWS_ENDPOINT_URL_S3=s3, **env)

    return start


LARGE = "päckchen".encode() * 400_000
READING = {
    "a thread": ("--handler", "body_handlers:digest"),
    "a coroutine": ("--handler", "body_handlers:digest_async"),
    "isolated": ("--handler", "body_handlers:digest", "--isolate"),
    "a command": ("--exec", "sh -c 'echo handled $(sha256sum | cut -c-64) 1 >>$JOURNAL'"),
}


@pytest.mark.parametrize("flags", READING.values(), ids=READING)
def test_a_payload_in_s3_is_the_body_and_deleted_after_the_message(
    moto_queue: Queue, payloads: Payloads, start_reading: StartReading, flags: tuple[str, ...]
) -> None:
    payloads.send("large", LARGE)
    moto_queue.send("small")
    worker = start_reading(*flags)
    worker.until_events(2)
    until(lambda: moto_queue.depth() == (0, 0) and not payloads.keys(), 60, "message and payload were not deleted")
    assert sorted(worker.events()) == sorted(hashlib.sha256(body).hexdigest() for body in (LARGE, b"small"))
    worker.signal()
    assert worker.wait() == 0


def test_a_worker_that_ends_has_deleted_the_payloads_of_what_it_has_done(
    payloads: Payloads, start_reading: StartReading
) -> None:
    for number in range(20):
        payloads.send(f"p{number}", b"a")
    worker = start_reading("--handler", "body_handlers:digest", "--concurrency", "20")
    worker.until_events(20)
    worker.signal()
    assert worker.wait() == 0
    assert payloads.keys() == set()


def test_payloads_that_others_read_are_kept(moto_queue: Queue, payloads: Payloads, start_reading: StartReading) -> None:
    payloads.send("shared", b"a")
    worker = start_reading("--handler", "body_handlers:digest", "--keep-payloads")
    worker.until_events(1)
    until(lambda: moto_queue.depth() == (0, 0), 60, "the message was not deleted")
    worker.signal()
    assert worker.wait() == 0
    assert payloads.keys() == {"shared"}


def test_a_payload_stays_until_sqs_has_confirmed_that_its_message_is_deleted(
    moto_queue: Queue, payloads: Payloads, start_reading: StartReading
) -> None:
    payloads.send("k", b"a")
    with Proxy(moto_queue.server).serving() as proxy:
        proxy.fail_request = lambda operation: "InternalFailure" if operation == "DeleteMessageBatch" else None
        worker = start_reading("--handler", "body_handlers:digest", AWS_ENDPOINT_URL_SQS=proxy.endpoint)
        until(lambda: proxy.failed >= 2, 60, "the delete was not tried again")
        assert worker.events()
        assert payloads.keys() == {"k"}
        proxy.fail_request = lambda _: None
        until(lambda: moto_queue.depth() == (0, 0) and not payloads.keys(), 60, "message and payload were not deleted")
        worker.signal()
        assert worker.wait() == 0


REJECTED: dict[str, tuple[bytes | None, str]] = {
    "useless": (b"a" * 300_000, "300000 bytes of no use"),
    "missing": (None, "is not there (S3 answered NoSuchKey)"),
    "large": (b"a" * 2**21, "2097152 bytes, and at most 1048576"),
    "binary": (b"\xff", "is no text in UTF-8"),
}
"""By key: a payload, and why its message is rejected."""


def test_a_rejected_message_keeps_its_pointer_and_its_payload(payloads: Payloads, start_reading: StartReading) -> None:
    queue = payloads.queue
    dead = Queue(queue.server)
    sent = {payloads.send(key, payload): (payload, reason) for key, (payload, reason) in REJECTED.items()}
    flags = ("--dead-letter-queue", dead.url, "--payload-limit-mib", "1")
    worker = start_reading("--handler", "body_handlers:reject", *flags)
    until(lambda: queue.depth() == (0, 0) and dead.depth() == (4, 0), 60, "the messages were not moved")
    worker.signal()
    assert worker.wait() == 0
    for _ in REJECTED:
        body, attributes = received(dead)
        payload, reason = sent.pop(body)
        assert attributes["ExtendedPayloadSize"] == str(len(payload or b""))
        assert reason in attributes["queueworker.reason"]
    assert payloads.keys() == REJECTED.keys() - {"missing"}, "who reads the dead-letter queue needs them"


@contextmanager
def s3_answering(status: int, code: str, signed_by: list[str]) -> Iterator[str]:
    """An S3 that gives every request the same error, and notes whose access key has signed it."""
    content = f"<Error><Code>{code}</Code><Message>secret</Message></Error>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            signed_by.append(self.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield f"http://{address}"


@contextmanager
def s3_answering_when_asked_by(number: int) -> Iterator[str]:
    """An S3 that answers only when so many requests are under way at the same time."""
    together = threading.Barrier(number, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            together.wait()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield f"http://{address}"


def test_the_payloads_of_all_coroutines_are_read_at_the_same_time(
    payloads: Payloads, start_reading: StartReading
) -> None:
    for number in range(20):
        payloads.send(f"p{number}", None)
    with s3_answering_when_asked_by(20) as address:
        flags = ("--concurrency", "20", "--keep-payloads")
        worker = start_reading("--handler", "body_handlers:digest_async", *flags, s3=address)
        worker.until_events(20)


@pytest.mark.parametrize("more", [(), ("--isolate",)], ids=["in the worker", "isolated"])
def test_a_payload_that_cannot_be_read_now_is_tried_again_later(
    moto_queue: Queue, payloads: Payloads, start_reading: StartReading, more: tuple[str, ...]
) -> None:
    dead = Queue(moto_queue.server)
    payloads.send("k", b"a")
    flags = ("--handler", "body_handlers:digest", "--retry-seconds", "600", "--dead-letter-queue", dead.url)
    signed_by: list[str] = []
    with s3_answering(403, "AccessDenied", signed_by) as address:
        worker = start_reading(*flags, *more, s3=address)
        until(lambda: bool(worker.lines("payload not read")), 60, "the failure was not logged")
        worker.signal()
        assert worker.wait() == 0
    assert set(signed_by) == {CREDENTIALS["AWS_ACCESS_KEY_ID"]}, "the worker's own credentials sign"
    (line,) = worker.lines("payload not read")
    assert (line["reason"], line["error"]) == ("AccessDenied", "S3 answered AccessDenied")
    assert "s3:GetObject" in line["remedy"]
    assert "secret" not in worker.log.read_text()
    assert (sum(moto_queue.depth()), dead.depth(), payloads.keys()) == (1, (0, 0), {"k"})
