"""A scheduler that ends with its test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.operator.scheduler.harness import SchedulerHarness


@pytest.fixture
async def harness() -> AsyncIterator[SchedulerHarness]:
    harness = SchedulerHarness()
    yield harness
    await harness.scheduler.close()
