"""Shards: whether each of many pools has one operator that reads, decides and writes it, and how fast one is followed.

Two parts. Operators with many pools each, on a cluster in memory: no API server for 20,000 pools fits onto the machine
that measures. And operators with a few pools on a real API server, of which one is killed, again and again.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster import Cluster
from devcluster.processes import wait_until
from queueworkerpool.leader.lease import RENEW_INTERVAL_SECONDS
from testbed.api import NAMESPACE, deployment, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import prepare
from testbed.replicas import Replica, Replicas

SHARDS = 4
POLL_SECONDS = 120
STEADY_SECONDS = 1.25 * POLL_SECONDS
FIRST_TIMEOUT_SECONDS = 600.0
CALLS_INTERVAL_SECONDS = 10.0
"""The stand-in's list of calls is long: asked for more often, it would be what is measured."""

TAKEOVER_TIMEOUT_SECONDS = 60.0
EVEN_TIMEOUT_SECONDS = 120
REAL_POOLS = 20

SETTING = (
    f"{SHARDS} operator processes with a shard each; all know all pools. Simulated: the real scheduler, ticks, "
    f"decisions and SQS client against a counting SQS, pollSeconds {POLL_SECONDS}, a queue with ten messages each; the "
    "API server is a dictionary in each process, and nobody is elected. After all first readings, "
    f"{STEADY_SECONDS:g} s more. Takeover: {SHARDS} operators and {REAL_POOLS} pools at pollSeconds 1 on a real API "
    "server; seconds from SIGKILL of one until another holds its shard, by the gauges. Then it is started again, and "
    "gets a shard"
)


def measure(*, rounds: int, pools: int) -> Result:
    """Simulate `pools` pools for each shard, then kill an operator `rounds` times."""
    folder = Path(tempfile.mkdtemp(prefix="bench-shards-"))
    with CountingSqs(folder / "sqs.log") as sqs:
        simulated = _simulated(sqs, pools * SHARDS)
        killed, twice = _killed(folder, sqs, rounds)
    shutil.rmtree(folder)
    figures = [*simulated, Figure("takeover_maximum_seconds", round(max(killed), 2), limit=17)]
    figures.append(Figure("shards_with_two_holders", twice, limit=0))
    details = {"pools": pools * SHARDS, "rounds": rounds, "takeover_seconds": sorted(round(each, 2) for each in killed)}
    return Result("shards", SETTING, figures, {}, details)


def _simulated(sqs: CountingSqs, pools: int) -> list[Figure]:
    names = [f"pool-{number}" for number in range(pools)]
    sqs.set_depths(dict.fromkeys(names, 10))
    begun = time.monotonic()
    processes = [_start(shard, pools, sqs) for shard in range(SHARDS)]
    while len(sqs.calls()) < pools and time.monotonic() - begun < FIRST_TIMEOUT_SECONDS:
        time.sleep(CALLS_INTERVAL_SECONDS)
    first = max(read[0] for read in sqs.calls().values()) - begun
    time.sleep(STEADY_SECONDS)
    done = [_end(process) for process in processes]
    calls = sqs.calls()
    scales, statuses, ticking = Counter[str](), Counter[str](), Counter[str]()
    for each in done:
        scales.update(each["scales"])
        statuses.update(each["statuses"].keys())
        ticking.update(each["ticking"])
    sizes = sorted(ticking.values())
    longest = max(after - before for read in calls.values() for before, after in pairwise(read))
    return [
        Figure("pools_written_by_two_or_none", sum(statuses[name] != 1 for name in names), limit=0),
        Figure("sizes_not_written_once", sum(scales[name] != 1 for name in names), limit=0),
        Figure("queues_not_read_by_their_interval", sum(len(calls[name]) < 2 for name in names), limit=0),
        Figure("longest_interval_seconds", round(longest, 1)),
        Figure("readings", sum(len(read) for read in calls.values())),
        Figure("smallest_shard", sizes[0]),
        Figure("largest_shard", sizes[-1]),
        Figure("all_first_readings_seconds", round(first, 1)),
        Figure("cpu_seconds_of_a_process", round(max(each["cpu_seconds"] for each in done), 1)),
        Figure("peak_mib_of_a_process", round(max(each["peak_mib"] for each in done), 1)),
    ]


def _start(shard: int, pools: int, sqs: CountingSqs) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "testbed.shard_process", *map(str, (shard, SHARDS, pools, POLL_SECONDS))]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **sqs.env}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def _end(process: "subprocess.Popen[str]") -> dict[str, Any]:
    printed, _ = process.communicate("\n", timeout=FIRST_TIMEOUT_SECONDS)
    return dict(json.loads(printed))


def _killed(folder: Path, sqs: CountingSqs, rounds: int) -> tuple[list[float], int]:
    """Kill one operator after the other; return the seconds of each takeover, and shards with two holders."""
    names = [f"real-{number}" for number in range(REAL_POOLS)]
    sqs.set_depths(dict.fromkeys(names, 10))
    seconds, twice = [], 0
    with Cluster(folder / "cluster", node=False) as cluster:
        prepare(cluster, values=[f"shards={SHARDS}"])
        for name in names:
            for manifest in (deployment(name, 0), pool(name, queue_url(name), 1)):
                cluster.kubectl("-n", NAMESPACE, "create", "-f", "-", input=yaml.safe_dump(manifest))
        with closing(Replicas(cluster, sqs.env, folder, shards=SHARDS)) as replicas:
            running = [replicas.start(f"operator-{number}") for number in range(SHARDS)]
            for number in range(rounds):
                wait_until(lambda: all(len(one.held) == 1 for one in running), EVEN_TIMEOUT_SECONDS, "not even")
                killed = running[number % SHARDS]
                found, both = _takeover(killed, [one for one in running if one is not killed])
                Console(stderr=True, highlight=False).print(f"    killed {number}: {found:.2f} s")
                seconds.append(found)
                twice += both
                replicas.start(killed.name)
    return seconds, twice


def _takeover(killed: Replica, others: list[Replica]) -> tuple[float, int]:
    """Kill an operator; return the seconds until another one holds its shard, and shards that two held meanwhile."""
    [lost] = killed.held
    time.sleep(random.uniform(0, RENEW_INTERVAL_SECONDS))  # at any time between two renewals
    begun, twice = time.monotonic(), 0
    killed.signal(signal.SIGKILL)
    while time.monotonic() - begun < TAKEOVER_TIMEOUT_SECONDS:
        held = Counter(shard for one in others for shard in one.held)
        twice += any(count > 1 for count in held.values())
        if held[lost]:
            break
        time.sleep(0.05)
    wait_until(lambda: not killed.program.running, TAKEOVER_TIMEOUT_SECONDS, f"{killed.name} did not end")
    return time.monotonic() - begun, twice


BENCH = Bench(name="shards", measure=measure, options=("rounds", "pools"))
