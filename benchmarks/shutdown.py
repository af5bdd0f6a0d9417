"""Shutdown: SIGTERM while a consumer holds a hundred messages. How many stay in flight without a worker?

The queue hides messages for ten minutes, so whatever is in flight after the process's end is stranded. A message that
is neither handled nor on the queue any more is lost.
"""

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.progress import Progress

from benchmarks.backlog import Backlog, backlog
from benchmarks.bench import Bench, Needs
from benchmarks.consumers import BARE, CONSUMERS, OURS, Consumer, Setting, bodies, running
from benchmarks.result import Figure, Result
from devcluster.processes import wait_until
from devcluster.sqs import ElasticMq, SqsServer

MESSAGES = 1000
IN_FLIGHT = 100
SETTING = Setting(5.0, 90)  # ten more are received ahead
LOOP = Setting(5.0, 10)  # each thread of the bare loop holds its ten
FULL_TIMEOUT_SECONDS = 30.0
STEADY_SECONDS = 2.0
"""A consumer that has received no message for this long, with its handlers at their first ones, is full."""

END_TIMEOUT_SECONDS = 60.0
NOTE = {"note": "all figures are of this run; a consumer that cannot hold a hundred holds as many as it can"}


@dataclass(frozen=True, slots=True)
class Shutdown:
    """What one run measured, in messages and seconds."""

    in_flight: int
    stranded: int
    lost: int
    seconds: float


def measure(*, rounds: int) -> Result:
    """End every consumer once per round."""
    plan = [consumer for _ in range(rounds) for consumer in CONSUMERS]
    found: dict[str, list[Shutdown]] = {consumer.name: [] for consumer in CONSUMERS}
    with ElasticMq() as server, Progress() as progress:
        for consumer in progress.track(plan, description="shutdown"):
            found[consumer.name].append(ended(server, consumer))
    text = f"SIGTERM with {IN_FLIGHT} messages in flight, handlers of {SETTING.seconds:g} s, {rounds} rounds, ElasticMQ"
    details = {name: [asdict(each) for each in shutdowns] for name, shutdowns in found.items()}
    return Result("shutdown", text, _figures(found), NOTE, details)


def ended(server: SqsServer, consumer: Consumer) -> Shutdown:
    """End one consumer, and count what became of its messages."""
    setting = LOOP if consumer is BARE else SETTING
    with tempfile.TemporaryDirectory() as folder, backlog(server, bodies(consumer, MESSAGES)) as queue:
        journal = Path(folder) / "journal"
        with running(consumer, setting, server, queue.url, journal) as program:
            held = _full(queue)
            begun = time.monotonic()
            os.kill(program.pid, signal.SIGTERM)
            wait_until(lambda: not program.running, END_TIMEOUT_SECONDS, f"{consumer.name} does not end")
            seconds = time.monotonic() - begun
        visible, stranded = queue.depth()
        handled = journal.stat().st_size if journal.exists() else 0
    return Shutdown(held, stranded, max(0, MESSAGES - handled - visible - stranded), round(seconds, 2))


def _full(queue: Backlog) -> int:
    """Wait until the consumer holds a hundred messages, or receives no more; return how many it holds."""
    held, since = 0, time.monotonic()

    def full() -> bool:
        nonlocal held, since
        if (now := queue.depth()[1]) != held:
            held, since = now, time.monotonic()
        return held >= IN_FLIGHT or (held > 0 and time.monotonic() > since + STEADY_SECONDS)

    wait_until(full, FULL_TIMEOUT_SECONDS, "the consumer does not consume")
    return held


def _figures(found: dict[str, list[Shutdown]]) -> Sequence[Figure]:
    figures = []
    for name, shutdowns in found.items():
        limit = 0.0 if name == OURS.name else None
        figures += [
            Figure(f"stranded by {name}, at most", max(each.stranded for each in shutdowns), limit),
            Figure(f"lost by {name}, at most", max(each.lost for each in shutdowns), limit),
            Figure(f"held by {name} at SIGTERM", median(each.in_flight for each in shutdowns)),
            Figure(f"seconds to the end of {name}", median(each.seconds for each in shutdowns)),
        ]
    return figures


BENCH = Bench(name="shutdown", measure=measure, needs=Needs.PEERS, options=("rounds",))
