"""The election while the API server, the Lease or a process does not do as it should."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import ClusterError
from queueworkerpool.leader.claimant import UNSERVED_SECONDS
from queueworkerpool.leader.lease import (
    LEASE_DURATION_SECONDS,
    RENEW_DEADLINE_SECONDS,
    RENEW_INTERVAL_SECONDS,
    STANDBY_INTERVAL_SECONDS,
    released,
)
from tests.unit.operator.elections import Process, Server

pytestmark = pytest.mark.looptime


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [
        (RENEW_DEADLINE_SECONDS - RENEW_INTERVAL_SECONDS - STANDBY_INTERVAL_SECONDS, ["start"]),
        (RENEW_DEADLINE_SECONDS * 3, ["start", "pause", "start"]),
    ],
    ids=["a short outage", "a long outage pauses the work"],
)
async def test_an_api_server_that_does_not_answer(server: Server, seconds: float, calls: list[str]) -> None:
    process = Process("a", server)
    await asyncio.sleep(50)
    server.failing = ClusterError("no answer")
    await asyncio.sleep(seconds)
    assert process.called == calls[:2]
    assert process.fence.is_open is (calls == ["start"])
    server.failing = None
    await asyncio.sleep(RENEW_INTERVAL_SECONDS)
    assert process.called == calls
    assert process.fence.is_open
    await process.end()


async def test_a_process_that_is_not_ready_claims_no_lease_and_keeps_the_one_it_has(server: Server) -> None:
    unready = Process("a", server, ready=False)
    await asyncio.sleep(30)
    assert (unready.called, server.writes) == ([], 0)
    unready.ready = True
    await asyncio.sleep(STANDBY_INTERVAL_SECONDS)
    unready.ready = False
    await asyncio.sleep(60)
    assert (unready.called, unready.fence.is_open) == (["start"], True)
    await unready.end()


@pytest.mark.parametrize("holder", ["b", ""], ids=["holds the lease", "has held and released it"])
async def test_a_process_that_was_frozen_pauses_before_it_starts_again_when_another(
    server: Server, holder: str
) -> None:
    process = Process("a", server)
    await asyncio.sleep(50)
    taken = replace(server.lease, holder="b", version="900")
    server.lease = taken if holder else released(taken, "later")
    await asyncio.sleep(RENEW_INTERVAL_SECONDS)
    assert process.called == (["start", "pause"] if holder else ["start", "pause", "start"])
    assert process.fence.is_open is not bool(holder)
    await process.end()


async def test_a_bug_costs_one_attempt(server: Server) -> None:
    process = Process("a", server)
    await asyncio.sleep(50)
    server.failing = ZeroDivisionError("a bug")
    await asyncio.sleep(3)
    server.failing = None
    await asyncio.sleep(60)
    assert (process.called, process.fence.is_open) == (["start"], True)
    await process.end()


async def test_a_lasting_failure_is_logged_once(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    process = Process("a", server)
    server.failing = ClusterError("PATCH: status 403")
    await asyncio.sleep(60)
    server.failing = None
    await asyncio.sleep(5)
    logged: list[tuple[str, Any]] = [(record.levelname, record.message) for record in caplog.records]
    assert logged == [("WARNING", "lease not written")]
    await process.end()


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.5, 4.5, 4.9])
async def test_a_slow_api_server_that_answers_does_not_cost_the_lead(server: Server, seconds: float) -> None:
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(1)
    server.seconds = seconds
    await asyncio.sleep(300)
    assert (first.called, first.fence.is_open, second.called) == (["start"], True, [])
    assert (first.leadership.failure(), second.leadership.failure()) == ("", "")
    for process in (first, second):
        await process.end()


async def test_a_missing_lease_is_created_by_one_and_claimed_when_nobody_can_hold_it(server: Server) -> None:
    server.delete()
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(LEASE_DURATION_SECONDS - 0.5)
    assert (first.called, second.called, server.lease.holder, server.writes) == ([], [], "", 1)
    missing = "nobody leads: the Lease is missing or was edited, and is claimed when nobody can hold it any more"
    assert first.leadership.failure() == missing
    await asyncio.sleep(1.6)
    assert ([first.called, second.called], server.writes) == ([["start"], []], 2)
    assert (first.leadership.failure(), second.leadership.failure()) == ("", "")
    for process in (first, second):
        await process.end()


async def test_a_leader_creates_its_lease_again_and_goes_on(server: Server) -> None:
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(50)
    server.delete()
    newcomer = Process("c", server)
    await asyncio.sleep(RENEW_INTERVAL_SECONDS)
    assert server.lease.holder == "a"
    await asyncio.sleep(60)
    assert [process.called for process in (first, second, newcomer)] == [["start"], [], []]
    for process in (first, second, newcomer):
        await process.end()


@pytest.mark.parametrize(
    "edit", [{"seconds": 1}, {"holder": ""}, {"holder": "", "renewed": ""}], ids=["shortened", "no holder", "emptied"]
)
async def test_a_lease_that_is_edited_never_makes_two_leaders(server: Server, edit: dict[str, Any]) -> None:
    first, second = Process("a", server), Process("b", server)
    for _ in range(20):
        await asyncio.sleep(7.3)
        server.made += 1
        server.lease = replace(server.lease, version=str(server.made), **edit)
    assert (first.called, second.called) == (["start"], [])
    for process in (first, second):
        await process.end()


async def test_a_process_says_by_name_why_nobody_leads(server: Server) -> None:
    process = Process("a", server, ready=False)
    assert process.leadership.failure() == "nobody leads: the Lease is not read yet"
    await asyncio.sleep(1)
    assert process.leadership.failure() == "nobody leads: this process is not ready to"
    server.failing = ClusterError("GET x: status 403")
    await asyncio.sleep(2)
    assert process.leadership.failure() == "nobody leads: GET x: status 403"
    server.failing, process.ready = None, True
    await asyncio.sleep(2)
    assert process.leadership.failure() == ""
    server.failing = ClusterError("PATCH x: no answer")
    await asyncio.sleep(RENEW_DEADLINE_SECONDS + UNSERVED_SECONDS - 5)
    assert process.leadership.failure() == "", "a short outage is no reason"
    await asyncio.sleep(10)
    assert process.leadership.failure() == "nobody leads: PATCH x: no answer"
    await process.end()


async def test_whoever_stands_by_is_ready_while_the_leader_renews(server: Server) -> None:
    process = Process("b", server)
    server.lease = replace(server.lease, holder="a", renewed="now")
    await asyncio.sleep(LEASE_DURATION_SECONDS - 1)
    assert (process.leadership.failure(), process.called) == ("", [])
    await process.end()
