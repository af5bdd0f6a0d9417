"""The only adapter to kopf's watching: reports which pools exist. Changes no object.

`supervisor` runs it, in a thread of its own. It uses no timers, daemons or change handlers, because those die
silently, or leave finalizers and annotations behind (ADR 0001), and it indexes nothing, because kopf's bookkeeping of
an indexed kind grows with the square of its objects (ADR 0012).
"""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from queueworkerpool.health import HealthState
from queueworkerpool.model import NamespacedName, StoredPool, parse_pool
from queueworkerpool.names import GROUP, PLURAL, VERSION
from queueworkerpool.watch.kinds import SERVER_TIMEOUT_SECONDS, SILENCE_TIMEOUT_SECONDS
from queueworkerpool.watch.library import kopf
from queueworkerpool.watch.session import RECONNECT_SECONDS, Connections, NoLoginError, login

IDENTITY = "queueworkerpool"

LIST_PAGE = 20
"""Pools per page of a list. A pool may carry 256 KiB of annotations, and a page is in memory three times as a whole."""

KEEP_SECONDS = 0.1
"""How long kopf keeps a pool that it has reported, as a whole, to wait for the next event about it; 5 by default."""


class Pools(Protocol):
    """Where pools are reported."""

    def pool_changed(self, pool: StoredPool, *, listed: bool = False) -> None:
        """Record a pool as the watch, or a list, shows it."""

    def pool_deleted(self, key: NamespacedName, uid: str) -> None:
        """Record that a pool was deleted."""


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the watch reports.

    Args:
        pools: Receives each pool that is shown, changed or deleted.
        health: Receives signs of life.
    """

    pools: Pools
    health: HealthState


async def watch(sinks: Sinks, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Watch until `stop` is set. Raises any error that ends kopf's own tasks; then it can be called again."""
    connections = Connections()
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


def _registry(sinks: Sinks, connections: Connections) -> kopf.OperatorRegistry:
    """Return the handlers, in a registry of their own: so importing this module has no effect."""
    handlers = kopf.OperatorRegistry()
    pauses = [0.0]

    @kopf.on.login(registry=handlers, id="login", errors=kopf.ErrorsMode.TEMPORARY, backoff=RECONNECT_SECONDS)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        # Recorded here: without a session kopf sends no watch. With a pause: it logs in again at each 401.
        sinks.health.watch_attempted((PLURAL,))
        await asyncio.sleep(pauses.pop() if pauses else RECONNECT_SECONDS)
        return _session(sinks.health, connections)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers, id="pool")
    async def pool(event: kopf.RawEvent, **_: Any) -> None:
        body = event["object"]
        if event["type"] == "DELETED":
            metadata = body["metadata"]
            sinks.pools.pool_deleted(NamespacedName(metadata["namespace"], metadata["name"]), metadata["uid"])
        else:
            # An event without a type comes from a list.
            sinks.pools.pool_changed(parse_pool(body), listed=event["type"] is None)

    return handlers


class _Endless:
    """Back-offs without end: kopf ends the process when it runs out of them."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1), itertools.repeat(RECONNECT_SECONDS))


class _NoDifferences(kopf.DiffBaseStorage):
    """Compares nothing: kopf copies each object whole, for handlers of changes, of which there are none here."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Keep nothing."""


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDifferences()
    settings.posting.enabled = False  # our Events are our own
    settings.queueing.idle_timeout = KEEP_SECONDS
    settings.scanning.disabled = True  # scanning wants rights on all CRDs and namespaces
    settings.networking.error_backoffs = _Endless()
    settings.networking.connect_timeout = SILENCE_TIMEOUT_SECONDS
    settings.networking.request_timeout = SILENCE_TIMEOUT_SECONDS
    settings.watching.connect_timeout = SILENCE_TIMEOUT_SECONDS
    settings.watching.reconnect_backoff = 1.0  # before a list that follows a watch that was too old
    settings.watching.chunk_size = LIST_PAGE
    settings.watching.server_timeout = SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = SILENCE_TIMEOUT_SECONDS
    settings.watching.inactivity_timeout = SILENCE_TIMEOUT_SECONDS
    # It would kill the process that long after kopf ended by itself, when we restart it.
    settings.process.ultimate_exiting_timeout = None
    return settings


def _session(health: HealthState, connections: Connections) -> kopf.AiohttpSession:
    try:
        info = login()
    except NoLoginError as error:
        raise kopf.TemporaryError(str(error), delay=RECONNECT_SECONDS) from error
    return kopf.AiohttpSession(
        server=info.server,
        default_namespace=info.default_namespace,
        aiohttp_session=connections.open(info, health),
        priority=info.priority,
    )
