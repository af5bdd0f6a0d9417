"""What a worker does while SQS fails, wholly or in part."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devcluster.sqs import MotoSqs
from queueworker.errors import (
    AccessDeniedError,
    AnswerInvalidError,
    ClockSkewedError,
    KeyUnusableError,
    QueueNotFoundError,
    SqsError,
    ThrottledError,
    UnreachableError,
)
from queueworker.sqs import SqsQueue
from tests.adapters.worker.conftest import Queue, StartWorker, until
from tests.adapters.worker.proxy import Proxy
from tests.serving import serving


def answering(
    status: int, body: bytes, requests: list[float] | None = None, date: str | None = None
) -> ThreadingHTTPServer:
    """A server that gives every request the same answer, for answers that the stand-ins never send."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if requests is not None:
                requests.append(time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

        def log_message(self, *_: Any) -> None: ...

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


YEARS_AGO = "Thu, 01 Jan 2015 00:00:00 GMT"


def error_body(code: str) -> bytes:
    return json.dumps({"__type": code, "message": "no"}).encode()


@pytest.fixture
def answers(request: pytest.FixtureRequest) -> Iterator[str]:
    """The endpoint of a server that gives the answer of the test's row."""
    with serving(answering(*request.param)) as address:
        yield f"http://{address}"


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        pytest.param((400, error_body("com.amazonaws.sqs#QueueDoesNotExist")), QueueNotFoundError, id="missing"),
        pytest.param((403, error_body("AccessDeniedException")), AccessDeniedError, id="denied"),
        pytest.param((403, error_body("ExpiredTokenException")), AccessDeniedError, id="expired credentials"),
        pytest.param((403, error_body("RequestThrottled")), ThrottledError, id="throttled"),
        pytest.param((400, error_body("OverLimit")), ThrottledError, id="too much in flight"),
        pytest.param((400, error_body("RequestExpired")), ClockSkewedError, id="a wrong clock"),
        pytest.param((403, error_body("SignatureDoesNotMatch")), AccessDeniedError, id="a wrong signature"),
        pytest.param(
            (403, error_body("SignatureDoesNotMatch"), None, YEARS_AGO),
            ClockSkewedError,
            id="a wrong signature by a wrong clock",
        ),
        pytest.param((400, error_body("KmsDisabled")), KeyUnusableError, id="a key that is disabled"),
        pytest.param((401, b"<html>"), AccessDeniedError, id="a bare 401"),
        pytest.param((403, b"<html>"), AccessDeniedError, id="a bare 403"),
        pytest.param((429, b""), ThrottledError, id="a bare 429"),
        pytest.param((503, b"<html>"), UnreachableError, id="SQS itself failed"),
        pytest.param((200, b'{"Messages": [{"Body": "x"}]}'), AnswerInvalidError, id="a message without an identity"),
        pytest.param((400, error_body("InvalidParameterValue")), AnswerInvalidError, id="refused"),
    ],
    indirect=["answers"],
)
def test_failures_are_distinguished(answers: str, kind: type[SqsError], sqs_at: Callable[[str, str], SqsQueue]) -> None:
    with pytest.raises(kind):
        sqs_at(answers, f"{answers}/1/jobs").receive(1, 0, 30)


def test_a_server_that_answers_nonsense_at_once_is_not_polled_all_the_time(
    moto_queue: Queue, start_worker: StartWorker
) -> None:
    """botocore takes a body that is not JSON for an empty answer; some proxies greet everyone with a page."""
    requests: list[float] = []
    with serving(answering(200, b"<html>welcome</html>", requests)) as address:
        worker = start_worker(moto_queue, "--handler", "job_handlers:record", AWS_ENDPOINT_URL_SQS=f"http://{address}")
        until(lambda: len(requests) >= 4, 60, "the server got no requests")
        worker.kill()
    assert requests[3] - requests[1] > 1


def test_a_missing_queue_is_logged_and_waited_for(moto_sqs: MotoSqs, start_worker: StartWorker) -> None:
    queue = Queue(moto_sqs)
    queue.client.delete_queue(QueueUrl=queue.url)
    worker = start_worker(queue, "--handler", "job_handlers:record", "--wait-seconds", "1")
    until(lambda: len(worker.lines("receive failed")) >= 2, 60, "the failure was not logged twice")
    assert {line["reason"] for line in worker.lines("receive failed")} == {"QueueNotFound"}
    assert {line["remedy"] for line in worker.lines("receive failed")} == {QueueNotFoundError.remedy}
    assert worker.get("/readyz") == (503, f"SQS has not answered yet for {queue.name}\n")
    assert worker.get("/livez")[0] == 200
    recreated = Queue(moto_sqs, name=queue.url.rpartition("/")[2])
    recreated.send("hello")
    worker.until_events(1)
    assert worker.get("/readyz")[0] == 200


def test_running_work_survives_an_outage(start_worker: StartWorker) -> None:
    with MotoSqs() as server:
        queue = Queue(server)
        queue.send("before 3")
        worker = start_worker(
            queue, "--handler", "job_handlers:sleep", "--wait-seconds", "1", "--visibility-seconds", "2"
        )
        worker.until_events(1, "started")
        server.cut_off()
        worker.until_events(1)
        until(lambda: bool(worker.lines("receive failed")), 60, "the outage was not logged")
        assert {line["reason"] for line in worker.lines("receive failed")} == {"Unreachable"}
        assert worker.get("/readyz")[0] == 200, "an outage of SQS does not make the worker unready"
        server.bring_back()
        queue.send("after 0")
        until(lambda: "after 0" in worker.events(), 60, "the worker did not receive again")
        until(lambda: queue.depth() == (0, 0), 60, "what was handled during the outage was not deleted")
        worker.signal()
        assert worker.wait() == 0


@pytest.fixture
def credentials() -> Iterator[str]:
    """The address of a server that serves credentials as EKS does: a new key each time, which lasts for seconds."""
    numbers = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ends = datetime.now(UTC) + timedelta(seconds=2)
            credentials = {"AccessKeyId": f"key-{next(numbers)}", "SecretAccessKey": "secret", "Token": "token"}
            body = json.dumps(credentials | {"Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield f"http://{address}"


def test_credentials_are_renewed_while_the_worker_runs(
    moto_queue: Queue, start_worker: StartWorker, credentials: str
) -> None:
    with Proxy(moto_queue.server).serving() as proxy:
        worker = start_worker(
            moto_queue,
            *("--handler", "job_handlers:record", "--wait-seconds", "1"),
            AWS_ENDPOINT_URL_SQS=proxy.endpoint,
            AWS_CONTAINER_CREDENTIALS_FULL_URI=credentials,
            AWS_ACCESS_KEY_ID="",
            AWS_SECRET_ACCESS_KEY="",
        )
        until(lambda: len({key for key, _ in proxy.requests}) >= 3, 60, f"the keys stayed: {proxy.requests}")
        moto_queue.send("job")
        worker.until_events(1)
        assert all(key.startswith("key-") for key, _ in proxy.requests)
        worker.kill()
