"""A few crashes: what the benchmark of that name does two hundred times."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from devcluster import UnavailableError, tools
from testbed import crash_findings, crashes

KILLS = 6


def test_whenever_it_is_killed_each_size_is_written_once_and_no_window_is_cut_short(
    unavailable: Callable[[str], NoReturn],
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    run = asyncio.run(crashes.run(KILLS))
    found = crash_findings.judge(run)
    assert found.violations == dict.fromkeys(found.violations, 0), crash_findings.details(run.waves)
    assert found.kills >= KILLS
