"""What the pods of a Deployment are told of queues: environment variables that hold a queue's URL. Pure.

`targets` keeps one per Deployment, so it is small: no other value of a variable is kept, and of the rest only what a
message has to say. A value that is no URL of a queue may be a secret: it is never repeated.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from queueaddress import is_url
from queueworkerpool.errors import QueueUrlUnresolvedError
from queueworkerpool.model.queues import QueueRef, QueueVariable

MOST_CONTAINERS = 20
"""Containers of a pod that are looked at."""

MOST_VARIABLES = 32
"""Variables that are kept of a Deployment: those that hold a URL first, and of these those of the first containers."""

LONGEST_URL = 512
"""The CRD's own limit, in characters."""

_LONGEST_NAME = 253
_NAMES_A_QUEUE = re.compile(r"queue|sqs|url", re.IGNORECASE)
_FIX = "give it a literal value in the pod template, or set spec.queues[].url"


class Unusable(Enum):
    """Why the value of a variable is no queue's URL; the value is what a message says of it."""

    EMPTY = "it is empty"
    ELSEWHERE = "its value comes from elsewhere (valueFrom)"
    EXPANDED = "its value refers to other variables ($(...))"
    NO_URL = "its value is no URL of a queue"


@dataclass(frozen=True, slots=True)
class PodEnvironment:
    """The variables of a pod template that hold, or by their names may be meant to hold, a queue's URL.

    Args:
        containers: The names of its containers, those that run before the others included.
        imports: Those of them that take variables from elsewhere as a whole (envFrom).
        variables: By container and name: the URL, or why there is none.
    """

    containers: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    variables: tuple[tuple[str, str, str | Unusable], ...] = ()

    @classmethod
    def parse(cls, template: object) -> Self:
        """Parse a raw pod template. Raises nothing: what cannot be read is absent."""
        pod = _mapping(_mapping(template).get("spec"))
        raw = [*_items(pod.get("containers")), *_items(pod.get("initContainers"))][:MOST_CONTAINERS]
        containers = {name: container for container in raw if (name := _name(container))}
        # Of a repeated variable the last counts, as in a pod, whatever its value.
        values = {(name, key): value for name, container in containers.items() for key, value in _variables(container)}
        kept = [
            (*key, value) for key, value in values.items() if isinstance(value, str) or _NAMES_A_QUEUE.search(key[1])
        ]
        kept.sort(key=lambda each: isinstance(each[2], Unusable))
        return cls(
            containers=tuple(containers),
            imports=tuple(name for name, container in containers.items() if container.get("envFrom")),
            variables=tuple(kept[:MOST_VARIABLES]),
        )

    def url(self, variable: QueueVariable) -> str:
        """Return the URL that a variable holds. Raises QueueUrlUnresolvedError, which says what is wrong with it."""
        if variable.container not in self.containers:
            known = ", ".join(self.containers) or "none"
            problem = f"the pod template has no container of that name (it has: {known}): correct containerName"
            raise QueueUrlUnresolvedError(f"{variable.label}: {problem}")
        found = next((value for *key, value in self.variables if key == [variable.container, variable.name]), None)
        if isinstance(found, str):
            return found
        if found is None:
            elsewhere = "; envFrom is not looked into" if variable.container in self.imports else ""
            problem = f"the container does not set it to the URL of a queue{elsewhere}"
        else:
            problem = str(found.value)
        raise QueueUrlUnresolvedError(f"{variable.label}: {problem}: {_FIX}")

    def resolved(self, queues: Iterable[QueueRef | QueueVariable]) -> tuple[QueueRef | QueueVariable, ...]:
        """Return the queues with URLs in place of variables where they hold one; two that are one queue count once."""
        found: dict[str | QueueVariable, QueueRef | QueueVariable] = {}
        for queue in map(self._resolved, queues):
            found.setdefault(queue.url if isinstance(queue, QueueRef) else queue, queue)
        return tuple(found.values())

    def _resolved(self, queue: QueueRef | QueueVariable) -> QueueRef | QueueVariable:
        if isinstance(queue, QueueRef):
            return queue
        try:
            return QueueRef(self.url(queue), queue.region)
        except QueueUrlUnresolvedError:
            return queue


def _variables(container: Mapping[str, Any]) -> Iterator[tuple[str, str | Unusable]]:
    """Yield the variables that have a name, in their order."""
    for variable in _items(container.get("env")):
        if name := _name(variable):
            yield name, _value(variable)


def _value(variable: Mapping[str, Any]) -> str | Unusable:
    value = variable.get("value") or ""
    if variable.get("valueFrom"):
        return Unusable.ELSEWHERE
    if not isinstance(value, str) or not value:
        return Unusable.EMPTY
    if "$(" in value:
        return Unusable.EXPANDED
    return value if len(value) <= LONGEST_URL and is_url(value) else Unusable.NO_URL


def _name(raw: Mapping[str, Any]) -> str:
    """Return a name, or nothing; the same few names stand in thousands of Deployments."""
    name = raw.get("name")
    return sys.intern(name) if isinstance(name, str) and len(name) <= _LONGEST_NAME else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
