"""A scheduler that ends with its test."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.operator.scheduler.stage import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    staged = Stage()
    yield staged
    await staged.scheduler.close()
