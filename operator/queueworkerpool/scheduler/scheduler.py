"""When each pool is due. Our own, because kopf's timers can die silently (ADR 0001).

The watch reports which pools exist, and the scheduler calls `reconcile` for each pool when it is due: at once when it
appears or its spec changes, then every `pollSeconds`, on a phase of its own, so that a thousand pools do not come due
together. Ticks of one pool never overlap. Whatever a tick raises costs that tick alone. It decides nothing about pods.
"""

import asyncio
import contextvars
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from queueworkerpool.errors import ClusterConflictError, ClusterError, NotLeadingError, PoolGoneError
from queueworkerpool.model import INVALID_POLL_SECONDS, NamespacedName, StoredPool
from queueworkerpool.scheduler.store import PoolStore

logger = logging.getLogger(__name__)

CONFLICT_RETRY_SECONDS = 0.5
"""The wait after a conflict, in which the watch shows what changed."""

DUE_GRID_SECONDS = 0.25
"""Regular due times fall on multiples of this. Ticks that come in small groups find the processor's caches warm: at 67
a second that halves what each costs (measured), and the groups stay too small to be felt by SQS."""

_GOLDEN_RATIO = 0.6180339887498949
"""Successive multiples of it, modulo 1, spread evenly at any count (the golden-ratio low-discrepancy sequence)."""

Tick = Callable[[StoredPool, NamespacedName | None], Awaitable[tuple[StoredPool, float | None]]]
"""What to do with a pool that is due, given the pool that owns its target if that is another one. It returns the
pool as it now is, and the seconds to the next tick when that cannot wait for the usual time."""


class Shards(Protocol):
    """How pools are divided among processes."""

    def of(self, pool: NamespacedName) -> int:
        """Return the shard that a pool belongs to."""

    def writing_for(self, shard: int) -> AbstractContextManager[None]:
        """Let the writes of the body, and of the tasks that it starts, pass as those of a shard."""


class PoolState(Protocol):
    """Whatever keeps something about each pool."""

    def forget(self, pool: NamespacedName) -> None:
        """Drop what is kept about a pool that is gone."""


class TickMetrics(PoolState, Protocol):
    """What counts the ticks."""

    def ticked(self, lag_seconds: float, took_seconds: float) -> None:
        """Record that one tick began this long after it was due, and took this long."""

    def failed(self) -> None:
        """Count a tick that ended early, unless another process wrote first or leads."""


@dataclass(slots=True)
class _Entry:
    """One pool's place in time. `phase` is a share of its interval."""

    shard: int
    phase: float
    due: float = 0.0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    again: bool = False
    last_error: str = ""  # the failure logged last, so that an outage is logged once and not at every tick


class Scheduler:
    """Runs the ticks of all pools on the running event loop, of each shard while it is started."""

    def __init__(self, store: PoolStore, shards: Shards, tick: Tick, metrics: TickMetrics, *others: PoolState) -> None:
        """Create a scheduler that is not started.

        Args:
            store: The pools that exist.
            shards: Which shard each belongs to.
            tick: Called for each pool that is due.
            metrics: Counts the ticks.
            others: Whatever else keeps something about each pool, and must forget pools that are gone.
        """
        self._store = store
        self._tick = tick
        self._metrics = metrics
        self._states = (metrics, *others)
        self._entries: dict[NamespacedName, _Entry] = {}
        self._placed = 0
        self._shards = shards
        self._started: set[int] = set()
        self._refreshed: set[NamespacedName] = set()  # before the start: pools that may tick already
        # Timers inherit the context of whoever sets them: that of a watch would keep the whole body it showed alive.
        self._context = contextvars.copy_context()

    def pool_changed(self, pool: StoredPool, *, listed: bool = False) -> None:
        """Store a pool as the watch, or a list, shows it. A new or edited one is due at once."""
        before = self._store.get(pool.key)
        if not self._store.put(pool, listed=listed):
            return
        if before is None or before.uid != pool.uid or before.generation != pool.generation:
            others = self._store.sharing_target(before) if before else ()
            self._make_due([pool.key, *self._store.sharing_target(pool), *others])

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        """Forget a pool that was deleted. A pool that inherits its target is due at once."""
        pool = self._store.get(key)
        if pool is None or pool.uid != uid:
            return
        heirs = self._store.sharing_target(pool)
        self._store.remove(key)
        for state in self._states:
            state.forget(key)
        if entry := self._entries.pop(key, None):
            self._end(entry)
        self._make_due(heirs)

    def start(self, shard: int = 0) -> None:
        """Begin to tick the pools of a shard: each that does not tick yet is due at once."""
        self._started.add(shard)
        due = [key for key in self._store.keys() if self._shards.of(key) == shard and key not in self._refreshed]  # noqa: SIM118 -- no dict
        self._make_due(due)
        self._refreshed = {key for key in self._refreshed if self._shards.of(key) != shard}

    def refresh(self, pool: StoredPool) -> None:
        """Before the start: store the newest state of a pool, if the watch has shown it, and begin to tick this one.

        So a long list of pools keeps only those waiting that are still to come.
        """
        self._refreshed.add(pool.key)
        if self._store.get(pool.key):
            self.pool_changed(pool)
            self._make_due([pool.key])

    def pause(self, shard: int = 0) -> None:
        """Stop ticking the pools of a shard, and forget what their ticks have learnt as a restart would.

        Pools and targets stay known.
        """
        self._begin_nothing(shard)
        for key, entry in self._entries_of(shard):
            self._end(entry)
            del self._entries[key]
            for state in self._states:
                state.forget(key)

    def overdue_seconds(self) -> float:
        """Return for how long the latest pool has been due without its tick. May be called from any thread."""
        now = time.monotonic()  # what an event loop's time is
        return max(
            (now - entry.due for entry in list(self._entries.values()) if entry.due and not entry.task), default=0.0
        )

    def ticking(self) -> Counter[int]:
        """Return how many pools tick here, by shard. May be called from any thread."""
        return Counter(entry.shard for entry in list(self._entries.values()))

    async def finish(self, seconds: float, shard: int = 0) -> None:
        """Begin no tick of a shard any more, and wait this long at most for those under way."""
        self._begin_nothing(shard)
        entries = [entry for _, entry in self._entries_of(shard)]
        for entry in entries:
            if entry.timer:
                entry.timer.cancel()
        if tasks := [entry.task for entry in entries if entry.task]:
            await asyncio.wait(tasks, timeout=seconds)

    async def close(self) -> None:
        """End all ticks. What a tick was writing is finished by the API server or not, as at any crash."""
        self._started.clear()
        self._refreshed.clear()
        tasks = [entry.task for entry in self._entries.values() if entry.task]
        for entry in self._entries.values():
            self._end(entry)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin_nothing(self, shard: int) -> None:
        self._started.discard(shard)
        self._refreshed = {key for key in self._refreshed if self._shards.of(key) != shard}

    def _entries_of(self, shard: int) -> list[tuple[NamespacedName, _Entry]]:
        return [(key, entry) for key, entry in self._entries.items() if entry.shard == shard]

    def _end(self, entry: _Entry) -> None:
        if entry.timer:
            entry.timer.cancel()
        # A tick that outlived its pool would bring it back: to the store, where it would own its target for
        # ever, and to the metrics. The tick that finds out that its pool is gone ends by itself.
        if entry.task and entry.task is not asyncio.current_task():
            entry.task.cancel()

    def _make_due(self, keys: Iterable[NamespacedName]) -> None:
        for key in dict.fromkeys(keys):
            if entry := self._entries.get(key) or self._placed_now(key):
                self._set(key, entry, 0.0)

    def _placed_now(self, key: NamespacedName) -> _Entry | None:
        """Give a pool its place in time; return None where another process ticks it."""
        shard = self._shards.of(key)
        if shard not in self._started and key not in self._refreshed:
            return None
        self._placed += 1
        entry = self._entries[key] = _Entry(shard, phase=self._placed * _GOLDEN_RATIO % 1)
        return entry

    def _set(self, key: NamespacedName, entry: _Entry, delay: float) -> None:
        if entry.shard not in self._started and key not in self._refreshed:
            return
        if entry.task:
            entry.again = True
            return
        if entry.timer:
            entry.timer.cancel()
        loop = asyncio.get_running_loop()
        entry.due = loop.time() + delay
        entry.timer = loop.call_at(entry.due, self._start, key, entry, context=self._context)

    def _start(self, key: NamespacedName, entry: _Entry) -> None:
        entry.timer, entry.again = None, False
        entry.task = asyncio.create_task(self._run(key, entry), name=f"tick {key}")

    async def _run(self, key: NamespacedName, entry: _Entry) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        delay = None
        if pool := self._store.get(key):
            delay = await self._tick_once(pool, entry)
        self._metrics.ticked(began - entry.due, loop.time() - began)
        entry.task = None
        if self._entries.get(key) is entry:
            if entry.again:
                delay = 0.0
            self._set(key, entry, self._until_next(entry, self._store.get(key)) if delay is None else delay)

    async def _tick_once(self, pool: StoredPool, entry: _Entry) -> float | None:
        """Run one tick; return the seconds to the next one when that is not at the usual time."""
        try:
            with self._shards.writing_for(entry.shard):
                written, recheck_seconds = await self._tick(pool, self._store.owner(pool))
        except PoolGoneError:  # the watch missed it
            self.pool_deleted(pool.key, pool.uid)
        except ClusterConflictError as error:
            logger.debug("write conflict, trying again", extra={"pool": str(pool.key), "error": str(error)})
            return CONFLICT_RETRY_SECONDS
        except NotLeadingError as error:  # the process that leads does it
            logger.debug("not leading", extra={"pool": str(pool.key), "error": str(error)})
        except ClusterError as error:
            self._metrics.failed()
            repeated, entry.last_error = entry.last_error == str(error), str(error)
            logger.log(
                logging.DEBUG if repeated else logging.WARNING,
                "cluster not written",
                extra={"pool": str(pool.key), "error": str(error)},
            )
        except Exception:  # a bug in one pool's tick must not stop the others, nor this pool's next tick
            self._metrics.failed()
            logger.exception("tick failed", extra={"pool": str(pool.key)})
        else:
            entry.last_error = ""
            self._store.put(written)
            # Edited while we wrote: the watch will not report that edit again.
            return recheck_seconds if written.generation == pool.generation else 0.0
        return None

    def _until_next(self, entry: _Entry, pool: StoredPool | None) -> float:
        interval = float(pool.poll_seconds if pool else INVALID_POLL_SECONDS)
        offset = entry.phase * interval // DUE_GRID_SECONDS * DUE_GRID_SECONDS
        return interval - (asyncio.get_running_loop().time() - offset) % interval
