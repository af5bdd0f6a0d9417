"""Workers on fake loop time, and a sampler that is called as ticks call it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from queueworkerpool.model import Pod, Sample, ScaleTarget, Target, WorkerState
from queueworkerpool.sizing import Latency
from queueworkerpool.workers.sampler import WorkerSampler
from tests.unit.operator.builders import NOW, SPEC, pool

POOL = pool()
DEPLOYMENT = ScaleTarget("shop", SPEC.scale_target_ref.name)
TARGET = Target(replicas=2, ready_replicas=2, resource_version=1, selector="app=thumbnailer")
BY_LATENCY = replace(SPEC, target=Latency(60))


def now() -> float:
    return asyncio.get_running_loop().time()


def ready(name: str, **differs: Any) -> Pod:
    calm = Pod(name=name, uid=f"uid-{name}", address=f"10.0.0.{name}", ready=True, startup_seconds=10.0)
    return replace(calm, **differs)


def state(finished: int = 0, busy_seconds: float = 0.0, concurrency: int = 4) -> WorkerState:
    return WorkerState(busy=0, concurrency=concurrency, finished=finished, busy_seconds=busy_seconds)


@dataclass
class Workers:
    """Pods and what their workers report; without a report a pod is silent. Replaces the cluster and the workers."""

    existing: list[Pod] = field(default_factory=lambda: [ready("1"), ready("2")])
    reports: dict[str, WorkerState] = field(default_factory=lambda: {"10.0.0.1": state(), "10.0.0.2": state()})
    takes: float = 0.0
    fails: Exception | None = None
    listed: list[tuple[float, ScaleTarget, str]] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    silent: dict[str, float] = field(default_factory=dict)
    marks_found: list[ScaleTarget] = field(default_factory=list)

    async def pods(self, scale_target: ScaleTarget, selector: str, limit: int | None = None) -> list[Pod]:
        self.listed.append((now(), scale_target, selector))
        await asyncio.sleep(self.takes)
        if self.fails:
            raise self.fails
        return self.existing[:limit]

    def silent_since(self, pod: Pod) -> float:
        return self.silent.get(pod.name, 0.0)

    async def ask(self, scale_target: ScaleTarget, pod: Pod, port: int) -> WorkerState | None:
        assert scale_target == DEPLOYMENT
        self.asked.append((pod.address, port))
        await asyncio.sleep(self.takes)
        return self.reports.get(pod.address)

    def sampler(self) -> WorkerSampler:
        return WorkerSampler(self, self, lambda: NOW + timedelta(seconds=now()), self.marks_found.append)


async def ticking(
    sampler: WorkerSampler, until: float, spec: Any = BY_LATENCY, **target: Any
) -> list[tuple[float, Sample]]:
    """Call `take` every second; returns the samples, and when each arrived."""
    taken = []
    while now() <= until:
        before = now()
        if sample := sampler.take(pool(spec=spec), replace(TARGET, **target)):
            taken.append((before, sample))
        assert now() == before, "a tick waited"
        await asyncio.sleep(1)
    return taken
