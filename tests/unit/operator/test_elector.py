"""The election: several processes on fake time, over one Lease that is stored as the API server stores it."""

import asyncio

import pytest

from queueworkerpool.leader.claimant import FINISH_SECONDS
from queueworkerpool.leader.lease import (
    LEASE_DURATION_SECONDS,
    RENEW_INTERVAL_SECONDS,
    STANDBY_INTERVAL_SECONDS,
)
from tests.unit.operator.elections import Process, Server, now

pytestmark = pytest.mark.looptime


@pytest.fixture
def server() -> Server:
    return Server()


async def test_the_first_process_leads_and_the_others_stand_by(server: Server) -> None:
    first, second, third = (Process(name, server) for name in "abc")
    await asyncio.sleep(300)
    assert (first.calls, second.calls, third.calls) == ([("start", 0)], [], [])
    assert [process.fence.is_open for process in (first, second, third)] == [True, False, False]
    assert (server.lease.holder, server.lease.transitions, server.lease.seconds) == ("a", 1, LEASE_DURATION_SECONDS)
    assert server.writes == pytest.approx(300 / RENEW_INTERVAL_SECONDS, abs=2)
    for process in (first, second, third):
        await process.end()
    assert second.called == []


async def test_a_lease_that_nobody_held_is_claimed_at_once(server: Server) -> None:
    process = Process("a", server)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (process.called, server.lease.holder, now()) == (["start"], "a", 0)
    await process.end()


async def test_a_leader_that_stops_is_followed_within_one_standby_interval(server: Server) -> None:
    first, second = Process("a", server, takes=0.3), Process("b", server)
    await asyncio.sleep(100.5)
    await first.end()
    stopped = now()
    assert (first.called, first.fence.is_open, server.lease.holder) == (["start", "finish"], False, "")
    assert stopped == pytest.approx(100.8)
    await asyncio.sleep(STANDBY_INTERVAL_SECONDS)
    assert (second.called, server.lease.holder) == (["start"], "b")
    await second.end()


async def test_a_leader_that_cannot_finish_releases_the_lease_in_time(server: Server) -> None:
    process = Process("a", server, takes=3600)
    await asyncio.sleep(10)
    await process.end()
    assert (now(), server.lease.holder) == (10 + FINISH_SECONDS, "")


async def test_the_lease_is_not_released_while_a_write_is_under_way(server: Server) -> None:
    process = Process("a", server)
    await asyncio.sleep(10)
    with process.fence.passage():
        await process.end()
    assert (process.fence.is_open, server.lease.holder) == (False, "a"), "it has to expire"


async def test_a_leader_that_dies_is_followed_when_its_lease_has_expired(server: Server) -> None:
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(101)
    await first.die()
    await asyncio.sleep(LEASE_DURATION_SECONDS + STANDBY_INTERVAL_SECONDS + 0.1)
    [(name, when)] = second.calls
    assert name == "start"
    assert (
        101 + LEASE_DURATION_SECONDS - RENEW_INTERVAL_SECONDS
        <= when
        <= 101 + LEASE_DURATION_SECONDS + STANDBY_INTERVAL_SECONDS
    )
    await second.end()


async def test_a_leader_that_restarts_under_its_name_keeps_the_lease(server: Server) -> None:
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(101)
    await first.die()
    again = Process("a", server)
    await asyncio.sleep(60)
    assert (again.calls, second.calls) == ([("start", 101)], [])
    for process in (again, second):
        await process.end()
