"""The conditions that a tick reports, word by word."""

import pytest

from queueworkerpool.model import InvalidPool, Observation
from queueworkerpool.names import ConditionType
from queueworkerpool.report.status import invalid_status
from tests.unit.operator.builders import NOW
from tests.unit.operator.fakes import condition, status_of, target
from tests.unit.operator.rows_of_conditions import ROWS


@pytest.mark.parametrize(("kind", "observed", "status", "reason", "message"), ROWS.values(), ids=ROWS.keys())
def test_condition(
    kind: ConditionType, observed: Observation | InvalidPool, status: str, reason: str, message: str
) -> None:
    reported = (
        status_of(observed) if isinstance(observed, Observation) else invalid_status(observed, target(), NOW).dump()
    )
    assert condition(reported, kind) == {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-23T12:00:00Z",
    }
