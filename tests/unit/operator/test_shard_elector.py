"""The elections of the shards: several processes on fake time, over Leases stored as the API server stores them."""

import asyncio
from dataclasses import replace

import pytest

from queueworkerpool.errors import ClusterError
from queueworkerpool.leader.lease import LEASE_DURATION_SECONDS, RENEW_INTERVAL_SECONDS, Lease, released
from queueworkerpool.leader.shards import AFTER_HANDOVER_SECONDS, WISH_AFTER_SECONDS
from tests.unit.operator.shard_elections import NUMBER, POOLS, Process, Server, now

pytestmark = pytest.mark.looptime

EVEN_SECONDS = 3 * (WISH_AFTER_SECONDS + AFTER_HANDOVER_SECONDS + 2 * RENEW_INTERVAL_SECONDS)


@pytest.fixture
def server() -> Server:
    return Server()


async def end(*processes: Process) -> None:
    for process in processes:
        await process.end()


async def test_a_process_alone_holds_every_shard(server: Server) -> None:
    process = Process("a", server, 3)
    await asyncio.sleep(5)
    assert (process.held, server.leases[NUMBER].holder) == ([0, 1, 2], "3 shards")
    assert process.elector.failure() == ""
    await process.end()
    assert [server.leases[shard].holder for shard in range(NUMBER, 3)] == [""] * 4


async def test_processes_that_start_one_after_the_other_hold_the_same_number_of_shards_each(server: Server) -> None:
    processes = []
    for name in "abc":
        processes.append(Process(name, server, 3))
        await asyncio.sleep(EVEN_SECONDS)
    assert sorted(server.holders(3)) == ["a", "b", "c"]
    changed = [call for process in processes for call in process.calls]
    await asyncio.sleep(300)
    assert [call for process in processes for call in process.calls] == changed, "then nothing moves any more"
    await end(*processes)


@pytest.mark.parametrize(
    ("shards", "processes", "held"), [(4, 2, [2, 2]), (5, 2, [2, 3]), (2, 3, [0, 1, 1]), (8, 3, [2, 3, 3])]
)
async def test_shards_are_shared_out_evenly(server: Server, shards: int, processes: int, held: list[int]) -> None:
    started = [Process(f"p{number}", server, shards) for number in range(processes)]
    await asyncio.sleep(EVEN_SECONDS * 3)
    assert sorted(len(process.held) for process in started) == held
    await end(*started)


async def test_a_lost_shard_is_taken_over_within_17_seconds_and_the_others_are_not_touched(server: Server) -> None:
    first, second, third = (Process(name, server, 3) for name in "abc")
    await asyncio.sleep(EVEN_SECONDS)
    [lost] = first.held
    before = {process.name: list(process.calls) for process in (second, third)}
    died = now()
    await first.die()
    await asyncio.sleep(17 - 0.5)
    [(name, when)] = [
        (process.name, when)
        for process in (second, third)
        for what, shard, when in process.calls[len(before[process.name]) :]
        if (what, shard) == ("start", lost)
    ]
    assert server.leases[lost].holder == name
    assert LEASE_DURATION_SECONDS - RENEW_INTERVAL_SECONDS <= when - died <= 17
    assert sum(len(process.calls) for process in (second, third)) == sum(map(len, before.values())) + 1
    await end(second, third)


async def test_a_free_shard_is_taken_by_a_process_that_holds_none(server: Server) -> None:
    first, second = (Process(name, server, 2) for name in "ab")
    await asyncio.sleep(EVEN_SECONDS)
    idle = Process("c", server, 2)
    await asyncio.sleep(10)
    await first.die()
    await asyncio.sleep(LEASE_DURATION_SECONDS + 1)
    assert (len(idle.held), len(second.held)) == (1, 1)
    await end(second, idle)


async def test_a_process_that_stops_is_followed_at_once(server: Server) -> None:
    first, second = (Process(name, server, 2, takes=0.3) for name in "ab")
    await asyncio.sleep(EVEN_SECONDS)
    await first.end()
    await asyncio.sleep(2)
    assert second.held == [0, 1]
    assert first.calls[-1][0] == "finish"
    await second.end()


async def test_a_shard_that_is_given_away_is_finished_before_it_is_released(server: Server) -> None:
    first = Process("a", server, 2, takes=0.3)
    await asyncio.sleep(10)
    second = Process("b", server, 2)
    await asyncio.sleep(EVEN_SECONDS)
    [given] = second.held
    assert first.called(given) == ["start", "finish", "pause"]
    assert first.called(1 - given) == ["start"]
    await end(first, second)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.5, 4.5])
async def test_a_slow_api_server_that_answers_costs_no_shard(server: Server, seconds: float) -> None:
    processes = [Process(name, server, 3) for name in "abc"]
    await asyncio.sleep(EVEN_SECONDS)
    before = [list(process.calls) for process in processes]
    server.seconds = seconds
    await asyncio.sleep(300)
    assert [process.calls for process in processes] == before
    assert [process.elector.failure() for process in processes] == [""] * 3
    server.seconds = 0.0
    await end(*processes)


async def test_processes_with_another_number_of_shards_wait_until_the_last_with_the_old_one_has_ended(
    server: Server,
) -> None:
    old = [Process(name, server, 2) for name in "ab"]
    await asyncio.sleep(EVEN_SECONDS)
    new = [Process(name, server, 3) for name in "xy"]
    await asyncio.sleep(100)
    assert [process.calls for process in new] == [[], []]
    assert [process.elector.failure() for process in new] == ["", ""], "ready, or an update would wait for ever"
    await old[0].end()
    await asyncio.sleep(3)
    assert (old[1].held, [process.held for process in new]) == ([0, 1], [[], []])
    await old[1].end()
    await asyncio.sleep(3)
    assert sorted(shard for process in new for shard in process.held) == [0, 1, 2]
    assert server.leases[NUMBER].holder == "3 shards"
    await end(*new)


async def test_the_number_of_shards_is_not_released_while_another_process_holds_one(server: Server) -> None:
    first, second = (Process(name, server, 2) for name in "ab")
    await asyncio.sleep(EVEN_SECONDS)
    await first.end()
    assert server.leases[NUMBER].holder == "2 shards"
    await second.end()
    assert server.leases[NUMBER].holder == ""


@pytest.mark.parametrize("apart", [0.0, 0.01, 0.05, 0.3, 0.7, 1.1, 2.0])
@pytest.mark.parametrize("processes", ["a", "ab", "abc"])
async def test_processes_that_end_one_soon_after_the_other_leave_nothing_that_has_to_expire(
    server: Server, processes: str, apart: float
) -> None:
    """Also where one that holds no shard has renewed the number, or claimed it again, since the others ended."""
    server.seconds = 0.02
    started = [Process(name, server, 2, takes=0.1) for name in processes]
    await asyncio.sleep(EVEN_SECONDS)
    ending = []
    for process in sorted(started, key=lambda each: not each.held):
        ending.append(asyncio.create_task(process.end()))
        await asyncio.sleep(apart)
    await asyncio.gather(*ending)
    assert [server.leases[shard].holder for shard in (NUMBER, 0, 1)] == ["", "", ""]


async def test_a_process_says_by_name_which_shard_nobody_leads(server: Server) -> None:
    process = Process("a", server, 2, ready=False)
    assert process.elector.failure() == "nobody leads: the Lease is not read yet"
    await asyncio.sleep(1)
    assert process.elector.failure() == "nobody leads: this process is not ready to"
    process.ready = True
    await asyncio.sleep(4)
    assert process.elector.failure() == ""
    server.failing = ClusterError("PATCH x: no answer")
    await asyncio.sleep(60)
    assert process.elector.failure() == "nobody leads: PATCH x: no answer"
    server.failing = None
    await asyncio.sleep(3)
    server.put(1, Lease("", holder="", renewed="edited"))
    await process.end()


async def test_every_pool_has_one_writer_in_an_update_of_the_number(server: Server) -> None:
    processes = [Process(name, server, 2) for name in "ab"]
    await asyncio.sleep(EVEN_SECONDS)
    processes += [Process(name, server, 3) for name in "xy"]
    for leaving in list(processes[:2]):
        await leaving.end()
        await asyncio.sleep(5)
        assert [sum(process.writes(pool) for process in processes) for pool in POOLS] == [1] * len(POOLS)
    await end(*processes[2:])


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.3, 1.8])
async def test_no_shard_is_begun_under_a_number_that_was_released_after_it_was_renewed(
    server: Server, seconds: float
) -> None:
    """As when the last holder of all shards ends, and a process with another number is faster than this one."""
    first, second, idle = (Process(name, server, 2) for name in "abc")
    await asyncio.sleep(EVEN_SECONDS + seconds)
    [other] = [process for process in (first, second, idle) if not process.held]
    for process in (first, second, idle):
        if process is not other:
            await process.die()
    server.put(NUMBER, replace(server.leases[NUMBER], holder="3 shards"))
    for shard in (0, 1):
        server.put(shard, released(server.leases[shard], "now"))
    await asyncio.sleep(9)
    assert other.calls == []
    await other.die()


async def test_the_number_is_not_released_with_a_write_under_way(server: Server) -> None:
    process = Process("a", server, 2)
    await asyncio.sleep(5)
    with process.fences[1].passage():
        await process.end()
    assert server.leases[NUMBER].holder == "2 shards", "it has to expire"
    assert server.holders(2) == ["", "a"]


async def test_a_shard_is_lost_with_the_number(server: Server) -> None:
    process = Process("a", server, 2)
    await asyncio.sleep(5)
    server.put(NUMBER, replace(server.leases[NUMBER], holder="3 shards"))
    await asyncio.sleep(RENEW_INTERVAL_SECONDS * 2)
    assert (process.held, process.called(0), process.called(1)) == ([], ["start", "pause"], ["start", "pause"])
    renewed = server.leases[0].version
    await asyncio.sleep(5)
    assert server.leases[0].version == renewed, "it is left to whoever counts by the new number"
    await process.die()
