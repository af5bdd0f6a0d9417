"""A few good pools beside hostile ones of each kind; the benchmark has hundreds, and measures the reading intervals."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from devcluster import UnavailableError, tools
from testbed import environment
from testbed.api import POOLS
from testbed.neighbours import HOSTILE, Loads, hostile_pools, hostile_reasons

GOOD = ["good-0", "good-1", "good-2"]
SETTLE_TIMEOUT_SECONDS = 90.0
HOSTILE_REASONS = {
    "dead": {"QueueUnreachable": 1},
    "silent": {"QueueUnreachable": 1},
    "missing": {"TargetNotFound": 1},
    "heavy": {"Ready": 1},
    "twins": {"Ready": 1, "TargetConflict": 1},
    "restless": {"Ready": 1},
}
"""Why the hostile pools are ready or not."""

HEALTHY = {
    "Ready": "Ready",
    "QueueReachable": "QueueRead",
    "TargetFound": "TargetPaused",  # the test bed wants no pods
    "AbleToScale": "ReadyForNewScale",
    "ScalingActive": "ScalingActive",
    "ScalingLimited": "DesiredWithinRange",
    "WorkersProtected": "WorkersSilent",  # there are no pods
    "ScaleConflict": "NoConflict",
}


def test_good_pools_reach_their_sizes_beside_hostile_ones_whose_failures_stay_their_own(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    observed = asyncio.run(beside(tmp_path))
    assert (observed.wrong, observed.hostile_reasons) == ([], HOSTILE_REASONS)
    assert {pool["metadata"]["name"]: conditions(pool) for pool in observed.good} == dict.fromkeys(GOOD, HEALTHY)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The good pools whose size is wrong, why the hostile ones are ready or not, and the good ones as they are."""

    wrong: list[str]
    hostile_reasons: Mapping[str, Any]
    good: Sequence[Mapping[str, Any]]


async def beside(folder: Path) -> Observed:
    """Run good pools beside hostile ones until all have settled."""
    async with environment.started(folder) as running:
        loads = Loads(running, GOOD)
        async with hostile_pools(loads, dict.fromkeys(HOSTILE, 1) | {"twins": 2}):
            await loads.create_good(poll_seconds=1)
            assert await loads.settle(SETTLE_TIMEOUT_SECONDS) == []
            loads.add(GOOD)
            deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
            while (reasons := await hostile_reasons(running)) != HOSTILE_REASONS and time.monotonic() < deadline:  # noqa: ASYNC110 -- polls the API server
                await asyncio.sleep(0.2)
            wrong = await loads.settle(SETTLE_TIMEOUT_SECONDS)
            return Observed(wrong=wrong, hostile_reasons=reasons, good=(await running.api.get(POOLS))["items"])


def conditions(pool: Mapping[str, Any]) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in pool["status"]["conditions"]}
