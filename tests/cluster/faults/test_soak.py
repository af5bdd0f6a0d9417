"""A short soak: what the bench of that name does for longer, and measures more exactly."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from benchmarks.bed import made
from benchmarks.soak import SLACK, Soaked, soak
from devcluster import UnavailableError, tools
from queueworkerpool.settings import Settings

POOLS = 20
SECONDS = 40

MOST_MORE = POOLS + Settings().write_workers + SLACK
"""Threads, and their connections, more than before the first pool: one for each reading and each write that can be
under way at once. So many are there once the machine was slow for a moment, and they stay; what leaks has no bound."""

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
            return await soak(bed, POOLS, SECONDS)

    found = asyncio.run(soaked())
    assert found.changes >= SECONDS
    assert found.failed_readings >= SECONDS
    assert found.wrong_sizes == {}
    assert found.left_over == set()
    first, half = found.samples[0], found.second_half()
    assert max(each.threads for each in half) <= first.threads + MOST_MORE
    assert max(each.files for each in half) <= first.files + MOST_MORE
    assert half[-1].resident_mib - half[0].resident_mib < MOST_GROWTH_MIB
