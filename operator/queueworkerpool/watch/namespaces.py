"""Which of the namespaces to serve can be listed: one that is gone or forbidden must not cost the others.

`process` uses it around each run of kopf, which does not begin with a forbidden namespace, and goes on asking, without
a word to anybody, for one that is forbidden later. It changes nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

logger = logging.getLogger(__name__)

RECHECK_SECONDS = 10.0
"""How often a namespace that could not be listed is tried again, and whether watches were refused is looked at."""


class Lister(Protocol):
    """What tells whether pools can be listed."""

    async def may_list_pools(self, namespace: str) -> bool:
        """Return whether the API server lets us list pools there. Raises nothing: an outage is no refusal."""


class Namespaces:
    """The namespaces to serve; none named: all, by rights in the whole cluster."""

    def __init__(
        self,
        names: tuple[str, ...],
        lister: Lister,
        stop: asyncio.Event,
        refusals: Callable[[], int],
    ) -> None:
        """Ask nothing yet.

        Args:
            names: The namespaces to serve.
            lister: Tells whether pools can be listed.
            stop: Set when the process stops.
            refusals: Returns how often the API server has refused a watch of pools.
        """
        self.names = names or ("",)
        self._lister = lister
        self._stop = stop
        self._refusals = refusals
        self._refused: set[str] = set()  # since before the run began: not watched
        self._lost: set[str] = set()  # since then: kopf asks again and again by itself
        self._refusals_seen = 0

    async def listable(self) -> tuple[str, ...] | None:
        """Return the namespaces to watch, empty for the whole cluster; None when there is nothing to watch now."""
        before, self._refusals_seen = self._refused, self._refusals()
        self._lost = set()
        self._refused = {name for name in self.names if not await self._lister.may_list_pools(name)}
        if self._refused and self._refused != before:
            logger.error("pools cannot be listed", extra={"namespaces": sorted(self._refused)})
        if self.names == ("",):
            return None if self._refused else ()
        return tuple(name for name in self.names if name not in self._refused) or None

    def refused(self) -> set[str]:
        """Return the namespaces whose pools cannot be listed; the empty name is the whole cluster."""
        return self._refused | self._lost

    @asynccontextmanager
    async def end_when_changed(self) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set when the process stops, or when a refused namespace can be listed again."""
        end = asyncio.Event()
        waiting = asyncio.create_task(self._until_changed(end), name="namespaces")
        try:
            yield end
        finally:
            waiting.cancel()

    async def _until_changed(self, end: asyncio.Event) -> None:
        while not self._stop.is_set() and not await self._any_is_back():
            await self._recheck_watched()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), RECHECK_SECONDS)
        end.set()

    async def _recheck_watched(self) -> None:
        """Ask about the namespaces that are watched when a watch was refused lately: an idle cluster is not asked."""
        seen, self._refusals_seen = self._refusals_seen, self._refusals()
        if seen == self._refusals_seen and not self._lost:
            return
        watched = [name for name in self.names if name not in self._refused]
        lost = {name for name in watched if not await self._lister.may_list_pools(name)}
        if new := lost - self._lost:
            logger.error("pools cannot be listed any more", extra={"namespaces": sorted(new)})
        if back := self._lost - lost:
            logger.info("pools can be listed again", extra={"namespaces": sorted(back)})
        self._lost = lost

    async def _any_is_back(self) -> bool:
        for name in self._refused:
            if await self._lister.may_list_pools(name):
                logger.info("pools can be listed again", extra={"namespace": name})
                return True
        return False
