"""Every word of names.py is used by the product, and reads well."""

import inspect
import re
from typing import Any

import pytest

from queueworkerpool import names
from queueworkerpool.decide import decide
from queueworkerpool.errors import QueueUnreadableError
from queueworkerpool.names import (
    DECISION_REASONS,
    ConditionStatus,
    ConditionType,
    EventType,
    ReadOutcome,
    Reason,
    StateOutcome,
)
from queueworkerpool.report.status import invalid_status
from tests.unit.operator.builders import NOW, facts, invalid_pool
from tests.unit.operator.fakes import FakeDependencies, condition, status_of, target
from tests.unit.operator.rows_of_names import CONDITIONS, DECIDED, EVENTS, OUTCOMES, ROWS, STATES, STATUSES

STATE_REQUESTS = "queueworkerpool_state_requests_total"


@pytest.mark.parametrize("reason", DECIDED)
def test_a_decision_ends_with(reason: Reason) -> None:
    assert decide(facts(**DECIDED[reason])).reason is reason


@pytest.mark.parametrize("reason", CONDITIONS)
def test_a_condition_has(reason: Reason) -> None:
    kind, observation = CONDITIONS[reason]
    assert condition(status_of(observation), kind)["reason"] is reason


@pytest.mark.parametrize("reason", EVENTS)
async def test_an_event_has(reason: Reason) -> None:
    kind, fake, owner = EVENTS[reason]
    await fake.tick(owner)
    assert (kind, reason) in [(event.type, event.reason) for event in fake.events]


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_a_reading_is_counted_as(outcome: ReadOutcome) -> None:
    await OUTCOMES[outcome].tick()
    assert OUTCOMES[outcome].count("queue_reads_total", outcome=outcome) == 1


@pytest.mark.parametrize("outcome", STATES)
def test_a_count_of_requests_to_workers_says(outcome: StateOutcome) -> None:
    fake = FakeDependencies()
    fake.metrics.state_requested(outcome)
    counts = {each: fake.registry.get_sample_value(STATE_REQUESTS, {"outcome": each}) for each in StateOutcome}
    assert counts == dict.fromkeys(StateOutcome, 0.0) | {outcome: 1.0}


@pytest.mark.parametrize("status", STATUSES)
def test_queue_reachable_is(status: ConditionStatus) -> None:
    assert condition(status_of(STATUSES[status]), ConditionType.QUEUE_REACHABLE)["status"] is status


def test_every_member_of_every_enum_has_a_row() -> None:
    enums: set[Any] = {
        enum for _, enum in inspect.getmembers(names, inspect.isclass) if enum.__module__ == names.__name__
    }
    assert enums == set(ROWS)
    assert {enum: set(enum) for enum in enums} == ROWS


def test_a_spec_that_cannot_be_read_is_reported_by_every_condition_that_depends_on_it() -> None:
    reasons = {each.type: each.reason for each in invalid_status(invalid_pool(), target(), NOW).conditions}
    assert reasons.pop(ConditionType.SCALE_CONFLICT) == Reason.NO_CONFLICT
    assert set(reasons) == set(ConditionType) - {ConditionType.SCALE_CONFLICT}
    assert set(reasons.values()) == {Reason.INVALID_SPEC}


def test_the_reasons_of_decisions_are_those_that_decisions_have() -> None:
    assert set(DECISION_REASONS) == set(DECIDED)


def test_events_have_at_most_twenty_reasons() -> None:
    posted = {error.reason for error in QueueUnreadableError.__subclasses__()}
    assert posted < set(EVENTS)
    assert len(EVENTS) <= 20


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_one_word_and_says_when_and_what_to_do(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", reason)
    assert re.fullmatch(r"[A-Za-z].{10,}\.", reason.when)
    assert re.fullmatch(r"([A-Z].{10,}\.)?", reason.remedy)


def test_a_warning_says_what_to_do() -> None:
    assert [reason for reason, (kind, _, _) in EVENTS.items() if kind is EventType.WARNING and not reason.remedy] == []


def test_no_word_has_two_meanings() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason.__members__)
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", kind) for kind in ConditionType)


def test_a_reason_with_the_hpas_meaning_has_the_hpas_word() -> None:
    """They are spelled as in pkg/controller/podautoscaler of Kubernetes 1.35."""
    words = "DesiredWithinRange TooFewReplicas TooManyReplicas ScaleUpLimit ScaleDownLimit ScaleUpStabilized"
    assert {*words.split(), "ScaleDownStabilized", "SuccessfulRescale", "FailedUpdateScale", "ReadyForNewScale"} <= set(
        Reason
    )
    assert {"AbleToScale", "ScalingActive", "ScalingLimited"} <= set(ConditionType)


def test_the_apis_own_names_never_change() -> None:
    assert (names.GROUP, names.VERSION, names.KIND, names.PLURAL) == (
        "queueworker.dev",
        "v1alpha1",
        "QueueWorkerPool",
        "queueworkerpools",
    )
    assert names.FIELD_MANAGER == "queueworkerpool"
