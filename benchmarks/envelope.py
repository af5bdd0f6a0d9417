"""Envelope: memory, first decision and takeover in a cluster as large as the chart's memory limit is meant for."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from rich.console import Console

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster import Cluster
from testbed import envelope
from testbed.api import (
    DEPLOYMENTS,
    POOLS,
    ApiClient,
    WatchEvent,
    connected,
    holds_within,
)
from testbed.counting_sqs import CountingSqs
from testbed.interpreters import ROOT, image_interpreter
from testbed.operators import admin_config, is_ready, prepare
from testbed.process_usage import MIB, usage
from testbed.replicas import Replica, Replicas
from testbed.scrapers import SCRAPE_PAUSE_SECONDS, SCRAPERS, Scrapers

TIMEOUT_SECONDS = 180.0
"""For each step: whoever takes longer has missed every limit."""

QUIET_SECONDS = 10.0
"""How long to look on after each step: what it set off is over then."""

LARGE = f"with {envelope.LARGE_BYTES // 1000} kB"

SETTING = (
    f"{envelope.SMALL_DEPLOYMENTS} Deployments of others with {envelope.SMALL_BYTES // 1000} kB of annotations, "
    f"{envelope.LARGE_DEPLOYMENTS} {LARGE}; {envelope.POOLS_IN_ALL} pools at pollSeconds {envelope.POLL_SECONDS}, "
    f"{envelope.LARGE_POOLS} of them {LARGE}; 10,000 pods, {envelope.LARGE_PODS} of them {LARGE}, for which "
    f"{envelope.SHARING} pools ask at once; {SCRAPERS} scrapers at once of each operator, every "
    f"{SCRAPE_PAUSE_SECONDS:.0f} s. Two operators as in their image, under the chart's rights. first_decision: from "
    "the start of the process to the first new size of a Deployment, and the operator's CPU time until then; takeover: "
    "from SIGKILL of the leader to the first new size that the other one writes; all: to the last pool's. Peaks are "
    "VmHWM, which counts shared libraries too, and are held to the chart's memory limit. many: at "
    f"{envelope.MANY_DEPLOYMENTS} Deployments of others, with four times the time"
)


@dataclass(slots=True)
class _Sizes:
    """The sizes of the pools' Deployments, and when each was written last, as a watch shows them."""

    replicas: dict[str, int] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    def record(self, event: WatchEvent) -> None:
        size = event.body["spec"]["replicas"]
        if self.replicas.get(event.name) != size:
            self.replicas[event.name], self.times[event.name] = size, event.time

    async def reached(self, names: Iterable[str], replicas: int, begun: float) -> tuple[float, float]:
        """Wait until all have this size, which none had before; return the seconds to the first and to the last."""
        waiting = list(names)
        await holds_within(lambda: all(self.replicas.get(name) == replicas for name in waiting), TIMEOUT_SECONDS)
        there = [self.times[name] - begun for name in waiting if self.replicas.get(name) == replicas]
        if min(there, default=0.0) < 0:
            raise ValueError(f"a Deployment had {replicas} replicas before they were called for")
        complete = len(there) == len(waiting)
        return min(there, default=TIMEOUT_SECONDS), max(there) if complete else TIMEOUT_SECONDS


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Everything that runs."""

    cluster: Cluster
    client: ApiClient
    sqs: CountingSqs
    replicas: Replicas
    sizes: _Sizes
    scrapers: Scrapers
    figures: list[Figure] = field(default_factory=list)
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, name: str, value: float, limit: float | None = None) -> None:
        """Add a figure."""
        self.figures.append(Figure(name, round(value, 2), limit))
        Console(stderr=True, highlight=False).print(f"    {name}: {value:.2f}")

    def note_peaks(self, step: str, *operators: Replica) -> None:
        """Note the peaks until the end of a step."""
        peaks = {each.name: round(usage(each.program.pid).peak_resident / MIB, 1) for each in operators}
        self.peaks[step] = peaks
        Console(stderr=True, highlight=False).print(f"    {step}: {peaks}")

    def load(self, pods: int, names: Iterable[str] = ()) -> None:
        """Give queues the messages that call for so many pods; all queues, if none is named."""
        self.sqs.set_depths(envelope.depths(names or envelope.pool_names(), pods))

    async def start(self, operator: Replica) -> None:
        """Start an operator; return when it is ready. It is scraped from then on."""
        operator.program.start()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not await asyncio.to_thread(is_ready, operator.port):
            operator.program.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{operator.name} did not become ready; its log is {operator.program.log}")
            await asyncio.sleep(0.1)
        self.scrapers.ports.add(operator.port)


def measure() -> Result:
    """Run the bench."""
    folder = Path(tempfile.mkdtemp(prefix="bench-envelope-"))
    with (
        Cluster(folder / "cluster", node=False, controller_manager=envelope.CONTROLLERS) as cluster,
        CountingSqs(folder / "sqs.log") as sqs,
    ):
        prepare(cluster)
        cluster.kubectl("create", "namespace", envelope.OTHERS)
        with closing(Replicas(cluster, sqs.env, folder, image_interpreter(folder))) as replicas:
            found = asyncio.run(_measure(cluster, sqs, replicas))
    shutil.rmtree(folder)
    return found


async def _measure(cluster: Cluster, sqs: CountingSqs, replicas: Replicas) -> Result:
    first, second, third = (replicas.add(f"operator-{letter}") for letter in "abc")
    async with connected(admin_config(cluster)) as client, _running(cluster, client, sqs, replicas) as run:
        scrapers = run.scrapers
        scrapers.step = "first decision"
        await _first_decision(run, first)
        await run.start(second)
        scrapers.step = "scale-in"
        await _scale_in(run, first, second)
        scrapers.step = "takeover"
        await _takeover(run, first, second)
        restarts = 0 if second.program.running else 1
        scrapers.step = "many"
        await _many(run, second, third)
        run.add("scrapes", scrapers.scrapes)
        run.add("failed_scrapes", len(scrapers.scrape_errors), 0)
        run.add("livez_failures", len(scrapers.livez_failures), 0)
        run.add("restarts", restarts, 0)
        failures = {"failed_scrapes": scrapers.scrape_errors[:10], "livez": scrapers.livez_failures[:10]}
        return Result("envelope", SETTING, run.figures, {}, {"peak_mib_until": run.peaks, **failures})


@asynccontextmanager
async def _running(cluster: Cluster, client: ApiClient, sqs: CountingSqs, replicas: Replicas) -> AsyncIterator[_Run]:
    """Create all objects; follow the sizes, scrape and probe while the body runs."""
    sizes, scrapers = _Sizes(), Scrapers()
    await envelope.create_others(client, 0, envelope.SMALL_DEPLOYMENTS, envelope.SMALL_BYTES)
    await envelope.create_others(client, envelope.SMALL_DEPLOYMENTS, envelope.LARGE_DEPLOYMENTS, envelope.LARGE_BYTES)
    await envelope.create_pods(client)
    async with client.watching(DEPLOYMENTS, sizes.record):
        await envelope.create_pools(client)
        async with scrapers.running():
            yield _Run(cluster=cluster, client=client, sqs=sqs, replicas=replicas, sizes=sizes, scrapers=scrapers)


async def _first_decision(run: _Run, operator: Replica) -> None:
    run.load(envelope.REPLICAS)
    begun = time.monotonic()
    await run.start(operator)
    await holds_within(lambda: envelope.REPLICAS in run.sizes.replicas.values(), TIMEOUT_SECONDS)
    run.add("first_decision_cpu_seconds", usage(operator.program.pid).cpu_seconds)
    soonest, last = await run.sizes.reached(envelope.pool_names(), envelope.REPLICAS, begun)
    run.add("first_decision_seconds", soonest, 15)
    run.add("all_decisions_seconds", last)
    run.note_peaks("first decisions", operator)


async def _scale_in(run: _Run, leader: Replica, standby: Replica) -> None:
    """Ask for the large pods by several pools at once, then for all pods within an interval."""

    async def bound(name: str, most: int) -> None:
        await run.client.patch(f"{POOLS}/{name}", {"spec": {"maxReplicas": most}})

    begun = time.monotonic()
    await asyncio.gather(*(bound(name, 1) for name in envelope.sharing()))
    _, last = await run.sizes.reached(envelope.sharing(), 1, begun)
    run.add("scale_in_beside_large_pods_seconds", last)
    await asyncio.sleep(QUIET_SECONDS)
    run.note_peaks("queries of large pods", leader, standby)
    await asyncio.gather(*(bound(name, 100) for name in envelope.sharing()))
    begun = time.monotonic()
    run.load(envelope.REPLICAS - 2)
    _, last = await run.sizes.reached(envelope.pool_names(), envelope.REPLICAS - 2, begun)
    run.add("scale_in_of_all_seconds", last)
    await asyncio.sleep(QUIET_SECONDS)
    run.note_peaks("scale-in of all", leader, standby)


async def _takeover(run: _Run, leader: Replica, standby: Replica) -> None:
    run.scrapers.ports.discard(leader.port)
    run.add("leader_peak_mib", usage(leader.program.pid).peak_resident / MIB, _memory_limit_mib())
    begun = time.monotonic()
    leader.signal(signal.SIGKILL)
    run.load(envelope.REPLICAS + 1)
    soonest, last = await run.sizes.reached(envelope.pool_names(), envelope.REPLICAS + 1, begun)
    run.add("takeover_seconds", soonest, 17)
    run.add("takeover_all_seconds", last)
    await asyncio.sleep(QUIET_SECONDS)
    run.note_peaks("takeover", standby)
    run.add("new_leader_peak_mib", usage(standby.program.pid).peak_resident / MIB, _memory_limit_mib())


async def _many(run: _Run, leader: Replica, fresh: Replica) -> None:
    """Start an operator among many more Deployments of others, when none leads."""
    run.scrapers.ports.discard(leader.port)
    leader.program.stop()
    there = envelope.SMALL_DEPLOYMENTS + envelope.LARGE_DEPLOYMENTS
    await envelope.create_others(run.client, there, envelope.MANY_DEPLOYMENTS - there, envelope.SMALL_BYTES)
    run.load(envelope.REPLICAS + 2)
    begun = time.monotonic()
    await run.start(fresh)
    soonest, _ = await run.sizes.reached(envelope.pool_names(), envelope.REPLICAS + 2, begun)
    run.add("many_first_decision_seconds", soonest, 60)
    run.note_peaks("many", fresh)
    run.add("many_peak_mib", usage(fresh.program.pid).peak_resident / MIB)


def _memory_limit_mib() -> float:
    """Return the memory limit of the chart's own values."""
    values = yaml.safe_load((ROOT / "charts" / "queueworkerpool" / "values.yaml").read_text())
    limit = str(values["resources"]["limits"]["memory"])
    if not limit.endswith("Mi"):
        raise ValueError(f"the chart's memory limit {limit} is not in Mi")
    return float(limit.removesuffix("Mi"))


BENCH = Bench(name="envelope", measure=measure)
