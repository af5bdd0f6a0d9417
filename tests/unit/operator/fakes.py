"""A calm observation, and a tick's dependencies in memory: for the tests of status, names, metrics and ticks."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from queueworkerpool.decide import decide
from queueworkerpool.dependencies import Dependencies, Queues
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    PoolGoneError,
    QueueUnreadableError,
    TargetGoneError,
)
from queueworkerpool.model import (
    Event,
    Freshness,
    NamespacedName,
    Observation,
    Pool,
    PoolSpec,
    PoolStatus,
    QueueReading,
    QueueRef,
    Sample,
    ScaleTarget,
    StoredPool,
    Target,
    Worker,
)
from queueworkerpool.names import ConditionType
from queueworkerpool.reconcile import reconcile
from queueworkerpool.report.events import EventDeduplicator
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.report.status import next_status
from queueworkerpool.tenancy import Tenancy
from tests.unit.operator.builders import NOW, URL, facts, pool, reading

DEPLOYMENT = ScaleTarget("shop", "thumbnailer")


def target(replicas: int = 10, **differs: Any) -> Target:
    return replace(Target(replicas, replicas, resource_version=500, settled=True), **differs)


def observe(decided: Mapping[str, Any] | None = None, **differs: Any) -> Observation:
    """A tick over ten calm pods. `decided`: how the facts of the decision, and with them the pool's spec, differ."""
    state = facts(**decided or {})
    counts = tuple(count for count in state.readings if count)
    calm = Observation(pool(spec=state.spec), target(state.replicas), counts=counts, decision=decide(state))
    return replace(calm, **differs)


def status_of(observation: Observation, now: datetime = NOW) -> dict[str, Any]:
    """The raw status that reports an observation."""
    return next_status(observation, now).dump()


def stored(pool: Pool, status: Mapping[str, Any]) -> Pool:
    """The pool with a raw status."""
    return replace(pool, status=PoolStatus.parse(status))


def condition(status: Mapping[str, Any], kind: ConditionType) -> dict[str, Any]:
    """The one condition of this type; fails when there is none, or more than one."""
    [found] = [held for held in status["conditions"] if held["type"] == kind]
    return dict(found)


def merged(changes: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7386), applied as the API server does."""
    result = dict(copy.deepcopy(document))
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merged(value, before if isinstance(before, Mapping) else {})
        else:
            result[name] = copy.deepcopy(value)
    return result


@dataclass
class FakeDependencies:
    """Every dependency of a tick, in memory: a pool, its Deployment with its pods, its queues, and what was written.

    `broken` holds what a dependency raises, by the name of its method. `shared` is a reading that another pool made.
    `readings`: what reads the queues in place of `queues`.
    """

    stored: StoredPool | None = field(default_factory=pool)
    deployment: Target | None = field(default_factory=target)
    queues: dict[str, QueueReading | QueueUnreadableError] = field(default_factory=dict)
    shared: QueueReading | None = None
    readings: Queues | None = None
    sample: Sample | None = None
    pods: tuple[Worker, ...] = ()
    marked: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    broken: dict[str, ClusterError] = field(default_factory=dict)
    mark_refusal: ClusterRefusedError | None = None
    known: Target | None = None
    tenancy: Tenancy = field(default_factory=Tenancy)
    own: ScaleTarget | None = None
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, "1.2.3", lambda: self.now)
        self.known = self.known or self.deployment
        self.deduplicator = EventDeduplicator()
        self.queues.setdefault(URL, reading(0, 50))

    async def tick(self, owner: NamespacedName | None = None, watched: StoredPool | None = None) -> float | None:
        """One tick over the pool as it is stored, or as the watch still shows it."""
        shown = watched or self.stored
        assert shown
        dependencies = Dependencies(
            tenants=self.tenancy,
            queues=self.readings or self,
            targets=self,
            sampler=self,
            scale_in=self,
            cluster=self,
            metrics=self.metrics,
            deduplicator=self.deduplicator,
            clock=lambda: self.now,
            own_deployment=self.own,
        )
        returned, soon = await reconcile(shown, owner, dependencies)
        assert returned == self.stored
        return soon

    def later(self, seconds: float) -> None:
        """Let time pass; the watch now shows our own write."""
        self.now += timedelta(seconds=seconds)
        self.known = self.deployment

    def scaled_by_other(self, manager: str, replicas: int) -> None:
        """Another writer sets the replicas."""
        assert self.deployment
        version = self.deployment.resource_version + 1
        self.deployment = target(replicas, resource_version=version, writer=(manager, self.now))
        self.known = self.deployment

    @property
    def status(self) -> Mapping[str, Any]:
        """The raw status."""
        assert self.stored
        return self.stored.status.stored

    @property
    def sizes(self) -> tuple[int, int]:
        """The Deployment's replicas and its version, which grows by one with each write."""
        assert self.deployment
        return self.deployment.replicas, self.deployment.resource_version

    @property
    def event_reasons(self) -> list[str]:
        return [event.reason for event in self.events]

    def count(self, name: str, **labels: str) -> float | None:
        """One of the pool's metrics, as a scrape shows it."""
        wanted = f"queueworkerpool_{name}", {"namespace": "shop", "pool": "thumbnails"} | labels
        text = b"".join(self.metrics.render("")[0]).decode()
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return next((sample.value for sample in samples if (sample.name, sample.labels) == wanted), None)

    async def read(self, queue: QueueRef, freshness: Freshness) -> QueueReading:
        if self.shared and (self.now - self.shared.time).total_seconds() < freshness.max_age_seconds:
            return self.shared
        found = self.queues[queue.url]
        if isinstance(found, QueueUnreadableError):
            raise found
        return replace(found, time=self.now)

    async def current(self, scale_target: ScaleTarget) -> Target | None:
        self._break("current")
        return self.find(scale_target)

    def find(self, scale_target: ScaleTarget) -> Target | None:
        return self.known if scale_target == DEPLOYMENT else None

    def assume(self, scale_target: ScaleTarget, target: Target) -> None:
        assert scale_target == DEPLOYMENT
        self.known = target

    def take(self, pool: Pool, target: Target) -> Sample | None:
        assert (pool.scale_target, target) == (DEPLOYMENT, self.known)
        return self.sample

    def status_changes(self, **differs: Any) -> None:
        """Somebody writes the Deployment, its status if nothing else is said, and the watch shows it at once."""
        assert self.deployment
        version = self.deployment.resource_version + 1
        self.deployment = self.known = replace(self.deployment, resource_version=version, **differs)

    async def query(self, scale_target: ScaleTarget, spec: PoolSpec, target: Target) -> tuple[Worker, ...]:
        self._break("query")
        assert (scale_target, target, spec.state_port) == (DEPLOYMENT, self.known, 8081)
        return self.pods

    async def mark(self, scale_target: ScaleTarget, pods: tuple[Worker, ...], victims: tuple[str, ...]) -> None:
        self._break("mark")
        assert (scale_target, pods) == (DEPLOYMENT, self.pods)
        self.marked = set(victims)

    async def clear(self, scale_target: ScaleTarget, target: Target) -> None:
        self._break("clear")
        assert (scale_target, target) == (DEPLOYMENT, self.known)
        self.marked = set()

    def refusal(self, scale_target: ScaleTarget) -> ClusterRefusedError | None:
        assert scale_target == DEPLOYMENT
        return self.mark_refusal

    async def confirm(self, pool: Pool) -> None:
        self._break("confirm")
        if self.stored is None or pool.uid != self.stored.uid:
            raise PoolGoneError("gone")

    async def scale(self, scale_target: ScaleTarget, replicas: int, resource_version: int) -> int:
        self._break("scale")
        if self.deployment is None or scale_target != DEPLOYMENT:
            raise TargetGoneError("gone")
        if self.deployment.resource_version != resource_version:
            raise ClusterConflictError("changed")
        self.deployment = replace(self.deployment, replicas=replicas, resource_version=resource_version + 1)
        return resource_version + 1

    async def write_status(self, pool: StoredPool, patch: Mapping[str, Any]) -> StoredPool:
        self._break("write_status")
        assert self.stored
        status = PoolStatus.parse(merged(patch, self.stored.status.stored))
        self.stored = replace(pool, resource_version=self.stored.resource_version + 1, status=status)
        return self.stored

    async def post_event(self, pool: StoredPool, event: Event, now: datetime) -> None:
        self._break("post_event")
        assert (pool, now) == (self.stored, self.now)
        self.events.append(event)

    def _break(self, method: str) -> None:
        if method in self.broken:
            raise self.broken[method]
