"""Rows of what the load calls for, and of how a pool leaves zero."""

from queueworkerpool.model import InFlight, Memory
from queueworkerpool.names import Reason
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import ago, reading, window
from tests.unit.operator.decide.rows import LATENCY, MEASURED, REPORTING, Row, measured

RECOMMENDATIONS: dict[str, Row] = {
    "keeps a size that fits": ({}, 10, Reason.SIZED_BY_BACKLOG),
    "grows to the whole size in one step": ({"reading": reading(249)}, 50, Reason.SIZED_BY_BACKLOG),
    "leaves zero in one step": ({"replicas": 0, "reading": reading(200)}, 40, Reason.SIZED_BY_BACKLOG),
    "rounds up": ({"reading": reading(51)}, 11, Reason.SIZED_BY_BACKLOG),
    "counts messages in flight": ({"reading": reading(20, 40)}, 12, Reason.SIZED_BY_BACKLOG),
    "ignores messages in flight when count.inFlight is Ignore": (
        {"reading": reading(55, 40), "in_flight": InFlight.IGNORE},
        11,
        Reason.SIZED_BY_BACKLOG,
    ),
    "ignores delayed messages": ({"reading": reading(0, 50, 500)}, 10, Reason.SIZED_BY_BACKLOG),
    "counts delayed messages when count.delayed is Count": (
        {"reading": reading(0, 50, 50), "count_delayed": True},
        20,
        Reason.SIZED_BY_BACKLOG,
    ),
    "adds up several queues": ({"readings": (reading(30), reading(0, 45))}, 15, Reason.SIZED_BY_BACKLOG),
    "by latency: load x service / (slots x time left)": (
        {"target": LATENCY, "reading": reading(800), "memory": MEASURED},
        10,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: the time left is never below the start-up time": (
        {"target": Latency(25), "reading": reading(800), "memory": MEASURED},
        20,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: a pod while anything waits": (
        {"target": Latency(3600), "replicas": 1, "reading": reading(1), "memory": MEASURED},
        1,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: never more slots than messages": (
        {"target": LATENCY, "reading": reading(44), "memory": measured(workers=WorkerEstimates(500, 4, 20))},
        11,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: the declared estimate is used until something was measured": (
        {"target": Latency(60, 2, 20), "reading": reading(800), "memory": REPORTING},
        10,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: a measurement goes before the declared estimate": (
        {"target": Latency(60, 99, 1), "reading": reading(800), "memory": MEASURED},
        10,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: a slot each while nothing is known": (
        {"target": LATENCY, "reading": reading(33)},
        33,
        Reason.SIZED_BY_LATENCY,
    ),
    "by latency: no pod is recommended while nothing waits": (
        {"target": LATENCY, "replicas": 0, "reading": reading(0)},
        0,
        Reason.SIZED_BY_LATENCY,
    ),
}

ACTIVATION: dict[str, Row] = {
    "stays at zero up to the activation threshold": (
        {"replicas": 0, "reading": reading(7), "activation_messages": 7},
        0,
        Reason.BELOW_ACTIVATION,
    ),
    "few messages below the activation threshold are no reason for a second reading": (
        {"replicas": 0, "reading": reading(2), "activation_messages": 7},
        0,
        Reason.BELOW_ACTIVATION,
    ),
    "a scale-up window is no matter below the activation threshold": (
        {"replicas": 0, "reading": reading(7), "activation_messages": 7, "scale_up": window(30)},
        0,
        Reason.BELOW_ACTIVATION,
    ),
    "leaves zero above the activation threshold": (
        {"replicas": 0, "reading": reading(8), "activation_messages": 7},
        2,
        Reason.SIZED_BY_BACKLOG,
    ),
    "does not go to zero below the activation threshold": (
        {"replicas": 1, "reading": reading(3), "activation_messages": 7},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "stays at zero for what may be an error of the counts": (
        {"replicas": 0, "reading": reading(2)},
        0,
        Reason.AWAITING_SECOND_READING,
    ),
    "the same reading is no second reading": (
        {"replicas": 0, "reading": reading(2, time=ago(1)), "memory": Memory(activation_pending_since=ago(1))},
        0,
        Reason.AWAITING_SECOND_READING,
    ),
    "leaves zero when a second reading agrees": (
        {"replicas": 0, "reading": reading(1), "memory": Memory(activation_pending_since=ago(1.5))},
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "leaves zero when the third agrees, and the second showed nothing": (
        {
            "replicas": 0,
            "reading": reading(1),
            "memory": Memory(activation_pending_since=ago(6.5), empty_since=ago(9)),
        },
        1,
        Reason.SIZED_BY_BACKLOG,
    ),
    "leaves zero at once for three messages": ({"replicas": 0, "reading": reading(3)}, 1, Reason.SIZED_BY_BACKLOG),
}
