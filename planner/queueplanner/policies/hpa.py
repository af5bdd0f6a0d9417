"""The Horizontal Pod Autoscaler (autoscaling/v2) on external metrics, for what KEDA and others put before it.

Source: pkg/controller/podautoscaler of Kubernetes 1.36 (`reconcileAutoscaler`, `normalizeDesiredReplicas`,
`normalizeDesiredReplicasWithBehaviors`, `GetExternalPerPodMetricReplicas`). It reads no queue and touches nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from queueplanner.simulation import PodState, View

SYNC_SECONDS = 15.0
WINDOW_SECONDS = 300.0
TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Policy:
    """A scaling policy: at most this many pods, or percent of them, in a period."""

    value: int
    period_seconds: float
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """`behavior` of one direction. `disabled`: selectPolicy Disabled; `least`: selectPolicy Min."""

    window_seconds: float
    policies: Sequence[Policy]
    disabled: bool = False
    least: bool = False
    tolerance: float = TOLERANCE


UP = Rules(0, (Policy(4, 15), Policy(100, 15, percent=True)))
DOWN = Rules(WINDOW_SECONDS, (Policy(100, 15, percent=True),))


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods that an HPA counts: those asked for, those that exist, and those that are ready."""

    asked: int
    existing: int
    ready: int

    @classmethod
    def of(cls, view: View, asked: int) -> Self:
        """Return those of a view, where so many are asked for by now."""
        return cls(asked, asked, sum(pod.state is PodState.READY for pod in view.pods))


@dataclass(slots=True)
class Hpa:
    """One HPA. `behavior` None: as without the field, which is not the same as its defaults.

    Args:
        least: minReplicas.
        most: maxReplicas.
        per_pod: The metric's averageValue, or its value.
        behavior: Rules up and down.
        is_value: Whether the target is a value: that of all pods together.
        window_seconds: The controller's --horizontal-pod-autoscaler-downscale-stabilization.
        tolerance: Its --horizontal-pod-autoscaler-tolerance.
        beside: The values of other metrics, whose averageValue is 1; whoever has such sets them before each sync.
    """

    least: int
    most: int
    per_pod: float
    behavior: tuple[Rules, Rules] | None = None
    is_value: bool = False
    window_seconds: float = WINDOW_SECONDS
    tolerance: float = TOLERANCE
    beside: Sequence[float] = ()
    _recommended: list[tuple[float, int]] = field(default_factory=list)
    _raised: list[tuple[float, int]] = field(default_factory=list)
    _lowered: list[tuple[float, int]] = field(default_factory=list)

    def sync(self, now: float, replicas: int, load: float, pods: Pods | None = None) -> int:
        """Return the size after one sync. `pods`: None: as many exist, and are ready, as are asked for."""
        if not self._recommended:
            self._recommended.append((now, replicas))
        if replicas == 0:
            return 0
        size = self._sized(now, pods or Pods(replicas, replicas, replicas), load)
        if self.behavior is not None and size != replicas:
            self._store_change(now, size - replicas, *self.behavior)
        return size

    def _sized(self, now: float, pods: Pods, load: float) -> int:
        replicas = pods.asked
        if not self.least <= replicas <= self.most:
            return min(max(replicas, self.least), self.most)
        wanted = self._proposed(pods, load)
        if self.behavior is None:
            return self._limited_by_default(now, replicas, wanted)
        return self._limited(now, replicas, wanted, *self.behavior)

    def _proposed(self, pods: Pods, load: float) -> int:
        """Return the most that any metric asks for."""
        proposed = self._for_value(pods, load) if self.is_value else self._for_average(pods, load, self.per_pod)
        return max([proposed, *(self._for_average(pods, each, 1.0) for each in self.beside)])

    def _for_value(self, pods: Pods, load: float) -> int:
        """Return what a metric asks for that is of all pods together; within the tolerance, the pods asked for."""
        ratio = load / self.per_pod
        return pods.asked if self._is_within(ratio) else math.ceil(ratio * pods.ready)

    def _for_average(self, pods: Pods, load: float, per_pod: float) -> int:
        """Return what a metric asks for that is of each pod; within the tolerance, the pods that exist."""
        if pods.existing and self._is_within(load / (per_pod * pods.existing)):
            return pods.existing
        return math.ceil(load / per_pod)

    def _is_within(self, ratio: float) -> bool:
        up, down = (rules.tolerance for rules in self.behavior) if self.behavior else (self.tolerance, self.tolerance)
        return 1 - down <= ratio <= 1 + up

    def _limited_by_default(self, now: float, replicas: int, wanted: int) -> int:
        stable = max([wanted, *self._recommendations(now, self.window_seconds)])
        self._store(now, wanted, self.window_seconds)
        return max(self.least, min(stable, self.most, max(2 * replicas, 4)))

    def _limited(self, now: float, replicas: int, wanted: int, up: Rules, down: Rules) -> int:
        raised = min([wanted, *self._recommendations(now, up.window_seconds)])
        lowered = max([wanted, *self._recommendations(now, down.window_seconds)])
        stable = min(max(replicas, raised), lowered)
        self._store(now, wanted, max(up.window_seconds, down.window_seconds))
        if stable > replicas:
            return min(stable, self.most, self._most(now, replicas, up))
        return max(stable, self.least, self._least(now, replicas, down)) if stable < replicas else stable

    def _most(self, now: float, replicas: int, rules: Rules) -> int:
        if rules.disabled:
            return replicas
        limits = [
            math.ceil(start * (1 + policy.value / 100)) if policy.percent else start + policy.value
            for policy, start in self._starts(now, replicas, rules)
        ]
        return max(replicas, min(limits) if rules.least else max(limits))

    def _least(self, now: float, replicas: int, rules: Rules) -> int:
        if rules.disabled:
            return replicas
        limits = [
            math.trunc(start * (1 - policy.value / 100)) if policy.percent else start - policy.value
            for policy, start in self._starts(now, replicas, rules)
        ]
        return min(replicas, max(limits) if rules.least else min(limits))

    def _starts(self, now: float, replicas: int, rules: Rules) -> Iterator[tuple[Policy, int]]:
        for policy in rules.policies:
            changes = (*self._raised, *self._lowered)
            changed = sum(change for time, change in changes if time > now - policy.period_seconds)
            yield policy, replicas - changed

    def _store_change(self, now: float, change: int, up: Rules, down: Rules) -> None:
        """Remember a change, in the place of the last one that is older than any period of its own direction."""
        changes, rules = (self._raised, up) if change > 0 else (self._lowered, down)
        longest = max((policy.period_seconds for policy in rules.policies), default=0.0)
        outdated = [place for place, (time, _) in enumerate(changes) if time < now - longest]
        if outdated:
            changes[outdated[-1]] = (now, change)
        else:
            changes.append((now, change))

    def _recommendations(self, now: float, window: float) -> Iterator[int]:
        return (size for time, size in self._recommended if time > now - window)

    def _store(self, now: float, wanted: int, window: float) -> None:
        self._recommended = [(time, size) for time, size in self._recommended if time > now - window]
        self._recommended.append((now, wanted))
