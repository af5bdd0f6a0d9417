"""Rows of scaling in, of going to zero, and of busy workers."""

from dataclasses import replace

from queueworkerpool.model import InFlight, Memory, Sample, ScaleDownStabilization
from queueworkerpool.names import Reason
from tests.unit.operator.builders import NOW, ago, empty, pods, reading, rules, stabilizing, window
from tests.unit.operator.decide.rows import (
    REPORTING,
    Row,
    learned,
)

SCALING_IN: dict[str, Row] = {
    "waits when fewer pods are recommended": ({"reading": reading(0, 20)}, 10, Reason.SCALE_DOWN_STABILIZED),
    "waits until the window is over": (
        {"reading": reading(0, 20), "memory": stabilizing(59, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "scales in to the recommendation after the window": (
        {"reading": reading(0, 20), "memory": stabilizing(60, 4)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "scales in only to the highest recommendation of the window": (
        {"reading": reading(0, 20), "memory": stabilizing(60, 7)},
        7,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "scales in further when a lower recommendation is a window old, too": (
        {"replicas": 7, "reading": reading(0, 20), "memory": stabilizing(90, 7, (60, 4))},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "of several steps takes the lowest that is a window old": (
        {"reading": reading(0, 5), "memory": stabilizing(90, 8, (60, 6), (59, 1))},
        6,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "a window begins at the size that was recommended last": (
        {"replicas": 7, "reading": reading(0, 20), "memory": stabilizing(600, 7)},
        7,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "a window that began in the future is not longer than the window": (
        {"reading": reading(0, 20), "memory": stabilizing(-3600, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "scales in at once without a window": (
        {"reading": reading(0, 20), "scale_down": window(0)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "without a window no earlier recommendation counts": (
        {"reading": reading(0, 20), "scale_down": window(0), "memory": stabilizing(600, 7)},
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "by default waits a minute where workers do not report": (
        {"reading": reading(0, 20), "scale_down": rules(seconds=None), "memory": stabilizing(59, 4)},
        10,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "by default waits 15 seconds where workers report": (
        {
            "reading": reading(0, 20),
            "scale_down": rules(seconds=None),
            "memory": replace(REPORTING, scale_down_stabilization=ScaleDownStabilization(ago(15), 4)),
        },
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the default window does not hold the last pod where workers report": (
        {
            "replicas": 1,
            "reading": reading(0),
            "scale_down": rules(seconds=None),
            "memory": learned(600, 600, 600, empty_since=ago(5)),
        },
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "nor those of the active minimum": (
        {
            "replicas": 4,
            "active_min_replicas": 4,
            "reading": reading(0),
            "scale_down": rules(seconds=None),
            "memory": learned(600, 600, 600, empty_since=ago(5)),
        },
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "one pod more than those of the active minimum stays for the window": (
        {
            "replicas": 5,
            "active_min_replicas": 4,
            "reading": reading(0),
            "scale_down": rules(seconds=None),
            "memory": learned(600, 600, 600, empty_since=ago(5)),
        },
        5,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "the last pod goes with those before it": (
        {
            "replicas": 5,
            "reading": reading(0),
            "scale_down": rules(seconds=None),
            "memory": replace(
                learned(600, 600, 600, empty_since=ago(5)),
                scale_down_stabilization=stabilizing(15, 1, (5, 0)).scale_down_stabilization,
            ),
        },
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "the user's window holds the last pod, too": (
        {
            "replicas": 1,
            "reading": reading(0),
            "scale_down": window(15),
            "memory": learned(600, 600, 600, empty_since=ago(5)),
        },
        1,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "and that of a pool whose workers do not report": (
        {
            "replicas": 1,
            "reading": reading(0),
            "scale_down": rules(seconds=None),
            "scale_to_zero_after_seconds": 0,
            "memory": Memory(empty_since=ago(5)),
        },
        1,
        Reason.SCALE_DOWN_STABILIZED,
    ),
    "keeps idle pods while more than half of the slots' worth waits": (
        {"reading": reading(6), "memory": stabilizing(600, 2)},
        10,
        Reason.MESSAGES_WAITING,
    ),
    "scales in while no more than half of the slots' worth waits": (
        {"reading": reading(5), "memory": stabilizing(600, 1)},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "counts slots by concurrency": (
        {
            "reading": reading(20),
            "memory": replace(REPORTING, scale_down_stabilization=ScaleDownStabilization(ago(600), 4)),
        },
        4,
        Reason.SIZED_BY_BACKLOG,
    ),
    "pods that are not ready are no slots": (
        {"reading": reading(5), "ready": 9, "memory": stabilizing(600, 1)},
        10,
        Reason.MESSAGES_WAITING,
    ),
    "a single slot is enough to hold for": (
        {"replicas": 2, "ready": 1, "reading": reading(1), "scale_down": window(0)},
        2,
        Reason.MESSAGES_WAITING,
    ),
    "holds while the Deployment rolls out": (
        {"reading": reading(0, 20), "rolling_out": True, "memory": stabilizing(600, 4)},
        10,
        Reason.ROLLING_OUT,
    ),
    "grows while the Deployment rolls out": (
        {"reading": reading(75), "rolling_out": True},
        15,
        Reason.SIZED_BY_BACKLOG,
    ),
    "keeps the pods that can hold messages in flight": (
        {"reading": reading(0, 8), "in_flight": InFlight.HOLD, "scale_down": window(0)},
        8,
        Reason.IN_FLIGHT_HELD,
    ),
    "adds no pods for messages in flight when count.inFlight is Hold": (
        {"reading": reading(0, 500), "in_flight": InFlight.HOLD},
        10,
        Reason.IN_FLIGHT_HELD,
    ),
}

EMPTY: dict[str, Row] = {
    "keeps the last pod at the first empty reading": (
        {"replicas": 1, "reading": reading(0), "memory": stabilizing(600, 0)},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the last pod until empty for long enough": (
        {
            "replicas": 1,
            "reading": reading(0),
            "memory": Memory(ScaleDownStabilization(ago(600), 0), empty_since=ago(59)),
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "shrinks to the last pod until empty for long enough": (
        {
            "replicas": 9,
            "reading": reading(0),
            "memory": Memory(ScaleDownStabilization(ago(60), 0), empty_since=ago(59)),
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "goes to zero when empty for long enough": (
        {"replicas": 1, "reading": reading(0), "memory": empty(60)},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "goes to zero from any size": (
        {"replicas": 9, "reading": reading(0), "memory": empty(60)},
        0,
        Reason.SIZED_BY_BACKLOG,
    ),
    "keeps the last pod while a worker handled something lately": (
        {"replicas": 1, "reading": reading(0), "memory": empty(600), "sample": Sample(NOW, last_handled=ago(10))},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "needs two readings for zero, however short the waits": (
        {
            "replicas": 1,
            "reading": reading(0),
            "memory": empty(0),
            "scale_to_zero_after_seconds": 0,
            "scale_down": window(0),
        },
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
    "keeps the last pod while it works, even when count.inFlight is Ignore": (
        {"replicas": 1, "reading": reading(0, 1), "memory": empty(600), "in_flight": InFlight.IGNORE},
        1,
        Reason.AWAITING_EMPTY_CONFIRMATION,
    ),
}

PROTECTION: dict[str, Row] = {
    "busy pods stay": (
        {
            "reading": reading(0, 10),
            "scale_down": window(0),
            "pods": pods(3, 7),
            "memory": REPORTING,
        },
        7,
        Reason.WAITING_FOR_IDLE_WORKERS,
    ),
}
