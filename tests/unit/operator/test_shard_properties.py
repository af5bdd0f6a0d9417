"""At no time two processes may write one pool, and in the end one may: whatever happens to processes and Leases."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations, cycle

import looptime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from queueworkerpool.errors import NotLeadingError
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.lease import Lease
from tests.unit.operator.shard_elections import NUMBER, POOLS, POOLS_OF, Process, Server, now

LEAST_SECONDS = 0.0001
"""What each request takes: a wait that rounding leaves is too short for simulated time, which would stand still."""

CALM_SECONDS = 150.0
"""How long nothing happens before every pool must have a writer: requests that hang, Leases that expire twice."""

WRITE_SECONDS = 2.0
"""What each write takes. A write that is sent at the last moment has arrived before another process leads."""


class WatchedFence(Fence):
    """Tells when it opens: where two processes may write one pool, one of them begins to while the other may."""

    def __init__(self, clock: Callable[[], float], within: Fence | None, opened: Callable[[], None]) -> None:
        super().__init__(clock, within)
        self._opened = opened

    def open_until(self, time: float) -> None:
        super().open_until(time)
        self._opened()


@dataclass
class Watched(Process):
    """A process of a site. `writes_on`: it always writes what it may."""

    opened: Callable[[], None] = lambda: None
    writes_on: bool = False
    writing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        shards = range(self.shards) if self.writes_on else ()
        self.writers = [asyncio.create_task(self._write_on(shard)) for shard in shards]

    def fence_of(self, within: Fence | None) -> Fence:
        return WatchedFence(self.clock, within, self.opened)

    def may_write(self) -> set[str]:
        """Return the pools of which a write passes now, or is under way."""
        return self.writable() | self.writing

    async def _write_on(self, shard: int) -> None:
        while True:
            with contextlib.suppress(NotLeadingError), self.fences[shard].passage():
                self.writing.update(POOLS_OF[self.shards][shard])
                await asyncio.sleep(WRITE_SECONDS)
            self.writing.difference_update(POOLS_OF[self.shards][shard])
            await asyncio.sleep(WRITE_SECONDS / 4)

    async def die(self) -> None:
        await super().die()
        for writer in self.writers:
            writer.cancel()


@dataclass(frozen=True)
class Start:
    """A process starts, and one of its name is killed first."""

    name: str
    shards: int
    offset: float
    rate: float
    delays: tuple[float, ...]


@dataclass(frozen=True)
class End:
    """A process is stopped in order, or killed."""

    name: str
    killed: bool


@dataclass(frozen=True)
class Meddle:
    """Somebody edits or deletes a Lease."""

    shard: int
    how: str


@dataclass
class Site:
    """Processes, and what happens to them."""

    server: Server = field(default_factory=Server)
    running: dict[str, Watched] = field(default_factory=dict)
    calm: bool = False
    ending: list["asyncio.Task[None]"] = field(default_factory=list)
    unwritten: set[str] = field(default_factory=set)
    twice: list[tuple[float, str, str]] = field(default_factory=list)

    def check(self) -> None:
        for (one, first), (other, second) in combinations(self.running.items(), 2):
            if first.may_write() & second.may_write():
                self.twice.append((now(), one, other))

    async def do(self, event: Start | End | Meddle) -> None:
        if isinstance(event, Meddle):
            self._meddle(event)
            return
        if isinstance(event, End) and not event.killed and event.name in self.running:
            self.ending.append(asyncio.create_task(self.running[event.name].end()))
            return
        if event.name in self.running:
            await self.running.pop(event.name).die()
        if isinstance(event, Start):
            drawn = cycle(event.delays)
            self.running[event.name] = Watched(
                event.name,
                self.server,
                event.shards,
                offset=event.offset,
                rate=event.rate,
                delays=lambda: LEAST_SECONDS + (0.0 if self.calm else next(drawn)),
                opened=self.check,
                writes_on=True,
            )

    def _meddle(self, event: Meddle) -> None:
        lease = self.server.leases[event.shard]
        if event.how == "delete":
            self.server.leases[event.shard] = Lease("")
        elif lease.version and lease.holder:
            edit = {"shorten": replace(lease, seconds=1), "take the holder away": replace(lease, holder="")}
            self.server.put(event.shard, edit[event.how])


DELAYS = st.lists(st.sampled_from([*[0.0] * 8, 0.01, 0.01, 0.4, 3.0, 15.0, 61.0]), min_size=7, max_size=30)
STARTS = st.builds(
    Start,
    st.sampled_from("abcd"),
    st.sampled_from([1, 2, 2, 3, 3]),
    st.floats(-1e6, 1e6),
    st.floats(0.9, 1.1),
    DELAYS.map(tuple),
)
ENDS = st.builds(End, st.sampled_from("abcd"), st.booleans())
MEDDLES = st.builds(
    Meddle, st.sampled_from([NUMBER, 0, 1]), st.sampled_from(["delete", "shorten", "take the holder away"])
)
EVENTS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.3, 1.0, 2.7, 9.0, 20.0, 40.0]), STARTS | ENDS | STARTS | MEDDLES), max_size=14
)


async def play(first: list[Start], events: list[tuple[float, Start | End | Meddle]]) -> Site:
    site = Site()
    for start in first:
        await site.do(start)
    for seconds, event in events:
        await asyncio.sleep(seconds)
        await site.do(event)
    await site.do(first[0])  # so that one is left
    site.calm = True
    await asyncio.sleep(CALM_SECONDS)
    writers = Counter(pool for process in site.running.values() for pool in process.writable())
    site.unwritten = set(POOLS) - writers.keys()
    return site


_SLOW = (
    0.0,
    0.0,
    0.01,
    3.0,
    3.0,
    61.0,
    61.0,
    0.0,
    0.4,
    0.01,
    61.0,
    0.0,
    0.01,
    61.0,
    0.01,
    0.0,
    0.0,
    15.0,
    0.0,
    3.0,
    0.0,
)
_MIXED = (15.0, 0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 61.0, 0.0, 0.0, 15.0, 0.0, 0.0, 0.0)
ROUNDED: tuple[list[Start], list[tuple[float, Start | End | Meddle]]] = (
    [Start("d", 2, -614488.1486923625, 0.9283062762561802, _MIXED)],
    [
        (9.0, End("a", killed=True)),
        (0.3, End("c", killed=False)),
        (20.0, Start("a", 2, 0.0, 0.9769565263942821, (*_SLOW, 0.0, 15.0))),
        (0.0, Start("b", 1, 400712.09750126465, 0.9586234957128942, _MIXED)),
        (2.7, Start("d", 3, 1 / 3, 0.9, (*_SLOW, 0.0, 15.0))),
        (0.3, Meddle(0, "take the holder away")),
    ],
)
"""Clocks by which a wait is rounded to less than a microsecond."""


@pytest.mark.endurance
@settings(max_examples=25, deadline=None)
@given(st.lists(STARTS, min_size=1, max_size=3), EVENTS)
@example(*ROUNDED)
def test_every_pool_has_at_most_one_writer_at_all_times_and_one_in_the_end(
    first: list[Start], events: list[tuple[float, Start | End | Meddle]]
) -> None:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        site = runner.run(play(first, events))
        assert site.twice == []
        assert site.unwritten == set()


@dataclass(frozen=True)
class Life:
    """A process that starts and is ended in order; seconds from the start of the first one, and from its own."""

    shards: int
    starts: float
    lasts: float
    offset: float
    rate: float
    takes: float


LIVES = st.builds(
    Life,
    st.sampled_from([1, 2, 2, 2, 3]),
    st.sampled_from([0.0, 0.0, 0.5, 3.0, 15.0, 40.0, 61.3]),
    st.sampled_from([0.0, 0.02, 0.7, 1.5, 4.0, 20.0, 21.0, 45.0]) | st.floats(0.0, 50.0),
    st.floats(-1e6, 1e6),
    st.floats(0.9, 1.1),
    st.sampled_from([0.0, 0.1, 0.9]),
)


async def live(name: str, life: Life, site: Site) -> None:
    await asyncio.sleep(life.starts)
    process = site.running[name] = Watched(
        name,
        site.server,
        life.shards,
        offset=life.offset,
        rate=life.rate,
        takes=life.takes,
        delays=lambda: LEAST_SECONDS,
        opened=site.check,
    )
    await asyncio.sleep(life.lasts)
    await process.end()


async def live_all(lives: list[Life], request_seconds: float) -> Site:
    site = Site(Server(seconds=request_seconds))
    await asyncio.gather(*(live(f"process-{number}", life, site) for number, life in enumerate(lives)))
    return site


@pytest.mark.endurance
@settings(max_examples=25, deadline=None)
@given(st.lists(LIVES, min_size=1, max_size=5), st.sampled_from([0.0, 0.02, 0.3, 0.9]))
def test_processes_that_are_ended_in_order_leave_no_lease_that_has_to_expire(
    lives: list[Life], request_seconds: float
) -> None:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        site = runner.run(live_all(lives, request_seconds))
        assert site.twice == []
        assert {shard: lease.holder for shard, lease in site.server.leases.items() if lease.holder} == {}
