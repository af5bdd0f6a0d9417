"""The runs that docs/size.md shows, one for each rule. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import yaml

from docs.rules.engine import NINE, Played, Run, Tick, play
from queueworkerpool.decide import decide
from queueworkerpool.decide.last_pod import stay
from queueworkerpool.model import Bounds, Facts, Memory, PoolSpec, QueueReading, Sample
from queueworkerpool.sizing import Evidence, ServiceTime
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
    """A load that falls, with one rise on the way: as many messages are in flight as are sent in a second."""
    rates = (16, 16, 14, 12, 10, 12, 10, 8, 6, 4, 2)
    run = Run(
        spec(target={"messagesPerPod": 1}),
        seconds=120,
        sent={second: rates[min(second // 7, len(rates) - 1)] for second in range(120)},
        service_seconds=(1,),
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
    """40 messages again and again, mostly half a minute after those before are done, and twice after minutes.

    Pods take 60 s to start. The queue is empty for 25, 20, 30, 300, 25, 20, 30, 240 and 25 s in between.
    """
    times = (0, 105, 145, 195, 515, 620, 660, 710, 970, 1075)
    run = Run(spec(target={"messagesPerPod": 40}), seconds=1200, startup_seconds=60, sent=dict.fromkeys(times, 40))
    return play(run)


def chosen_stay(played: Played) -> float:
    """Return how long the last pod stays at the end of a run, in seconds."""
    facts, memory = played.ticks[-1].facts, played.ticks[-1].decision.memory
    return stay(facts, memory).seconds


def cost(spells: Sequence[float], seconds: float, startup_seconds: float) -> float:
    """Return what a stay costs over these quiet spells, in pod-seconds: waiting in vain, and starting anew."""
    return sum(length if length <= seconds else seconds + startup_seconds for length in spells)


STARTUPS = (20, 22, 19, 26, 60, 20, 25, 18, 21, 45, 47, 44, 46, 44)
"""Start-ups one after the other, in seconds: the fifth has waited for a node; after nine comes another image."""

SERVICES = (2.0, 2.4, 1.8, 3.5, 2.0, 1.7, 2.3, 1.9, 2.1, 8.0, 7.5, 8.5, 8.0, 7.5)
"""The mean service times of BATCH messages each, in seconds: among the fourth are long ones; after nine all are."""

BATCH = 50
CHANGED_AT = 9
"""After so many of both, things are as they were not before."""


@cache
def learned_startups() -> tuple[float, ...]:
    """Return the start-up time that is reckoned with after each of these."""
    samples = (Sample(NINE, concurrency=4.0, startup_seconds=float(seconds)) for seconds in STARTUPS)
    return tuple(tick.decision.memory.workers.startup_seconds or 0.0 for tick in _sampled(samples))


@cache
def learned_services() -> tuple[Tick, ...]:
    """Return a decision after each of these, on 500 messages."""
    known, samples = ServiceTime(), list[Sample]()
    for seconds in SERVICES:
        known = known.after(Evidence(seconds * BATCH, BATCH))
        samples.append(Sample(NINE, known.seconds, known.messages, 4.0, 20.0, service_before=known.replaced))
    return tuple(_sampled(samples))


def _sampled(samples: Iterable[Sample]) -> Iterator[Tick]:
    """Yield a decision for each sample, which knows what the ones before have left."""
    memory = Memory()
    for number, sample in enumerate(samples):
        now = NINE + timedelta(seconds=15 * number)
        facts = Facts(spec(), Bounds(0, 100), 20, (QueueReading(500, 0, 0, now),), memory, now, ready=20, sample=sample)
        # What was learned at one tick is what the next one decides with.
        memory = decide(facts).memory
        yield Tick(
            15 * number, facts._replace(memory=memory, sample=None), decide(facts._replace(memory=memory, sample=None))
        )
