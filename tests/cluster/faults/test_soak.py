"""A short soak: the benchmark of that name runs for longer, and measures more exactly."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from devcluster import UnavailableError, tools
from queueworkerpool.settings import Settings
from testbed import environment
from testbed.soak import SLACK, Soaked, soak

POOLS = 20
SOAK_SECONDS = 40

MAX_NEW_THREADS = POOLS + Settings().write_workers + SLACK
"""Threads, and their connections, more than before the first pool: one for each reading and each write that can be
under way at once. They are created when the machine is slow for a moment, and they stay; a leak has no bound."""

MAX_GROWTH_MIB = 8.0
"""In the second half; while it warms up a process may grow."""


def test_while_pools_come_change_fail_and_go_nothing_grows_and_in_the_end_every_size_is_right(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))

    async def soaked() -> Soaked:
        async with environment.started(tmp_path) as running:
            return await soak(running, POOLS, SOAK_SECONDS)

    found = asyncio.run(soaked())
    # How many there are depends on the machine: every pool was changed, and one reading in twenty failed.
    assert found.changes >= POOLS
    assert found.failed_readings >= found.readings / 20 > 0
    assert found.wrong_sizes == {}
    assert found.left_over == set()
    first, half = found.samples[0], found.second_half()
    assert max(each.threads for each in half) <= first.threads + MAX_NEW_THREADS
    assert max(each.files for each in half) <= first.files + MAX_NEW_THREADS
    assert half[-1].resident_mib - half[0].resident_mib < MAX_GROWTH_MIB
