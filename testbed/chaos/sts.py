"""A stand-in for STS that gives a role's credentials, or refuses them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Self

from testbed.sts import granted, refused

LIFETIME = timedelta(seconds=30)
"""So short that each reading needs new credentials."""


class Sts:
    """The server, on the event loop; `refusal` is the status and the code that it refuses with."""

    def __init__(self) -> None:
        self.refusal: tuple[int, str] | None = None
        self.env: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[Self]:
        """Serve at the address in `env` while the body runs."""
        sts = cls()
        server = await asyncio.start_server(sts._serve, "127.0.0.1", 0)
        sts.env = {"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
        try:
            yield sts
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            status, body = 200, granted("AssumeRole", "tenant", LIFETIME)
            if self.refusal:
                status, body = self.refusal[0], refused(self.refusal[1], "no")
            answer = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
            writer.write(answer.encode())
            await writer.drain()
        writer.close()
