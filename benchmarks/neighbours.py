"""Neighbours: what 100 hostile or broken pools of six kinds cost the 400 good ones beside them.

Seen from outside: when the stand-in for SQS was asked for each good queue, and how often the good Deployments were
written while their loads grew; first without the hostile pools, then beside them.
"""

import asyncio
import itertools
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.api import DEPLOYMENTS, NAMESPACE, POOLS, Api, deployment, each_at_once, pool
from benchmarks.bed import Bed
from benchmarks.counting_sqs import Broken, queue_url
from benchmarks.process import MIB
from benchmarks.result import Figure, Result

GOOD = [f"good-{number}" for number in range(400)]
POLL_SECONDS = 5
"""Of the good pools: the default."""

HOSTILE = {"dead": 17, "silent": 17, "missing": 17, "heavy": 17, "twins": 16, "restless": 16}
HOSTILE_POLL_SECONDS = 1
HOSTILE_NAMESPACE = "hostile"

_POOLS, _DEPLOYMENTS = (path.replace(f"/{NAMESPACE}/", f"/{HOSTILE_NAMESPACE}/") for path in (POOLS, DEPLOYMENTS))
ANNOTATION = "x" * 250_000
WINDOW_SECONDS = 120.0
SETTLE_SECONDS = 20.0
"""From the last admission until the measurement begins: a reading of a silent queue takes eleven."""

PER_POD = 5
GROWING_PER_SECOND = 10
"""Good pools whose load grows by one pod's worth, in turn."""

SETTING = (
    f"{len(GOOD)} good pools (a queue each, pollSeconds {POLL_SECONDS}), {GROWING_PER_SECOND} of which in turn get a "
    "pod's worth of messages each second; seconds between two requests for the same good queue, for "
    f"{WINDOW_SECONDS:g} s alone and as long beside {sum(HOSTILE.values())} hostile pools at pollSeconds "
    f"{HOSTILE_POLL_SECONDS}: connections that are reset (dead), requests that are never answered (silent), no "
    "Deployment (missing), pool and Deployment with 250 kB of annotations each and growing loads (heavy), two on one "
    "Deployment (twins), spec edited every second (restless). wrong_sizes: good Deployments that have not "
    "got what was wished for them, by one write for each pod. The Deployments are paused, so that no pods are made"
)


@dataclass(slots=True)
class Loads:
    """The good pools, which begin without a pod, and the pods that all loads call for, which grow one by one."""

    bed: Bed
    good: Sequence[str]
    pods: dict[str, int] = field(default_factory=dict)

    def add(self, names: Sequence[str]) -> None:
        """Give each of these a load of one pod more than it had."""
        self.pods |= {name: self.pods.get(name, 0) + 1 for name in names}
        self.bed.sqs.set_depths({name: self.pods[name] * PER_POD for name in names})

    async def let_in(self, poll_seconds: int) -> None:
        """Create the good pools, each on a queue of its own with a pod's worth of messages."""
        self.add(self.good)

        async def create(name: str) -> None:
            await self.bed.api.create(DEPLOYMENTS, deployment(name, 0))
            await self.bed.api.create(POOLS, pool(name, queue_url(name), poll_seconds))

        await each_at_once(create, self.good)

    async def settle(self, seconds: float) -> list[str]:
        """Wait so long at most until no good pool is wrong; returns those that are."""
        ends = time.monotonic() + seconds
        while (wrong := await self._wrong()) and time.monotonic() < ends:  # noqa: ASYNC110 -- polls the API server
            await asyncio.sleep(0.5)
        return wrong

    async def _wrong(self) -> list[str]:
        """The good Deployments that have not got their pods by one write for each."""
        listed = (await self.bed.api.get(DEPLOYMENTS))["items"]
        grown = {
            each["metadata"]["name"]: (each["spec"]["replicas"], each["metadata"]["generation"] - 1) for each in listed
        }
        return [name for name in self.good if grown.get(name) != (self.pods[name], self.pods[name])]


@dataclass(frozen=True, slots=True)
class _Window:
    """What was seen of the good pools and of the operator in a stretch of time."""

    intervals: list[float]
    wrong_sizes: int
    livez_failures: int
    cpu_ms_per_second: float

    def percentile(self, percent: int) -> float:
        """Of the intervals, in seconds."""
        return round(statistics.quantiles(self.intervals, n=100)[percent - 1], 3)

    def told(self) -> dict[str, Any]:
        """All but the figures."""
        return {
            "intervals": len(self.intervals),
            "longest_interval": round(max(self.intervals), 3),
            "cpu_ms_per_second": self.cpu_ms_per_second,
        }


async def measure(bed: Bed) -> Result:
    """Run the bench: both windows under one operator."""
    loads = Loads(bed, GOOD)
    await loads.let_in(POLL_SECONDS)
    await loads.settle(SETTLE_SECONDS)
    alone = await _watch(bed, loads, GOOD)
    async with hostile(bed, loads, HOSTILE) as edits:
        await asyncio.sleep(SETTLE_SECONDS)
        beside = await _watch(bed, loads, [*GOOD, *_named("heavy", HOSTILE)])
        details = _details(bed, alone, beside) | {"ready_reasons_of_the_hostile": await reasons(bed)}
    return Result("neighbours", SETTING, _figures(bed, alone, beside), {}, details | edits)


def _figures(bed: Bed, alone: _Window, beside: _Window) -> list[Figure]:
    ratio = round(beside.percentile(99) / alone.percentile(99), 3)
    return [
        *(Figure(f"p{percent}_seconds_alone", alone.percentile(percent)) for percent in (50, 99)),
        *(Figure(f"p{percent}_seconds_beside", beside.percentile(percent)) for percent in (50, 99)),
        Figure("p99_beside_over_alone", ratio, limit=1.10),
        Figure("wrong_sizes", alone.wrong_sizes + beside.wrong_sizes, limit=0),
        Figure("restarts", 0 if bed.operator.running else 1, limit=0),  # nobody starts it again
        Figure("livez_failures", alone.livez_failures + beside.livez_failures, limit=0),
    ]


def _details(bed: Bed, alone: _Window, beside: _Window) -> dict[str, Any]:
    return {
        "good": len(GOOD),
        "hostile": HOSTILE,
        "alone": alone.told(),
        "beside": beside.told(),
        "peak_resident_mib": round(bed.operator_usage().peak_resident / MIB, 1),
    }


async def _watch(bed: Bed, loads: Loads, growing: Sequence[str]) -> _Window:
    """Look for a while, loads growing, and then until the good pools have reached their sizes."""
    turns, failures = itertools.cycle(growing), 0
    begun, before = time.monotonic(), bed.operator_usage().cpu_seconds
    async with aiohttp.ClientSession(f"http://127.0.0.1:{bed.port}", timeout=aiohttp.ClientTimeout(total=5)) as session:
        for second in itertools.count(1):
            loads.add([next(turns) for _ in range(GROWING_PER_SECOND)])
            failures += not await _is_alive(session)
            await asyncio.sleep(max(0.0, begun + second - time.monotonic()))
            if time.monotonic() >= begun + WINDOW_SECONDS:
                break
    ended, after = time.monotonic(), bed.operator_usage().cpu_seconds
    wrong = await loads.settle(SETTLE_SECONDS)
    calls = bed.sqs.calls()
    stamps = ([call for call in calls[name] if begun <= call < ended] for name in GOOD)
    intervals = [later - earlier for each in stamps for earlier, later in itertools.pairwise(each)]
    return _Window(intervals, len(wrong), failures, round((after - before) / (ended - begun) * 1000, 1))


async def _is_alive(session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get("/livez") as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


@asynccontextmanager
async def hostile(bed: Bed, loads: Loads, counts: Mapping[str, int]) -> AsyncIterator[dict[str, int]]:
    """Let so many pools of each kind in, and edit the restless ones while the body runs; yields how often so far."""
    for kind in Broken:
        bed.sqs.break_queues(dict.fromkeys(_named(kind, counts), kind))
    names = [name for kind in counts for name in _named(kind, counts)]
    loads.add(names)
    bed.cluster.kubectl("create", "namespace", HOSTILE_NAMESPACE)
    await each_at_once(lambda name: _create(bed.api, name), names)
    told = {"edits": 0}
    editing = asyncio.create_task(_edit(bed.api, _named("restless", counts), told))
    try:
        yield told
    finally:
        editing.cancel()
        await asyncio.wait({editing})
    if not editing.cancelled():
        editing.result()


async def _create(api: Api, name: str) -> None:
    kind, _, number = name.partition("-")
    # Two twins in a row share a Deployment, which bears the first one's name.
    target = f"{kind}-{int(number) // 2 * 2}" if kind == "twins" else name
    scaled, pools = deployment(target, 1), pool(name, queue_url(name), HOSTILE_POLL_SECONDS)
    pools["spec"]["scaleTargetRef"]["name"] = target
    if kind == "heavy":
        for body in (scaled, pools):
            body["metadata"]["annotations"] = {"note": ANNOTATION}
    if kind != "missing" and target == name:
        await api.create(_DEPLOYMENTS, scaled)
    await api.create(_POOLS, pools)


async def _edit(api: Api, names: Sequence[str], told: dict[str, int]) -> None:
    """Edit each of these pools every second, one after the other."""
    begun = time.monotonic()
    for round_ in itertools.count(1):
        for name in names:
            await api.patch(f"{_POOLS}/{name}", {"spec": {"maxReplicas": 50 + round_ % 2}})
            told["edits"] += 1
        await asyncio.sleep(max(0.0, begun + round_ - time.monotonic()))


async def reasons(bed: Bed) -> dict[str, dict[str, int]]:
    """Why the hostile pools are ready or not, as their statuses tell: by kind."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in (await bed.api.get(_POOLS))["items"]:
        conditions = item.get("status", {}).get("conditions", ())
        ready = [each["reason"] for each in conditions if each["type"] == "Ready"]
        found[item["metadata"]["name"].partition("-")[0]].update(ready or ["none"])
    return {kind: dict(counts) for kind, counts in found.items()}


def _named(kind: str, counts: Mapping[str, int]) -> list[str]:
    return [f"{kind}-{number}" for number in range(counts[kind])]
