"""A few seconds of chaos: the benchmark of that name lets everything happen for longer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from devcluster import UnavailableError, tools
from testbed.chaos.run import LANES, TROUBLES, Chaos, run
from testbed.chaos.world import started

CHAOS_SECONDS = 8
SEED = 15
LIVEZ_SECONDS = 30.0
"""On a slow machine a probe may fail; the kubelet restarts an operator when three in a row have failed."""

SLOWLY_REPORTED = {"slow", "lost", "queue-silent"}
"""By what takes a while: a message that runs, a watch that ends, a request without an answer."""


def test_whatever_happens_at_once_is_reported_and_in_the_end_every_size_is_right(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    chosen = [each for each in TROUBLES if each.name not in SLOWLY_REPORTED]

    async def chaos() -> Chaos:
        async with started(tmp_path) as world:
            return await run(world, CHAOS_SECONDS, SEED, chosen, LIVEZ_SECONDS)

    found = asyncio.run(chaos())
    assert (found.unreported(), found.failures, found.wrong_sizes) == ([], [], {})
    assert (found.restarts, found.livez_failures) == (0, [])
    assert len(found.happened) >= LANES
