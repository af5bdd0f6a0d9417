"""Scale-in: a hundred scale-ins of pools in which many workers hold a message of 10 to 60 seconds. Whom do they stop?

Three arms get the same messages at the same time, on real worker processes and the real ReplicaSet controller: Protect;
Drain, where the ReplicaSet chooses; and Drain with a grace that ends before the messages do.
"""

import random
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster import Cluster
from devcluster.processes import free_port
from devcluster.sqs import ElasticMq
from testbed import worker_log
from testbed.api import NAMESPACE
from testbed.operators import OperatorProcess, prepare, write_credentials
from testbed.scale_in_scenario import Arm, ScaleInScenario
from testbed.worker_log import WorkerLog

PROTECT = Arm("protect", "Protect", 90)
ARMS = (PROTECT, Arm("drain", "Drain", 90), Arm("short-grace", "Drain", 8))
POOLS = 5
SIZE = 8
BUSY_SHARES = (0.25, 0.375, 0.5, 0.625, 0.75)
MIN_BUSY_SHARE, MAX_BUSY_SHARE = 0.2, 0.8
"""A scale-in counts when the share of busy workers is between them."""

MESSAGE_SECONDS = (10.0, 60.0)
LATE_MESSAGE_SECONDS = 10.0
"""How long the message takes that is sent during a scale-in, to come between the reading of the state and SIGTERM."""

SCALE_IN_WAIT_SECONDS = 15.0
SCALE_INS = 100
MAX_CYCLES = 40
LAST_MESSAGES_WAIT_SECONDS = MESSAGE_SECONDS[1] + 5.0

NOTE = {"note": "all figures are of this run; what other scalers do at scale-in is Drain, or Drain with a short grace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSample:
    """How many pods of a pool were kept for busy workers at one moment, in seconds since the epoch."""

    time: float
    pool: str
    pods: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Pods kept above the recommendation, over time, in pod-seconds: all of them, and those without work."""

    pod_seconds: float = 0.0
    idle_pod_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a run observed: the logs, the samples of waiting pods, and the number of cycles."""

    log: WorkerLog
    samples: Sequence[WaitingSample]
    cycles: int


def measure() -> Result:
    """Scale in until enough scale-ins of the protected pools count; the logs stay when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-scale-in-"))
    result = _result(_play(folder))
    if result.holds:
        shutil.rmtree(folder)
    return result


def _play(folder: Path) -> Played:
    journal = folder / "journal"
    with Cluster(folder / "cluster", audit=True) as cluster, ElasticMq(folder / "sqs.log") as sqs:
        prepare(cluster)
        credentials = write_credentials(cluster, folder / "operator.kubeconfig")
        variables = {"KUBECONFIG": str(credentials), **sqs.env}
        process = OperatorProcess(log=folder / "operator.log", port=free_port(), variables=variables)
        scenario = ScaleInScenario(partial(cluster.kubectl, "-n", NAMESPACE), sqs, journal, SIZE)

        def read_log() -> WorkerLog:
            audit, operator_log = cluster.directory / "audit.log", process.log.read_text()
            return worker_log.read(namespace=NAMESPACE, journal=journal, audit=audit, operator_log=operator_log)

        with process.running(), _waiting(process.port) as samples:
            for index in range(POOLS):
                for arm in ARMS:
                    scenario.add(f"{arm.name}-{index}", arm)
            cycles = _run_cycles(scenario, read_log)
            time.sleep(LAST_MESSAGES_WAIT_SECONDS)
            return Played(log=read_log(), samples=samples, cycles=cycles)


def _run_cycles(scenario: ScaleInScenario, read_log: Callable[[], WorkerLog]) -> int:
    """Run cycles until enough scale-ins count; return how many."""
    with Progress() as progress:
        bar = progress.add_task("scale-ins that count", total=SCALE_INS)
        for cycle in range(MAX_CYCLES):
            _run_cycle(scenario, cycle)
            counted = _counted(read_log().of(f"{PROTECT.name}-"))
            progress.update(bar, completed=counted)
            if counted >= SCALE_INS:
                return cycle + 1
    return MAX_CYCLES


def _run_cycle(scenario: ScaleInScenario, cycle: int) -> None:
    """Fill the pools, make workers busy, scale in, and send late messages."""
    chance = random.Random(cycle)
    busy = round(chance.choice(BUSY_SHARES) * SIZE)

    def lengths(name: str) -> list[float]:
        own = random.Random(f"{cycle}/{name.rpartition('-')[2]}")  # the same in every arm
        return [own.uniform(*MESSAGE_SECONDS) for _ in range(SIZE)]

    scenario.fill()
    scenario.occupy(busy, lengths)
    scenario.lower()
    for name in scenario.names:
        late = random.Random(f"late/{cycle}/{name.rpartition('-')[2]}")
        scenario.send_later(name, LATE_MESSAGE_SECONDS, late.uniform(0, 1.5))
    time.sleep(SCALE_IN_WAIT_SECONDS)


def _counted(log: WorkerLog) -> int:
    shares = (log.busy_share(each) for each in log.scale_ins)
    return sum(MIN_BUSY_SHARE <= share <= MAX_BUSY_SHARE for share in shares)


@contextmanager
def _waiting(port: int) -> Iterator[list[WaitingSample]]:
    """Sample the gauge of pods that wait for idle workers, each second, while the body runs."""
    samples: list[WaitingSample] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(1):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
            for line in lines:
                if line.startswith("queueworkerpool_waiting_for_idle_workers{"):
                    pool = line.partition('pool="')[2].partition('"')[0]
                    samples.append(WaitingSample(time=time.time(), pool=pool, pods=float(line.rpartition(" ")[2])))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _held_back(log: WorkerLog, samples: Sequence[WaitingSample]) -> HeldBack:
    """Return the sum of the samples of the pools in this log; each sample stands for a second."""
    pools = {each.deployment for each in log.scale_ins}
    total = idle = 0.0
    for sample in samples:
        if sample.pool not in pools or not sample.pods:
            continue
        sizes = (
            each.after
            for each in reversed(log.scale_ins)
            if each.deployment == sample.pool and each.time <= sample.time
        )
        busy = sum(work.under_way(sample.time) for work in log.works if work.pod.startswith(f"{sample.pool}-"))
        total += sample.pods
        idle += min(sample.pods, max(0, next(sizes, SIZE) - busy))
    return HeldBack(pod_seconds=total, idle_pod_seconds=idle)


def _result(played: Played) -> Result:
    figures: list[Figure] = []
    details: dict[str, Any] = {"cycles": played.cycles}
    for arm in ARMS:
        own = played.log.of(f"{arm.name}-")
        details[arm.name] = _details(own, _held_back(own, played.samples))
        limit = 0.0 if arm is PROTECT else None
        stopped = sum(not each.late_message for each in own.stopped())
        figures += [
            Figure(f"{arm.name}: busy workers stopped", stopped, limit),
            Figure(f"{arm.name}: messages handled again", own.handled_again(), limit),
        ]
    protected = details[PROTECT.name]
    missing = max(0, SCALE_INS - protected["scale_ins_with_20_to_80_percent_busy"])
    figures += [
        Figure(f"scale-ins missing to {SCALE_INS}", missing, 0),
        Figure("protect: late messages", protected["late_messages_between_state_read_and_sigterm"]),
        Figure("protect: idle pod-seconds held back", protected["held_back_idle_pod_seconds"]),
    ]
    text = (
        f"{POOLS} pools of {SIZE} workers in each of {len(ARMS)} arms, a message at a time, messages of "
        f"{MESSAGE_SECONDS[0]:g} to {MESSAGE_SECONDS[1]:g} s in 25 to 75 % of the workers, {played.cycles} cycles, "
        "ElasticMQ"
    )
    return Result("scale_in", text, figures, NOTE, details)


def _details(log: WorkerLog, held: HeldBack) -> dict[str, Any]:
    return {
        "scale_ins": len(log.scale_ins),
        "scale_ins_with_20_to_80_percent_busy": _counted(log),
        "pods_stopped": len(log.deletions),
        "messages": len({work.message for work in log.works}),
        "late_messages_between_state_read_and_sigterm": sum(each.late_message for each in log.stopped()),
        "held_back_pod_seconds": round(held.pod_seconds),
        "held_back_idle_pod_seconds": round(held.idle_pod_seconds),
    }


BENCH = Bench(name="scale_in", measure=measure)
