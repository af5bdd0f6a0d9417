"""The worker's credentials: what it says when STS, an agent or a file does not give them, at the start and later."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
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
    until(lambda: bool(worker.lines("receive failed")), 20, "nothing was told: " + worker.log.read_text())
    line = worker.lines("receive failed")[0]
    assert (line["reason"], line["remedy"]) == ("CredentialsUnavailable", CredentialsUnavailableError.remedy)
    assert "Traceback" not in worker.log.read_text()


def test_a_worker_goes_on_when_sts_gives_credentials(irsa: Irsa, moto_queue: Queue, start_worker: StartWorker) -> None:
    irsa.sts.script = denying(403, "AccessDenied")
    moto_queue.send("job")
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **irsa.env)
    until(lambda: bool(worker.lines("receive failed")), 20, "nothing was told: " + worker.log.read_text())
    assert {line["reason"] for line in worker.lines("receive failed")} == {"CredentialsDenied"}
    irsa.sts.script = granting()
    worker.until_events(1)
    assert "Traceback" not in worker.log.read_text()


def test_credentials_that_cannot_be_renewed_are_told_without_a_traceback(
    irsa: Irsa, moto_queue: Queue, start_worker: StartWorker
) -> None:
    irsa.sts.script = granting(timedelta(seconds=603))  # botocore wants others ten minutes before the end
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **irsa.env)
    worker.until_ready()
    irsa.sts.script = denying(400, "ExpiredTokenException")
    until(lambda: bool(worker.lines("receive failed")), 20, "nothing was told: " + worker.log.read_text())
    assert worker.lines("receive failed")[0]["reason"] == "CredentialsDenied"
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.parametrize(
    "env", [{"AWS_PROFILE": "no-such"}, {"AWS_ENDPOINT_URL_SQS": "no endpoint"}], ids=["a profile", "an endpoint"]
)
def test_settings_that_no_client_can_be_made_of_are_wrong_usage(
    env: dict[str, str], moto_queue: Queue, start_worker: StartWorker
) -> None:
    began = time.monotonic()
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", **env)
    assert worker.wait() == 2
    assert "AWS's settings cannot be used" in worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()
    assert time.monotonic() - began < 20
