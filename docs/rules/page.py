"""Fills in what `qwp explain` prints on docs/size.md, in the runs that its pictures show. `docs.generate` calls it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from textwrap import wrap

from docs.markdown import blocks
from docs.rules import runs
from docs.rules.engine import Tick
from queueworkerpool.errors import QueueUnreachableError
from queueworkerpool.explain import as_lines, explain
from queueworkerpool.model import NamespacedName, Observation, Pool, Target
from queueworkerpool.names import Reason
from queueworkerpool.report.status import next_status

MARK = "generated: explain "
"""What stands above a block, and after it a name of BLOCKS."""

STEP = re.compile(r" +\d+  \w+ +")
"""A step's number of pods and its reason; its message follows."""

KEPT, READ = "cannot be kept: ", "next reading: "
"""Lines of the account: one that belongs to the rules, and the first one that does not."""

WIDTH = 88
"""Where lines are broken, in characters."""

BLOCKS: Mapping[str, Callable[[], Tick]] = {
    "load": lambda: runs.load().first(Reason.SIZED_BY_LATENCY, after=10),
    "window": lambda: runs.window().first(Reason.SCALE_DOWN_STABILIZED, after=60),
    "messages-wait": lambda: runs.hold().first(Reason.MESSAGES_WAITING),
    "idle-workers": lambda: runs.hold().first(Reason.WAITING_FOR_IDLE_WORKERS),
    "last-pod": lambda: runs.last_pod().first(Reason.AWAITING_EMPTY_CONFIRMATION, after=1075),
    "learned": lambda: runs.learned_services()[-1],
    "slow-start": lambda: runs.slow_start().first(Reason.SIZED_BY_LATENCY, after=10),
    "maximum": lambda: runs.limits().first(Reason.TOO_MANY_REPLICAS),
    "schedule": lambda: runs.limits().first(Reason.SCHEDULED),
    "unreadable": lambda: runs.limits().first(Reason.QUEUE_UNREADABLE),
}


def with_explanations(page: str) -> str:
    """Return the page with what `qwp explain` prints. Raises LookupError for a block that nobody knows."""
    lines, parts, written = page.splitlines(), list[str](), 0
    for block in blocks(page):
        if block.comment.startswith(MARK):
            tick = BLOCKS[block.comment.removeprefix(MARK)]()
            parts += [*lines[written : block.line], *explained(tick)]
            written = block.line + len(block.text.splitlines())
    return "\n".join([*parts, *lines[written:]]) + "\n"


def explained(tick: Tick) -> Iterator[str]:
    """Yield what `qwp explain` prints of a decision: its steps, and what follows from them."""
    facts, decision = tick.facts, tick.decision
    target = Target(decision.replicas, facts.ready, resource_version=1)
    pool = Pool(
        key=NamespacedName("default", "orders"), uid="1", created="", generation=1, resource_version=1, spec=facts.spec
    )
    counts = tuple(each or QueueUnreachableError("SQS did not answer") for each in facts.readings)
    status = next_status(Observation(pool, target, counts=counts, decision=decision), facts.now)
    lines = as_lines(explain(replace(pool, status=status), target, facts.now))
    yield from (part for line in lines if line.startswith(KEPT) for part in _broken(line))
    for line in takewhile(lambda line: not line.startswith(READ), lines[lines.index("decided:") + 1 :]):
        yield from _broken(line)


def _broken(line: str) -> list[str]:
    """Return a line as several where it is too long for a page, each below the beginning of the message."""
    head = STEP.match(line)
    if head is None:
        return wrap(line, WIDTH, subsequent_indent=" " * len(KEPT))
    first, *others = wrap(line[head.end() :], WIDTH - head.end())
    return [head[0] + first, *(" " * head.end() + other for other in others)]
