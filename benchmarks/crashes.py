"""Crashes: the operator is killed again and again while loads rise and fall, and what it writes stays right."""

import asyncio

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from testbed import crash_findings, crashes
from testbed.crashes import MAX_LIFE_SECONDS, POLICY_PERIOD_SECONDS, POLICY_PODS, TOP, WINDOW_SECONDS

SETTING = (
    f"1 operator without election; pools at pollSeconds 1: two with a scale-in window of {WINDOW_SECONDS} s whose "
    f"loads come in five steps at random moments, one more that grows by at most {POLICY_PODS} pods in "
    f"{POLICY_PERIOD_SECONDS} s, one that goes to zero after {WINDOW_SECONDS} s without messages; in waves to {TOP} "
    f"pods and back to the least, the first without a kill. SIGKILL in turn at 0 to {MAX_LIFE_SECONDS:g} s of life, at "
    f"0 to {MAX_LIFE_SECONDS:g} s of readiness, and when a new size is seen. Wrong: a size that no load calls for, one "
    "written twice or out of order, another one in the end"
)


def measure(*, rounds: int) -> Result:
    """Kill the operator at least `rounds` times."""
    run = asyncio.run(crashes.run(rounds))
    found = crash_findings.judge(run)
    figures = [
        Figure("kills", found.kills),
        Figure("waves", found.waves),
        Figure("kills_between_a_write_and_its_status", found.kills_before_status),
        *(Figure(name, count, limit=0) for name, count in found.violations.items()),
        Figure("longest_scale_in_seconds", found.longest_scale_in_seconds, limit=2.0 * WINDOW_SECONDS),
    ]
    return Result("crashes", SETTING, figures, {}, {"waves": crash_findings.details(run.waves)})


BENCH = Bench(name="crashes", measure=measure, options=("rounds",), by_default=False)
