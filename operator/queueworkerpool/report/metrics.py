"""The only adapter to prometheus_client: what the operator counts and shows on /metrics.

`reconcile` and the scheduler feed it, `server` renders it. One object on an injected registry. A pool costs one
small record here, not dozens of metric children; the series are made at each scrape, so a deleted pool's series are
gone at once and ages are true at the time of the scrape. It decides nothing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client import Counter as ShownCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from queueworkerpool.model import (
    BusyWorkers,
    Condition,
    Decision,
    NamespacedName,
    Observation,
    PoolSpec,
    QueueReading,
    QueueRef,
    Target,
)
from queueworkerpool.names import DECISION_REASONS, ConditionStatus, ConditionType, ReadOutcome, Reason, StateOutcome
from queueworkerpool.sizing import RULES

_POOL = ("namespace", "pool")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of the histograms' buckets: from a tick that does nothing to one that waits for every time-out."""


@dataclass(slots=True)
class _Record:
    """What is known of one pool."""

    spec: PoolSpec | None = None
    target: Target | None = None
    decision: Decision | None = None
    readings: dict[QueueRef, QueueReading] = field(default_factory=dict)
    conditions: dict[ConditionType, ConditionStatus] = field(default_factory=dict)
    decisions: Counter[Reason] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[ReadOutcome] = field(default_factory=Counter)


def process_registry() -> CollectorRegistry:
    """A registry that also shows the process's memory, CPU and file descriptors, and no `_created` series."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # theirs
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


class Metrics:
    """All metrics of one operator process."""

    def __init__(self, registry: CollectorRegistry, version: str, clock: Callable[[], datetime]) -> None:
        """Register everything, known label values at 0."""
        self._registry = registry
        self._pools = _Pools(clock)
        registry.register(self._pools)
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
        self._failures = ShownCounter(
            f"{name}reconcile_failures",
            "Ticks that ended early: something could not be written, or a bug.",
            registry=registry,
        )
        self._events_lost = ShownCounter(
            f"{name}events_lost", "Events that the API server did not take.", registry=registry
        )
        self._read_seconds = Histogram(
            f"{name}queue_read_duration_seconds", "Time that one SQS request took.", buckets=_SECONDS, registry=registry
        )
        self._namespaces = Gauge(
            f"{name}namespace_served",
            "1 for a namespace whose pools and Deployments can be listed, else 0; the empty name is the whole cluster.",
            ("namespace",),
            registry=registry,
        )
        self._states = ShownCounter(
            f"{name}state_requests",
            "Requests for a worker's /state, by how they ended.",
            ["outcome"],
            registry=registry,
        )
        for outcome in StateOutcome:
            self._states.labels(outcome)
        self._leads: Callable[[], bool] = lambda: False
        self._known = Gauge(f"{name}pools", "Pools that the watch of this process shows.", registry=registry)
        self._leader = Gauge(
            f"{name}leader", "1 in the process that scales, 0 in one that stands by.", registry=registry
        )
        Info(f"{name}build", "The operator's version.", registry=registry).info({"version": version})

    def observe(self, observation: Observation) -> None:
        """Record what one tick of a pool saw and decided."""
        record = self._record(observation.pool.key)
        record.spec, record.target, record.decision = observation.pool.spec, observation.target, observation.decision
        if observation.decision:
            record.decisions[observation.decision.reason] += 1
        _record_counts(record, observation)

    def observe_invalid(self, pool: NamespacedName, target: Target | None) -> None:
        """Record a tick of a pool whose spec cannot be read: nothing was read or decided."""
        record = self._record(pool)
        record.spec, record.target, record.decision = None, target, None

    def published(self, pool: NamespacedName, conditions: Iterable[Condition]) -> None:
        """Record the conditions that a pool's status now shows."""
        self._record(pool).conditions = {
            ConditionType(condition.type): ConditionStatus(condition.status) for condition in conditions
        }

    def rescaled(self, pool: NamespacedName, before: int, after: int) -> None:
        """Count one write of a Deployment's replicas."""
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

    def state_requested(self, outcome: StateOutcome) -> None:
        """Count one request for a worker's /state."""
        self._states.labels(outcome).inc()

    def leads_while(self, leads: Callable[[], bool]) -> None:
        """Show at each scrape whether this process is the one that scales."""
        self._leads = leads
        self._leader.set_function(lambda: float(leads()))

    def knows(self, count: Callable[[], int]) -> None:
        """Show at each scrape how many pools this process knows, whether it scales them or stands by."""
        self._known.set_function(lambda: float(count()))

    def serves(self, namespaces: Iterable[str], refused: Callable[[], Collection[str]]) -> None:
        """Show at each scrape which of the namespaces to serve can be listed; the empty name is the whole cluster."""

        def served(namespace: str) -> float:
            return float(namespace not in refused())

        for namespace in namespaces:
            self._namespaces.labels(namespace=namespace).set_function(partial(served, namespace))

    def leads(self) -> bool:
        """Return whether this process is the one that scales. May be called from any thread."""
        return self._leads()

    def forget(self, pool: NamespacedName) -> None:
        """Drop every series of a pool."""
        self._pools.records.pop(pool, None)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics as text, and its content type, in the format that the scraper accepts."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def _record(self, pool: NamespacedName) -> _Record:
        return self._pools.records.setdefault(pool, _Record())


def _record_counts(record: _Record, observation: Observation) -> None:
    # A failed reading leaves the last good one in place, whose age then grows; an edited-out queue goes.
    queues = observation.pool.spec.queues
    kept = {queue: record.readings[queue] for queue in queues if queue in record.readings}
    for queue, count in zip(queues, observation.counts, strict=False):
        if isinstance(count, QueueReading):
            kept[queue] = count
            record.reads[ReadOutcome.OK] += 1
        else:
            record.reads[count.outcome] += 1
    record.readings = kept


class _Pools(Collector):
    """Makes the per-pool series at each scrape, in another thread than the one that feeds the records."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.records: dict[NamespacedName, _Record] = {}
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Return nothing: the series are made by `collect`, so that registering costs nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield all per-pool metrics."""
        pools = [([*key], record) for key, record in list(self.records.items())]
        yield from _sizes(pools)
        yield from _queues(pools, self._clock())
        yield from _counters(pools)


_Labelled = Sequence[tuple[list[str], _Record]]


def _sizes(pools: _Labelled) -> Iterator[Metric]:
    current = _gauge("current_replicas", "Pods that the Deployment asks for.")
    ready = _gauge("ready_replicas", "Pods of the Deployment that are ready.")
    desired = _gauge("desired_replicas", "Pods that the last decision wants.")
    waiting = _gauge(
        "waiting_for_idle_workers", "Pods that the load does not call for and that stay until their workers are idle."
    )
    protects = _gauge("protects_busy_workers", "1 where spec.scaleIn.busyWorkers is Protect, 0 where it is Drain.")
    lowest = _gauge("min_replicas", "spec.minReplicas.")
    highest = _gauge("max_replicas", "spec.maxReplicas.")
    targets = {name: _gauge(name, text) for rule in RULES for name, text in rule.gauges.items()}
    for labels, record in pools:
        if record.target:
            current.add_metric(labels, record.target.replicas)
            ready.add_metric(labels, record.target.ready_replicas)
        if record.decision:
            desired.add_metric(labels, record.decision.replicas)
            waiting.add_metric(labels, record.decision.waiting_pods)
        if record.spec:
            protects.add_metric(labels, float(record.spec.busy_workers is BusyWorkers.PROTECT))
            lowest.add_metric(labels, record.spec.min_replicas)
            highest.add_metric(labels, record.spec.max_replicas)
            for name, value in record.spec.target.gauge_values().items():
                targets[name].add_metric(labels, value)
    yield from (current, ready, desired, waiting, protects, lowest, highest, *targets.values())


def _queues(pools: _Labelled, now: datetime) -> Iterator[Metric]:
    messages = _gauge("queue_messages", "Messages in a queue, by state, at the last good reading.", "queue", "state")
    age = _gauge("reading_age_seconds", "Age of the oldest of the pool's last good readings.")
    backlog = _gauge(
        "backlog_per_pod", "Messages that count as load, per pod asked for; the whole load when there is none."
    )
    for labels, record in pools:
        for queue, reading in list(record.readings.items()):
            shown = _queue_label(queue, record.readings)
            messages.add_metric([*labels, shown, "visible"], reading.visible)
            messages.add_metric([*labels, shown, "in_flight"], reading.in_flight)
            messages.add_metric([*labels, shown, "delayed"], reading.delayed)
        if record.readings and record.spec:
            age.add_metric(labels, max(0.0, (now - min(r.time for r in record.readings.values())).total_seconds()))
            load = sum(record.spec.load(reading) for reading in record.readings.values())
            backlog.add_metric(labels, load / max(1, record.target.replicas if record.target else 0))
    yield from (messages, age, backlog)


def _counters(pools: _Labelled) -> Iterator[Metric]:
    condition = _gauge("condition", "1 for the status that a condition has, 0 for the others.", "type", "status")
    decisions = _counter("decisions", "Decisions, by the reason that set the size.", "reason")
    writes = _counter("scale_writes", "Writes of the Deployment's replicas.", "direction")
    reads = _counter("queue_reads", "Readings that the pool asked for, by how they ended.", "outcome")
    for labels, record in pools:
        for kind, held in record.conditions.items():
            for status in ConditionStatus:
                condition.add_metric([*labels, kind.value, status.value], float(status == held))
        for reason in DECISION_REASONS:
            decisions.add_metric([*labels, reason.value], record.decisions[reason])
        for direction in ("up", "down"):
            writes.add_metric([*labels, direction], record.writes[direction])
        for outcome in ReadOutcome:
            reads.add_metric([*labels, outcome.value], record.reads[outcome])
    yield from (condition, decisions, writes, reads)


def _queue_label(queue: QueueRef, all_queues: dict[QueueRef, QueueReading]) -> str:
    """The queue's name, or its URL where two queues of a pool share a name."""
    return queue.name if sum(other.name == queue.name for other in all_queues) == 1 else queue.url


def _gauge(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"queueworkerpool_{name}", documentation, labels=[*_POOL, *labels])


def _counter(name: str, documentation: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"queueworkerpool_{name}", documentation, labels=[*_POOL, *labels])
