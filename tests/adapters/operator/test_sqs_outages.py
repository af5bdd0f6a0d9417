"""SQS is not there, or something else answers in its place: the reading fails in a bounded time."""

import json
import socket
import threading
import time

import pytest

from devcluster.processes import free_port
from queueworkerpool.errors import QueueAnswerInvalidError, QueueUnreachableError
from queueworkerpool.queues.sqs import clients, reader
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import SECRET, Script
from tests.adapters.operator.sqs_failures import COUNTS, Serve, failure

Unreachable, Invalid = QueueUnreachableError, QueueAnswerInvalidError


async def test_a_closed_port(connect: Connect) -> None:
    assert type(await failure(connect, f"http://127.0.0.1:{free_port()}")) is Unreachable


async def test_a_host_that_dns_does_not_know(connect: Connect) -> None:
    assert type(await failure(connect, "http://sqs.no-such-host.invalid")) is Unreachable


async def test_an_endpoint_that_is_none(connect: Connect) -> None:
    assert issubclass(type(await failure(connect, "nonsense")), Unreachable | Invalid)


GONE: dict[str, Script] = {
    "a reset": faults.resetting,
    "the end at once": faults.sending(b""),
    "half a head": faults.sending(b"HTTP/1.1 200 OK\r\nContent-"),
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
    thread.join(60)


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
    assert time.monotonic() - began < clients.ATTEMPTS * clients.READ_TIMEOUT_SECONDS + pauses + 40.0, (
        "it is silent for a minute"
    )
    assert len(server.requests) == clients.ATTEMPTS


async def test_an_answer_that_drips_ends_at_the_deadline(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No single wait is long, so botocore's own time-outs never fire."""
    monkeypatch.setattr(reader, "READING_DEADLINE_SECONDS", 1.0)
    began = time.monotonic()
    server = faulty(faults.dripping(json.dumps({"Attributes": COUNTS}).encode(), 0.3))
    assert type(await failure(connect, server.endpoint)) is Unreachable
    assert time.monotonic() - began < 30.0, "the whole answer takes longer"


def test_the_time_outs_are_those_that_were_stated() -> None:
    assert (clients.CONNECT_TIMEOUT_SECONDS, clients.READ_TIMEOUT_SECONDS, clients.ATTEMPTS) == (2.0, 5.0, 2)


@pytest.mark.parametrize("status", [301, 302, 307, 308])  # urllib3 2.8 trips over botocore's headers at a 303
async def test_a_redirect_is_not_followed(faulty: Serve, connect: Connect, status: int) -> None:
    target = faulty(faults.answering(200, {"Attributes": COUNTS}))
    server = faulty(faults.redirecting(status, f"{target.endpoint}/{SECRET}"))
    assert type(await failure(connect, server.endpoint)) is Invalid
    assert target.requests == []
