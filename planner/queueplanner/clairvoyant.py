"""What a load costs a scaler that knows it in advance, at a given wait. Pure; `python -m benchmarks law` calls it.

It decides nothing for anybody: it is the yardstick by which policies that know only the present are measured.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

BEGINS = (0.0, 0.5, 1.0)
"""How late a new pod begins with its first message, as a share of the wait: at once, or as late as it may."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the schedule has to keep.

    Args:
        startup_seconds: How long a pod takes to start; it is paid, but waits for nobody: the load is known.
        wait_seconds: How long a message may wait until it is begun.
        late_share: Share of the messages that may wait for longer, however long: 0.01 where the wait is a p99.
    """

    startup_seconds: float
    wait_seconds: float
    late_share: float = 0.0


def least_pod_seconds(arrivals: Sequence[float], services: Sequence[float], terms: Terms) -> float:
    """Return the pod-seconds, start-ups included, of a cheap schedule that keeps the terms.

    A heuristic: the cheapest of a few schedules, each of which pods of concurrency 1 can carry out. Each message goes,
    in the order of arrival, to the pod that is free last among those that are free in time. Where none is, one begins
    anew, unless the message may be late. A pod that is idle for no longer than a start-up stays, for to start another
    would cost more; else it goes at once. No schedule costs less than `bound`; how far the two are apart says how
    much better one might be. Where messages are brief, it might: by letting a busy pod go for a while, again and again.

    Args:
        arrivals: When each message is sent, in order.
        services: How long each takes.
        terms: What it has to keep.
    """
    return min(_pod_seconds(arrivals, services, terms, begins) for begins in BEGINS)


def bound(services: Sequence[float], startup_seconds: float) -> float:
    """Return the pod-seconds below which no schedule is: all of the work, and one start-up if there is any."""
    return sum(services) + startup_seconds if services else 0.0


def _pod_seconds(arrivals: Sequence[float], services: Sequence[float], terms: Terms, begins: float) -> float:
    startup, wait, late_share = terms.startup_seconds, terms.wait_seconds, terms.late_share
    free: list[float] = []  # when each pod is free, in order
    paid, may_be_late = 0.0, 0.0
    for sent, lasts in zip(arrivals, services, strict=True):
        may_be_late += late_share
        gone = bisect_left(free, sent - startup)
        if gone:
            del free[:gone]
        in_time = bisect_right(free, sent + wait)
        if in_time:
            freed = free.pop(in_time - 1)
            begun = freed if freed > sent else sent  # noqa: FURB136 -- faster than max
            paid += begun - freed + lasts
        elif free and may_be_late >= 1:
            may_be_late -= 1
            begun = free.pop(0)
            paid += lasts
        else:
            begun = sent + begins * wait
            paid += startup + lasts
        insort(free, begun + lasts)
    return paid
