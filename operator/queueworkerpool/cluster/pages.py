"""Lists objects in pages that are small in bytes: what others put into their objects must not cost our memory.

`client` uses it. An object may carry 256 KiB of annotations and more; five hundred of them are a page by number.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

from queueworkerpool.cluster.connection import AnswerTooLargeError, Connection

PAGE_BYTES = 4 * 1024 * 1024
"""A page that grows larger is given up, and asked for again with fewer objects."""

FIRST_LIMIT = 50
MOST_LIMIT = 500
"""Objects of the first page, and of any page. While pages stay small, each may have twice as many as the one before."""


class PagedLists:
    """Lists over one connection, of which so many pages are in memory at the same time.

    Lists take turns page by page, so a long one delays a short one by a page or two.
    """

    def __init__(self, connection: Connection, pages: int) -> None:
        self._connection = connection
        self._turns = asyncio.Semaphore(pages)

    async def items(
        self, path: str, query: Mapping[str, str], most: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the raw objects of a list, as they were when it began; with `most`, only so many.

        The caller must not wait for anything else between them. Raises ClusterError, also when a single object is
        larger than any answer may be.
        """
        limit, largest, following, left = FIRST_LIMIT, MOST_LIMIT, "", most
        while left is None or left > 0:
            asked = limit if left is None else min(limit, left)
            page_query = {**query, "limit": asked} | ({"continue": following} if following else {})
            try:
                page = await self._page(f"{path}?{urlencode(page_query)}", single=asked == 1)
            except AnswerTooLargeError:
                if asked == 1:
                    raise
                limit = largest = max(1, asked // 4)
                continue
            left = None if left is None else left - len(page["items"])
            following = page["metadata"].get("continue", "")
            while page["items"]:
                yield page["items"].pop(0)
            if not following:
                return
            limit = min(limit * 2, largest)

    async def _page(self, path: str, *, single: bool) -> dict[str, Any]:
        async with self._turns:
            if single:  # what is too large for a page of one is too large for any answer
                return await self._connection.ask("GET", path)
            return await self._connection.ask("GET", path, most_bytes=PAGE_BYTES)
