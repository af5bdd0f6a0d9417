"""Fair queues: what one message group costs on a standard queue, where a group orders nothing.

Both kinds of messages take turns, round by round. moto holds the queue, because ElasticMQ takes no groups there.
"""

from collections.abc import Sequence
from statistics import median

from rich.progress import Progress

from benchmarks.bench import Bench
from benchmarks.consumers import OURS, Setting
from benchmarks.result import Figure, Result
from benchmarks.throughput import Pace, paced
from devcluster.sqs import MotoSqs

MESSAGES = 2500
SETTING = Setting(0.020, 8)
GROUPS = {"no group": None, "one group": "tenant"}
MOST_SLOWER = 1.05
NOTE = {"note": "all figures are of this run"}


def measure(*, rounds: int) -> Result:
    """Measure messages without a group and messages of one group over this many rounds."""
    plan = [kind for _ in range(rounds) for kind in GROUPS]
    found: dict[str, list[Pace]] = {kind: [] for kind in GROUPS}
    with MotoSqs() as server, Progress() as progress:
        for kind in progress.track(plan, description="fair_queue"):
            found[kind].append(paced(server, OURS, SETTING, MESSAGES, GROUPS[kind]))
    text = f"one worker process, moto beside it; medians of {rounds} rounds; {SETTING}"
    details = {kind: [round(pace.per_second, 1) for pace in paces] for kind, paces in found.items()}
    return Result("fair_queue", text, _figures(found), NOTE, {"messages_per_second": details})


def _figures(found: dict[str, list[Pace]]) -> Sequence[Figure]:
    without, one = (median(pace.per_second for pace in found[kind]) for kind in GROUPS)
    return [
        Figure("messages per second (one group)", round(one)),
        Figure("speed of messages without a group, those of one group being 1", round(without / one, 3), MOST_SLOWER),
    ]


BENCH = Bench(name="fair_queue", measure=measure, options=("rounds",))
