"""Lists objects in pages that are small in bytes: what others put into their objects must not cost our memory.

`client` uses it. An object may carry 256 KiB of annotations and more; five hundred of them are a page by number.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

from queueworkerpool.cluster.connection import AnswerTooLargeError, Connection

PAGE_BYTES = 4 * 1024 * 1024
"""A page that grows larger is given up, and asked for again with fewer objects."""

FIRST_LIMIT = 50
MOST_LIMIT = 500
"""Objects of the first page, and of any page. While pages stay small, each may have twice as many as the one before."""


async def listed(
    connection: Connection, path: str, query: Mapping[str, str], most: int | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Yield the raw objects of a list, as they were when it began; with `most`, only so many.

    Raises ClusterError, also when a single object is larger than any answer may be.
    """
    limit, largest, following, left = FIRST_LIMIT, MOST_LIMIT, "", most
    while left is None or left > 0:
        asked = limit if left is None else min(limit, left)
        page_query = {**query, "limit": asked} | ({"continue": following} if following else {})
        try:
            # What is too large as a page of one is too large for any answer.
            page = await _page(connection, f"{path}?{urlencode(page_query)}", single=asked == 1)
        except AnswerTooLargeError:
            if asked == 1:
                raise
            limit = largest = max(1, asked // 4)
            continue
        for item in page["items"]:
            yield item
        following = page["metadata"].get("continue", "")
        if not following:
            return
        left = None if left is None else left - len(page["items"])
        limit = min(limit * 2, largest)


async def _page(connection: Connection, path: str, *, single: bool) -> dict[str, Any]:
    if single:
        return await connection.ask("GET", path)
    return await connection.ask("GET", path, most_bytes=PAGE_BYTES)
