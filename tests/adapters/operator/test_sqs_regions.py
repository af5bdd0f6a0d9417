"""Which region of SQS is asked, whatever a pool and its queue's URL say."""

import asyncio
import re
from collections.abc import Callable

import pytest
from botocore.session import Session

from queueworkerpool.errors import (
    QueueAddressInvalidError,
    QueueNotFoundError,
    QueueUnreachableError,
)
from queueworkerpool.model import QueueRef
from queueworkerpool.queues.sqs import clients
from sqsrequest import Endpoint, find_endpoint
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import Faulty, Script
from tests.unit.queue_urls import at_aws, refused

Serve = Callable[[Script], Faulty]

AWS = "https://sqs.eu-central-1.amazonaws.com/123456789012/q"
PLAIN = "http://sqs.example.internal:9324/123456789012/q"

REGIONS: dict[str, tuple[QueueRef, str | None, str]] = {
    "the URL's": (QueueRef(AWS), "us-west-2", "eu-central-1"),
    "the field's before that of another server's URL": (
        QueueRef("http://localhost:4566/queue/us-east-1/000000000000/q", "ap-south-1"),
        "us-west-2",
        "ap-south-1",
    ),
    "the field's": (QueueRef(PLAIN, "ap-south-1"), "us-west-2", "ap-south-1"),
    "the operator's where neither names one": (QueueRef(PLAIN), "us-west-2", "us-west-2"),
    "AWS's own setting where the operator names none either": (QueueRef(PLAIN), None, "eu-west-1"),
    "an old URL's": (QueueRef("https://ca-central-1.queue.amazonaws.com/123456789012/q"), None, "ca-central-1"),
    "China": (QueueRef("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q"), None, "cn-north-1"),
    "GovCloud": (QueueRef("https://sqs.us-gov-west-1.amazonaws.com/123456789012/q"), None, "us-gov-west-1"),
    "a host that only looks like AWS's": (
        QueueRef("https://sqs.us-east-1.amazonaws.com.evil.example/123456789012/q"),
        "us-west-2",
        "us-west-2",
    ),
}


@at_aws
async def test_the_region_of_each_form_of_url_is_asked(faulty: Serve, connect: Connect, url: str, region: str) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    await connect(server.endpoint, default_region="eu-south-2").read(QueueRef(url))
    assert signed_for(server.requests[0]) == region


@refused
async def test_an_address_that_is_not_understood_is_not_asked_for(faulty: Serve, connect: Connect, url: str) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    with pytest.raises(QueueAddressInvalidError, match=r"^(a )?queue[^\n]*: .*: .*"):
        await connect(server.endpoint, default_region="eu-south-2").read(QueueRef(url))
    assert server.requests == []


async def test_a_region_that_contradicts_the_host_is_not_asked(faulty: Serve, connect: Connect) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    with pytest.raises(QueueAddressInvalidError, match="region ap-south-1 is not that of its URL, eu-central-1"):
        await connect(server.endpoint).read(QueueRef(AWS, "ap-south-1"))
    assert server.requests == []


@pytest.mark.parametrize(("queue_ref", "default", "region"), REGIONS.values(), ids=REGIONS)
async def test_region(faulty: Serve, connect: Connect, queue_ref: QueueRef, default: str | None, region: str) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    await connect(server.endpoint, default_region=default).read(queue_ref)
    assert signed_for(server.requests[0]) == region


def signed_for(request: bytes) -> str:
    """Return the region in a request's signature."""
    found = re.search(rb"Credential=test/\d{8}/([a-z0-9-]+)/sqs/aws4_request", request)
    assert found
    return found[1].decode()


async def test_a_queue_whose_region_nobody_names_is_reported_with_the_fix(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues = connect("http://127.0.0.1:1")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(QueueUnreachableError, match=r"^queue q: its region is unknown: .*QWP_REGION"):
        await queues.read(QueueRef(PLAIN))


@pytest.mark.parametrize("region", ["evil.example/", "a@b", "-", "x" * 64, "eu-west-1.evil.example"])
async def test_a_region_that_is_none_reaches_no_host(connect: Connect, region: str) -> None:
    with pytest.raises(QueueNotFoundError, match=r"^queue q: its region is not known to this version: correct it"):
        await connect(None).read(QueueRef(PLAIN, region))


async def test_regions_that_tenants_make_up_share_a_target(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, each reading of a 65th region made a client anew, under a lock that every reading needs."""
    made: list[str] = []

    def counted(region: str, session: Session) -> Endpoint:
        made.append(region)
        return find_endpoint(region, session)

    monkeypatch.setattr(clients, "find_endpoint", counted)
    server = faulty(faults.answering(200, faults.COUNTS))
    queues = connect(server.endpoint, default_region="eu-west-1", workers=8)
    regions = [*(f"made-up-{number}" for number in range(100)), "eu-west-1", "us-east-2"]
    for _ in range(2):
        await asyncio.gather(*(queues.read(QueueRef(PLAIN, region)) for region in regions))
    assert len(made) == 3
    assert sorted(signed_for(request) for request in server.requests) == sorted(regions * 2)


async def test_a_region_that_is_yet_to_come_is_asked_when_the_operator_is_set_to_it(connect: Connect) -> None:
    queues = connect(None, default_region="eu-west-9")
    endpoint = queues._clients.prepare("eu-west-9", None).target.endpoint
    assert endpoint.url == "https://sqs.eu-west-9.amazonaws.com/"
