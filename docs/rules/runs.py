"""The runs that docs/size.md shows, one for each rule. Pure."""

from functools import cache
from typing import Any

import yaml

from docs.rules.engine import NINE, Played, Run, play
from queueworkerpool.model import PoolSpec
from queueworkerpool.validate import validate

PROMISED_SECONDS = 60


def spec(**fields: Any) -> PoolSpec:
    """Return a pool with the definition's defaults, and these fields. Raises ValueError for one that is not valid."""
    body = {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": "orders"},
        "spec": {
            "scaleTargetRef": {"name": "orders"},
            "queues": [{"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"}],
            "maxReplicas": 100,
            "target": {"latencySeconds": PROMISED_SECONDS},
            **fields,
        },
    }
    [verdict] = validate(yaml.safe_dump(body), NINE)
    if verdict.spec is None:
        raise ValueError(verdict.errors)
    return verdict.spec


@cache
def load() -> Played:
    """500 messages at once, for a pool that shall handle each within 60 s."""
    return play(Run(spec(), seconds=110, sent={10: 500}))


@cache
def window() -> Played:
    """A load that falls, with one rise on the way: twice as many messages are in flight as are sent in a second."""
    rates = (8, 8, 7, 6, 5, 6, 5, 4, 3, 2, 1)
    run = Run(
        spec(target={"messagesPerPod": 1}),
        seconds=120,
        sent={second: rates[min(second // 7, len(rates) - 1)] for second in range(1, 120)} | {0: 16},
        slots=1,
        replicas=16,
    )
    return play(run)


@cache
def hold() -> Played:
    """40 messages of 10 to 50 s, one at a time in each pod: some workers are busy for long after the others."""
    run = Run(
        spec(target={"latencySeconds": 120}),
        seconds=200,
        sent={10: 40},
        service_seconds=(10, 30, 15, 50, 20, 40, 10),
        slots=1,
    )
    return play(run)


@cache
def slow_start() -> Played:
    """The 500 messages again, with pods that take two minutes to start."""
    return play(Run(spec(), seconds=300, startup_seconds=120, sent={10: 500}))


@cache
def limits() -> Played:
    """A pool of two to ten pods, of four at least from 09:04; for a minute its queue cannot be read."""
    from_four = {"name": "morning", "cron": "4 9 * * 1-5", "durationSeconds": 3600, "minReplicas": 4}
    run = Run(
        spec(minReplicas=2, maxReplicas=10, schedules=[from_four]),
        seconds=300,
        sent={10: 1000},
        replicas=2,
        unread=range(60, 120),
    )
    return play(run)


@cache
def last_pod() -> Played:
    """40 messages again and again, mostly half a minute after the ones before were done, twice after minutes."""
    gaps = (45, 40, 300, 35, 45, 50, 40, 360, 45, 40)
    times, time = [], 10
    for gap in (*gaps, 0):
        times.append(time)
        time += 20 + gap
    run = Run(spec(target={"messagesPerPod": 40}), seconds=1500, startup_seconds=30, sent=dict.fromkeys(times, 40))
    return play(run)
