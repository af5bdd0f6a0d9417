"""Bench: a hundred scale-ins of pools in which many a worker holds a message of 10 to 60 seconds. Whom do they hit?

Three arms get the same messages at the same time, on real worker processes and the real ReplicaSet controller: Protect;
Drain, where the ReplicaSet chooses; and Drain with a grace that ends before the messages do.
"""

import random
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks import bed
from benchmarks.api import NAMESPACE
from benchmarks.crew_stage import Arm, Stage
from benchmarks.crews import Evidence, gathered
from benchmarks.result import Figure, Result
from devcluster import Cluster
from devcluster.processes import free_port
from devcluster.sqs import ElasticMq

PROTECT = Arm("protect", "Protect", 90)
ARMS = (PROTECT, Arm("drain", "Drain", 90), Arm("short-grace", "Drain", 8))
POOLS = 5
SIZE = 8
SHARES = (0.25, 0.375, 0.5, 0.625, 0.75)
LEAST_SHARE, MOST_SHARE = 0.2, 0.8
SECONDS = (10.0, 60.0)
LATE_SECONDS = 10.0
"""How long the message takes that comes while a pool is being scaled in, to slip in between question and SIGTERM."""

WATCH_SECONDS = 15.0
WANTED = 100
MOST_CYCLES = 40
LAST_SECONDS = SECONDS[1] + 5.0
"""How long the last messages may take."""

NOTE = {"note": "all figures are of this run; what other scalers do at scale-in is Drain, or Drain with a short grace"}


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Pods kept above the wish, over time, in pod-seconds: all of them, and those without work."""

    pod_seconds: float = 0.0
    idle_pod_seconds: float = 0.0


def measure(wanted: int = WANTED) -> Result:
    """Scale in until so many scale-ins of the protected pools count; the evidence stays when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-scale-in-"))
    journal, log, port = folder / "journal", folder / "operator.log", free_port()
    with Cluster(folder / "cluster", audit=True) as cluster, ElasticMq(folder / "sqs.log") as sqs:
        bed.prepare(cluster)
        credentials = bed.credentials_of(cluster, folder / "operator.kubeconfig")
        stage = Stage(partial(cluster.kubectl, "-n", NAMESPACE), sqs, journal, SIZE)

        def evidence() -> Evidence:
            return gathered(NAMESPACE, journal, cluster.directory / "audit.log", log.read_text())

        with bed.operating(credentials, sqs.env, log, port), _waiting(port) as waiting:
            for index in range(POOLS):
                for arm in ARMS:
                    stage.add(f"{arm.name}-{index}", arm)
            cycles = _play(stage, evidence, wanted)
            time.sleep(LAST_SECONDS)
            found = evidence()
    result = _result(found, waiting, (cycles, wanted))
    if result.holds:
        shutil.rmtree(folder)
    return result


def _play(stage: Stage, evidence: Callable[[], Evidence], wanted: int) -> int:
    """Fill, occupy, lower and watch, until enough; returns how often."""
    with Progress() as progress:
        bar = progress.add_task("scale-ins that count", total=wanted)
        for cycle in range(MOST_CYCLES):
            _one_cycle(stage, cycle)
            counted = _counted(evidence().of(f"{PROTECT.name}-"))
            progress.update(bar, completed=counted)
            if counted >= wanted:
                return cycle + 1
    return MOST_CYCLES


def _one_cycle(stage: Stage, cycle: int) -> None:
    chance = random.Random(cycle)
    busy = round(chance.choice(SHARES) * SIZE)

    def lengths(name: str) -> list[float]:
        own = random.Random(f"{cycle}/{name.rpartition('-')[2]}")  # the same in every arm
        return [own.uniform(*SECONDS) for _ in range(SIZE)]

    stage.fill()
    stage.occupy(busy, lengths)
    stage.lower()
    for name in stage.names:
        late = random.Random(f"late/{cycle}/{name.rpartition('-')[2]}")
        stage.send_later(name, LATE_SECONDS, late.uniform(0, 1.5))
    time.sleep(WATCH_SECONDS)


def _counted(evidence: Evidence) -> int:
    shares = (evidence.busy_share(each) for each in evidence.scale_ins)
    return sum(LEAST_SHARE <= share <= MOST_SHARE for share in shares)


@contextmanager
def _waiting(port: int) -> Iterator[list[tuple[float, str, float]]]:
    """Samples of the gauge of pods that wait for idle workers, a second apart: time, pool, pods."""
    samples: list[tuple[float, str, float]] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(1):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
            for line in lines:
                if line.startswith("queueworkerpool_waiting_for_idle_workers{"):
                    pool = line.partition('pool="')[2].partition('"')[0]
                    samples.append((time.time(), pool, float(line.rpartition(" ")[2])))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def _held_back(evidence: Evidence, samples: list[tuple[float, str, float]]) -> HeldBack:
    """What the samples of the pools of this evidence add up to; each stands for a second."""
    sizes = {each.deployment: SIZE for each in evidence.scale_ins}
    whole = idle = 0.0
    for when, pool, pods in samples:
        if pool not in sizes or not pods:
            continue
        size = next(
            (each.after for each in reversed(evidence.scale_ins) if each.deployment == pool and each.time <= when), SIZE
        )
        busy = sum(work.under_way(when) for work in evidence.works if work.pod.startswith(f"{pool}-"))
        whole += pods
        idle += min(pods, max(0, size - busy))
    return HeldBack(whole, idle)


def _result(evidence: Evidence, samples: list[tuple[float, str, float]], played: tuple[int, int]) -> Result:
    cycles, wanted = played
    figures: list[Figure] = []
    details: dict[str, Any] = {"cycles": cycles}
    for arm in ARMS:
        own = evidence.of(f"{arm.name}-")
        stopped, held = own.stopped(), _held_back(own, samples)
        limit = 0.0 if arm is PROTECT else None
        figures += [
            Figure(f"{arm.name}: busy workers stopped", sum(not each.slipped_in for each in stopped), limit),
            Figure(f"{arm.name}: messages handled again", own.handled_again(), limit),
        ]
        details[arm.name] = {
            "scale_ins": len(own.scale_ins),
            "scale_ins_with_20_to_80_percent_busy": _counted(own),
            "pods_stopped": len(own.deletions),
            "messages": len({work.message for work in own.works}),
            "slipped_in_between_question_and_sigterm": sum(each.slipped_in for each in stopped),
            "held_back_pod_seconds": round(held.pod_seconds),
            "held_back_idle_pod_seconds": round(held.idle_pod_seconds),
        }
    protected = details[PROTECT.name]
    slipped = protected["slipped_in_between_question_and_sigterm"]
    figures += [
        Figure(f"scale-ins missing to {wanted}", max(0, wanted - protected["scale_ins_with_20_to_80_percent_busy"]), 0),
        Figure("protect: messages that slipped in", slipped),
        Figure("protect: idle pod-seconds held back", protected["held_back_idle_pod_seconds"]),
    ]
    text = (
        f"{POOLS} pools of {SIZE} workers in each of {len(ARMS)} arms, a message at a time, messages of "
        f"{SECONDS[0]:g} to {SECONDS[1]:g} s in 25 to 75 % of the workers, {cycles} cycles, ElasticMQ"
    )
    return Result("scale_in", text, figures, NOTE, details)
