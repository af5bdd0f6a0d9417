"""A few good pools beside hostile ones of each kind; the bench of neighbours has hundreds, and looks at intervals."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.api import POOLS
from benchmarks.bed import made
from benchmarks.neighbours import HOSTILE, Loads, hostile, reasons
from devcluster import UnavailableError, tools

GOOD = ["good-0", "good-1", "good-2"]
PATIENCE_SECONDS = 90.0
TOLD = {
    "dead": {"QueueUnreachable": 1},
    "silent": {"QueueUnreachable": 1},
    "missing": {"TargetNotFound": 1},
    "heavy": {"Ready": 1},
    "twins": {"Ready": 1, "TargetConflict": 1},
    "restless": {"Ready": 1},
}
"""Why the hostile pools are ready or not."""

UNTROUBLED = {
    "Ready": "Ready",
    "QueueReachable": "QueueRead",
    "TargetFound": "TargetFound",
    "ScalingActive": "ScalingActive",
    "ScalingLimited": "DesiredWithinRange",
    "WorkersProtected": "WorkersSilent",  # there are no pods
    "ScaleConflict": "NoConflict",
}


def test_good_pools_reach_their_sizes_beside_hostile_ones_whose_troubles_stay_their_own(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    wrong, told, listed = asyncio.run(beside(tmp_path))
    assert (wrong, told) == ([], TOLD)
    assert {pool["metadata"]["name"]: conditions(pool) for pool in listed} == dict.fromkeys(GOOD, UNTROUBLED)


async def beside(folder: Path) -> tuple[list[str], Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """The good pools whose size is wrong, what is told of the hostile ones, and the good ones as they are."""
    async with made(folder) as bed:
        loads = Loads(bed, GOOD)
        counts = dict.fromkeys(HOSTILE, 1) | {"twins": 2}
        async with hostile(bed, loads, counts):
            await loads.let_in(poll_seconds=1)
            assert await loads.settle(PATIENCE_SECONDS) == []
            loads.add(GOOD)
            ends = time.monotonic() + PATIENCE_SECONDS
            while (told := await reasons(bed)) != TOLD and time.monotonic() < ends:  # noqa: ASYNC110 -- polls the API server
                await asyncio.sleep(0.2)
            return await loads.settle(PATIENCE_SECONDS), told, (await bed.api.get(POOLS))["items"]


def conditions(pool: Mapping[str, Any]) -> dict[str, str]:
    return {each["type"]: each["reason"] for each in pool["status"]["conditions"]}
