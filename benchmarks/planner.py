"""Planner: what it costs to play a day through a pool's own decisions, message by message or in groups."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from queueplanner import aggregated
from queueplanner.loads import DAY_SECONDS, Daily
from queueplanner.outcome import Outcome, outcome
from queueplanner.policies.pools import PlannedPool
from queueplanner.simulation import Move, Policy, System, View, simulate
from queueplanner.work import Constant, Deaths, Failures, Lognormal, Work
from queueworkerpool.model import PoolSpec, QueueRef, ScaleTargetRef
from queueworkerpool.sizing import MessagesPerPod

HUGE, MANY, TYPICAL = 100_000_000, 1_000_000, 43_000
"""Messages of a day."""
MOST_PODS = 100
LIMIT_SECONDS = 10.0
LIMIT_HUGE_SECONDS = 180.0
LIMIT_ALONE_SECONDS = 0.3
"""Of the simulation of a typical day alone, where a thousand are to be played within two minutes."""

WORK = Work(service=Lognormal(4.5, 1.0), startup=Constant(20.0))
BRIEF = replace(WORK, service=Constant(0.1), concurrency=5)
"""Of a huge day: up to 2,080 messages per second, for which 42 pods suffice."""
TROUBLED = replace(
    WORK,
    failures=Failures(share=0.02, poison_share=0.001, outages=((40_000.0, 40_600.0),), attempts=5, retry_seconds=5.0),
    deaths=Deaths(pod_hours=48.0, nodes_lost_at=(30_000.0, 60_000.0)),
)


class Fixed:
    """As many pods as a day needs, decided once: what is left is the simulation."""

    name = "fixed"

    def decide(self, _: View) -> Move:
        """Ask for the pods."""
        return Move(MOST_PODS, DAY_SECONDS)


def pool(messages_per_pod: int = 5, concurrency: int = WORK.concurrency) -> PlannedPool:
    """Return a pool of so many messages per pod, with defaults but for that."""
    spec = PoolSpec(
        scale_target_ref=ScaleTargetRef("thumbnailer"),
        queues=(QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"),),
        max_replicas=MOST_PODS,
        target=MessagesPerPod(messages_per_pod),
    )
    return PlannedPool("pool", spec, concurrency)


pool_of_brief = partial(pool, 50, BRIEF.concurrency)


@dataclass(frozen=True, slots=True)
class Day:
    """A day to be played. `limit` is in seconds of CPU; without one it is only informative."""

    messages: int
    policy: Callable[[], Policy] = pool
    work: Work = WORK
    counts_age_seconds: float = 0.0
    limit: float | None = None

    @property
    def load(self) -> Daily:
        """What is sent."""
        return Daily(self.messages / DAY_SECONDS, 0.8, DAY_SECONDS)

    @property
    def system(self) -> System:
        """What is sized."""
        return System(self.work, DAY_SECONDS, self.counts_age_seconds)

    def play(self) -> tuple[float, Outcome]:
        """Return the seconds of CPU that it took, without its load's times, and what came of it."""
        arrivals = self.load.times(Random(1))
        begun = time.process_time()
        run = simulate(self.policy(), arrivals, self.system, Random(2))
        return time.process_time() - begun, outcome("", run)


@dataclass(frozen=True, slots=True)
class GroupedDay(Day):
    """A day that is played in the aggregated mode, with the count of its load's messages."""

    def play(self) -> tuple[float, Outcome]:
        """Return the seconds of CPU that it took, and what came of it."""
        begun = time.process_time()
        counts = aggregated.counts(self.load, Random(1))
        run = aggregated.simulate(self.policy(), counts, self.system, Random(2))
        return time.process_time() - begun, outcome("", run)


DAYS = {
    "million": Day(MANY, limit=LIMIT_SECONDS),
    "million_with_troubles": Day(MANY, work=TROUBLED, counts_age_seconds=10.0, limit=LIMIT_SECONDS),
    "million_without_decisions": Day(MANY, Fixed),
    "huge_in_groups": GroupedDay(HUGE, pool_of_brief, BRIEF, limit=LIMIT_HUGE_SECONDS),
    "typical": Day(TYPICAL),
    "typical_without_decisions": Day(TYPICAL, Fixed, limit=LIMIT_ALONE_SECONDS),
}


def measure(*, rounds: int) -> Result:
    """Play each day some times; the figure is the best round: whatever makes a round slower is noise."""
    figures, details = [], {}
    for name, day in DAYS.items():
        seconds, found = min((day.play() for _ in range(rounds)), key=lambda played: played[0])
        figures.append(Figure(f"{name}_cpu_seconds", round(seconds, 2), day.limit))
        details[name] = _details(found)
    setting = (
        f"24 hours, {MANY:,} and {TYPICAL:,} messages that follow the day, at most {MOST_PODS} pods, services of 4.5 s"
        " (lognormal, spread 1), pods that start in 20 s, five messages per pod, else the pool's defaults; in groups"
        f" {HUGE:,} messages of 0.1 s, five at a time and 50 per pod; one process"
    )
    return Result("planner", setting, figures, {}, details)


def _details(found: Outcome) -> dict[str, object]:
    return {
        "messages": found.messages,
        "unhandled": found.unhandled,
        "dead_lettered": found.dead_lettered,
        "failed": found.failed,
        "repeated": found.repeated,
        "pod_hours": round(found.pod_hours, 1),
        "wait_p95_seconds": None if found.wait is None else round(found.wait.p95, 1),
        "readings": found.reads,
        "scale_writes": found.scale_writes,
    }


BENCH = Bench(name="planner", measure=measure, options=("rounds",))
