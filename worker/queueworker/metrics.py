"""The only adapter to prometheus_client: renders the numbers of `stats` in its formats, on a registry of its own.

`runtime` loads it at the first scrape: a worker that nobody scrapes does without. It counts nothing itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from queueworker.stats import AGE_BUCKETS, DURATION_BUCKETS, Count, Snapshot

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
class WorkerState:
    """What the metrics show, at one moment."""

    numbers: Snapshot
    concurrency: int
    draining: bool
    heartbeat_lag_seconds: float
    groups: int


class Metrics:
    """Renders the state that `read_state` returns at each scrape."""

    def __init__(self, read_state: Callable[[], WorkerState]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_StateCollector(read_state))

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the format that the Accept header requests, and its content type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


class _StateCollector(Collector):
    def __init__(self, read_state: Callable[[], WorkerState]) -> None:
        self._read_state = read_state

    def collect(self) -> Iterator[Metric]:
        state = self._read_state()
        yield from _counters(state.numbers)
        yield from _histograms(state.numbers)
        yield from _gauges(state)


def _counters(numbers: Snapshot) -> Iterator[Metric]:
    for count, number in numbers.counts.items():
        yield CounterMetricFamily(f"queueworker_messages_{count}", _HELP[count], value=number)
    errors = CounterMetricFamily(
        "queueworker_receive_errors", "Receive requests that SQS did not answer with messages.", labels=("reason",)
    )
    for reason, number in numbers.receive_errors.items():
        errors.add_metric((reason,), number)
    yield errors
    yield CounterMetricFamily(
        "queueworker_busy_seconds", "Seconds that handlers were busy, running ones included.", numbers.busy_seconds
    )


def _histograms(numbers: Snapshot) -> Iterator[Metric]:
    yield _histogram(
        "queueworker_handler_duration_seconds",
        "How long handlers took.",
        dict(zip(DURATION_BUCKETS, numbers.durations, strict=False)),
        count=sum(numbers.durations),
        total=numbers.finished_seconds,
    )
    yield _histogram(
        "queueworker_message_age_at_start_seconds",
        "Seconds between the sending of a message and the start of its handler.",
        dict(zip(AGE_BUCKETS, numbers.ages, strict=False)),
        count=sum(numbers.ages),
        total=numbers.ages_sum,
    )


def _gauges(state: WorkerState) -> Iterator[Metric]:
    yield GaugeMetricFamily("queueworker_busy_handlers", "Handlers that are running.", state.numbers.busy)
    yield GaugeMetricFamily(
        "queueworker_oldest_busy_seconds",
        "How long the longest running handler has been running.",
        state.numbers.oldest_busy_seconds,
    )
    yield GaugeMetricFamily(
        "queueworker_heartbeat_lag_seconds",
        "How late the last or the next check for messages to extend is.",
        state.heartbeat_lag_seconds,
    )
    yield GaugeMetricFamily(
        "queueworker_groups",
        "Message groups of which messages are in hand: received and not settled yet.",
        state.groups,
    )
    yield GaugeMetricFamily("queueworker_concurrency", "Handlers that may run at the same time.", state.concurrency)
    yield GaugeMetricFamily("queueworker_draining", "1 once the worker receives no more messages.", state.draining)


def _histogram(
    name: str, help_text: str, buckets: Mapping[float, int], *, count: int, total: float
) -> HistogramMetricFamily:
    """Build a histogram from the observations in each bucket alone; those above all bounds are only in `count`."""
    bounds = [str(bound) for bound in buckets]
    cumulated = list(zip(bounds, accumulate(buckets.values()), strict=True))
    return HistogramMetricFamily(name, help_text, buckets=[*cumulated, ("+Inf", count)], sum_value=total)
