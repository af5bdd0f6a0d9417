"""Cost: the CPU time and memory that the operator needs while a thousand pools stay as they are.

Beside it, in the same run: what boto3's client alone needs for as many readings a second, so that the ratio says what
the operator costs on any machine.
"""

import asyncio
import json
import os
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import Bench, Needs
from benchmarks.result import Figure, Result
from queueworkerpool.scheduler.scheduler import DUE_GRID_SECONDS
from testbed import audit
from testbed.counting_sqs import queue_url
from testbed.environment import Environment
from testbed.pools import admit
from testbed.process_usage import MIB, Usage, usage

POLL_SECONDS = 15
SAMPLE_INTERVAL_SECONDS = 10.0
QUIET_SECONDS = 3.0 * POLL_SECONDS
"""The measurement begins when the operator has written nothing for this long."""

QUIET_TIMEOUT_SECONDS = 300.0

BARE_SECONDS = 60.0
"""How long boto3's client alone is measured, evenly spaced and in groups."""

BARE_LOOP = Path(__file__).parent / "peers" / "bare_readings.py"
MOST_QUEUES = 1000
"""Queues that are named on its command line."""

PEER = {"pools": 605, "cpu_ms_per_second": 126, "resident_mib": 338, "api_requests_per_second": 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """What was observed in the window."""

    seconds: float
    samples: list[Usage]
    requests: Counter[str]
    queue_reads: int
    others: dict[str, float]  # CPU seconds of the servers around the operator
    bare: "_Bare"

    @property
    def cpu_seconds(self) -> float:
        """The operator's CPU time, of all its threads."""
        return self.samples[-1].cpu_seconds - self.samples[0].cpu_seconds

    @property
    def cpu_ms_per_reading(self) -> float:
        """The operator's CPU time for each reading, with all that comes of it."""
        return self.cpu_seconds / self.queue_reads * 1000


@dataclass(frozen=True, slots=True)
class _Bare:
    """What one call of boto3's client cost, in milliseconds of CPU time: evenly spaced, and in groups as ours are."""

    even_ms: float
    grouped_ms: float


async def measure(environment: Environment, *, pools: int, seconds: float) -> Result:
    """Run the bench: all pools at one replica, one message in each queue."""
    await _settle(environment, pools)
    found = await _watch(environment, seconds)
    resident = statistics.median(sample.resident for sample in found.samples)
    figures = [
        Figure("cpu_ms_per_second", round(found.cpu_seconds / found.seconds * 1000, 1), limit=120),
        Figure("cpu_ms_per_reading", round(found.cpu_ms_per_reading, 3)),
        Figure("ratio_to_bare_boto3", round(found.cpu_ms_per_reading / found.bare.even_ms, 3), limit=0.5),
        Figure("ratio_to_bare_boto3_in_groups", round(found.cpu_ms_per_reading / found.bare.grouped_ms, 3)),
        Figure("resident_mib", round(resident / MIB, 1), limit=160),
        Figure("peak_resident_mib", round(found.samples[-1].peak_resident / MIB, 1), limit=160),
        Figure("api_writes", audit.count(found.requests, audit.WRITES), limit=0),
        Figure("api_reads_besides_watches", audit.count(found.requests, audit.READS), limit=0),
    ]
    details = {
        "pools": pools,
        "seconds": round(found.seconds, 1),
        "requests_of_the_operator": dict(sorted(found.requests.items())),
        "queue_reads_per_second": round(found.queue_reads / found.seconds, 1),
        "cpu_ms_per_bare_call": {"even": round(found.bare.even_ms, 3), "in groups": round(found.bare.grouped_ms, 3)},
        "cpu_ms_per_second_of": {name: round(used / found.seconds * 1000, 1) for name, used in found.others.items()},
    }
    setting = (
        f"{pools} pools, pollSeconds {POLL_SECONDS}, a queue each with one message, one replica each; nothing changes "
        f"for {seconds:g} seconds. The Deployments are paused, so that no pods are made. Then boto3's client alone, in "
        f"one thread of its own process, for {BARE_SECONDS:g} s each: at the same rate evenly spaced, and in groups"
    )
    return Result("cost", setting, figures, PEER, details)


async def _settle(environment: Environment, pools: int) -> None:
    """Create the pools, and wait until the operator has decided on all of them and has nothing more to write."""
    names = [f"steady-{index}" for index in range(pools)]
    environment.sqs.set_depths(dict.fromkeys(names, 1))
    await admit(environment, names, replicas=1, poll_seconds=POLL_SECONDS)
    async with asyncio.timeout(QUIET_TIMEOUT_SECONDS):
        writes = 1
        while writes:
            since = datetime.now(UTC)
            await asyncio.sleep(QUIET_SECONDS)
            writes = audit.count(environment.operator_requests(since), audit.WRITES)


async def _watch(environment: Environment, seconds: float) -> _Measured:
    """Measure the operator for this long."""
    others = {"sqs stand-in": environment.sqs.pid, "kube-apiserver": environment.cluster.apiserver.pid}
    before = {name: usage(pid).cpu_seconds for name, pid in others.items()}
    since, begun, samples = datetime.now(UTC), time.monotonic(), [environment.operator_usage()]
    while (left := begun + seconds - time.monotonic()) > 0:
        await asyncio.sleep(min(SAMPLE_INTERVAL_SECONDS, left))
        samples.append(environment.operator_usage())
    ended, until = time.monotonic(), datetime.now(UTC)
    reads = sum(begun <= call < ended for calls in environment.sqs.calls().values() for call in calls)
    spent = {name: usage(pid).cpu_seconds - before[name] for name, pid in others.items()}
    rate = reads / (ended - begun)
    return _Measured(
        seconds=ended - begun,
        samples=samples,
        requests=environment.operator_requests(since, until),
        queue_reads=reads,
        others=spent,
        bare=_Bare(await _bare_ms(environment, rate, 0), await _bare_ms(environment, rate, DUE_GRID_SECONDS)),
    )


async def _bare_ms(environment: Environment, rate: float, grid: float) -> float:
    """Return the milliseconds of CPU time of one call of boto3's client, at this rate and in groups on this grid."""
    queues = [queue_url(name) for name in list(environment.sqs.calls())[:MOST_QUEUES]]
    argv = [str(environment.interpreter.python), str(BARE_LOOP), str(rate), str(grid), str(BARE_SECONDS), *queues]
    variables = {**os.environ, **environment.sqs.env}
    process = await asyncio.create_subprocess_exec(*argv, env=variables, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    return float(json.loads(printed)["cpu_seconds_per_call"]) * 1000


BENCH = Bench(name="cost", measure=measure, needs=Needs.ENVIRONMENT, options=("pools", "seconds"))
