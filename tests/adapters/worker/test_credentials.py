"""The worker's credentials: what it says when STS, an agent or a file does not give them, at the start and later."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from queueworker.errors import CredentialsDeniedError, CredentialsUnavailableError, SqsError
from queueworker.sqs import SqsQueue
from testbed import sts as answers
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.faulty import SECRET, Faulty, Script
from tests.adapters.worker.conftest import Queue, StartWorker, until

XML = {"Content-Type": "text/xml"}


def granting(lifetime: timedelta = timedelta(hours=1)) -> Script:
    return faults.answering(200, answers.granted("AssumeRoleWithWebIdentity", "ASIAOWN", lifetime), XML)


def granting_anew(lifetime: timedelta) -> Script:
    """Grant for so long from each request on: a worker that starts slowly would else get what has ended."""

    def script(connection: socket.socket, ended: threading.Event) -> None:
        granting(lifetime)(connection, ended)

    return script


def denying(status: int, code: str) -> Script:
    return faults.answering(status, answers.refused(code, SECRET), XML)


class Irsa(NamedTuple):
    """A server in place of STS, and what a pod with a web identity has in its environment."""

    sts: Faulty
    env: dict[str, str]


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Faulty]]:
    with ExitStack() as started:
        yield lambda script: started.enter_context(Faulty(script))


@pytest.fixture
def irsa(serve: Callable[[Script], Faulty], tmp_path: Path) -> Irsa:
    server, token = serve(granting()), tmp_path / "token"
    token.write_text(answers.TOKEN_TEXT)
    env = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_ENDPOINT_URL_STS": server.endpoint,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/worker",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Irsa(server, env)


def failure(queue: SqsQueue) -> SqsError:
    with pytest.raises(SqsError) as caught:
        queue.receive(1, 0, 30)
    assert SECRET not in str(caught.value)
    return caught.value


REFUSALS: dict[str, tuple[Script, type[SqsError], str]] = {
    "a wrong trust policy": (denying(403, "AccessDenied"), CredentialsDeniedError, "its role (AccessDenied)"),
    "an expired token": (denying(400, "ExpiredTokenException"), CredentialsDeniedError, "token has expired"),
    "an unknown issuer": (denying(400, "InvalidIdentityToken"), CredentialsDeniedError, "web identity"),
    "too many requests": (denying(400, "Throttling"), CredentialsUnavailableError, "throttles"),
    "an issuer that does not answer": (denying(400, "IDPCommunicationError"), CredentialsUnavailableError, "issuer"),
    "STS is off in this region": (denying(403, "RegionDisabledException"), CredentialsDeniedError, "not activated"),
    "STS fails": (denying(503, "ServiceUnavailable"), CredentialsUnavailableError, "STS failed"),
    "STS closes the connection": (faults.resetting, CredentialsUnavailableError, "STS did not answer"),
    "an answer without credentials": (
        faults.answering(200, "<AssumeRoleWithWebIdentityResponse/>", XML),
        CredentialsUnavailableError,
        "(KeyError)",
    ),
    "credentials that have expired": (granting(-timedelta(1)), CredentialsUnavailableError, "(RuntimeError)"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_sts_refuses_is_told_as_that(
    refusal: tuple[Script, type[SqsError], str],
    irsa: Irsa,
    sqs_at: Callable[[str, str], SqsQueue],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    irsa.sts.script, kind, text = refusal
    queue = sqs_at("http://127.0.0.1:1", "http://127.0.0.1:1/123456789012/jobs")
    for name, value in irsa.env.items():
        monkeypatch.setenv(name, value)
    error = failure(queue)
    assert type(error) is kind
    assert text in str(error)


ENVIRONMENTS = {
    "an agent that is not up": ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/v1/credentials"),
    "an agent at a forbidden address": ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/v1/credentials"),
    "a token file that is missing": ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/token"),
    "nothing": ("AWS_EC2_METADATA_DISABLED", "true"),
}


@pytest.mark.parametrize(("name", "value"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_a_worker_without_credentials_starts_and_says_why(
    name: str, value: str, irsa: Irsa, moto_queue: Queue, start_worker: StartWorker
) -> None:
    env = {key: irsa.env[key] for key in irsa.env if "WEB" not in key} | {name: value}
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **env)
    until(lambda: bool(worker.lines("receive failed")), 60, "nothing was told: " + worker.log.read_text())
    line = worker.lines("receive failed")[0]
    assert (line["reason"], line["remedy"]) == ("CredentialsUnavailable", CredentialsUnavailableError.remedy)
    assert "Traceback" not in worker.log.read_text()


def test_a_worker_goes_on_when_sts_gives_credentials(irsa: Irsa, moto_queue: Queue, start_worker: StartWorker) -> None:
    irsa.sts.script = denying(403, "AccessDenied")
    moto_queue.send("job")
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **irsa.env)
    until(lambda: bool(worker.lines("receive failed")), 60, "nothing was told: " + worker.log.read_text())
    assert {line["reason"] for line in worker.lines("receive failed")} == {"CredentialsDenied"}
    irsa.sts.script = granting()
    worker.until_events(1)
    assert "Traceback" not in worker.log.read_text()


# While the worker works

NEARLY_OVER = timedelta(minutes=9)
"""botocore wants others ten minutes before the end, and would not sign with these any more."""


def test_credentials_that_cannot_be_renewed_are_used_and_the_failure_is_told(
    irsa: Irsa, moto_queue: Queue, start_worker: StartWorker
) -> None:
    irsa.sts.script = granting(NEARLY_OVER)
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **irsa.env)
    worker.until_ready()
    irsa.sts.script = denying(400, "ExpiredTokenException")
    until(lambda: bool(worker.lines("credentials not renewed")), 60, "nothing was told: " + worker.log.read_text())
    line = worker.lines("credentials not renewed")[0]
    assert (line["reason"], line["remedy"]) == ("CredentialsDenied", CredentialsDeniedError.remedy)
    moto_queue.send("job")
    worker.until_events(1)
    worker.signal()
    assert worker.wait() == 0
    assert moto_queue.depth() == (0, 0)
    assert worker.lines("receive failed") == []
    assert "Traceback" not in worker.log.read_text()


def test_an_sts_that_is_late_delays_no_extension(irsa: Irsa, moto_queue: Queue, start_worker: StartWorker) -> None:
    """A request to STS may take ten seconds, which is longer than the message stays hidden."""
    irsa.sts.script = granting(NEARLY_OVER)
    moto_queue.send("job 10")
    worker = start_worker(
        moto_queue,
        *("--handler", "job_handlers:sleep", "--wait-seconds", "1", "--visibility-seconds", "4", "--prefetch", "1"),
        **irsa.env,
    )
    worker.until_events(1, "started")
    irsa.sts.script = faults.silent
    worker.until_events(1)
    worker.signal()
    assert worker.wait() == 0
    assert worker.lines("message received again") == []
    assert worker.receives() == {"job 10": ["1"]}
    assert moto_queue.depth() == (0, 0)


def test_a_message_is_rejected_while_sts_is_silent(irsa: Irsa, moto_queue: Queue, start_worker: StartWorker) -> None:
    """Both queues are asked with the same credentials; the first message for the other one may come at any time."""
    irsa.sts.script, dead = granting(), Queue(moto_queue.server)
    flags = ("--handler", "job_handlers:reject", "--dead-letter-queue", dead.url, "--wait-seconds", "1")
    worker = start_worker(moto_queue, *flags, **irsa.env)
    worker.until_ready()
    irsa.sts.script = faults.silent
    moto_queue.send("job")
    until(lambda: dead.depth() == (1, 0), 60, "the message was not moved: " + worker.log.read_text())
    assert worker.lines("sending to the dead-letter queue failed") == []


def test_messages_in_hand_are_extended_and_deleted_once_there_are_credentials_again(
    irsa: Irsa, moto_queue: Queue, start_worker: StartWorker
) -> None:
    irsa.sts.script = granting_anew(timedelta(seconds=4))
    moto_queue.send(*(f"job-{number} 14" for number in range(30)))
    worker = start_worker(
        moto_queue,
        *("--handler", "job_handlers:sleep", "--concurrency", "30", "--visibility-seconds", "12"),
        **irsa.env,
    )
    worker.until_events(30, "started")
    irsa.sts.script, asked = denying(403, "AccessDenied"), len(irsa.sts.requests)
    until(lambda: bool(worker.lines("request to SQS failed")), 60, "no request failed: " + worker.log.read_text())
    assert {line["reason"] for line in worker.lines("request to SQS failed")} == {"CredentialsDenied"}
    assert {line["next"] for line in worker.lines("request to SQS failed")} == {"retry"}
    assert len(irsa.sts.requests) - asked < 10, "each request about a message asked STS"
    irsa.sts.script = granting()
    worker.until_events(30)
    worker.signal()
    assert worker.wait() == 0
    assert {count for counts in worker.receives().values() for count in counts} == {"1"}
    assert moto_queue.depth() == (0, 0)
    assert worker.lines("worker ended")[0]["extended"] >= 30
    assert "Traceback" not in worker.log.read_text()


# The Pod Identity agent


def agent_gives(lifetime: timedelta = timedelta(hours=1)) -> Script:
    expires = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"AccessKeyId": "ASIAPOD", "SecretAccessKey": "s", "Token": "token", "Expiration": expires}
    return faults.answering(200, body)


def later(seconds: float, script: Script) -> Script:
    """Do something that late."""

    def wait(connection: socket.socket, ended: threading.Event) -> None:
        ended.wait(seconds)
        script(connection, ended)

    return wait


class PodIdentity(NamedTuple):
    """A server in place of the Pod Identity agent, and what a pod that uses it has in its environment."""

    agent: Faulty
    env: dict[str, str]


@pytest.fixture
def pod_identity(serve: Callable[[Script], Faulty], tmp_path: Path) -> PodIdentity:
    agent, token = serve(agent_gives()), tmp_path / "agent-token"
    token.write_text(answers.TOKEN_TEXT)
    env = {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{agent.endpoint}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }
    return PodIdentity(agent, env)


AGENTS: dict[str, Script] = {
    "denies": faults.answering(403, {"message": SECRET}),
    "fails": faults.answering(500, SECRET),
    "sends nonsense": faults.answering(200, f"<html>{SECRET}"),
    "sends no credentials": faults.answering(200, {"message": SECRET}),
    "sends credentials that have expired": agent_gives(-timedelta(1)),
    "resets": faults.resetting,
    "is silent": faults.silent,
}


@pytest.mark.parametrize("script", AGENTS.values(), ids=AGENTS)
def test_an_agent_is_told_of_that(
    script: Script,
    pod_identity: PodIdentity,
    sqs_at: Callable[[str, str], SqsQueue],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0.01)
    queue = sqs_at("http://127.0.0.1:1", "http://127.0.0.1:1/123456789012/jobs")
    for name, value in pod_identity.env.items():
        monkeypatch.setenv(name, value)
    pod_identity.agent.script = script
    assert type(failure(queue)) is CredentialsUnavailableError
    until(lambda: bool(pod_identity.agent.requests), 60, "the agent was not asked")  # which may read more slowly
    assert answers.TOKEN_TEXT.encode() in pod_identity.agent.requests[0]


def test_a_worker_waits_for_an_agent_that_denies_and_takes_one_that_is_late(
    pod_identity: PodIdentity, moto_queue: Queue, start_worker: StartWorker
) -> None:
    pod_identity.agent.script = AGENTS["denies"]
    moto_queue.send("job")
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **pod_identity.env)
    until(lambda: bool(worker.lines("receive failed")), 60, "nothing was told: " + worker.log.read_text())
    assert worker.get("/readyz") == (503, f"SQS has not answered yet for {moto_queue.name}\n")
    assert worker.get("/livez")[0] == 200
    assert ',reason="CredentialsUnavailable"}' in worker.get("/metrics")[1]
    pod_identity.agent.script = later(1, agent_gives())
    worker.until_events(1)
    worker.until_ready()
    assert "Traceback" not in worker.log.read_text()
    assert SECRET not in worker.log.read_text()


@pytest.mark.parametrize(
    "env", [{"AWS_PROFILE": "no-such"}, {"AWS_ENDPOINT_URL_SQS": "no endpoint"}], ids=["a profile", "an endpoint"]
)
def test_settings_that_no_client_can_be_made_of_are_wrong_usage(
    env: dict[str, str], moto_queue: Queue, start_worker: StartWorker
) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", **env)
    assert worker.wait() == 2
    assert "AWS's settings cannot be used" in worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()
