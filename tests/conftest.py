"""For tests of every kind: their order, the SQS stand-ins, and what to do when a tool is missing."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from devcluster.errors import UnavailableError
from devcluster.sqs import ElasticMq, MotoSqs

TESTS = Path(__file__).parent
LONGEST_FIRST = (
    "cluster/faults",
    "cluster/parity",
    "cluster",
    "adapters/worker/test_audit.py",
    "adapters/operator/test_livez.py",
    "docs/test_commands.py",
    "adapters",
    "chart",
)
"""Folders and files that begin before all others, in this order."""


def pytest_configure() -> None:
    """Set asyncio's current loop to none, and give examples of properties no deadline.

    pytest-asyncio gets the loop before its first test, and on Python 3.11 that creates one that nothing closes. How
    long an example takes depends on what else the machine does, and says nothing about the property.
    """
    asyncio.set_event_loop(None)
    if settings.get_current_profile_name() == "default":
        settings.register_profile("tests", deadline=None)
        settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a control plane, and begin with what takes longest; within a folder the order stays random.

    Several processes take file after file: a long one at the end would leave the others with nothing to do.
    """
    for item in items:
        if "control_plane" in getattr(item, "fixturenames", ()):
            item.add_marker("control_plane")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS)
    turns = (turn for turn, folder in enumerate(LONGEST_FIRST) if path.is_relative_to(folder))
    return next(turns, len(LONGEST_FIRST))


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
