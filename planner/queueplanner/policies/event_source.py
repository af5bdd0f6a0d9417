"""AWS Lambda's event source mapping of a standard queue: each unit is an execution environment with one invocation.

Source: the developer guide of AWS Lambda ("Configuring scaling behavior for SQS event source mappings", standard
mode) and its pricing page (us-east-1, x86, 2026). An invocation has one message here. An environment is paid only while
it handles one, and handles no message longer than 15 minutes.
"""

from dataclasses import dataclass, replace
from random import Random

from queueplanner.simulation import Move, Run, View
from queueplanner.work import Constant, Draw, Work

START_INVOCATIONS = 5
INVOCATIONS_PER_SECOND = 300 / 60
MAXIMUM_INVOCATIONS = 1250
LIMIT_SECONDS = 900.0
STARTUP_SECONDS = 0.3
GIGABYTE_SECOND = 0.0000166667
INVOCATION = 0.20 / 1e6
POLL_SECONDS = 1.0
DRAWS = 10_000
"""From so many draws it is estimated how much of the work takes longer than the limit."""


@dataclass(slots=True)
class EventSourceMapping:
    """A mapping at work.

    Args:
        name: What people call it.
        maximum: Its maximum concurrency.
    """

    name: str
    maximum: int = MAXIMUM_INVOCATIONS
    _allowed: float = START_INVOCATIONS

    def decide(self, view: View) -> Move:
        """Allow more invocations while messages wait, and fewer, as fast, while none does."""
        more = view.counts.visible and view.now > 0
        change = INVOCATIONS_PER_SECOND * POLL_SECONDS * (1 if more else -1)
        self._allowed = min(self.maximum, max(START_INVOCATIONS, view.counts.in_flight, self._allowed + change))
        return Move(int(self._allowed), POLL_SECONDS, reads=0, spares_busy=True)


@dataclass(frozen=True, slots=True)
class Limited:
    """Times of what is cut off after the limit."""

    draw: Draw
    mean_seconds: float

    def __call__(self, random: Random, /) -> float:
        """Draw one."""
        return min(self.draw(random), LIMIT_SECONDS)


def limited(work: Work) -> Work:
    """Return the work as a function does it: one message at a time, and what takes too long fails, again and again."""
    random = Random(1)  # noqa: S311 -- chance in a simulation
    seconds = [work.service(random) for _ in range(DRAWS)]
    too_long = sum(each > LIMIT_SECONDS for each in seconds) / DRAWS
    mean = sum(min(each, LIMIT_SECONDS) for each in seconds) / DRAWS if too_long else work.service.mean_seconds
    failures = replace(
        work.failures,
        poison_share=work.failures.poison_share + (1 - work.failures.poison_share) * too_long,
        retry_seconds=max(work.failures.retry_seconds, work.visibility_seconds),
    )
    return replace(
        work,
        service=Limited(work.service, mean),
        startup=Constant(STARTUP_SECONDS),
        concurrency=1,
        grace_seconds=LIMIT_SECONDS,
        failures=failures,
    )


def hour_price(gigabytes: float) -> float:
    """Return what an environment costs for an hour of work."""
    return gigabytes * GIGABYTE_SECOND * 3600


def paid_seconds(gigabytes: float, run: Run, work: Work) -> float:
    """Return the seconds that are paid: of work, and as many more as the invocations cost by their number."""
    return run.receives * (work.service.mean_seconds + INVOCATION / (gigabytes * GIGABYTE_SECOND))
