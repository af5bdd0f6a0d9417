"""A fixture for tests of handlers. pytest loads it wherever `queueworker` is installed, so it imports hardly anything.

Entry point `pytest11` of the distribution; it must work in runs that have nothing to do with queues.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from queueworker.testing import Harness


@pytest.fixture
def sqs_worker() -> Iterator["Harness"]:
    """A queue in memory, and workers that consume it. Hooks and middleware that the test defines end with it."""
    from queueworker.testing import Harness, registrations_kept  # noqa: PLC0415 -- see above

    with registrations_kept():
        yield Harness()
