"""When each word of names.py is used: a row per member of each enum."""

from enum import StrEnum
from typing import Any

from queueworkerpool.cluster.objects import raw_event
from queueworkerpool.errors import (
    ClockSkewedError,
    ClusterRefusedError,
    CredentialsDeniedError,
    CredentialsUnavailableError,
    QueueAccessDeniedError,
    QueueAddressInvalidError,
    QueueAnswerInvalidError,
    QueueKeyUnusableError,
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
    Event,
    Fallback,
    InFlight,
    Memory,
    Mode,
    NamespacedName,
    Observation,
    Removal,
    ScaleTarget,
    SizeChange,
)
from queueworkerpool.names import (
    ConditionStatus,
    ConditionType,
    EventAnnotation,
    EventType,
    ReadOutcome,
    Reason,
    StateOutcome,
)
from queueworkerpool.sizing import Latency, WorkerEstimates
from queueworkerpool.tenancy import Tenancy
from tests.unit.operator import rows_of_conditions
from tests.unit.operator.builders import (
    NOW,
    URL,
    ago,
    empty,
    invalid_pool,
    pods,
    pods_policy,
    pool,
    reading,
    rules,
    stabilizing,
    window,
)
from tests.unit.operator.fakes import FakeDependencies, observe, target

REPORTING = Memory(workers=WorkerEstimates(concurrency=4))
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
    Reason.ACTIVE_MINIMUM: {"active_min_replicas": 11},
    Reason.TOO_FEW_REPLICAS: {"min_replicas": 11},
    Reason.TOO_MANY_REPLICAS: {"max_replicas": 9},
    Reason.WAITING_FOR_IDLE_WORKERS: {
        "reading": reading(0, 5),
        "scale_down": window(0),
        "pods": pods(0, 10),
        "memory": REPORTING,
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


def unreadable(error: type[QueueUnreadableError]) -> Observation:
    return observe({"reading": None}, counts=(error("why"),))


CONDITIONS: dict[Reason, tuple[ConditionType, Observation]] = {
    Reason.READY: (ConditionType.READY, observe()),
    Reason.QUEUE_READ: (ConditionType.QUEUE_REACHABLE, observe()),
    Reason.TARGET_FOUND: (ConditionType.TARGET_FOUND, observe()),
    Reason.SCALING_ACTIVE: (ConditionType.SCALING_ACTIVE, observe()),
    Reason.DESIRED_WITHIN_RANGE: (ConditionType.SCALING_LIMITED, observe()),
    Reason.DRY_RUN: (ConditionType.SCALING_ACTIVE, observe({"mode": Mode.DRY_RUN})),
    Reason.TARGET_PAUSED: (ConditionType.TARGET_FOUND, observe(target=target(paused=True))),
    Reason.TARGET_NOT_FOUND: (ConditionType.TARGET_FOUND, observe(target=None, decision=None)),
    Reason.TARGET_CONFLICT: (ConditionType.TARGET_FOUND, observe(owner=NamespacedName("shop", "older"), decision=None)),
    Reason.TARGET_NOT_ALLOWED: (ConditionType.TARGET_FOUND, observe(forbidden=True, decision=None)),
    Reason.QUEUE_ADDRESS_INVALID: (ConditionType.QUEUE_REACHABLE, unreadable(QueueAddressInvalidError)),
    Reason.QUEUE_KEY_UNUSABLE: (ConditionType.QUEUE_REACHABLE, unreadable(QueueKeyUnusableError)),
    Reason.CLOCK_SKEWED: (ConditionType.QUEUE_REACHABLE, unreadable(ClockSkewedError)),
    Reason.CREDENTIALS_DENIED: (ConditionType.QUEUE_REACHABLE, unreadable(CredentialsDeniedError)),
    Reason.CREDENTIALS_UNAVAILABLE: (ConditionType.QUEUE_REACHABLE, unreadable(CredentialsUnavailableError)),
    Reason.QUEUE_NOT_FOUND: (ConditionType.QUEUE_REACHABLE, unreadable(QueueNotFoundError)),
    Reason.QUEUE_ACCESS_DENIED: (ConditionType.QUEUE_REACHABLE, unreadable(QueueAccessDeniedError)),
    Reason.QUEUE_NOT_ALLOWED: (ConditionType.QUEUE_REACHABLE, unreadable(QueueNotAllowedError)),
    Reason.QUEUE_THROTTLED: (ConditionType.QUEUE_REACHABLE, unreadable(QueueThrottledError)),
    Reason.QUEUE_UNREACHABLE: (ConditionType.QUEUE_REACHABLE, unreadable(QueueUnreachableError)),
    Reason.QUEUE_ANSWER_INVALID: (ConditionType.QUEUE_REACHABLE, unreadable(QueueAnswerInvalidError)),
    Reason.LATENCY_BELOW_STARTUP: (
        ConditionType.SCALING_LIMITED,
        observe({"target": Latency(20, startup_seconds=20)}),
    ),
    Reason.READY_FOR_NEW_SCALE: (ConditionType.ABLE_TO_SCALE, observe()),
    Reason.FAILED_UPDATE_SCALE: (ConditionType.ABLE_TO_SCALE, observe(refusal=ClusterRefusedError("why"))),
    Reason.MARKS_REFUSED: (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": REPORTING}, mark_refusal=ClusterRefusedError("why")),
    ),
    Reason.NO_CONFLICT: (ConditionType.SCALE_CONFLICT, observe()),
    Reason.WORKERS_ANSWER: (ConditionType.WORKERS_PROTECTED, observe({"memory": REPORTING})),
    Reason.WORKERS_SILENT: (ConditionType.WORKERS_PROTECTED, observe()),
    Reason.WORKERS_NOT_PROTECTABLE: (
        ConditionType.WORKERS_PROTECTED,
        observe({"memory": REPORTING}, target=target(removal=Removal.UNKNOWN)),
    ),
    Reason.BUSY_WORKERS_DRAINED: (ConditionType.WORKERS_PROTECTED, observe({"busy_workers": BusyWorkers.DRAIN})),
}


def corrected() -> FakeDependencies:
    fake = FakeDependencies(pool(status={"lastScaleTime": "2026-11-23T11:00:00Z"}))
    fake.scaled_by_other("kubectl", 3)
    return fake


def in_conflict() -> FakeDependencies:
    competing_writer = {"manager": "keda", "writes": 2, "lastTime": "2026-11-23T11:59:30.000000Z"}
    fake = FakeDependencies(
        pool(status={"lastScaleTime": "2026-11-23T11:00:00Z", "memory": {"competingWriter": competing_writer}})
    )
    fake.scaled_by_other("keda", 3)
    return fake


EVENTS: dict[Reason, tuple[EventType, FakeDependencies, NamespacedName | None]] = {
    Reason.SUCCESSFUL_RESCALE: (EventType.NORMAL, FakeDependencies(queues={URL: reading(100)}), None),
    Reason.REPLICAS_CORRECTED: (EventType.NORMAL, corrected(), None),
    Reason.SCALE_CONFLICT: (EventType.WARNING, in_conflict(), None),
    Reason.TARGET_NOT_FOUND: (EventType.WARNING, FakeDependencies(deployment=None), None),
    Reason.TARGET_CONFLICT: (EventType.WARNING, FakeDependencies(), NamespacedName("shop", "older")),
    Reason.TARGET_NOT_ALLOWED: (EventType.WARNING, FakeDependencies(own=ScaleTarget("shop", "thumbnailer")), None),
    Reason.FAILED_UPDATE_SCALE: (
        EventType.WARNING,
        FakeDependencies(queues={URL: reading(100)}, broken={"scale": ClusterRefusedError("why")}),
        None,
    ),
    Reason.MARKS_REFUSED: (
        EventType.WARNING,
        FakeDependencies(
            pool(status={"memory": {"workers": {"concurrency": 4}}}), mark_refusal=ClusterRefusedError("why")
        ),
        None,
    ),
    Reason.INVALID_SPEC: (EventType.WARNING, FakeDependencies(invalid_pool()), None),
    Reason.QUEUE_ADDRESS_INVALID: (
        EventType.WARNING,
        FakeDependencies(queues={URL: QueueAddressInvalidError("why")}),
        None,
    ),
    Reason.QUEUE_KEY_UNUSABLE: (EventType.WARNING, FakeDependencies(queues={URL: QueueKeyUnusableError("why")}), None),
    Reason.CLOCK_SKEWED: (EventType.WARNING, FakeDependencies(queues={URL: ClockSkewedError("why")}), None),
    Reason.CREDENTIALS_DENIED: (EventType.WARNING, FakeDependencies(queues={URL: CredentialsDeniedError("why")}), None),
    Reason.CREDENTIALS_UNAVAILABLE: (
        EventType.WARNING,
        FakeDependencies(queues={URL: CredentialsUnavailableError("why")}),
        None,
    ),
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
    ReadOutcome.ADDRESS_INVALID: FakeDependencies(queues={URL: QueueAddressInvalidError("why")}),
    ReadOutcome.KEY_UNUSABLE: FakeDependencies(queues={URL: QueueKeyUnusableError("why")}),
    ReadOutcome.CLOCK_SKEWED: FakeDependencies(queues={URL: ClockSkewedError("why")}),
    ReadOutcome.CREDENTIALS_DENIED: FakeDependencies(queues={URL: CredentialsDeniedError("why")}),
    ReadOutcome.CREDENTIALS_UNAVAILABLE: FakeDependencies(queues={URL: CredentialsUnavailableError("why")}),
    ReadOutcome.NOT_FOUND: FakeDependencies(queues={URL: QueueNotFoundError("why")}),
    ReadOutcome.ACCESS_DENIED: FakeDependencies(queues={URL: QueueAccessDeniedError("why")}),
    ReadOutcome.NOT_ALLOWED: FakeDependencies(tenancy=OTHERS_ONLY),
    ReadOutcome.THROTTLED: FakeDependencies(queues={URL: QueueThrottledError("why")}),
    ReadOutcome.UNREACHABLE: FakeDependencies(queues={URL: QueueUnreachableError("why")}),
    ReadOutcome.INVALID: FakeDependencies(queues={URL: QueueAnswerInvalidError("why")}),
}

STATUSES: dict[ConditionStatus, Observation] = {
    ConditionStatus.TRUE: observe(),
    ConditionStatus.FALSE: unreadable(QueueNotFoundError),
    ConditionStatus.UNKNOWN: observe({"mode": Mode.PAUSED}, counts=()),
}

STATES = set(StateOutcome)
"""Each is the outcome of a real request in tests/adapters/operator/test_workers.py."""

CHANGE = Event(EventType.NORMAL, Reason.SUCCESSFUL_RESCALE, "", SizeChange(0, 1, Reason.SIZED_BY_BACKLOG))
ANNOTATIONS = {name.rpartition("/")[2] for name in raw_event(pool(), CHANGE, NOW)["metadata"]["annotations"]}

ROWS: dict[type[StrEnum], set[Any]] = {
    Reason: {*DECIDED, *CONDITIONS, *EVENTS},
    ConditionType: {kind for kind, _ in CONDITIONS.values()} | {kind for kind, *_ in rows_of_conditions.ROWS.values()},
    ConditionStatus: set(STATUSES),
    EventType: {kind for kind, _, _ in EVENTS.values()},
    ReadOutcome: set(OUTCOMES),
    StateOutcome: STATES,
    EventAnnotation: ANNOTATIONS,
}
