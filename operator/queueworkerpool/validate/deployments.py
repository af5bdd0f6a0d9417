"""What only the Deployment in the same file shows of a pool: warnings, and queues that its environment names. Pure.

`verdicts` calls it. A pool alone does not say, for example, how many messages a worker handles at the same time. It
does not judge Deployments: what cannot be read in one yields no warning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from queueaddress import AddressError
from queueworkerpool.errors import QueueUrlUnresolvedError
from queueworkerpool.model import BusyWorkers, PodEnvironment, PoolSpec, QueueRef, QueueVariable
from queueworkerpool.validate.lint import LintWarning
from queueworkerpool.validate.problems import Problem

_GRACE_SECONDS = 30
"""Kubernetes' default for terminationGracePeriodSeconds."""
_FLAG, _VARIABLE = "--concurrency", "QUEUEWORKER_CONCURRENCY"


@dataclass(frozen=True, slots=True)
class DeploymentWorkers:
    """What a Deployment's manifest says of its workers.

    Args:
        sets_replicas: Whether the manifest sets spec.replicas.
        concurrency: Messages that a worker handles at the same time; None when the manifest does not name it.
        grace_seconds: Seconds from SIGTERM to SIGKILL.
        environment: What it tells its pods of queues.
    """

    sets_replicas: bool
    concurrency: int | None
    grace_seconds: float
    environment: PodEnvironment

    @classmethod
    def parse(cls, deployment: Mapping[str, Any]) -> "DeploymentWorkers":
        """Parse a raw Deployment; a field of a wrong type counts as absent."""
        spec = _mapping(deployment.get("spec"))
        pod = _mapping(_mapping(spec.get("template")).get("spec"))
        given = [number for container in _items(pod.get("containers")) for number in _concurrency(container)]
        grace = pod.get("terminationGracePeriodSeconds")
        # What `kubectl get` prints has a uid, and always has replicas; it is not a manifest that is applied repeatedly.
        is_source = "uid" not in _mapping(deployment.get("metadata"))
        return cls(
            is_source and "replicas" in spec,
            max(given, default=None),
            grace if isinstance(grace, int) else _GRACE_SECONDS,
            PodEnvironment.parse(spec.get("template")),
        )


def has_variables(spec: PoolSpec) -> bool:
    """Return whether only a Deployment tells all of the pool's queues."""
    return any(isinstance(queue, QueueVariable) for queue in spec.queues)


def queue_problems(spec: PoolSpec, environment: PodEnvironment) -> Iterator[Problem]:
    """Yield the variables that hold no URL of a queue that the operator reads."""
    for index, queue in enumerate(spec.queues):
        if isinstance(queue, QueueVariable):
            try:
                QueueRef(environment.url(queue), queue.region).home(None)
            except (QueueUrlUnresolvedError, AddressError) as error:
                yield Problem(f"spec.queues[{index}].urlFromEnv", f"the operator refuses it: {error}")


def warnings(spec: PoolSpec, workers: DeploymentWorkers) -> Iterator[LintWarning]:
    """Yield the warnings about a pool and the Deployment that it scales."""
    name = spec.deployment
    if workers.sets_replicas:
        problem = f"the Deployment {name} sets spec.replicas, so each apply undoes the operator's size"
        yield LintWarning("spec.scaleTargetRef.name", f"{problem}: remove spec.replicas from the Deployment")
    if workers.concurrency:
        yield from (LintWarning(*warning) for warning in spec.target.worker_warnings(workers.concurrency, name))
    service = spec.target.declared_service_seconds or 0
    if spec.busy_workers is BusyWorkers.DRAIN and service > workers.grace_seconds:
        problem = (
            f"a message takes longer than the {workers.grace_seconds:g} s that the Deployment {name} gives a pod to end"
        )
        message = f"{problem}: raise its terminationGracePeriodSeconds, or set Protect"
        yield LintWarning("spec.scaleIn.busyWorkers", message)


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
