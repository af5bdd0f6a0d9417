"""Keeps a watch running: kopf, in a thread with an event loop of its own, restarted when it ends or hangs.

`process` calls it. In a loop of its own, because kopf, when it ends, cancels every task of its loop that is younger
than it (ticks would never come again), and may wait for ever for a task of its own that lost its cancellation. Both
happen while an API server answers watches with errors. What the watch shows is handed over to our loop. It decides
nothing about pools.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, StoredPool
from queueworkerpool.watch import adapter
from queueworkerpool.watch.adapter import Pools, Sinks

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SECONDS = 1.0
HUNG_SECONDS = 25.0
"""A watch that sent no request for so long is restarted: two and a half of its periods, and before /livez fails."""

STOP_SECONDS = 3.0
"""Seconds to wait for kopf to stop by itself, and again after it was stopped by force."""


async def watch(sinks: Sinks, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until `stop` is set, or until kopf has ended or hangs; then it can be called again."""
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
                await asyncio.wait((ended,), timeout=STOP_SECONDS)
        if not ended.done():
            logger.error("a watch that hangs cannot be stopped")
    finally:
        stopped.cancel()
        ended.cancel()


def _hangs(health: HealthState, begun: float) -> bool:
    # A start is no sign of life: a watch that hangs at each start is for /livez to report.
    now = time.monotonic()
    silence = min(now - begun, max(health.watch_silence(now).values(), default=math.inf))
    if silence >= HUNG_SECONDS:
        logger.error("the watch hangs, restarting it", extra={"seconds": round(silence)})
    return silence >= HUNG_SECONDS


class _Run(threading.Thread):
    """One life of kopf. Made in our loop, where `ended` is set."""

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
        """Cancel everything in the loop, also what has been cancelled already."""
        self._call(self._loop.stop)

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(adapter.watch(self._sinks, self._namespaces, self._stop_kopf))
        except Exception:  # kopf ends at answers that it does not expect; what is known meanwhile stays
            logger.exception("the watch failed, restarting it")
        finally:
            with suppress(RuntimeError):  # our loop is closed: the process ends
                self._ours.call_soon_threadsafe(self.ended.set)

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(what)


class _Handover:
    """Hands pools over from kopf's loop to ours."""

    def __init__(self, pools: Pools, ours: asyncio.AbstractEventLoop) -> None:
        self._pools = pools
        self._ours = ours

    def pool_changed(self, pool: StoredPool) -> None:
        self._ours.call_soon_threadsafe(self._pools.pool_changed, pool)

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        self._ours.call_soon_threadsafe(self._pools.pool_deleted, key, uid)
