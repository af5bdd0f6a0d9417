"""What our adapter to S3 makes of answers that no stand-in gives: from elsewhere, throttled, cut and strange ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devcluster.sqs import CREDENTIALS
from queueworker.errors import (
    BucketAnswerError,
    BucketDeniedError,
    BucketThrottledError,
    BucketUnreachableError,
    ObjectNotFoundError,
    ObjectTooLargeError,
)
from queueworker.s3 import S3Payloads
from queueworker.sqs import WorkerCredentials
from tests.serving import serving

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, content: bytes = b"", *, cut: int = 0, region: str = "eu-west-1") -> Answer:
    """An answer, of whose content some bytes are missing."""

    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("x-amz-bucket-region", region)
        request.send_header("Content-Length", str(len(content) + cut))
        request.end_headers()
        request.wfile.write(content)
        request.close_connection = bool(cut)

    return send


def error(status: int, code: str, region: str = "eu-west-1") -> Answer:
    return answer(status, f"<Error><Code>{code}</Code></Error>".encode(), region=region)


def elsewhere(request: BaseHTTPRequestHandler) -> None:
    """Answer as S3 does from another region than the bucket's."""
    there = "/eu-central-1/s3/" in request.headers["Authorization"]
    moved = error(301, "PermanentRedirect", region="eu-central-1")
    (answer(200, b"from elsewhere") if there else moved)(request)


@pytest.fixture
def payloads_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], Any]:
    """Our adapter, at an S3 that gives every request the same answer."""

    @contextmanager
    def connect(send: Answer) -> Iterator[S3Payloads]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                send(self)

            def do_DELETE(self) -> None:
                send(self)

            def log_message(self, *_: Any) -> None: ...

        with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
            for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL_S3": f"http://{address}"}).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr("queueworker.s3.ATTEMPTS", 1)
            yield S3Payloads(WorkerCredentials(), QUEUE, limit_mib=1, connections=1)

    return connect


def test_a_bucket_in_another_region_is_found(payloads_at: Callable[[Answer], Any]) -> None:
    with payloads_at(elsewhere) as payloads:
        assert payloads.read("bucket", "key") == b"from elsewhere"


@pytest.mark.parametrize(
    ("send", "expected", "text"),
    [
        (error(404, "NoSuchKey"), ObjectNotFoundError, "S3 answered NoSuchKey"),
        (error(403, "AccessDenied"), BucketDeniedError, "S3 answered AccessDenied"),
        (error(503, "SlowDown"), BucketThrottledError, "S3 answered SlowDown"),
        (answer(502, b"<html>bad gateway"), BucketUnreachableError, "S3 answered 502"),
        (answer(400, b"\x00"), BucketAnswerError, "S3 answered 400"),
        (answer(200, b"a", cut=9), BucketUnreachableError, r"S3 did not answer \(.+\)"),
        (answer(200, cut=2**21), ObjectTooLargeError, "2097152 bytes, and at most 1048576 are read"),
    ],
)
def test_what_an_answer_means(
    payloads_at: Callable[[Answer], Any], send: Answer, expected: type[Exception], text: str
) -> None:
    with payloads_at(send) as payloads, pytest.raises(expected, match=text):
        payloads.read("bucket", "key")


def test_an_object_that_is_gone_is_deleted(payloads_at: Callable[[Answer], Any]) -> None:
    with payloads_at(error(404, "NoSuchKey")) as payloads:
        payloads.delete("bucket", "key")
    with payloads_at(error(403, "AccessDenied")) as payloads, pytest.raises(BucketDeniedError):
        payloads.delete("bucket", "key")
