"""Sessions with the API server for watches: the login, the connections, and signs of life for the health check.

`adapter` and `targets` use it. It reads KUBECONFIG, else the pod's service account; it sends nothing itself.
"""

import asyncio
import ipaddress
import os
import socket
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

import aiohttp

from queueworkerpool.health import HealthState
from queueworkerpool.names import PLURAL
from queueworkerpool.watch.library import kopf

RECONNECT_SECONDS = 2.0

WATCH_INTERVAL_SECONDS = 0.5
"""The least time between two requests of one watch: a server that ends each watch at once must not be flooded."""

CLOSE_TIMEOUT_SECONDS = 1.0
"""How long to wait for open connections to close, after all sessions were closed."""


_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


class NoLoginError(Exception):
    """There is no KUBECONFIG and no service account to log in with."""


def login() -> kopf.ConnectionInfo:
    """Return address and credentials of the API server, read anew. Raises NoLoginError when there are none."""
    settings = kopf.OperatorSettings()
    info = kopf.login_with_kubeconfig(settings=settings) if "KUBECONFIG" in os.environ else None
    info = info or _service_account(settings) or kopf.login_with_kubeconfig(settings=settings)
    if info is None:
        raise NoLoginError("no KUBECONFIG and no service account to log in with")
    return info


def _service_account(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo | None:
    """Log in as the pod, at the address that the kubelet gives to every pod: kopf's default needs the cluster's DNS."""
    info = kopf.login_with_service_account(settings=settings)
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return replace(info, server=f"https://{_in_url(host)}:{port}") if info and host else info


def _in_url(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host  # noqa: PLR2004 -- IPv6
    except ValueError:  # a name
        return host


class Connections:
    """The open sessions and sockets. kopf does not close them when it ends by an error, and it is restarted here."""

    def __init__(self) -> None:
        self._sessions: weakref.WeakSet[aiohttp.ClientSession] = weakref.WeakSet()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def open(self, info: kopf.ConnectionInfo, health: HealthState, kind: str = PLURAL) -> aiohttp.ClientSession:
        """Return a session with these credentials that records signs of life of a kind's watch; `close` closes it."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context(), socket_factory=self._socket),
            headers=info.as_http_headers(),
            proxy=info.proxy_url,
            trust_env=info.trust_env,
            trace_configs=[_trace(health, kind)],
            middlewares=[_wait_out_throttling],
        )
        self._sessions.add(session)
        return session

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Make a socket that `close` waits for."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made

    async def close(self) -> None:
        """Close all sessions, and wait for TLS connections to close in order, which a session does not wait for."""
        for session in list(self._sessions):
            await session.close()
        ends = time.monotonic() + CLOSE_TIMEOUT_SECONDS
        while any(each.fileno() >= 0 for each in self._sockets) and time.monotonic() < ends:  # noqa: ASYNC110 -- no event
            await asyncio.sleep(0.01)


async def _wait_out_throttling(
    request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Turn a 429 into a connection error after a pause: kopf obeys any Retry-After, and fails at one that is a date."""
    answer = await ask(request)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        answer.close()
        await asyncio.sleep(RECONNECT_SECONDS)
        raise aiohttp.ClientConnectionError("too many requests")
    return answer


def _trace(health: HealthState, kind: str, clock: Callable[[], float] = time.monotonic) -> aiohttp.TraceConfig:
    """Return a trace that records each request, and each answer to a watch, as a sign of life.

    A watch is sent only once its list is complete, so an answer to a watch says that everything is listed. kopf's own
    health check stays green while nothing is watched. Bytes are not recorded, because aiohttp does not report the
    chunks of a body that is streamed.
    """
    trace = aiohttp.TraceConfig()
    latest: dict[str, float] = {}

    async def requested(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        # Before it watches, kopf asks which kinds exist: that counts as an attempt, too.
        health.watch_attempted((kind,))
        if "watch" in params.url.query:
            wait = latest.get(params.url.path, 0.0) + WATCH_INTERVAL_SECONDS - clock()
            await asyncio.sleep(max(wait, 0.0))
            latest[params.url.path] = clock()

    async def answered(_: object, __: object, params: aiohttp.TraceRequestEndParams) -> None:
        if "watch" in params.url.query and params.response.ok:
            health.watch_responses[kind] = clock()
        if params.url.name == PLURAL and params.response.status in _REFUSED:
            health.watch_refusals += 1

    trace.on_request_start.append(requested)
    trace.on_request_end.append(answered)
    return trace
