"""The series of pools on /metrics: the table of families, and the collector that shows them at each scrape.

`metrics` registers the collector; `pool_record` holds what is known, `sample_lines` writes the lines. It decides
nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from queueworkerpool.model import BusyWorkers, Decision, NamespacedName, PoolSpec, Target
from queueworkerpool.names import DECISION_REASONS, ConditionStatus, ReadOutcome
from queueworkerpool.report.pool_record import PoolRecord, ShownPool
from queueworkerpool.report.sample_lines import Family, Samples, escaped
from queueworkerpool.sizing import RULES

_PREFIX: Final = "queueworkerpool_"
_STATUSES: Final = tuple(map(str, ConditionStatus))

_Value = Callable[[ShownPool], float | None]


def _of_target(value: Callable[[Target], float]) -> _Value:
    return lambda pool: value(target) if (target := pool.record.seen.target) else None


def _of_spec(value: Callable[[PoolSpec], float | None]) -> _Value:
    return lambda pool: value(spec) if (spec := pool.record.seen.spec) else None


def _of_decision(value: Callable[[Decision], float | None]) -> _Value:
    return lambda pool: value(decision) if (decision := pool.record.seen.decision) else None


def _messages(pool: ShownPool) -> Samples:
    readings = pool.record.seen.readings
    for queue, reading in readings.items():
        # The queue's name, or its URL where two queues of a pool share a name.
        shown = queue.name if sum(other.name == queue.name for other in readings) == 1 else queue.url
        yield (shown, "visible"), reading.visible
        yield (shown, "in_flight"), reading.in_flight
        yield (shown, "delayed"), reading.delayed


def _conditions(pool: ShownPool) -> Samples:
    for held in pool.record.conditions:
        kind = str(held.type)
        for status in _STATUSES:
            yield (kind, status), status == held.status


def _counts(known: Iterable[str], counter: Callable[[PoolRecord], Counter[str]]) -> Callable[[ShownPool], Samples]:
    labels = [(str(value),) for value in known]

    def samples(pool: ShownPool) -> Samples:
        counted = counter(pool.record).get
        return [(label, counted(label[0], 0)) for label in labels]

    return samples


def _gauge(name: str, documentation: str, value: _Value) -> Family[ShownPool]:
    def samples(pool: ShownPool) -> Samples:
        return () if (found := value(pool)) is None else (((), found),)

    return Family(GaugeMetricFamily, f"{_PREFIX}{name}", documentation, (), samples)


def _target_gauge(name: str, documentation: str) -> Family[ShownPool]:
    """Return one of a sizing rule's gauges."""
    return _gauge(name, documentation, _of_spec(lambda spec: spec.target.gauge_values().get(name)))


FAMILIES: Final = (
    _gauge("current_replicas", "Pods that the target asks for.", _of_target(lambda target: target.replicas)),
    _gauge("ready_replicas", "Pods of the target that are ready.", _of_target(lambda target: target.ready_replicas)),
    _gauge(
        "recommended_replicas",
        "Pods that the load needs, before any limit; missing while unknown.",
        _of_decision(lambda decision: decision.recommended),
    ),
    _gauge("desired_replicas", "Pods that the last decision wants.", _of_decision(lambda decision: decision.replicas)),
    _gauge(
        "waiting_for_idle_workers",
        "Pods that the load does not call for and that stay until their workers are idle.",
        _of_decision(lambda decision: decision.waiting_pods),
    ),
    _gauge(
        "protects_busy_workers",
        "1 where spec.scaleIn.busyWorkers is Protect, 0 where it is Drain.",
        _of_spec(lambda spec: spec.busy_workers is BusyWorkers.PROTECT),
    ),
    _gauge("min_replicas", "spec.minReplicas.", _of_spec(lambda spec: spec.min_replicas)),
    _gauge(
        "active_min_replicas",
        "spec.activeMinReplicas, of the pools that set it.",
        _of_spec(lambda spec: spec.active_min_replicas or None),
    ),
    _gauge("max_replicas", "spec.maxReplicas.", _of_spec(lambda spec: spec.max_replicas)),
    _gauge(
        "paused_until_timestamp_seconds",
        "Unix time of spec.pausedUntil, of the pools that it pauses now.",
        _of_spec(lambda spec: spec.paused_until.timestamp() if spec.paused_until else None),
    ),
    *(_target_gauge(name, documentation) for rule in RULES for name, documentation in rule.gauges.items()),
    _gauge(
        "service_seconds",
        "Mean time that a message takes, as the workers report; missing while unknown.",
        _of_decision(lambda decision: decision.memory.workers.service_seconds),
    ),
    _gauge(
        "startup_seconds",
        "Time from a pod's creation to its readiness; missing while unknown.",
        _of_decision(lambda decision: decision.memory.workers.startup_seconds),
    ),
    _gauge(
        "worker_concurrency",
        "Messages that a pod handles at once; missing while unknown.",
        _of_decision(lambda decision: decision.memory.workers.concurrency),
    ),
    _gauge(
        "reading_interval_seconds",
        "Seconds between two readings: spec.pollSeconds, or spec.idlePollSeconds while the pool is idle; missing while"
        " nothing is read.",
        ShownPool.interval_seconds,
    ),
    _gauge(
        "readings_monthly_cost_usd",
        "What the readings of the pool's queues cost in 30 days at this interval, in US dollars, as if no other pool"
        " read them; 0 while nothing is read.",
        ShownPool.monthly_cost_usd,
    ),
    Family(
        GaugeMetricFamily,
        f"{_PREFIX}queue_messages",
        "Messages in a queue, by state, at the last good reading.",
        ("queue", "state"),
        _messages,
    ),
    _gauge("reading_age_seconds", "Age of the oldest of the pool's last good readings.", ShownPool.reading_age),
    _gauge(
        "backlog_per_pod",
        "Messages that count as load, per pod asked for; the whole load when there is none.",
        ShownPool.backlog_per_pod,
    ),
    Family(
        GaugeMetricFamily,
        f"{_PREFIX}condition",
        "1 for the status that a condition has, 0 for the others.",
        ("type", "status"),
        _conditions,
    ),
    Family(
        CounterMetricFamily,
        f"{_PREFIX}decisions",
        "Decisions, by the reason that set the size.",
        ("reason",),
        _counts(DECISION_REASONS, lambda record: record.decisions),
    ),
    Family(
        CounterMetricFamily,
        f"{_PREFIX}scale_writes",
        "Writes of the target's replicas.",
        ("direction",),
        _counts(("up", "down"), lambda record: record.writes),
    ),
    Family(
        CounterMetricFamily,
        f"{_PREFIX}queue_reads",
        "Readings that the pool asked for, by how they ended.",
        ("outcome",),
        _counts(ReadOutcome, lambda record: record.reads),
    ),
)
"""What is shown of each pool, in this order."""

_BY_NAME: Final = {name.encode(): family for family in FAMILIES for name in (family.name, family.sample_name)}


class PoolSeries(Collector):
    """Shows the records at each scrape, in another thread than the one that feeds them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.records: defaultdict[NamespacedName, PoolRecord] = defaultdict(PoolRecord)
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Return nothing, as nothing else has these names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the families without their samples, which `with_samples` adds."""
        return (family.head() for family in FAMILIES)

    def with_samples(self, text: bytes) -> Iterator[bytes]:
        """Yield the text of all families with the samples of the pools in it, as they are now, piece by piece.

        Args:
            text: What prometheus_client makes of a registry in which this collector is.
        """
        pools = self._shown()
        for line in text.splitlines(keepends=True):
            yield line
            if line.startswith(b"# TYPE ") and (family := _BY_NAME.get(line.split()[2])):
                yield from family.lines(pools)

    def _shown(self) -> list[ShownPool]:
        records, now = dict(self.records), self._clock()  # copied in one step: nothing is added or removed meanwhile
        return [ShownPool(escaped(key.namespace), escaped(key.name), record, now) for key, record in records.items()]
