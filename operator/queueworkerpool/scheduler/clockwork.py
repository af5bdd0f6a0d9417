"""When each pool is due. Our own, because kopf's timers can die silently (ADR 0001).

`handlers` tells it which pools exist, and it calls `reconcile` for each pool when it is due: at once when it appears
or its spec changes, then every `pollSeconds`, on a phase of its own, so that a thousand pools do not come due
together. Ticks of one pool never overlap. Whatever a tick raises costs that tick alone.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    NotLeadingError,
    PoolGoneError,
    SpecInvalidError,
)
from queueworkerpool.model import Key, Pool
from queueworkerpool.scheduler.roster import Roster

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.5
"""After a conflict: time for the watch to show what changed."""

INVALID_POLL_SECONDS = 300
"""A pool whose spec cannot be read is looked at again this often, besides at each edit."""

BEAT_SECONDS = 0.25
"""Regular due times fall on multiples of this. Ticks that come in small groups find the processor's caches warm: at 67
a second that halves what each costs (measured), and the groups stay too small to be felt by SQS."""

_GOLDEN_RATIO = 0.6180339887498949
"""Successive multiples of it, modulo 1, spread evenly at any count (the golden-ratio low-discrepancy sequence)."""

Tick = Callable[[Pool, Key | None], Awaitable[tuple[Pool, float | None]]]
"""What to do with a pool that is due, given the pool that owns its Deployment if that is another one. It returns the
pool as it now is, and after how many seconds to look again when that cannot wait for the usual time."""


class Forgetful(Protocol):
    """Who keeps something about each pool."""

    def forget(self, pool: Key) -> None:
        """A pool is gone."""


class Meter(Forgetful, Protocol):
    """Whom to tell how the ticks go."""

    def ticked(self, lag_seconds: float, took_seconds: float) -> None:
        """One tick began this long after it was due, and took this long."""

    def failed(self) -> None:
        """One tick ended early, and not because somebody else wrote first or leads."""


@dataclass(slots=True)
class _Slot:
    """One pool's place in time. `phase` is a share of its interval."""

    phase: float
    due: float = 0.0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    again: bool = False
    complaint: str = ""  # the failure told last, so that an outage is told once and not at every tick


class Scheduler:
    """Runs the ticks of all pools on the running event loop, once and while it is told to lead."""

    def __init__(self, roster: Roster, tick: Tick, meter: Meter, *others: Forgetful) -> None:
        """Take the pools, what to do when one is due, whom to tell how it went, and who else forgets what is gone."""
        self._roster = roster
        self._tick = tick
        self._meter = meter
        self._forgetful = (meter, *others)
        self._slots: dict[Key, _Slot] = {}
        self._placed = 0
        self._leading = False
        # Timers inherit the context of whoever sets them: that of a watch would keep the whole body it showed alive.
        self._context = contextvars.copy_context()

    def seen(self, pool: Pool) -> None:
        """Take in a pool as the watch shows it. A new or edited one is due at once."""
        known = self._roster.get(pool.key)
        if not self._roster.put(pool):
            return
        if known is None or known.uid != pool.uid or known.generation != pool.generation:
            self._wake([pool.key, *self._roster.rivals(pool), *(self._roster.rivals(known) if known else ())])

    def gone(self, key: Key, uid: str) -> None:
        """Take in that a pool was deleted. A pool that inherits its Deployment is due at once."""
        pool = self._roster.get(key)
        if pool is None or pool.uid != uid:
            return
        heirs = self._roster.rivals(pool)
        self._roster.remove(key)
        for each in self._forgetful:
            each.forget(key)
        if slot := self._slots.pop(key, None):
            self._end(slot)
        self._wake(heirs)

    def lead(self) -> None:
        """Begin to tick: every pool is due at once."""
        self._leading = True
        self._wake(self._roster.keys())

    def refresh(self, pools: Iterable[Pool]) -> None:
        """Take in newer states of pools that the watch has shown; of others it has not shown the Deployments either."""
        for pool in pools:
            if self._roster.get(pool.key):
                self.seen(pool)

    def rest(self) -> None:
        """Stop ticking, and forget what ticks have learnt as a restart would; pools and Deployments stay known."""
        self._leading = False
        for key, slot in self._slots.items():
            self._end(slot)
            for each in self._forgetful:
                each.forget(key)
        self._slots.clear()

    def overdue_seconds(self) -> float:
        """For how long the most belated pool has been due without being begun. May be called from any thread."""
        now = time.monotonic()  # what an event loop's time is
        return max((now - slot.due for slot in list(self._slots.values()) if slot.due and not slot.task), default=0.0)

    async def finish(self, seconds: float) -> None:
        """Begin no tick any more, and wait this long at most for those under way."""
        self._leading = False
        for slot in self._slots.values():
            if slot.timer:
                slot.timer.cancel()
        if tasks := [slot.task for slot in self._slots.values() if slot.task]:
            await asyncio.wait(tasks, timeout=seconds)

    async def close(self) -> None:
        """End all ticks. What a tick was writing is finished by the API server or not, as at any crash."""
        self._leading = False
        tasks = [slot.task for slot in self._slots.values() if slot.task]
        for slot in self._slots.values():
            self._end(slot)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, slot: _Slot) -> None:
        if slot.timer:
            slot.timer.cancel()
        # A tick that outlived its pool would bring it back: to the roster, where it would own its Deployment for
        # ever, and to the metrics. The tick that finds out that its pool is gone ends by itself.
        if slot.task and slot.task is not asyncio.current_task():
            slot.task.cancel()

    def _wake(self, keys: Iterable[Key]) -> None:
        for key in dict.fromkeys(keys):
            if key not in self._slots:
                self._placed += 1
                self._slots[key] = _Slot(phase=self._placed * _GOLDEN_RATIO % 1)
            self._set(key, self._slots[key], 0.0)

    def _set(self, key: Key, slot: _Slot, delay: float) -> None:
        if not self._leading:
            return
        if slot.task:
            slot.again = True
            return
        if slot.timer:
            slot.timer.cancel()
        loop = asyncio.get_running_loop()
        slot.due = loop.time() + delay
        slot.timer = loop.call_at(slot.due, self._start, key, slot, context=self._context)

    def _start(self, key: Key, slot: _Slot) -> None:
        slot.timer, slot.again = None, False
        slot.task = asyncio.create_task(self._run(key, slot), name=f"tick {key}")

    async def _run(self, key: Key, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        delay = None
        if pool := self._roster.get(key):
            delay = await self._attempt(pool, slot)
        self._meter.ticked(began - slot.due, loop.time() - began)
        slot.task = None
        if self._slots.get(key) is slot:
            if slot.again:
                delay = 0.0
            self._set(key, slot, self._until_next(slot, self._roster.get(key)) if delay is None else delay)

    async def _attempt(self, pool: Pool, slot: _Slot) -> float | None:
        """Run one tick; returns after how many seconds to look again when that is not at the usual time."""
        try:
            now, look_again = await self._tick(pool, self._roster.owner(pool))
        except PoolGoneError:  # the watch missed it
            self.gone(pool.key, pool.uid)
        except ClusterConflictError as error:
            logger.debug("looking again", extra={"pool": str(pool.key), "error": str(error)})
            return LOOK_AGAIN_SECONDS
        except NotLeadingError as error:  # whoever leads does it
            logger.debug("not leading", extra={"pool": str(pool.key), "error": str(error)})
        except ClusterError as error:
            self._meter.failed()
            told, slot.complaint = slot.complaint == str(error), str(error)
            logger.log(
                logging.DEBUG if told else logging.WARNING,
                "cluster not written",
                extra={"pool": str(pool.key), "error": str(error)},
            )
        except Exception:  # a bug in one pool's tick must not stop the others, nor this pool's next tick
            self._meter.failed()
            logger.exception("tick failed", extra={"pool": str(pool.key)})
        else:
            slot.complaint = ""
            self._roster.put(now)
            # Edited while we wrote: the watch has no news for us any more.
            return look_again if now.generation == pool.generation else 0.0
        return None

    def _until_next(self, slot: _Slot, pool: Pool | None) -> float:
        interval = float(INVALID_POLL_SECONDS)
        if pool and not isinstance(pool.spec, SpecInvalidError):
            interval = float(pool.spec.poll_seconds)
        offset = slot.phase * interval // BEAT_SECONDS * BEAT_SECONDS
        return interval - (asyncio.get_running_loop().time() - offset) % interval
