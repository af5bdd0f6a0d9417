"""The series of pools on /metrics: what is known of each, and the families made of it at each scrape.

`metrics` feeds the records and registers the collector. With it, this is the only adapter to prometheus_client. It
decides nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from queueworkerpool.errors import QueueUnreadableError
from queueworkerpool.model import (
    BusyWorkers,
    Condition,
    Decision,
    NamespacedName,
    Observation,
    PoolSpec,
    QueueReading,
    QueueRef,
    ReadingInterval,
    Target,
    reading_interval,
)
from queueworkerpool.names import DECISION_REASONS, ConditionStatus, ReadOutcome, Reason
from queueworkerpool.sizing import RULES

_POOL = ("namespace", "pool")


@dataclass(slots=True)
class PoolRecord:
    """What is known of one pool."""

    spec: PoolSpec | None = None
    target: Target | None = None
    decision: Decision | None = None
    readings: dict[QueueRef, QueueReading] = field(default_factory=dict)
    conditions: Sequence[Condition] = ()
    decisions: Counter[Reason] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[ReadOutcome] = field(default_factory=Counter)

    def count_readings(self, observation: Observation) -> None:
        """Record how the readings of a tick ended, and the good ones among them."""
        # A failed reading leaves the last good one in place, whose age then grows; an edited-out queue goes.
        queues = observation.pool.spec.queues
        kept = {queue: reading for queue, reading in self.readings.items() if queue in queues}
        for queue, count in zip(queues, observation.counts, strict=False):
            if isinstance(count, QueueReading) and isinstance(queue, QueueRef):
                self.reads[ReadOutcome.OK] += self.readings.get(queue) is not count  # an idle pool meets it again
                kept[queue] = count
            elif isinstance(count, QueueUnreadableError):
                self.reads[count.outcome] += 1
        self.readings = kept

    def interval(self, now: datetime) -> ReadingInterval | None:
        """Return how often the pool's queues are read; None while they are not."""
        if self.spec is None or self.target is None or self.decision is None:
            return None
        delayed = sum(reading.delayed for reading in self.readings.values())
        return reading_interval(self.spec, self.decision.memory, self.target.replicas, delayed, now)


class PoolSeries(Collector):
    """Makes the per-pool series at each scrape, in another thread than the one that feeds the records."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.records: defaultdict[NamespacedName, PoolRecord] = defaultdict(PoolRecord)
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Return nothing: the series are made by `collect`, so that registering costs nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield all per-pool metrics."""
        pools = [([*key], record) for key, record in list(self.records.items())]
        now = self._clock()
        yield from _sizes(pools)
        yield from _specs(pools)
        yield from _workers(pools)
        yield from _readings(pools, now)
        yield from _queues(pools, now)
        yield from _counters(pools)


_Labelled = Sequence[tuple[list[str], PoolRecord]]


def _sizes(pools: _Labelled) -> Iterator[Metric]:
    current = _gauge("current_replicas", "Pods that the target asks for.")
    ready = _gauge("ready_replicas", "Pods of the target that are ready.")
    recommended = _gauge("recommended_replicas", "Pods that the load needs, before any limit; missing while unknown.")
    desired = _gauge("desired_replicas", "Pods that the last decision wants.")
    waiting = _gauge(
        "waiting_for_idle_workers", "Pods that the load does not call for and that stay until their workers are idle."
    )
    for labels, record in pools:
        if record.target:
            current.add_metric(labels, record.target.replicas)
            ready.add_metric(labels, record.target.ready_replicas)
        if record.decision:
            _add_known(recommended, labels, record.decision.recommended)
            desired.add_metric(labels, record.decision.replicas)
            waiting.add_metric(labels, record.decision.waiting_pods)
    yield from (current, ready, recommended, desired, waiting)


def _specs(pools: _Labelled) -> Iterator[Metric]:
    protects = _gauge("protects_busy_workers", "1 where spec.scaleIn.busyWorkers is Protect, 0 where it is Drain.")
    lowest = _gauge("min_replicas", "spec.minReplicas.")
    active = _gauge("active_min_replicas", "spec.activeMinReplicas, of the pools that set it.")
    paused_until = _gauge(
        "paused_until_timestamp_seconds", "Unix time of spec.pausedUntil, of the pools that it pauses now."
    )
    highest = _gauge("max_replicas", "spec.maxReplicas.")
    targets = {name: _gauge(name, text) for rule in RULES for name, text in rule.gauges.items()}
    for labels, record in pools:
        if record.spec:
            protects.add_metric(labels, float(record.spec.busy_workers is BusyWorkers.PROTECT))
            lowest.add_metric(labels, record.spec.min_replicas)
            highest.add_metric(labels, record.spec.max_replicas)
            if record.spec.active_min_replicas:
                active.add_metric(labels, record.spec.active_min_replicas)
            if record.spec.paused_until:
                paused_until.add_metric(labels, record.spec.paused_until.timestamp())
            for name, value in record.spec.target.gauge_values().items():
                targets[name].add_metric(labels, value)
    yield from (protects, lowest, active, highest, paused_until)
    yield from targets.values()


def _readings(pools: _Labelled, now: datetime) -> Iterator[Metric]:
    every = _gauge(
        "reading_interval_seconds",
        "Seconds between two readings: spec.pollSeconds, or spec.idlePollSeconds while the pool is idle; missing while"
        " nothing is read.",
    )
    cost = _gauge(
        "readings_monthly_cost_usd",
        "What the readings of the pool's queues cost in 30 days at this interval, in US dollars, as if no other pool"
        " read them; 0 while nothing is read.",
    )
    for labels, record in pools:
        interval = record.interval(now)
        if interval:
            every.add_metric(labels, interval.seconds)
        if record.spec:
            cost.add_metric(labels, interval.monthly_cost_usd(len(record.spec.queues)) if interval else 0.0)
    yield from (every, cost)


def _workers(pools: _Labelled) -> Iterator[Metric]:
    service = _gauge("service_seconds", "Mean time that a message takes, as the workers report; missing while unknown.")
    startup = _gauge("startup_seconds", "Time from a pod's creation to its readiness; missing while unknown.")
    concurrency = _gauge("worker_concurrency", "Messages that a pod handles at once; missing while unknown.")
    for labels, record in pools:
        if record.decision:
            measured = record.decision.memory.workers
            _add_known(service, labels, measured.service_seconds)
            _add_known(startup, labels, measured.startup_seconds)
            _add_known(concurrency, labels, measured.concurrency)
    yield from (service, startup, concurrency)


def _add_known(family: GaugeMetricFamily, labels: Sequence[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)


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
    writes = _counter("scale_writes", "Writes of the target's replicas.", "direction")
    reads = _counter("queue_reads", "Readings that the pool asked for, by how they ended.", "outcome")
    for labels, record in pools:
        for held in record.conditions:
            for status in ConditionStatus:
                condition.add_metric([*labels, str(held.type), status.value], float(status == held.status))
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
