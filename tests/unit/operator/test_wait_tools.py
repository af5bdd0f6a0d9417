"""What tools that wait for a release make of a pool: Helm and Flux go by the rules of kstatus."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import QueueAddressInvalidError
from queueworkerpool.model import InvalidPool, Mode, Observation
from queueworkerpool.report.status import invalid_status
from testbed.kstatus import Health, health
from tests.unit.operator.builders import NOW, invalid_pool, reading
from tests.unit.operator.fakes import observe, status_of, stored, target
from tests.unit.operator.rows_of_conditions import (
    BROKEN,
    DRY_RUN,
    FORBIDDEN,
    MISSING,
    OWNED,
    PAUSED,
    REFUSED,
    UNREADABLE,
)

ROWS: dict[str, tuple[Observation | InvalidPool, Health]] = {
    "a pool that scales": (observe(), Health.CURRENT),
    "a paused pool": (PAUSED, Health.CURRENT),
    "a paused pool without its Deployment": (replace(PAUSED, target=None), Health.CURRENT),
    "a dry run": (DRY_RUN, Health.CURRENT),
    "a Deployment that comes later in the same release": (MISSING, Health.IN_PROGRESS),
    "a queue that is not there yet": (UNREADABLE, Health.IN_PROGRESS),
    "a size that is refused": (REFUSED, Health.IN_PROGRESS),
    "an older pool that may go with the same release": (OWNED, Health.IN_PROGRESS),
    "a size that waits for its window": (observe({"reading": reading(0), "replicas": 4}), Health.CURRENT),
    # Only an edit helps: waiting any longer does not.
    "a spec that makes no sense": (BROKEN, Health.FAILED),
    "the operator's own Deployment": (FORBIDDEN, Health.FAILED),
    "the operator's own Deployment, paused": (
        replace(FORBIDDEN, pool=observe({"mode": Mode.PAUSED}).pool),
        Health.CURRENT,
    ),
    "a URL that no queue can have": (
        observe({"reading": None}, counts=(QueueAddressInvalidError("no region"),)),
        Health.FAILED,
    ),
}


def reported(observed: Observation | InvalidPool) -> dict[str, Any]:
    return status_of(observed) if isinstance(observed, Observation) else invalid_status(observed, target(), NOW).dump()


def verdict_on(status: dict[str, Any], generation: int = 1) -> Health:
    return health({"metadata": {"generation": generation}, "status": status})


@pytest.mark.parametrize("row", ROWS)
def test_a_release_with(row: str) -> None:
    observed, verdict = ROWS[row]
    assert verdict_on(reported(observed)) is verdict


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_is_in_progress_until_a_tick_has_seen_it(row: str) -> None:
    observed, verdict = ROWS[row]
    before = reported(observed)
    assert verdict_on(before, generation=2) is Health.IN_PROGRESS
    if isinstance(observed, InvalidPool):
        after = invalid_status(invalid_pool(generation=2, status=before), target(), NOW).dump()
    else:
        after = status_of(replace(observed, pool=stored(replace(observed.pool, generation=2), before)))
    assert verdict_on(after, generation=2) is verdict


def test_a_pool_that_no_operator_has_seen_is_in_progress() -> None:
    """The definition gives it this status."""
    assert verdict_on({"observedGeneration": -1}) is Health.IN_PROGRESS


def test_a_pool_that_is_deleted_is_terminating() -> None:
    deleted = {"generation": 1, "deletionTimestamp": "2026-11-23T12:00:00Z"}
    assert health({"metadata": deleted, "status": reported(observe())}) is Health.TERMINATING
