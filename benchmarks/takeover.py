"""Takeover: from a signal to the leader until another operator leads and has decided, and whether two ever lead."""

import math
import random
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

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
from testbed.replicas import Replica, Replicas, seconds_until_works

POOLS = 10
TAKEOVER_TIMEOUT_SECONDS = 60.0
FROZEN_SECONDS = 60.0
END_TIMEOUT_SECONDS = 30
WRITES_AFTER_WAKING_SECONDS = 10.0
"""How long to count what an operator writes after it was woken."""

SETTING = (
    f"2 operators under the chart's rights, {POOLS} pools at pollSeconds 1; seconds from the signal until the other's "
    "queueworkerpool_leader is 1 and it has decided on a pool. leaders_at_once: sampled all the while, every 50 ms. "
    f"writes_after_waking: all that the audit log shows of an operator that was frozen for {FROZEN_SECONDS:.0f} s while"
    " the backlogs grew, refused or not"
)


def measure(*, rounds: int) -> Result:
    """Kill the leader and terminate it, `rounds` times each; freeze it once."""
    folder = Path(tempfile.mkdtemp(prefix="bench-takeover-"))
    with Cluster(folder / "cluster", node=False, audit=True) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        sqs.set_depths(dict.fromkeys(_names(), 10))
        for name in _names():
            for manifest in (deployment(name, 0), pool(name, queue_url(name), 1)):
                cluster.kubectl("-n", NAMESPACE, "create", "-f", "-", input=yaml.safe_dump(manifest))
        with closing(Replicas(cluster, sqs.env, folder)) as replicas, replicas.sampled() as leaders:
            for name in ("operator-a", "operator-b"):
                replicas.start(name)
            killed = [_ended(replicas, signal.SIGKILL, f"killed {number}") for number in range(rounds)]
            terminated = [_ended(replicas, signal.SIGTERM, f"terminated {number}") for number in range(rounds)]
            written = _frozen(replicas, sqs)
    shutil.rmtree(folder)
    figures = [
        *_figures("killed", killed, limit=17),
        *_figures("terminated", terminated, limit=3),
        Figure("leaders_at_once", max(leaders), limit=1),
        Figure("writes_after_waking", written, limit=0),
    ]
    seconds = {"killed": killed, "terminated": terminated}
    details = {"rounds": rounds, "samples": len(leaders), "seconds": {k: _rounded(v) for k, v in seconds.items()}}
    return Result("takeover", SETTING, figures, {}, details)


def _ended(replicas: Replicas, number: signal.Signals, label: str) -> float:
    """End the leader by a signal and start it again; return the seconds until the other one works."""
    leader, others = _roles(replicas)
    time.sleep(random.uniform(0, RENEW_INTERVAL_SECONDS))  # at any time between two renewals
    begun = time.monotonic()
    leader.signal(number)
    seconds = seconds_until_works(others, begun, TAKEOVER_TIMEOUT_SECONDS)
    Console(stderr=True, highlight=False).print(f"    {label}: {seconds:.2f} s")
    wait_until(lambda: not leader.program.running, END_TIMEOUT_SECONDS, f"{leader.name} did not end")
    replicas.start(leader.name)
    return seconds


def _frozen(replicas: Replicas, sqs: CountingSqs) -> int:
    """Freeze the leader until another has long taken over; return how much it writes after it was woken."""
    leader, others = _roles(replicas)
    begun = time.monotonic()
    leader.signal(signal.SIGSTOP)
    sqs.set_depths(dict.fromkeys(_names(), 100))
    seconds_until_works(others, begun, TAKEOVER_TIMEOUT_SECONDS)
    time.sleep(max(0.0, begun + FROZEN_SECONDS - time.monotonic()))
    woken = datetime.now(UTC)
    leader.signal(signal.SIGCONT)
    time.sleep(WRITES_AFTER_WAKING_SECONDS)
    return replicas.writes(leader, woken).total()


def _roles(replicas: Replicas) -> tuple[Replica, list[Replica]]:
    leader = replicas.leader()
    return leader, replicas.others(leader)


def _names() -> list[str]:
    return [f"pool-{number}" for number in range(POOLS)]


def _figures(name: str, seconds: Sequence[float], limit: float) -> list[Figure]:
    ordered = sorted(seconds)
    p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]  # the nearest rank: of 50, the greatest
    return [
        Figure(f"{name}_median_seconds", round(statistics.median(ordered), 2)),
        Figure(f"{name}_p99_seconds", round(p99, 2), limit=limit),
        Figure(f"{name}_maximum_seconds", round(ordered[-1], 2)),
    ]


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(each, 2) for each in sorted(seconds)]


BENCH = Bench(name="takeover", measure=measure, options=("rounds",))
