"""Soak: hours of life in minutes. Pools come, change, fail and go all the time; the operator's usage must not grow."""

from benchmarks.bench import Bench, Needs
from benchmarks.result import Figure, Result
from testbed.environment import Environment
from testbed.soak import CHANGES_PER_SECOND, READINGS_PER_HOUR, SLACK, soak


async def measure(environment: Environment, *, pools: int, seconds: float) -> Result:
    """Soak for this long, with this many pools at any time."""
    found = await soak(environment, pools, seconds)
    figures = [
        Figure("hours", round(found.hours, 2)),
        Figure("changes", found.changes),
        Figure("readings", found.readings),
        Figure("failed_readings", found.failed_readings),
        Figure("slope_mib_per_hour", round(found.slope_mib_per_hour(), 2), limit=1.0),
        Figure("resident_mib", round(found.samples[-1].resident_mib, 1)),
        Figure("more_threads", found.growth("threads"), limit=SLACK),
        Figure("more_files", found.growth("files"), limit=SLACK),
        Figure("pools_with_a_wrong_size", len(found.wrong_sizes), limit=0),
        Figure("deleted_pools_in_the_metrics", len(found.left_over), limit=0),
    ]
    setting = (
        f"{pools} pools at pollSeconds 1 for {seconds:g} s; an hour is {READINGS_PER_HOUR:g} readings of each queue; "
        f"{CHANGES_PER_SECOND:g} changes a second: pools deleted and made, edited, Deployments deleted and made, "
        "queues missing, failing and back, other depths. The second half is measured"
    )
    rows = [[round(each.resident_mib, 2), each.threads, each.files] for each in found.samples]
    return Result("soak", setting, figures, {}, {"resident_mib_threads_files": rows, "wrong": found.wrong_sizes})


BENCH = Bench(name="soak", measure=measure, needs=Needs.ENVIRONMENT, options=("pools", "seconds"), by_default=False)
