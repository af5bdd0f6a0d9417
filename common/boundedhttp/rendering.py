"""Renders /metrics once for all scrapers: one at a time, piece by piece, and kept for a short time.

The endpoints of each program ask it. The metrics of ten thousand pools are a second of CPU time and 70 MB of text, so
forty scrapers must not cost forty, no text is ever whole in memory, and other threads get their turns meanwhile.
"""

import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from boundedhttp.server import Reply

COSTS_KEPT = 10.0
"""A rendering is kept for so many times the CPU time that it took, so that scrapers get a tenth of a core at most."""

MAX_AGE_SECONDS = 2.0
"""A rendering that began longer ago, when a scrape comes, is made anew, whatever it took."""

SHARE = 1 / 3
"""A rendering takes at most this share of the time that passes, so that an event loop in another thread has the rest.
Where the processor is busy with something else it pauses less, because scrapers do not wait for ever."""

PAUSE_SECONDS = 0.002
"""The shortest pause. An event loop waits half as long for its turn, again and again."""

UNZIPPED_AT_ONCE = 1024
"""Bytes of a kept rendering that are unzipped at once: to some 25 KB, and never to more than a thousand times."""

_GZIP = 16 + zlib.MAX_WBITS
"""zlib's name for gzip's format."""

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
_WANTS_OPEN_METRICS = re.compile(r"application/openmetrics-text(?!\s*;\s*version=0\.)")
_WANTS_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")

Render = Callable[[str], tuple[Iterable[bytes], str]]
"""Returns the metrics for an Accept header, piece by piece, and their content type."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """The metrics at one time, in seconds of the cache's clock, and for how many seconds they are kept."""

    made_at: float
    kept_for: float
    zipped: bytes
    size: int
    content_type: str

    def __len__(self) -> int:
        """Return the size of the text, in bytes."""
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        """Yield the text piece by piece."""
        unzipping = zlib.decompressobj(_GZIP)
        for first in range(0, len(self.zipped), UNZIPPED_AT_ONCE):
            yield unzipping.decompress(self.zipped[first : first + UNZIPPED_AT_ONCE])


class RenderCache:
    """The last rendering in each of two formats, whatever scrapers ask for. Safe to use from any thread."""

    def __init__(
        self,
        render: Render,
        version: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Create an empty cache.

        Args:
            render: Makes a rendering.
            version: Returns what a rendering must not outlive: when it changes, the next scrape gets a new one.
            clock: A monotonic clock, in seconds.
            cpu_clock: The CPU time of the calling thread, in seconds.
            sleep: Waits for so many seconds.
        """
        self._render = render
        self._version = version
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, object], Rendering] = {}

    def get(self, accept: str) -> Rendering:
        """Return a rendering that began a short time ago; one under way is waited for."""
        came = self._clock()  # before the wait, so that those who wait for one do not ask for another
        wanted = OPEN_METRICS if _WANTS_OPEN_METRICS.search(accept) else ""
        with self._lock:
            key = (wanted, self._version())
            found = self._kept.get(key)
            if found is None or found.made_at + found.kept_for < came:
                self._kept = {other: kept for other, kept in self._kept.items() if other[1] == key[1] and other != key}
                found = self._kept[key] = self._make(wanted)
            return found

    def reply(self, accept: str, accept_encoding: str) -> Reply:
        """Return the answer to a scrape."""
        found = self.get(accept)
        headers = {"Age": str(int(self._clock() - found.made_at)), "Vary": "Accept, Accept-Encoding"}
        if _WANTS_GZIP.search(accept_encoding):
            return Reply(HTTPStatus.OK, found.zipped, found.content_type, headers | {"Content-Encoding": "gzip"})
        return Reply(HTTPStatus.OK, found, found.content_type, headers)

    def _make(self, wanted: str) -> Rendering:
        began, cpu_began = self._clock(), self._cpu_clock()
        pieces, content_type = self._render(wanted)
        zipping, zipped, size = zlib.compressobj(1, wbits=_GZIP), [], 0
        for piece in self._paced(pieces):
            size += len(piece)
            zipped.append(zipping.compress(piece))
        zipped.append(zipping.flush())
        kept_for = min(MAX_AGE_SECONDS, COSTS_KEPT * (self._cpu_clock() - cpu_began))
        return Rendering(began, kept_for, b"".join(zipped), size, content_type)

    def _paced(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces, with pauses among them."""
        began, cpu_began = self._clock(), self._cpu_clock()
        for piece in pieces:
            yield piece
            spent, passed = self._cpu_clock() - cpu_began, self._clock() - began
            if (pause := spent / SHARE - passed) >= PAUSE_SECONDS:
                self._sleep(pause)
