"""The only adapter to kopf: watches which pools and Deployments exist. Changes no object.

`supervisor` runs it, in a thread of its own. It reports pools to the scheduler, and `Deployments.find` returns a
Deployment. It uses no timers, daemons or change handlers, because those die silently, or leave finalizers and
annotations behind (ADR 0001). Deployments are a kopf index, because kopf calls no event handler before everything
indexed is listed: so no pool reports a missing Deployment only because the list has not arrived yet.
"""

import asyncio
import itertools
import os
import socket
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import kopf

from queueworkerpool.health import HealthState
from queueworkerpool.model import DEPLOYMENT, NamespacedName, StoredPool, Target, parse_pool
from queueworkerpool.names import GROUP, PLURAL, VERSION

WATCHED = (PLURAL, DEPLOYMENT.plural)
"""The kinds that are watched, as their URLs name them."""

RECONNECT_SECONDS = 2.0
"""The pause before kopf logs in or connects again."""

SERVER_TIMEOUT_SECONDS = 10
"""How long the API server keeps a watch open. kopf continues where it ended, without a list, so even the watch of a
quiet cluster shows a sign of life this often."""

SILENCE_TIMEOUT_SECONDS = 12.0
"""A connection that is silent for this long is given up: a watch should have ended before, so it is half-open. Short,
because nothing else shows that the API server is back while a connection to it is dead."""

WATCH_PAUSE_SECONDS = 0.5
"""The least time between two requests of one watch, so that a server that ends each watch at once is not flooded."""

CLOSE_TIMEOUT_SECONDS = 1.0
"""Seconds to wait for open connections to close after kopf has stopped."""

IDENTITY = "queueworkerpool"


class Pools(Protocol):
    """Where pools are reported."""

    def pool_changed(self, pool: StoredPool) -> None:
        """Record a pool as the watch shows it."""

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        """Record that a pool was deleted."""


class Deployments:
    """The Deployments in kopf's index, as Targets."""

    def __init__(self) -> None:
        self._index: Mapping[NamespacedName, Any] | None = None

    def bind(self, index: Mapping[NamespacedName, Any]) -> None:
        """Use the index that kopf keeps up to date, once it is complete; until then the previous one is used."""
        self._index = index

    @property
    def bound(self) -> bool:
        """Whether there is an index."""
        return self._index is not None

    def find(self, deployment: NamespacedName) -> Target | None:
        """Return the Deployment of this name, if there is one."""
        try:
            return next(iter((self._index or {}).get(deployment, ())), None)
        except RuntimeError:  # it is deleted from the index at this very moment, in kopf's thread
            return None


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the watch reports.

    Args:
        pools: Receives each pool that is shown, changed or deleted.
        deployments: Receives the index of Deployments.
        health: Receives the signs of life.
    """

    pools: Pools
    deployments: Deployments
    health: HealthState


async def watch(sinks: Sinks, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until `stop` is set. Raises any error that ends kopf's own tasks; then it can be called again."""
    connections = _Connections()
    try:
        await kopf.operator(
            registry=_registry(sinks, connections),
            settings=_settings(),
            # Else kopf takes the user's name, and a container's user has none.
            identity=IDENTITY,  # type: ignore[arg-type] # kopf does not export the type, which is a str
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
    finally:
        await connections.close()


def _registry(sinks: Sinks, connections: "_Connections") -> kopf.OperatorRegistry:
    """Return the handlers, in a registry of their own: so importing this module has no effect."""
    handlers = kopf.OperatorRegistry()
    pauses = [0.0]

    @kopf.on.login(registry=handlers, id="login", errors=kopf.ErrorsMode.TEMPORARY, backoff=RECONNECT_SECONDS)
    async def login(**kwargs: Any) -> kopf.AiohttpSession:
        # Recorded here: without a session kopf sends no watch. With a pause: it logs in again at each 401.
        sinks.health.watch_attempted(WATCHED)
        await asyncio.sleep(pauses.pop() if pauses else RECONNECT_SECONDS)
        return _session(sinks.health, connections, **kwargs)

    @kopf.on.startup(registry=handlers, id="bind")
    def bind(**kwargs: Any) -> None:
        if not sinks.deployments.bound:
            sinks.deployments.bind(kwargs["targets"])

    @kopf.index(DEPLOYMENT.group, DEPLOYMENT.version, DEPLOYMENT.plural, registry=handlers, id="targets")
    def targets(body: kopf.Body, **_: Any) -> dict[NamespacedName, Target]:
        return {NamespacedName(body["metadata"]["namespace"], body["metadata"]["name"]): Target.parse(body)}

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers, id="pool")
    async def pool(event: kopf.RawEvent, **kwargs: Any) -> None:
        sinks.deployments.bind(kwargs["targets"])  # complete by now, also after a restart of kopf
        body = event["object"]
        if event["type"] == "DELETED":
            metadata = body["metadata"]
            sinks.pools.pool_deleted(NamespacedName(metadata["namespace"], metadata["name"]), metadata["uid"])
        else:
            sinks.pools.pool_changed(parse_pool(body))

    return handlers


class _Endless:
    """Back-offs without end: kopf ends the process when it runs out of them."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1), itertools.repeat(RECONNECT_SECONDS))


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # our Events are our own
    settings.scanning.disabled = True  # scanning wants rights on all CRDs and namespaces
    settings.networking.error_backoffs = _Endless()
    settings.networking.connect_timeout = SILENCE_TIMEOUT_SECONDS
    settings.networking.request_timeout = SILENCE_TIMEOUT_SECONDS
    settings.watching.connect_timeout = SILENCE_TIMEOUT_SECONDS
    settings.watching.reconnect_backoff = 1.0  # before a list that follows a watch that was too old
    settings.watching.server_timeout = SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = SILENCE_TIMEOUT_SECONDS
    settings.watching.inactivity_timeout = SILENCE_TIMEOUT_SECONDS
    # It would kill the process that long after kopf ended by itself, when we restart it.
    settings.process.ultimate_exiting_timeout = None
    return settings


class _Connections:
    """The open sessions and sockets. kopf does not close them when it ends by an error, and it is restarted here."""

    def __init__(self) -> None:
        self._sessions: weakref.WeakSet[aiohttp.ClientSession] = weakref.WeakSet()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def add(self, session: aiohttp.ClientSession) -> None:
        """Add a session that `close` closes."""
        self._sessions.add(session)

    def socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
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


def _session(health: HealthState, connections: _Connections, **kwargs: Any) -> kopf.AiohttpSession:
    """Log in again, by KUBECONFIG or the pod's service account, with a session that records signs of life."""
    info = kopf.login_with_kubeconfig(**kwargs) if "KUBECONFIG" in os.environ else None
    info = info or kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
    if info is None:
        raise kopf.TemporaryError("no KUBECONFIG and no service account to log in with", delay=RECONNECT_SECONDS)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context(), socket_factory=connections.socket),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=info.trust_env,
        trace_configs=[_trace(health)],
        middlewares=[_wait_out_throttling],
    )
    connections.add(session)
    return kopf.AiohttpSession(
        server=info.server, default_namespace=info.default_namespace, aiohttp_session=session, priority=info.priority
    )


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


def _trace(health: HealthState, clock: Callable[[], float] = time.monotonic) -> aiohttp.TraceConfig:
    """Return a trace that records each request and each answer of a watch as a sign of life.

    kopf's own health check stays green while nothing is watched. Bytes are not recorded, because aiohttp does not
    report the chunks of a body that is streamed.
    """
    trace = aiohttp.TraceConfig()
    latest: dict[str, float] = {}

    async def requested(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        # Before it watches, kopf asks which kinds exist: that counts as an attempt of every watch.
        health.watch_attempted((params.url.name,) if params.url.name in WATCHED else WATCHED)
        if "watch" in params.url.query:
            wait = latest.get(params.url.path, 0.0) + WATCH_PAUSE_SECONDS - clock()
            await asyncio.sleep(max(wait, 0.0))
            latest[params.url.path] = clock()

    async def answered(_: object, __: object, params: aiohttp.TraceRequestEndParams) -> None:
        if params.url.name in WATCHED and params.response.ok:
            health.watch_responses[params.url.name] = clock()

    trace.on_request_start.append(requested)
    trace.on_request_end.append(answered)
    return trace
