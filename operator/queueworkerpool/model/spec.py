"""What a pool asks for: the `spec` of a QueueWorkerPool. `PoolSpec.parse` is the only reader of the raw spec."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from queueaddress import is_fifo
from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model.identity import ScaleTarget
from queueworkerpool.model.queues import QueueReading, QueueRef, QueueVariable
from queueworkerpool.model.times import format_time, parse_time
from queueworkerpool.sizing import SizingRule, parse_target


class Mode(StrEnum):
    """`spec.mode`: whether the operator scales, only decides, or does nothing."""

    ACTIVE = "Active"
    DRY_RUN = "DryRun"
    PAUSED = "Paused"


class InFlight(StrEnum):
    """`spec.count.inFlight`: whether messages being worked on add to the load, only keep their pods, or neither."""

    COUNT = "Count"
    HOLD = "Hold"
    IGNORE = "Ignore"


class BusyWorkers(StrEnum):
    """`spec.scaleIn.busyWorkers`: whether scaling in waits for busy workers, or trusts their grace period."""

    PROTECT = "Protect"
    DRAIN = "Drain"


class Select(StrEnum):
    """`selectPolicy` of autoscaling/v2: which of several policies counts, or that none allows anything."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class Policy:
    """A rate policy of autoscaling/v2: at most `value` pods, or percent of the pods, in `period_seconds`."""

    percent: bool
    value: int
    period_seconds: int


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """One direction of `spec.behavior`. A window of None is the operator's default; no policies: no rate limit."""

    window_seconds: int | None = None
    select: Select = Select.MAX
    policies: tuple[Policy, ...] = ()
    tolerance: float = 0.0

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse one direction of the raw `spec.behavior`."""
        return cls(
            window_seconds=raw.get("stabilizationWindowSeconds"),
            select=Select(raw.get("selectPolicy", "Max")),
            policies=tuple(
                Policy(policy["type"] == "Percent", policy["value"], policy["periodSeconds"])
                for policy in raw.get("policies", ())
            ),
            tolerance=float(raw.get("tolerance", 0)),
        )


@dataclass(frozen=True, slots=True)
class Fallback:
    """`spec.fallback`: the size once the queues could not be read for long."""

    after_seconds: int
    replicas: int
    only_if_higher: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of `spec.schedules`: other bounds for `duration_seconds` from each time that the cron expression names."""

    name: str
    cron: str
    duration_seconds: int
    time_zone: str = "UTC"
    min_replicas: int | None = None
    max_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class ScaleTargetRef:
    """`spec.scaleTargetRef`: what the pool scales, in its own namespace."""

    name: str
    kind: str = "Deployment"
    api_version: str = "apps/v1"

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse the raw `spec.scaleTargetRef`. A definition of before there were kinds fills in none."""
        return cls(raw["name"], raw.get("kind", "Deployment"), raw.get("apiVersion", "apps/v1"))

    def within(self, namespace: str) -> ScaleTarget:
        """Return what it names, in a pool's namespace."""
        return ScaleTarget(namespace, self.name, self.kind, self.api_version.rpartition("/")[0])

    @property
    def label(self) -> str:
        """Kind and name, as messages call it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """The `spec` of a QueueWorkerPool; the fields' meaning, units and bounds are described in the CRD."""

    scale_target_ref: ScaleTargetRef
    queues: tuple[QueueRef | QueueVariable, ...]
    max_replicas: int
    target: SizingRule
    min_replicas: int = 0
    active_min_replicas: int | None = None
    in_flight: InFlight = InFlight.COUNT
    count_delayed: bool = False
    activation_messages: int = 0
    poll_seconds: int = 5
    idle_poll_seconds: int | None = None
    scale_to_zero_after_seconds: int | None = None
    scale_up: ScalingRules = ScalingRules()
    scale_down: ScalingRules = ScalingRules()
    state_port: int = 8081
    busy_workers: BusyWorkers = BusyWorkers.PROTECT
    max_wait_seconds: int = 3600
    fallback: Fallback | None = None
    schedules: tuple[Schedule, ...] = ()
    mode: Mode = Mode.ACTIVE
    paused_until: datetime | None = None

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> Self:
        """Parse the raw `spec` of a stored object, in which the API server has filled in the CRD's defaults.

        Raises SpecInvalidError, naming the field, when the object and this operator's CRD disagree.
        """
        try:
            return cls(
                scale_target_ref=ScaleTargetRef.parse(spec["scaleTargetRef"]),
                queues=tuple(_queue(raw) for raw in spec["queues"]),
                max_replicas=spec["maxReplicas"],
                target=parse_target(spec["target"]),
                min_replicas=spec["minReplicas"],
                active_min_replicas=spec.get("activeMinReplicas"),
                in_flight=InFlight(spec["count"]["inFlight"]),
                count_delayed=spec["count"]["delayed"] == "Count",
                activation_messages=spec["activationMessages"],
                poll_seconds=spec["pollSeconds"],
                idle_poll_seconds=spec.get("idlePollSeconds"),
                scale_to_zero_after_seconds=spec.get("scaleToZeroAfterSeconds"),
                scale_up=ScalingRules.parse(spec["behavior"]["scaleUp"]),
                scale_down=ScalingRules.parse(spec["behavior"]["scaleDown"]),
                state_port=spec["scaleIn"]["statePort"],
                busy_workers=BusyWorkers(spec["scaleIn"]["busyWorkers"]),
                max_wait_seconds=spec["scaleIn"]["maxWaitSeconds"],
                fallback=_fallback(spec.get("fallback")),
                schedules=tuple(_schedule(raw) for raw in spec.get("schedules", ())),
                mode=Mode(spec["mode"]),
                paused_until=_optional_time(spec.get("pausedUntil")),
            )
        except KeyError as error:
            problem = f"the stored spec lacks {error}; apply the pool again under the current CRD"
            raise SpecInvalidError(problem) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise SpecInvalidError("the stored spec does not fit the current CRD; apply the pool again") from error

    def at(self, now: datetime) -> "PoolSpec":
        """Return the spec as it holds at a time: with mode Paused until `pausedUntil`, and without one that is over.

        What is Paused by its mode has no end.
        """
        if self.paused_until is None:
            return self
        if self.mode is Mode.PAUSED or self.paused_until <= now:
            return replace(self, paused_until=None)
        return replace(self, mode=Mode.PAUSED)

    @property
    def fifo_queues(self) -> int:
        """How many of its queues are FIFO queues, by their URLs; of one in an environment variable it is not known."""
        return sum(isinstance(queue, QueueRef) and is_fifo(queue.url) for queue in self.queues)

    @property
    def pause(self) -> str:
        """What pauses the pool, in words; for a spec as it holds now, whose mode is Paused."""
        return f"spec.pausedUntil is {format_time(self.paused_until)}" if self.paused_until else "spec.mode is Paused"

    @property
    def scale_up_window_seconds(self) -> int:
        """The stabilization window of scaling out; 0 without one."""
        return self.scale_up.window_seconds or 0

    def load(self, reading: QueueReading) -> int:
        """Return the messages of a reading that count as load."""
        counted = reading.visible
        counted += reading.in_flight if self.in_flight is InFlight.COUNT else 0
        return counted + (reading.delayed if self.count_delayed else 0)


def _queue(raw: Mapping[str, Any]) -> QueueRef | QueueVariable:
    region, variable = raw.get("region"), raw.get("urlFromEnv")
    if variable is None:
        return QueueRef(raw["url"], region)
    return QueueVariable(variable["containerName"], variable["name"], region)


def _fallback(raw: Mapping[str, Any] | None) -> Fallback | None:
    return Fallback(raw["afterSeconds"], raw["replicas"], raw["when"] == "IfHigher") if raw else None


def _optional_time(raw: str | None) -> datetime | None:
    return None if raw is None else parse_time(raw)


def _schedule(raw: Mapping[str, Any]) -> Schedule:
    return Schedule(
        name=raw["name"],
        cron=raw["cron"],
        duration_seconds=raw["durationSeconds"],
        time_zone=raw["timeZone"],
        min_replicas=raw.get("minReplicas"),
        max_replicas=raw.get("maxReplicas"),
    )
