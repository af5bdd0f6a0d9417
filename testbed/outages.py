"""Outages of the API server: how soon after them the replicas are right, and what went wrong in the meantime.

Every fault has an operator, a proxy and pools of its own, and all faults happen at the same time. During them one pool
is edited and all queues fill. The benchmark `outages_*` and `tests/cluster/faults/test_outages.py` use it.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from devcluster.faults import Fault
from testbed.fleet import MESSAGES_PER_POD, POOLS, FaultyOperator, Fleet, account

STATUSES = ("401", "403", "429", "503")
FAULTS = (
    *(Fault(kind, scope) for scope in ("everything", "watch", "PATCH") for kind in (*STATUSES, "reset", "half-open")),
    *(Fault(kind, scope) for scope in ("everything", "watch", "PATCH") for kind in ("slow",)),
    Fault("trickle"),
    Fault("error 410", "watch"),
    Fault("error 500", "watch"),
    Fault("token rotated", "real"),
    Fault("role removed", "real"),
)
RECOVERY_TIMEOUT_SECONDS = 90.0
EXTRA_WRITE_WAIT_SECONDS = 12.0
"""How long to wait for writes that should not come: two ticks."""

LARGE, EDITED, LARGER = 10, 4, 20
"""Sizes: for the backlog, of the edited pool (its maxReplicas), for the backlog while the API server is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What one operator did.

    Args:
        seconds: Seconds from the end of the fault until all replicas were right; RECOVERY_TIMEOUT_SECONDS when they
            never were.
        wrong_writes: Number of Deployments with other replicas or another number of writes than they should have.
        restarts: Whether the process ended, as a number.
        livez_failures: What /livez reported when it failed.
    """

    seconds: float
    wrong_writes: int
    restarts: int
    livez_failures: tuple[str, ...]


async def break_requests(fleet: Fleet, seconds: float) -> dict[str, Recovery]:
    """Make every fault happen for this long; return what each operator did, by the name of the fault."""
    for operator in fleet.operators:
        await _begin(fleet, operator)
    await asyncio.sleep(seconds / 2)
    for operator in fleet.operators:
        edit = f'{{"spec":{{"maxReplicas":{EDITED}}}}}'
        await fleet.kubectl("-n", operator.name, "patch", "qwp", "edited", "--type=merge", "-p", edit)
    fleet.set_depths(LARGE * MESSAGES_PER_POD)
    await asyncio.sleep(seconds / 2)
    slow_ones_first = sorted(fleet.operators, key=lambda each: each.fault.scope != "real")
    ended = {operator.name: await _end(fleet, operator) for operator in slow_ones_first}
    expected = dict.fromkeys(POOLS, (LARGE, 1)) | {"edited": (EDITED, 1)}  # replicas, and writes since the creation
    return await _recoveries(fleet, ended, expected)


async def stop_api_server(fleet: Fleet, seconds: float) -> dict[str, Recovery]:
    """Stop the real API server for this long, after `break_requests`; return what each operator did."""
    apiserver = fleet.cluster.apiserver
    await asyncio.to_thread(apiserver.stop)
    fleet.set_depths(LARGER * MESSAGES_PER_POD)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(apiserver.start)
    ended = dict.fromkeys([operator.name for operator in fleet.operators], time.monotonic())
    expected = dict.fromkeys(POOLS, (LARGER, 2)) | {"edited": (EDITED, 1)}
    return await _recoveries(fleet, ended, expected)


async def _begin(fleet: Fleet, operator: FaultyOperator) -> None:
    match operator.fault.kind:
        case "token rotated":
            await fleet.kubectl("-n", operator.name, "delete", "serviceaccount", "queueworkerpool")
        case "role removed":
            await fleet.kubectl("delete", "clusterrolebinding", operator.name)
        case _:
            operator.proxy.begin(operator.fault)


async def _end(fleet: Fleet, operator: FaultyOperator) -> float:
    """End a fault; return when, by the monotonic clock."""
    if operator.fault.scope == "real":
        for each in account(operator.name):
            await fleet.kubectl("apply", "-f", "-", stdin=json.dumps(each))
        await fleet.sign_in(operator)
    operator.proxy.end()
    return time.monotonic()


async def _recoveries(
    fleet: Fleet, ended: Mapping[str, float], expected: Mapping[str, tuple[int, int]]
) -> dict[str, Recovery]:
    """Wait until all Deployments have the expected replicas, then wait on for further writes, and compare."""
    times = await _recovery_times(fleet, ended, {name: replicas for name, (replicas, _) in expected.items()})
    await asyncio.sleep(EXTRA_WRITE_WAIT_SECONDS)
    seen = await fleet.deployments()
    found = {}
    for operator in fleet.operators:
        name = operator.name
        found[name] = Recovery(
            seconds=round(times.get(name, RECOVERY_TIMEOUT_SECONDS), 2),
            wrong_writes=sum(seen[name, pool] != end for pool, end in expected.items()),
            restarts=operator.restarts,
            livez_failures=tuple(operator.livez_failures),
        )
        operator.livez_failures.clear()
    return found


async def _recovery_times(fleet: Fleet, ended: Mapping[str, float], expected: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds from the end of each fault until all Deployments had the expected replicas."""
    times: dict[str, float] = {}
    deadline = time.monotonic() + RECOVERY_TIMEOUT_SECONDS
    while len(times) < len(ended) and time.monotonic() < deadline:
        seen = await fleet.deployments()
        now = time.monotonic()
        for name in ended.keys() - times.keys():
            if all(seen[name, pool][0] == replicas for pool, replicas in expected.items()):
                times[name] = max(0.0, now - ended[name])
        await asyncio.sleep(0.2)
    return times
