"""Throughput: messages per second and CPU per message of one worker process, ours beside every other consumer.

Each run has a full queue of its own. What counts is what disappears from the queue within a window of seconds in the
middle of the work, without the start and the end. Consumers take turns, round by round, because the machine is never
quiet.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.progress import Progress

from benchmarks.backlog import Backlog, backlog
from benchmarks.bench import Bench, Needs
from benchmarks.consumers import BARE, CONSUMERS, FRAMEWORKS, OURS, Consumer, Setting, bodies, running
from benchmarks.result import Figure, Result
from devcluster.processes import Program, wait_until
from devcluster.sqs import ElasticMq, SqsServer
from testbed.process_usage import session_cpu_seconds

MESSAGES = 14_000
WARM_UP_MESSAGES = 300
WINDOW_SECONDS = 3.0
WARM_UP_TIMEOUT_SECONDS = 30.0
LAST_MESSAGES = 500
"""A window ends early when only this many messages are left: the end of a queue is not the middle of the work."""

PROMISED = (Setting(0, 8), Setting(0.010, 8))
# Our worker requests as many messages as it can handle; a batch below ten means few handlers, nothing received ahead.
SWEPT = (Setting(0, 1, 1), Setting(0, 4, 4), Setting(0, 8, 8), Setting(0, 16), Setting(0, 32), Setting(0.010, 32))

ELSEWHERE = {
    "note": "measured elsewhere on 2 cores with ElasticMQ beside it, no-op handlers; this run's own are in details",
    "bare loop": {"messages_per_second": 1790, "cpu_ms_per_message": 0.28},
    "dramatiq_sqs": {"messages_per_second": 506, "cpu_ms_per_message": 1.16},
}


@dataclass(frozen=True, slots=True)
class Pace:
    """What one run measured."""

    per_second: float
    cpu_ms: float


Paces = dict[tuple[Setting, str], list[Pace]]


def measure(*, rounds: int) -> Result:
    """Measure the promised settings over this many rounds, the other ones once."""
    plan = [(setting, consumer) for _ in range(rounds) for setting in PROMISED for consumer in CONSUMERS]
    plan += [(setting, consumer) for setting in SWEPT for consumer in CONSUMERS]
    found: Paces = {}
    with ElasticMq() as server, Progress() as progress:
        paced(server, BARE, PROMISED[0])  # Java becomes fast only with use
        for setting, consumer in progress.track(plan, description="throughput"):
            found.setdefault((setting, consumer.name), []).append(paced(server, consumer, setting))
    text = (
        f"one worker process, ElasticMQ beside it; medians of {rounds} rounds; promised: {PROMISED[0]}; {PROMISED[1]}"
    )
    return Result("throughput", text, _figures(found), ELSEWHERE, _details(found))


def paced(
    server: SqsServer, consumer: Consumer, setting: Setting, messages: int = MESSAGES, group: str | None = None
) -> Pace:
    """Run one consumer on a queue with so many messages, all of them of this group."""
    filled = bodies(consumer, messages)
    with backlog(server, filled, group) as queue, running(consumer, setting, server, queue.url) as program:
        wait_until(_warm(queue, program, messages), WARM_UP_TIMEOUT_SECONDS, f"{consumer.name} does not consume")
        return _window(queue, program)


def _warm(queue: Backlog, program: Program, messages: int) -> Callable[[], bool]:
    def warm() -> bool:
        program.check()
        return queue.left() <= messages - WARM_UP_MESSAGES

    return warm


def _window(queue: Backlog, program: Program) -> Pace:
    begun, cpu_before, before = time.monotonic(), session_cpu_seconds(program.pid), queue.left()
    left = before
    while time.monotonic() < begun + WINDOW_SECONDS and left > LAST_MESSAGES:
        time.sleep(0.1)
        left = queue.left()
    seconds, cpu = time.monotonic() - begun, session_cpu_seconds(program.pid) - cpu_before
    return Pace((before - left) / seconds, cpu / max(1, before - left) * 1000)


def _medians(found: Paces, setting: Setting, name: str) -> Pace:
    paces = found[setting, name]
    return Pace(median(pace.per_second for pace in paces), median(pace.cpu_ms for pace in paces))


def _figures(found: Paces) -> Sequence[Figure]:
    figures = []
    for setting in PROMISED:
        ours = _medians(found, setting, OURS.name)
        figures += [
            Figure(f"messages per second ({setting})", round(ours.per_second)),
            Figure(f"CPU ms per message ({setting})", round(ours.cpu_ms, 3)),
        ]
        for peer in (BARE, *FRAMEWORKS):
            theirs = _medians(found, setting, peer.name).per_second
            limit = 0.5 if peer in FRAMEWORKS else 1.0
            name = f"speed of {peer.name}, ours being 1 ({setting})"
            # Where the handlers' own time is the bound, no consumer can be much faster than another: no limit.
            figures.append(Figure(name, round(theirs / ours.per_second, 3), None if setting.seconds else limit))
    return figures


def _details(found: Paces) -> dict[str, Any]:
    return {
        str(setting): {
            consumer.name: {
                "messages_per_second": round(_medians(found, setting, consumer.name).per_second, 1),
                "cpu_ms_per_message": round(_medians(found, setting, consumer.name).cpu_ms, 3),
                "rounds": [
                    [round(pace.per_second, 1), round(pace.cpu_ms, 3)] for pace in found[setting, consumer.name]
                ],
            }
            for consumer in CONSUMERS
        }
        for setting in (*PROMISED, *SWEPT)
    }


BENCH = Bench(name="throughput", measure=measure, needs=Needs.PEERS, options=("rounds",))
