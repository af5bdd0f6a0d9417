"""Short outages of every kind, all at once: what the bench of outages measures for longer ones."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from benchmarks.fleet import fleet
from benchmarks.outages import FAULTS, GIVE_UP_SECONDS, Found, outage, stop
from devcluster import UnavailableError, tools

SECONDS = 5.0
CHOSEN = [
    fault
    for fault in FAULTS
    if fault.scope in {"everything", "real"}
    or fault.kind.startswith("error")
    or (fault.kind, fault.scope) in {("half-open", "watch"), ("503", "watch"), ("half-open", "PATCH"), ("429", "PATCH")}
]
"""At some scopes the operator sees nothing that it does not see at these; the bench has them all."""


def harm(found: dict[str, Found]) -> dict[str, Found]:
    """What harm was done, by the fault; a machine that is slow does none."""
    return {
        name: each
        for name, each in found.items()
        if each.recovery >= GIVE_UP_SECONDS or each.wrong_writes or each.restarts or each.complaints
    }


def test_after_an_outage_of_any_kind_the_replicas_are_right_by_one_write_each_and_nobody_was_restarted(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))

    async def both() -> tuple[dict[str, Found], dict[str, Found]]:
        async with fleet(tmp_path, CHOSEN) as all_of_them:
            return await outage(all_of_them, SECONDS), await stop(all_of_them, SECONDS)

    broken, stopped = asyncio.run(both())
    assert len(broken) == len(stopped) == len(CHOSEN)
    assert harm(broken) == {}
    assert harm(stopped) == {}
