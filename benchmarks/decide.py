"""Decide: what one decision costs, for a pool with everything in its behavior, memory and pods."""

import timeit
from datetime import UTC, datetime, timedelta

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from queueworkerpool.decide import decide
from queueworkerpool.model import (
    Bounds,
    Change,
    Facts,
    Memory,
    Pod,
    Policy,
    PoolSpec,
    QueueReading,
    QueueRef,
    ScaleDownStabilization,
    ScaleTargetRef,
    ScalingRules,
    Worker,
    WorkerState,
)
from queueworkerpool.sizing import Latency, WorkerEstimates

CALLS = 2000
LIMIT_MICROSECONDS = 50
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
POLICIES = (Policy(False, 4, 15), Policy(True, 100, 15), Policy(False, 20, 60))  # noqa: FBT003 -- type, value, period


def measure(*, rounds: int) -> Result:
    """Decide many times on each situation; the figure is the best round: whatever makes a round slower is noise."""
    situations = {"steady": _facts(600), "scale_out": _facts(4000), "scale_in": _facts(40)}
    times = {name: _microseconds(facts, max(rounds, 5)) for name, facts in situations.items()}
    with_pods = _microseconds(_with_pods(situations["scale_in"]), max(rounds, 5))
    figures = [Figure(f"{name}_microseconds", each, limit=LIMIT_MICROSECONDS) for name, each in times.items()]
    setting = (
        "one queue, latency target with measured workers, both directions with windows, three policies and a "
        "tolerance, ten remembered changes, bounds of a schedule"
    )
    return Result("decide", setting, [*figures, Figure("scale_in_of_20_pods_microseconds", with_pods)], {})


def _microseconds(facts: Facts, rounds: int) -> float:
    timings = timeit.repeat(lambda: decide(facts), number=CALLS, repeat=rounds)
    return round(min(timings) / CALLS * 1e6, 1)


def _facts(visible: int) -> Facts:
    rules = ScalingRules(window_seconds=30, policies=POLICIES, tolerance=0.1)
    spec = PoolSpec(
        scale_target_ref=ScaleTargetRef("thumbnailer"),
        queues=(QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"),),
        max_replicas=100,
        target=Latency(60, 2, 20),
        scale_up=rules,
        scale_down=rules,
    )
    memory = Memory(
        scale_down_stabilization=ScaleDownStabilization(NOW - timedelta(seconds=60), 12),
        changes=tuple(Change(NOW - timedelta(seconds=6 * each), 1) for each in range(1, 11)),
        workers=WorkerEstimates(service_seconds=2, concurrency=1, startup_seconds=20),
    )
    bounds = Bounds(1, 80, ("office-hours",))
    return Facts(spec, bounds, 20, (QueueReading(visible, 0, 0, NOW),), memory, NOW, ready=100)


def _with_pods(facts: Facts) -> Facts:
    pods = tuple(
        Worker(Pod(f"pod-{each}", f"uid-{each}", ready=True), WorkerState(each % 2, 1, 9, 9.0)) for each in range(20)
    )
    return facts._replace(pods=pods)


BENCH = Bench(name="decide", measure=measure, options=("rounds",))
