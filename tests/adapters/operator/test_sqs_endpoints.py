"""Queues of several servers side by side: each is read where the operator's setting says, and nowhere else."""

import asyncio
import re
from collections.abc import Callable

import pytest

from devcluster.sqs import SqsServer
from queueworkerpool.errors import QueueAddressInvalidError, QueueUnreachableError
from queueworkerpool.model import QueueRef, Role
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import Faulty, Script
from tests.adapters.worker.conftest import Queue

Serve = Callable[[Script], Faulty]

AWS = "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"
ELSEWHERE = "http://elasticmq:9324/000000000000/jobs"
NOT_LISTED = "its host is not AWS's, and the operator knows no endpoint for it, so nothing was sent"


async def test_two_servers_are_read_side_by_side(moto_sqs: SqsServer, elasticmq: SqsServer, connect: Connect) -> None:
    one, other = Queue(moto_sqs, "side-by-side"), Queue(elasticmq, "side-by-side")
    one.send("body")
    other.send("body", "body")
    listed = {"localstack": moto_sqs.endpoint, "elasticmq:9324": elasticmq.endpoint}
    queues = connect(None, endpoints=listed)
    for host, visible in (("localstack:4566", 1), ("LocalStack", 1), ("elasticmq:9324", 2)):
        assert (await queues.read(QueueRef(f"http://{host}/000000000000/side-by-side"))).visible == visible


URLS = {
    "LocalStack by path": ("http://localhost:4566/queue/us-east-1/000000000000/jobs", "localhost:4566"),
    "LocalStack by domain": (
        "http://sqs.us-east-2.localhost.localstack.cloud:4566/000000000000/jobs",
        "sqs.us-east-2.localhost.localstack.cloud",
    ),
    "an older ElasticMQ": ("http://elasticmq:9324/queue/jobs", "elasticmq"),
    "Yandex": (
        "https://message-queue.api.cloud.yandex.net/b1gexamplefolder/dj600000000examp/jobs",
        "message-queue.api.cloud.yandex.net",
    ),
    "Scaleway": (
        "https://sqs.mnq.fr-par.scaleway.com/project-00000000-0000-0000-0000-000000000000/jobs",
        "sqs.mnq.fr-par.scaleway.com",
    ),
    "a private endpoint of AWS": (
        "https://vpce-0a1b2c3d.sqs.us-east-2.vpce.amazonaws.com/123456789012/jobs",
        "vpce-0a1b2c3d.sqs.us-east-2.vpce.amazonaws.com",
    ),
}


@pytest.mark.parametrize(("url", "host"), URLS.values(), ids=URLS)
async def test_the_urls_of_a_listed_server_are_read_there(faulty: Serve, connect: Connect, url: str, host: str) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    await connect(None, endpoints={host: server.endpoint}).read(QueueRef(url))
    assert url.encode() in server.requests[0]


@pytest.mark.parametrize("role", [None, Role("arn:aws:iam::123456789012:role/shop", "shop", "uid-1")])
async def test_no_credentials_of_the_operator_reach_another_server(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, role: Role | None
) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.endpoint)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "operators-token")
    await connect(None, endpoints={"elasticmq": server.endpoint}).read(QueueRef(ELSEWHERE, "ap-south-1", role))
    [request] = server.requests
    assert b"operators-token" not in request
    assert re.search(rb"Credential=nobody/\d{8}/ap-south-1/sqs/aws4_request", request)


UNLISTED = [URLS[name][0] for name in ("an older ElasticMQ", "Yandex", "Scaleway")]
"""The latter two name regions that AWS has not."""


@pytest.mark.parametrize("url", [ELSEWHERE, *UNLISTED])
@pytest.mark.parametrize("listed", [{}, {"elasticmq:9325": "http://127.0.0.1:9"}, {"mq": "http://127.0.0.1:9"}])
async def test_a_host_that_is_not_listed_is_neither_asked_nor_asked_of_aws(
    connect: Connect, listed: dict[str, str], url: str
) -> None:
    with pytest.raises(QueueAddressInvalidError, match=f"^queue jobs: {NOT_LISTED}: correct the URL, or list"):
        await connect(None, endpoints=listed).read(QueueRef(url))


async def test_queues_of_aws_are_read_at_aws_beside_it(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that cannot be reached stands for the way to AWS: the request does not go to the listed server."""
    server = faulty(faults.answering(200, faults.COUNTS))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(QueueUnreachableError, match="ProxyConnectionError"):
        await connect(None, endpoints={"elasticmq": server.endpoint}).read(QueueRef(AWS))
    assert server.requests == []


async def test_the_endpoint_for_all_queues_comes_before(faulty: Serve, connect: Connect) -> None:
    own, listed = faulty(faults.answering(200, faults.COUNTS)), faulty(faults.answering(200, faults.COUNTS))
    queues = connect(own.endpoint, endpoints={"elasticmq": listed.endpoint})
    await queues.read(QueueRef(ELSEWHERE))
    assert (len(own.requests), listed.requests) == (1, [])
    assert queues.endpoints.by_host == {}


@pytest.mark.parametrize("url", [AWS, ELSEWHERE])
async def test_only_the_first_reading_at_the_endpoint_for_all_queues_takes_a_thread(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A thread for each reading costs more than the reading."""
    queues = connect(faulty(faults.answering(200, faults.COUNTS)).endpoint)
    await queues.read(QueueRef(url))
    loop, calls = asyncio.get_running_loop(), list[object]()
    monkeypatch.setattr(loop, "run_in_executor", lambda *call: calls.append(call))
    await queues.read(QueueRef(url))
    assert calls == []
