"""What the operator's doors are tested against, beside the real servers: one that misbehaves as told."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.doors.operator.faulty import Faulty, Script


@pytest.fixture
def faulty() -> Iterator[Callable[[Script], Faulty]]:
    """Start a server that follows a script; it ends with the test."""
    with ExitStack() as started:
        yield lambda script: started.enter_context(Faulty(script))
