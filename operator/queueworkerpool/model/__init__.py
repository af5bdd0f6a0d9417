"""The values that the operator passes around: frozen, typed, parsed once. They do no input or output, know no library.

Everybody above builds and reads them. The parts: `queues`, `spec` (what a pool asks for), `memory` (what a decision
remembers), `crew` (pods and workers), `facts` (what a decision takes and gives), `observed` (what the watch shows and
a tick saw). The `parse` methods are the only readers of the raw dictionaries; defaults and bounds live in the CRD.
"""

from queueworkerpool.model.crew import PodSeen, Worker, WorkerState
from queueworkerpool.model.facts import Bounds, Decision, Facts, Sample, Step
from queueworkerpool.model.memory import (
    RIVAL_QUIET,
    RIVAL_ROUNDS,
    Change,
    Lull,
    Memory,
    Rival,
    Surge,
    Workers,
    told_time,
)
from queueworkerpool.model.observed import News, Observation, Pool, Target
from queueworkerpool.model.queues import QueueReading, QueueRef, Role, total
from queueworkerpool.model.spec import (
    BusyWorkers,
    Fallback,
    InFlight,
    Key,
    LatencyTarget,
    Mode,
    Policy,
    PoolSpec,
    ScalingRules,
    Schedule,
    Select,
)

__all__ = [
    "RIVAL_QUIET",
    "RIVAL_ROUNDS",
    "Bounds",
    "BusyWorkers",
    "Change",
    "Decision",
    "Facts",
    "Fallback",
    "InFlight",
    "Key",
    "LatencyTarget",
    "Lull",
    "Memory",
    "Mode",
    "News",
    "Observation",
    "PodSeen",
    "Policy",
    "Pool",
    "PoolSpec",
    "QueueReading",
    "QueueRef",
    "Rival",
    "Role",
    "Sample",
    "ScalingRules",
    "Schedule",
    "Select",
    "Step",
    "Surge",
    "Target",
    "Worker",
    "WorkerState",
    "Workers",
    "told_time",
    "total",
]
