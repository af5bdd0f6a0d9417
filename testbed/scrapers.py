"""Scrapers and a prober of several operators, which count what fails."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

SCRAPERS = 40
SCRAPE_PAUSE_SECONDS = 15.0
"""Between two scrapes by all at once: a usual interval, and longer than a rendering is kept."""

SCRAPE_TIMEOUT_SECONDS = 10.0
"""Prometheus' own default."""

PROBE_TIMEOUT_SECONDS = 5.0
"""As the chart's probes have it."""

_FORMATS = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0")
_ENCODINGS = ("identity", "gzip")


@dataclass(slots=True)
class Scrapers:
    """What was asked of the operators at these ports of the loopback address, and what failed."""

    ports: set[int] = field(default_factory=set)
    scrapes: int = 0
    scrape_errors: list[str] = field(default_factory=list)
    probes: int = 0
    livez_failures: list[str] = field(default_factory=list)
    step: str = ""
    """What is being measured, for the failures' texts."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Scrape and probe while the body runs."""
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
            tasks = [
                asyncio.create_task(self._scrape_again_and_again(session)),
                asyncio.create_task(self._probe(session)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _scrape_again_and_again(self, session: aiohttp.ClientSession) -> None:
        """Scrape all operators by `SCRAPERS` at the same time, in both formats, zipped and not."""
        kinds = list(itertools.product(_FORMATS, _ENCODINGS))
        while True:
            scrapes = [
                self._scrape(session, port, *kinds[number % len(kinds)])
                for port in self.ports
                for number in range(SCRAPERS)
            ]
            await asyncio.gather(*scrapes)
            await asyncio.sleep(SCRAPE_PAUSE_SECONDS)

    async def _scrape(self, session: aiohttp.ClientSession, port: int, accept: str, encoding: str) -> None:
        headers = {"Accept": accept, "Accept-Encoding": encoding}
        failure = await self._failure(session, f"http://127.0.0.1:{port}/metrics", SCRAPE_TIMEOUT_SECONDS, headers)
        if port in self.ports:  # else it was killed meanwhile
            self.scrapes += 1
            self.scrape_errors += failure

    async def _probe(self, session: aiohttp.ClientSession) -> None:
        """Request /livez of each operator every second."""
        while True:
            for port in tuple(self.ports):
                failure = await self._failure(session, f"http://127.0.0.1:{port}/livez", PROBE_TIMEOUT_SECONDS, {})
                if port in self.ports:
                    self.probes += 1
                    self.livez_failures += failure
            await asyncio.sleep(1)

    async def _failure(
        self, session: aiohttp.ClientSession, url: str, seconds: float, headers: dict[str, str]
    ) -> list[str]:
        """Send one request; return what failed, as a list of one or none."""
        try:
            timeout = aiohttp.ClientTimeout(total=seconds)
            async with session.get(url, headers=headers, timeout=timeout) as answer:
                body = await answer.read()
                return [] if answer.ok else [f"{answer.status} {body[:200].decode(errors='replace')}"]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return [f"{type(error).__name__} {error} at step {self.step}"]
