"""A short soak: what the bench of that name does for longer, and measures more exactly."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from benchmarks.bed import made
from benchmarks.soak import SLACK, Soaked, soak
from devcluster import UnavailableError, tools

MOST_GROWTH_MIB = 8.0
"""In the second half; while it warms up a process may grow."""


def test_while_pools_come_change_fail_and_go_nothing_grows_and_in_the_end_all_is_as_it_should_be(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))

    async def soaked() -> Soaked:
        async with made(tmp_path) as bed:
            return await soak(bed, pools=20, seconds=40)

    found = asyncio.run(soaked())
    assert found.changes >= 40
    assert found.failed_readings >= 40
    assert found.wrong_sizes == {}
    assert found.left_over == set()
    assert found.growth("threads") <= SLACK
    assert found.growth("files") <= SLACK
    half = found.second_half()
    assert half[-1].resident_mib - half[0].resident_mib < MOST_GROWTH_MIB
