"""How the operator reaches SQS: through proxies, over HTTPS only where it trusts the certificate, and how often."""

import socket
import threading
from collections.abc import Callable
from itertools import chain, repeat

import pytest

from devcluster.certificates import Authority
from queueworkerpool.errors import QueueAnswerInvalidError, QueueUnreachableError
from queueworkerpool.queues.sqs import clients
from queueworkerpool.queues.sqs.connections import MOST_BYTES
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import COUNTS, Faulty, Script
from tests.adapters.operator.sqs_failures import QUEUE, Serve, failure, refusing
from tests.adapters.worker.test_connections import NOBODY, USER_AND_PASSWORD, Site, authority, site

__all__ = ["authority", "site"]

ANSWERED = "queue thumbnails: the answer holds no attributes"
"""What the site's answer means: it was asked, and its answer read."""


async def read(connect: Connect, endpoint: str) -> None:
    with pytest.raises(QueueAnswerInvalidError, match=ANSWERED):
        await connect(endpoint).read(QUEUE)


async def test_a_proxy_gets_the_whole_address_and_its_password(
    connect: Connect, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@{site.address}")
    await read(connect, f"http://{NOBODY}")
    assert site.requests == [("POST", f"http://{NOBODY}/", USER_AND_PASSWORD)]


async def test_what_is_encrypted_goes_through_a_tunnel_and_its_end_is_checked(
    connect: Connect, site: Site, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"user:secret@{site.address}")
    with pytest.raises(QueueUnreachableError, match=r"no answer \(SSLError\)"):
        await connect(f"https://{NOBODY}").read(QUEUE)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.certificate))
    await read(connect, f"https://{NOBODY}")
    connected = ("CONNECT", NOBODY, USER_AND_PASSWORD)
    assert site.requests == [*repeat(connected, clients.ATTEMPTS + 1), ("POST", "/", None)]


async def test_a_certificate_of_another_host_is_not_trusted(
    connect: Connect, site: Site, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", site.address)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.certificate))
    with pytest.raises(QueueUnreachableError, match=r"no answer \(SSLError\)"):
        await connect("https://sqs.eu-west-1.amazonaws.com").read(QUEUE)


async def test_an_address_in_no_proxy_is_reached_without_a_proxy(
    connect: Connect, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{NOBODY}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    await read(connect, f"http://{site.address}")
    assert site.requests == [("POST", "/", None)]


async def test_an_endpoint_may_have_a_path(connect: Connect, site: Site) -> None:
    await read(connect, f"http://{site.address}/queues")
    assert site.requests == [("POST", "/queues/", None)]


# Second tries


def in_turn(*scripts: Script) -> Script:
    """Follow one script for each request, and the last one from then on."""
    following = chain(scripts, repeat(scripts[-1]))

    def script(connection: socket.socket, ended: threading.Event) -> None:
        next(following)(connection, ended)

    return script


PASSING: dict[str, Script] = {
    "a reset": faults.resetting,
    "the end instead of an answer": faults.sending(b""),
    "an outage": faults.answering(503, b""),
    "too many requests": refusing(400, "RequestThrottled"),
    "too many requests, by the status": refusing(429, "Other"),
    "a time-out of the server": refusing(400, "RequestTimeout"),
}


@pytest.mark.parametrize("script", PASSING.values(), ids=PASSING)
async def test_what_may_pass_is_tried_once_more(
    faulty: Callable[[Script], Faulty], connect: Connect, script: Script
) -> None:
    server = faulty(in_turn(script, faults.answering(200, COUNTS)))
    assert (await connect(server.endpoint).read(QUEUE)).visible == 1
    assert len(server.requests) == 2


LASTING: dict[str, Script] = {
    "no such queue": refusing(400, "QueueDoesNotExist"),
    "no right to read it": refusing(403, "AccessDenied"),
    "an answer that makes no sense": faults.answering(200, b"<html>"),
    "an answer that ends early": faults.half(b"{}" * 20),
}


@pytest.mark.parametrize("script", LASTING.values(), ids=LASTING)
async def test_what_lasts_is_not_tried_again(faulty: Serve, connect: Connect, script: Script) -> None:
    server = faulty(script)
    await failure(connect, server.endpoint)
    assert len(server.requests) == 1


async def test_in_an_outage_most_readings_are_not_tried_again(faulty: Serve, connect: Connect) -> None:
    """As botocore has it: second tries would double the requests to a server that cannot answer the first ones."""
    server = faulty(faults.answering(503, b""))
    queues = connect(server.endpoint)
    for _ in range(100):
        with pytest.raises(QueueUnreachableError):
            await queues.read(QUEUE)
    assert 100 < len(server.requests) < 150


# Answers of any length


@pytest.mark.parametrize("script", [faults.endless, faults.answering(200, b" " * (MOST_BYTES + 1))])
async def test_an_answer_that_is_too_long_is_not_read_on(faulty: Serve, connect: Connect, script: Script) -> None:
    error = await failure(connect, faulty(script).endpoint)
    assert type(error) is QueueAnswerInvalidError
    assert "AnswerTooLongError" in str(error)
