"""What tools that wait for a release make of a pool: Helm, Flux and Argo CD go by kstatus' rules, written down here."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.model import InvalidPool, Observation
from queueworkerpool.report.status import invalid_status
from tests.unit.operator.builders import NOW, invalid_pool
from tests.unit.operator.fakes import observe, status_of, stored, target
from tests.unit.operator.rows_of_conditions import BROKEN, DRY_RUN, MISSING, PAUSED, REFUSED, UNREADABLE


def kstatus(generation: int, status: dict[str, Any]) -> str:
    """The verdict of sigs.k8s.io/cli-utils/pkg/kstatus on a custom resource that is not being deleted."""
    if status.get("observedGeneration", generation) != generation:
        return "InProgress"
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "Current" if conditions.get("Ready", "True") == "True" else "InProgress"


ROWS: dict[str, tuple[Observation | InvalidPool, str]] = {
    "a pool that scales": (observe(), "Current"),
    "a paused pool": (PAUSED, "Current"),
    "a paused pool without its Deployment": (replace(PAUSED, target=None), "Current"),
    "a dry run": (DRY_RUN, "Current"),
    "a Deployment that comes later in the same release": (MISSING, "InProgress"),
    "a queue that is not there yet": (UNREADABLE, "InProgress"),
    "a size that is refused": (REFUSED, "InProgress"),
    "a spec that makes no sense": (BROKEN, "InProgress"),
}


def reported(observed: Observation | InvalidPool) -> dict[str, Any]:
    return status_of(observed) if isinstance(observed, Observation) else invalid_status(observed, target(), NOW).dump()


@pytest.mark.parametrize("row", ROWS)
def test_a_release_with(row: str) -> None:
    observed, verdict = ROWS[row]
    assert kstatus(1, reported(observed)) == verdict


@pytest.mark.parametrize("row", ROWS)
def test_an_edit_is_in_progress_until_a_tick_has_seen_it(row: str) -> None:
    observed, verdict = ROWS[row]
    before = reported(observed)
    assert kstatus(2, before) == "InProgress"
    if isinstance(observed, InvalidPool):
        after = invalid_status(invalid_pool(generation=2, status=before), target(), NOW).dump()
    else:
        after = status_of(replace(observed, pool=stored(replace(observed.pool, generation=2), before)))
    assert kstatus(2, after) == verdict
