"""How many pods there should be. A row says what differs from a calm pool, the size, and its reason."""

from datetime import datetime
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import Memory, Mode, ScaleDownStabilization, Step, StepKind
from queueworkerpool.names import DECISION_REASONS, Reason
from tests.unit.operator.builders import ago, empty, facts, reading, stabilizing, window
from tests.unit.operator.decide.rows_of_behavior import BEHAVIOR
from tests.unit.operator.decide.rows_of_due_times import DUE_TIMES
from tests.unit.operator.decide.rows_of_growth import ACTIVATION, RECOMMENDATIONS
from tests.unit.operator.decide.rows_of_limits import ACTIVE_MINIMUM, BOUNDS, CONFLICTS, UNREADABLE
from tests.unit.operator.decide.rows_of_scale_in import EMPTY, PROTECTION, SCALING_IN

TABLES = (
    RECOMMENDATIONS,
    ACTIVATION,
    SCALING_IN,
    EMPTY,
    PROTECTION,
    BEHAVIOR,
    DUE_TIMES,
    BOUNDS,
    ACTIVE_MINIMUM,
    UNREADABLE,
    CONFLICTS,
)
ROWS = {name: row for table in TABLES for name, row in table.items()}


@pytest.mark.parametrize(("differs", "replicas", "reason"), ROWS.values(), ids=ROWS.keys())
def test_a_pool(differs: dict[str, Any], replicas: int, reason: Reason) -> None:
    decision = decide(facts(**differs))
    assert (decision.replicas, decision.reason) == (replicas, reason)


def test_no_two_rows_have_one_name() -> None:
    assert len(ROWS) == sum(map(len, TABLES))


def test_every_decision_reason_has_a_row() -> None:
    assert {reason for _, _, reason in ROWS.values()} == set(DECISION_REASONS)


def test_what_the_user_set_is_told_from_what_the_pool_waits_for() -> None:
    steps = [step for differs, *_ in ROWS.values() for step in decide(facts(**differs)).trail]
    assert {step.reason for step in steps if step.kind is StepKind.BOUND} == {
        Reason.TOO_FEW_REPLICAS,
        Reason.TOO_MANY_REPLICAS,
        Reason.ACTIVE_MINIMUM,
        Reason.SCHEDULED,
        Reason.SCALE_UP_LIMIT,
        Reason.SCALE_DOWN_LIMIT,
    }


def test_the_trail_has_every_step_in_order() -> None:
    decision = decide(
        facts(replicas=9, reading=reading(0), memory=Memory(ScaleDownStabilization(ago(60), 4)), max_replicas=3)
    )
    assert [(step.replicas, step.reason, step.message) for step in decision.trail] == [
        (0, Reason.SIZED_BY_BACKLOG, "0 messages / 5 per pod = 0 pods"),
        (
            4,
            Reason.SCALE_DOWN_STABILIZED,
            "4 pods were recommended until 12:00:00Z: may scale in further at 12:01:00Z",
        ),
        (3, Reason.TOO_MANY_REPLICAS, "maxReplicas is 3"),
    ]
    assert decision.recommended == 0


def test_a_part_of_the_queues_does_not_lower_what_all_of_them_recommended() -> None:
    decision = decide(facts(readings=(reading(0, 5), None), memory=stabilizing(600, 4)))
    assert [(step.replicas, step.reason, step.message) for step in decision.trail] == [
        (1, Reason.SIZED_BY_BACKLOG, "5 messages / 5 per pod = 1 pods"),
        (4, Reason.SCALE_DOWN_STABILIZED, "the highest recommendation since 11:50:00Z"),
        (10, Reason.QUEUE_UNREADABLE, "a queue could not be read, so nothing lowers the size"),
    ]


def test_what_may_be_an_error_of_the_counts_is_read_again_soon() -> None:
    assert decide(facts(replicas=0, reading=reading(1))).recheck_seconds == 1.5
    assert decide(facts(replicas=0, reading=reading(9))).recheck_seconds is None


def test_a_pause_with_an_end_says_when_and_is_looked_at_again_then() -> None:
    def paused(until: datetime) -> Step:
        return decide(facts(mode=Mode.PAUSED, paused_until=until)).last_step

    far = ago(-3600)
    assert paused(far) == Step(10, Reason.PAUSED, "spec.pausedUntil is 2026-11-23T13:00:00Z", until=far)
    assert paused(ago(-3)).recheck_seconds == 3
    assert paused(ago(-5)).recheck_seconds is None, "the next usual tick is then"
    assert paused(ago(1)).recheck_seconds == 0


def test_the_trail_names_both_ends_of_the_active_minimum() -> None:
    lowest = {"active_min_replicas": 4, "min_replicas": 1, "scale_down": window(0)}
    waits = decide(facts(replicas=4, reading=reading(0), memory=empty(59), **lowest))
    assert waits.trail[-1].message == "empty since 11:59:01Z: may go to 1 pods at 12:00:01Z, when seen empty again"
    assert waits.trail[-1].until == ago(-1)
    works = decide(facts(replicas=0, reading=reading(6), active_min_replicas=4))
    assert [(step.replicas, step.message) for step in works.trail] == [
        (2, "6 messages / 5 per pod = 2 pods"),
        (4, "not idle, and activeMinReplicas is 4"),
    ]
    is_at_work = decide(facts(reading=reading(0, 1), active_min_replicas=4, scale_down=window(0)))
    assert [(step.replicas, step.message) for step in is_at_work.trail] == [
        (1, "1 messages / 5 per pod = 1 pods"),
        (4, "not idle, and activeMinReplicas is 4"),
    ]
