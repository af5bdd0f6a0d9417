"""The operator's own credentials: what it says when STS, an agent or a file does not give them, and how it recovers."""

import asyncio
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from awsaccess import credentials
from queueworkerpool.errors import (
    CredentialsDeniedError,
    CredentialsUnavailableError,
    QueueAccessDeniedError,
    QueueUnreadableError,
)
from queueworkerpool.model import QueueRef
from testbed import sts as answers
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import COUNTS, SECRET, Faulty, Script
from tests.adapters.operator.sqs_failures import assert_fit_for_tenants, refusing
from tests.adapters.operator.test_roles import SHOP, signer

Serve = Callable[[Script], Faulty]
QUEUE = QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails")
XML = {"Content-Type": "text/xml"}


def granting(key: str = "ASIAOWN", lifetime: timedelta = timedelta(hours=1)) -> Script:
    return faults.answering(200, answers.granted("AssumeRoleWithWebIdentity", key, lifetime), XML)


def denying(status: int, code: str) -> Script:
    return faults.answering(status, answers.refused(code, SECRET), XML)


def given(key: str, lifetime: timedelta = timedelta(hours=1)) -> Script:
    """Answer as a Pod Identity agent does."""
    expires = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"AccessKeyId": key, "SecretAccessKey": "s", "Token": "token", "Expiration": expires}
    return faults.answering(200, body)


@pytest.fixture
def sqs(faulty: Serve) -> Faulty:
    return faulty(faults.answering(200, COUNTS))


@pytest.fixture
def sts(faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Faulty:
    """A server in place of STS, and the settings of a pod with IRSA."""
    assert connect
    server, token = faulty(granting()), tmp_path / "token"
    token.write_text(answers.TOKEN_TEXT)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.endpoint)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/queueworkerpool")
    return server


@pytest.fixture
def agent(faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """A server in place of the Pod Identity agent, and the settings of a pod that uses it."""
    assert connect
    server = faulty(given("ASIAPOD"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.endpoint}/v1/credentials")
    return server


async def unread(connect: Connect, sqs: Faulty, queue: QueueRef = QUEUE) -> QueueUnreadableError:
    with pytest.raises(QueueUnreadableError) as caught:
        await connect(sqs.endpoint).read(queue)
    assert_fit_for_tenants(caught.value)
    assert "GetQueueAttributes" not in str(caught.value)
    return caught.value


REFUSALS: dict[str, tuple[Script, type[QueueUnreadableError], str]] = {
    "a wrong trust policy": (denying(403, "AccessDenied"), CredentialsDeniedError, "trust policy"),
    "no such role": (denying(400, "ValidationError"), CredentialsDeniedError, "AWS_ROLE_ARN"),
    "an expired token": (denying(400, "ExpiredTokenException"), CredentialsDeniedError, "kubelet renews"),
    "an unknown issuer": (denying(400, "InvalidIdentityToken"), CredentialsDeniedError, "OIDC provider"),
    "a rejected claim": (denying(403, "IDPRejectedClaim"), CredentialsDeniedError, "audience"),
    "too many requests": (denying(400, "Throttling"), CredentialsUnavailableError, "throttles"),
    "too many requests, by status": (denying(429, "Other"), CredentialsUnavailableError, "throttles"),
    "an issuer that does not answer": (denying(400, "IDPCommunicationError"), CredentialsUnavailableError, "issuer"),
    "STS is off in this region": (denying(403, "RegionDisabledException"), CredentialsDeniedError, "not activated"),
    "STS fails": (denying(503, "ServiceUnavailable"), CredentialsUnavailableError, "STS failed"),
    "STS closes the connection": (faults.resetting, CredentialsUnavailableError, "AWS_ENDPOINT_URL_STS"),
    "a page of a proxy": (faults.answering(200, "<html>"), CredentialsUnavailableError, "cannot be used"),
    "an answer without credentials": (
        faults.answering(200, "<AssumeRoleWithWebIdentityResponse/>", XML),
        CredentialsUnavailableError,
        "(KeyError)",
    ),
    "credentials that have expired": (
        granting("ASIA", -timedelta(1)),
        CredentialsUnavailableError,
        "(RuntimeError): check its role",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_what_sts_refuses_is_told_as_that(
    refusal: tuple[Script, type[QueueUnreadableError], str], sts: Faulty, sqs: Faulty, connect: Connect
) -> None:
    sts.script, kind, text = refusal
    error = await unread(connect, sqs)
    assert type(error) is kind
    assert text in str(error)
    assert sqs.requests == []


async def test_a_silent_sts_is_told_within_seconds(
    sts: Faulty, sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore alone would wait for five times a minute."""
    monkeypatch.setattr("queueworkerpool.queues.sqs.clients.READ_TIMEOUT_SECONDS", 0.5)
    sts.script = faults.silent
    began = time.monotonic()
    assert "STS did not answer" in str(await unread(connect, sqs))
    assert time.monotonic() - began < 55, "it is silent for a minute"


@pytest.mark.usefixtures("sts")
async def test_a_token_file_that_is_missing_is_told(
    sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/token")
    error = await unread(connect, sqs)
    assert type(error) is CredentialsUnavailableError
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in str(error)


AGENTS: dict[str, Script] = {
    "fails": faults.answering(500, "no"),
    "sends nonsense": faults.answering(200, "<html>"),
    "sends no credentials": faults.answering(200, {}),
    "resets": faults.resetting,
    "is silent": faults.silent,
}


@pytest.mark.parametrize("script", AGENTS.values(), ids=AGENTS)
async def test_an_agent_is_told_of_that(
    script: Script, agent: Faulty, sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0.01)
    agent.script = script
    error = await unread(connect, sqs)
    assert type(error) is CredentialsUnavailableError
    assert re.search("Pod Identity agent|check its role", str(error))
    assert sqs.requests == []


@pytest.mark.usefixtures("agent")
async def test_an_agent_that_is_not_up_is_told(sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{port}/v1/credentials")
    error = await unread(connect, sqs)
    assert type(error) is CredentialsUnavailableError
    assert "check the Pod Identity agent" in str(error)


@pytest.mark.usefixtures("agent")
async def test_an_agent_at_a_forbidden_address_is_told(
    sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore raises ValueError."""
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/v1/credentials")
    assert type(await unread(connect, sqs)) is CredentialsUnavailableError


async def test_sqs_that_refuses_credentials_is_told_apart_from_sqs_that_forbids_the_queue(
    faulty: Serve, connect: Connect
) -> None:
    error = await unread(connect, faulty(refusing(403, "ExpiredToken")))
    assert type(error) is QueueAccessDeniedError
    assert "SQS refuses the credentials (ExpiredToken)" in str(error)


async def test_a_role_of_a_tenant_says_so_when_the_operator_itself_has_no_credentials(
    sts: Faulty, sqs: Faulty, connect: Connect
) -> None:
    sts.script = denying(403, "AccessDenied")
    error = await unread(connect, sqs, QUEUE._replace(role=SHOP))
    assert type(error) is CredentialsDeniedError
    assert "STS refuses the operator its role" in str(error)


# Recovery


async def test_a_blip_of_sts_at_the_start_is_over_within_seconds(sts: Faulty, sqs: Faulty, connect: Connect) -> None:
    queues = connect(sqs.endpoint)
    sts.script = denying(400, "Throttling")
    with pytest.raises(CredentialsUnavailableError):
        await queues.read(QUEUE)
    sts.script = granting()
    assert credentials.MAX_PAUSE_SECONDS <= 5, "the default of pollSeconds"
    async with asyncio.timeout(60):
        while True:
            try:
                await queues.read(QUEUE)
                break
            except CredentialsUnavailableError:
                await asyncio.sleep(0.1)
    assert signer(sqs.requests[-1]) == "ASIAOWN"


async def test_a_blip_of_sts_is_not_noticed_while_credentials_are_valid(
    sts: Faulty, sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore wants new ones ten minutes before the end, and would not sign with the old ones any more."""
    monkeypatch.setattr(credentials, "PAUSE_SECONDS", 0)
    queues = connect(sqs.endpoint)
    sts.script = granting("ASIAOLD", timedelta(minutes=9))
    await queues.read(QUEUE)
    sts.script, asked = denying(400, "Throttling"), len(sts.requests)
    while len(sts.requests) == asked:
        await queues.read(QUEUE)
    assert {signer(request) for request in sqs.requests} == {"ASIAOLD"}
    sts.script = granting("ASIANEW")
    async with asyncio.timeout(60):
        while signer(sqs.requests[-1]) == "ASIAOLD":
            await queues.read(QUEUE)
    assert signer(sqs.requests[-1]) == "ASIANEW"


async def test_no_reading_waits_for_an_sts_that_is_late_while_credentials_are_valid(
    sts: Faulty, sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworkerpool.queues.sqs.clients.READ_TIMEOUT_SECONDS", 60.0)
    queues = connect(sqs.endpoint)
    sts.script = granting("ASIAOLD", timedelta(minutes=9))
    await queues.read(QUEUE)
    sts.script, began = faults.silent, time.monotonic()
    for _ in range(3):
        await queues.read(QUEUE)
    assert time.monotonic() - began < 30, "the time-out of a request to STS is longer"


async def test_a_hundred_readings_ask_a_failing_sts_once(
    sts: Faulty, sqs: Faulty, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("PAUSE_SECONDS", "MAX_PAUSE_SECONDS"):
        monkeypatch.setattr(credentials, pause, 300.0)  # a busy machine reads a hundred queues within it
    sts.script = denying(403, "AccessDenied")
    queues = connect(sqs.endpoint)
    urls = [f"{QUEUE.url}-{number}" for number in range(100)]
    failures = await asyncio.gather(*(queues.read(QueueRef(url)) for url in urls), return_exceptions=True)
    assert {type(failure) for failure in failures} == {CredentialsDeniedError}
    assert len(sts.requests) == 1


async def test_the_agents_credentials_sign(agent: Faulty, sqs: Faulty, connect: Connect) -> None:
    queues = connect(sqs.endpoint)
    for _ in range(3):
        await queues.read(QUEUE)
    assert [signer(request) for request in sqs.requests] == ["ASIAPOD"] * 3
    assert len(agent.requests) == 1


async def test_nothing_of_a_failure_is_logged_with_a_traceback(
    sts: Faulty, sqs: Faulty, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    sts.script = denying(403, "AccessDenied")
    await unread(connect, sqs)
    loggers = {record.name for record in caplog.records if record.exc_info}
    assert loggers <= {"botocore.credentials"}, "which `qwp operator` silences"
