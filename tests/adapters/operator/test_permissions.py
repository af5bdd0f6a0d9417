"""What the operator requests of AWS, whatever happens, is what the policies in docs/eks.md allow."""

import re
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs

import pytest

from devcluster.sqs import CREDENTIALS
from queueworkerpool.errors import QueueUnreadableError
from queueworkerpool.model import QueueRef, Role
from testbed import sts as answers
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import COUNTS, Faulty, Script
from tests.permissions import action, allowed

QUEUE = QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/orders")
ROLE = Role("arn:aws:iam::123456789012:role/qwp-shop", "shop", "11111111-2222-3333-4444-555555555555")
DENIED = {"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "no"}


def of_sqs(server: Faulty) -> set[str]:
    """Return the actions that the requests to SQS need."""
    found = (re.search(rb"X-Amz-Target: AmazonSQS\.(\w+)", request, re.IGNORECASE) for request in server.requests)
    return {action(match[1].decode()) for match in found if match}


def of_sts(server: Faulty) -> set[str]:
    """Return the actions that the requests to STS need."""
    forms = (parse_qs(request.partition(b"\r\n\r\n")[2].decode()) for request in server.requests)
    return {f"sts:{form['Action'][0]}" for form in forms}


@pytest.mark.parametrize("answer", [(200, COUNTS), (403, DENIED), (500, {})], ids=["read", "denied", "failing"])
async def test_the_policy_of_the_operator_allows_what_it_requests_and_no_more(
    faulty: Callable[[Script], Faulty], connect: Connect, answer: tuple[int, dict[str, object]]
) -> None:
    server = faulty(faults.answering(*answer))
    with suppress(QueueUnreadableError):
        await connect(server.endpoint).read(QUEUE)
    assert of_sqs(server) == allowed("operator")


async def test_with_tenants_roles_it_assumes_them_and_no_more(
    faulty: Callable[[Script], Faulty], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = faulty(faults.answering(200, COUNTS))
    granted = answers.granted("AssumeRole", "ASIASHOP")
    sts = faulty(faults.answering(200, granted, {"Content-Type": "text/xml"}))
    queues = connect(sqs.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.endpoint)
    await queues.read(QUEUE._replace(role=ROLE))
    await queues.read(QUEUE)
    [own] = [request for request in sqs.requests if CREDENTIALS["AWS_ACCESS_KEY_ID"].encode() in request]
    assert b"GetQueueAttributes" in own
    assert of_sts(sts) == allowed("operator of tenants with roles")
    assert of_sqs(sqs) == allowed("operator")
