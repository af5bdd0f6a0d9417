"""The operator's process: the clocks, and its life from the start until SIGTERM.

`__main__` runs it, `wiring` connects its parts. It knows nothing of single pools.
"""

import asyncio
import logging
import math
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from queueworkerpool.cluster import KubernetesCluster, LeaseClient
from queueworkerpool.errors import ClusterError
from queueworkerpool.health import HealthState
from queueworkerpool.leader.elector import FINISH_SECONDS, Clocks, Elector
from queueworkerpool.leader.fence import Fence
from queueworkerpool.model import Endpoints, NamespacedName, Workload, parse_workloads
from queueworkerpool.names import PLURAL
from queueworkerpool.queues.sqs import SqsQueues
from queueworkerpool.report.metrics import Metrics, process_registry
from queueworkerpool.scheduler import Scheduler
from queueworkerpool.settings import Settings
from queueworkerpool.watch import adapter, supervisor
from queueworkerpool.watch.index import Targets
from queueworkerpool.watch.kinds import watched_kinds
from queueworkerpool.watch.namespaces import Namespaces
from queueworkerpool.watch.session import RECONNECT_SECONDS
from queueworkerpool.watch.targets import watch_targets
from queueworkerpool.wiring import Adapters, http_server, scheduler_of, show_refused
from queueworkerpool.workers.states import WorkerStates

logger = logging.getLogger("queueworkerpool")

HEARTBEAT_SECONDS = 1.0
CRD_RETRY_SECONDS = 2.0
LIST_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """What lives as long as the process.

    Args:
        settings: What the process was started with.
        metrics: Shown on /metrics.
        health: Shown on /livez and /readyz.
        fence: Passed by every write; open while this process leads.
        stop: Set by SIGTERM and SIGINT.
        workloads: The kinds that pools may scale.
    """

    settings: Settings
    metrics: Metrics
    health: HealthState
    fence: Fence
    stop: asyncio.Event
    workloads: tuple[Workload, ...]


async def run(settings: Settings) -> None:
    """Run until SIGTERM."""
    fence = Fence(_steady)
    process = _Process(
        settings=settings,
        metrics=Metrics(process_registry(), version("queueworkerpool"), _now),
        health=HealthState(loop=time.monotonic()),
        fence=fence,
        stop=asyncio.Event(),
        workloads=parse_workloads(settings.scale_targets),
    )
    _stop_on_signals(process.stop)
    process.health.watch_attempted(
        watched_kinds(process.workloads)
    )  # as of now: a watch that is never tried is dead, too
    process.metrics.leads_while(lambda: fence.is_open)
    server = http_server(settings, process.metrics, process.health)
    started = {"version": version("queueworkerpool"), "port": server.port, "address": server.address}
    logger.info("operator started", extra=started)
    try:
        await _serve(process)
    finally:
        server.close()
        logger.info("operator stopped")


async def _serve(process: _Process) -> None:
    settings, stop = process.settings, process.stop
    requested = process.metrics.api_requested
    cluster = KubernetesCluster(settings.write_workers, process.fence, process.workloads, requested)
    endpoints = Endpoints.parse(settings.sqs_endpoints)
    queues = SqsQueues(settings.region, settings.read_workers, _now, endpoints)
    states, targets = WorkerStates(process.metrics.state_requested), Targets(settings.namespaces, process.workloads)
    adapters = Adapters(cluster=cluster, queues=queues, states=states, targets=targets)
    scheduler = scheduler_of(settings, process.metrics, adapters, _now)
    process.health.jobs |= {"cluster client": cluster.jobs, "queue client": queues.jobs}
    process.health.overdue = scheduler.overdue_seconds
    served = Namespaces(settings.namespaces, cluster, stop, lambda: process.health.watch_refusals)
    show_refused(process.metrics, process.health, served, targets)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    heartbeat = asyncio.create_task(_heartbeat(process.health), name="heartbeat")
    watching = asyncio.create_task(watch_targets(targets, settings.namespaces, process.health, stop), name="targets")
    listed = asyncio.create_task(targets.answered(), name="listed")
    try:
        # Pools are watched once the Deployments are known: else each start would report that theirs are missing.
        await asyncio.wait((listed, stopped), return_when=asyncio.FIRST_COMPLETED)
        async with _leading(process, _LeaderWork(scheduler, cluster, settings.namespaces)):
            await _watch_pools(process, adapter.Sinks(scheduler, process.health), served, cluster, stopped)
    finally:
        await scheduler.close()
        for task in (heartbeat, stopped, listed):
            task.cancel()
        stop.set()
        await watching
        await states.close()
        await queues.close()
        cluster.close()


async def _watch_pools(
    process: _Process,
    sinks: adapter.Sinks,
    served: Namespaces,
    cluster: KubernetesCluster,
    stopped: "asyncio.Task[Any]",
) -> None:
    """Watch pools until the process stops, in the namespaces that can be listed."""
    while not process.stop.is_set():
        await _until_served(process, cluster, stopped)
        namespaces = await served.listable()
        if namespaces is None:
            process.health.watch_attempted((PLURAL,))  # what is refused is alive: a restart would not help
        else:
            async with served.end_when_changed() as end:
                await supervisor.watch(sinks, namespaces, end)
        await asyncio.wait((stopped,), timeout=RECONNECT_SECONDS)


class _LeaderWork:
    """What only the leader does: the ticks, on pools as they are now and not as a late watch has shown them."""

    def __init__(self, scheduler: Scheduler, cluster: KubernetesCluster, namespaces: tuple[str, ...]) -> None:
        self._scheduler = scheduler
        self._cluster = cluster
        self._namespaces = namespaces
        self._starting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._starting = asyncio.create_task(self._start(), name="start leading")

    def pause(self) -> None:
        self._cancel_start()
        self._scheduler.pause()

    async def finish(self, seconds: float) -> None:
        self._cancel_start()
        await self._scheduler.finish(seconds)

    async def _start(self) -> None:
        self._cluster.renew()
        while True:
            try:
                async for pool in self._cluster.pools(self._namespaces):
                    self._scheduler.refresh(pool)
            except ClusterError as error:
                logger.warning("pools not listed", extra={"error": str(error)})
                await asyncio.sleep(LIST_RETRY_SECONDS)
                continue
            except Exception:  # a bug must not leave all pools without a leader
                logger.exception("pools not refreshed")
            return self._scheduler.start()

    def _cancel_start(self) -> None:
        if self._starting:
            self._starting.cancel()


@asynccontextmanager
async def _leading(process: _Process, work: _LeaderWork) -> AsyncIterator[None]:
    """Take part in the election while the body runs, and release the Lease after it; without a Lease: just lead."""
    settings, fence, health, stop = process.settings, process.fence, process.health, process.stop
    if not settings.lease:
        fence.open_until(math.inf)
        work.start()
        try:
            yield
        finally:
            await work.finish(FINISH_SECONDS)
            fence.close()
        return
    leases = LeaseClient(NamespacedName(*settings.lease.split("/")), process.metrics.api_requested)
    health.jobs["Lease client"] = leases.jobs
    elector = Elector(settings.identity or _unique_name(), leases, fence, work, Clocks(_steady, _now))

    health.nobody_leads = elector.failure

    def is_ready() -> bool:
        return not health.readiness_failures(time.monotonic(), watched_kinds(process.workloads))

    taking_part = asyncio.create_task(elector.run(is_ready, stop), name="election")
    taking_part.add_done_callback(lambda _: stop.set())  # should it ever fail, a new process is the remedy
    try:
        yield
    finally:
        stop.set()
        await taking_part
        leases.close()


def _unique_name() -> str:
    return f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"


def _steady() -> float:
    """Return seconds that go on while the machine sleeps, where the system counts such."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _stop_on_signals(stop: asyncio.Event) -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)


async def _until_served(process: _Process, cluster: KubernetesCluster, stopped: "asyncio.Task[Any]") -> None:
    """Wait until the API server serves our custom resource: kopf does not wait for it."""
    logged, namespace = None, (*process.settings.namespaces, "")[0]
    while not stopped.done():
        try:
            if await asyncio.to_thread(cluster.is_served, namespace):
                return
            problem = f"the API server does not know {PLURAL} yet: is the CRD installed?"
        except ClusterError as error:
            problem = str(error)
        process.health.watch_attempted((PLURAL,))  # only here: a watch that hangs at each start shows no sign of life
        if problem != logged:
            logger.warning("waiting for the API server", extra={"problem": problem})
            logged = problem
        await asyncio.wait((stopped,), timeout=CRD_RETRY_SECONDS)


async def _heartbeat(health: HealthState) -> None:
    while True:
        health.loop = time.monotonic()
        await asyncio.sleep(HEARTBEAT_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)
