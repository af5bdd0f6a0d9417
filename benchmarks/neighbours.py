"""Neighbours: what 100 hostile or broken pools of six kinds cost the 400 good ones beside them.

It is measured from outside: when the stand-in for SQS was asked for each good queue, and how often the good Deployments
were written while their loads grew; first without the hostile pools, then beside them.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.bench import Bench, Needs
from benchmarks.result import Figure, Result
from testbed.environment import Environment
from testbed.neighbours import HOSTILE, HOSTILE_POLL_SECONDS, Loads, hostile_pools, hostile_reasons, names_of
from testbed.process_usage import MIB

GOOD = [f"good-{number}" for number in range(400)]
POLL_SECONDS = 5
"""Of the good pools: the default."""

MEASURED_SECONDS = 120.0
SETTLE_TIMEOUT_SECONDS = 20.0
"""From the last admission until the measurement begins: a reading of a silent queue takes eleven seconds."""

GROWING_PER_SECOND = 10
"""Good pools whose load grows by one pod each second, in turn."""

SETTING = (
    f"{len(GOOD)} good pools (a queue each, pollSeconds {POLL_SECONDS}), {GROWING_PER_SECOND} of which in turn get a "
    "pod's worth of messages each second; seconds between two requests for the same good queue, for "
    f"{MEASURED_SECONDS:g} s alone and as long beside {sum(HOSTILE.values())} hostile pools at pollSeconds "
    f"{HOSTILE_POLL_SECONDS}: connections that are reset (dead), requests that are never answered (silent), no "
    "Deployment (missing), pool and Deployment with 250 kB of annotations each and growing loads (heavy), two on one "
    "Deployment (twins), spec edited every second (restless). wrong_sizes: good Deployments that have not "
    "got what was recommended for them, by one write for each pod. The Deployments are paused, so that no pods are made"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """What was observed of the good pools and of the operator in a stretch of time.

    Args:
        intervals: Seconds between two requests for the same good queue.
        wrong_sizes: Number of good pools with a wrong size in the end.
        livez_failures: Number of failed requests of /livez.
        cpu_ms_per_second: CPU time of the operator.
    """

    intervals: list[float]
    wrong_sizes: int
    livez_failures: int
    cpu_ms_per_second: float

    def percentile(self, percent: int) -> float:
        """Return a percentile of the intervals, in seconds."""
        return round(statistics.quantiles(self.intervals, n=100)[percent - 1], 3)

    def details(self) -> dict[str, Any]:
        """Return what is not among the figures."""
        return {
            "intervals": len(self.intervals),
            "longest_interval": round(max(self.intervals), 3),
            "cpu_ms_per_second": self.cpu_ms_per_second,
        }


async def measure(environment: Environment) -> Result:
    """Run the bench: both windows under one operator."""
    loads = Loads(environment, GOOD)
    await loads.create_good(POLL_SECONDS)
    await loads.settle(SETTLE_TIMEOUT_SECONDS)
    alone = await _watch(loads, GOOD)
    async with hostile_pools(loads, HOSTILE) as edits:
        await asyncio.sleep(SETTLE_TIMEOUT_SECONDS)
        beside = await _watch(loads, [*GOOD, *names_of("heavy", HOSTILE)])
        reasons = {"ready_reasons_of_the_hostile": await hostile_reasons(environment)}
        details = _details(environment, alone, beside) | reasons
    return Result("neighbours", SETTING, _figures(environment, alone, beside), {}, details | edits)


def _figures(environment: Environment, alone: _Window, beside: _Window) -> list[Figure]:
    ratio = round(beside.percentile(99) / alone.percentile(99), 3)
    return [
        *(Figure(f"p{percent}_seconds_alone", alone.percentile(percent)) for percent in (50, 99)),
        *(Figure(f"p{percent}_seconds_beside", beside.percentile(percent)) for percent in (50, 99)),
        Figure("p99_beside_over_alone", ratio, limit=1.10),
        Figure("wrong_sizes", alone.wrong_sizes + beside.wrong_sizes, limit=0),
        Figure("restarts", 0 if environment.operator.running else 1, limit=0),  # nobody starts it again
        Figure("livez_failures", alone.livez_failures + beside.livez_failures, limit=0),
    ]


def _details(environment: Environment, alone: _Window, beside: _Window) -> dict[str, Any]:
    return {
        "good": len(GOOD),
        "hostile": HOSTILE,
        "alone": alone.details(),
        "beside": beside.details(),
        "peak_resident_mib": round(environment.operator_usage().peak_resident / MIB, 1),
    }


async def _watch(loads: Loads, growing: Sequence[str]) -> _Window:
    """Measure for a while, with growing loads, and then until the good pools have reached their sizes."""
    environment, turns, failures = loads.environment, itertools.cycle(growing), 0
    url, timeout = f"http://127.0.0.1:{environment.port}", aiohttp.ClientTimeout(total=5)
    begun, before = time.monotonic(), environment.operator_usage().cpu_seconds
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        for second in itertools.count(1):
            loads.add([next(turns) for _ in range(GROWING_PER_SECOND)])
            failures += not await _is_alive(session)
            await asyncio.sleep(max(0.0, begun + second - time.monotonic()))
            if time.monotonic() >= begun + MEASURED_SECONDS:
                break
    ended, after = time.monotonic(), environment.operator_usage().cpu_seconds
    wrong = await loads.settle(SETTLE_TIMEOUT_SECONDS)
    calls = environment.sqs.calls()
    stamps = ([call for call in calls[name] if begun <= call < ended] for name in GOOD)
    return _Window(
        intervals=[later - earlier for each in stamps for earlier, later in itertools.pairwise(each)],
        wrong_sizes=len(wrong),
        livez_failures=failures,
        cpu_ms_per_second=round((after - before) / (ended - begun) * 1000, 1),
    )


async def _is_alive(session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get("/livez") as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


BENCH = Bench(name="neighbours", measure=measure, needs=Needs.ENVIRONMENT)
