"""Keeps a watch running: kopf, in a thread with an event loop of its own, begun anew when it ends or hangs.

`process` calls it. In a loop of its own, because kopf, when it ends, cancels every task of its loop that is younger
than it (ticks would never come again), and may wait forever for a task of its own that lost its cancellation. Both
happen while an API server answers watches with errors. What the watch shows is handed over to our loop.
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from queueworkerpool import handlers
from queueworkerpool.handlers import Pools, Watched
from queueworkerpool.health import Vitals
from queueworkerpool.model import Key, Pool

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
HUNG_SECONDS = 25.0
"""A watch that was not even tried for so long is given up: two and a half of its lives, and before /livez complains."""

LEAVE_SECONDS = 3.0
"""For kopf's own end, and again for an end by force."""


async def watch(watched: Watched, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until told to stop, or until kopf has ended or hangs; then it can be called again."""
    run, begun = _Run(watched, namespaces), time.monotonic()
    run.start()
    stopped = asyncio.create_task(stop.wait(), name="stop watching")
    ended = asyncio.create_task(run.ended.wait(), name="watch ended")
    try:
        while not (stopped.done() or ended.done() or _hangs(watched.vitals, begun)):
            await asyncio.wait((stopped, ended), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for leave in (run.leave, run.leave_at_once, run.leave_at_once):
            if not ended.done():
                leave()
                await asyncio.wait((ended,), timeout=LEAVE_SECONDS)
        if not ended.done():
            logger.error("a watch that hangs is left alone")
    finally:
        stopped.cancel()
        ended.cancel()


def _hangs(vitals: Vitals, begun: float) -> bool:
    # To be begun is no sign of life: one that hangs each time is for /livez to tell.
    now = time.monotonic()
    silence = min(now - begun, max(vitals.watch_silence(now).values(), default=math.inf))
    if silence >= HUNG_SECONDS:
        logger.error("the watch hangs, and begins anew", extra={"seconds": round(silence)})
    return silence >= HUNG_SECONDS


class _Run(threading.Thread):
    """One life of kopf. Made in our loop, where `ended` is set."""

    def __init__(self, watched: Watched, namespaces: tuple[str, ...]) -> None:
        super().__init__(name="watch", daemon=True)
        self.ended = asyncio.Event()
        self._ours = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._watched = replace(watched, pools=_Handover(watched.pools, self._ours))
        self._namespaces = namespaces

    def leave(self) -> None:
        """Ask kopf to end."""
        self._call(self._stop.set)

    def leave_at_once(self) -> None:
        """Cancel everything in the loop, also what has been cancelled already."""
        self._call(self._loop.stop)

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(handlers.watch(self._watched, self._namespaces, self._stop))
        except Exception:  # kopf ends at answers that it does not expect; what is known meanwhile stays
            logger.exception("the watch failed, and begins anew")
        finally:
            with suppress(RuntimeError):  # our loop is closed: the process ends
                self._ours.call_soon_threadsafe(self.ended.set)

    def _call(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(what)


class _Handover:
    """Pools as they are told in kopf's loop, told again in ours."""

    def __init__(self, pools: Pools, ours: asyncio.AbstractEventLoop) -> None:
        self._pools = pools
        self._ours = ours

    def seen(self, pool: Pool) -> None:
        self._ours.call_soon_threadsafe(self._pools.seen, pool)

    def gone(self, key: Key, uid: str) -> None:
        self._ours.call_soon_threadsafe(self._pools.gone, key, uid)
