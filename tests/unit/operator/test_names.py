"""Every word of names.py is said by the product: a row per member shows when."""

import inspect
import re
from enum import StrEnum
from typing import Any

import pytest

from queueworkerpool import names
from queueworkerpool.decide import decide
from queueworkerpool.errors import (
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueNotAllowedError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.model import (
    Bounds,
    BusyWorkers,
    CompetingWriter,
    Fallback,
    InFlight,
    Memory,
    Mode,
    NamespacedName,
    Observation,
)
from queueworkerpool.names import (
    DECISION_REASONS,
    ConditionStatus,
    ConditionType,
    EventType,
    ReadOutcome,
    Reason,
)
from queueworkerpool.report.status import invalid_status
from queueworkerpool.sizing import Latency, WorkerEstimates
from queueworkerpool.tenancy import Tenancy
from tests.unit.operator.builders import (
    NOW,
    URL,
    ago,
    empty,
    facts,
    invalid_pool,
    pods,
    pods_policy,
    pool,
    reading,
    rules,
    stabilizing,
    window,
)
from tests.unit.operator.fakes import FakeDependencies, condition, observe, status_of, target

TALKING = Memory(workers=WorkerEstimates(concurrency=4))
OTHERS_ONLY = Tenancy.parse('[{"namespaces": ["other"], "queues": ["arn:aws:sqs:*:*:*"]}]')
COMPETING = Memory(competing_writer=CompetingWriter("keda", 3, ago(60)))

DECIDED: dict[Reason, dict[str, Any]] = {
    Reason.SIZED_BY_BACKLOG: {},
    Reason.SIZED_BY_LATENCY: {"target": Latency(60)},
    Reason.WITHIN_TOLERANCE: {"reading": reading(0, 54), "scale_up": rules(tolerance=0.1)},
    Reason.BELOW_ACTIVATION: {"replicas": 0, "reading": reading(7), "activation_messages": 7},
    Reason.AWAITING_SECOND_READING: {"replicas": 0, "reading": reading(1)},
    Reason.IN_FLIGHT_HELD: {"reading": reading(0, 10), "in_flight": InFlight.HOLD},
    Reason.MESSAGES_WAITING: {"reading": reading(6), "memory": stabilizing(600, 2)},
    Reason.ROLLING_OUT: {"reading": reading(0, 5), "rolling_out": True, "memory": stabilizing(600, 2)},
    Reason.SCALE_UP_STABILIZED: {"reading": reading(100), "scale_up": window(30)},
    Reason.SCALE_DOWN_STABILIZED: {"reading": reading(0, 5)},
    Reason.SCALE_UP_LIMIT: {"reading": reading(100), "scale_up": rules(pods_policy(4, 15))},
    Reason.SCALE_DOWN_LIMIT: {"reading": reading(0, 5), "scale_down": rules(pods_policy(4, 15))},
    Reason.SCHEDULED: {"bounds": Bounds(20, 50, ("day",))},
    Reason.AWAITING_EMPTY_CONFIRMATION: {"reading": reading(0), "memory": empty(59), "scale_down": window(0)},
    Reason.TOO_FEW_REPLICAS: {"min_replicas": 11},
    Reason.TOO_MANY_REPLICAS: {"max_replicas": 9},
    Reason.WAITING_FOR_IDLE_WORKERS: {
        "reading": reading(0, 5),
        "scale_down": window(0),
        "pods": pods(0, 10),
        "memory": TALKING,
    },
    Reason.QUEUE_UNREADABLE: {"reading": None},
    Reason.FALLBACK: {
        "reading": None,
        "fallback": Fallback(300, 20, only_if_higher=True),
        "memory": Memory(unreadable_since=ago(300)),
    },
    Reason.SCALE_CONFLICT: {"reading": reading(60), "memory": COMPETING},
    Reason.PAUSED: {"mode": Mode.PAUSED},
}


def unread(error: type[QueueUnreadableError]) -> Observation:
    return observe({"reading": None}, counts=(error("why"),))


CONDITIONS: dict[Reason, tuple[ConditionType, Observation]] = {
    Reason.READY: (ConditionType.READY, observe()),
    Reason.QUEUE_READ: (ConditionType.QUEUE_REACHABLE, observe()),
    Reason.TARGET_FOUND: (ConditionType.TARGET_FOUND, observe()),
    Reason.SCALING_ACTIVE: (ConditionType.SCALING_ACTIVE, observe()),
    Reason.DESIRED_WITHIN_RANGE: (ConditionType.SCALING_LIMITED, observe()),
    Reason.DRY_RUN: (ConditionType.SCALING_ACTIVE, observe({"mode": Mode.DRY_RUN})),
    Reason.TARGET_NOT_FOUND: (ConditionType.TARGET_FOUND, observe(target=None, decision=None)),
    Reason.TARGET_CONFLICT: (ConditionType.TARGET_FOUND, observe(owner=NamespacedName("shop", "older"), decision=None)),
    Reason.TARGET_NOT_ALLOWED: (ConditionType.TARGET_FOUND, observe(forbidden=True, decision=None)),
    Reason.QUEUE_NOT_FOUND: (ConditionType.QUEUE_REACHABLE, unread(QueueNotFoundError)),
    Reason.QUEUE_ACCESS_DENIED: (ConditionType.QUEUE_REACHABLE, unread(QueueAccessDeniedError)),
    Reason.QUEUE_NOT_ALLOWED: (ConditionType.QUEUE_REACHABLE, unread(QueueNotAllowedError)),
    Reason.QUEUE_THROTTLED: (ConditionType.QUEUE_REACHABLE, unread(QueueThrottledError)),
    Reason.QUEUE_UNREACHABLE: (ConditionType.QUEUE_REACHABLE, unread(QueueUnreachableError)),
    Reason.QUEUE_ANSWER_INVALID: (ConditionType.QUEUE_REACHABLE, unread(QueueAnswerInvalidError)),
    Reason.LATENCY_BELOW_STARTUP: (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20, startup_seconds=20)}),
    ),
    Reason.NO_CONFLICT: (ConditionType.SCALE_CONFLICT, observe()),
    Reason.WORKERS_ANSWER: (ConditionType.WORKERS_PROTECTED, observe({"memory": TALKING})),
    Reason.WORKERS_SILENT: (ConditionType.WORKERS_PROTECTED, observe()),
    Reason.BUSY_WORKERS_DRAINED: (ConditionType.WORKERS_PROTECTED, observe({"busy_workers": BusyWorkers.DRAIN})),
}


def corrected() -> FakeDependencies:
    fake = FakeDependencies(pool(status={"lastScaleTime": "2026-11-23T11:00:00Z"}))
    fake.scaled_by_other("kubectl", 3)
    return fake


def fought() -> FakeDependencies:
    competing_writer = {"manager": "keda", "writes": 2, "lastTime": "2026-11-23T11:59:30.000000Z"}
    fake = FakeDependencies(
        pool(status={"lastScaleTime": "2026-11-23T11:00:00Z", "memory": {"competingWriter": competing_writer}})
    )
    fake.scaled_by_other("keda", 3)
    return fake


EVENTS: dict[Reason, tuple[EventType, FakeDependencies, NamespacedName | None]] = {
    Reason.SUCCESSFUL_RESCALE: (EventType.NORMAL, FakeDependencies(queues={URL: reading(100)}), None),
    Reason.REPLICAS_CORRECTED: (EventType.NORMAL, corrected(), None),
    Reason.SCALE_CONFLICT: (EventType.WARNING, fought(), None),
    Reason.TARGET_NOT_FOUND: (EventType.WARNING, FakeDependencies(deployment=None), None),
    Reason.TARGET_CONFLICT: (EventType.WARNING, FakeDependencies(), NamespacedName("shop", "older")),
    Reason.TARGET_NOT_ALLOWED: (EventType.WARNING, FakeDependencies(own=NamespacedName("shop", "thumbnailer")), None),
    Reason.INVALID_SPEC: (EventType.WARNING, FakeDependencies(invalid_pool()), None),
    Reason.QUEUE_NOT_FOUND: (EventType.WARNING, FakeDependencies(queues={URL: QueueNotFoundError("why")}), None),
    Reason.QUEUE_ACCESS_DENIED: (
        EventType.WARNING,
        FakeDependencies(queues={URL: QueueAccessDeniedError("why")}),
        None,
    ),
    Reason.QUEUE_NOT_ALLOWED: (EventType.WARNING, FakeDependencies(tenancy=OTHERS_ONLY), None),
    Reason.QUEUE_THROTTLED: (EventType.WARNING, FakeDependencies(queues={URL: QueueThrottledError("why")}), None),
    Reason.QUEUE_UNREACHABLE: (EventType.WARNING, FakeDependencies(queues={URL: QueueUnreachableError("why")}), None),
    Reason.QUEUE_ANSWER_INVALID: (
        EventType.WARNING,
        FakeDependencies(queues={URL: QueueAnswerInvalidError("why")}),
        None,
    ),
}

OUTCOMES: dict[ReadOutcome, FakeDependencies] = {
    ReadOutcome.OK: FakeDependencies(),
    ReadOutcome.NOT_FOUND: FakeDependencies(queues={URL: QueueNotFoundError("why")}),
    ReadOutcome.ACCESS_DENIED: FakeDependencies(queues={URL: QueueAccessDeniedError("why")}),
    ReadOutcome.NOT_ALLOWED: FakeDependencies(tenancy=OTHERS_ONLY),
    ReadOutcome.THROTTLED: FakeDependencies(queues={URL: QueueThrottledError("why")}),
    ReadOutcome.UNREACHABLE: FakeDependencies(queues={URL: QueueUnreachableError("why")}),
    ReadOutcome.INVALID: FakeDependencies(queues={URL: QueueAnswerInvalidError("why")}),
}

STATUSES: dict[ConditionStatus, Observation] = {
    ConditionStatus.TRUE: observe(),
    ConditionStatus.FALSE: unread(QueueNotFoundError),
    ConditionStatus.UNKNOWN: observe({"mode": Mode.PAUSED}, counts=()),
}

ROWS: dict[type[StrEnum], set[Any]] = {
    Reason: {*DECIDED, *CONDITIONS, *EVENTS},
    ConditionType: {kind for kind, _ in CONDITIONS.values()},
    ConditionStatus: set(STATUSES),
    EventType: {kind for kind, _, _ in EVENTS.values()},
    ReadOutcome: set(OUTCOMES),
}


@pytest.mark.parametrize("reason", DECIDED)
def test_a_decision_says(reason: Reason) -> None:
    assert decide(facts(**DECIDED[reason])).reason is reason


@pytest.mark.parametrize("reason", CONDITIONS)
def test_a_condition_says(reason: Reason) -> None:
    kind, observation = CONDITIONS[reason]
    assert condition(status_of(observation), kind)["reason"] is reason


@pytest.mark.parametrize("reason", EVENTS)
async def test_an_event_says(reason: Reason) -> None:
    kind, fake, owner = EVENTS[reason]
    await fake.tick(owner)
    assert (kind, reason) in [(event.type, event.reason) for event in fake.events]


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_a_count_says(outcome: ReadOutcome) -> None:
    await OUTCOMES[outcome].tick()
    assert OUTCOMES[outcome].count("queue_reads_total", outcome=outcome) == 1


@pytest.mark.parametrize("status", STATUSES)
def test_the_queues_are_said_to_be_reachable(status: ConditionStatus) -> None:
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


def test_events_have_few_reasons_so_that_people_can_learn_them() -> None:
    posted = {error.reason for error in QueueUnreadableError.__subclasses__() if error.posts_event}
    assert posted < set(EVENTS)
    assert len(EVENTS) <= 13


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


def test_where_the_meaning_is_the_hpas_so_is_the_word() -> None:
    """As pkg/controller/podautoscaler of Kubernetes 1.35 spells them."""
    theirs = "DesiredWithinRange TooFewReplicas TooManyReplicas ScaleUpLimit ScaleDownLimit ScaleUpStabilized"
    assert {*theirs.split(), "ScaleDownStabilized", "SuccessfulRescale"} <= set(Reason)
    assert {"ScalingActive", "ScalingLimited"} <= set(ConditionType)


def test_the_apis_own_names_are_the_contracts() -> None:
    assert (names.GROUP, names.VERSION, names.KIND, names.PLURAL) == (
        "queueworker.dev",
        "v1alpha1",
        "QueueWorkerPool",
        "queueworkerpools",
    )
    assert names.FIELD_MANAGER == "queueworkerpool"
