"""What the Deployments beside the pools in a file say about them. Pure.

`verdicts` calls it: a pool by itself cannot tell how many messages its workers take at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from queueworkerpool.model import BusyWorkers, PoolSpec
from queueworkerpool.validate.lint import Warned

_GRACE_SECONDS = 30
"""Kubernetes' default."""
_FLAG, _VARIABLE = "--concurrency", "QUEUEWORKER_CONCURRENCY"


@dataclass(frozen=True, slots=True)
class DeploymentWorkers:
    """What a Deployment says: whether it sets its replicas, its workers' concurrency if it names one, and their grace.

    The grace is the time from SIGTERM to SIGKILL.
    """

    sets_replicas: bool
    concurrency: int | None
    grace_seconds: float

    @classmethod
    def parse(cls, deployment: Mapping[str, Any]) -> "DeploymentWorkers":
        """Read a Deployment; what is not as it should be is not ours to judge, and says nothing."""
        spec = _mapping(deployment.get("spec"))
        pod = _mapping(_mapping(spec.get("template")).get("spec"))
        given = [number for container in _items(pod.get("containers")) for number in _concurrency(container)]
        grace = pod.get("terminationGracePeriodSeconds")
        # What `kubectl get` prints has a uid, and always has replicas: nobody applies that again and again.
        is_source = "uid" not in _mapping(deployment.get("metadata"))
        return cls(
            is_source and "replicas" in spec,
            max(given, default=None),
            grace if isinstance(grace, int) else _GRACE_SECONDS,
        )


def doubts(spec: PoolSpec, workers: DeploymentWorkers) -> Iterator[Warned]:
    """Yield the doubts about a pool and the Deployment it scales."""
    name = spec.deployment
    if workers.sets_replicas:
        problem = f"the Deployment {name} sets spec.replicas, so each apply undoes the operator's size"
        yield Warned("spec.scaleTargetRef.name", f"{problem}: remove spec.replicas from the Deployment")
    if workers.concurrency:
        yield from (Warned(*warning) for warning in spec.target.worker_warnings(workers.concurrency, name))
    service = spec.target.declared_service_seconds or 0
    if spec.busy_workers is BusyWorkers.DRAIN and service > workers.grace_seconds:
        problem = (
            f"a message takes longer than the {workers.grace_seconds:g} s that the Deployment {name} gives a pod to end"
        )
        message = f"{problem}: raise its terminationGracePeriodSeconds, or set Protect"
        yield Warned("spec.scaleIn.busyWorkers", message)


def _concurrency(container: Mapping[str, Any]) -> Iterator[int]:
    words = [word for name in ("command", "args") for word in _texts(container.get(name))]
    for word, following in pairwise([*words, ""]):
        flag, equals, value = word.partition("=")
        if flag == _FLAG:
            yield from _number(value if equals else following)
    for variable in _items(container.get("env")):
        if variable.get("name") == _VARIABLE:
            yield from _number(variable.get("value"))


def _number(text: object) -> Iterator[int]:
    if isinstance(text, str) and text.isdecimal():
        yield int(text)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
