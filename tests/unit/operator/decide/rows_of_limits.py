"""Rows of bounds, of queues that cannot be read, and of other writers."""

from dataclasses import replace

from queueworkerpool.model import CompetingWriter, Fallback, InFlight, Memory, Mode
from queueworkerpool.names import Reason
from tests.unit.operator.builders import ago, empty, pods, pods_policy, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import (
    COMPETING,
    FALLBACK,
    REPORTING,
    UNREADABLE_LONG,
    Row,
    scheduled,
)

BOUNDS: dict[str, Row] = {
    "keeps the minimum": ({"reading": reading(0), "min_replicas": 3, "memory": empty(600)}, 3, Reason.TOO_FEW_REPLICAS),
    "fills up to the minimum": ({"replicas": 0, "reading": reading(0), "min_replicas": 3}, 3, Reason.TOO_FEW_REPLICAS),
    "keeps the maximum": ({"reading": reading(9999)}, 50, Reason.TOO_MANY_REPLICAS),
    "comes down to a lowered maximum at once": (
        {"reading": reading(20), "max_replicas": 8},
        8,
        Reason.TOO_MANY_REPLICAS,
    ),
    "no rate policy delays the bounds": (
        {"reading": reading(0, 50), "min_replicas": 30, "scale_up": rules(pods_policy(1, 60))},
        30,
        Reason.TOO_FEW_REPLICAS,
    ),
    "a schedule raises the minimum": ({"bounds": scheduled(30, 50)}, 30, Reason.SCHEDULED),
    "a schedule lowers the maximum": ({"bounds": scheduled(0, 6)}, 6, Reason.SCHEDULED),
    "a schedule whose bounds contain the recommendation adds no step": (
        {"bounds": scheduled(5, 20)},
        10,
        Reason.SIZED_BY_BACKLOG,
    ),
    "a schedule's minimum keeps pods although the queues are empty": (
        {"reading": reading(0), "bounds": scheduled(2, 50), "memory": empty(600)},
        2,
        Reason.SCHEDULED,
    ),
}

ACTIVE_MINIMUM: dict[str, Row] = {
    "starts with the active minimum": (
        {"replicas": 0, "reading": reading(6), "active_min_replicas": 4},
        4,
        Reason.ACTIVE_MINIMUM,
    ),
    "keeps the active minimum while a message is in flight": (
        {"reading": reading(0, 1), "active_min_replicas": 4, "scale_down": window(0)},
        4,
        Reason.ACTIVE_MINIMUM,
    ),
    "keeps the active minimum while a message is in flight that does not count": (
        {"reading": reading(0, 1), "in_flight": InFlight.IGNORE, "active_min_replicas": 4, "scale_down": window(0)},
        4,
        Reason.ACTIVE_MINIMUM,
    ),
    "without an active minimum, such a message keeps the minimum": (
        {"reading": reading(0, 1), "in_flight": InFlight.IGNORE, "min_replicas": 1, "scale_down": window(0)},
        1,
        Reason.TOO_FEW_REPLICAS,
    ),
    "a load that needs just the active minimum sets the size": (
        {"replicas": 4, "reading": reading(0, 20), "active_min_replicas": 4},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "a load above the active minimum sets the size": (
        {"reading": reading(100), "active_min_replicas": 4},
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "at zero, ignores a few messages in spite of an active minimum": (
        {"replicas": 0, "reading": reading(7), "activation_messages": 7, "active_min_replicas": 4},
        0,
        Reason.BELOW_ACTIVATION,
    ),
    "stays at zero when empty, in spite of an active minimum": (
        {"replicas": 0, "reading": reading(0), "active_min_replicas": 4},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "keeps the active minimum until it is surely empty": (
        {"reading": reading(0), "memory": empty(59), "active_min_replicas": 4, "scale_down": window(0)},
        4,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "adds no pods for the active minimum when it may be empty": (
        {"replicas": 2, "reading": reading(0), "memory": empty(59), "active_min_replicas": 4, "scale_down": window(0)},
        2,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "goes from the active minimum to zero when it is idle": (
        {"replicas": 4, "reading": reading(0), "memory": empty(60), "active_min_replicas": 4},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "goes from the active minimum to the minimum when it is idle": (
        {"replicas": 4, "reading": reading(0), "memory": empty(60), "active_min_replicas": 4, "min_replicas": 1},
        1,
        Reason.TOO_FEW_REPLICAS,
    ),
    "keeps the active minimum above the minimum until it is idle": (
        {"replicas": 4, "reading": reading(0), "memory": empty(59), "active_min_replicas": 4, "min_replicas": 1}
        | {"scale_down": window(0)},
        4,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "no rate policy delays the active minimum": (
        {"replicas": 1, "reading": reading(1), "active_min_replicas": 8, "scale_up": rules(pods_policy(1, 60))},
        8,
        Reason.ACTIVE_MINIMUM,
    ),
    "a schedule's maximum comes before the active minimum": (
        {"reading": reading(0, 1), "active_min_replicas": 4, "scale_down": window(0), "bounds": scheduled(0, 3)},
        3,
        Reason.ACTIVE_MINIMUM,
    ),
    "a schedule's minimum comes before the active minimum": (
        {"reading": reading(0, 1), "active_min_replicas": 4, "scale_down": window(0), "bounds": scheduled(6, 9)},
        6,
        Reason.SCHEDULED,
    ),
    "keeps no more last pods than a schedule's maximum": (
        {"reading": reading(0), "memory": empty(10), "active_min_replicas": 4, "bounds": scheduled(0, 1)}
        | {"scale_down": window(0)},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "adds pods for the active minimum when a queue is unread and another has one message": (
        {"replicas": 1, "readings": (reading(1), None), "active_min_replicas": 4},
        4,
        Reason.ACTIVE_MINIMUM,
    ),
    "adds no pods for the active minimum when a queue is unread and the others are empty": (
        {"replicas": 1, "readings": (reading(0), None), "active_min_replicas": 4, "min_replicas": 1},
        1,
        Reason.TOO_FEW_REPLICAS,
    ),
}

UNREADABLE: dict[str, Row] = {
    "keeps its size while no queue can be read": ({"reading": None}, 10, Reason.QUEUE_UNREADABLE),
    "keeps its size while no queue can be read, even outside of the bounds": (
        {"reading": None, "max_replicas": 5},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "keeps its size until the fallback's time has come": (
        {"reading": None, "fallback": FALLBACK, "memory": Memory(unreadable_since=ago(299))},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "takes the fallback after its time": (
        {"reading": None, "fallback": FALLBACK, "memory": UNREADABLE_LONG},
        20,
        Reason.FALLBACK,
    ),
    "a fallback that only raises lowers nothing": (
        {"replicas": 30, "reading": None, "fallback": FALLBACK, "memory": UNREADABLE_LONG},
        30,
        Reason.FALLBACK,
    ),
    "a fallback that always holds lowers": (
        {
            "replicas": 30,
            "reading": None,
            "fallback": Fallback(300, 20, only_if_higher=False),
            "memory": UNREADABLE_LONG,
        },
        20,
        Reason.FALLBACK,
    ),
    "a fallback keeps the bounds": (
        {"reading": None, "fallback": FALLBACK, "memory": UNREADABLE_LONG, "max_replicas": 12},
        12,
        Reason.TOO_MANY_REPLICAS,
    ),
    "the minimum goes before the idle pods that a fallback would take": (
        {
            "reading": None,
            "min_replicas": 5,
            "fallback": Fallback(300, 0, only_if_higher=False),
            "memory": replace(REPORTING, unreadable_since=ago(300)),
            "pods": pods(7, 3),
        },
        5,
        Reason.TOO_FEW_REPLICAS,
    ),
    "leaves the fallback at the first good reading": (
        {
            "replicas": 20,
            "reading": reading(0, 50),
            "fallback": FALLBACK,
            "memory": UNREADABLE_LONG,
            "scale_down": window(0),
        },
        10,
        Reason.SIZED_BY_BACKLOG,
    ),
    "one of two queues may raise": ({"readings": (reading(100), None)}, 20, Reason.SIZED_BY_BACKLOG),
    "one of two queues may not lower": (
        {"readings": (reading(0, 5), None), "memory": stabilizing(600, 1)},
        10,
        Reason.QUEUE_UNREADABLE,
    ),
    "does nothing when paused": ({"reading": reading(9999), "mode": Mode.PAUSED}, 10, Reason.PAUSED),
    "decides in a dry run as in Active": ({"reading": reading(249), "mode": Mode.DRY_RUN}, 50, Reason.SIZED_BY_BACKLOG),
}

CONFLICTS: dict[str, Row] = {
    "corrects one change by another writer": (
        {"reading": reading(60), "writer": ("kubectl", ago(1))},
        12,
        Reason.SIZED_BY_BACKLOG,
    ),
    "stops writing when another writer keeps writing": (
        {"reading": reading(60), "memory": COMPETING},
        10,
        Reason.SCALE_CONFLICT,
    ),
    "the third change in a row is a conflict": (
        {
            "reading": reading(60),
            "writer": ("kubectl", ago(1)),
            "memory": Memory(competing_writer=CompetingWriter("kubectl", 2, ago(30))),
        },
        10,
        Reason.SCALE_CONFLICT,
    ),
    "writes again when the other writer was quiet for long": (
        {"reading": reading(60), "memory": Memory(competing_writer=CompetingWriter("kubectl", 3, ago(300)))},
        12,
        Reason.SIZED_BY_BACKLOG,
    ),
    "a competing writer that sets the same size adds no step": ({"memory": COMPETING}, 10, Reason.SIZED_BY_BACKLOG),
    "stops writing in the fallback too": (
        {"reading": None, "fallback": FALLBACK, "memory": replace(COMPETING, unreadable_since=ago(300))},
        10,
        Reason.SCALE_CONFLICT,
    ),
}
