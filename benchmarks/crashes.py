"""Crashes: the operator is killed again and again at random moments while loads change; what it writes stays right."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import audit
from benchmarks.api import DEPLOYMENTS, POOLS, Api, Seen, connected, deployment, pool, until
from benchmarks.bed import USER, config_of, credentials_of, operator_program, prepare
from benchmarks.counting_sqs import CountingSqs, queue_url
from benchmarks.result import Figure, Result
from devcluster import Cluster
from devcluster.processes import Program, free_port

WINDOW_SECONDS = 20
MOST_PODS, PERIOD_SECONDS = 10, 10
"""What the scale-up policy of one pool allows."""

_WINDOW: dict[str, Any] = {"minReplicas": 10, "behavior": {"scaleDown": {"stabilizationWindowSeconds": WINDOW_SECONDS}}}
_POLICY = {"type": "Pods", "value": MOST_PODS, "periodSeconds": PERIOD_SECONDS}
_PACE: dict[str, Any] = {"behavior": _WINDOW["behavior"] | {"scaleUp": {"policies": [_POLICY]}}}
_TO_ZERO = {"scaleToZeroAfterSeconds": WINDOW_SECONDS, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
SPECS: dict[str, dict[str, Any]] = {"a": _WINDOW, "b": _WINDOW, "paced": _WINDOW | _PACE, "to-zero": _TO_ZERO}
"""What the pools have besides the rest; whatever stops one from scaling in too soon has to last WINDOW_SECONDS."""

LATE_SECONDS = 1.0
"""So much later than another step a step may be seen here; a period that was forgotten would end a tick later."""

LONGEST_LIFE_SECONDS = 4.0
SETTLE_SECONDS = 60.0
DEPTHS = (50, 100, 150, 200, 250)
SETTING = (
    f"1 operator without election; pools at pollSeconds 1: two with a scale-in window of {WINDOW_SECONDS} s, one that "
    f"also grows by at most {MOST_PODS} pods in {PERIOD_SECONDS} s, one that goes to zero after {WINDOW_SECONDS} s "
    f"without messages; SIGKILL at 0 to {LONGEST_LIFE_SECONDS:.1f} s of life, backlogs grow in five steps during them, "
    "and go once, one more kill in the window. Wrong writes: not step by step to 50, then to the least"
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
            sqs.set_depths(dict.fromkeys(SPECS, DEPTHS[0]))
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
    changes: Changes = {name: [] for name in SPECS}

    def note(seen: Seen) -> None:
        size = seen.body["spec"]["replicas"]
        if size != (changes[seen.name][-1][1] if changes[seen.name] else 0):
            changes[seen.name].append((seen.time, size))

    def all_are(size: int | None) -> bool:
        return all(each and each[-1][1] == (_least(name) if size is None else size) for name, each in changes.items())

    for name in SPECS:
        await api.create(DEPLOYMENTS, deployment(name, 0))
    async with api.watching(DEPLOYMENTS, note):
        for name in SPECS:
            await api.create(POOLS, _pool(name))
        await _grow(sqs, kills, start)
        program = start()
        try:
            await until(lambda: all_are(DEPTHS[-1] // 5), SETTLE_SECONDS)
            shrunk = sqs.set_depths(dict.fromkeys(SPECS, 0))  # none waits: no pod is ready to take it
            await asyncio.sleep(WINDOW_SECONDS / 2)
            program.kill()  # in the middle of the window
            program = start()
            await until(lambda: all_are(None), SETTLE_SECONDS)
        finally:
            program.kill()
    return changes, shrunk


async def _grow(sqs: CountingSqs, kills: int, start: Start) -> None:
    moments = random.Random(kills)
    for number in range(kills):
        program = start()
        try:
            await asyncio.sleep(moments.uniform(0, LONGEST_LIFE_SECONDS))
            sqs.set_depths(dict.fromkeys(SPECS, DEPTHS[number * len(DEPTHS) // kills]))
            await asyncio.sleep(moments.uniform(0, 0.2))  # at times amid the answer to it
        finally:
            program.kill()


def _pool(name: str) -> dict[str, Any]:
    body = pool(name, queue_url(name), 1)
    body["spec"] |= SPECS[name]
    return body


def _least(name: str) -> int:
    return int(SPECS[name].get("minReplicas", 0))


def _result(kills: int, changes: Changes, shrunk: float, patches: int) -> Result:
    sizes = {name: [size for _, size in each] for name, each in changes.items()}
    wrong = sum(not _is_right(each, _least(name)) for name, each in sizes.items())
    waits = [each[-1][0] - shrunk for each in changes.values()]
    figures = [
        Figure("kills", kills + 1),
        Figure("pools_with_wrong_writes", wrong, limit=0),
        Figure("writes_without_effect", patches - sum(map(len, sizes.values())), limit=0),
        Figure("steps_too_soon", _too_soon(changes["paced"]), limit=0),
        Figure("scale_ins_before_the_window", sum(wait < WINDOW_SECONDS for wait in waits), limit=0),
        Figure("longest_scale_in_seconds", round(max(waits), 1), limit=WINDOW_SECONDS * 1.4),
    ]
    return Result("crashes", SETTING, figures, {}, {"sizes": sizes, "waits": [round(wait, 1) for wait in waits]})


def _is_right(sizes: Sequence[int], least: int) -> bool:
    """Whether a pool grew by what the depths call for, each size written once, and then shrank to its least.

    Before zero comes one pod, which stays until the queue has surely been empty for long enough.
    """
    top = sizes.index(max(sizes)) + 1
    up, down = list(sizes[:top]), list(sizes[top:])
    return up == sorted({*up} & {depth // 5 for depth in DEPTHS}) and down in ([least], [1, least])


def _too_soon(paced: Sequence[tuple[float, int]]) -> int:
    """Steps out that began a new one before the policy's period was over; they are as large as it allows."""
    grown = [when for (when, size), (_, before) in zip(paced[1:], paced, strict=False) if size > before]
    return sum(later - sooner < PERIOD_SECONDS - LATE_SECONDS for sooner, later in pairwise(grown))
