"""What is scaled: a Deployment as the watch shows it. `Target.parse` is the only reader of the raw object."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from queueworkerpool.model.environment import PodEnvironment
from queueworkerpool.model.identity import NamespacedName


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of object that can be scaled, and where the API server serves it."""

    kind: str
    group: str
    version: str
    plural: str

    def path(self, name: NamespacedName) -> str:
        """Return the path of one object."""
        return f"/apis/{self.group}/{self.version}/namespaces/{name.namespace}/{self.plural}/{name.name}"


DEPLOYMENT = Workload(kind="Deployment", group="apps", version="v1", plural="deployments")
"""The only kind that pools scale today."""

UNKNOWN_WRITER = "an unknown writer"
"""How a writer of the replicas is called that the API server does not name."""


_NOTHING_TOLD = PodEnvironment()


@dataclass(frozen=True, slots=True)
class Target:
    """A Deployment: pods asked for, pods ready, and the resourceVersion that these numbers are of.

    `rolling_out`: pods of an older template are being replaced: the Deployment is neither paused nor has it said that
    it does not get on. `settled`: there are as many pods as are asked for, so the last
    scale-in has taken its pods. `selector`: the label selector of its pods. `writer`: the field manager that last
    wrote the replicas, and when; None when that is not known, as after a scale to zero: then the API server keeps no
    record of writes of the scale subresource any more. `uid`: the object's; another one that gets its name has another.
    `generation`: it grows with each change of the spec, and stays when the status changes.
    `paused`: no pod of a new template is started. `environment`: what its pods are told of queues.
    """

    replicas: int
    ready_replicas: int
    resource_version: int
    rolling_out: bool = False
    settled: bool = False
    selector: str = ""
    writer: tuple[str, datetime | None] | None = None
    uid: str = ""
    generation: int = 0
    paused: bool = False
    environment: PodEnvironment = _NOTHING_TOLD

    def differs_in_status_only(self, other: "Target") -> bool:
        """Return whether both are the same Deployment with the same spec, in the same state of a rollout."""
        mine, others = ((each.uid, each.generation, each.replicas, each.rolling_out) for each in (self, other))
        return mine == others

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Parse a raw Deployment."""
        status, metadata = body.get("status", {}), body["metadata"]
        replicas = body["spec"].get("replicas", 1)
        current = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
        return cls(
            replicas=replicas,
            ready_replicas=status.get("readyReplicas", 0),
            resource_version=int(metadata["resourceVersion"]),
            rolling_out=_is_rolling_out(body),
            settled=current and status.get("replicas", 0) == replicas,
            selector=_selector(body["spec"].get("selector", {})),
            writer=_writer(metadata.get("managedFields", ())),
            uid=metadata.get("uid", ""),
            generation=metadata.get("generation", 0),
            paused=bool(body["spec"].get("paused")),
            environment=PodEnvironment.parse(body["spec"].get("template")),
        )


def _selector(raw: Mapping[str, Any]) -> str:
    """Return a label selector, of labels and expressions, in the form of a query."""
    labels = [f"{name}={value}" for name, value in sorted(raw.get("matchLabels", {}).items())]
    return ",".join([*labels, *(_expression(each) for each in raw.get("matchExpressions", ()))])


def _expression(raw: Mapping[str, Any]) -> str:
    key, values = str(raw["key"]), ",".join(raw.get("values") or ())
    forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}"}
    return forms[raw["operator"]]


def _is_rolling_out(body: Mapping[str, Any]) -> bool:
    status = body.get("status", {})
    if body["spec"].get("paused") or status.get("updatedReplicas", 0) >= status.get("replicas", 0):
        return False
    stuck = any(each["type"] == "Progressing" and each["status"] == "False" for each in status.get("conditions", ()))
    current = status.get("observedGeneration", 0) >= body["metadata"].get("generation", 0)
    # The verdict on an older template says nothing of this one.
    return not (current and stuck)


def _writer(managed: Iterable[Mapping[str, Any]]) -> tuple[str, datetime | None] | None:
    """Return who last wrote spec.replicas, and when, by the API server's own records."""
    owners = [entry for entry in managed if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})]
    last = max(owners, key=lambda entry: str(entry.get("time", "")), default=None)
    if last is None:
        return None
    return last.get("manager") or UNKNOWN_WRITER, datetime.fromisoformat(last["time"]) if "time" in last else None
