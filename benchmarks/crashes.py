"""Crashes: the operator is killed again and again at random moments while loads change; what it writes stays right."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import audit
from benchmarks.api import DEPLOYMENTS, POOLS, Api, Seen, connected, deployment, pool, until
from benchmarks.bed import USER, config_of, credentials_of, operator_program, prepare
from benchmarks.counting_sqs import CountingSqs, queue_url
from benchmarks.result import Figure, Result
from devcluster import Cluster
from devcluster.processes import Program, free_port

NAMES = ("a", "b", "c")
WINDOW_SECONDS = 20
LONGEST_LIFE_SECONDS = 4.0
SETTLE_SECONDS = 60.0
DEPTHS = (50, 100, 150, 200, 250)
SETTING = (
    f"1 operator without election, {len(NAMES)} pools at pollSeconds 1, scale-down window {WINDOW_SECONDS} s; SIGKILL "
    f"at 0 to {LONGEST_LIFE_SECONDS:.1f} s of life, backlogs grow in five steps during them, "
    "and shrink once, one more kill in the window. Wrong writes: not step by step to 50, then 10"
)


Changes = dict[str, list[tuple[float, int]]]
Start = Callable[[], Program]


def measure(kills: int) -> Result:
    """Kill the operator KILLS times."""
    return asyncio.run(_measure(kills))


async def _measure(kills: int) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="bench-crashes-"))
    with Cluster(folder / "cluster", node=False, audit=True) as cluster, CountingSqs(folder / "sqs.log") as sqs:
        prepare(cluster)
        own = {"KUBECONFIG": str(credentials_of(cluster, folder / "operator.kubeconfig")), **sqs.env}
        begun = datetime.now(UTC)
        async with connected(config_of(cluster)) as api:
            sqs.set_depths(dict.fromkeys(NAMES, DEPTHS[0]))
            changes, shrunk = await _killed(api, sqs, kills, lambda: _started(folder / "operator.log", own))
        asked = audit.requests(cluster.directory / "audit.log", USER, begun)
    shutil.rmtree(folder)
    patches = sum(count for request, count in asked.items() if request == "patch deployments/scale")
    return _result(kills, changes, shrunk, patches)


def _started(log: Path, own: dict[str, str]) -> Program:
    program = operator_program(log, free_port(), own)
    program.start()
    return program


async def _killed(api: Api, sqs: CountingSqs, kills: int, start: Start) -> tuple[Changes, float]:
    """Go through the whole load; returns every change of replicas with its time, and when the backlogs shrank."""
    changes: Changes = {name: [] for name in NAMES}

    def note(seen: Seen) -> None:
        size = seen.body["spec"]["replicas"]
        if size != (changes[seen.name][-1][1] if changes[seen.name] else 0):
            changes[seen.name].append((seen.time, size))

    def all_are(size: int) -> bool:
        return all(each and each[-1][1] == size for each in changes.values())

    for name in NAMES:
        await api.create(DEPLOYMENTS, deployment(name, 0))
    async with api.watching(DEPLOYMENTS, note):
        for name in NAMES:
            await api.create(POOLS, _pool(name))
        await _grow(sqs, kills, start)
        program = start()
        try:
            await until(lambda: all_are(DEPTHS[-1] // 5), SETTLE_SECONDS)
            shrunk = sqs.set_depths(dict.fromkeys(NAMES, 0))  # none waits: no pod is ready to take it
            await asyncio.sleep(WINDOW_SECONDS / 2)
            program.kill()  # in the middle of the window
            program = start()
            await until(lambda: all_are(DEPTHS[0] // 5), SETTLE_SECONDS)
        finally:
            program.kill()
    return changes, shrunk


async def _grow(sqs: CountingSqs, kills: int, start: Start) -> None:
    moments = random.Random(kills)
    for number in range(kills):
        program = start()
        try:
            await asyncio.sleep(moments.uniform(0, LONGEST_LIFE_SECONDS))
            sqs.set_depths(dict.fromkeys(NAMES, DEPTHS[number * len(DEPTHS) // kills]))
            await asyncio.sleep(moments.uniform(0, 0.2))  # at times amid the answer to it
        finally:
            program.kill()


def _pool(name: str) -> dict[str, Any]:
    body = pool(name, queue_url(name), 1)
    body["spec"]["minReplicas"] = DEPTHS[0] // 5
    body["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": WINDOW_SECONDS}}
    return body


def _result(kills: int, changes: Changes, shrunk: float, patches: int) -> Result:
    sizes = {name: [size for _, size in each] for name, each in changes.items()}
    wrong = sum(
        each != [*sorted(set(each[:-1])), 10] or not set(each) <= {10, 20, 30, 40, 50} for each in sizes.values()
    )
    waits = [each[-1][0] - shrunk for each in changes.values()]
    figures = [
        Figure("kills", kills + 1),
        Figure("pools_with_wrong_writes", wrong, limit=0),
        Figure("writes_without_effect", patches - sum(map(len, sizes.values())), limit=0),
        Figure("scale_ins_before_the_window", sum(wait < WINDOW_SECONDS for wait in waits), limit=0),
        Figure("longest_scale_in_seconds", round(max(waits), 1), limit=WINDOW_SECONDS * 1.4),
    ]
    return Result("crashes", SETTING, figures, {}, {"sizes": sizes, "waits": [round(wait, 1) for wait in waits]})
