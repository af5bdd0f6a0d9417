"""The only adapter to the workers' /state. Returns what they report, or None; raises and decides nothing.

`sampler` and `scale_in` call it. Workers belong to tenants: an answer that is huge, slow, redirects, or makes no sense
counts as no answer. Only addresses that the API server reports as podIP are asked.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus

import aiohttp
from yarl import URL

from queueworkerpool.model import WorkerState

STATE_TIMEOUT_SECONDS = 1.0
"""The limit for the whole exchange, so that an answer that drips in takes no longer than one that never comes."""

MOST_BYTES = 4096
"""The longest body that is read."""

MOST_SLOTS = 100_000
"""The highest concurrency that is believed."""


class WorkerStates:
    """A client of the workers' /state. Close it to end its connections."""

    def __init__(self, most_at_once: int) -> None:
        """Create a client; sends nothing.

        Args:
            most_at_once: Requests that may be under way at the same time.
        """
        self._limiter = asyncio.Semaphore(most_at_once)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def ask(self, address: str, port: int) -> WorkerState | None:
        """Return what the worker at this address reports; None when there is no answer, or none that makes sense."""
        async with self._limiter:
            try:
                body = await self._get(URL.build(scheme="http", host=address, port=port, path="/state"))
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
                return None
        return None if body is None else parse(body)

    async def _get(self, url: URL) -> bytes | None:
        """Return the body of an answer with status 200 that is short enough, else None."""
        async with self._open().get(url, allow_redirects=False) as answer:
            if answer.status != HTTPStatus.OK:
                return None
            try:
                await answer.content.readexactly(MOST_BYTES + 1)
            except asyncio.IncompleteReadError as ended:
                return ended.partial
        return None

    def _open(self) -> aiohttp.ClientSession:
        # Made on first use, because it belongs to the running loop. It keeps nothing between answers, and uses nothing
        # that a hostile worker could exploit: no connections, cookies, proxy settings or decompression.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=STATE_TIMEOUT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def parse(body: bytes) -> WorkerState | None:
    """Parse the JSON of /state; None when it is not what a worker would report."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, Mapping):
        return None
    numbers = [_number(raw.get(name)) for name in ("busy", "concurrency", "processed", "failed", "busySeconds")]
    busy, concurrency, processed, failed, busy_seconds = numbers
    if busy is None or concurrency is None or not 1 <= concurrency <= MOST_SLOTS:
        return None
    return WorkerState(
        busy=int(busy),
        concurrency=int(concurrency),
        finished=int((processed or 0) + (failed or 0)),
        busy_seconds=busy_seconds or 0.0,
        oldest_busy_seconds=_number(raw.get("oldestBusySeconds")) or 0.0,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN is not between any two numbers, and an integer may be too large to become a float.
    return float(value) if 0 <= value < 2**53 else None
