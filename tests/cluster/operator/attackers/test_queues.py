"""A hostile tenant reads no queue of others, and gets no signed request."""

import re

import pytest

from devcluster import CommandFailedError
from devcluster.sqs import REGION
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.faulty import Faulty
from tests.cluster.operator.attackers.conftest import AWS, LOAD, THEIRS, series, shown_of
from tests.cluster.operator.conftest import ACCOUNT, Operator, Shop


@pytest.mark.parametrize("name", THEIRS)
def test_anothers_queue_is_not_read(name: str, intruders: Shop, operator: Operator) -> None:
    refused = ("False", "QueueNotAllowed")
    intruders.eventually(lambda: intruders.condition(name, "QueueReachable") == refused, 60, "it was not refused")
    told = "QueueNotAllowed: queue "
    intruders.eventually(lambda: told in shown_of(intruders, name), 60, "no Event was posted")
    shown = shown_of(intruders, name)
    assert "backlog" not in intruders.status(name)
    assert intruders.generation(name) == 1
    assert [line for line in series(operator, intruders, name) if "queue_messages" in line and "victim" in line] == []
    assert str(LOAD) not in re.findall(r"\b\d+\b", shown)


REFUSED = {
    "a user before the host": f"https://sqs.{REGION}.amazonaws.com@evil.example/{ACCOUNT}/q",
    "a longer path": f"{AWS}/x/{ACCOUNT}/q",
    "two slashes": f"{AWS}//{ACCOUNT}/q",
    "two dots": f"{AWS}/{ACCOUNT}/../{ACCOUNT}/q",
    "dots that are encoded": f"{AWS}/{ACCOUNT}/%2e%2e/q",
    "a query": f"{AWS}/{ACCOUNT}/q?Action=DeleteQueue",
    "a fragment": f"{AWS}/{ACCOUNT}/q#/{ACCOUNT}/p",
    "a newline": f"{AWS}/{ACCOUNT}/q\n",
    "a Cyrillic letter": f"{AWS}/{ACCOUNT}/vi\u0441tim",
    "a space of no width": f"{AWS}/{ACCOUNT}/q\u200b",
    "a host of another script": f"https://sqs.{REGION}.\u0430mazonaws.com/{ACCOUNT}/q",
    "a file": f"file:///{ACCOUNT}/q",
    "a huge one": f"{AWS}/{ACCOUNT}/{'q' * 100_000}",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_a_url_with(url: str, attacker: Shop) -> None:
    with pytest.raises(CommandFailedError, match=r"spec\.queues"):
        attacker.pool("refused", "q", queues=[{"url": url}])


def test_an_endpoint_in_the_url_gets_no_request(attacker: Shop) -> None:
    """The operator's signature must not leave for wherever a tenant points to."""
    mine = attacker.queue("endpoint")
    attacker.send(mine, 3)
    attacker.deployment("endpoint")
    with Faulty(faults.answering(200, {"Attributes": {"ApproximateNumberOfMessages": "99"}})) as trap:
        attacker.pool("endpoint", mine, queues=[{"url": f"{trap.endpoint}/{ACCOUNT}/{mine}", "region": REGION}])
        attacker.eventually(lambda: attacker.replicas("endpoint") == 1, 60, "the queue was not read from SQS")
        assert trap.requests == []
