"""Chaos: every kind of trouble at random, several at once, beside pools whose sizes are known."""

import asyncio
import shutil
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from testbed import interpreters
from testbed.chaos.run import LANES, REPORTED_SECONDS, STEADY_POOLS, TROUBLES, Chaos, run
from testbed.chaos.world import started

MAX_PEAK_MIB = 256.0
"""The chart's limit of memory."""


def measure(seconds: float, seed: int) -> Result:
    """Let troubles happen for this long; the logs stay when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-chaos-"))
    found = asyncio.run(_measure(folder, seconds, seed))
    result = _result(found, seconds, seed)
    if result.holds:
        shutil.rmtree(folder)
    return result


async def _measure(folder: Path, seconds: float, seed: int) -> Chaos:
    async with started(folder, interpreters.image_interpreter(folder)) as world:
        return await run(world, seconds, seed)


def _result(found: Chaos, seconds: float, seed: int) -> Result:
    reported = found.reported_seconds() or [0.0]
    names = {each.trouble.name for each in found.happened}
    figures = [
        Figure("troubles", len(found.happened)),
        Figure("troubles_that_never_happened", len({each.name for each in TROUBLES} - names)),
        Figure("wrong_sizes", len(found.wrong_sizes), limit=0),
        Figure("restarts", found.restarts, limit=0),
        Figure("livez_failures", len(found.livez_failures), limit=0),
        Figure("unreported", len(found.unreported()), limit=0),
        Figure("failures", len(found.failures), limit=0),
        Figure("reported_seconds_median", round(statistics.median(reported), 2)),
        Figure("reported_seconds_maximum", round(max(reported), 2), limit=REPORTED_SECONDS),
        Figure("peak_mib", round(found.peak_mib, 1), limit=MAX_PEAK_MIB),
    ]
    setting = (
        f"{len(TROUBLES)} troubles of {len({each.kind for each in TROUBLES})} kinds for {seconds:g} s, seed {seed}, "
        f"{LANES} at once and one that happens everywhere; {STEADY_POOLS} pools whose loads change all the time beside "
        f"those of the troubles, at pollSeconds 1"
    )
    return Result("chaos", setting, figures, {}, _details(found))


def _details(found: Chaos) -> dict[str, Any]:
    slowest: dict[str, float | None] = {}
    for each in sorted(found.happened, key=lambda each: each.reported_seconds or 0.0):
        slowest[each.trouble.name] = round(each.reported_seconds, 1) if each.reported_seconds is not None else None
    return {
        "times": dict(Counter(each.trouble.name for each in found.happened)),
        "slowest reported_seconds": slowest,
        "unreported": found.unreported(),
        "failures": found.failures,
        "wrong_sizes": found.wrong_sizes,
        "livez": sorted(set(found.livez_failures)),
    }


BENCH = Bench(name="chaos", measure=measure, options=("seconds", "seed"), by_default=False)
