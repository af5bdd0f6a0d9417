"""Scrape: what one scrape of /metrics costs a process with ten thousand pools, and what it leaves to the event loop.

Beside it, in the same run: what prometheus_client's own encoder needs for the same text.
"""

import asyncio
import gzip
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.exposition import generate_latest

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from boundedhttp import RenderCache
from boundedhttp.rendering import Rendering
from queueworkerpool.decide import decide
from queueworkerpool.model import (
    Bounds,
    Facts,
    Memory,
    NamespacedName,
    Observation,
    Pool,
    PoolSpec,
    QueueReading,
    QueueRef,
    ScaleTargetRef,
    Target,
)
from queueworkerpool.report.metrics import Metrics, process_registry
from queueworkerpool.report.status import next_status
from queueworkerpool.sizing import MessagesPerPod
from testbed.process_usage import MIB, usage
from testbed.sample_objects import WithSampleObjects

POOLS = 10_000
SCRAPE_TIMEOUT_SECONDS = 10.0
"""Prometheus' default."""

TICK_CPU_SECONDS = 0.0009
"""Ten thousand pools that are read every 15 s are 667 ticks a second, for 0.6 of a core."""

SYSTEM_CALLS = 4
"""Of a tick: its request is sent, its answer is received, and the event loop waits for both."""

MOST_OF_THE_CPU = 0.45
"""What the event loop can spare, with some room for a busy machine: pauses are by the clock, whoever has the cores."""

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class _Cost:
    """What a call took: its CPU time, and by how much the process grew meanwhile."""

    cpu_seconds: float
    peak_mib: float


def measure(*, rounds: int) -> Result:
    """Scrape for each figure: rendered and zipped, unzipped for whoever wants it so, beside a busy event loop.

    Of several rounds the best counts, because whatever makes a round slower is noise.
    """
    registry = process_registry()
    metrics = Metrics(registry, "bench", lambda: NOW)
    for index in range(POOLS):
        observation = _observation(f"pool-{index:05}")
        metrics.observe(observation)
        metrics.published(observation.pool.key, next_status(observation, NOW).conditions)

    def scrape() -> Rendering:
        return RenderCache(metrics.render).get("")

    def theirs() -> bytes:
        return gzip.compress(generate_latest(WithSampleObjects(registry, metrics.pools, NOW)), 1)

    found = scrape()  # what is allocated once, is now
    cost, unzipped = min(_cost(scrape) for _ in range(rounds)), _cost(lambda: sum(map(len, found)))
    share, seconds = min(asyncio.run(_beside_busy_loop(scrape)) for _ in range(rounds))
    their_cost, (their_share, _) = _cost(theirs), asyncio.run(_beside_busy_loop(theirs))
    figures = [
        Figure("cpu_seconds", round(cost.cpu_seconds, 2), 1.5),
        Figure("ratio_to_prometheus_client", round(cost.cpu_seconds / their_cost.cpu_seconds, 3), 0.25),
        Figure("peak_mib", round(cost.peak_mib, 1), 16),
        Figure("kept_mib", round(len(found.zipped) / MIB, 1), 8),
        Figure("cpu_seconds_to_unzip", round(unzipped.cpu_seconds, 2), 0.5),
        Figure("peak_mib_to_unzip", round(unzipped.peak_mib, 1), 8),
        Figure("share_beside_busy_loop", round(share, 2), MOST_OF_THE_CPU),
        Figure("seconds_beside_busy_loop", round(seconds, 1), SCRAPE_TIMEOUT_SECONDS),
    ]
    details = {
        "mib_of_text": round(len(found) / MIB, 1),
        "lines": sum(piece.count(b"\n") for piece in found),
        "prometheus_client": {
            "cpu_seconds": round(their_cost.cpu_seconds, 2),
            "peak_mib": round(their_cost.peak_mib, 1),
            "share_beside_busy_loop": round(their_share, 2),
        },
    }
    setting = (
        f"{POOLS:,} pools with a queue each in one process; a scrape is rendered and zipped, as Prometheus asks for it."
        " peak: how much the process grows meanwhile; kept: what is held for other scrapers; to unzip: for a scraper"
        " that wants plain text. beside_busy_loop: while ticks keep the event loop of the process busy without a rest"
    )
    return Result("scrape", setting, figures, {}, details)


def _observation(name: str) -> Observation:
    """Return a tick of a pool that has something to do."""
    spec = PoolSpec(
        scale_target_ref=ScaleTargetRef(name),
        queues=(QueueRef(f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name}"),),
        max_replicas=50,
        target=MessagesPerPod(5),
    )
    readings = (QueueReading(55, 40, 7, NOW),)
    pool = Pool(
        key=NamespacedName("bench", name),
        uid=name,
        created="2026-11-23T11:00:00Z",
        generation=1,
        resource_version=100,
        spec=spec,
    )
    decision = decide(Facts(spec, Bounds(0, 50), 10, readings, Memory(), NOW, ready=10))
    return Observation(pool, Target(10, 10, resource_version=500), counts=readings, decision=decision)


def _cost(call: Callable[[], object]) -> _Cost:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    rest, began = usage(os.getpid()).resident, time.thread_time()
    call()
    spent = time.thread_time() - began
    return _Cost(spent, (usage(os.getpid()).peak_resident - rest) / MIB)


async def _beside_busy_loop(call: Callable[[], object]) -> tuple[float, float]:
    """Call it in a thread while ticks keep the event loop busy; return its share of the CPU time, and its seconds."""
    began, loop_began, all_began = time.monotonic(), time.thread_time(), time.process_time()
    calling = asyncio.create_task(asyncio.to_thread(call))
    while not calling.done():
        _tick()
        await asyncio.sleep(0)
    loop, both = time.thread_time() - loop_began, time.process_time() - all_began
    return 1 - loop / both, time.monotonic() - began


def _tick() -> None:
    """Be busy as a tick is, which lets other threads run whenever it calls the system."""
    for _ in range(SYSTEM_CALLS):
        time.sleep(0)
        ends = time.thread_time() + TICK_CPU_SECONDS / SYSTEM_CALLS
        while time.thread_time() < ends:
            pass


BENCH = Bench(name="scrape", measure=measure, options=("rounds",))
