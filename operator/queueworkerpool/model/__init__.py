"""The values that the operator passes around: frozen, typed, parsed once. They do no input or output, know no library.

Every module above builds and reads them. The parts: `queues`, `spec` (what a pool asks for), `environment` (what pods
are told of queues), `targets` (what is scaled), `workloads` (its kinds), `pods` (pods and workers), `memory` (what a
decision remembers), `ownership` (whose memory it is), `facts` (what a decision takes and gives), `status` (what was
reported), `readings` (how often queues are read), `observed` (what the watch shows and a tick saw), `history` (Events
as they are kept), `installed` (operators), `identity` (names of objects), `times`, `endpoints` (of other servers than
AWS's).
The `parse` functions are the only readers of the raw dictionaries; defaults and bounds live in the CRD.
"""

from queueworkerpool.model.endpoints import Endpoints
from queueworkerpool.model.environment import PodEnvironment
from queueworkerpool.model.facts import Bounds, Decision, Facts, Sample, Step, StepKind
from queueworkerpool.model.history import RecordedEvent, SizeChange
from queueworkerpool.model.identity import NamespacedName, ScaleTarget
from queueworkerpool.model.installed import InstalledOperator
from queueworkerpool.model.memory import (
    COMPETING_WRITER_QUIET,
    COMPETING_WRITES_LIMIT,
    MOST_SPELLS,
    Change,
    CompetingWriter,
    Memory,
    RecommendedSince,
    ScaleDownStabilization,
    ScaleUpStabilization,
)
from queueworkerpool.model.observed import (
    INVALID_POLL_SECONDS,
    Counts,
    Event,
    InvalidPool,
    Observation,
    Pool,
    StoredPool,
    parse_pool,
)
from queueworkerpool.model.ownership import MemoryOwner, digest
from queueworkerpool.model.pods import Container, Pod, Worker, WorkerState
from queueworkerpool.model.queues import QueueReading, QueueRef, QueueVariable, Role, total
from queueworkerpool.model.readings import (
    FRESH_SHARE,
    USD_PER_MILLION_REQUESTS,
    Freshness,
    ReadingInterval,
    dollars,
    monthly_cost_usd,
    must_be_new,
    reading_interval,
    seconds_until_due,
)
from queueworkerpool.model.spec import (
    BusyWorkers,
    Fallback,
    InFlight,
    Mode,
    Policy,
    PoolSpec,
    ScaleTargetRef,
    ScalingRules,
    Schedule,
    Select,
)
from queueworkerpool.model.status import Backlog, Condition, LastDecision, PoolStatus, RecordedStep
from queueworkerpool.model.targets import ROLLOUT_HASH, UNKNOWN_WRITER, Scale, Target
from queueworkerpool.model.times import format_time, parse_time
from queueworkerpool.model.workloads import (
    DEFAULT_WORKLOADS,
    DEPLOYMENT,
    ROLLOUT,
    STATEFUL_SET,
    Removal,
    Workload,
    parse_workloads,
    workload_of,
)

__all__ = [
    "COMPETING_WRITER_QUIET",
    "COMPETING_WRITES_LIMIT",
    "DEFAULT_WORKLOADS",
    "DEPLOYMENT",
    "FRESH_SHARE",
    "INVALID_POLL_SECONDS",
    "MOST_SPELLS",
    "ROLLOUT",
    "ROLLOUT_HASH",
    "STATEFUL_SET",
    "UNKNOWN_WRITER",
    "USD_PER_MILLION_REQUESTS",
    "Backlog",
    "Bounds",
    "BusyWorkers",
    "Change",
    "CompetingWriter",
    "Condition",
    "Container",
    "Counts",
    "Decision",
    "Endpoints",
    "Event",
    "Facts",
    "Fallback",
    "Freshness",
    "InFlight",
    "InstalledOperator",
    "InvalidPool",
    "LastDecision",
    "Memory",
    "MemoryOwner",
    "Mode",
    "NamespacedName",
    "Observation",
    "Pod",
    "PodEnvironment",
    "Policy",
    "Pool",
    "PoolSpec",
    "PoolStatus",
    "QueueReading",
    "QueueRef",
    "QueueVariable",
    "ReadingInterval",
    "RecommendedSince",
    "RecordedEvent",
    "RecordedStep",
    "Removal",
    "Role",
    "Sample",
    "Scale",
    "ScaleDownStabilization",
    "ScaleTarget",
    "ScaleTargetRef",
    "ScaleUpStabilization",
    "ScalingRules",
    "Schedule",
    "Select",
    "SizeChange",
    "Step",
    "StepKind",
    "StoredPool",
    "Target",
    "Worker",
    "WorkerState",
    "Workload",
    "digest",
    "dollars",
    "format_time",
    "monthly_cost_usd",
    "must_be_new",
    "parse_pool",
    "parse_time",
    "parse_workloads",
    "reading_interval",
    "seconds_until_due",
    "total",
    "workload_of",
]
