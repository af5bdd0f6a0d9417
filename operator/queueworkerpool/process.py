"""The operator's process: the clocks, and its life from the start until SIGTERM.

`__main__` runs it, `wiring` connects its parts. It knows nothing of single pools.
"""

import asyncio
import gc
import logging
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.errors import ClusterError
from queueworkerpool.health import HealthState
from queueworkerpool.leading import Fences, LeaderWork, Leading
from queueworkerpool.model import Endpoints, Workload, parse_workloads
from queueworkerpool.names import PLURAL
from queueworkerpool.queues.sqs import SqsQueues
from queueworkerpool.report.metrics import Metrics, process_registry
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

GARBAGE_THRESHOLDS = (10_000, 20, 20)
"""Python would look for cycles after each 700 new objects. A tick makes a thousand, hardly any in a cycle, and to
look through those of thousands of pools takes a twentieth of the CPU time (measured)."""

HEARTBEAT_SECONDS = 1.0
CRD_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """What lives as long as the process.

    Args:
        settings: What the process was started with.
        metrics: Shown on /metrics.
        health: Shown on /livez and /readyz.
        fences: Passed by every write; open while this process leads.
        stop: Set by SIGTERM and SIGINT.
        workloads: The kinds that pools may scale.
    """

    settings: Settings
    metrics: Metrics
    health: HealthState
    fences: Fences
    stop: asyncio.Event
    workloads: tuple[Workload, ...]


async def run(settings: Settings) -> None:
    """Run until SIGTERM."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.freeze()  # what is there by now stays
    fences = Fences.closed(settings.shards)
    process = _Process(
        settings=settings,
        metrics=Metrics(process_registry(), version("queueworkerpool"), _now),
        health=HealthState(loop=time.monotonic()),
        fences=fences,
        stop=asyncio.Event(),
        workloads=parse_workloads(settings.scale_targets),
    )
    _stop_on_signals(process.stop)
    process.health.watch_attempted(
        watched_kinds(process.workloads)
    )  # as of now: a watch that is never tried is dead, too
    process.metrics.holds(lambda: fences.shards.held)
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
    requested, shards = process.metrics.api_requested, process.fences.shards
    cluster = KubernetesCluster(settings.write_workers, shards, process.workloads, requested)
    endpoints = Endpoints.parse(settings.sqs_endpoints)
    queues = SqsQueues(settings.region, settings.read_workers, _now, endpoints)
    states, targets = WorkerStates(process.metrics.state_requested), Targets(settings.namespaces, process.workloads)
    adapters = Adapters(cluster=cluster, queues=queues, states=states, targets=targets)
    scheduler = scheduler_of(settings, process.metrics, adapters, shards, _now)
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
        async with _leading(process, LeaderWork(scheduler, cluster, settings.namespaces, shards)).during():
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


def _leading(process: _Process, work: LeaderWork) -> Leading:
    return Leading(
        settings=process.settings,
        fences=process.fences,
        work=work,
        metrics=process.metrics,
        health=process.health,
        stop=process.stop,
    )


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
