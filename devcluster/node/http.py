"""The HTTP client of the node; the only module that imports aiohttp. JSON to the API server, and probes of pods."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

# Many pods change at once, but the API server serves them no faster in more than a few connections.
CONNECTIONS = 16
# The API server sends a bookmark about once a minute on a quiet watch; longer silence means a dead connection.
SILENCE_SECONDS = 90
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30)


class HttpError(Exception):
    """The API server refused a request; `status` is the HTTP status code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(Exception):
    """The API server did not answer."""


@dataclass(frozen=True)
class Server:
    """Address and credentials for the API server: a URL and three PEM files."""

    url: str
    authority: str
    certificate: str
    key: str

    def tls(self) -> ssl.SSLContext:
        """Return the TLS settings of a client."""
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Http:
    """The node's connections; an async context manager."""

    def __init__(self, server: Server) -> None:
        self._url = server.url
        self._tls = server.tls()

    async def __aenter__(self) -> Self:
        self._api = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=CONNECTIONS), timeout=REQUEST_TIMEOUT
        )
        self._watch = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._tls))
        self._pods = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False, limit=0, force_close=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._api, self._watch, self._pods):
            await session.close()

    async def json(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """Return the API server's answer; raises HttpError or UnreachableError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": kind}
        try:
            async with self._api.request(method, self._url + path, data=data, headers=headers) as answer:
                await _check(answer)
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError(f"{method} {path}: {error}") from error

    async def lines(self, path: str, parameters: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield the lines of an endless answer until it ends; raises HttpError or UnreachableError."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_SECONDS)
        try:
            async with self._watch.get(self._url + path, params=parameters, timeout=timeout) as answer:
                await _check(answer)
                rest = b""
                async for chunk in answer.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError(f"watch {path}: {error}") from error

    async def status(self, url: str, headers: Mapping[str, str]) -> int:
        """Return the status code of a GET, 0 when there is no answer. Certificates are not checked, as in a kubelet."""
        try:
            async with self._pods.get(url, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError):
            return 0


async def _check(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
        raise HttpError(answer.status, (await answer.text())[:300])
