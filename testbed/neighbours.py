"""Good pools beside hostile or broken ones of six kinds, with growing loads.

The benchmark `neighbours` and `tests/cluster/faults/test_neighbours.py` use it.
"""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from testbed.api import DEPLOYMENTS, NAMESPACE, POOLS, ApiClient, deployment, for_each_concurrently, pool
from testbed.counting_sqs import Fault, queue_url
from testbed.environment import Environment

HOSTILE = {"dead": 17, "silent": 17, "missing": 17, "heavy": 17, "twins": 16, "restless": 16}
"""Kinds of hostile pools, and how many of each the benchmark has."""

HOSTILE_POLL_SECONDS = 1
HOSTILE_NAMESPACE = "hostile"
_POOLS, _DEPLOYMENTS = (path.replace(f"/{NAMESPACE}/", f"/{HOSTILE_NAMESPACE}/") for path in (POOLS, DEPLOYMENTS))
ANNOTATION = "x" * 250_000
MESSAGES_PER_POD = 5


@dataclass(slots=True)
class Loads:
    """The good pools, which begin without a pod, and their loads, which grow by one pod at a time.

    Args:
        environment: Where the pools are.
        good: Names of the good pools.
        pods: The pods that each load calls for, by the name of the pool.
    """

    environment: Environment
    good: Sequence[str]
    pods: dict[str, int] = field(default_factory=dict)

    def add(self, names: Sequence[str]) -> None:
        """Let the load of each of these pools grow by one pod."""
        self.pods |= {name: self.pods.get(name, 0) + 1 for name in names}
        self.environment.sqs.set_depths({name: self.pods[name] * MESSAGES_PER_POD for name in names})

    async def create_good(self, poll_seconds: int) -> None:
        """Create the good pools, each on a queue of its own with the messages of one pod."""
        self.add(self.good)

        async def create(name: str) -> None:
            await self.environment.api.create(DEPLOYMENTS, deployment(name, 0))
            await self.environment.api.create(POOLS, pool(name, queue_url(name), poll_seconds))

        await for_each_concurrently(create, self.good)

    async def settle(self, timeout_seconds: float) -> list[str]:
        """Wait until no good pool is wrong, at most this long; return those that are."""
        deadline = time.monotonic() + timeout_seconds
        while (wrong := await self._wrong()) and time.monotonic() < deadline:  # noqa: ASYNC110 -- polls the API server
            await asyncio.sleep(0.5)
        return wrong

    async def _wrong(self) -> list[str]:
        """Return the good Deployments that did not get their pods by one write for each."""
        listed = (await self.environment.api.get(DEPLOYMENTS))["items"]
        grown = {
            each["metadata"]["name"]: (each["spec"]["replicas"], each["metadata"]["generation"] - 1) for each in listed
        }
        return [name for name in self.good if grown.get(name) != (self.pods[name], self.pods[name])]


@asynccontextmanager
async def hostile_pools(loads: Loads, counts: Mapping[str, int]) -> AsyncIterator[dict[str, int]]:
    """Create this many pools of each kind, and edit the restless ones while the body runs.

    Yields the number of edits so far, as `edits`.
    """
    environment = loads.environment
    for kind in (Fault.SILENT, Fault.DEAD):
        environment.sqs.break_queues(dict.fromkeys(names_of(kind, counts), kind))
    names = [name for kind in counts for name in names_of(kind, counts)]
    loads.add(names)
    environment.cluster.kubectl("create", "namespace", HOSTILE_NAMESPACE)
    await for_each_concurrently(lambda name: _create(environment.api, name), names)
    counted = {"edits": 0}
    editing = asyncio.create_task(_edit(environment.api, names_of("restless", counts), counted))
    try:
        yield counted
    finally:
        editing.cancel()
        await asyncio.wait({editing})
    if not editing.cancelled():
        editing.result()


async def _create(api: ApiClient, name: str) -> None:
    kind, _, number = name.partition("-")
    # Two twins in a row share a Deployment, which has the first one's name.
    target = f"{kind}-{int(number) // 2 * 2}" if kind == "twins" else name
    scaled, pools = deployment(target, 1), pool(name, queue_url(name), HOSTILE_POLL_SECONDS)
    pools["spec"]["scaleTargetRef"]["name"] = target
    if kind == "heavy":
        for body in (scaled, pools):
            body["metadata"]["annotations"] = {"note": ANNOTATION}
    if kind != "missing" and target == name:
        await api.create(_DEPLOYMENTS, scaled)
    await api.create(_POOLS, pools)


async def _edit(api: ApiClient, names: Sequence[str], counted: dict[str, int]) -> None:
    """Edit each of these pools every second, one after the other."""
    begun = time.monotonic()
    for round_ in itertools.count(1):
        for name in names:
            await api.patch(f"{_POOLS}/{name}", {"spec": {"maxReplicas": 50 + round_ % 2}})
            counted["edits"] += 1
        await asyncio.sleep(max(0.0, begun + round_ - time.monotonic()))


async def hostile_reasons(environment: Environment) -> dict[str, dict[str, int]]:
    """Return why the hostile pools are ready or not: the number of pools by kind and reason."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in (await environment.api.get(_POOLS))["items"]:
        conditions = item.get("status", {}).get("conditions", ())
        ready = [each["reason"] for each in conditions if each["type"] == "Ready"]
        found[item["metadata"]["name"].partition("-")[0]].update(ready or ["none"])
    return {kind: dict(counts) for kind, counts in found.items()}


def names_of(kind: str, counts: Mapping[str, int]) -> list[str]:
    """Return the names of the hostile pools of a kind."""
    return [f"{kind}-{number}" for number in range(counts[kind])]
