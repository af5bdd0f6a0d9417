"""The only adapter to prometheus_client: renders the numbers of `stats` in its formats, on a registry of its own.

`runtime` loads it at the first scrape: a worker that nobody scrapes does without. It counts nothing itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from queueworker.stats import AGE_BUCKETS, DURATION_BUCKETS, Count, Snapshot

_LABELS: Final = ("queue",)
"""Of what concerns one queue: its name, or its URL where two share the name, as in the operator's metrics."""

_HELP = {
    Count.RECEIVED: "Messages received.",
    Count.STARTED: "Messages passed to the handler.",
    Count.SUCCEEDED: "Messages whose handler succeeded.",
    Count.FAILED: "Messages whose handler failed, requested a retry or was interrupted.",
    Count.RELEASED: "Messages returned to the queue, visible now or later.",
    Count.EXTENDED: "Extensions of a message's visibility timeout.",
    Count.DELETED: "Messages deleted after success.",
    Count.STRANDED: "Messages neither deleted nor released: SQS shows them again after their visibility timeout.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """What the metrics show of one queue, at one moment."""

    numbers: Snapshot
    heartbeat_lag_seconds: float
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """What the metrics show, at one moment. `queues` holds the queues by their labels."""

    queues: Mapping[str, QueueState]
    concurrency: int
    draining: bool


class Metrics:
    """Renders the state that `read_state` returns at each scrape."""

    def __init__(self, read_state: Callable[[], WorkerState]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_StateCollector(read_state))

    def render(self, accept: str) -> tuple[Sequence[bytes], str]:
        """Return the metrics in the format that the Accept header requests, in one piece, and its content type."""
        encoder, content_type = choose_encoder(accept)
        return [encoder(self._registry)], content_type


class _StateCollector(Collector):
    def __init__(self, read_state: Callable[[], WorkerState]) -> None:
        self._read_state = read_state

    def collect(self) -> Iterator[Metric]:
        state = self._read_state()
        yield from _counters(state.queues)
        yield from _histograms(state.queues)
        yield from _gauges(state.queues)
        yield GaugeMetricFamily("queueworker_concurrency", "Handlers that may run at the same time.", state.concurrency)
        yield GaugeMetricFamily("queueworker_draining", "1 once the worker receives no more messages.", state.draining)


_Queues = Mapping[str, QueueState]


def _counters(queues: _Queues) -> Iterator[Metric]:
    for count in Count:
        family = CounterMetricFamily(f"queueworker_messages_{count}", _HELP[count], labels=_LABELS)
        yield _filled(family, {label: queue.numbers.counts[count] for label, queue in queues.items()})
    errors = CounterMetricFamily(
        "queueworker_receive_errors",
        "Receive requests that SQS did not answer with messages.",
        labels=(*_LABELS, "reason"),
    )
    for label, queue in queues.items():
        for reason, number in queue.numbers.receive_errors.items():
            errors.add_metric((label, reason), number)
    yield errors
    busy = CounterMetricFamily(
        "queueworker_busy_seconds", "Seconds that handlers were busy, running ones included.", labels=_LABELS
    )
    yield _filled(busy, {label: queue.numbers.busy_seconds for label, queue in queues.items()})


def _histograms(queues: _Queues) -> Iterator[Metric]:
    durations = HistogramMetricFamily("queueworker_handler_duration_seconds", "How long handlers took.", labels=_LABELS)
    ages = HistogramMetricFamily(
        "queueworker_message_age_at_start_seconds",
        "Seconds between the sending of a message and the start of its handler.",
        labels=_LABELS,
    )
    for label, queue in queues.items():
        numbers = queue.numbers
        durations.add_metric((label,), _cumulated(DURATION_BUCKETS, numbers.durations), numbers.finished_seconds)
        ages.add_metric((label,), _cumulated(AGE_BUCKETS, numbers.ages), numbers.ages_sum)
    yield from (durations, ages)


def _gauges(queues: _Queues) -> Iterator[Metric]:
    for name, help_text, read in _GAUGES:
        family = GaugeMetricFamily(f"queueworker_{name}", help_text, labels=_LABELS)
        yield _filled(family, {label: read(queue) for label, queue in queues.items()})


_GAUGES: Final[Sequence[tuple[str, str, Callable[[QueueState], float]]]] = (
    ("busy_handlers", "Handlers that are running.", lambda queue: queue.numbers.busy),
    (
        "oldest_busy_seconds",
        "How long the longest running handler has been running.",
        lambda queue: queue.numbers.oldest_busy_seconds,
    ),
    (
        "heartbeat_lag_seconds",
        "How late the last or the next check for messages to extend is.",
        lambda queue: queue.heartbeat_lag_seconds,
    ),
    (
        "groups",
        "Message groups of which messages are in hand: received and not settled yet.",
        lambda queue: queue.groups,
    ),
)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float]
) -> CounterMetricFamily | GaugeMetricFamily:
    """Return the family with a value for each queue."""
    for label, value in values.items():
        family.add_metric((label,), value)
    return family


def _cumulated(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Return a histogram's buckets from the observations in each alone; the last of these are above all bounds."""
    return list(zip([*map(str, bounds), "+Inf"], accumulate(counts), strict=True))
