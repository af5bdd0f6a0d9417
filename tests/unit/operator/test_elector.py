"""Processes that stand for election, on fake time, over a Lease that is kept as the API server keeps it."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from queueworkerpool.errors import ClusterConflictError, ClusterError
from queueworkerpool.leader.elector import FINISH_SECONDS, Clocks, Elector
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import (
    LEASE_DURATION_SECONDS,
    RENEW_DEADLINE_SECONDS,
    RENEW_INTERVAL_SECONDS,
    STANDBY_INTERVAL_SECONDS,
    Lease,
)
from tests.unit.operator.builders import NOW

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """Keeps the Lease. `failing`: what every request ends with."""

    lease: Lease = field(default_factory=lambda: Lease("1"))
    failing: Exception | None = None
    writes: int = 0


@dataclass
class Process:
    """One process, its connection, and what its work was told and when."""

    name: str
    server: Server
    ready: bool = True
    takes: float = 0.0
    told: list[tuple[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fence = Fence(now)
        self.stop = asyncio.Event()
        clocks = Clocks(now, lambda: NOW)
        self.leadership = Elector(self.name, self, self.fence, self, clocks)
        self.task = asyncio.create_task(self.leadership.run(lambda: self.ready, self.stop))

    async def read(self) -> Lease:
        if self.server.failing:
            raise self.server.failing
        return self.server.lease

    async def write(self, lease: Lease) -> Lease:
        if self.server.failing:
            raise self.server.failing
        if lease.version != self.server.lease.version:
            raise ClusterConflictError("conflict")
        self.server.writes += 1
        self.server.lease = replace(lease, version=str(int(lease.version) + 1))
        return self.server.lease

    def start(self) -> None:
        self.told.append(("start", now()))

    def pause(self) -> None:
        self.told.append(("pause", now()))

    async def finish(self, seconds: float) -> None:
        assert self.fence.is_open, "what is under way may still be written"
        await asyncio.sleep(min(self.takes, seconds))
        self.told.append(("finish", now()))

    @property
    def words(self) -> list[str]:
        return [word for word, _ in self.told]

    async def leave(self) -> None:
        self.stop.set()
        await self.task

    async def die(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
def server() -> Server:
    return Server()


async def test_the_first_leads_and_the_others_stand_by(server: Server) -> None:
    first, second, third = (Process(name, server) for name in "abc")
    await asyncio.sleep(300)
    assert (first.told, second.told, third.told) == ([("start", 0)], [], [])
    assert [process.fence.is_open for process in (first, second, third)] == [True, False, False]
    assert (server.lease.holder, server.lease.transitions, server.lease.seconds) == ("a", 1, LEASE_DURATION_SECONDS)
    assert server.writes == pytest.approx(300 / RENEW_INTERVAL_SECONDS, abs=2)
    for process in (first, second, third):
        await process.leave()
    assert second.words == []


async def test_a_lease_that_nobody_held_is_claimed_at_once(server: Server) -> None:
    process = Process("a", server)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (process.words, server.lease.holder, now()) == (["start"], "a", 0)
    await process.leave()


async def test_a_leader_that_leaves_hands_over_within_a_look(server: Server) -> None:
    first, second = Process("a", server, takes=0.3), Process("b", server)
    await asyncio.sleep(100.5)
    await first.leave()
    left = now()
    assert (first.words, first.fence.is_open, server.lease.holder) == (["start", "finish"], False, "")
    assert left == pytest.approx(100.8)
    await asyncio.sleep(STANDBY_INTERVAL_SECONDS)
    assert (second.words, server.lease.holder) == (["start"], "b")
    await second.leave()


async def test_a_leader_that_cannot_finish_leaves_all_the_same(server: Server) -> None:
    process = Process("a", server, takes=3600)
    await asyncio.sleep(10)
    await process.leave()
    assert (now(), server.lease.holder) == (10 + FINISH_SECONDS, "")


async def test_the_lease_is_not_released_while_a_write_is_on_its_way(server: Server) -> None:
    process = Process("a", server)
    await asyncio.sleep(10)
    with process.fence.passage():
        await process.leave()
    assert (process.fence.is_open, server.lease.holder) == (False, "a"), "it has to run out"


async def test_a_leader_that_dies_is_followed_when_its_lease_has_run_out(server: Server) -> None:
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(101)
    await first.die()
    await asyncio.sleep(LEASE_DURATION_SECONDS + STANDBY_INTERVAL_SECONDS + 0.1)
    [(word, when)] = second.told
    assert word == "start"
    assert (
        101 + LEASE_DURATION_SECONDS - RENEW_INTERVAL_SECONDS
        <= when
        <= 101 + LEASE_DURATION_SECONDS + STANDBY_INTERVAL_SECONDS
    )
    await second.leave()


async def test_one_that_comes_back_under_its_name_finds_the_lease_its_own(server: Server) -> None:
    first, second = Process("a", server), Process("b", server)
    await asyncio.sleep(101)
    await first.die()
    again = Process("a", server)
    await asyncio.sleep(60)
    assert (again.told, second.told) == ([("start", 101)], [])
    for process in (again, second):
        await process.leave()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (RENEW_DEADLINE_SECONDS - RENEW_INTERVAL_SECONDS - STANDBY_INTERVAL_SECONDS, ["start"]),
        (RENEW_DEADLINE_SECONDS * 3, ["start", "pause", "start"]),
    ],
    ids=["a short outage costs nothing", "a long one costs the lead until it is over"],
)
async def test_the_api_server_is_away(server: Server, seconds: float, words: list[str]) -> None:
    process = Process("a", server)
    await asyncio.sleep(50)
    server.failing = ClusterError("no answer")
    await asyncio.sleep(seconds)
    assert process.words == words[:2]
    assert process.fence.is_open is (words == ["start"])
    server.failing = None
    await asyncio.sleep(RENEW_INTERVAL_SECONDS)
    assert process.words == words
    assert process.fence.is_open
    await process.leave()


async def test_one_that_sees_nothing_claims_nothing_but_keeps_what_it_has(server: Server) -> None:
    blind = Process("a", server, ready=False)
    await asyncio.sleep(30)
    assert (blind.words, server.writes) == ([], 0)
    blind.ready = True
    await asyncio.sleep(STANDBY_INTERVAL_SECONDS)
    blind.ready = False
    await asyncio.sleep(60)
    assert (blind.words, blind.fence.is_open) == (["start"], True)
    await blind.leave()


@pytest.mark.parametrize("holder", ["b", ""], ids=["leads", "has led and gone"])
async def test_one_that_was_frozen_forgets_before_it_begins_again_when_another(server: Server, holder: str) -> None:
    process = Process("a", server)
    await asyncio.sleep(50)
    server.lease = replace(server.lease, holder=holder, version="900")
    await asyncio.sleep(RENEW_INTERVAL_SECONDS)
    assert process.words == (["start", "pause"] if holder else ["start", "pause", "start"])
    assert process.fence.is_open is not bool(holder)
    await process.leave()


async def test_a_bug_costs_an_attempt(server: Server) -> None:
    process = Process("a", server)
    await asyncio.sleep(50)
    server.failing = ZeroDivisionError("a bug")
    await asyncio.sleep(3)
    server.failing = None
    await asyncio.sleep(60)
    assert (process.words, process.fence.is_open) == (["start"], True)
    await process.leave()


async def test_a_lasting_failure_is_told_once(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    process = Process("a", server)
    server.failing = ClusterError("PATCH: status 403")
    await asyncio.sleep(60)
    server.failing = None
    await asyncio.sleep(5)
    told: list[tuple[str, Any]] = [(record.levelname, record.message) for record in caplog.records]
    assert told == [("WARNING", "lease not written")]
    await process.leave()
