"""The list of Deployments: its pages, and how it goes on when one fails."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from queueworkerpool.health import HealthState
from tests.adapters.operator.conftest import until
from tests.adapters.operator.deployment_server import Server, deployment, found, serving, watching


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    async with serving(tmp_path, monkeypatch) as started:
        yield started


@pytest.fixture
def health() -> HealthState:
    return HealthState(time.monotonic())


async def test_a_long_list_comes_in_pages_that_grow_while_they_are_small(server: Server, health: HealthState) -> None:
    server.items = [deployment(f"d{n:04}", n % 7) for n in range(2000)]
    async with watching(health) as index:
        assert [found(index, f"d{n:04}") for n in range(2000)] == [n % 7 for n in range(2000)]
    assert [start for start, _ in server.lists] == [0, 20, 340, 840, 1340, 1840]


async def test_large_objects_come_in_pages_of_few(server: Server, health: HealthState) -> None:
    server.items = [deployment(f"d{n:03}", size=240_000) for n in range(60)]
    async with watching(health):
        assert {limit for _, limit in server.lists[1:]} == {8}


async def test_a_page_beyond_the_limit_is_requested_again_with_fewer_objects(
    server: Server, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworkerpool.watch.pages.MAX_PAGE_BYTES", 100_000)
    server.items = [deployment(f"d{n:03}", size=30_000) for n in range(30)]
    async with watching(health) as index:
        assert found(index, "d029") == 1
    assert server.lists[:2] == [(0, 20), (0, 2)]


@pytest.mark.parametrize("status", [500, 503, 429, 401])
async def test_a_list_that_cannot_begin_is_tried_again(status: int, server: Server, health: HealthState) -> None:
    server.items, server.failures = [deployment("a")], [status, status]
    async with watching(health) as index:
        assert found(index, "a") == 1
    assert len(server.lists) == 3


async def test_a_list_that_breaks_goes_on_at_the_page_that_failed(server: Server, health: HealthState) -> None:
    server.items, server.fail_page = [deployment(f"d{n:03}") for n in range(600)], 3
    async with watching(health) as index:
        assert found(index, "d599") == 1
    assert [start for start, _ in server.lists] == [0, 20, 340, 340]


async def test_a_list_whose_token_is_too_old_begins_again(server: Server, health: HealthState) -> None:
    server.items, server.failures = [deployment("a")], [410]
    async with watching(health) as index:
        assert found(index, "a") == 1


async def test_what_was_known_serves_until_a_new_list_is_complete(server: Server, health: HealthState) -> None:
    server.items = [deployment("a", 3)]
    async with watching(health) as index:
        await until(lambda: server.watches == 1, "nothing was watched")
        server.items, server.failures = [deployment("a", 5)], [500] * 20
        await server.events.put({"type": "ERROR", "object": {"code": 410}})
        await until(lambda: len(server.lists) >= 4, "nothing was listed again")
        assert found(index, "a") == 3
        await until(lambda: found(index, "a") == 5, "the new list was not recorded")
