"""What Prometheus knows of a pool's past: what was sent, how many pods there were, and what its workers are like.

It reads the metrics of the operator, and those of the workers, which carry the labels `namespace` and `pool` (see
docs/monitoring.md). What is not there is unknown, and told.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from queueplanner.recorded import Interval, LoadError, Recorded, on_grid, told_at_its_ends
from queueplanner.sources.arrivals import inferred
from queueplanner.sources.histograms import Histogram, parse_buckets
from queueplanner.work import Constant, Draw, Lognormal
from queueworkerpool.errors import PrometheusError
from queueworkerpool.model import NamespacedName

if TYPE_CHECKING:
    from queueworkerpool.prometheus import Series, Vector

SHORTEST_STEP = timedelta(minutes=1)
MOST_STEPS = 10_900
"""Prometheus gives no more than 11,000 values of a series. Workers are scraped hardly less often than every minute."""

_REMEMBERED = "1h"
"""For how long a worker that was not scraped is taken for the same one afterwards."""

_AT_ONCE_SECONDS = 1.0
"""In the replay, what was in the queue at the beginning comes within its first second."""

_INFERRED = (
    "what was sent is inferred, as what came into the queue and what the workers deleted: messages that others deleted,"
    " that expired or that went to a dead-letter queue, and what a worker deleted after its last scrape, count as if"
    " they had not been sent"
)


class Server(Protocol):
    """Knows the past of series."""

    def range(self, query: str, start: datetime, end: datetime, step: timedelta) -> "Series":
        """Return the values of a query that has one series at most, at the times of a grid."""

    def at(self, query: str, time: datetime) -> "Vector":
        """Return the values that the series of a query have at one time."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What is known of a pool's workers; None is unknown."""

    service: Draw | None
    startup: Draw | None
    concurrency: int | None


@dataclass(frozen=True, slots=True)
class PoolPast:
    """A pool's past. Times are seconds from when its load began; what is not known at a time is not there.

    Args:
        load: What was sent, and at its beginning what was in the queue.
        step_seconds: How far the times are apart.
        asked: Pods that were asked for.
        backlog: Messages in the queue, in any state.
        workers: What its workers are like.
        waits: How old messages were when their handlers began; None: unknown.
        notes: What is not known or inferred, in sentences, beside the load's own.
    """

    load: Recorded
    step_seconds: float
    asked: Mapping[float, int]
    backlog: Mapping[float, int]
    workers: Workers
    waits: Histogram | None
    notes: Sequence[str]

    @property
    def replicas(self) -> int:
        """Pods that were asked for at the beginning; none where that is not known."""
        return self.asked[min(self.asked)] if self.asked else 0


def step_for(since: timedelta) -> timedelta:
    """Return how far apart the times are that are asked for: whole minutes."""
    return max(SHORTEST_STEP, math.ceil(since / (MOST_STEPS * SHORTEST_STEP)) * SHORTEST_STEP)


def read_past(server: Server, pool: NamespacedName, since: timedelta, now: datetime, step: timedelta) -> PoolPast:
    """Return what the server knows of a pool since then.

    Raises:
        LoadError: it does not answer, or does not know what was sent.
    """
    try:
        return _past(_Asking(server, pool, _floored(now, step), step, max(1, int(since / step))))
    except PrometheusError as error:
        raise LoadError(str(error)) from error


def _past(asking: "_Asking") -> PoolPast:
    totals, asked, ready = (asking.series(query) for query in (_TOTAL, _ASKED, _READY))
    load, beginning = _load(asking, totals, ready)
    workers, notes = _workers(asking)
    return PoolPast(
        load=load,
        step_seconds=asking.step.total_seconds(),
        asked=_since(beginning, asked),
        backlog=_since(beginning, totals),
        workers=workers,
        waits=asking.histogram("queueworker_message_age_at_start_seconds"),
        notes=notes,
    )


_TOTAL = "sum(max by (queue, state) (queueworkerpool_queue_messages{pool}))"
_ASKED = "max(queueworkerpool_current_replicas{pool})"
_READY = "max(queueworkerpool_ready_replicas{pool})"
_DELETIONS = "queueworker_messages_deleted_total{pool}"
_BY_NOW = f"last_over_time({_DELETIONS}[{{step}}])"
_BEFORE = f"last_over_time({_DELETIONS}[{_REMEMBERED}] offset {{step}})"
# A worker that began anew counts from zero again; one that was not there before has deleted all of it in this step.
_DELETED = f"sum(({_BY_NOW} - {_BEFORE} >= 0) or (increase({_DELETIONS}[{{step}}]) and {_BEFORE}) or {_BY_NOW})"


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks a server about one pool, over one time."""

    server: Server
    pool: NamespacedName
    end: datetime
    step: timedelta
    steps: int

    @property
    def times(self) -> list[float]:
        """The ends of the steps, in seconds since 1970."""
        first = self.end - self.steps * self.step
        return [(first + number * self.step).timestamp() for number in range(self.steps + 1)]

    def series(self, query: str) -> Mapping[float, float]:
        """Return the values of a query by time."""
        found = self.server.range(self._written(query), self.end - self.steps * self.step, self.end, self.step)
        return {time.timestamp(): value for time, value in found.items()}

    def number(self, query: str) -> float | None:
        """Return the one value that a query has over the whole time; None when it has none."""
        found = self.server.at(self._written(query), self.end)
        return found[0][1] if found else None

    def histogram(self, name: str) -> Histogram | None:
        """Return a histogram of the workers over the whole time; None when it counts nothing."""
        counts = self.server.at(self._written(f"sum by (le) (increase({name}_bucket{{pool}}[{{whole}}]))"), self.end)
        return parse_buckets(counts, self.number(f"sum(increase({name}_sum{{pool}}[{{whole}}]))"))

    def _written(self, query: str) -> str:
        selector = f'{{namespace="{self.pool.namespace}",pool="{self.pool.name}"}}'
        step = int(self.step.total_seconds())
        return query.format(pool=selector, step=f"{step}s", whole=f"{step * self.steps}s")


def _load(asking: _Asking, totals: Mapping[float, float], ready: Mapping[float, float]) -> tuple[Recorded, float]:
    """Return what was sent, and when it begins, in seconds since 1970."""
    if not totals:
        raise LoadError(
            f"Prometheus knows no queueworkerpool_queue_messages of pool {asking.pool} in that time: check the name,"
            " --since, and that it scrapes the operator"
        )
    known = asking.series(_DELETED)
    deleted = [known.get(time, None if ready.get(time, 1) else 0.0) for time in asking.times]
    sent = inferred([totals.get(time) for time in asking.times], deleted)
    seconds = asking.step.total_seconds()
    messages = {time - seconds: count for time, count in zip(asking.times, sent, strict=True) if count is not None}
    if not messages:
        raise LoadError(
            f"Prometheus knows no queueworker_messages_deleted_total of pool {asking.pool}, so nobody knows how many"
            " messages were sent: scrape the workers, with the labels namespace and pool (docs/monitoring.md), or take"
            " the load from CloudWatch"
        )
    start = asking.end - asking.steps * asking.step
    load, beginning = told_at_its_ends(on_grid(messages, seconds), start, asking.end), min(messages)
    before = Interval(0, 0.0, _AT_ONCE_SECONDS, round(totals[beginning]))
    return replace(load, intervals=(before, *load.intervals), notes=(*load.notes, _INFERRED)), beginning


def _since(beginning: float, series: Mapping[float, float]) -> Mapping[float, int]:
    return {time - beginning: round(value) for time, value in sorted(series.items()) if time >= beginning}


def _workers(asking: _Asking) -> tuple[Workers, Sequence[str]]:
    """Return what the workers are like, and what is not known of it."""
    notes = []
    histogram = asking.histogram("queueworker_handler_duration_seconds")
    mean = asking.number("avg(avg_over_time(queueworkerpool_service_seconds{pool}[{whole}]))")
    startup = asking.number("avg(avg_over_time(queueworkerpool_startup_seconds{pool}[{whole}]))")
    concurrency = asking.number("max(max_over_time(queueworker_concurrency{pool}[{whole}]))")
    if concurrency is None:
        concurrency = asking.number("max(max_over_time(queueworkerpool_worker_concurrency{pool}[{whole}]))")
    service: Draw | None = histogram.draw if histogram else None
    if service is None and mean is not None:
        service = Lognormal(mean, 1.0)
        notes.append("of service times only the mean is known: a spread as large as the mean is assumed")
    if startup is not None:
        notes.append("of start-up times only the mean is known: all pods are taken to start as quickly")
    found = Workers(
        service=service,
        startup=None if startup is None else Constant(startup),
        concurrency=None if concurrency is None else round(concurrency),
    )
    unknown = {"service time": found.service, "start-up time": found.startup, "concurrency": found.concurrency}
    notes += [f"Prometheus does not know the {name} of the pool" for name, value in unknown.items() if value is None]
    return found, tuple(notes)


def _floored(now: datetime, step: timedelta) -> datetime:
    seconds = step.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)
