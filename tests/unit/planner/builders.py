"""Work, policies and pools of the planner's tests."""

import math
from datetime import UTC, datetime
from typing import Any

import yaml

from queueplanner.policies.pools import PlannedPool, Ticks
from queueplanner.simulation import Move, View
from queueplanner.work import Constant, Work
from queueworkerpool.validate import validate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Fixed:
    """As many pods as it is told, from the first moment on."""

    name = "fixed"

    def __init__(self, *sizes: tuple[float, int]) -> None:
        self._sizes = sizes

    def decide(self, view: View) -> Move:
        """Return the last size whose time has come."""
        size = [size for time, size in self._sizes if time <= view.now][-1]
        return Move(size, 1.0)


class Always:
    """One size, which it decides once."""

    name = "always"

    def __init__(self, size: int) -> None:
        self._size = size

    def decide(self, _: View) -> Move:
        """Return it, and ask for nothing more."""
        return Move(self._size, math.inf)


def work(service: float = 1.0, startup: float = 0.0, **fields: Any) -> Work:
    return Work(Constant(service), Constant(startup), **fields)


def pool(concurrency: int = 1, ticks: Ticks | None = None, name: str = "pool", **spec: Any) -> PlannedPool:
    """Return a pool with the defaults of its definition."""
    body = {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": "planned"},
        "spec": {
            "scaleTargetRef": {"name": "planned"},
            "queues": [{"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/planned"}],
            "maxReplicas": 100,
            "target": {"messagesPerPod": 5},
            **spec,
        },
    }
    [verdict] = validate(yaml.safe_dump(body), NOW)
    assert verdict.spec is not None, verdict.errors
    return PlannedPool(name, verdict.spec, concurrency, ticks or Ticks())
