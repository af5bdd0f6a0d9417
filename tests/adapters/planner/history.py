"""A pool's past in a real Prometheus: what operator and worker would have shown on /metrics, scrape after scrape."""

import math
import subprocess
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from queueplanner.simulation import Run
from queueworker.metrics import Metrics as WorkerMetrics
from queueworker.metrics import QueueState, WorkerState
from queueworker.stats import AGE_BUCKETS, DURATION_BUCKETS, Count, Snapshot
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import reading
from tests.unit.operator.fakes import observe, target

POOL = {"namespace": "shop", "pool": "thumbnails"}
SCRAPE_SECONDS = 15

_READ = (
    "queueworkerpool_queue_messages",
    "queueworkerpool_current_replicas",
    "queueworkerpool_ready_replicas",
    "queueworkerpool_startup_seconds",
    "queueworker_messages_deleted_total",
    "queueworker_handler_duration_seconds",
    "queueworker_message_age_at_start_seconds",
    "queueworker_concurrency",
)


def _worker_state(numbers: Snapshot) -> WorkerState:
    queue = QueueState(numbers=numbers, heartbeat_lag_seconds=0.0, groups=0)
    return WorkerState(queues={"thumbnails": queue}, concurrency=1, draining=False)


Sample = tuple[str, dict[str, str], float, float]
"""Name, labels, value, and time in seconds since 1970."""


def backfill(folder: Path, samples: Iterable[Sample]) -> None:
    """Write samples as blocks of Prometheus' storage, into `data` of a folder."""
    lines = sorted(
        (name, ",".join(f'{label}="{text}"' for label, text in sorted(labels.items())), time, value)
        for name, labels, value, time in samples
    )
    text = "".join(f"{name}{{{labels}}} {value} {time:.3f}\n" for name, labels, time, value in lines)
    (folder / "history.txt").write_text(f"{text}# EOF\n")
    argv = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.txt", "data"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)


def of_run(run: Run, start: datetime, seconds: int) -> Iterator[Sample]:
    """Yield what would have been scraped of a pool while a run of the planner was real; one worker counts for all."""
    now, numbers = start, Snapshot()
    operator = Metrics(CollectorRegistry(), "1.2.3", lambda: now)
    worker = WorkerMetrics(lambda: _worker_state(numbers))
    begun, done = (sorted(time for time in times if not math.isnan(time)) for times in (run.begun, run.done))
    services = iter(after - before for before, after in zip(run.begun, run.done, strict=True))
    waits = iter(after - before for before, after in zip(run.arrivals, run.begun, strict=True))
    for second in range(0, seconds, SCRAPE_SECONDS):
        now = start + timedelta(seconds=second)
        sent, started, handled = (bisect_right(times, second) for times in (run.arrivals, begun, done))
        index = bisect_right(run.sizes.times, second) - 1
        size = target(run.sizes.asked[index], ready_replicas=run.sizes.ready[index])
        tick = observe({"reading": reading(sent - started, started - handled, 0, now)}, target=size)
        assert tick.decision
        learned = replace(tick.decision.memory, workers=WorkerEstimates(startup_seconds=20.0))
        operator.observe(replace(tick, decision=replace(tick.decision, memory=learned)))
        yield from _scraped(operator.render("")[0], {}, now)
        newly_handled, newly_begun = handled - numbers.counts[Count.DELETED], started - sum(numbers.ages)
        _count(numbers, islice(services, newly_handled), islice(waits, newly_begun))
        if run.sizes.ready[index]:
            yield from _scraped(worker.render("")[0], {**POOL, "pod": "thumbnails-1"}, now)


def _count(numbers: Snapshot, services: Iterable[float], waits: Iterable[float]) -> None:
    """Add the service times of messages that were handled, and the waits of those that were begun."""
    for seconds in services:
        numbers.counts[Count.DELETED] += 1
        numbers.durations[bisect_left(DURATION_BUCKETS, seconds)] += 1
        numbers.finished_seconds += seconds
    for seconds in waits:
        numbers.ages[bisect_left(AGE_BUCKETS, seconds)] += 1
        numbers.ages_sum += seconds


def _scraped(pieces: Iterable[bytes], labels: dict[str, str], now: datetime) -> Iterator[Sample]:
    """Yield the samples of /metrics that a pool's past is made of: to parse all of them would take most of the time."""
    lines = (line for line in b"".join(pieces).decode().splitlines(keepends=True) if line.startswith(_READ))
    for family in text_string_to_metric_families("".join(lines)):
        for sample in family.samples:
            yield sample.name, {**sample.labels, **labels}, sample.value, now.timestamp()


def counted(name: str, start: datetime, values: Iterable[float | None], **labels: str) -> Iterator[Sample]:
    """Yield a series that has these values at scrapes that follow each other; None: it is not there."""
    for number, value in enumerate(values):
        if value is not None:
            yield name, {**POOL, **labels}, value, start.timestamp() + number * SCRAPE_SECONDS


def floored(now: datetime) -> datetime:
    """Return the last full minute."""
    return now.astimezone(UTC).replace(second=0, microsecond=0)
