"""Connects the parts of the operator: the HTTP server with what it answers, the scheduler with all that a tick uses.

`process` calls it. What it connects knows each other through Protocols only. It starts nothing but the HTTP server.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from boundedhttp import shown_address
from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.dependencies import Dependencies
from queueworkerpool.health import HealthState
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.model import DEPLOYMENT, NamespacedName, ScaleTarget, StoredPool, parse_workloads
from queueworkerpool.names import PLURAL
from queueworkerpool.queues.sqs import SqsQueues
from queueworkerpool.reconcile import reconcile
from queueworkerpool.report.events import EventDeduplicator
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.scheduler import AssumedTargets, PoolStore, Scheduler, SharedReadings
from queueworkerpool.server import Answers, HttpServer, Tls
from queueworkerpool.settings import Settings
from queueworkerpool.tenancy import Tenancy
from queueworkerpool.watch.index import Targets
from queueworkerpool.watch.kinds import watched_kinds
from queueworkerpool.watch.namespaces import Namespaces
from queueworkerpool.workers.sampler import WorkerSampler
from queueworkerpool.workers.scale_in import ScaleInCoordinator
from queueworkerpool.workers.states import WorkerStates


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What the operator reads and writes.

    Args:
        cluster: Writes scales, statuses and Events.
        queues: Reads the queues' counts.
        states: Asks workers for their /state.
        targets: What pools scale, as the watch shows it.
    """

    cluster: KubernetesCluster
    queues: SqsQueues
    states: WorkerStates
    targets: Targets


def http_server(settings: Settings, metrics: Metrics, health: HealthState) -> HttpServer:
    """Serve /metrics, /livez and /readyz. Raises click.ClickException when the address cannot be bound."""
    kinds = watched_kinds(parse_workloads(settings.scale_targets))
    answers = Answers(
        metrics=metrics.render,
        livez=lambda: health.liveness_failures(time.monotonic()),
        readyz=lambda: health.service_failures(time.monotonic(), kinds),
        version=metrics.held,  # two processes must not both show that they lead
    )
    try:
        return HttpServer(settings.http_host, settings.http_port, answers, _tls(settings))
    except OSError as error:
        address = shown_address(settings.http_host or "all addresses", settings.http_port)
        raise click.ClickException(
            f"cannot serve on {address}: {error.strerror}; see --http-host, --http-port, --tls-cert"
        ) from error


def scheduler_of(
    settings: Settings, metrics: Metrics, adapters: Adapters, fences: ShardFences, clock: Callable[[], datetime]
) -> Scheduler:
    """Return a scheduler whose ticks use these adapters; it is not started."""
    deduplicator = EventDeduplicator()
    scale_in = ScaleInCoordinator(adapters.cluster, adapters.states)
    sampler = WorkerSampler(adapters.cluster, adapters.states, clock, scale_in.mark_found)
    dependencies = Dependencies(
        tenants=Tenancy.parse(settings.tenants, adapters.queues.default_region, adapters.queues.endpoints),
        queues=SharedReadings(adapters.queues, metrics.queue_read),
        targets=AssumedTargets(adapters.targets, adapters.cluster),
        sampler=sampler,
        scale_in=scale_in,
        cluster=adapters.cluster,
        metrics=metrics,
        deduplicator=deduplicator,
        clock=clock,
        own_deployment=ScaleTarget(*settings.own_deployment.split("/")) if settings.own_deployment else None,
    )

    async def tick(pool: StoredPool, owner: NamespacedName | None) -> tuple[StoredPool, float | None]:
        return await reconcile(pool, owner, dependencies)

    store = PoolStore()
    metrics.shows_pools(store.count)
    scheduler = Scheduler(store, fences, tick, metrics, sampler, deduplicator)
    metrics.shows_shards(len(fences.fences), scheduler.ticking)
    return scheduler


def show_refused(metrics: Metrics, health: HealthState, served: Namespaces, targets: Targets) -> None:
    """Show in the metrics and on /readyz which namespaces cannot be listed."""
    by_kind = {PLURAL: served.refused, DEPLOYMENT.resource: targets.refused}
    health.refused = lambda kind: by_kind[kind]()
    metrics.serves(served.names, lambda: served.refused() | targets.refused())


def _tls(settings: Settings) -> Tls | None:
    if not settings.tls_cert:
        return None
    authority = Path(settings.tls_client_ca) if settings.tls_client_ca else None
    return Tls(Path(settings.tls_cert), Path(settings.tls_key), authority)
