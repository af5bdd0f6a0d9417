"""Reaction: from messages in the queue of a pool at zero to its full size, seen on the API server."""

import asyncio
import random
import statistics
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.bench import Bench, Needs
from benchmarks.result import Figure, Result
from testbed.api import DEPLOYMENTS, WatchEvent, holds_within
from testbed.environment import Environment
from testbed.pools import admit, remove

NUMBER_OF_POOLS = 12
POLL_SECONDS = 5
MESSAGES = 500
FULL_SIZE = 100
SCALE_OUT_TIMEOUT_SECONDS = 30.0
EXTRA_WRITE_WAIT_SECONDS = 2.0 * POLL_SECONDS
"""How long to watch after the last pool's write, so that a second write would be seen."""

PEER = {"median_seconds": 104, "maximum_seconds": 119, "median_scale_writes": 7}
SETTING = (
    f"{NUMBER_OF_POOLS} pools at zero, pollSeconds {POLL_SECONDS}, messagesPerPod 5, maxReplicas {FULL_SIZE}; all "
    f"queues get {MESSAGES} messages at one random moment; seconds from then until a watch shows {FULL_SIZE} replicas. "
    "The Deployments are paused, so that no pods are made"
)


@dataclass(slots=True)
class _Target:
    """One Deployment: the sizes it was given, and when it got its full size, by the monotonic clock."""

    sizes: list[int] = field(default_factory=list)
    full: float | None = None


async def measure(environment: Environment, *, rounds: int) -> Result:
    """Run the bench, each round with new pools."""
    begun = datetime.now(UTC)
    bursts = [await _round(environment, number) for number in range(rounds)]
    times = [seconds for seconds, _ in bursts]
    requests = environment.operator_requests(begun)
    figures = [
        Figure("median_seconds", round(statistics.median(statistics.median(each) for each in times), 2), limit=3),
        Figure("maximum_seconds", round(max(max(each) for each in times), 2), limit=6),
        Figure("pools_not_scaled_in_one_write", sum(wrong for _, wrong in bursts), limit=0),
        Figure("scale_writes_per_pool", _scale_writes(requests) / (rounds * NUMBER_OF_POOLS), limit=1),
    ]
    details = {
        "rounds": rounds,
        "seconds": [sorted(round(seconds, 2) for seconds in each) for each in times],
        "requests_of_the_operator": dict(sorted(requests.items())),
    }
    return Result("reaction", SETTING, figures, PEER, details)


async def _round(environment: Environment, number: int) -> tuple[list[float], int]:
    """Run one burst; return the seconds of each pool, and how many were not scaled to their full size by one write."""
    targets = {f"round-{number}-{index}": _Target() for index in range(NUMBER_OF_POOLS)}
    names = list(targets)
    environment.sqs.set_depths(dict.fromkeys(names, 0))
    await admit(environment, names, replicas=0, poll_seconds=POLL_SECONDS)

    def record(event: WatchEvent) -> None:
        target, replicas = targets[event.name], int(event.body["spec"]["replicas"])
        if replicas != (target.sizes[-1] if target.sizes else 0):
            target.sizes.append(replicas)
        if replicas == FULL_SIZE and target.full is None:
            target.full = event.time

    async with environment.api.watching(DEPLOYMENTS, record):
        await asyncio.sleep((1 + random.random()) * POLL_SECONDS)  # any phase of the pools' intervals
        begun = environment.sqs.set_depths(dict.fromkeys(names, MESSAGES))
        await holds_within(lambda: all(target.full for target in targets.values()), SCALE_OUT_TIMEOUT_SECONDS)
        await asyncio.sleep(EXTRA_WRITE_WAIT_SECONDS)
    await remove(environment, names)
    wrong = sum(target.sizes != [FULL_SIZE] for target in targets.values())
    return [target.full - begun if target.full else SCALE_OUT_TIMEOUT_SECONDS for target in targets.values()], wrong


def _scale_writes(requests: Counter[str]) -> int:
    return requests["patch deployments/scale"]


BENCH = Bench(name="reaction", measure=measure, needs=Needs.ENVIRONMENT, options=("rounds",))
