"""KEDA 2.20's ScaledObject on one aws-sqs-queue trigger, and cron triggers beside it, with the HPA behind it.

Source: pkg/scaling/executor/scale_scaledobjects.go of KEDA, and `hpa`. The executor takes a pool from and to zero at
its polling interval; above zero the HPA sizes it, every 15 seconds. It stops pods without asking whether they are busy.
"""

from dataclasses import dataclass, field
from math import inf

from queueplanner.policies.hpa import SYNC_SECONDS, Hpa, Pods, Rules
from queueplanner.policies.keda_cron import CronScaler, CronTrigger
from queueplanner.simulation import Move, View


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """The fields of a ScaledObject that set its size, with KEDA's defaults.

    Args:
        queue_length: The trigger's queueLength.
        min_replicas: minReplicaCount.
        max_replicas: maxReplicaCount.
        polling_seconds: pollingInterval.
        cooldown_seconds: cooldownPeriod.
        activation: The trigger's activationQueueLength.
        idle_replicas: idleReplicaCount.
        in_flight: The trigger's scaleOnInFlight.
        behavior: advanced.horizontalPodAutoscalerConfig.behavior, up and down.
        is_value: Whether the trigger's metricType is Value: then queueLength is for all pods together.
        crons: The cron triggers beside it.
    """

    queue_length: float = 5
    min_replicas: int = 0
    max_replicas: int = 100
    polling_seconds: float = 30
    cooldown_seconds: float = 300
    activation: int = 0
    idle_replicas: int | None = None
    in_flight: bool = True
    behavior: tuple[Rules, Rules] | None = None
    is_value: bool = False
    crons: tuple[CronTrigger, ...] = ()


@dataclass(slots=True)
class Keda:
    """A ScaledObject at work.

    Args:
        name: What people call it.
        spec: Its fields.
        poll_at: When it polls first.
        sync_at: When its HPA syncs first: by a clock of its own.
    """

    name: str
    spec: ScaledObject
    poll_at: float = 0.0
    sync_at: float = SYNC_SECONDS / 2
    _next_poll: float = field(init=False)
    _next_sync: float = field(init=False)
    _active_at: float = -inf
    _hpa: Hpa = field(init=False)
    _crons: list[CronScaler] = field(init=False)

    def __post_init__(self) -> None:
        """Make the HPA, which never goes below one pod."""
        self._next_poll, self._next_sync = self.poll_at, self.sync_at
        spec = self.spec
        self._crons = [CronScaler(each) for each in spec.crons]
        self._hpa = Hpa(max(spec.min_replicas, 1), spec.max_replicas, spec.queue_length, spec.behavior, spec.is_value)

    def decide(self, view: View) -> Move:
        """Do what is due: a poll, a sync of the HPA, or both."""
        load = view.counts.visible + (view.counts.in_flight if self.spec.in_flight else 0)
        size, reads = view.replicas, 0
        if view.now >= self._next_poll:
            active = load > self.spec.activation or any(each.is_active(view.time) for each in self._crons)
            size, reads = self._poll(view.now, size, active), reads + 1
            self._next_poll = view.now + self.spec.polling_seconds
        if view.now >= self._next_sync:
            self._hpa.beside = [each.metric(view.time) for each in self._crons]
            size, reads = self._hpa.sync(view.now, size, load, Pods.of(view, size)), reads + 1
            self._next_sync = view.now + SYNC_SECONDS
        return Move(size, min(self._next_poll, self._next_sync) - view.now, reads=reads)

    def _poll(self, now: float, size: int, active: bool) -> int:  # noqa: FBT001 -- what the poll has found
        spec = self.spec
        if active:
            self._active_at = now
            asleep = size == 0 or (spec.idle_replicas is not None and size < spec.min_replicas)
            return max(spec.min_replicas, 1) if asleep else size
        least = spec.min_replicas if spec.idle_replicas is None else spec.idle_replicas
        may_sleep = spec.idle_replicas is not None or spec.min_replicas == 0
        if size > least and may_sleep and now - self._active_at > spec.cooldown_seconds:
            return least
        return max(size, least) if spec.idle_replicas is None else size
