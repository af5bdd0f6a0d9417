"""What the operator's doors are tested against, beside the real servers: one that misbehaves as told."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from devcluster.sqs import CREDENTIALS
from queueworkerpool.sqs import SqsQueues
from tests.doors.operator.faulty import Faulty, Script

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def faulty() -> Iterator[Callable[[Script], Faulty]]:
    """Start a server that follows a script; it ends with the test."""
    with ExitStack() as started:
        yield lambda script: started.enter_context(Faulty(script))


class Connect(Protocol):
    """Makes the door to SQS at an endpoint (None: AWS itself); it is closed with the test."""

    def __call__(self, endpoint: str | None, *, default_region: str | None = None, workers: int = 4) -> SqsQueues: ...


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Connect]:
    """The door to SQS, with nothing of this machine's AWS settings."""
    made: list[SqsQueues] = []
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "missing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def connected(endpoint: str | None, *, default_region: str | None = None, workers: int = 4) -> SqsQueues:
        if endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", endpoint)
        made.append(SqsQueues(default_region, workers, lambda: NOW))
        return made[-1]

    yield connected
    for queues in made:
        queues.close()
