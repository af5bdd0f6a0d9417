"""Soak: hours of life in minutes. Pools come, change, fail and go all the time; what the operator takes must not grow.

Every pool polls each second, and an hour is as many readings of each queue as a pool with the default interval makes in
an hour: counted, not taken from the clock, so that a slow machine does not make hours of minutes in which little
happened. The tests call `soak` with a short time.
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

from benchmarks.api import DEPLOYMENTS, POOLS, deployment, pool, until
from benchmarks.bed import Bed
from benchmarks.counting_sqs import queue_url
from benchmarks.process import MIB, usage
from benchmarks.result import Figure, Result

READINGS_PER_HOUR = 3600 / 5
"""Of one queue, at the default interval."""

SAMPLE_SECONDS = 5.0
CHANGES_PER_SECOND = 4.0
SETTLE_SECONDS = 60
PER_POD = 5
NONSENSE = -1
"""As a depth: the queue's answer makes no sense."""

SLACK = 3
"""Threads and files that may come and go: a request of the Lease's, a scrape, a watch that is begun anew."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the operator's process held at one moment."""

    time: float
    resident_mib: float
    threads: int
    files: int


@dataclass(slots=True)
class Soaked:
    """What was seen."""

    pools: int
    samples: list[Sample] = field(default_factory=list)
    changes: int = 0
    readings: int = 0
    failed_readings: int = 0
    """Of queues that were missing or answered nonsense."""
    wrong_sizes: dict[str, Any] = field(default_factory=dict)
    """Pools whose Deployment did not get the size that the queue calls for, a minute after the last change."""
    left_over: set[str] = field(default_factory=set)
    """Pools that are gone and still in the metrics."""

    @property
    def hours(self) -> float:
        """How long a pool with the default interval takes for as many readings."""
        return self.readings / self.pools / READINGS_PER_HOUR

    def second_half(self) -> list[Sample]:
        """The samples without the warm-up."""
        return self.samples[len(self.samples) // 2 :]

    def growth(self, what: str) -> int:
        """By how much the most of the last quarter is above the most of the one before."""
        half = [getattr(sample, what) for sample in self.second_half()]
        return int(max(half[len(half) // 2 :]) - max(half[: len(half) // 2]))

    def slope_mib_per_hour(self) -> float:
        """Of the memory, over `hours`: the median of all slopes (Theil and Sen)."""
        slopes = [(b.resident_mib - a.resident_mib) / (b.time - a.time) for a, b in combinations(self.second_half(), 2)]
        return statistics.median(slopes) * (self.samples[-1].time - self.samples[0].time) / self.hours


async def measure(bed: Bed, pools: int, seconds: float) -> Result:
    """Soak for so long, with so many pools at any time."""
    found = await soak(bed, pools, seconds)
    figures = [
        Figure("hours", round(found.hours, 2)),
        Figure("changes", found.changes),
        Figure("readings", found.readings),
        Figure("failed_readings", found.failed_readings),
        Figure("slope_mib_per_hour", round(found.slope_mib_per_hour(), 2), limit=1.0),
        Figure("resident_mib", round(found.samples[-1].resident_mib, 1)),
        Figure("more_threads", found.growth("threads"), limit=SLACK),
        Figure("more_files", found.growth("files"), limit=SLACK),
        Figure("pools_with_a_wrong_size", len(found.wrong_sizes), limit=0),
        Figure("deleted_pools_in_the_metrics", len(found.left_over), limit=0),
    ]
    setting = (
        f"{pools} pools at pollSeconds 1 for {seconds:g} s; an hour is {READINGS_PER_HOUR:g} readings of each queue; "
        f"{CHANGES_PER_SECOND:g} changes a second: pools deleted and made, edited, Deployments deleted and made, "
        "queues missing, failing and back, other depths. The second half is measured"
    )
    rows = [[round(each.resident_mib, 2), each.threads, each.files] for each in found.samples]
    return Result("soak", setting, figures, {}, {"resident_mib_threads_files": rows, "wrong": found.wrong_sizes})


async def soak(bed: Bed, pools: int, seconds: float) -> Soaked:
    """Change the world for so long, then let it be whole and compare."""
    found, world = Soaked(pools), World(bed, random.Random(pools))
    for _ in range(pools):
        await world.make()
    begun = time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        if now >= begun + len(found.samples) * SAMPLE_SECONDS:
            bed.operator.check()
            found.samples.append(sample(bed.operator.pid))
        await world.change()
        found.changes += 1
        # What the time should be after so many changes: a change that took long is made up for.
        await until(lambda: time.monotonic() >= begun + found.changes / CHANGES_PER_SECOND, seconds)
    await world.count(found, begun)
    await world.mend()
    await world.compare(found)
    return found


class World:
    """Pools, their Deployments and queues, and what should become of them."""

    def __init__(self, bed: Bed, dice: random.Random) -> None:
        self._bed = bed
        self._dice = dice
        self._made = 0
        self._depths: dict[str, int] = {}
        self._history: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        self._most: dict[str, int] = {}
        self._without_deployment: set[str] = set()

    async def make(self) -> None:
        """A new pool; its queue comes later at times, and so does its Deployment."""
        name = f"soaked-{self._made}"
        self._made += 1
        body = pool(name, queue_url(name), 1)
        body["spec"] |= {"scaleToZeroAfterSeconds": 1, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
        self._depths[name], self._most[name] = NONSENSE, body["spec"]["maxReplicas"]
        if self._dice.random() < 0.9:
            await self._bed.api.create(DEPLOYMENTS, deployment(name, 0))
        else:
            self._without_deployment.add(name)
        await self._bed.api.create(POOLS, body)
        if self._dice.random() < 0.9:
            self._fill(name)

    async def change(self) -> None:
        """Something, somewhere."""
        name = self._dice.choice(list(self._depths))
        dice = self._dice.random()
        if dice < 0.25:
            await self._delete(name)
            await self.make()
        elif dice < 0.45:
            self._most[name] = self._dice.randint(1, 100)
            await self._bed.api.patch(f"{POOLS}/{name}", {"spec": {"maxReplicas": self._most[name]}})
        elif dice < 0.55:
            await self._toggle_deployment(name)
        elif dice < 0.7:
            self._set(name, NONSENSE)
        else:
            self._fill(name)

    async def count(self, found: Soaked, since: float) -> None:
        """Note how many readings there were, and how many could not succeed."""
        calls = await asyncio.to_thread(self._bed.sqs.calls)
        readings = [(name, time) for name, times in calls.items() for time in times if time >= since]
        found.readings = len(readings)
        found.failed_readings = sum(self._fails(name, time) for name, time in readings)

    def _fails(self, name: str, time: float) -> bool:
        changes = bisect_right(self._history[name], (time, math.inf))
        return changes == 0 or self._history[name][changes - 1][1] == NONSENSE

    async def mend(self) -> None:
        """From now on every Deployment is there, and every queue can be read."""
        for name in list(self._without_deployment):
            await self._toggle_deployment(name)

    async def compare(self, found: Soaked) -> None:
        """Empty all queues, fill them again, and note what does not become as it should be."""
        for refill in (False, True):  # nobody works here, and a pool keeps its pods while much waits
            for name in self._depths:
                self._set(name, self._dice.randint(0, 500) if refill else 0)
            wanted = {name: min(self._most[name], math.ceil(depth / PER_POD)) for name, depth in self._depths.items()}
            for _ in range(SETTLE_SECONDS):
                if (sizes := await self._sizes()) == wanted:
                    break
                await asyncio.sleep(1)
            found.wrong_sizes |= {
                name: (sizes.get(name), size) for name, size in wanted.items() if sizes.get(name) != size
            }
        found.left_over = await self._left_over()

    async def _left_over(self) -> set[str]:
        """Pools that do not exist and still are in the metrics, after a while in which the watch may tell of them."""
        for _ in range(SETTLE_SECONDS):
            left = set(re.findall(r'pool="([^"]*)"', await self._bed.metrics())) - self._depths.keys()
            if not left:
                break
            await asyncio.sleep(1)
        return left

    async def _sizes(self) -> dict[str, int]:
        listed = await self._bed.api.get(DEPLOYMENTS)
        return {item["metadata"]["name"]: item["spec"]["replicas"] for item in listed["items"]}

    async def _delete(self, name: str) -> None:
        del self._depths[name]
        await self._bed.api.delete(f"{POOLS}/{name}")
        if name in self._without_deployment:
            self._without_deployment.discard(name)
        else:
            await self._bed.api.delete(f"{DEPLOYMENTS}/{name}")

    async def _toggle_deployment(self, name: str) -> None:
        if name in self._without_deployment:
            self._without_deployment.discard(name)
            await self._bed.api.create(DEPLOYMENTS, deployment(name, 0))
        else:
            self._without_deployment.add(name)
            await self._bed.api.delete(f"{DEPLOYMENTS}/{name}")

    def _fill(self, name: str) -> None:
        self._set(name, self._dice.randint(0, 500))

    def _set(self, name: str, depth: int) -> None:
        self._depths[name] = depth
        self._history[name].append((self._bed.sqs.set_depths({name: depth}), depth))


def sample(pid: int) -> Sample:
    """What a process holds now."""
    return Sample(
        time=time.monotonic(),
        resident_mib=usage(pid).resident / MIB,
        threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
    )
