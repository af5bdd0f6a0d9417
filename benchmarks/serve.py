"""Programs in any language: what a message costs with --serve beside a process of its own with --exec.

Both do nothing, in Node. `true` is the quickest command that --exec can start, and shown beside them: there the worker
itself and SQS's stand-in are the bound. They take turns, round by round.
"""

from collections.abc import Sequence
from statistics import median

from rich.progress import Progress

from benchmarks.bench import Bench
from benchmarks.consumers import EXEC, EXEC_TRUE, SERVE, Consumer, Setting
from benchmarks.result import Figure, Result
from benchmarks.throughput import Pace, paced
from devcluster.sqs import ElasticMq

SETTING = Setting(0, 8)
MESSAGES = {SERVE: 14_000, EXEC: 1200, EXEC_TRUE: 5000}
MOST_OF_EXEC = 0.1
NOTE = {"note": "all figures are of this run"}


def measure(*, rounds: int) -> Result:
    """Measure them over this many rounds."""
    plan = [consumer for _ in range(rounds) for consumer in MESSAGES]
    found: dict[Consumer, list[Pace]] = {consumer: [] for consumer in MESSAGES}
    with ElasticMq() as server, Progress() as progress:
        paced(server, SERVE, SETTING, MESSAGES[SERVE])  # Java becomes fast only with use
        for consumer in progress.track(plan, description="serve"):
            found[consumer].append(paced(server, consumer, SETTING, MESSAGES[consumer]))
    text = f"one worker process, ElasticMQ beside it; medians of {rounds} rounds; {SETTING}"
    details = {consumer.name: [round(pace.per_second, 1) for pace in paces] for consumer, paces in found.items()}
    return Result("serve", text, _figures(found), NOTE, {"messages_per_second": details})


def _figures(found: dict[Consumer, list[Pace]]) -> Sequence[Figure]:
    speed = {each: median(pace.per_second for pace in paces) for each, paces in found.items()}
    return [
        *(Figure(f"messages per second ({each.name})", round(speed[each])) for each in found),
        Figure("speed of --exec, --serve being 1 (Node)", round(speed[EXEC] / speed[SERVE], 3), MOST_OF_EXEC),
        Figure("speed of --exec true, --serve in Node being 1", round(speed[EXEC_TRUE] / speed[SERVE], 3)),
    ]


BENCH = Bench(name="serve", measure=measure, options=("rounds",))
