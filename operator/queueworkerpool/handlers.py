"""The only door to kopf: which pools and Deployments exist. Watches and indexes; changes no object.

`watching` runs it, in a thread of its own; it tells the scheduler which pools exist and answers `find` for Deployments.
No timers, daemons or change handlers: those die silently, or leave finalizers and annotations behind (ADR 0001). The
Deployments are a kopf index, for kopf calls no event handler before everything indexed was listed: a pool is never told
that its Deployment is missing merely because the list has not come yet.
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

from queueworkerpool.health import Vitals
from queueworkerpool.model import Key, Pool, Target
from queueworkerpool.names import GROUP, PLURAL, VERSION

WATCHED = (PLURAL, "deployments")
"""The kinds that are watched, as their URLs name them."""

RECONNECT_SECONDS = 2.0

WATCH_SECONDS = 10
"""The API server ends a watch after this long, and kopf goes on where it ended, without a list: so even the watch of a
cluster in which nothing happens shows a sign of life this often."""

SILENCE_SECONDS = 12.0
"""A watch that was not even ended in time has a half-open connection; a page of a list that takes this long has one
too. Short, for nothing else tells that the API server is back behind a connection that is not."""

PACE_SECONDS = 0.5
"""Between two tries of one watch: a server that accepts watches only to end them must not be flooded with them."""

GOODBYE_SECONDS = 1.0
"""For connections to end, when kopf has."""

IDENTITY = "queueworkerpool"


class Pools(Protocol):
    """Who wants to know which pools exist."""

    def seen(self, pool: Pool) -> None:
        """A pool as the watch shows it."""

    def gone(self, key: Key, uid: str) -> None:
        """A pool was deleted."""


class Deployments:
    """The Deployments that kopf's index holds, as Targets."""

    def __init__(self) -> None:
        self._index: Mapping[Key, Any] | None = None

    def bind(self, index: Mapping[Key, Any]) -> None:
        """Take the live index that kopf made, once it holds everything. The one before serves until then."""
        self._index = index

    @property
    def bound(self) -> bool:
        """Whether there is an index."""
        return self._index is not None

    def find(self, deployment: Key) -> Target | None:
        """The Deployment of this name, if there is one."""
        try:
            return next(iter((self._index or {}).get(deployment, ())), None)
        except RuntimeError:  # it is deleted from the index at this very moment, in kopf's thread
            return None


@dataclass(frozen=True, slots=True)
class Watched:
    """Where what the watch shows goes: pools, Deployments, and signs of life."""

    pools: Pools
    deployments: Deployments
    vitals: Vitals


async def watch(watched: Watched, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until told to stop. Raises whatever ends kopf's own tasks; then it can be called again."""
    connections = _Connections()
    try:
        await kopf.operator(
            registry=_registry(watched, connections),
            settings=_settings(),
            # Without one, kopf asks who the user is, and a container's user has no name.
            identity=IDENTITY,  # type: ignore[arg-type] # kopf does not export the type, which is a str
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
    finally:
        await connections.close()


def _registry(watched: Watched, connections: "_Connections") -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own: importing this module has no effect."""
    handlers = kopf.OperatorRegistry()
    pauses = [0.0]

    @kopf.on.login(registry=handlers, id="login", errors=kopf.ErrorsMode.TEMPORARY, backoff=RECONNECT_SECONDS)
    async def login(**kwargs: Any) -> kopf.AiohttpSession:
        # Tried here, for kopf tries no watch without a session; and not at once, for it asks again at each 401.
        watched.vitals.tries(WATCHED)
        await asyncio.sleep(pauses.pop() if pauses else RECONNECT_SECONDS)
        return _session(watched.vitals, connections, **kwargs)

    @kopf.on.startup(registry=handlers, id="bind")
    def bind(**kwargs: Any) -> None:
        if not watched.deployments.bound:
            watched.deployments.bind(kwargs["targets"])

    @kopf.index("apps", "v1", "deployments", registry=handlers, id="targets")
    def targets(body: kopf.Body, **_: Any) -> dict[Key, Target]:
        return {Key(body["metadata"]["namespace"], body["metadata"]["name"]): Target.parse(body)}

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers, id="pool")
    async def pool(event: kopf.RawEvent, **kwargs: Any) -> None:
        watched.deployments.bind(kwargs["targets"])  # whole by now, also after kopf was begun anew
        body = event["object"]
        if event["type"] == "DELETED":
            metadata = body["metadata"]
            watched.pools.gone(Key(metadata["namespace"], metadata["name"]), metadata["uid"])
        else:
            watched.pools.seen(Pool.parse(body))

    return handlers


class _Endless:
    """Back-offs that never end: kopf gives up, and ends the process, when it runs out of them."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1), itertools.repeat(RECONNECT_SECONDS))


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # our Events are our own
    settings.scanning.disabled = True  # scanning wants rights on all CRDs and namespaces
    settings.networking.error_backoffs = _Endless()
    settings.networking.connect_timeout = SILENCE_SECONDS
    settings.networking.request_timeout = SILENCE_SECONDS
    settings.watching.connect_timeout = SILENCE_SECONDS
    settings.watching.reconnect_backoff = 1.0  # before a list that follows a watch that was too old
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = SILENCE_SECONDS
    settings.watching.inactivity_timeout = SILENCE_SECONDS
    # It would kill the process that long after kopf ended by itself, when we begin anew.
    settings.process.ultimate_exiting_timeout = None
    return settings


class _Connections:
    """What is open: kopf closes none of it when it ends by an error, and is begun anew in the same process."""

    def __init__(self) -> None:
        self._sessions: weakref.WeakSet[aiohttp.ClientSession] = weakref.WeakSet()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def add(self, session: aiohttp.ClientSession) -> None:
        """Close this one too."""
        self._sessions.add(session)

    def socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Make a socket, of which it is known afterwards whether it is closed."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made

    async def close(self) -> None:
        """Close all of it, and give connections a moment to say goodbye by TLS: a session does not wait for that."""
        for session in list(self._sessions):
            await session.close()
        ends = time.monotonic() + GOODBYE_SECONDS
        while any(each.fileno() >= 0 for each in self._sockets) and time.monotonic() < ends:  # noqa: ASYNC110 -- no event
            await asyncio.sleep(0.01)


def _session(vitals: Vitals, connections: _Connections, **kwargs: Any) -> kopf.AiohttpSession:
    """Log in anew, by KUBECONFIG or the pod's service account, over a session that reports signs of life."""
    info = kopf.login_with_kubeconfig(**kwargs) if "KUBECONFIG" in os.environ else None
    info = info or kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
    if info is None:
        raise kopf.TemporaryError("no KUBECONFIG and no service account to log in with", delay=RECONNECT_SECONDS)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context(), socket_factory=connections.socket),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=info.trust_env,
        trace_configs=[_trace(vitals)],
        middlewares=[_patiently],
    )
    connections.add(session)
    return kopf.AiohttpSession(
        server=info.server, default_namespace=info.default_namespace, aiohttp_session=session, priority=info.priority
    )


async def _patiently(request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Ask again a moment after a 429. kopf would obey any Retry-After, for hours, and fail at one that is a date."""
    answer = await ask(request)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        answer.close()
        await asyncio.sleep(RECONNECT_SECONDS)
        raise aiohttp.ClientConnectionError("too many requests")
    return answer


def _trace(vitals: Vitals, clock: Callable[[], float] = time.monotonic) -> aiohttp.TraceConfig:
    """Note every try and every answer of a watch: kopf's own health check stays green while the watch is blind.

    Not every byte: aiohttp does not tell of the chunks of a body that is streamed.
    """
    trace = aiohttp.TraceConfig()
    latest: dict[str, float] = {}

    async def tried(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        # Before kopf watches it asks what there is to watch: a try of everything.
        vitals.tries((params.url.name,) if params.url.name in WATCHED else WATCHED)
        if "watch" in params.url.query:
            wait = latest.get(params.url.path, 0.0) + PACE_SECONDS - clock()
            await asyncio.sleep(max(wait, 0.0))
            latest[params.url.path] = clock()

    async def heard(_: object, __: object, params: aiohttp.TraceRequestEndParams) -> None:
        if params.url.name in WATCHED and params.response.ok:
            vitals.watch_heard[params.url.name] = clock()

    trace.on_request_start.append(tried)
    trace.on_request_end.append(heard)
    return trace
