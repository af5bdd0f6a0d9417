"""Queues that are read by a tenant's role: what STS is asked, whose signature arrives at SQS, and what goes wrong."""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from devcluster.sqs import CREDENTIALS, MotoSqs
from queueworkerpool.errors import (
    CredentialsDeniedError,
    QueueAccessDeniedError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.model import QueueRef, Role
from testbed import sts as answers
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import COUNTS, SECRET, Faulty, Script
from tests.adapters.worker.conftest import Queue

Serve = Callable[[Script], Faulty]
ARN = "arn:aws:iam::123456789012:role/qwp-shop"
SHOP = Role(ARN, "shop", "11111111-2222-3333-4444-555555555555")
BANK = Role(ARN, "bank", "99999999-2222-3333-4444-555555555555")
QUEUE = QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/shop-orders")


def granting(key: str, lifetime: timedelta = timedelta(hours=1)) -> Script:
    """Answer as STS does when it gives the role's credentials."""
    return faults.answering(200, answers.granted("AssumeRole", key, lifetime), {"Content-Type": "text/xml"})


def refusing(status: int, code: str) -> Script:
    return faults.answering(status, answers.refused(code, SECRET), {"Content-Type": "text/xml"})


def signer(request: bytes) -> str:
    """Return the access key that signed a request."""
    found = re.search(rb"Credential=([^/]+)/", request)
    assert found
    return found[1].decode()


@pytest.fixture
def sts(faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """A server in place of STS, set for boto3 once `connect` has cleared this machine's AWS settings."""
    assert connect
    server = faulty(granting("ASIASHOP"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.endpoint)
    return server


@pytest.fixture
def sqs(faulty: Serve) -> Faulty:
    """A server in place of SQS, which shows whose requests arrive."""
    return faulty(faults.answering(200, COUNTS))


async def test_the_role_is_assumed_by_the_operator_for_this_pool_alone(
    sts: Faulty, sqs: Faulty, connect: Connect
) -> None:
    assert (await connect(sqs.endpoint).read(QUEUE._replace(role=SHOP))).visible == 1
    [request] = sts.requests
    form = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
    assert {name: form[name] for name in ("Action", "RoleArn", "ExternalId", "RoleSessionName")} == {
        "Action": ["AssumeRole"],
        "RoleArn": [ARN],
        "ExternalId": [f"shop/{SHOP.uid}"],
        "RoleSessionName": [f"queueworkerpool-{SHOP.uid}"],
    }
    assert signer(request) == CREDENTIALS["AWS_ACCESS_KEY_ID"]


async def test_each_pool_is_read_by_its_own_role_and_the_others_by_the_operator(
    sts: Faulty, sqs: Faulty, connect: Connect
) -> None:
    """All through the same client, in turn and repeatedly."""
    queues = connect(sqs.endpoint, workers=1)
    await queues.read(QUEUE._replace(role=SHOP))
    sts.script = granting("ASIABANK")
    for role in (BANK, None, SHOP, None, BANK):
        await queues.read(QUEUE._replace(role=role))
    own = CREDENTIALS["AWS_ACCESS_KEY_ID"]
    assert [signer(request) for request in sqs.requests] == ["ASIASHOP", "ASIABANK", own, "ASIASHOP", own, "ASIABANK"]
    assert [b"token" in request for request in sqs.requests] == [True, True, False, True, False, True]
    assert len(sts.requests) == 2


async def test_credentials_are_renewed_before_they_expire(sts: Faulty, sqs: Faulty, connect: Connect) -> None:
    queues = connect(sqs.endpoint)
    sts.script = granting("ASIAOLD", timedelta(minutes=9))
    await queues.read(QUEUE._replace(role=SHOP))
    sts.script = granting("ASIANEW")
    for _ in range(2):
        await queues.read(QUEUE._replace(role=SHOP))
    assert [signer(request) for request in sqs.requests] == ["ASIAOLD", "ASIANEW", "ASIANEW"]


async def test_motos_sts_gives_credentials_that_read_its_queues(
    moto_sqs: MotoSqs, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_sqs.endpoint)
    queue = Queue(moto_sqs)
    queue.send("body")
    url = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{queue.url.rpartition('/')[2]}"
    assert (await connect(moto_sqs.endpoint).read(QueueRef(url, None, SHOP))).visible == 1


TRUST = f"let its trust policy allow sts:ExternalId shop/{SHOP.uid}"
REFUSALS: dict[str, tuple[Script, type[QueueUnreadableError], str]] = {
    "the trust policy does not know the pool": (
        refusing(403, "AccessDenied"),
        QueueAccessDeniedError,
        f"may not be assumed (AccessDenied): check roleArn in the operator's QWP_TENANTS, and {TRUST}",
    ),
    "the operator's own credentials are none": (
        refusing(403, "InvalidClientTokenId"),
        CredentialsDeniedError,
        "STS refuses the operator's own credentials (InvalidClientTokenId): check role and AWS_* variables",
    ),
    "the operator's own credentials have expired": (
        refusing(403, "ExpiredToken"),
        CredentialsDeniedError,
        "STS refuses the operator's own credentials (ExpiredToken)",
    ),
    "the operator's clock is wrong": (
        refusing(403, "SignatureDoesNotMatch"),
        CredentialsDeniedError,
        "STS refuses the operator's own credentials (SignatureDoesNotMatch)",
    ),
    "STS is off in this region": (
        refusing(403, "RegionDisabledException"),
        QueueAccessDeniedError,
        "STS is not activated in this region (RegionDisabledException)",
    ),
    "a code that is none": (refusing(400, "x" * 5000), QueueAccessDeniedError, "may not be assumed (status 400)"),
    "too many requests": (refusing(400, "Throttling"), QueueThrottledError, "(Throttling): too many requests"),
    "STS fails": (refusing(503, "ServiceUnavailable"), QueueUnreachableError, "STS failed: it should pass"),
    "STS closes the connection": (faults.resetting, QueueUnreachableError, "network and AWS_ENDPOINT_URL_STS"),
    "no credentials in the answer": (
        faults.answering(200, "<AssumeRoleResponse/>", {"Content-Type": "text/xml"}),
        QueueUnreachableError,
        "was not assumed (KeyError)",
    ),
    "credentials that have expired": (granting("ASIA", -timedelta(1)), QueueUnreachableError, "(RuntimeError)"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_without_the_roles_credentials_sqs_is_not_asked(
    refusal: tuple[Script, type[QueueUnreadableError], str], sts: Faulty, sqs: Faulty, connect: Connect
) -> None:
    """Above all not by the operator's own identity, which may read more."""
    sts.script, kind, text = refusal
    with pytest.raises(kind, match=re.escape(text)) as caught:
        await connect(sqs.endpoint).read(QUEUE._replace(role=SHOP))
    assert sqs.requests == []
    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 400
