"""What a person sees of the operator from outside at one moment, and whether it reports a trouble. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_PREFIX = "queueworkerpool_"


@dataclass(frozen=True, slots=True)
class View:
    """One moment.

    Args:
        series: The operator's metrics: values by name and labels.
        conditions: Status and reason, by pool and type of the condition.
        events: Events so far, by pool and reason.
        sizes: Replicas by the name of the Deployment.
        service_seconds: What the status of a pool says that a message takes, by pool.
    """

    series: Mapping[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)
    conditions: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    events: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    service_seconds: Mapping[str, float] = field(default_factory=dict)

    def total(self, name: str, labels: Mapping[str, str]) -> float:
        """Return the sum of the series of a metric that have these labels."""
        wanted = labels.items()
        return sum(value for (each, held), value in self.series.items() if each == _PREFIX + name and wanted <= held)


def _never(_: View) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Signal:
    """How a trouble is reported.

    Args:
        reported: Whether the second view reports a trouble that began after the first.
        shows: Whether a view shows such a trouble, whenever it began: then a new one cannot be reported.
    """

    reported: Callable[[View, View], bool]
    shows: Callable[[View], bool] = _never


def parse_metrics(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Parse /metrics."""
    return {
        (name, frozenset(_LABEL.findall(labels))): float(value)
        for name, labels, value in _SAMPLE.findall(text)
        if name.startswith(_PREFIX) and not name.endswith("_bucket")
    }


def parse_conditions(pools: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Parse the conditions of raw pools."""
    return {
        (pool["metadata"]["name"], each["type"]): (each["status"], each["reason"])
        for pool in pools
        for each in pool.get("status", {}).get("conditions", ())
    }


def parse_service_seconds(pools: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Parse the service times of raw pools; 0 where none is known."""
    statuses = {pool["metadata"]["name"]: pool.get("status", {}) for pool in pools}
    return {
        name: float(status.get("memory", {}).get("workers", {}).get("serviceSeconds", 0))
        for name, status in statuses.items()
    }


def parse_events(events: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    """Count raw Events about pools."""
    return Counter(
        (each["involvedObject"]["name"], each["reason"])
        for each in events
        if each["involvedObject"]["kind"] == "QueueWorkerPool"
    )


def condition(pool: str, kind: str, status: str, *reasons: str) -> Signal:
    """Report by a condition, with one of the reasons, and by its series: alerts see nothing else."""
    labels = {"pool": pool, "type": kind, "status": status}

    def shows(view: View) -> bool:
        held, reason = view.conditions.get((pool, kind), ("", ""))
        return held == status and (not reasons or reason in reasons)

    return Signal(lambda before, now: shows(now) and not shows(before) and now.total("condition", labels) == 1, shows)


def posted(pool: str, reason: str) -> Signal:
    """Report by an Event, now or earlier: one that is repeated within ten minutes is not posted again."""
    return Signal(lambda _, now: now.events.get((pool, reason), 0) > 0)


def posted_again(pool: str, reason: str) -> Signal:
    """Report by one more Event."""
    return Signal(lambda before, now: now.events.get((pool, reason), 0) > before.events.get((pool, reason), 0))


def grows(name: str, **labels: str) -> Signal:
    """Report by a counter that grows."""
    return Signal(lambda before, now: now.total(name, labels) > before.total(name, labels))


def gauge(name: str, meets: Callable[[float], bool], **labels: str) -> Signal:
    """Report by a gauge that meets a condition that it did not meet before."""

    def shows(view: View) -> bool:
        return meets(view.total(name, labels))

    return Signal(lambda before, now: shows(now) and not shows(before), shows)


def sized(deployment: str, replicas: int) -> Signal:
    """Report by a Deployment that gets a size."""

    def shows(view: View) -> bool:
        return view.sizes.get(deployment) == replicas

    return Signal(lambda before, now: shows(now) and not shows(before), shows)


def learned(pool: str, seconds: float) -> Signal:
    """Report by a new service time in the status that is above this."""
    return Signal(lambda before, now: before.service_seconds.get(pool) != now.service_seconds.get(pool, 0) > seconds)


def both(*signals: Signal) -> Signal:
    """Report by all of them."""
    return Signal(
        lambda before, now: all(each.reported(before, now) for each in signals),
        lambda view: any(each.shows(view) for each in signals),
    )


def either(*signals: Signal) -> Signal:
    """Report by any of them."""
    return Signal(
        lambda before, now: any(each.reported(before, now) for each in signals),
        lambda view: any(each.shows(view) for each in signals),
    )
