"""Fixtures for tests of every kind: the SQS stand-ins, and what to do when a tool is missing."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from devcluster.errors import UnavailableError
from devcluster.sqs import ElasticMq, MotoSqs


def pytest_configure() -> None:
    """Set asyncio's current loop to none.

    pytest-asyncio gets it before its first test, and on Python 3.11 that creates a loop that nothing closes.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str], NoReturn]:
    """Return the function to call when something is missing: it skips on a laptop and fails in CI."""

    def stop(sentence: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)

    return stop


@pytest.fixture(scope="session")
def moto_sqs() -> Iterator[MotoSqs]:
    """A moto SQS server for the whole run: `.endpoint`, `.client()`, `.env`. Use queue names of your own."""
    with MotoSqs() as server:
        yield server


@pytest.fixture(scope="session")
def elasticmq(unavailable: Callable[[str], NoReturn]) -> Iterator[ElasticMq]:
    """An ElasticMQ server for the whole run: `.endpoint`, `.client()`, `.env`. Use queue names of your own."""
    try:
        server = ElasticMq()
    except UnavailableError as error:
        unavailable(str(error))
    with server:
        yield server
