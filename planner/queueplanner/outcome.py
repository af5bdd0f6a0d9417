"""What came of a run, in the figures by which policies are compared. Pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from queueplanner.simulation import Mode, Run, Sample
from queueworkerpool.model import USD_PER_MILLION_REQUESTS

SECONDS_PER_HOUR = 3600.0
MESSAGES_PER_REQUEST = 10


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, in one currency.

    Args:
        pod_hour: A pod, for an hour.
        million_requests: SQS requests (0.40 USD in us-east-1, 2026).
    """

    pod_hour: float = 0.05
    million_requests: float = USD_PER_MILLION_REQUESTS


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a run is judged.

    Args:
        prices: What things cost.
        concurrency: Slots of a pod, among which its price is divided, and which limit what it receives at once.
        slo_seconds: How long a message may wait; None: nobody said.
        most: The most pods that the policy may ask for; None: there is no limit.
        warm_up_seconds: Messages that are sent until then are not judged, and pods until then are not paid.
    """

    prices: Prices = Prices()
    concurrency: int = 1
    slo_seconds: float | None = None
    most: int | None = None
    warm_up_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds, of all messages: what half of them, 95 and 99 percent stay within, and the longest."""

    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one policy.

    Args:
        policy: Its name.
        mode: How it was calculated.
        messages: Messages that were sent.
        unhandled: Those that were not handled by the end, nor lost, nor in the dead-letter queue.
        lost: Those that are nowhere any more.
        dead_lettered: Those that went to the dead-letter queue.
        failed: Attempts that failed.
        repeated: Messages that were begun again, because their pod was stopped or died.
        pod_hours: What was paid for pods.
        wasted_hours: Work that was cut off, in hours of a worker's slot.
        wait: From sent to begun; None when nothing was begun.
        total: From sent to done; None when nothing was done.
        above_slo: Share of the messages that waited longer than the SLO, or for ever; None: there is no SLO.
        requests: Requests to SQS, of workers and readings together.
        scale_writes: Changes of the size.
        reads: Readings of the queue.
        most_pods: The most that were asked for at one time, in the warm-up too.
        hours_at_most: How long as many pods were asked for as the policy may.
        cost: Of pods and requests.
        wasted_cost: The part of it that went into work that was cut off.
    """

    policy: str
    mode: Mode
    messages: int
    unhandled: int
    lost: int
    dead_lettered: int
    failed: int
    repeated: int
    pod_hours: float
    wasted_hours: float
    wait: Spread | None
    total: Spread | None
    above_slo: float | None
    requests: int
    scale_writes: int
    reads: int
    most_pods: int
    hours_at_most: float
    cost: float
    wasted_cost: float


def outcome(policy: str, run: Run, terms: Terms = Terms()) -> Outcome:
    """Return the figures of a run of what people call by that name."""
    prices, run = terms.prices, _warmed_up(run, terms.warm_up_seconds)
    pod_hours, wasted_hours = run.pod_seconds / SECONDS_PER_HOUR, run.wasted_seconds / SECONDS_PER_HOUR
    sample = run.sample or Sample(1, len(run.arrivals), sum(not math.isnan(done) for done in run.done))
    requests = _requests(run, sample.handled, min(terms.concurrency, MESSAGES_PER_REQUEST))
    return Outcome(
        policy=policy,
        mode=Mode.AGGREGATED if run.sample else Mode.EXACT,
        messages=sample.messages,
        unhandled=sample.messages - sample.handled - run.lost - run.dead_lettered,
        lost=run.lost,
        dead_lettered=run.dead_lettered,
        failed=run.failed,
        repeated=run.repeated,
        pod_hours=pod_hours,
        wasted_hours=wasted_hours,
        wait=spread(run.arrivals, run.begun),
        total=spread(run.arrivals, run.done),
        above_slo=None if terms.slo_seconds is None else _above(run, terms.slo_seconds),
        requests=requests,
        scale_writes=run.scale_writes,
        reads=run.reads,
        most_pods=max(run.sizes.asked, default=0),
        hours_at_most=_seconds_at(terms.most, run) / SECONDS_PER_HOUR,
        cost=pod_hours * prices.pod_hour + requests * prices.million_requests / 1e6,
        wasted_cost=wasted_hours / terms.concurrency * prices.pod_hour,
    )


def _warmed_up(run: Run, seconds: float) -> Run:
    """Return a run without its first seconds: their messages, and the pods that were asked for or ready.

    Of their messages that were never handled a run does not say which went to the dead-letter queue: all are taken to.
    """
    if not seconds:
        return run
    first = bisect_left(run.arrivals, seconds)
    gone = sum(map(math.isnan, run.done[:first]))
    times = pairwise([*run.sizes.times, run.seconds])
    pods = map(max, run.sizes.asked, run.sizes.ready)
    before = sum(max(min(end, seconds) - begin, 0.0) * size for (begin, end), size in zip(times, pods, strict=True))
    return replace(
        run,
        arrivals=run.arrivals[first:],
        begun=run.begun[first:],
        done=run.done[first:],
        pod_seconds=run.pod_seconds - before,
        dead_lettered=max(run.dead_lettered - gone, 0),
    )


def _requests(run: Run, handled: int, batch: int) -> int:
    """Return the requests to SQS, at least: receives and deletes in batches as large as a pod can have.

    What was not received from a queue is not deleted there.
    """
    deleted = min(handled, run.receives)
    batches = math.ceil(run.receives / batch) + math.ceil(deleted / batch)
    return batches + run.empty_receives + run.reads


def spread(arrivals: Sequence[float], moments: Sequence[float]) -> Spread | None:
    """Return how long it took from arrivals to moments, of those that are known; None: none is."""
    seconds = sorted(
        moment - arrival for arrival, moment in zip(arrivals, moments, strict=True) if not math.isnan(moment)
    )
    if not seconds:
        return None
    return Spread(*(seconds[min(int(share * len(seconds)), len(seconds) - 1)] for share in (0.5, 0.95, 0.99, 1.0)))


def _above(run: Run, slo_seconds: float) -> float:
    within = sum(begun - sent <= slo_seconds for sent, begun in zip(run.arrivals, run.begun, strict=True))
    return 1 - within / len(run.arrivals) if run.arrivals else 0.0


def _seconds_at(most: int | None, run: Run) -> float:
    times = pairwise([*run.sizes.times, run.seconds])
    return sum(after - before for (before, after), size in zip(times, run.sizes.asked, strict=True) if size == most)
