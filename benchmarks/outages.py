"""Outages of the API server: how soon after them the replicas are right, and what went wrong in the meantime.

Every fault happens to an operator of its own, all at the same time. Then the real API server is stopped for as long,
for all operators at once.
"""

import asyncio
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster.faults import Fault
from testbed.fleet import POLL_SECONDS, POOLS, fleet
from testbed.outages import FAULTS, Recovery, break_requests, stop_api_server

MAX_RECOVERY_SECONDS = 15.0
"""What the operator promises."""


def measure(seconds: int) -> Result:
    """Run the bench for outages of this length; its logs stay when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-outages-"))
    found = asyncio.run(_measure(folder, seconds, FAULTS))
    if found.holds:
        shutil.rmtree(folder)
    return found


async def _measure(folder: Path, seconds: int, faults: Sequence[Fault]) -> Result:
    async with fleet(folder, faults) as operators:
        proxied = await break_requests(operators, seconds)
        stopped = await stop_api_server(operators, seconds)
    found = [*proxied.values(), *stopped.values()]
    figures = [
        Figure("median_recovery_seconds", round(statistics.median(each.seconds for each in found), 2)),
        Figure("maximum_recovery_seconds", max(each.seconds for each in found), limit=MAX_RECOVERY_SECONDS),
        Figure("wrong_writes", sum(each.wrong_writes for each in found), limit=0),
        Figure("restarts", sum(each.restarts for each in found), limit=0),
        Figure("livez_failures", sum(len(each.livez_failures) for each in found), limit=0),
    ]
    setting = (
        f"{len(faults)} operators, each behind a proxy with a fault of its own for {seconds} s, then the real API "
        f"server stopped for {seconds} s; {len(POOLS)} pools each, of which one is edited meanwhile; "
        f"pollSeconds {POLL_SECONDS}"
    )
    details = {"faults": _details(proxied), "api server stopped": _details(stopped)}
    return Result(f"outages_{seconds}", setting, figures, {}, details)


def _details(found: Mapping[str, Recovery]) -> dict[str, Any]:
    return {
        name: {
            "recovery_seconds": each.seconds,
            "wrong_writes": each.wrong_writes,
            "restarts": each.restarts,
            "livez": sorted(set(each.livez_failures)),
        }
        for name, each in found.items()
    }


BENCHES = tuple(
    Bench(name=f"outages_{seconds}", measure=partial(measure, seconds), by_default=by_default)
    for seconds, by_default in ((5, True), (75, True), (600, False))
)
