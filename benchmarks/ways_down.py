"""Each way down: the size falls while some workers of a pool are busy. Whom does it stop?

An arm for each way, all at the same time, on real worker processes and the real Deployment and ReplicaSet controllers:
the recommendation, a bound, a schedule that ends, a fallback, two ReplicaSets, a bound that falls during a rollout,
sidecars; and Drain, which stops busy workers, to see that they are found.
"""

import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster import Cluster
from devcluster.processes import free_port, wait_until
from devcluster.sqs import ElasticMq
from testbed import worker_log
from testbed.api import NAMESPACE
from testbed.operators import OperatorProcess, prepare, write_credentials
from testbed.scale_in_scenario import ScaleInScenario
from testbed.ways_down import SIZE, WAYS, Way, begin_rollout, end_rollout
from testbed.worker_log import WorkerLog

POOLS = 2
"""Pools of each way."""

BUSY = (2, 1, 3)
"""Busy workers of a pool, in each cycle."""

OCCUPY_FROM_SECOND, OCCUPY_UNTIL_SECOND, LOWER_AT_SECOND = 20, 40, 45
"""Of a minute: a schedule of this minute ends with it."""

SCALE_IN_WAIT_SECONDS = 40.0
MESSAGE_SECONDS = (65.0, 80.0)
"""Longer than from the second in which the workers get busy to the end of the wait."""

REST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools of all ways, by their names."""

    scenario: ScaleInScenario
    ways: dict[str, Way]
    kubectl: partial[str]

    def fill(self) -> None:
        """Scale every pool to its full size, and wait until all workers are ready."""
        self.scenario.edit({name: {**way.always, "minReplicas": SIZE} for name, way in self.ways.items()})
        self.scenario.wait_until_full()

    def lower(self) -> None:
        """Begin the rollouts, and let every size fall."""
        for name in self.rolled_out():
            begin_rollout(self.kubectl, name)
        _wait_for_second(LOWER_AT_SECOND, 60)
        self.scenario.edit({name: {**way.always, **way.lowered()} for name, way in self.ways.items()})

    def rolled_out(self) -> Sequence[str]:
        """Return the names of the pools with a rollout."""
        return [name for name, way in self.ways.items() if way.rolls_out]

    def run_cycle(self, cycle: int) -> None:
        """Fill the pools, make workers busy, let the sizes fall, and wait until all work has ended."""

        def lengths(name: str) -> list[float]:
            own = random.Random(f"{cycle}/{name.rpartition('-')[2]}")  # the same in every way
            return [own.uniform(*MESSAGE_SECONDS) for _ in range(SIZE)]

        self.fill()
        _wait_for_second(OCCUPY_FROM_SECOND, OCCUPY_UNTIL_SECOND)
        self.scenario.occupy(BUSY[cycle], lengths)
        self.lower()
        time.sleep(SCALE_IN_WAIT_SECONDS)
        for name in self.rolled_out():
            end_rollout(self.kubectl, name)
        wait_until(lambda: not +self.scenario.at_work(), REST_SECONDS, "the work does not end")


def measure() -> Result:
    """Let the sizes fall in each cycle; the logs stay when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-ways-down-"))
    result = _result(_play(folder))
    if result.holds:
        shutil.rmtree(folder)
    return result


def _play(folder: Path) -> WorkerLog:
    journal = folder / "journal"
    with Cluster(folder / "cluster", audit=True) as cluster, ElasticMq(folder / "sqs.log") as sqs:
        prepare(cluster)
        credentials = write_credentials(cluster, folder / "operator.kubeconfig")
        variables = {"KUBECONFIG": str(credentials), **sqs.env}
        process = OperatorProcess(log=folder / "operator.log", port=free_port(), variables=variables)
        kubectl = partial(cluster.kubectl, "-n", NAMESPACE)
        scenario = ScaleInScenario(kubectl, sqs, journal, SIZE)
        pools = Pools(scenario, {f"{way.arm.name}-{index}": way for way in WAYS for index in range(POOLS)}, kubectl)
        with process.running():
            for name, way in pools.ways.items():
                scenario.add(name, way.arm)
            for cycle in track(range(len(BUSY)), "cycles"):
                pools.run_cycle(cycle)
            audit, operator_log = cluster.directory / "audit.log", process.log.read_text()
            return worker_log.read(namespace=NAMESPACE, journal=journal, audit=audit, operator_log=operator_log)


def _wait_for_second(begin: int, end: int) -> None:
    """Wait until the time of day is in this part of a minute."""
    while not begin <= time.time() % 60 < end:
        time.sleep(0.1)


def _result(log: WorkerLog) -> Result:
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    for way in WAYS:
        own, protects = log.of(f"{way.arm.name}-"), way.arm.busy_workers == "Protect"
        stopped = len([each for each in own.stopped() if not each.late_message])
        fallen = sum(each.before == SIZE for each in own.scale_ins)
        figures += [
            Figure(f"{way.arm.name}: busy workers stopped", stopped, 0 if protects else None),
            Figure(f"{way.arm.name}: falls missing", max(0, POOLS * len(BUSY) - fallen), 0),
        ]
        details[way.arm.name] = {
            "scale_ins": len(own.scale_ins),
            "pods_stopped": len(own.deletions),
            "messages": len({work.message for work in own.works}),
            "messages_handled_again": own.handled_again(),
        }
    text = (
        f"{POOLS} pools of {SIZE} workers in each of {len(WAYS)} arms, messages of {MESSAGE_SECONDS[0]:g} to "
        f"{MESSAGE_SECONDS[1]:g} s, {', '.join(map(str, BUSY))} busy workers, {len(BUSY)} falls of each pool, ElasticMQ"
    )
    return Result("ways_down", text, figures, {}, details)


BENCH = Bench(name="ways_down", measure=measure)
