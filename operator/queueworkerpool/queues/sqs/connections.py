"""Connections to SQS, on the event loop: sends a request, and returns what comes. `clients` calls it.

Every request has explicit time-outs, and an answer that is too long is not read on. What goes wrong is raised as what
botocore's client raises for it, because that is what `failures` and botocore's rules for a second try understand. It
follows no redirect, and tries nothing again.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context
from yarl import URL

from sqsrequest import Answer, Endpoint, Route

MOST_BYTES = 64 * 1024
"""The longest answer that is read: counts need some hundred, the words of an error not many more."""

KEPT_SECONDS = 120.0
"""How long a connection waits for its next request; longer than most intervals, because a new one costs a handshake."""

_OWN_HEADERS: Final = ("Accept", "Accept-Encoding", "User-Agent")
"""What aiohttp would add to what was signed."""


class AnswerTooLongError(Exception):
    """An answer is longer than any of SQS's."""


class AnswerBrokenError(Exception):
    """An answer has begun, and has not come whole."""


_RAISED: Final[Sequence[tuple[type[Exception], type[BotoCoreError]]]] = (
    (aiohttp.ClientProxyConnectionError, ProxyConnectionError),
    (aiohttp.ClientHttpProxyError, ProxyConnectionError),
    (aiohttp.ClientSSLError, SSLError),
    (aiohttp.ClientConnectorError, EndpointConnectionError),
    (aiohttp.ConnectionTimeoutError, ConnectTimeoutError),
    (aiohttp.SocketTimeoutError, ReadTimeoutError),
    (aiohttp.ClientError, ConnectionClosedError),
    (OSError, HTTPClientError),
)
"""What botocore's client raises for what aiohttp raises; the first row that fits counts."""


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Seconds to wait for a connection, and for each part of an answer."""

    connect: float
    read: float


class Connections:
    """The connections to all endpoints. Close it to end them."""

    def __init__(self, time_outs: TimeOuts) -> None:
        """Open nothing yet."""
        self._time_outs = aiohttp.ClientTimeout(
            total=None, sock_connect=time_outs.connect, sock_read=time_outs.read, ceil_threshold=float("inf")
        )
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}

    async def post(self, endpoint: Endpoint, route: Route, headers: Mapping[str, str], content: bytes) -> Answer:
        """Send one request; return the answer.

        Raises:
            HTTPClientError: there is none, by the type that botocore's client raises, such as ReadTimeoutError.
            AnswerTooLongError, AnswerBrokenError: it is none of SQS's.
        """
        if endpoint.url.startswith("http:"):  # what is not encrypted goes to the proxy itself
            headers = {**headers, **route.proxy_headers}
        try:
            async with self._session(route.certificates).post(
                URL(endpoint.url, encoded=True),
                data=content,
                headers=headers,
                allow_redirects=False,
                proxy=_without_user(route.proxy),
                proxy_headers=route.proxy_headers or None,
            ) as response:
                return Answer.parse(response.status, response.headers, await _read(response))
        except aiohttp.ClientPayloadError as error:
            raise AnswerBrokenError from error
        except (aiohttp.ClientError, OSError) as error:
            raise _as_botocore(error, endpoint, route) from error

    async def close(self) -> None:
        """Close all connections."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    def _session(self, certificates: str | None) -> aiohttp.ClientSession:
        if certificates not in self._sessions:
            # `bulkhead` limits the requests that are under way.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS, ssl=_context(certificates))
            self._sessions[certificates] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._time_outs,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_OWN_HEADERS,
            )
        return self._sessions[certificates]


def _context(certificates: str | None) -> ssl.SSLContext:
    """Return botocore's settings of TLS, with its certificates."""
    context: ssl.SSLContext = create_urllib3_context()
    if certificates:
        context.load_verify_locations(cafile=certificates)
    else:
        context.load_default_certs()
    context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
    return context


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    while part := await response.content.read(MOST_BYTES + 1 - len(body)):
        body += part
    if len(body) > MOST_BYTES:
        raise AnswerTooLongError
    return body


def _without_user(proxy: str | None) -> URL | None:
    """Return the proxy's address; the user and password are among its headers."""
    return URL(proxy).with_user(None) if proxy else None


def _as_botocore(error: Exception, endpoint: Endpoint, route: Route) -> Exception:
    """Return what botocore's client raises for what aiohttp raises."""
    raised = next(theirs for ours, theirs in _RAISED if isinstance(error, ours))
    return raised(endpoint_url=endpoint.url, proxy_url=_without_user(route.proxy), error=error)
