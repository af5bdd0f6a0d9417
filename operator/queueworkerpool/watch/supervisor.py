"""Runs the watch in a thread with an event loop of its own, and ends it when it hangs.

`process` calls it again whenever it returns. kopf has its own loop because, when it ends, it cancels every task of its
loop that is younger than itself, which would end all ticks, and may wait forever for one of its own tasks that lost
its cancellation. Both happen while an API server answers watches with errors. What the watch shows is handed over to
our loop. It decides nothing about pools.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, StoredPool
from queueworkerpool.names import PLURAL
from queueworkerpool.watch import adapter
from queueworkerpool.watch.adapter import Pools, Sinks

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SECONDS = 1.0
"""How often signs of life are checked."""

HUNG_SECONDS = 25.0
"""A watch without a sign of life for this long hangs: two and a half of its periods, and before /livez fails."""

STOP_TIMEOUT_SECONDS = 3.0
"""How long to wait for kopf to stop by itself, and again each time it was stopped by force."""


async def watch(sinks: Sinks, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until `stop` is set, kopf ends, or kopf hangs; then it can be called again."""
    run, begun = _Run(sinks, namespaces), time.monotonic()
    run.start()
    stopped = asyncio.create_task(stop.wait(), name="stop watching")
    ended = asyncio.create_task(run.ended.wait(), name="watch ended")
    try:
        while not (stopped.done() or ended.done() or _hangs(sinks.health, begun)):
            await asyncio.wait((stopped, ended), timeout=CHECK_INTERVAL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for stop_kopf in (run.stop, run.stop_by_force, run.stop_by_force):
            if not ended.done():
                stop_kopf()
                await asyncio.wait((ended,), timeout=STOP_TIMEOUT_SECONDS)
        if not ended.done():
            logger.error("a watch that hangs cannot be stopped")
    finally:
        stopped.cancel()
        ended.cancel()


def _hangs(health: HealthState, begun: float) -> bool:
    # A start is no sign of life: a watch that hangs at each start is for /livez to report.
    now = time.monotonic()
    silence = min(now - begun, health.watch_silence(now).get(PLURAL, math.inf))
    if silence >= HUNG_SECONDS:
        logger.error("the watch hangs, restarting it", extra={"seconds": round(silence)})
    return silence >= HUNG_SECONDS


class _Run(threading.Thread):
    """One run of kopf, in a thread. Create it in our loop, where `ended` is set."""

    def __init__(self, sinks: Sinks, namespaces: tuple[str, ...]) -> None:
        super().__init__(name="watch", daemon=True)
        self.ended = asyncio.Event()
        self._ours = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._stop_kopf = asyncio.Event()
        self._sinks = replace(sinks, pools=_Handover(sinks.pools, self._ours))
        self._namespaces = namespaces

    def stop(self) -> None:
        """Ask kopf to stop."""
        self._call(self._stop_kopf.set)

    def stop_by_force(self) -> None:
        """Stop kopf's loop, which cancels all its tasks, also those that have been cancelled before."""
        self._call(self._loop.stop)

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(adapter.watch(self._sinks, self._namespaces, self._stop_kopf))
        except Exception:  # kopf ends at unexpected answers; what is known stays known
            logger.exception("the watch failed, restarting it")
        finally:
            with suppress(RuntimeError):  # our loop is closed: the process ends
                self._ours.call_soon_threadsafe(self.ended.set)

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(what)


class _Handover:
    """Pools that are handed over from kopf's loop to ours."""

    def __init__(self, pools: Pools, ours: asyncio.AbstractEventLoop) -> None:
        self._pools = pools
        self._ours = ours

    def pool_changed(self, pool: StoredPool, *, listed: bool = False) -> None:
        self._ours.call_soon_threadsafe(partial(self._pools.pool_changed, pool, listed=listed))

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        self._ours.call_soon_threadsafe(self._pools.pool_deleted, key, uid)
