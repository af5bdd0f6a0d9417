"""Scale: one process with ten thousand pools: whether intervals are kept, and what it needs.

`python -m benchmarks scale --pools 10000 --seconds 300`.
"""

import asyncio
import math
import shutil
import signal
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster import Cluster
from testbed.api import (
    DEPLOYMENTS,
    POOLS,
    ApiClient,
    WatchEvent,
    connected,
    deployment,
    for_each_concurrently,
    holds_within,
    pool,
)
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.interpreters import image_interpreter
from testbed.operators import admin_config, is_ready, prepare
from testbed.process_usage import MIB, Usage, usage
from testbed.replicas import Replica, Replicas

POLL_SECONDS = 15
DEVIATION = 0.1
"""How much longer or shorter than `POLL_SECONDS` one interval may be, as a share."""

SETTLING_SECONDS = 3.0 * POLL_SECONDS
TIMEOUT_SECONDS = 300.0
ASLEEP_EVERY = 20
"""One pool of so many has no pod when the operator starts, and three messages: its size has to be written."""

SAMPLE_INTERVAL_SECONDS = 5.0

SCRAPE_SECONDS = 30.0
SCRAPE_HEADERS = {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"}


def measure(*, pools: int, seconds: float) -> Result:
    """Run the bench."""
    folder = Path(tempfile.mkdtemp(prefix="bench-scale-"))
    with Cluster(folder / "cluster", node=False) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        with closing(Replicas(cluster, sqs.env, folder, image_interpreter(folder))) as replicas:
            figures = asyncio.run(
                _measure(cluster, sqs, replicas, [f"pool-{each:05}" for each in range(pools)], seconds)
            )
    shutil.rmtree(folder)
    setting = (
        f"{pools} pools that exist when the operator starts, without a status; pollSeconds {POLL_SECONDS}, a queue"
        f" each with a message, one replica each (of one in {ASLEEP_EVERY} none, and three messages), Deployments"
        f" paused so that no pods are made; nothing changes for {seconds:g} seconds, in which nobody scrapes, and for"
        f" half of that, in which one scrapes every {SCRAPE_SECONDS:g} s (while_scraped)."
        " first_decisions: from the start of the process until every queue was read and each size that has to"
        " change is written; first_statuses: until the last pool has a status. takeover: from SIGKILL of the"
        " leader to the other one's first reading; all: until it has read every queue. The API server and etcd are"
        " on the same processors"
    )
    return Result("scale", setting, figures, {})


async def _measure(
    cluster: Cluster, sqs: CountingSqs, replicas: Replicas, names: Sequence[str], seconds: float
) -> list[Figure]:
    asleep = set(names[::ASLEEP_EVERY])
    sqs.set_depths({name: 3 if name in asleep else 1 for name in names})
    leader, standby = replicas.add("operator-a"), replicas.add("operator-b")
    async with connected(admin_config(cluster)) as client:
        await _create(client, names, asleep)
        decided, told = await _first_decisions(client, sqs, leader, (names, asleep))
    _say(f"first decisions of all after {decided:.1f} s, statuses after {told:.1f} s")
    await asyncio.sleep(SETTLING_SECONDS)
    steady = await _steady(sqs, leader, seconds)
    with _scraping(leader):
        scraped = await _steady(sqs, leader, seconds / 2)
    return [
        Figure("first_decisions_seconds", round(decided, 1), 60),
        Figure("first_statuses_seconds", round(told, 1)),
        *steady,
        *(replace(figure, name=f"{figure.name}_while_scraped") for figure in scraped),
        *await _takeover(sqs, leader, standby),
    ]


@contextmanager
def _scraping(operator: Replica) -> Iterator[None]:
    """Scrape as Prometheus does: zipped, and every `SCRAPE_SECONDS`."""
    ended = threading.Event()

    def scrape() -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{operator.port}/metrics", headers=SCRAPE_HEADERS)
        while not ended.wait(SCRAPE_SECONDS):
            with urllib.request.urlopen(request, timeout=SCRAPE_SECONDS) as answer:  # noqa: S310 -- http, as above
                answer.read()

    with ThreadPoolExecutor(1) as thread:
        scraping = thread.submit(scrape)
        try:
            yield
        finally:
            ended.set()
        scraping.result()


async def _create(client: ApiClient, names: Sequence[str], asleep: Collection[str]) -> None:
    """Create all pools and Deployments, and wait for the controller of Deployments: it is on the same machine."""
    settled: set[str] = set()

    def record(event: WatchEvent) -> None:
        if "observedGeneration" in event.body.get("status", {}):
            settled.add(event.name)

    async def create(name: str) -> None:
        await client.create(DEPLOYMENTS, deployment(name, 0 if name in asleep else 1))
        await client.create(POOLS, pool(name, queue_url(name), POLL_SECONDS))

    async with client.watching(DEPLOYMENTS, record):
        await for_each_concurrently(create, names)
        if not await holds_within(lambda: len(settled) == len(names), TIMEOUT_SECONDS):
            raise TimeoutError("the controller of Deployments did not look at all of them")


async def _first_decisions(
    client: ApiClient, sqs: CountingSqs, operator: Replica, pools: tuple[Sequence[str], Collection[str]]
) -> tuple[float, float]:
    """Start the operator; return the seconds until it has decided on all pools, and until all have a status.

    `pools`: all, and those of them that have no pod.
    """
    names, asleep = pools
    woken, told = dict[str, float](), dict[str, float]()

    def record(event: WatchEvent) -> None:
        if event.name in asleep and event.body["spec"].get("replicas"):
            woken.setdefault(event.name, event.time)
        if "lastDecision" in event.body.get("status", {}):
            told.setdefault(event.name, event.time)

    async with client.watching(POOLS, record), client.watching(DEPLOYMENTS, record):
        begun = time.monotonic()
        operator.program.start()
        if not await holds_within(lambda: (len(told), len(woken)) == (len(names), len(asleep)), TIMEOUT_SECONDS):
            raise TimeoutError(f"{len(told)} of {len(names)} pools have a status, {len(woken)} of {len(asleep)} a pod")
    read = [times[0] for times in (await asyncio.to_thread(sqs.calls)).values()]
    return max(*read, *woken.values()) - begun, max(told.values()) - begun


async def _steady(sqs: CountingSqs, operator: Replica, seconds: float) -> list[Figure]:
    """Return how well intervals are kept for some time in which nothing changes, and what that costs."""
    begun, samples = time.monotonic(), [usage(operator.program.pid)]
    while time.monotonic() < begun + seconds:
        await asyncio.sleep(min(SAMPLE_INTERVAL_SECONDS, seconds))
        samples.append(usage(operator.program.pid))
    figures = _figures(await asyncio.to_thread(sqs.calls), (begun, time.monotonic()), samples)
    for figure in figures:
        _say(f"{figure.name}: {figure.value:g}")
    return figures


def _figures(calls: dict[str, list[float]], window: tuple[float, float], samples: Sequence[Usage]) -> list[Figure]:
    begun, ended = window
    within = [[call for call in times if begun <= call < ended] for times in calls.values()]
    gaps = sorted(after - before for times in within for before, after in pairwise(times))
    reads = sum(map(len, within))
    spent = samples[-1].cpu_seconds - samples[0].cpu_seconds
    longest, shortest = _share(gaps, 0.99) / POLL_SECONDS, _share(gaps, 0.01) / POLL_SECONDS
    return [
        Figure("interval_p99_deviation", round(max(longest - 1, 1 - shortest), 3), DEVIATION),
        Figure("interval_longest_seconds", round(gaps[-1], 2)),
        Figure("readings_per_second", round(reads / (ended - begun), 1)),
        Figure("cores", round(spent / (ended - begun), 3), 0.6),
        Figure("cpu_ms_per_reading", round(spent / reads * 1000, 3)),
        Figure("resident_mib", round(statistics.median(each.resident for each in samples) / MIB, 1), 400),
        Figure("peak_resident_mib", round(samples[-1].peak_resident / MIB, 1), 400),
    ]


async def _takeover(sqs: CountingSqs, leader: Replica, standby: Replica) -> list[Figure]:
    """Kill the leader beside a second operator; return how soon that one reads."""
    standby.program.start()
    if not await holds_within(lambda: is_ready(standby.port), TIMEOUT_SECONDS):
        raise TimeoutError(f"{standby.name} did not become ready; its log is {standby.program.log}")
    await asyncio.sleep(SETTLING_SECONDS)
    killed = time.monotonic()
    leader.signal(signal.SIGKILL)
    await asyncio.to_thread(leader.program.kill)
    soonest = last = math.inf
    while last == math.inf and time.monotonic() < killed + TIMEOUT_SECONDS:
        await asyncio.sleep(SAMPLE_INTERVAL_SECONDS)
        calls = await asyncio.to_thread(sqs.calls)
        # What the killed one had under way arrives within the first second.
        firsts = [next((call for call in times if call > killed + 1), math.inf) for times in calls.values()]
        soonest, last = min(firsts), max(firsts)
    return [
        Figure("takeover_seconds", round(soonest - killed, 2), 25),
        Figure("takeover_all_seconds", round(last - killed, 2)),
        Figure("new_leader_peak_mib", round(usage(standby.program.pid).peak_resident / MIB, 1), 400),
    ]


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _say(text: str) -> None:
    Console(stderr=True, highlight=False).print(f"    {text}")


BENCH = Bench(name="scale", measure=measure, options=("pools", "seconds"), by_default=False)
