"""Outages of the API server: how long after them the replicas are right, and what went wrong meanwhile.

Every fault has an operator, a proxy and pools of its own, and all faults happen at the same time. While they do, one
pool is edited and all queues fill. Then the real API server is stopped for as long, for all operators at once. The
tests call `outage` with short times.
"""

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet import MESSAGES_PER_POD, POOLS, Fleet, Patient, account, fleet
from benchmarks.result import Figure, Result
from devcluster.faults import Fault

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
PROMISED_SECONDS = 15.0
GIVE_UP_SECONDS = 90.0
WATCH_ON_SECONDS = 12.0
"""Two ticks, so that a second write would be seen."""

LARGE, EDITED, LARGER = 10, 4, 20
"""Sizes: for the backlog, of the edited pool (its maxReplicas), for the backlog while the API server is stopped."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one operator did. Recovery in seconds from the end of the fault, GIVE_UP_SECONDS when it did not."""

    recovery: float
    wrong_writes: int
    restarts: int
    complaints: tuple[str, ...]


def measure(seconds: int) -> Result:
    """Run the bench for outages of this length; its logs stay when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-outages-"))
    found = asyncio.run(_measure(folder, seconds, FAULTS))
    if found.holds:
        shutil.rmtree(folder)
    return found


async def _measure(folder: Path, seconds: int, faults: Sequence[Fault]) -> Result:
    async with fleet(folder, list(faults)) as all_of_them:
        proxied = await outage(all_of_them, seconds)
        stopped = await stop(all_of_them, seconds)
    found = [*proxied.values(), *stopped.values()]
    figures = [
        Figure("median_recovery_seconds", round(statistics.median(each.recovery for each in found), 2)),
        Figure("maximum_recovery_seconds", max(each.recovery for each in found), limit=PROMISED_SECONDS),
        Figure("wrong_writes", sum(each.wrong_writes for each in found), limit=0),
        Figure("restarts", sum(each.restarts for each in found), limit=0),
        Figure("livez_failures", sum(len(each.complaints) for each in found), limit=0),
    ]
    setting = (
        f"{len(faults)} operators, each behind a proxy with a fault of its own for {seconds} s, then the real API "
        f"server stopped for {seconds} s; {len(POOLS)} pools each, of which one is edited meanwhile; pollSeconds 5"
    )
    return Result(
        f"outages_{seconds}", setting, figures, {}, {"faults": _told(proxied), "api server stopped": _told(stopped)}
    )


async def outage(all_of_them: Fleet, seconds: float) -> dict[str, Found]:
    """Let every fault happen for so long; returns what each operator did, by the fault."""
    for patient in all_of_them.patients:
        await _begin(all_of_them, patient)
    await asyncio.sleep(seconds / 2)
    for patient in all_of_them.patients:
        edit = f'{{"spec":{{"maxReplicas":{EDITED}}}}}'
        await all_of_them.kubectl("-n", patient.name, "patch", "qwp", "edited", "--type=merge", "-p", edit)
    all_of_them.set_depths(LARGE * MESSAGES_PER_POD)
    await asyncio.sleep(seconds / 2)
    slow_ones_first = sorted(all_of_them.patients, key=lambda each: each.fault.scope != "real")
    ended = {patient.name: await _end(all_of_them, patient) for patient in slow_ones_first}
    wanted = dict.fromkeys(POOLS, (LARGE, 1)) | {"edited": (EDITED, 1)}  # replicas, and writes since the creation
    return await _recovered(all_of_them, ended, wanted)


async def stop(all_of_them: Fleet, seconds: float) -> dict[str, Found]:
    """Stop the real API server for so long, after an `outage`."""
    apiserver = all_of_them.cluster.apiserver
    await asyncio.to_thread(apiserver.stop)
    all_of_them.set_depths(LARGER * MESSAGES_PER_POD)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(apiserver.start)
    ended = dict.fromkeys([patient.name for patient in all_of_them.patients], time.monotonic())
    wanted = dict.fromkeys(POOLS, (LARGER, 2)) | {"edited": (EDITED, 1)}
    return await _recovered(all_of_them, ended, wanted)


async def _begin(all_of_them: Fleet, patient: Patient) -> None:
    match patient.fault.kind:
        case "token rotated":
            await all_of_them.kubectl("-n", patient.name, "delete", "serviceaccount", "queueworkerpool")
        case "role removed":
            await all_of_them.kubectl("delete", "clusterrolebinding", patient.name)
        case _:
            patient.proxy.begin(patient.fault)


async def _end(all_of_them: Fleet, patient: Patient) -> float:
    """End a fault; returns when, by the monotonic clock."""
    if patient.fault.scope == "real":
        for each in account(patient.name):
            await all_of_them.kubectl("apply", "-f", "-", stdin=json.dumps(each))
        await all_of_them.sign_in(patient)
    patient.proxy.end()
    return time.monotonic()


async def _recovered(
    all_of_them: Fleet, ended: Mapping[str, float], wanted: Mapping[str, tuple[int, int]]
) -> dict[str, Found]:
    """Wait until all have the wanted replicas and number of writes, then watch on for a write too many."""
    times: dict[str, float] = {}
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while len(times) < len(ended) and time.monotonic() < deadline:
        seen = await all_of_them.targets()
        now = time.monotonic()
        for name in ended.keys() - times.keys():
            if all(seen[name, pool][0] == replicas for pool, (replicas, _) in wanted.items()):
                times[name] = max(0.0, now - ended[name])
        await asyncio.sleep(0.2)
    await asyncio.sleep(WATCH_ON_SECONDS)
    seen = await all_of_them.targets()
    found = {}
    for patient in all_of_them.patients:
        name = patient.name
        wrong = sum(seen[name, pool] != ends for pool, ends in wanted.items())
        recovery = round(times.get(name, GIVE_UP_SECONDS), 2)
        found[name] = Found(recovery, wrong, patient.died, tuple(patient.complaints))
        patient.complaints.clear()
    return found


def _told(found: Mapping[str, Found]) -> dict[str, Any]:
    return {
        name: {
            "recovery_seconds": each.recovery,
            "wrong_writes": each.wrong_writes,
            "restarts": each.restarts,
            "livez": sorted(set(each.complaints)),
        }
        for name, each in found.items()
    }
