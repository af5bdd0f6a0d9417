"""What the door to SQS says of every way in which a reading can fail: which of five situations it is, and the fix."""

import asyncio
import gc
import inspect
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from benchmarks.counting_sqs import CountingSqs, queue_url
from benchmarks.process import usage
from devcluster.processes import free_port
from queueworkerpool.errors import (
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.model import QueueRef
from queueworkerpool.queues.sqs import clients, queues
from queueworkerpool.queues.sqs.failures import translated
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect, open_files
from tests.adapters.operator.faulty import SECRET, Faulty, Script

Serve = Callable[[Script], Faulty]
Kind = type[QueueUnreadableError]

QUEUE = QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails")
LONGEST_MESSAGE = 250

NotFound, Denied, Throttled = QueueNotFoundError, QueueAccessDeniedError, QueueThrottledError
Unreachable, Invalid = QueueUnreachableError, QueueAnswerInvalidError


async def failure(connect: Connect, endpoint: str) -> QueueUnreadableError:
    """How the reading fails; fails when it does not, or when the message is not fit for tenants."""
    with pytest.raises(QueueUnreadableError) as caught:
        await connect(endpoint).read(QUEUE)
    assert_fit_for_tenants(caught.value)
    return caught.value


def assert_fit_for_tenants(error: QueueUnreadableError) -> None:
    message = str(error)
    name, what, fix = message.split(": ", 2)
    assert name == "queue thumbnails"
    assert what
    assert fix
    assert len(message) <= LONGEST_MESSAGE
    assert message.isprintable()
    assert SECRET not in message
    assert "127.0.0.1" not in message, "where the operator's requests go is not the tenants' business"


# SQS refuses


def refusing(status: int, code: str, **headers: str) -> Script:
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": SECRET}
    return faults.answering(status, body, headers)


CODES: dict[tuple[int, str], Kind] = {
    (400, "QueueDoesNotExist"): NotFound,
    (400, "AWS.SimpleQueueService.NonExistentQueue"): NotFound,
    (400, "QueueDeletedRecently"): NotFound,
    (400, "InvalidAddress"): NotFound,
    (403, "AccessDenied"): Denied,
    (400, "AccessDeniedException"): Denied,
    (403, "AuthFailure"): Denied,
    (403, "ExpiredToken"): Denied,
    (400, "ExpiredTokenException"): Denied,
    (400, "IncompleteSignature"): Denied,
    (403, "InvalidAccessKeyId"): Denied,
    (403, "InvalidClientTokenId"): Denied,
    (403, "InvalidSecurity"): Denied,
    (400, "InvalidSignatureException"): Denied,
    (403, "MissingAuthenticationToken"): Denied,
    (400, "NotAuthorized"): Denied,
    (403, "OptInRequired"): Denied,
    (400, "RequestExpired"): Denied,
    (403, "SignatureDoesNotMatch"): Denied,
    (400, "UnrecognizedClientException"): Denied,
    (403, "NeverHeardOf"): Denied,
    (401, "NeverHeardOf"): Denied,
    (400, "RequestThrottled"): Throttled,
    (403, "RequestThrottled"): Throttled,
    (400, "Throttling"): Throttled,
    (400, "ThrottlingException"): Throttled,
    (429, "TooManyRequestsException"): Throttled,
    (429, "NeverHeardOf"): Throttled,
    (503, "SlowDown"): Throttled,
    (500, "InternalFailure"): Unreachable,
    (500, "InternalError"): Unreachable,
    (503, "ServiceUnavailable"): Unreachable,
    (504, "RequestTimeout"): Unreachable,
    (400, "InvalidAttributeName"): Invalid,
    (400, "UnsupportedOperation"): Invalid,
    (404, "UnknownOperationException"): Invalid,
    (400, "ValidationError"): Invalid,
}


@pytest.mark.parametrize(("status", "code", "kind"), [(*row, kind) for row, kind in CODES.items()])
async def test_refused(faulty: Serve, connect: Connect, status: int, code: str, kind: Kind) -> None:
    assert type(await failure(connect, faulty(refusing(status, code)).endpoint)) is kind


async def test_the_code_that_the_older_protocol_would_send_is_known_as_well(faulty: Serve, connect: Connect) -> None:
    header = {"x-amzn-query-error": "AWS.SimpleQueueService.QueueDeletedRecently;Sender"}
    assert type(await failure(connect, faulty(refusing(400, "Other", **header)).endpoint)) is NotFound


@pytest.mark.parametrize("code", [SECRET, "<script>", "x" * 5000, "a b", "", "naïve", "new\nline", "%00"])
async def test_a_code_that_is_none_is_not_repeated(faulty: Serve, connect: Connect, code: str) -> None:
    error = await failure(connect, faulty(refusing(400, code)).endpoint)
    assert type(error) is Invalid
    assert len(code) < 2 or code not in str(error)


# SQS is not there


async def test_a_closed_port(connect: Connect) -> None:
    assert type(await failure(connect, f"http://127.0.0.1:{free_port()}")) is Unreachable


async def test_a_host_that_dns_does_not_know(connect: Connect) -> None:
    assert type(await failure(connect, "http://sqs.no-such-host.invalid")) is Unreachable


async def test_an_endpoint_that_is_none(connect: Connect) -> None:
    assert issubclass(type(await failure(connect, "nonsense")), Unreachable | Invalid)


GONE: dict[str, Script] = {
    "a reset": faults.resetting,
    "the end at once": faults.sending(b""),
    "no HTTP": faults.sending(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a page of a gateway": faults.answering(502, f"<html>{SECRET}", {"Content-Type": "text/html"}),
    "an outage without words": faults.answering(503, b""),
}


@pytest.mark.parametrize("script", GONE.values(), ids=GONE)
async def test_gone(faulty: Serve, connect: Connect, script: Script) -> None:
    assert type(await failure(connect, faulty(script).endpoint)) is Unreachable


async def test_tls_with_a_server_that_speaks_none(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        thread = threading.Thread(target=greet, args=(plain,), daemon=True)
        thread.start()
        endpoint = f"https://127.0.0.1:{plain.getsockname()[1]}"
        assert type(await failure(connect, endpoint)) is Unreachable
    thread.join(10)


def greet(plain: socket.socket) -> None:
    """Answer what should be a TLS handshake in plain text, as often as botocore tries."""
    for _ in range(clients.ATTEMPTS):
        connection, _ = plain.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_a_server_that_never_answers_costs_no_more_than_the_stated_time_outs(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "READ_TIMEOUT_SECONDS", 1.0)
    began = time.monotonic()
    server = faulty(faults.silent)
    assert type(await failure(connect, server.endpoint)) is Unreachable
    pauses = 1.0  # botocore waits up to a second before its second try
    assert time.monotonic() - began < clients.ATTEMPTS * clients.READ_TIMEOUT_SECONDS + pauses + 10.0
    assert len(server.requests) == clients.ATTEMPTS


async def test_an_answer_that_drips_ends_at_the_deadline(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No single wait is long, so botocore's own time-outs never come."""
    monkeypatch.setattr(queues, "DEADLINE_SECONDS", 1.0)
    began = time.monotonic()
    server = faulty(faults.dripping(json.dumps({"Attributes": COUNTS}).encode(), 0.2))
    assert type(await failure(connect, server.endpoint)) is Unreachable
    assert time.monotonic() - began < 10.0


def test_the_time_outs_are_those_that_were_stated() -> None:
    assert (clients.CONNECT_TIMEOUT_SECONDS, clients.READ_TIMEOUT_SECONDS, clients.ATTEMPTS) == (2.0, 5.0, 2)


@pytest.mark.parametrize("status", [301, 302, 307, 308])  # urllib3 2.8 trips over botocore's headers at a 303
async def test_a_redirect_is_not_followed(faulty: Serve, connect: Connect, status: int) -> None:
    target = faulty(faults.answering(200, {"Attributes": COUNTS}))
    server = faulty(faults.redirecting(status, f"{target.endpoint}/{SECRET}"))
    assert type(await failure(connect, server.endpoint)) is Invalid
    assert target.requests == []


# SQS makes no sense

COUNTS: dict[str, Any] = {
    "ApproximateNumberOfMessages": "1",
    "ApproximateNumberOfMessagesNotVisible": "2",
    "ApproximateNumberOfMessagesDelayed": "3",
}


def counting(**differs: Any) -> Script:
    """An answer of SQS with one count replaced, or left out."""
    visible = {"ApproximateNumberOfMessages": differs["visible"]} if "visible" in differs else {}
    told = {name: value for name, value in (COUNTS | visible).items() if value is not None}
    return faults.answering(200, {"Attributes": told})


NONSENSE: dict[str, Script] = {
    "an empty body": faults.answering(200, b""),
    "a page": faults.answering(200, f"<html>{SECRET}"),
    "a page that says so": faults.answering(200, f"<html>{SECRET}", {"Content-Type": "text/html"}),
    "half a head": faults.sending(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": faults.half(json.dumps({"Attributes": {}}).encode()),
    "half a JSON": faults.answering(200, b'{"Attributes": {"Approx'),
    "not UTF-8": faults.answering(200, b'{"Attributes": "\xff\xfe"}'),
    "null": faults.answering(200, b"null"),
    "a list": faults.answering(200, b"[1]"),
    "a number": faults.answering(200, b"42"),
    "a text": faults.answering(200, json.dumps(SECRET)),
    "an empty object": faults.answering(200, {}),
    "nested deeply": faults.answering(200, b"[" * 100_000),
    "attributes nested deeply": faults.answering(200, b'{"Attributes": ' + b'{"a":' * 50_000),
    "another operation's answer": faults.answering(200, {"QueueUrls": [SECRET]}),
    "no attributes": faults.answering(200, {"Attributes": {}}),
    "null for attributes": faults.answering(200, {"Attributes": None}),
    "a list for attributes": faults.answering(200, {"Attributes": [1]}),
    "a text for attributes": faults.answering(200, {"Attributes": SECRET}),
    "a count left out": counting(visible=None),
    "a negative count": counting(visible="-1"),
    "a count with a fraction": counting(visible="1.5"),
    "a text for a count": counting(visible=SECRET),
    "an empty count": counting(visible=""),
    "a count with spaces": counting(visible=" 1 "),
    "a count with an underscore, which int() takes": counting(visible="1_0"),
    "a count in digits of another script, which int() takes": counting(visible="٣"),
    "a count in powers": counting(visible="1e3"),
    "a huge count": counting(visible="9" * 13),
    "a count too long for Python": counting(visible="9" * 5000),
    "infinitely many": counting(visible="Infinity"),
    "a list for a count": counting(visible=["1"]),
    "an object for a count": counting(visible={"a": 1}),
    "true for a count": counting(visible=True),
    "a number for a count": counting(visible=1),
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense(faulty: Serve, connect: Connect, script: Script) -> None:
    assert type(await failure(connect, faulty(script).endpoint)) is Invalid


async def test_the_largest_count_that_makes_sense_is_taken(faulty: Serve, connect: Connect) -> None:
    reading = await connect(faulty(counting(visible="9" * 12)).endpoint).read(QUEUE)
    assert reading.visible == 10**12 - 1


# Everything that botocore can raise


def every_error() -> list[Exception]:
    """One of each of botocore's exceptions, with our secret wherever it takes a text."""
    made: list[Exception] = [ResponseParserError(SECRET), ClientError({"Error": {"Code": SECRET}}, SECRET)]
    for _, kind in inspect.getmembers(botocore_errors, inspect.isclass):
        if issubclass(kind, botocore_errors.BotoCoreError):
            made.append(kind.__new__(kind))
            made[-1].args = (SECRET,)
    return [*made, OSError(SECRET), TimeoutError(SECRET), ConnectionResetError(SECRET), ValueError(SECRET)]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_whatever_botocore_raises_becomes_one_of_ours(error: Exception) -> None:
    ours = translated("thumbnails", error)
    assert_fit_for_tenants(ours)
    assert type(ours) is not QueueUnreadableError


# Many failures


async def test_two_thousand_failures_leave_no_sockets_and_threads_behind(faulty: Serve, connect: Connect) -> None:
    server = faulty(refusing(403, "AccessDenied"))
    door = connect(server.endpoint, workers=8)

    async def fail(times: int) -> None:
        told = await asyncio.gather(*(door.read(QUEUE) for _ in range(times)), return_exceptions=True)
        assert {type(error) for error in told} <= {Denied, Unreachable, Invalid}

    await fail(50)
    threads, sockets = threading.active_count(), open_files()
    for script in (server.script, faults.resetting, faults.half(b"{}" * 20), server.script):
        server.script = script
        await fail(500)
    door.close()
    server.__exit__(None, None, None)
    await wait_until_left(threads, sockets)


PATIENCE_SECONDS = 60.0

MOST_OBJECTS = 500
"""More of Python's objects than before, after thousands of failures: one per failure would be thousands."""

MOST_GROWTH = 8 * 2**20
"""In bytes: what threads need that come and go; 1 KiB per failure would be more."""


async def test_ten_thousand_failures_leave_nothing_behind(connect: Connect, tmp_path: Path) -> None:
    """The server is a process of its own, so that this one's memory is the door's."""
    with CountingSqs(tmp_path / "sqs.log") as sqs:
        sqs.set_depths({"nonsense": -1})
        door = connect(sqs.env["AWS_ENDPOINT_URL_SQS"], workers=8)
        queues = [QueueRef(queue_url(name)) for name in ("missing", "nonsense")]

        async def fail(times: int) -> None:
            for _ in range(times // 400):
                told = await asyncio.gather(*(door.read(queue) for queue in queues * 200), return_exceptions=True)
                assert {type(error) for error in told} == {NotFound, Invalid}

        threads, sockets = threading.active_count(), open_files()
        await fail(2_000)
        objects, resident = live_objects(), resident_bytes()
        await fail(8_000)
        assert sum(map(len, sqs.calls().values())) == 10_000
        assert live_objects() <= objects + MOST_OBJECTS
        assert resident_bytes() <= resident + MOST_GROWTH
        door.close()
        await wait_until_left(threads, sockets)


async def wait_until_left(threads: int, sockets: int) -> None:
    """Threads end some time after the door was closed; a failure keeps its connection until it is collected."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (threading.active_count() > threads or open_files() > sockets) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        gc.collect()
    assert threading.active_count() <= threads
    assert open_files() <= sockets


def live_objects() -> int:
    """How many objects Python's collector knows, once it has collected."""
    gc.collect()
    return len(gc.get_objects())


def resident_bytes() -> int:
    """How much memory this process has."""
    return usage(os.getpid()).resident
