"""Soak: hours of life in minutes. Pools are created, changed, broken and deleted all the time.

Every pool polls each second. An hour is as many readings of each queue as a pool with the default interval makes in an
hour: counted, not taken from the clock, so that on a slow machine few readings do not count as hours. The benchmark
`soak` and `tests/cluster/faults/test_soak.py` use it.
"""

import asyncio
import math
import random
import re
import statistics
import time
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from testbed.api import DEPLOYMENTS, POOLS, deployment, holds_within, pool
from testbed.counting_sqs import queue_url
from testbed.environment import Environment
from testbed.process_usage import MIB, usage

READINGS_PER_HOUR = 3600 / 5
"""Of one queue, at the default interval."""

SAMPLE_INTERVAL_SECONDS = 5.0
CHANGES_PER_SECOND = 4.0
SETTLE_TIMEOUT_SECONDS = 60
MESSAGES_PER_POD = 5
INVALID_DEPTH = -1
"""A depth for which the queue's answer makes no sense."""

SLACK = 3
"""Threads and files that may come and go: a request of the Lease's, a scrape, a watch that is restarted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the operator's process held at one moment."""

    time: float
    resident_mib: float
    threads: int
    files: int


@dataclass(slots=True)
class Soaked:
    """What was observed.

    Args:
        pools: Number of pools at any time.
        samples: The operator's process over time.
        changes: Number of changes.
        readings: Number of readings of queues.
        failed_readings: Readings of queues that were missing or whose answers made no sense.
        wrong_sizes: Pools whose Deployment did not get the size that the queue calls for, a minute after the last
            change, with the size it has and the size it should have.
        left_over: Pools that were deleted and are still in the metrics.
    """

    pools: int
    samples: list[Sample] = field(default_factory=list)
    changes: int = 0
    readings: int = 0
    failed_readings: int = 0
    wrong_sizes: dict[str, Any] = field(default_factory=dict)
    left_over: set[str] = field(default_factory=set)

    @property
    def hours(self) -> float:
        """How long a pool with the default interval takes for as many readings."""
        return self.readings / self.pools / READINGS_PER_HOUR

    def second_half(self) -> list[Sample]:
        """Return the samples without the warm-up."""
        return self.samples[len(self.samples) // 2 :]

    def growth(self, what: str) -> int:
        """Return by how much the maximum of the last quarter is above the maximum of the one before."""
        half = [getattr(sample, what) for sample in self.second_half()]
        return int(max(half[len(half) // 2 :]) - max(half[: len(half) // 2]))

    def slope_mib_per_hour(self) -> float:
        """Return the growth of the memory over `hours`: the median of all slopes (Theil and Sen)."""
        slopes = [(b.resident_mib - a.resident_mib) / (b.time - a.time) for a, b in combinations(self.second_half(), 2)]
        return statistics.median(slopes) * (self.samples[-1].time - self.samples[0].time) / self.hours


async def soak(environment: Environment, pools: int, seconds: float) -> Soaked:
    """Change pools for this long, then repair all of them and compare their sizes."""
    found, changing = Soaked(pools), ChangingPools(environment, random.Random(pools))
    for _ in range(pools):
        await changing.create()
    begun = time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        if now >= begun + len(found.samples) * SAMPLE_INTERVAL_SECONDS:
            environment.operator.check()
            found.samples.append(sample(environment.operator.pid))
        await changing.change()
        found.changes += 1
        # The time that should have passed after this many changes: the next ones make up for a slow change.
        await holds_within(lambda: time.monotonic() >= begun + found.changes / CHANGES_PER_SECOND, seconds)
    await changing.count_readings(found, begun)
    await changing.repair()
    await changing.compare(found)
    return found


class ChangingPools:
    """Pools with their Deployments and queues, and the sizes that they should get.

    Args:
        environment: Where the pools are.
        dice: Chooses the changes.
    """

    def __init__(self, environment: Environment, dice: random.Random) -> None:
        self._environment = environment
        self._dice = dice
        self._created = 0
        self._depths: dict[str, int] = {}
        self._history: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        self._max_replicas: dict[str, int] = {}
        self._without_deployment: set[str] = set()

    async def create(self) -> None:
        """Create a pool; now and then its queue or its Deployment comes later."""
        name = f"soaked-{self._created}"
        self._created += 1
        body = pool(name, queue_url(name), 1)
        body["spec"] |= {"scaleToZeroAfterSeconds": 1, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
        self._depths[name], self._max_replicas[name] = INVALID_DEPTH, body["spec"]["maxReplicas"]
        if self._dice.random() < 0.9:
            await self._environment.api.create(DEPLOYMENTS, deployment(name, 0))
        else:
            self._without_deployment.add(name)
        await self._environment.api.create(POOLS, body)
        if self._dice.random() < 0.9:
            self._fill(name)

    async def change(self) -> None:
        """Change something about a random pool."""
        name = self._dice.choice(list(self._depths))
        dice = self._dice.random()
        if dice < 0.25:
            await self._delete(name)
            await self.create()
        elif dice < 0.45:
            self._max_replicas[name] = self._dice.randint(1, 100)
            edit = {"spec": {"maxReplicas": self._max_replicas[name]}}
            await self._environment.api.patch(f"{POOLS}/{name}", edit)
        elif dice < 0.55:
            await self._toggle_deployment(name)
        elif dice < 0.7:
            self._set(name, INVALID_DEPTH)
        else:
            self._fill(name)

    async def count_readings(self, found: Soaked, since: float) -> None:
        """Count the readings, and those that could not succeed."""
        calls = await asyncio.to_thread(self._environment.sqs.calls)
        readings = [(name, time) for name, times in calls.items() for time in times if time >= since]
        found.readings = len(readings)
        found.failed_readings = sum(self._fails(name, time) for name, time in readings)

    def _fails(self, name: str, time: float) -> bool:
        changes = bisect_right(self._history[name], (time, math.inf))
        return changes == 0 or self._history[name][changes - 1][1] == INVALID_DEPTH

    async def repair(self) -> None:
        """Create every missing Deployment."""
        for name in list(self._without_deployment):
            await self._toggle_deployment(name)

    async def compare(self, found: Soaked) -> None:
        """Empty all queues, fill them again, and record the sizes that are wrong after each."""
        for refill in (False, True):  # no worker receives messages here, and a pool keeps its pods while many wait
            for name in self._depths:
                self._set(name, self._dice.randint(0, 500) if refill else 0)
            expected = {
                name: min(self._max_replicas[name], math.ceil(depth / MESSAGES_PER_POD))
                for name, depth in self._depths.items()
            }
            for _ in range(SETTLE_TIMEOUT_SECONDS):
                if (sizes := await self._sizes()) == expected:
                    break
                await asyncio.sleep(1)
            found.wrong_sizes |= {
                name: (sizes.get(name), size) for name, size in expected.items() if sizes.get(name) != size
            }
        found.left_over = await self._left_over()

    async def _left_over(self) -> set[str]:
        """Return deleted pools that are in the metrics after the watch has had time to report their deletion."""
        for _ in range(SETTLE_TIMEOUT_SECONDS):
            left = set(re.findall(r'pool="([^"]*)"', await self._environment.metrics())) - self._depths.keys()
            if not left:
                break
            await asyncio.sleep(1)
        return left

    async def _sizes(self) -> dict[str, int]:
        listed = await self._environment.api.get(DEPLOYMENTS)
        return {item["metadata"]["name"]: item["spec"]["replicas"] for item in listed["items"]}

    async def _delete(self, name: str) -> None:
        del self._depths[name]
        await self._environment.api.delete(f"{POOLS}/{name}")
        if name in self._without_deployment:
            self._without_deployment.discard(name)
        else:
            await self._environment.api.delete(f"{DEPLOYMENTS}/{name}")

    async def _toggle_deployment(self, name: str) -> None:
        if name in self._without_deployment:
            self._without_deployment.discard(name)
            await self._environment.api.create(DEPLOYMENTS, deployment(name, 0))
        else:
            self._without_deployment.add(name)
            await self._environment.api.delete(f"{DEPLOYMENTS}/{name}")

    def _fill(self, name: str) -> None:
        self._set(name, self._dice.randint(0, 500))

    def _set(self, name: str, depth: int) -> None:
        self._depths[name] = depth
        self._history[name].append((self._environment.sqs.set_depths({name: depth}), depth))


def sample(pid: int) -> Sample:
    """Return what a process holds now."""
    return Sample(
        time=time.monotonic(),
        resident_mib=usage(pid).resident / MIB,
        threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
    )
