"""The conditions that a tick reports, word by word, and which of them are worth an Event."""

from dataclasses import replace

import pytest

from queueworkerpool.errors import TargetKindMissingError
from queueworkerpool.model import CompetingWriter, InvalidPool, Memory, Observation, PoolStatus
from queueworkerpool.names import ConditionType, Reason
from queueworkerpool.report.events import condition_events
from queueworkerpool.report.status import invalid_status, next_status
from tests.unit.operator.builders import NOW, ago
from tests.unit.operator.fakes import condition, observe, target
from tests.unit.operator.rows_of_conditions import (
    BROKEN,
    DRY_RUN,
    FORBIDDEN,
    MISSING,
    OWNED,
    PAUSED,
    REFUSED,
    ROWS,
    UNMARKED,
    UNREADABLE,
)


def reported(observed: Observation | InvalidPool) -> PoolStatus:
    """The status that reports what a tick observed, or a spec that makes no sense."""
    return next_status(observed, NOW) if isinstance(observed, Observation) else invalid_status(observed, target(), NOW)


@pytest.mark.parametrize(("kind", "observed", "status", "reason", "message"), ROWS.values(), ids=ROWS.keys())
def test_condition(
    kind: ConditionType, observed: Observation | InvalidPool, status: str, reason: str, message: str
) -> None:
    assert condition(reported(observed).dump(), kind) == {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-23T12:00:00Z",
    }


WORTH_AN_EVENT: dict[str, tuple[Observation | InvalidPool, list[Reason]]] = {
    "a spec of another CRD": (BROKEN, [Reason.INVALID_SPEC]),
    "the operator's own Deployment": (FORBIDDEN, [Reason.TARGET_NOT_ALLOWED]),
    "an older pool's Deployment": (OWNED, [Reason.TARGET_CONFLICT]),
    "a kind that the cluster lacks": (
        replace(MISSING, kind_problem=TargetKindMissingError("no Rollout")),
        [Reason.TARGET_NOT_FOUND],
    ),
    "a missing Deployment": (MISSING, [Reason.TARGET_NOT_FOUND]),
    "a queue that does not exist": (UNREADABLE, [Reason.QUEUE_NOT_FOUND]),
    "a refused size": (REFUSED, [Reason.FAILED_UPDATE_SCALE]),
    "pods that cannot be marked": (UNMARKED, [Reason.MARKS_REFUSED]),
    "another writer": (
        observe({"memory": Memory(competing_writer=CompetingWriter("keda", 3, ago(299)))}),
        [Reason.SCALE_CONFLICT],
    ),
    "nothing, in a calm pool": (observe(), []),
    "nothing, in a dry run": (DRY_RUN, []),
    "nothing, when paused": (PAUSED, []),
}


@pytest.mark.parametrize(("observed", "reasons"), WORTH_AN_EVENT.values(), ids=WORTH_AN_EVENT.keys())
def test_worth_an_event(observed: Observation | InvalidPool, reasons: list[Reason]) -> None:
    assert [event.reason for event in condition_events(PoolStatus(), reported(observed))] == reasons
