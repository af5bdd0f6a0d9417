"""The only door to prometheus_client: writes the numbers of `stats` in its formats, on a registry of its own.

The runtime loads it at the first scrape: a worker that nobody scrapes does without.
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
    Count.STARTED: "Messages given to the handler.",
    Count.SUCCEEDED: "Messages whose handler succeeded.",
    Count.FAILED: "Messages whose handler failed, asked for a retry or was interrupted.",
    Count.RELEASED: "Messages given back to the queue, for now or for later.",
    Count.EXTENDED: "Extensions of a message's visibility timeout.",
    Count.DELETED: "Messages deleted after success.",
    Count.STRANDED: "Messages neither deleted nor released: left to their visibility timeout.",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to tell at one moment."""

    numbers: Snapshot
    concurrency: int
    draining: bool
    heartbeat_lag_seconds: float


class Metrics:
    """Renders what `look` tells, each time it is asked."""

    def __init__(self, look: Callable[[], Facts]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Numbers(look))

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics in the format that the Accept header asks for, and its content type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


class _Numbers(Collector):
    def __init__(self, look: Callable[[], Facts]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        facts = self._look()
        numbers = facts.numbers
        for what, number in numbers.counts.items():
            yield CounterMetricFamily(f"queueworker_messages_{what}", _HELP[what], value=number)
        errors = CounterMetricFamily(
            "queueworker_receive_errors", "Receive requests that SQS did not answer with messages.", labels=("reason",)
        )
        for reason, number in numbers.receive_errors.items():
            errors.add_metric((reason,), number)
        yield errors
        yield _histogram(
            "queueworker_handler_duration_seconds",
            "How long handlers took.",
            dict(zip(DURATION_BUCKETS, numbers.durations, strict=False)),
            (sum(numbers.durations), numbers.finished_seconds),
        )
        yield _histogram(
            "queueworker_message_age_at_start_seconds",
            "How long ago messages had been sent when their handlers were started.",
            dict(zip(AGE_BUCKETS, numbers.ages, strict=False)),
            (sum(numbers.ages), numbers.ages_sum),
        )
        yield CounterMetricFamily(
            "queueworker_busy_seconds", "Seconds that handlers were busy, running ones included.", numbers.busy_seconds
        )
        yield GaugeMetricFamily("queueworker_busy_handlers", "Handlers that run now.", numbers.busy)
        yield GaugeMetricFamily(
            "queueworker_oldest_busy_seconds", "How long the longest running handler has run.", numbers.oldest_seconds
        )
        yield GaugeMetricFamily(
            "queueworker_heartbeat_lag_seconds",
            "By how much the last or the next look for messages to extend is late.",
            facts.heartbeat_lag_seconds,
        )
        yield GaugeMetricFamily("queueworker_concurrency", "Handlers that may run at the same time.", facts.concurrency)
        yield GaugeMetricFamily("queueworker_draining", "1 once the worker receives no more messages.", facts.draining)


def _histogram(
    name: str, help_text: str, buckets: Mapping[float, int], count_and_sum: tuple[int, float]
) -> HistogramMetricFamily:
    """A histogram from the observations in each bucket alone; those above all bounds are only in the count."""
    bounds = [str(bound) for bound in buckets]
    cumulated = list(zip(bounds, accumulate(buckets.values()), strict=True))
    count, total = count_and_sum
    return HistogramMetricFamily(name, help_text, buckets=[*cumulated, ("+Inf", count)], sum_value=total)
