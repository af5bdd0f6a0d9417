"""The twenty runs that are recorded: what is sent to a pool, what its messages and workers are like, and its spec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from queueplanner.loads import Steady
from queueplanner.work import Constant, Draw, Exponential, Lognormal

SECONDS = 540.0


@dataclass(frozen=True, slots=True)
class Uniform:
    """Seconds between two bounds, each as likely."""

    low: float
    high: float

    @property
    def mean_seconds(self) -> float:
        """Their mean."""
        return (self.low + self.high) / 2

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        return random.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run.

    Args:
        name: What it is about; also the name of its objects and of its file.
        pieces: What is sent, one after the other: for so many seconds, so many messages per second.
        spec: Of the pool, where it differs from the defaults.
        service: How long a message takes.
        bursts: When so many messages are sent at once.
        startup: Between how many seconds the user's module takes to load.
        concurrency: Messages that a worker handles at the same time.
        failing: Share of attempts that fail.
        retry_seconds: How long a message that failed stays hidden at first.
        grace_seconds: How long a worker may go on after it was told to end.
    """

    name: str
    pieces: Sequence[tuple[float, float]]
    spec: Mapping[str, Any]
    service: Draw
    bursts: Sequence[tuple[float, int]] = ()
    startup: tuple[float, float] = (1.0, 3.0)
    concurrency: int = 1
    failing: float = 0.0
    retry_seconds: int = 30
    grace_seconds: int = 60
    visibility_seconds: int = field(default=30, kw_only=True)

    def times(self, random: Random) -> list[float]:
        """Return when messages are sent, in order."""
        times = [at for at, messages in self.bursts for _ in range(messages)]
        start = 0.0
        for seconds, per_second in self.pieces:
            times += [start + time for time in Steady(per_second, seconds).times(random)]
            start += seconds
        return sorted(times)


def per_pod(messages: int, most: int, **spec: Any) -> dict[str, Any]:
    """Return a spec with messagesPerPod."""
    return {"target": {"messagesPerPod": messages}, "maxReplicas": most, **spec}


def latency(seconds: int, most: int, **spec: Any) -> dict[str, Any]:
    """Return a spec with latencySeconds."""
    return {"target": {"latencySeconds": seconds}, "maxReplicas": most, **spec}


def _ramp(most: float, steps: int = 10, seconds: float = 200.0) -> Sequence[tuple[float, float]]:
    up = [(seconds / steps, most * (step + 1) / steps) for step in range(steps)]
    return [(20.0, 0.0), *up, *reversed(up)]


def _on_off(seconds: float, per_second: float) -> Sequence[tuple[float, float]]:
    return [(20.0, 0.0), *([(seconds, per_second), (seconds, 0.0)] * int(450 // (2 * seconds)))]


def _schedule(minutes: int, seconds: int, **bounds: int) -> Sequence[Mapping[str, Any]]:
    return [{"name": "now-and-then", "cron": f"*/{minutes} * * * *", "durationSeconds": seconds, **bounds}]


NO_WINDOW = {"scaleDown": {"stabilizationWindowSeconds": 0}}
TWO_AT_A_TIME = [{"type": "Pods", "value": 2, "periodSeconds": 35}]
SLOWLY = {
    "scaleUp": {"policies": TWO_AT_A_TIME},
    "scaleDown": {"stabilizationWindowSeconds": 65, "policies": TWO_AT_A_TIME},
}

SCENARIOS = (
    Scenario("steady-per-pod", [(420.0, 1.5)], per_pod(2, 12), Lognormal(2.0, 0.5)),
    Scenario("steady-latency", [(420.0, 1.0)], latency(20, 12), Exponential(3.0)),
    Scenario("bursts-per-pod", [], per_pod(8, 8), Constant(2.0), bursts=[(25.0, 64), (210.0, 30), (380.0, 64)]),
    Scenario("bursts-latency", [], latency(40, 12), Exponential(4.0), bursts=[(40.0, 60), (230.0, 20), (390.0, 60)]),
    Scenario("ramp-per-pod", _ramp(3.0), per_pod(3, 10), Lognormal(1.5, 1.0)),
    Scenario("ramp-latency", _ramp(2.0), latency(25, 12), Lognormal(3.0, 1.0)),
    Scenario("on-off", _on_off(50.0, 2.0), per_pod(3, 8, scaleToZeroAfterSeconds=20, pollSeconds=2), Exponential(1.5)),
    Scenario("sparse", [(500.0, 0.05)], per_pod(5, 5, scaleToZeroAfterSeconds=10), Uniform(2.0, 8.0)),
    Scenario("long-jobs-protected", [(330.0, 0.12)], per_pod(1, 14), Uniform(30.0, 120.0), bursts=[(60.0, 6)]),
    Scenario(
        "long-jobs-drained",
        [(360.0, 0.1)],
        per_pod(1, 8, scaleIn={"busyWorkers": "Drain"}, behavior=NO_WINDOW),
        Uniform(20.0, 60.0),
        grace_seconds=15,
    ),
    Scenario("long-jobs-latency", [(300.0, 0.15)], latency(180, 14), Uniform(30.0, 90.0), bursts=[(30.0, 5)]),
    Scenario(
        "schedule-minimum", [(480.0, 0.4)], per_pod(4, 8, schedules=_schedule(4, 90, minReplicas=5)), Exponential(2.0)
    ),
    Scenario(
        "schedule-maximum", [(400.0, 1.2)], per_pod(2, 10, schedules=_schedule(3, 75, maxReplicas=2)), Exponential(2.0)
    ),
    Scenario("concurrency-per-pod", [(400.0, 3.0)], per_pod(8, 8), Lognormal(3.0, 1.0), concurrency=4),
    Scenario(
        "concurrency-latency",
        _on_off(75.0, 4.0),
        latency(15, 8, pollSeconds=3),
        Exponential(2.0),
        concurrency=10,
    ),
    Scenario("slow-start-latency", _on_off(75.0, 1.0), latency(60, 10), Exponential(4.0), startup=(10.0, 20.0)),
    Scenario(
        "slow-start-per-pod", _on_off(50.0, 1.0), per_pod(5, 6, minReplicas=1), Exponential(3.0), startup=(6.0, 12.0)
    ),
    Scenario("failing", [(400.0, 1.0)], per_pod(3, 10), Exponential(2.0), failing=0.15, retry_seconds=10),
    Scenario(
        "rates-and-windows",
        _on_off(75.0, 2.5),
        per_pod(2, 10, pollSeconds=10, behavior=SLOWLY, minReplicas=1),
        Exponential(2.0),
    ),
    Scenario("heavy-tail", [(420.0, 0.5)], per_pod(1, 14, pollSeconds=1, behavior=NO_WINDOW), Lognormal(5.0, 2.0)),
)
