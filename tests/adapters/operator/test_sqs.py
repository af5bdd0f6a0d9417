"""The adapter to SQS against two servers that speak its protocol, and where its requests go."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.sqs import SqsServer
from queueworkerpool.errors import (
    CredentialsUnavailableError,
    QueueNotFoundError,
)
from queueworkerpool.model import QueueRef
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import NOW, Connect
from tests.adapters.operator.faulty import Faulty, Script
from tests.adapters.worker.conftest import Queue

Serve = Callable[[Script], Faulty]

AWS = "https://sqs.eu-central-1.amazonaws.com/123456789012/q"


def as_aws_names_it(queue: Queue) -> QueueRef:
    return QueueRef(f"https://sqs.eu-west-1.amazonaws.com/123456789012/{queue.url.rpartition('/')[2]}")


@pytest.fixture(params=["moto_sqs", "elasticmq"])
def queue(request: pytest.FixtureRequest) -> Queue:
    """A fresh queue on each SQS stand-in in turn."""
    return Queue(request.getfixturevalue(request.param))


# Counts


async def test_messages_are_counted_by_what_they_wait_for(queue: Queue, connect: Connect) -> None:
    queues = connect(queue.server.endpoint)
    assert (reading := await queues.read(as_aws_names_it(queue))).time == NOW
    assert (reading.visible, reading.in_flight, reading.delayed) == (0, 0, 0)
    queue.send(*("body" for _ in range(25)))
    queue.send("later", "later", "later", DelaySeconds=600)
    received = queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=4)["Messages"]
    reading = await queues.read(as_aws_names_it(queue))
    assert (reading.visible, reading.in_flight, reading.delayed) == (25 - len(received), len(received), 3)


async def test_a_reading_receives_nothing(queue: Queue, connect: Connect) -> None:
    """A receive would push messages towards the dead-letter queue."""
    queue.send("body")
    queues = connect(queue.server.endpoint)
    for _ in range(5):
        await queues.read(as_aws_names_it(queue))
    attributes: Any = ["ApproximateReceiveCount"]
    (message,) = queue.client.receive_message(QueueUrl=queue.url, AttributeNames=attributes)["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


async def test_a_fifo_queue_is_counted_like_any_other(moto_sqs: SqsServer, connect: Connect) -> None:
    queue = Queue(moto_sqs, "orders.fifo", FifoQueue="true")
    queue.send("body", MessageGroupId="a", MessageDeduplicationId="1")
    reading = await connect(moto_sqs.endpoint).read(as_aws_names_it(queue))
    assert (reading.visible, reading.in_flight, reading.delayed) == (1, 0, 0)


async def test_a_queue_that_is_missing_or_deleted_is_not_found(queue: Queue, connect: Connect) -> None:
    queues = connect(queue.server.endpoint)
    missing = QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/no-such-queue")
    with pytest.raises(QueueNotFoundError, match=r"^queue no-such-queue: .*check"):
        await queues.read(missing)
    queue.client.delete_queue(QueueUrl=queue.url)
    with pytest.raises(QueueNotFoundError):
        await queues.read(as_aws_names_it(queue))


async def test_a_queue_that_was_missing_is_read_once_it_is_created(moto_sqs: SqsServer, connect: Connect) -> None:
    queues = connect(moto_sqs.endpoint)
    queue = Queue(moto_sqs)
    queue.client.delete_queue(QueueUrl=queue.url)
    with pytest.raises(QueueNotFoundError):
        await queues.read(as_aws_names_it(queue))
    Queue(moto_sqs, queue.url.rpartition("/")[2]).send("body")
    assert (await queues.read(as_aws_names_it(queue))).visible == 1


# Where requests go


async def test_the_host_of_a_url_never_decides_where_a_request_goes(
    queue: Queue, faulty: Serve, connect: Connect
) -> None:
    """Else a tenant could have the operator's signed requests sent anywhere."""
    elsewhere = faulty(faults.answering(200, faults.COUNTS))
    queue.send("body")
    reference = QueueRef(f"{elsewhere.endpoint}/123456789012/{queue.url.rpartition('/')[2]}")
    assert (await connect(queue.server.endpoint).read(reference)).visible == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("names", [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], ["AWS_SECRET_ACCESS_KEY"]])
async def test_missing_credentials_are_reported_as_such(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    server = faulty(faults.answering(200, faults.COUNTS))
    queues = connect(server.endpoint)
    for name in names:
        monkeypatch.delenv(name)
    with pytest.raises(CredentialsUnavailableError, match=r"^queue q: the operator.* AWS cred.*: .*AWS_\* variables"):
        await queues.read(QueueRef(AWS))
    assert server.requests == []


async def test_a_missing_profile_is_reported_as_such(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    queues = connect("http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(CredentialsUnavailableError, match="ProfileNotFound"):
        await queues.read(QueueRef(AWS))


async def test_credentials_that_come_late_are_found(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metadata service that is slow at the start must not leave the operator without credentials for ever."""
    monkeypatch.setattr("awsaccess.credentials.PAUSE_SECONDS", 0)
    queues = connect(faulty(faults.answering(200, faults.COUNTS)).endpoint)
    with monkeypatch.context() as early:
        early.delenv("AWS_ACCESS_KEY_ID")
        early.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(CredentialsUnavailableError):
            await queues.read(QueueRef(AWS))
    assert (await queues.read(QueueRef(AWS))).visible == 1


async def test_expired_credentials_are_reported_and_read_again(
    faulty: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A role's session lasts an hour, the operator much longer."""
    server = faulty(faults.answering(200, faults.COUNTS))
    credentials, settings = tmp_path / "credentials.json", tmp_path / "config"
    settings.write_text(f"[default]\ncredential_process = cat {credentials}\n")
    monkeypatch.setattr("awsaccess.credentials.PAUSE_SECONDS", 0)
    queues = connect(server.endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings))
    credentials.write_text(json.dumps(SESSION | {"AccessKeyId": "late", "Expiration": "2000-01-01T00:00:00Z"}))
    with pytest.raises(CredentialsUnavailableError, match=r"^queue q: the operator's AWS credentials cannot be used"):
        await queues.read(QueueRef(AWS))
    assert server.requests == []
    credentials.write_text(json.dumps(SESSION | {"AccessKeyId": "fresh", "Expiration": "2999-01-01T00:00:00Z"}))
    await queues.read(QueueRef(AWS))
    assert b"Credential=fresh/" in server.requests[0]


SESSION = {"Version": 1, "SecretAccessKey": "secret", "SessionToken": "token"}
