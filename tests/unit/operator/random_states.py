"""Facts of every kind, drawn without hypothesis, which would take half a minute for ten thousand."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from queueworkerpool.model import (
    Bounds,
    Change,
    CompetingWriter,
    Facts,
    Fallback,
    InFlight,
    Memory,
    Mode,
    QueueReading,
    RecommendedSince,
    ScaleDownStabilization,
    ScaleUpStabilization,
    ScalingRules,
    Select,
)
from queueworkerpool.sizing import Latency, MessagesPerPod, WorkerEstimates
from tests.unit.operator.builders import NOW, SPEC, ago, percent_policy, pods, pods_policy

STATES = 10_000


def maybe(random: Random, value: Any) -> Any:
    return value if random.random() < 0.4 else None


def any_rules(random: Random) -> ScalingRules:
    several = (pods_policy(random.randint(1, 9), random.randint(1, 600)), percent_policy(random.randint(1, 100), 60))
    return ScalingRules(
        random.choice((None, 0, 30, 300)),
        random.choice((Select.MAX, Select.MAX, Select.MIN, Select.DISABLED)),
        several[: random.randint(0, 2)],
        random.choice((0.0, 0.0, 0.1)),
    )


def any_memory(random: Random, replicas: int) -> Memory:
    def time() -> Any:
        return ago(random.randint(-30, 700))

    return Memory(
        scale_down_stabilization=maybe(
            random,
            ScaleDownStabilization(
                time(),
                random.randint(0, replicas),
                maybe(random, time()),
                maybe(random, (RecommendedSince(time(), random.randint(0, replicas)),)) or (),
            ),
        ),
        scale_up_stabilization=maybe(random, ScaleUpStabilization(time(), replicas + random.randint(0, 9))),
        changes=tuple(Change(time(), random.randint(-5, 5)) for _ in range(random.randint(0, 2))),
        empty_since=maybe(random, time()),
        activation_pending_since=maybe(random, time()),
        unreadable_since=maybe(random, time()),
        waiting_since=maybe(random, time()),
        held_since=maybe(random, time()),
        competing_writer=maybe(random, CompetingWriter("keda", random.randint(1, 4), time())),
        workers=WorkerEstimates(maybe(random, 0.5), maybe(random, 4.0), maybe(random, 70.0)),
        quiet_spells=tuple(float(random.randint(1, 300)) for _ in range(random.randint(0, 8))),
    )


def any_readings(random: Random) -> tuple[QueueReading | None, ...]:
    load = random.choice((0, 2, 60, 500))
    known = [
        QueueReading(
            random.randint(0, load), random.randint(0, load), random.randint(0, load), ago(random.randint(0, 9))
        )
        for _ in range(random.randint(1, 3))
    ]
    return tuple(None if random.random() < 0.15 else count for count in known)


def any_state(random: Random) -> Facts:
    """One state of a pool."""
    replicas, low = random.choice((0, 1, 10, 40)), random.choice((0, 0, 2))
    spec = replace(
        SPEC,
        target=random.choice(
            (
                MessagesPerPod(1),
                MessagesPerPod(5),
                MessagesPerPod(100),
                Latency(60, maybe(random, 0.5), maybe(random, 20)),
            )
        ),
        in_flight=random.choice(list(InFlight)),
        count_delayed=random.random() < 0.5,
        activation_messages=random.choice((0, 0, 3)),
        scale_up=any_rules(random),
        scale_down=any_rules(random),
        fallback=maybe(random, Fallback(300, random.randint(0, 60), only_if_higher=random.random() < 0.5)),
        mode=random.choice((Mode.ACTIVE, Mode.ACTIVE, Mode.ACTIVE, Mode.DRY_RUN, Mode.PAUSED)),
    )
    calm = Facts(
        spec,
        Bounds(low, random.choice((30, 100)), random.choice(((), ("day",)))),
        replicas,
        any_readings(random),
        any_memory(random, replicas),
        NOW,
    )
    return calm._replace(
        ready=random.randint(0, replicas),
        rolling_out=random.random() < 0.1,
        writer=maybe(random, ("keda", ago(random.randint(0, 60)))),
        pods=maybe(random, pods(idle=replicas // 2, busy=replicas - replicas // 2)),
    )


def states(number: int) -> Iterator[Facts]:
    random = Random(20261123)
    return (any_state(random) for _ in range(number))
