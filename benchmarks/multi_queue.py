"""Several queues in one worker: what eight cost beside one, what a slow and a missing one cost others, and shares.

Each kind of run has queues of its own, which stay full while it is measured. Handlers write a byte for each message, so
that counting asks nothing of the server. Kinds take turns, round by round.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from rich.progress import Progress

from benchmarks.backlog import backlog
from benchmarks.bench import Bench
from benchmarks.consumers import OURS, Setting, running
from benchmarks.result import Figure, Result
from devcluster.processes import Program, wait_until
from devcluster.sqs import ElasticMq
from testbed.process_usage import session_cpu_seconds

WARM_UP_MESSAGES = 300
WARM_UP_TIMEOUT_SECONDS = 30.0
WINDOW_SECONDS = 3.0
LAST_MESSAGES = 500
"""A window ends early when only this many messages are left of those that are counted."""

MOST_FASTER = 1.5
"""How much faster one queue may be than eight with as many messages."""
MOST_CPU = 1.6
"""How much more CPU a message may take in eight queues than in one."""
MOST_DISTURBED = 1.15
"""How much faster four queues may be without a slow one and one that does not exist beside them."""
MOST_OFF = 0.05
"""How far the share of a queue may be from what its weight says."""

WORKER = replace(
    OURS,
    arguments=(
        *("-m", "queueworker", "--handler", "benchmarks.peers.several_queues_app:handle", "--concurrency", "{c}"),
        *("--visibility-seconds", "600", "--state-port", "0", "--log-level", "error"),
    ),
)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with messages that all take as long; without messages it does not exist."""

    messages: int
    seconds: float = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """Queues of one worker."""

    queues: Sequence[Queue]
    concurrency: int
    counted: int
    """How many of the queues, the first ones, are measured."""


QUICK, SLOW, MISSING = Queue(3500), Queue(400, seconds=5), Queue(0)
KINDS = {
    "one queue": Kind((Queue(14_000),), 80, 1),
    "eight queues": Kind((Queue(1750),) * 8, 80, 8),
    "four queues": Kind((QUICK,) * 4, 60, 4),
    "four beside a slow and a missing one": Kind((*(QUICK,) * 4, SLOW, MISSING), 60, 4),
    "weights 3 and 1": Kind((Queue(4000, 0.01, weight=3), Queue(4000, 0.01)), 8, 2),
}
NOTE = {"note": "all figures are of this run"}


@dataclass(frozen=True, slots=True)
class Pace:
    """What one run measured, of the queues that are counted."""

    per_second: Sequence[float]
    """The messages of each queue."""
    cpu_ms: float
    """For each message."""


Paces = dict[str, list[Pace]]
"""For each kind its rounds."""


def measure(*, rounds: int) -> Result:
    """Measure every kind over this many rounds."""
    plan = [name for _ in range(rounds) for name in KINDS]
    found: Paces = {name: [] for name in KINDS}
    with ElasticMq() as server, Progress() as progress:
        _paced(server, KINDS["one queue"])  # Java becomes fast only with use
        for name in progress.track(plan, description="multi_queue"):
            found[name].append(_paced(server, KINDS[name]))
    text = f"one worker process, ElasticMQ beside it; medians of {rounds} rounds; no-op handlers but for the weights"
    details = {
        name: [
            {"messages_per_second": [round(each, 1) for each in pace.per_second], "cpu_ms": pace.cpu_ms}
            for pace in paces
        ]
        for name, paces in found.items()
    }
    return Result("multi_queue", text, _figures(found), NOTE, details)


def _figures(found: Paces) -> Sequence[Figure]:
    one, eight, four, disturbed = (
        median(sum(pace.per_second) for pace in found[name])
        for name in ("one queue", "eight queues", "four queues", "four beside a slow and a missing one")
    )
    cpu_of_one, cpu_of_eight = (median(pace.cpu_ms for pace in found[name]) for name in ("one queue", "eight queues"))
    slowest = median(min(pace.per_second) / max(pace.per_second) for pace in found["eight queues"])
    share = median(pace.per_second[0] / sum(pace.per_second) for pace in found["weights 3 and 1"])
    return [
        Figure("messages per second (eight queues)", round(eight)),
        Figure("speed of one queue, eight being 1", round(one / eight, 3), MOST_FASTER),
        Figure("CPU per message of eight queues, one being 1", round(cpu_of_eight / cpu_of_one, 3), MOST_CPU),
        Figure("speed of the slowest of eight queues, the fastest being 1", round(slowest, 3)),
        Figure(
            "speed of four queues, beside a slow and a missing one being 1", round(four / disturbed, 3), MOST_DISTURBED
        ),
        Figure("share of a queue of weight 3 beside one of weight 1", round(share, 3)),
        Figure("how far that is from 0.75", round(abs(share - 0.75), 3), MOST_OFF),
    ]


def _paced(server: ElasticMq, kind: Kind) -> Pace:
    """Run a worker on new queues."""
    setting = Setting(0, kind.concurrency)
    with _queues(server, kind.queues) as urls, tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        with running(WORKER, setting, server, " ".join(urls), journal) as program:
            return _window(program, kind, [Path(f"{journal}-{_name(index)}") for index in range(kind.counted)])


@contextmanager
def _queues(server: ElasticMq, queues: Sequence[Queue]) -> Iterator[Sequence[str]]:
    """Make the queues; yield their URLs with their weights."""
    with ExitStack() as stack:
        urls: list[str] = []
        for index, queue in enumerate(queues):
            name, bodies = _name(index), [str(queue.seconds)] * queue.messages
            if queue.messages:
                url = stack.enter_context(backlog(server, bodies, name=name)).url
            else:
                url = urls[0].partition(",")[0].removesuffix(_name(0)) + name
            urls.append(f"{url},{queue.weight}")
        yield urls


def _name(index: int) -> str:
    return f"bench-{index}"


def _window(program: Program, kind: Kind, journals: Sequence[Path]) -> Pace:
    def handled() -> Sequence[int]:
        return [journal.stat().st_size if journal.exists() else 0 for journal in journals]

    def warm() -> bool:
        program.check()
        return sum(handled()) >= WARM_UP_MESSAGES

    wait_until(warm, WARM_UP_TIMEOUT_SECONDS, "the worker does not consume")
    last = sum(queue.messages for queue in kind.queues[: kind.counted]) - LAST_MESSAGES
    begun, cpu_before, before = time.monotonic(), session_cpu_seconds(program.pid), handled()
    while time.monotonic() < begun + WINDOW_SECONDS and sum(handled()) < last:
        time.sleep(0.05)
    seconds, cpu, after = time.monotonic() - begun, session_cpu_seconds(program.pid) - cpu_before, handled()
    per_second = [(end - start) / seconds for start, end in zip(before, after, strict=True)]
    return Pace(per_second, round(cpu / max(1, sum(after) - sum(before)) * 1000, 3))


BENCH = Bench(name="multi_queue", measure=measure, options=("rounds",))
