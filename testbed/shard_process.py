"""One operator of several on a cluster in memory: the real scheduler, ticks, decisions and SQS client, and one shard.

`python -m testbed.shard_process` runs one. It knows all pools, as a watch shows them, and writes those of its shard.
The API server's part is a dictionary. So many pools can be ticked on a machine that is too small for their API server.
When standard input ends it prints what it has done, as JSON.
"""

import asyncio
import json
import math
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.model import Endpoints, Event, Pool, ScaleTarget, StoredPool, Target, parse_pool
from queueworkerpool.queues.sqs import SqsQueues
from queueworkerpool.report.metrics import Metrics, process_registry
from queueworkerpool.settings import Settings
from queueworkerpool.watch.index import Targets
from queueworkerpool.wiring import Adapters, scheduler_of
from queueworkerpool.workers.states import WorkerStates
from testbed.api import pool as manifest
from testbed.counting_sqs import REGION, queue_url

CREATED = "2026-01-01T00:00:00Z"

DEFAULTS: dict[str, Any] = {
    "minReplicas": 0,
    "count": {"inFlight": "Count", "delayed": "Ignore"},
    "activationMessages": 0,
    "scaleToZeroAfterSeconds": 60,
    "behavior": {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "tolerance": 0},
        "scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "tolerance": 0},
    },
    "scaleIn": {"busyWorkers": "Protect", "statePort": 8081, "maxWaitSeconds": 3600},
    "mode": "Active",
}
"""What the API server adds to a pool that does not say otherwise."""


class MemoryCluster:
    """As much of the API server as ticks need; it counts writes by pool. Each passes the fence of its shard."""

    lists = 1

    def __init__(self, fences: ShardFences) -> None:
        """Create an empty one."""
        self.scales: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self._fences = fences
        self._versions = 1
        self._raw: dict[str, dict[str, Any]] = {}
        self._targets: dict[ScaleTarget, Target] = {}

    def add(self, name: str, poll_seconds: int) -> StoredPool:
        """Create a pool and what it scales; return the pool."""
        raw = manifest(name, queue_url(name), poll_seconds)
        raw["metadata"] = {
            "namespace": "many",
            "name": name,
            "uid": name,
            "creationTimestamp": CREATED,
            "generation": 1,
            "resourceVersion": "1",
        }
        raw["spec"] = DEFAULTS | raw["spec"]
        self._raw[name] = raw
        self._targets[ScaleTarget("many", name)] = Target(1, 1, 1, settled=True)
        return parse_pool(raw)

    async def confirm(self, pool: Pool) -> None:
        """Nobody edits a pool here."""

    async def scale(self, scale_target: ScaleTarget, replicas: int, resource_version: int) -> int:
        """Write a size."""
        with self._fences.passage():
            assert self._targets[scale_target].resource_version == resource_version
            self.scales[scale_target.name] += 1
            self._versions += 1
            self._targets[scale_target] = Target(replicas, replicas, self._versions, settled=True)
            return self._versions

    async def write_status(self, pool: StoredPool, patch: Mapping[str, Any]) -> StoredPool:
        """Write a status."""
        with self._fences.passage():
            self.statuses[pool.key.name] += 1
            self._versions += 1
            raw = self._raw[pool.key.name]
            raw["metadata"] = raw["metadata"] | {"resourceVersion": str(self._versions)}
            raw["status"] = _merged(raw.get("status", {}), patch)
            return parse_pool(raw)

    async def post_event(self, pool: StoredPool, event: Event, now: datetime) -> None:
        """Nobody reads Events here."""

    async def pods(self, scale_target: ScaleTarget, selector: str, limit: int | None = None) -> list[Any]:
        """Nothing has pods here."""
        del scale_target, selector, limit
        return []

    async def listed(self, scale_target: ScaleTarget) -> None:
        """All is listed."""

    def find(self, scale_target: ScaleTarget) -> Target | None:
        """Return what a pool scales."""
        return self._targets.get(scale_target)


def _merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document after a merge patch."""
    merged = dict(document)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name) or {}, value) if isinstance(value, Mapping) else value
    return merged


async def run(shard: int, shards: int, pools: int, poll_seconds: int) -> dict[str, Any]:
    """Scale one shard until standard input ends; return what was done."""
    fences = ShardFences([Fence(time.monotonic) for _ in range(shards)])
    fences.fences[shard].open_until(math.inf)
    cluster = MemoryCluster(fences)
    metrics = Metrics(process_registry(), "bench", _now)
    metrics.holds(lambda: fences.held)
    queues = SqsQueues(REGION, 16, _now, Endpoints())
    states = WorkerStates(metrics.state_requested)
    adapters = Adapters(
        cluster=cast("KubernetesCluster", cluster), queues=queues, states=states, targets=cast("Targets", cluster)
    )
    scheduler = scheduler_of(Settings(), metrics, adapters, fences, _now)
    for number in range(pools):
        scheduler.pool_changed(cluster.add(f"pool-{number}", poll_seconds))
    begun = resource.getrusage(resource.RUSAGE_SELF)
    scheduler.start(shard)
    _say("started")
    await asyncio.to_thread(sys.stdin.readline)
    ended = resource.getrusage(resource.RUSAGE_SELF)
    held = scheduler.ticking()
    scheduler.pause(shard)  # which ends what asks workers
    await scheduler.close()
    await states.close()
    await queues.close()
    return {
        "shard": shard,
        "ticking": held,
        "scales": cluster.scales,
        "statuses": cluster.statuses,
        "cpu_seconds": ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime,
        "peak_mib": ended.ru_maxrss / 1024,
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _say(json.dumps(asyncio.run(run(*(int(argument) for argument in sys.argv[1:])))))
