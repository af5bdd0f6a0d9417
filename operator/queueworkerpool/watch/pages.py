"""Bodies of lists and watches, read within limits: pages that are small in bytes, lines that end.

`targets` uses it. What others put into their objects (annotations of 256 KiB, say) must not cost our memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

PAGE_BYTES = 2 * 1024 * 1024
"""The size of a page that is aimed at."""

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""A page that grows larger is given up, and requested again with fewer objects."""

MAX_LINE_BYTES = MAX_PAGE_BYTES
"""The longest event. The API server stores objects of about 1.5 MiB, of which JSON writes some characters as six."""

FIRST_LIMIT = 20
"""Objects of the first page. Even at 1.5 MiB each it stays near MAX_PAGE_BYTES."""

MAX_LIMIT = 500
"""Objects of a page, at most: the number that kubectl asks for."""


class PageTooLargeError(Exception):
    """A page is larger than MAX_PAGE_BYTES."""


class LineTooLongError(Exception):
    """An event is longer than MAX_LINE_BYTES."""


@dataclass(slots=True)
class PageSize:
    """How many objects to ask for, learned from the pages so far."""

    limit: int = FIRST_LIMIT

    def took(self, size: int, objects: int) -> None:
        """Record a page's size in bytes, and its objects."""
        per_object = max(1, size // max(1, objects))
        self.limit = min(MAX_LIMIT, max(1, PAGE_BYTES // per_object), self.limit * 16)

    def too_large(self) -> None:
        """Record that a page was given up."""
        self.limit = max(1, self.limit // 8)


async def read_body(answer: aiohttp.ClientResponse) -> bytes:
    """Return the whole body. Raises PageTooLargeError."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_PAGE_BYTES:
            answer.close()
            raise PageTooLargeError
    return bytes(body)


async def is_from_the_api_server(answer: aiohttp.ClientResponse) -> bool:
    """Return whether a refusal is a Status, as all of the API server's are: a proxy in between has pages of its own."""
    try:
        body = json.loads(await read_body(answer))
    except (ValueError, RecursionError, PageTooLargeError):
        return False
    return isinstance(body, dict) and body.get("kind") == "Status"


async def read_lines(answer: aiohttp.ClientResponse, silence_seconds: float) -> AsyncIterator[bytes]:
    """Yield the lines of a watch. Raises TimeoutError after so long a silence, LineTooLongError."""
    buffer = bytearray()
    while chunk := await asyncio.wait_for(answer.content.readany(), silence_seconds):
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            yield bytes(buffer[:end])
            del buffer[: end + 1]
        if len(buffer) > MAX_LINE_BYTES:
            raise LineTooLongError
