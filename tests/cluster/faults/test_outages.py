"""Short outages of every kind, all at once: the benchmark measures longer ones."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from devcluster import UnavailableError, tools
from testbed.fleet import fleet
from testbed.outages import FAULTS, RECOVERY_TIMEOUT_SECONDS, Recovery, break_requests, stop_api_server

OUTAGE_SECONDS = 5.0
CHOSEN = [
    fault
    for fault in FAULTS
    if fault.scope in {"everything", "real"}
    or fault.kind.startswith("error")
    or (fault.kind, fault.scope) in {("half-open", "watch"), ("503", "watch"), ("half-open", "PATCH"), ("429", "PATCH")}
]
"""At other scopes the operator sees nothing that it does not see at these; the benchmark has them all."""


def harm(found: dict[str, Recovery]) -> dict[str, Recovery]:
    """Return the recoveries that did harm, by the fault; a late one does none."""
    return {
        name: each
        for name, each in found.items()
        if each.seconds >= RECOVERY_TIMEOUT_SECONDS or each.wrong_writes or each.restarts or each.livez_failures
    }


def test_after_an_outage_of_any_kind_the_replicas_are_right_by_one_write_each_and_nobody_was_restarted(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))

    async def both() -> tuple[dict[str, Recovery], dict[str, Recovery]]:
        async with fleet(tmp_path, CHOSEN) as operators:
            return await break_requests(operators, OUTAGE_SECONDS), await stop_api_server(operators, OUTAGE_SECONDS)

    broken, stopped = asyncio.run(both())
    assert len(broken) == len(stopped) == len(CHOSEN)
    assert harm(broken) == {}
    assert harm(stopped) == {}
