"""The operator's process: wiring, the clocks, and its life from the start until SIGTERM.

`__main__` runs it. What it wires together knows nothing of each other but Protocols.
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
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from queueworkerpool import handlers, watching
from queueworkerpool.cluster import KubernetesCluster, LeaseDoor
from queueworkerpool.election import LOOK_SECONDS
from queueworkerpool.errors import ClusterError
from queueworkerpool.fence import Fence
from queueworkerpool.health import Vitals
from queueworkerpool.leadership import FINISH_SECONDS, Clocks, Leadership
from queueworkerpool.metrics import Metrics, process_registry
from queueworkerpool.model import Key, Pool
from queueworkerpool.names import PLURAL
from queueworkerpool.news import Told
from queueworkerpool.reconcile import World, reconcile
from queueworkerpool.scheduler import Crews, Roster, Samples, Scheduler, SharedReadings, Written
from queueworkerpool.server import Answers, HttpServer, Tls
from queueworkerpool.settings import Settings
from queueworkerpool.sqs import SqsQueues
from queueworkerpool.tenancy import Tenancy
from queueworkerpool.workers import WorkerStates

logger = logging.getLogger("queueworkerpool")

BEAT_SECONDS = 1.0
CRD_RETRY_SECONDS = 2.0
STATE_QUESTIONS = 64
"""Workers that are asked for their /state at the same time."""


async def run(settings: Settings) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    _stop_on_signals(stop)
    vitals = Vitals(loop=time.monotonic())
    vitals.tries(handlers.WATCHED)  # as of now: what is never tried is dead, too
    metrics = Metrics(process_registry(), version("queueworkerpool"), _now)
    fence = Fence(_steady)
    metrics.leads_while(lambda: fence.is_open)
    try:
        server = HttpServer(settings.http_host, settings.http_port, _answers(metrics, vitals), _tls(settings))
    except OSError as error:
        address = f"{settings.http_host}:{settings.http_port}"
        raise click.ClickException(
            f"cannot serve on {address}: {error.strerror}; see --http-host, --http-port, --tls-cert"
        ) from error
    logger.info("operator started", extra={"version": version("queueworkerpool"), "port": server.port})
    try:
        await _serve(settings, (metrics, vitals, fence), stop)
    finally:
        server.close()
        logger.info("operator stopped")


async def _serve(settings: Settings, kept: tuple[Metrics, Vitals, Fence], stop: asyncio.Event) -> None:
    metrics, vitals, fence = kept
    cluster = KubernetesCluster(settings.write_workers, fence)
    queues = SqsQueues(settings.region, settings.read_workers, _now)
    deployments = handlers.Deployments()
    readings = SharedReadings(queues, metrics.queue_read)
    states = WorkerStates(STATE_QUESTIONS)
    crews = Crews(cluster, states)
    samples = Samples(cluster, states, _now, crews.spotted)
    told = Told()
    world = World(
        Tenancy.parse(settings.tenants, queues.default_region),
        readings,
        Written(deployments),
        samples,
        crews,
        cluster,
        metrics,
        told,
        _now,
        Key(*settings.own_deployment.split("/")) if settings.own_deployment else None,
    )

    async def tick(pool: Pool, owner: Key | None) -> tuple[Pool, float | None]:
        return await reconcile(pool, owner, world)

    scheduler = Scheduler(Roster(), tick, metrics, samples, told)
    vitals.jobs = {"the cluster's door": cluster.jobs, "the queues' door": queues.jobs}
    vitals.overdue = scheduler.overdue_seconds
    stopped = asyncio.create_task(stop.wait(), name="stop")
    beat = asyncio.create_task(_beat(vitals), name="beat")
    try:
        await _until_served(cluster, vitals, stopped)
        async with _led(settings, (fence, vitals), _Work(scheduler, cluster, settings.namespaces), stop):
            while not stop.is_set():
                await watching.watch(handlers.Watched(scheduler, deployments, vitals), settings.namespaces, stop)
                await asyncio.wait((stopped,), timeout=handlers.RECONNECT_SECONDS)
                await _until_served(cluster, vitals, stopped)
    finally:
        await scheduler.close()
        for task in (beat, stopped):
            task.cancel()
        await states.close()
        queues.close()
        cluster.close()


class _Work:
    """What only the leader does: the ticks, on pools as they are now and not as a late watch has shown them."""

    def __init__(self, scheduler: Scheduler, cluster: KubernetesCluster, namespaces: tuple[str, ...]) -> None:
        self._scheduler = scheduler
        self._cluster = cluster
        self._namespaces = namespaces
        self._beginning: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._beginning = asyncio.create_task(self._begin(), name="begin")

    def rest(self) -> None:
        self._end_beginning()
        self._scheduler.rest()

    async def finish(self, seconds: float) -> None:
        self._end_beginning()
        await self._scheduler.finish(seconds)

    async def _begin(self) -> None:
        self._cluster.renew()
        while True:
            try:
                self._scheduler.refresh(await self._cluster.pools(self._namespaces))
            except ClusterError as error:
                logger.warning("pools not listed", extra={"error": str(error)})
                await asyncio.sleep(LOOK_SECONDS)
                continue
            except Exception:  # a bug must not leave all pools without a leader
                logger.exception("pools not taken in")
            return self._scheduler.lead()

    def _end_beginning(self) -> None:
        if self._beginning:
            self._beginning.cancel()


@asynccontextmanager
async def _led(settings: Settings, kept: tuple[Fence, Vitals], work: _Work, stop: asyncio.Event) -> AsyncIterator[None]:
    """Take part in the election while the body runs, and release the Lease after it; without a Lease: just lead."""
    fence, vitals = kept
    if not settings.lease:
        fence.open_until(math.inf)
        work.begin()
        try:
            yield
        finally:
            await work.finish(FINISH_SECONDS)
            fence.close()
        return
    leases = LeaseDoor(Key(*settings.lease.split("/")))
    vitals.jobs["the Lease's door"] = leases.jobs
    leadership = Leadership(settings.identity or _unique_name(), leases, fence, work, Clocks(_steady, _now))

    def sees() -> bool:
        return not vitals.blindness(time.monotonic(), handlers.WATCHED)

    taking_part = asyncio.create_task(leadership.run(sees, stop), name="election")
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
    """Seconds that go on while the machine sleeps, where the system counts such."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _stop_on_signals(stop: asyncio.Event) -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)


async def _until_served(cluster: KubernetesCluster, vitals: Vitals, stopped: "asyncio.Task[Any]") -> None:
    """Wait until the API server knows our custom resource: kopf does not look for it again."""
    said = None
    while not stopped.done():
        try:
            if await asyncio.to_thread(cluster.is_served):
                return
            problem = f"the API server does not know {PLURAL} yet: is the CRD installed?"
        except ClusterError as error:
            problem = str(error)
        vitals.tries(handlers.WATCHED)  # only here: a watch that hangs each time it is begun shows no sign of life
        if problem != said:
            logger.warning("waiting for the API server", extra={"problem": problem})
            said = problem
        await asyncio.wait((stopped,), timeout=CRD_RETRY_SECONDS)


async def _beat(vitals: Vitals) -> None:
    while True:
        vitals.loop = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)


def _answers(metrics: Metrics, vitals: Vitals) -> Answers:
    return Answers(
        metrics=metrics.render,
        livez=lambda: vitals.trouble(time.monotonic()),
        readyz=lambda: vitals.blindness(time.monotonic(), handlers.WATCHED),
    )


def _tls(settings: Settings) -> Tls | None:
    if not settings.tls_cert:
        return None
    authority = Path(settings.tls_client_ca) if settings.tls_client_ca else None
    return Tls(Path(settings.tls_cert), Path(settings.tls_key), authority)


def _now() -> datetime:
    return datetime.now(UTC)
