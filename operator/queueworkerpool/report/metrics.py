"""What the operator counts and shows on /metrics; the adapter to prometheus_client, with `pool_series` and its parts.

`reconcile` and the scheduler feed it, `server` renders it. One object on an injected registry. A pool costs one
small record, not dozens of metric children; its series are made at each scrape, so a deleted pool's series are
gone at once and ages are true at the time of the scrape. It decides nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from queueworkerpool.model import Condition, NamespacedName, Observation, Target
from queueworkerpool.names import StateOutcome
from queueworkerpool.report.pool_record import PoolRecord
from queueworkerpool.report.pool_series import PoolSeries

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of the histograms' buckets: from a tick that does nothing to one that waits for every time-out."""


def process_registry() -> CollectorRegistry:
    """A registry that also shows the process's memory, CPU and file descriptors, and no `_created` series."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # theirs
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


class Metrics:
    """All metrics of one operator process.

    `pools`: what is known of each pool.
    """

    def __init__(self, registry: CollectorRegistry, version: str, clock: Callable[[], datetime]) -> None:
        """Register everything, known label values at 0."""
        self._registry = registry
        self.pools = PoolSeries(clock)
        registry.register(self.pools)
        name = "queueworkerpool_"
        self._reconcile_seconds = Histogram(
            f"{name}reconcile_duration_seconds",
            "Time that one tick of a pool took.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._lag_seconds = Histogram(
            f"{name}reconcile_lag_seconds",
            "Time from a tick's due time to its start.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            f"{name}reconcile_failures",
            "Ticks that ended early: something could not be written, or a bug.",
            registry=registry,
        )
        self._events_lost = Counter(f"{name}events_lost", "Events that the API server did not take.", registry=registry)
        self._read_seconds = Histogram(
            f"{name}queue_read_duration_seconds", "Time that one SQS request took.", buckets=_SECONDS, registry=registry
        )
        self._api_seconds = Histogram(
            f"{name}api_request_duration_seconds",
            "Time that one request to the Kubernetes API took; watches are left out.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._api_requests = Counter(
            f"{name}api_requests",
            "Requests to the Kubernetes API, by method and status code (none: no answer); watches are left out.",
            ("method", "code"),
            registry=registry,
        )
        self._namespaces = Gauge(
            f"{name}namespace_served",
            "1 for a namespace whose pools and Deployments can be listed, else 0; the empty name is the whole cluster.",
            ("namespace",),
            registry=registry,
        )
        self._states = Counter(
            f"{name}state_requests",
            "Requests for a worker's /state, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        for outcome in StateOutcome:
            self._states.labels(outcome)
        self._held: Callable[[], Sequence[int]] = lambda: ()
        self._known = Gauge(f"{name}pools", "Pools that the watch of this process shows.", registry=registry)
        self._leader = Gauge(
            f"{name}leader", "1 in the process that scales, 0 in one that stands by.", registry=registry
        )
        self._shard_leader = Gauge(
            f"{name}shard_leader",
            "1 in the process that scales the pools of this shard, else 0; missing where there are no shards.",
            ("shard",),
            registry=registry,
        )
        self._shard_pools = Gauge(
            f"{name}shard_pools",
            "Pools of this shard that this process scales; missing where there are no shards.",
            ("shard",),
            registry=registry,
        )
        Info(f"{name}build", "The operator's version.", registry=registry).info({"version": version})

    def observe(self, observation: Observation) -> None:
        """Record what one tick of a pool saw and decided."""
        self._record(observation.pool.key).record(observation)

    def observe_invalid(self, pool: NamespacedName, target: Target | None) -> None:
        """Record a tick of a pool whose spec cannot be read: nothing was read or decided."""
        record = self._record(pool)
        record.seen = record.seen._replace(spec=None, target=target, decision=None)

    def published(self, pool: NamespacedName, conditions: Sequence[Condition]) -> None:
        """Record the conditions that a pool's status now shows."""
        self._record(pool).conditions = conditions

    def rescaled(self, pool: NamespacedName, before: int, after: int) -> None:
        """Count one write of a target's replicas."""
        self._record(pool).writes["up" if after > before else "down"] += 1

    def event_lost(self) -> None:
        """Count an Event that could not be posted."""
        self._events_lost.inc()

    def ticked(self, lag_seconds: float, took_seconds: float) -> None:
        """Record how late a tick of a pool began, and how long it took, in seconds."""
        self._lag_seconds.observe(lag_seconds)
        self._reconcile_seconds.observe(took_seconds)

    def failed(self) -> None:
        """Count a tick that ended early, and not because somebody else wrote first or leads."""
        self._failures.inc()

    def queue_read(self, took_seconds: float) -> None:
        """Record how long one SQS request took, in seconds."""
        self._read_seconds.observe(took_seconds)

    def api_requested(self, method: str, code: int | None, took_seconds: float) -> None:
        """Record one request to the Kubernetes API; a code of None: no answer. May be called from any thread."""
        self._api_requests.labels(method=method, code="none" if code is None else str(code)).inc()
        self._api_seconds.observe(took_seconds)

    def state_requested(self, outcome: StateOutcome) -> None:
        """Count one request for a worker's /state."""
        self._states.labels(outcome).inc()

    def holds(self, held: Callable[[], Sequence[int]]) -> None:
        """Show at each scrape whether this process scales pools; `held` returns the shards that they belong to."""
        self._held = held
        self._leader.set_function(lambda: float(bool(held())))

    def shows_shards(self, shards: int, ticking: Callable[[], Mapping[int, int]]) -> None:
        """Show at each scrape which shards this process holds, and how many pools of each; nothing where there is one.

        `ticking` returns how many pools this process scales, by shard.
        """
        for shard in range(shards) if shards > 1 else ():
            label = {"shard": str(shard)}
            self._shard_leader.labels(**label).set_function(partial(lambda shard: float(shard in self._held()), shard))
            self._shard_pools.labels(**label).set_function(partial(lambda shard: float(ticking().get(shard, 0)), shard))

    def shows_pools(self, count: Callable[[], int]) -> None:
        """Show at each scrape how many pools this process knows, whether it scales them or stands by."""
        self._known.set_function(lambda: float(count()))

    def serves(self, namespaces: Iterable[str], refused: Callable[[], Collection[str]]) -> None:
        """Show at each scrape which of the namespaces to serve can be listed; the empty name is the whole cluster."""

        def served(namespace: str) -> float:
            return float(namespace not in refused())

        for namespace in namespaces:
            self._namespaces.labels(namespace=namespace).set_function(partial(served, namespace))

    def held(self) -> Sequence[int]:
        """Return the shards whose pools this process scales. May be called from any thread."""
        return self._held()

    def forget(self, pool: NamespacedName) -> None:
        """Drop every series of a pool."""
        self.pools.records.pop(pool, None)

    def render(self, accept: str) -> tuple[Iterator[bytes], str]:
        """Return the metrics as text, piece by piece, and its content type. May be called from any thread.

        Args:
            accept: As `boundedhttp` asks: OpenMetrics, or empty for the older text format.
        """
        encoder, content_type = choose_encoder(accept)
        return self.pools.with_samples(encoder(self._registry)), content_type

    def _record(self, pool: NamespacedName) -> PoolRecord:
        return self.pools.records[pool]
